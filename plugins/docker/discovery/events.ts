/** Follows the engine's events, to notice at once that a container came, went or changed. */
import { spawn } from "node:child_process";
import type { Clock } from "../../../src/plugin.ts";
import type { Engine } from "../client.ts";

/** What changes what discovery finds. Health and exec events come by the second, and change nothing. */
const FILTERS = [
  ...["create", "start", "die", "destroy", "rename", "pause", "unpause"].map((event) => `event=${event}`),
  ...["connect", "disconnect"].map((event) => `event=${event}`),
];
/** `docker compose up` makes many events at once. */
const QUIET_MS = 500;
const AGAIN_MS = [1000, 2000, 5000, 10_000];
/** The engine repeats these: what happened since the last look and before the client was there is not lost. */
const SINCE = "60s";

/** docker-cli-js waits for the end of its command, and this one has none. No word of it comes from outside. */
export async function followEvents(
  engine: Engine,
  clock: Clock,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  let fails = 0;
  let pending = false;
  function notice(): void {
    if (pending) return;
    pending = true;
    void clock.wait(QUIET_MS, signal).then(() => {
      pending = false;
      if (!signal.aborted) changed();
    });
  }
  while (!signal.aborted) {
    const begunMs = clock.monotonicMs();
    await follow(engine, notice, signal);
    // Something may have happened while nobody followed.
    notice();
    fails = clock.monotonicMs() - begunMs > AGAIN_MS.at(-1)! ? 0 : fails + 1;
    await clock.wait(AGAIN_MS[Math.min(fails, AGAIN_MS.length) - 1] ?? 0, signal);
  }
}

function follow({ env, flags }: Engine, notice: () => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const filters = FILTERS.flatMap((filter) => ["--filter", filter]);
    const child = spawn(
      "docker",
      [...flags, "events", "--since", SINCE, "--format", "{{.Action}}", ...filters],
      {
        env,
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const end = () => child.kill("SIGTERM");
    function over(): void {
      signal.removeEventListener("abort", end);
      resolve();
    }
    signal.addEventListener("abort", end, { once: true });
    child.stdout.on("data", notice);
    // A client that is missing only fails.
    child.on("error", over);
    child.on("close", over);
  });
}
