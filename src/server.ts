/** The long-running watchdog: HTTP server, triggers and courier, from start to shutdown. */
import type { Server } from "node:http";
import type { Config, Reloaded } from "./config/config.ts";
import { span } from "./core/phrases.ts";
import { createHttpWorld } from "./http/world.ts";
import type { Ports, Trigger } from "./plugin/contract.ts";
import type { Discoverer } from "./plugin/discovery.ts";
import type { Part } from "./plugin/registry.ts";
import { loadAhead } from "./preflight.ts";
import { createReloads, type ReloadWorld } from "./reload/reload.ts";
import { release, type Setup } from "./setup.ts";
import { cronIntervalMs } from "./tick/intervals.ts";
import type { TickResult } from "./tick/report.ts";
import type { Configured } from "./tick/roster.ts";
import { type Closing, createWatchdog, type Watchdog } from "./watchdog.ts";

/** `docker stop` sends SIGKILL after 10 s: everything must end before that. */
const SHUTDOWN_GRACE_MS = 7000;
/** How long connections may take to end after the last answer. */
const DRAIN_MS = 1000;

export interface RunningServer {
  port: number;
  /** The configuration, with the services that were found on this host. */
  current(): Configured;
  /** Reads the configuration again. `why`: who asks for it, for the log. */
  reload(why: string): Promise<Reloaded>;
  /** Ends the running tick, saves the state, closes the server. Safe to call twice. */
  stop(): Promise<Closing>;
}

type StartResult = { ok: true; server: RunningServer } | { ok: false; reason: string };

/** How a running watchdog reads its configuration again. */
export interface Again extends Pick<ReloadWorld, "tracked" | "prepareAgain"> {
  /** Called with each new configuration, before anything runs on it. */
  adopting(config: Config): void;
}

export async function startServer(initial: Setup, ports: Ports, again: Again): Promise<StartResult> {
  let current = initial;
  function setPace(config: Config): void {
    for (const part of current.parts) part.intervalMs = cronIntervalMs(config);
  }
  const { config, registry } = initial;
  const watchdog = createWatchdog(initial, ports, { spread: true, onSwitch: setPace });
  const opened = await watchdog.open();
  if (!opened.ok) {
    if (opened.fault !== "locked") return { ok: false, reason: opened.reason };
    ports.log.warn(`${opened.reason} Until then every tick is skipped.`);
  }
  for (const { level, text } of await loadAhead(watchdog, registry)) ports.log[level](text);
  const ending = new AbortController();
  const [{ createApp }, { boundConnections, SERVER_TIMES }, { createAdaptorServer }] = await Promise.all([
    import("./http/app.ts"),
    import("./http/connections.ts"),
    import("@hono/node-server"),
  ]);
  const firstTickMs = ports.clock.monotonicMs() + config.startDelayMs;
  if (config.startDelayMs > 0) ports.log.info(`the first checks are made in ${span(config.startDelayMs)}`);
  const triggers = createTriggers(watchdog, ports, firstTickMs);
  async function adopt(next: Setup): Promise<void> {
    const before = current;
    await watchdog.adopt(next, () => {
      current = next;
      again.adopting(next.config);
      // The shutdown has ended the parts that were in use when it began.
      if (ending.signal.aborted) release(next.parts, []);
      triggers.adopt(next.parts);
      release(before.parts, next.parts);
    });
    for (const { level, text } of await loadAhead(watchdog, next.registry)) ports.log[level](text);
  }
  const reloads = createReloads({
    ...again,
    current: () => current,
    adopt,
    trouble: watchdog.refuse,
    ports,
    ending: ending.signal,
  });
  const app = createApp(createHttpWorld(watchdog.current, ports, watchdog, reloads, ending.signal));
  // HTTP/1.0 allows requests without a Host: they are treated as requests for this name.
  const options = { fetch: app.fetch, hostname: "localhost", serverOptions: SERVER_TIMES };
  const server = createAdaptorServer(options) as Server;
  const connections = boundConnections(server);
  const listening = await listen(server, config.host, config.port);
  if (!listening.ok) {
    await watchdog.close(0);
    return listening;
  }
  const running = [watchdog.deliver(ending.signal), reloads.watch()];
  triggers.adopt(initial.parts);

  let stopped: Promise<Closing> | undefined;
  async function stopOnce(): Promise<Closing> {
    ending.abort();
    for (const part of current.parts) part.ending.abort("the watchdog ends");
    watchdog.end();
    // The server answers until the end: a scheduler then hears "shutting down" instead of a refused connection.
    const closing = await watchdog.close(SHUTDOWN_GRACE_MS);
    await Promise.all([...running, triggers.ended()]);
    await drain(server, connections, ports);
    return closing;
  }
  const stop = () => (stopped ??= stopOnce());
  return {
    ok: true,
    server: { port: listening.port, current: watchdog.current, reload: reloads.reload, stop },
  };
}

/** Runs the triggers of the parts that are in use. */
function createTriggers(watchdog: Watchdog, ports: Ports, firstTickMs: number) {
  const known = new Set<Part>();
  const running = new Set<Promise<void>>();
  function keep(run: Promise<void>): void {
    const kept = run.finally(() => running.delete(kept));
    running.add(kept);
  }
  async function runLater(trigger: Trigger, signal: AbortSignal): Promise<void> {
    const waitMs = firstTickMs - ports.clock.monotonicMs();
    if (waitMs > 0) await ports.clock.wait(waitMs, signal);
    if (!signal.aborted) await runTrigger(trigger, watchdog.tick, ports, signal);
  }
  async function follow(watch: NonNullable<Discoverer["watch"]>, signal: AbortSignal): Promise<void> {
    watchdog.followed();
    await watch(() => void watchdog.changed(), signal).catch((error) => ports.log.error(String(error)));
  }
  return {
    /** Starts the triggers of new parts. Those of others end with their part. */
    adopt(parts: readonly Part[]): void {
      for (const part of parts) {
        if (known.has(part)) continue;
        const { triggers, discoverers } = part.brought;
        const { signal } = part.ending;
        for (const trigger of triggers.values()) keep(runLater(trigger, signal));
        for (const one of discoverers.values()) if (one.watch) keep(follow(one.watch, signal));
      }
      known.clear();
      for (const part of parts) known.add(part);
    },
    ended: () => Promise.all(running),
  };
}

async function runTrigger(
  trigger: Trigger,
  tick: () => Promise<TickResult>,
  { log }: Ports,
  ending: AbortSignal,
): Promise<void> {
  async function tickAndLog(): Promise<void> {
    const result = await tick();
    if (!result.ok) log.error(result.reason);
    else if (result.report.status === "skipped") log.debug(`tick skipped: ${result.report.reason}`);
  }
  try {
    await trigger.run(tickAndLog, ending);
  } catch (error) {
    log.error(`the trigger ${trigger.name} has ended: ${String(error)}`);
  }
}

/** `server.close()` alone would wait for clients that keep their connections alive. */
async function drain(server: Server, connections: { closeIdle(): void }, { clock }: Ports): Promise<void> {
  let closed = false;
  server.close(() => {
    closed = true;
  });
  for (let waitedMs = 0; !closed && waitedMs < DRAIN_MS; waitedMs += 20) {
    connections.closeIdle();
    await clock.wait(20);
  }
  server.closeAllConnections();
}

function listen(
  server: Server,
  host: string,
  port: number,
): Promise<{ ok: true; port: number } | { ok: false; reason: string }> {
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why =
        error.code === "EADDRINUSE" ? "something else listens there: set PORT to a free one" : error.message;
      resolve({ ok: false, reason: `cannot listen on ${host} port ${port}: ${why}` });
    });
    server.listen(port, host, () => {
      // Without this, a connection that could not be accepted (no file descriptor left) would end the process.
      server.on("error", () => {});
      const address = server.address();
      resolve({ ok: true, port: typeof address === "object" && address ? address.port : port });
    });
  });
}
