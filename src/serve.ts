/** The long-running watchdog: HTTP server, triggers, courier, and their end. */
import type { Server } from "node:http";
import type { Config } from "./config/config.ts";
import { emptyState } from "./core/state.ts";
import type { Ports } from "./plugin.ts";
import type { Registry } from "./plugins/registry.ts";
import { isSpread, shortestIntervalMs } from "./tick/pace.ts";
import { outboxReport, serviceDetail, statusReport } from "./tick/status.ts";
import { createWatchdog } from "./watchdog.ts";

/** `docker stop` kills after 10 s: everything has ended before. */
const SHUTDOWN_GRACE_MS = 7000;

export interface Serving {
  port: number;
  /** Ends the running tick, saves state and outbox, closes the server. Safe to call twice. */
  stop(): Promise<void>;
}

export type ServeResult = { ok: true; serving: Serving } | { ok: false; reason: string };

export async function serve(config: Config, registry: Registry, ports: Ports): Promise<ServeResult> {
  const watchdog = createWatchdog(config, registry, ports, { spread: isSpread(config) });
  const opened = await watchdog.open();
  if (!opened.ok) {
    if (opened.fault !== "locked") return { ok: false, reason: opened.reason };
    ports.log.warn(`${opened.reason} Until then every tick is skipped.`);
  }
  const intervalMs = shortestIntervalMs(config);
  const startedMs = ports.clock.monotonicMs();
  const ending = new AbortController();

  function readiness() {
    const unsaved = watchdog.ledger()?.unsaved();
    if (unsaved !== undefined) return { ok: false, reason: "the state cannot be saved" };
    const last = watchdog.lastTickMs();
    const ageMs = ports.clock.monotonicMs() - (last ?? startedMs);
    const seconds = Math.round(ageMs / 1000);
    if (ageMs < 3 * intervalMs) return { ok: true, reason: last === undefined ? "starting" : "ticking" };
    if (last === undefined) return { ok: false, reason: `no tick has completed in ${seconds} s` };
    return { ok: false, reason: `the last tick completed ${seconds} s ago` };
  }

  const [{ createApp }, { createAdaptorServer }] = await Promise.all([
    import("./http/app.ts"),
    import("@hono/node-server"),
  ]);
  const app = createApp({
    tokens: config.tokens,
    tick: watchdog.tick,
    accepting: () => !ending.signal.aborted,
    readiness,
    status: () => statusReport(watchdog.ledger()?.state, config, ports.clock.now()),
    service: async (name) => {
      const state = watchdog.ledger()?.state ?? emptyState();
      return serviceDetail(state, config, name, await watchdog.incidents.last(name, 5), ports.clock.now());
    },
    incident: watchdog.incidents.read,
    operate: watchdog.operate,
    outbox: () => outboxReport(watchdog.ledger()?.state ?? emptyState(), targetsOf(registry)),
    replay: watchdog.replay,
    now: ports.clock.now,
  });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.requestTimeout = 30_000;
  const listening = await listen(server, config.host, config.port);
  if (!listening.ok) {
    await watchdog.close(0);
    return listening;
  }
  const delivering = watchdog.deliver(ending.signal);
  const triggers = [...registry.triggers.values()].map((trigger) =>
    trigger
      .run(async () => reportFailure(await watchdog.tick(), ports), ending.signal)
      .catch((error) => ports.log.error(`the trigger ${trigger.name} has ended: ${String(error)}`)),
  );

  let stopped: Promise<void> | undefined;
  async function stopOnce(): Promise<void> {
    ending.abort();
    const closed = new Promise((done) => server.close(done));
    server.closeIdleConnections();
    await watchdog.close(SHUTDOWN_GRACE_MS);
    await Promise.all([delivering, ...triggers]);
    server.closeIdleConnections();
    await Promise.race([closed, ports.clock.wait(1000)]);
    server.closeAllConnections();
  }
  return { ok: true, serving: { port: listening.port, stop: () => (stopped ??= stopOnce()) } };
}

function targetsOf(registry: Registry): Map<string, string> {
  return new Map([...registry.sinks].map(([name, { target }]) => [name, target]));
}

function reportFailure(result: Awaited<ReturnType<ReturnType<typeof createWatchdog>["tick"]>>, ports: Ports) {
  if (!result.ok) ports.log.error(result.reason);
  else if (result.report.status === "skipped") ports.log.debug(`tick skipped: ${result.report.reason}`);
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
      const address = server.address();
      resolve({ ok: true, port: typeof address === "object" && address ? address.port : port });
    });
  });
}
