import type { Exit } from "../main.ts";
import { serve } from "../serve.ts";
import { start } from "./start.ts";

/** Runs until SIGTERM or SIGINT; a second signal ends at once. */
export async function serveCommand(exit: Exit): Promise<number> {
  const started = await start(exit);
  if (!started.ok) return started.exit;
  const { config, registry, ports } = started;
  const result = await serve(config, registry, ports);
  if (!result.ok) {
    ports.log.error(result.reason);
    await started.log.flush();
    return exit.failed;
  }
  // Before the first line: who waits for it may signal at once.
  const signalled = nextSignal();
  const names = [...config.services.keys()].join(", ");
  ports.log.info(`watching ${names} (${config.source}); http://${config.host}:${result.serving.port}/status`);
  const signal = await signalled;
  void nextSignal().then(() => process.exit(exit.failed));
  ports.log.info(`${signal}: ending the running tick; a second signal ends at once`);
  await result.serving.stop();
  ports.log.info("stopped; the state is saved");
  // A restart command of ours may still run in a child: the engine finishes it without us.
  process.exit(exit.ok);
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
