/** The stage of one act: stand-ins, a receiver of alerts, and the real watchdog between them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import processPlugin from "../../plugins/process.ts";
import { builtins } from "../../src/builtins.ts";
import type { Config } from "../../src/config/config.ts";
import { formatFaults } from "../../src/config/fault.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Ports } from "../../src/plugin.ts";
import { type Registry, setUpPlugins } from "../../src/plugins/registry.ts";
import { serve } from "../../src/serve.ts";
import { systemClock } from "../../src/shell/clock.ts";
import { createLog } from "../../src/shell/log.ts";
import { cronIntervalMs } from "../../src/tick/pace.ts";
import type { statusReport } from "../../src/tick/status.ts";
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
    const { config, registry, ports } = await setUp(folder, act, cast, receiver, audience);
    await cast.enter(config, registry);
    for (const name of Object.keys(act.roles)) await answer(`${cast.urlOf(name)}/health`);
    const served = await serve(config, registry, ports);
    if (!served.ok) throw new Error(served.reason);
    undo.push(served.serving.stop);
    const url = `http://127.0.0.1:${served.serving.port}`;
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

/** As `src/commands/start.ts` does it, with a configuration file and an environment of the demo's own. */
async function setUp(
  folder: string,
  act: Act,
  cast: Cast,
  receiver: Receiver,
  { onLog }: Audience,
): Promise<{ config: Config; registry: Registry; ports: Ports }> {
  const file = join(folder, "watchdog.config.json");
  writeFileSync(file, JSON.stringify(configFile(act, cast, receiver), null, 2), { mode: 0o600 });
  const known = { ...builtins, process: processPlugin };
  const env = { ...cast.env, WATCHDOG_CONFIG: file };
  const loaded = await loadConfig({ env, cwd: folder, plugins: known });
  if (!loaded.ok) throw new Error(formatFaults(loaded.faults, loaded.source));
  const { config } = loaded;
  const stream = { write: (line: string) => onLog(JSON.parse(line)) };
  const log = createLog({ level: "info", format: "json", redact: (text) => text, stream });
  const ports: Ports = { clock: systemClock, log, random: Math.random, env: loaded.env };
  const plugins = config.plugins.map(({ name, options }) => ({
    name,
    make: () => known[name as keyof typeof known]!(options as never),
  }));
  const set = await setUpPlugins(plugins, ports, cronIntervalMs(config));
  if (!set.ok) throw new Error(set.reason);
  return { config, registry: set.registry, ports };
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
