/** The stage of one act: stand-ins, a receiver of alerts, and the real watchdog between them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import processPlugin from "../plugins/process.ts";
import { builtins } from "../src/builtin-plugins.ts";
import type { Config } from "../src/config/config.ts";
import { formatFaults } from "../src/config/fault.ts";
import type { statusReport } from "../src/http/views.ts";
import type { Ports } from "../src/plugin.ts";
import { createLearningRedactor } from "../src/redaction/redactor.ts";
import { type Again, startServer } from "../src/server.ts";
import { prepare, type Setup } from "../src/setup.ts";
import { systemClock } from "../src/system/clock.ts";
import { createLog } from "../src/system/log.ts";
import type { Act, Scene } from "./acts.ts";
import type { Cast } from "./cast.ts";
import { type Received, type Receiver, startReceiver } from "./receiver.ts";

export type Status = ReturnType<typeof statusReport>;
export type ServiceStatus = Status["services"][string];

/** Which process stands behind a service now. */
export interface Who {
  pid: number;
  since: number;
}

export interface LogLine {
  time: string;
  level: string;
  message: string;
  event_type?: string;
  topic?: string;
}

export interface Stage {
  act: Act;
  receiver: Receiver;
  /** Where the watchdog answers. */
  url: string;
  status(): Promise<Status>;
  break(scene: Scene): Promise<void>;
  who(service: string): Promise<Who>;
  close(): Promise<void>;
}

export interface Audience {
  onLog(line: LogLine): void;
  onAlert(received: Received): void;
}

/** What is made is also unmade when a later step fails. */
export async function openStage(act: Act, makeCast: MakeCast, audience: Audience): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "spreadpilot-demo-"));
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const receiver = await startReceiver(audience.onAlert);
    undo.push(receiver.close);
    const cast = await makeCast(act);
    undo.push(cast.end);
    const { setup, ports, again } = await setUp(folder, act, cast, receiver, audience);
    await cast.enter(setup.config, setup.registry);
    for (const name of Object.keys(act.roles)) await answer(`${cast.urlOf(name)}/health`);
    const served = await startServer(setup, ports, again);
    if (!served.ok) throw new Error(served.reason);
    undo.push(served.server.stop);
    const url = `http://127.0.0.1:${served.server.port}`;
    return {
      act,
      receiver,
      url,
      status: async () => JSON.parse(await ask(`${url}/status`)),
      break: async ({ service, mode }) => void (await ask(`${cast.urlOf(service)}/break?mode=${mode}`)),
      who: async (service) => JSON.parse(await ask(`${cast.urlOf(service)}/who`)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

export type MakeCast = (act: Act) => Promise<Cast>;

/** As `src/commands/bootstrap.ts` does it, with a configuration file and an environment of the demo's own. */
async function setUp(
  folder: string,
  act: Act,
  cast: Cast,
  receiver: Receiver,
  { onLog }: Audience,
): Promise<{ setup: Setup; ports: Ports; again: Again }> {
  const file = join(folder, "watchdog.config.json");
  writeFileSync(file, JSON.stringify(configFile(act, cast, receiver), null, 2), { mode: 0o600 });
  const known = { ...builtins, process: processPlugin };
  const env = { ...cast.env, WATCHDOG_CONFIG: file };
  const stream = { write: (line: string) => onLog(JSON.parse(line)) };
  const { redact, learn } = createLearningRedactor();
  const log = createLog({ level: "info", format: "json", redact, stream });
  const origin = { env, cwd: folder, builtIn: known };
  const portsWith = (config: Config, env: Ports["env"]): Ports => {
    learn(config.secrets);
    return { clock: systemClock, log, random: Math.random, env, redact };
  };
  const prepared = await prepare(origin, portsWith);
  if (!prepared.ok) throw new Error(formatFaults(prepared.faults, prepared.source));
  const { setup, tracked } = prepared;
  const prepareAgain: Again["prepareAgain"] = (before) => prepare(origin, portsWith, before);
  const ports = portsWith(setup.config, env);
  return { setup, ports, again: { tracked, prepareAgain, adopting() {} } };
}

function configFile(act: Act, cast: Cast, { url, secret }: Receiver): object {
  const services = Object.entries(act.roles).map(([name, role]) => [
    name,
    {
      displayName: role.displayName,
      url: `${cast.urlOf(name)}/health`,
      interval: "1s",
      timeout: "800ms",
      failureThreshold: 3,
      ...(role.needsDatabase ? { dependsOn: ["database"] } : {}),
      ...cast.settingsOf(name),
    },
  ]);
  return {
    services: Object.fromEntries(services),
    plugins: { ...cast.plugins, webhook: { url, secret } },
    host: "127.0.0.1",
    port: 0,
    stateFile: "state.json",
  };
}

async function ask(url: string): Promise<string> {
  const answered = await fetch(url, { signal: AbortSignal.timeout(2000), redirect: "error" });
  return answered.text();
}

async function answer(url: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    if (
      await ask(url).then(
        () => true,
        () => false,
      )
    )
      return;
    if (Date.now() > deadline) throw new Error(`the stand-in at ${url} did not answer in 10 s`);
    await systemClock.wait(50);
  }
}
