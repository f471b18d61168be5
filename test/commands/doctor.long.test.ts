/**
 * `doctor` against broken set-ups, none of them pretended: each names what is wrong and what to do about it, on lines
 * that fit a terminal, and shows no secret.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { container, docker, engineTest, uniqueName } from "../engine.ts";
import { freePort, notInstalled, pathOf } from "../installed.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

const SECRET = "planted-in-the-path";
let shop: Workshop;
let receiver: Server;
/** A set-up in which nothing is wrong. */
let well: Record<string, string>;

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
const listening = <T extends { listen(port: number, host: string, done: () => void): unknown }>(server: T) =>
  new Promise<T>((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));

before(async () => {
  shop = await openWorkshop({ toBreak: true });
  // So that another user can read the program.
  await chmod(shop.folder, 0o755);
  receiver = await listening(createServer((_, response) => response.writeHead(404).end()));
  well = {
    WATCHDOG_CONFIG: await shop.config("well", { action: "notify" }),
    STATE_FILE: join(shop.folder, "well", "state.json"),
    PORT: String(await freePort()),
    WEBHOOK_URL: `http://127.0.0.1:${portOf(receiver)}/${SECRET}`,
  };
});

after(async () => {
  receiver?.close();
  await shop?.close();
});

interface Answer {
  code: number | null;
  out: string;
  /** What is wrong, or warned of, on one line. */
  wrong: string[];
}

/** `warned`: what the program says before it is loaded. */
async function doctor(changes: Record<string, string> = {}, warned = /^$/): Promise<Answer> {
  const { exit, out, err } = shop.run(["doctor"], { ...well, ...changes });
  const code = await exit;
  assert.match(err(), warned);
  const rows = out().trimEnd().split("\n");
  for (const row of rows) assert.ok([...row].length <= 80, row);
  assert.ok(!out().includes(SECRET));
  const found = rows.join("\n").replaceAll(/\n +/g, " ").replaceAll(/ +/g, " ").split("\n");
  return { code, out: out(), wrong: found.filter((line) => /^(wrong|warn)/.test(line)) };
}

/** Exactly these are wrong. */
async function says(changes: Record<string, string>, ...expected: RegExp[]): Promise<void> {
  const { code, wrong, out } = await doctor(changes);
  assert.equal(wrong.length, expected.length, out);
  for (const [at, pattern] of expected.entries()) assert.match(wrong[at]!, pattern);
  assert.equal(code, wrong.some((line) => line.startsWith("wrong")) ? 1 : 0, out);
}

/** A configuration file with one service. */
async function config(name: string, service: object): Promise<string> {
  const path = join(shop.folder, `${name}.json`);
  await writeFile(path, JSON.stringify({ services: { web: service } }));
  return path;
}

const here = () => `http://127.0.0.1:${portOf(shop.service as unknown as Server)}/health`;

describe("with an engine", () => {
  engineTest("all is well", async () => {
    const { code, out } = await doctor();
    assert.equal(code, 0, out);
    assert.match(out, /^ok {5}services {2}1 service: 1 by http; 1 in/m);
    assert.match(out, /containers may be restarted \(none was\)/);
    assert.match(out, /^ok {5}alerts {4}webhook: 127\.0\.0\.1 port \d+ can be reached/m);
    assert.match(out, /^ok {5}clock {5}agrees with receivers/m);
    assert.match(out, /\nAll is well\.\n$/);
    const { ok, findings } = JSON.parse(await asJson());
    assert.equal(ok, true);
    assert.deepEqual(
      [...new Set(findings.map(({ about }: { about: string }) => about))],
      [...["services", "restarts", "alerts", "schedule", "clock", "disk", "state", "port"]],
    );
  });

  async function asJson(): Promise<string> {
    const { exit, out } = shop.run(["doctor", "--json"], well);
    assert.equal(await exit, 0);
    return out();
  }

  engineTest("the docker client is not in PATH", async () => {
    const folder = join(shop.folder, "bin");
    await mkdir(folder);
    for (const name of ["sh", "head", "tail", "dd"]) await symlink(pathOf(name), join(folder, name));
    await says({ PATH: folder }, /^wrong restarts the docker client is not in PATH: install it/);
  });

  engineTest("the engine's socket is missing", async () => {
    await says(
      { DOCKER_HOST: `unix://${shop.folder}/none.sock` },
      /^wrong restarts the Docker engine does not answer \(.*none\.sock.*\): start it .*or mount its socket/,
    );
  });

  engineTest("DOCKER_HOST leads elsewhere", async () => {
    await says(
      { DOCKER_HOST: "tcp://127.0.0.1:1" },
      /^wrong restarts the Docker engine does not answer \(.*\): start it .*correct DOCKER_HOST/,
    );
  });

  engineTest("the socket may not be used", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("only root can become another user");
    const path = join(shop.folder, "docker.sock");
    const proxy = createTcpServer(() => {});
    await new Promise<void>((resolve) => proxy.listen(path, resolve));
    await chmod(path, 0o600);
    await mkdir(join(shop.folder, "open"), { mode: 0o777 });
    await chmod(join(shop.folder, "open"), 0o777);
    const { wrong, out } = await doctor(
      {
        DOCKER_HOST: `unix://${path}`,
        WATCHDOG_RUN_AS: "65534:65534",
        STATE_FILE: join(shop.folder, "open", "state.json"),
      },
      /docker\.sock is for its owner 0 only .*nothing can be restarted/,
    ).finally(() => proxy.close());
    assert.equal(wrong.length, 1, out);
    assert.match(wrong[0]!, /^wrong restarts permission denied on the Docker socket: run the watchdog with/);
  });

  engineTest("the container does not exist", async () => {
    const name = uniqueName("nobody");
    await says(
      { WATCHDOG_CONFIG: await config("missing", { url: here(), container: name }) },
      new RegExp(
        `^wrong services this container does not exist, .*: ${name} \\(of web\\); create what is missing`,
      ),
    );
  });

  engineTest("no container has the host of its URL", async () => {
    await says(
      { WATCHDOG_CONFIG: await config("unplaced", { url: here() }) },
      /^wrong services web is not restarted, because no container has the host of its URL .*: name its "container"/,
    );
  });

  engineTest("a name resolves only on a network that is not ours", async (t) => {
    const network = await docker(["network", "create", uniqueName("net")]);
    const { name } = await container(t, "far", { options: ["--network", network] }).finally(() =>
      t.after(() => docker(["network", "rm", network]).catch(() => {})),
    );
    await says(
      { WATCHDOG_CONFIG: await config("far", { url: `http://${name}:8080/`, container: name }) },
      new RegExp(`^wrong services this name does not resolve here: ${name} \\(of web\\): .*network`),
    );
  });

  engineTest("no receiver; a dry run; nobody ticks", async () => {
    await says(
      { WEBHOOK_URL: "", DRY_RUN: "true", WATCHDOG_CRON: "false" },
      /^warn restarts dry run: no service is restarted, .* unset DRY_RUN/,
      /^wrong alerts no receiver is configured: .* -> set WEBHOOK_URL/,
      /^warn schedule the internal cron is off: .* call it every 1 s, or unset WATCHDOG_CRON/,
    );
  });

  engineTest("receivers that cannot be reached", async () => {
    await says(
      { WEBHOOK_URL: `http://127.0.0.1:1/${SECRET},http://nobody.invalid/${SECRET}` },
      /^wrong alerts webhook: 127\.0\.0\.1 port 1 cannot be reached: connection refused -> start it/,
      /^wrong alerts webhook-2: the name nobody\.invalid does not resolve here -> correct its address/,
    );
  });

  engineTest("a receiver whose certificate nobody vouches for, and one without TLS", async (t) => {
    const skip = notInstalled("openssl");
    if (skip) return t.skip(skip);
    const [key, cert] = [join(shop.folder, "key.pem"), join(shop.folder, "cert.pem")];
    const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    execFileSync("openssl", [...made, "-keyout", key, "-out", cert, "-days", "1", "-subj", "/CN=localhost"], {
      stdio: "ignore",
    });
    const { readFileSync } = await import("node:fs");
    const server = await listening(createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }));
    t.after(() => server.close());
    await says(
      {
        WEBHOOK_URL: `https://localhost:${portOf(server)}/${SECRET},https://127.0.0.1:${portOf(receiver)}/x`,
      },
      /^wrong alerts webhook: the certificate of localhost port \d+ is not accepted .* -> .*NODE_EXTRA_CA_CERTS/,
      /^wrong alerts webhook-2: 127\.0\.0\.1 port \d+ does not speak TLS -> write http:\/\//,
    );
  });

  engineTest("a disk that is full, or may not be written", async (t) => {
    const folder = join(shop.folder, "disk");
    await mkdir(folder);
    const run = (...words: string[]) => spawnSync(words[0]!, words.slice(1)).status;
    if (run("mount", "-t", "tmpfs", "-o", "size=64k", "watchdog-test", folder) !== 0) {
      return t.skip("a tmpfs cannot be mounted here (not root)");
    }
    t.after(() => run("umount", "--lazy", folder));
    await writeFile(join(folder, "filler"), Buffer.alloc(60 * 1024)).catch(() => {});
    const STATE_FILE = join(folder, "state.json");
    await says({ STATE_FILE }, /^wrong disk no space left for .*disk: free some space/);
    assert.equal(run("mount", "-o", "remount,ro", folder), 0);
    await says(
      { STATE_FILE },
      /^wrong disk .*disk is on a read-only file system: make it writable, or set STATE_FILE/,
    );
  });

  engineTest("the port is another program's; the address is not ours", async () => {
    await says(
      { PORT: String(portOf(receiver)) },
      /^wrong port 127\.0\.0\.1 port \d+ is taken by another program -> stop it .*or set PORT/,
    );
    await says(
      { HOST: "192.0.2.1", WATCHDOG_TOKEN: "0123456789abcdef" },
      /^wrong port 192\.0\.2\.1 port \d+ is no address of this host .* -> set HOST/,
    );
  });

  engineTest("another watchdog owns the state; beside it, all is well", async () => {
    const running = await shop.serving("other", {
      ...well,
      PORT: "0",
      STATE_FILE: join(shop.folder, "own", "state.json"),
    });
    const STATE_FILE = join(shop.folder, "own", "state.json");
    await says(
      { STATE_FILE },
      /^wrong state owned by process \d+ on host .*, until .*, and no watchdog answers here: .* -> stop that watchdog/,
    );
    const { code, out } = await doctor({ STATE_FILE, PORT: new URL(running.url).port });
    assert.equal(code, 0, out);
    assert.match(out, /^ok {5}port {6}a watchdog answers at/m);
    running.signal("SIGTERM");
    assert.equal(await running.exit, 0);
  });

  engineTest("the clock is wrong", async (t) => {
    const skip = notInstalled("faketime");
    if (skip) return t.skip(skip);
    const line = `faketime -f -3d ${shop.line(["doctor"])}`;
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...well };
    // Not synchronously: the receiver of this process has to answer.
    const { stdout, code } = await promisify(execFile)("sh", ["-c", line], { env }).catch((error) => error);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /^wrong {2}restarts {2}our clock is 72 h behind the engine's/m);
    assert.match(
      stdout,
      /^wrong {2}clock {5}our clock is 3 days behind that of 127\.0\.0\.1\n +-> set it by NTP/m,
    );
  });

  engineTest("the state is from the future", async () => {
    const STATE_FILE = join(shop.folder, "future.json");
    await writeFile(
      STATE_FILE,
      JSON.stringify({ version: 1, clockAt: new Date(Date.now() + 3 * 86_400_000) }),
    );
    await says(
      { STATE_FILE },
      /^wrong clock the state was saved 3 days in the future: the clock was set back/,
    );
  });
});

test("a wrong configuration is refused with its faults, before anything is examined", async () => {
  const { exit, out, err } = shop.run(["doctor"], { ...well, PORT: "high" });
  assert.equal(await exit, 2);
  assert.equal(out(), "");
  assert.match(err(), /env PORT: found "high"/);
});
