import { howWatched, survey } from "../doctor/survey.ts";
import { listed, type Notice, noticesOf } from "../preflight.ts";
import { type RunningServer, startServer } from "../server.ts";
import { bootstrap } from "./bootstrap.ts";
import { EXIT } from "./command.ts";

const LOST =
  "the state could not be saved, and what happened since the last save is lost (failures, restarts, waiting alerts)";

/** Runs until SIGTERM or SIGINT; a second signal ends it at once. SIGHUP makes it read its configuration again. */
export async function serveCommand(): Promise<number> {
  let server: RunningServer | undefined;
  // It also comes when a terminal closes: the watchdog must go on then.
  process.on("SIGHUP", () => void server?.reload("SIGHUP"));
  // Writing to a terminal that was closed fails, and must not end the process.
  process.stderr.on("error", () => {});
  const { log, ports, tracked, prepareAgain, adoptLog, ...setup } = await bootstrap();
  const result = await startServer(setup, ports, { tracked, prepareAgain, adopting: adoptLog });
  if (!result.ok) {
    ports.log.error(result.reason);
    await log.flush();
    process.exit(EXIT.failed);
  }
  server = result.server;
  const { config, registry } = server.current();
  // Listen before the first line of the log: whoever waits for that line may send a signal at once.
  const signalled = nextSignal();
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const url = `http://${host}:${result.server.port}`;
  ports.log.info(`watching ${listed([...config.services.keys()])} (${howWatched(config)}); ${url}/status`);
  const tell = (notices: readonly Notice[]) => {
    for (const { level, text } of notices) ports.log[level](text);
  };
  tell(config.notices);
  tell(noticesOf(config, registry, url));
  void survey(setup, ports).then(({ notices }) => {
    // What discovery says is told by the watchdog itself.
    tell(notices.filter(({ about }) => about !== "discovery"));
  });
  const signal = await signalled;
  void nextSignal().then(() => process.exit(EXIT.failed));
  ports.log.info(`${signal}: finishing the running tick; a second signal ends at once`);
  const closing = await result.server.stop();
  if (closing.state === "unsaved") ports.log.error(`stopped; ${LOST}: ${closing.reason}`);
  else if (closing.state === "saved") ports.log.info("stopped; the state is saved");
  else ports.log.info("stopped; there was nothing to save: another process holds the state");
  await log.flush();
  // Exits explicitly: a docker command may still run as a child, and the engine finishes it without us.
  process.exit(closing.state === "unsaved" ? EXIT.failed : EXIT.ok);
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    const handlers = (["SIGTERM", "SIGINT"] as const).map((signal) => {
      const handler = () => {
        for (const [other, handle] of handlers) process.off(other, handle);
        resolve(signal);
      };
      process.on(signal, handler);
      return [signal, handler] as const;
    });
  });
}
