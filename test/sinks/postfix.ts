/**
 * Debian's Postfix, with its configuration and its spool in a folder of the test's own, on a free port of
 * loopback: it offers STARTTLS with a certificate that nobody vouches for, as Debian's package does.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, maySkip, notInstalled, pathOf } from "../installed.ts";

/** Delivers into the mailboxes; Postfix refuses to do so as root. */
const NOBODY = 65_534;
const MASTER = [
  "cleanup   unix  n - n - 0 cleanup",
  "qmgr      unix  n - n 300 1 qmgr",
  "tlsmgr    unix  - - n 1000? 1 tlsmgr",
  "rewrite   unix  - - n - - trivial-rewrite",
  "bounce    unix  - - n - 0 bounce",
  "defer     unix  - - n - 0 bounce",
  "trace     unix  - - n - 0 bounce",
  "proxymap  unix  - - n - - proxymap",
  "error     unix  - - n - - error",
  "retry     unix  - - n - - error",
  "virtual   unix  - n n - - virtual",
  "anvil     unix  - - n - 1 anvil",
  "postlog   unix-dgram n - n - 1 postlogd",
];

export interface Postfix {
  port: number;
  /** Resolves when a line of its log, past or to come, matches. */
  logged(pattern: RegExp): Promise<void>;
  /** The mails that arrived so far, each as a whole. */
  mails(): Promise<string[]>;
  stop(): Promise<void>;
}

export function noPostfix(): string | false {
  if (maySkip && process.getuid?.() !== 0) return "only root can start Postfix";
  return notInstalled("postfix");
}

/** `settings` are further lines of `main.cf`. */
export async function startPostfix(settings: readonly string[] = []): Promise<Postfix> {
  const folder = await mkdtemp(join(tmpdir(), "watchdog-postfix-"));
  await chmod(folder, 0o755);
  const [config, mail, port] = [join(folder, "config"), join(folder, "mail"), await freePort()];
  for (const name of ["config", "queue", "data", "mail"]) await mkdir(join(folder, name));
  await chown(mail, NOBODY, NOBODY);
  await chown(join(folder, "data"), await idOf("postfix"), 0);
  await writeFile(join(config, "main.cf"), [...mainOf(folder), ...settings, ""].join("\n"));
  await writeFile(join(config, "master.cf"), [`${port} inet n - n - - smtpd`, ...MASTER, ""].join("\n"));
  for (const part of ["cert", "key"]) {
    const own = new URL(`../plugins/fixtures/self-signed-test-only.${part}.pem`, import.meta.url);
    copyFileSync(own, join(config, `${part}.pem`));
  }

  // Postfix opens /dev/stdout by its name, which a pipe of Node's does not allow.
  const output = await open(join(folder, "log"), "a+");
  const child = spawn(pathOf("postfix"), ["-c", config, "start-fg"], {
    stdio: ["ignore", output.fd, output.fd],
  });
  const ended = once(child, "exit");
  const log = () => readFile(join(folder, "log"), "utf8");

  async function logged(pattern: RegExp): Promise<void> {
    while (!pattern.test(await log())) await delay(20);
  }

  async function stop(): Promise<void> {
    const pid = await readFile(join(folder, "queue/pid/master.pid"), "utf8").catch(() => "");
    // `start-fg` is a script that waits for the master.
    if (pid.trim() !== "" && child.exitCode === null) process.kill(Number(pid), "SIGTERM");
    await ended;
    await output.close();
    await rm(folder, { recursive: true, force: true });
  }

  await Promise.race([logged(/daemon started/), ended]);
  if (child.exitCode !== null) {
    const said = await log();
    await stop();
    throw new Error(`postfix ended with ${child.exitCode} before it was ready: ${said}`);
  }
  return { port, logged, mails: () => mailsIn(join(mail, "box/new")), stop };
}

function mainOf(folder: string): string[] {
  return [
    "compatibility_level = 3.6",
    `queue_directory = ${folder}/queue`,
    `data_directory = ${folder}/data`,
    "maillog_file = /dev/stdout",
    "inet_interfaces = loopback-only",
    "myhostname = debian.localdomain",
    "mydestination =",
    "smtpd_relay_restrictions = reject_unauth_destination",
    `smtpd_tls_cert_file = ${folder}/config/cert.pem`,
    `smtpd_tls_key_file = ${folder}/config/key.pem`,
    "smtpd_tls_security_level = may",
    "virtual_mailbox_domains = example.com",
    `virtual_mailbox_base = ${folder}/mail`,
    "virtual_mailbox_maps = static:box/",
    `virtual_uid_maps = static:${NOBODY}`,
    `virtual_gid_maps = static:${NOBODY}`,
  ];
}

async function mailsIn(box: string): Promise<string[]> {
  const names = await readdir(box).catch(() => []);
  return Promise.all(names.map((name) => readFile(join(box, name), "utf8")));
}

async function idOf(user: string): Promise<number> {
  const line = (await readFile("/etc/passwd", "utf8")).split("\n").find((one) => one.startsWith(`${user}:`));
  return Number(line!.split(":")[2]);
}
