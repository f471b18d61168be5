/** The docker plugin's restarter in a context of the test's own. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import * as v from "valibot";
import docker, { dockerOptions } from "../../plugins/docker.ts";
import type { Clock, Restarter, ServiceTarget, Watchdog } from "../../src/plugin.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { type Allowed, allowed } from "./allowed.ts";

export const clock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done() {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      }
      signal?.addEventListener("abort", done);
      if (signal?.aborted) done();
    }),
};

export type DockerRestarter = Allowed<Required<Restarter>> & { logged: string[] };

/** `settings` as in the file. `env` is laid over this process's own. */
export async function dockerRestarter(
  settings: Record<string, unknown> = {},
  env: Record<string, string> = {},
): Promise<DockerRestarter> {
  const logged: string[] = [];
  const keep = (message: string) => void logged.push(message);
  const made: Restarter[] = [];
  const watchdog: Watchdog = {
    clock,
    log: { debug: keep, info: keep, warn: keep, error: keep },
    random: () => 0.5,
    redact: createRedactor(),
    env: { ...process.env, ...env },
    intervalMs: 15_000,
    ending: new AbortController().signal,
    check() {},
    restarter: (restarter) => void made.push(restarter),
    sink() {},
    trigger() {},
    hook() {},
    discoverer() {},
  };
  await docker(v.parse(dockerOptions, settings)).setup(watchdog);
  return { ...allowed(made[0] as Required<Restarter>), logged };
}

export function service(container: string, options: { stopTimeout?: number } = {}): ServiceTarget {
  return { name: "x", displayName: "X", url: "http://x/health", container, timeoutMs: 5000, options };
}

export const never = new AbortController().signal;

export interface FakeClient {
  /** Overrides PATH, so that this client is the one that is found. */
  env: { PATH: string };
  /** The arguments of every call so far, one text each. */
  calls(): string[];
  /** Waits until a call begins so. */
  called(beginning: string): Promise<void>;
  /** Ends every `hang`. */
  open(): void;
}

/**
 * A `docker` of the test's own, a shell script. In it, `hang` waits until `open()` or the test's end, and
 * `real` runs the client of this machine with the given arguments.
 */
export function fakeClient(t: TestContext, script: string): FakeClient {
  const folder = mkdtempSync(join(tmpdir(), "watchdog-client-"));
  const gate = join(folder, "gate");
  const log = join(folder, "calls");
  writeFileSync(gate, "");
  writeFileSync(log, "");
  const path = process.env.PATH ?? "";
  const head = `#!/bin/sh
printf '%s\\n' "$*" >>'${log}'
hang() { while [ -e '${gate}' ]; do sleep 0.05; done; }
real() { PATH='${path}' docker "$@"; }
`;
  writeFileSync(join(folder, "docker"), head + script);
  chmodSync(join(folder, "docker"), 0o755);
  chmodSync(folder, 0o755);
  const open = () => rmSync(gate, { force: true });
  t.after(() => {
    open();
    rmSync(folder, { recursive: true, force: true });
  });
  const calls = () => readFileSync(log, "utf8").split("\n").filter(Boolean);
  return {
    env: { PATH: `${folder}:${path}` },
    calls,
    called: async (beginning) => {
      while (!calls().some((call) => call.startsWith(beginning))) await clock.wait(10);
    },
    open,
  };
}
