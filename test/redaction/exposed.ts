/** A watchdog in which everything that can say something says one text, and every place where the text comes out. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { builtins } from "../../src/builtin-plugins.ts";
import { formatFaults } from "../../src/config/fault.ts";
import { loadConfig } from "../../src/config/load.ts";
import { createApp } from "../../src/http/app.ts";
import { createHttpWorld } from "../../src/http/world.ts";
import { setUpPlugins } from "../../src/plugin/registry.ts";
import { type Alert, definePlugin, type HttpSink, type Ports } from "../../src/plugin.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { secretsOfEnvironment } from "../../src/redaction/secrets.ts";
import { createLog } from "../../src/system/log.ts";
import { createWatchdog } from "../../src/watchdog.ts";
import { realClock } from "../sinks/contract.ts";
import { startReceiver } from "../sinks/receiver.ts";

const STARTED = "2020-01-01T00:00:00Z";

/** A docker client whose container says `text` in its log, in its health checks and as it fails to restart. */
async function installDocker(folder: string, text: string): Promise<void> {
  await mkdir(join(folder, "bin"));
  const State = {
    Status: "running",
    StartedAt: STARTED,
    Error: text,
    Health: { Status: "unhealthy", Log: [{ ExitCode: 1, Output: text }] },
  };
  await writeFile(join(folder, "text"), text);
  await writeFile(join(folder, "log"), `${STARTED} ${text}`);
  await writeFile(join(folder, "inspect"), JSON.stringify([{ Id: "0".repeat(64), Name: "/app", State }]));
  const script = `#!/bin/sh
case "$1" in
inspect) cat '${folder}/inspect' ;;
logs) cat '${folder}/log' ;;
*) cat '${folder}/text' >&2; exit 1 ;;
esac
`;
  await writeFile(join(folder, "bin/docker"), script);
  await chmod(join(folder, "bin/docker"), 0o755);
}

/** Its check, its sinks and its hook say `text`. */
function talker(text: string, url: string, sent: Alert[]) {
  return definePlugin(
    () => ({
      name: "talker",
      setup(watchdog) {
        watchdog.check({ name: "talker", run: async () => ({ ok: false, reason: text }) });
        watchdog.sink({
          name: "direct",
          target: "somewhere",
          deliver: async () => ({ outcome: "rejected", reason: text }),
        });
        const overHttp: HttpSink = {
          name: "http",
          target: "somewhere",
          format(alert) {
            sent.push(alert);
            return { url, method: "POST", headers: {}, body: "" };
          },
          classify: () => ({ outcome: "retry", reason: text }),
        };
        watchdog.sink(overHttp);
        watchdog.hook({ name: "talker", ticked: () => Promise.reject(new Error(text)) });
      },
    }),
    { options: v.looseObject({}) },
  );
}

/** Its options are never right, and it says so with `text`. */
function grumbler(text: string) {
  const wrong = () => {
    throw new Error(text);
  };
  return definePlugin(() => ({ name: "grumbler", setup() {} }), { options: v.pipe(v.any(), v.check(wrong)) });
}

/** Where the watchdog has secrets from: the options of a plugin of somebody's own, and the environment. */
export interface Known {
  options?: object;
  env?: Record<string, string>;
}

/** What came out where everything says `text`, by who showed it. */
export async function exposed(
  text: string,
  { options = {}, env: given = {} }: Known,
): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "watchdog-exposed-"));
  const receiver = await startReceiver();
  const sent: Alert[] = [];
  receiver.answers({ status: 200 });
  await installDocker(folder, text);
  const env = { ...given, WATCHDOG_CONFIG: "/c.json", STATE_FILE: join(folder, "state/state.json") };
  const plugins = { ...builtins, talker: talker(text, receiver.url, sent), grumbler: grumbler(text) };
  const load = (also: object) =>
    loadConfig({
      env: { ...env, PATH: `${folder}/bin:${process.env.PATH}` },
      cwd: folder,
      plugins,
      readFile: async () =>
        JSON.stringify({
          services: { app: { check: "talker", container: "app", failureThreshold: 1, url: "http://app/" } },
          plugins: { cron: false, talker: options, ...also },
        }),
    });
  const refused = await load({ grumbler: true });
  const loaded = await load({});
  if (refused.ok || !loaded.ok) throw new Error(JSON.stringify(loaded));
  const { config } = loaded;
  const redact = createRedactor([...config.secrets, ...secretsOfEnvironment(loaded.env)]);
  const lines: Record<"json" | "pretty", string> = { json: "", pretty: "" };
  const logOf = (format: "json" | "pretty") =>
    createLog({ level: "debug", format, redact, stream: { write: (line) => (lines[format] += line) } });
  const logs = [logOf("json"), logOf("pretty")] as const;
  const both = (level: "debug" | "info" | "warn" | "error") => (message: string, fields?: object) => {
    for (const log of logs) log[level](message, { ...fields });
  };
  const ports: Ports = {
    clock: realClock,
    log: {
      isDebug: true,
      debug: both("debug"),
      info: both("info"),
      warn: both("warn"),
      error: both("error"),
    },
    random: Math.random,
    env: loaded.env,
    redact,
  };
  const named = config.plugins.map(({ name, options }) => ({
    name,
    options,
    factory: plugins[name as keyof typeof plugins]!,
  }));
  const set = await setUpPlugins(named, ports, 1000);
  if (!set.ok) throw new Error(set.reason);
  const configured = { config, registry: set.registry };
  const watchdog = createWatchdog(configured, ports);
  const ending = new AbortController();
  const reloads = { reload: () => Promise.reject(new Error("no reload")), report: () => ({}) as never };
  const app = createApp(createHttpWorld(() => configured, ports, watchdog, reloads, ending.signal));
  const ask = async (path: string) => (await app.request(path)).text();
  ports.log.info(text, { said: text });
  await watchdog.tick();
  const delivering = watchdog.deliver(ending.signal);
  let outbox = "";
  for (let look = 0; look < 100 && !/"dead_letters":\[\{/.test(outbox); look++) {
    await realClock.wait(20);
    outbox = await ask("/outbox");
  }
  const status = await ask("/status");
  const service = await ask("/services/app");
  ending.abort();
  await watchdog.close(1000);
  await delivering;
  for (const log of logs) await log.flush();
  const kept = (await readdir(join(folder, "state"), { recursive: true, withFileTypes: true })).filter(
    (one) => one.isFile(),
  );
  const files = await Promise.all(
    kept.map(async (one) => [one.name, await readFile(join(one.parentPath, one.name), "utf8")] as const),
  );
  const evidence = files.filter(([name]) => name.startsWith("inc_")).map(([, content]) => content);
  const state = files.filter(([name]) => !name.startsWith("inc_")).map(([, content]) => content);
  const { entries, dead_letters: dead } = JSON.parse(outbox);
  await receiver.close();
  await rm(folder, { recursive: true });
  return {
    "a line of the log": lines.pretty,
    "a line of JSON": lines.json,
    "a fault": formatFaults(refused.faults),
    "/status": status,
    "/services": service,
    "/outbox": JSON.stringify(entries),
    "a dead letter": JSON.stringify(dead),
    "an alert": JSON.stringify(sent),
    evidence: evidence.join("\n"),
    "the state on disk": state.join("\n"),
  };
}
