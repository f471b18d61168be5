import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import processPlugin from "../../plugins/process.ts";
import type { Restarter, ServiceTarget, Trigger, Watchdog } from "../../src/plugin.ts";
import { systemClock } from "../../src/system/clock.ts";
import { type Allowed, allowed } from "./allowed.ts";
import { until } from "./until.ts";

/** Says its pid, and every line of its life, in the file `$LOG`. */
const POLITE = 'trap "echo bye; exit 0" TERM; echo "up $$ $COLOUR $SECRET"; while :; do sleep 0.02; done';
const STUBBORN = 'trap "" TERM; echo "up $$"; while :; do sleep 0.02; done';

interface Stage {
  restarter: Allowed<Restarter>;
  /** Ends the watchdog's triggers, as its shutdown does, and waits for them. */
  shutDown(): Promise<void>;
  folder: string;
  target(script: string, more?: object): ServiceTarget;
  /** The first line of the log that matches, once it is there. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
}

function stage(t: TestContext): Stage {
  const folder = mkdtempSync(join(tmpdir(), "watchdog-process-"));
  const logFile = join(folder, "log");
  const ending = new AbortController();
  const triggers: Trigger[] = [];
  let restarter: Restarter | undefined;
  const context: Pick<Watchdog, "clock" | "env" | "restarter" | "trigger"> = {
    clock: systemClock,
    env: { PATH: process.env.PATH, SECRET: "planted" },
    restarter: (given) => {
      restarter = given;
    },
    trigger: (given) => triggers.push(given),
  };
  processPlugin({}).setup(context as Watchdog);
  const running = triggers.map((trigger) => trigger.run(async () => {}, ending.signal));
  const shutDown = async () => {
    ending.abort();
    await Promise.all(running);
  };
  t.after(async () => {
    await shutDown();
    rmSync(folder, { recursive: true });
  });
  return {
    restarter: allowed(restarter!),
    shutDown,
    folder,
    target: (script, more) => target({ command: "sh", args: ["-c", script], logFile, ...more }),
    logged: (pattern) => until(() => existsSync(logFile) && pattern.exec(readFileSync(logFile, "utf8"))),
  };
}

function target(said: object): ServiceTarget {
  const options = v.parse(processPlugin.serviceOptions!, said);
  const name = "executor";
  return { name, displayName: "Executor", url: "", container: name, timeoutMs: 100, options };
}

const never = new AbortController().signal;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that nobody has waited for yet is dead all the same.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

test("the first restart starts the process, with its own environment and none of the watchdog's secrets", async (t) => {
  const { restarter, target, logged } = stage(t);
  const result = await restarter.restart(target(POLITE, { env: { COLOUR: "blue" } }), never);
  const [, pid, rest] = await logged(/up (\d+) (.*)/);
  assert.deepEqual(result, { ok: true, reason: `started as process ${pid}` });
  assert.equal(rest?.trim(), "blue");
});

test("a restart ends the old process by SIGTERM before it starts the new one", async (t) => {
  const { restarter, target, logged } = stage(t);
  await restarter.restart(target(POLITE), never);
  const [, old] = await logged(/up (\d+)/);
  const result = await restarter.restart(target(POLITE), never);
  const [, next] = await logged(/up \d+[\s\S]*bye[\s\S]*up (\d+)/);
  assert.equal(isAlive(Number(old)), false);
  assert.equal(isAlive(Number(next)), true);
  assert.ok(result.ok, result.reason);
  assert.match(
    result.reason,
    new RegExp(`^restarted in \\d+ ms as process ${next} \\(process ${old} ended: exit status 0\\)$`),
  );
});

test("a process that ignores SIGTERM is killed when its stop timeout is over", async (t) => {
  const { restarter, target, logged } = stage(t);
  const service = target(STUBBORN, { stopTimeout: "100ms" });
  await restarter.restart(service, never);
  const [, old] = await logged(/up (\d+)/);
  const result = await restarter.restart(service, never);
  assert.ok(result.ok, result.reason);
  assert.match(result.reason, new RegExp(`process ${old} ended: killed after 100 ms`));
  assert.equal(isAlive(Number(old)), false);
});

test("a crashed process is started anew, and the reason says how it had ended", async (t) => {
  const { restarter, target, logged } = stage(t);
  await restarter.restart(target('echo "up $$"; exit 3'), never);
  const [, old] = await logged(/up (\d+)/);
  await until(() => !isAlive(Number(old)));
  const result = await restarter.restart(target(POLITE), never);
  assert.match(result.reason, new RegExp(`process ${old} (had )?ended: exit status 3`));
  await logged(/up \d+\s+up \d+/);
});

test("what a process has started ends with it, also when it crashes", async (t) => {
  const { restarter, target, logged } = stage(t);
  const script = 'sh -c "trap \\"\\" TERM; while :; do sleep 0.02; done" & echo "worker $!"';
  await restarter.restart(target(`${script}; wait`, { stopTimeout: "100ms" }), never);
  const [, worker] = await logged(/worker (\d+)/);
  await restarter.restart(target(`${script}; exit 1`), never);
  await until(() => !isAlive(Number(worker)));
  const [, second] = await logged(/worker \d+\s+worker (\d+)/);
  await until(() => !isAlive(Number(second)));
});

test("two restarts at once start one process, and the second says why it did nothing", async (t) => {
  const { restarter, target, logged } = stage(t);
  const service = target(STUBBORN, { stopTimeout: "150ms" });
  await restarter.restart(service, never);
  await logged(/up \d+/);
  const [first, second] = await Promise.all([
    restarter.restart(service, never),
    restarter.restart(service, never),
  ]);
  assert.ok(first.ok, first.reason);
  assert.ok(!second.ok && second.unknown, second.reason);
  assert.match(
    second.reason,
    /^an earlier restart, begun \d+ ms ago, has not ended: no second one was begun$/,
  );
  await logged(/up \d+\s+up \d+/);
});

test("stop ends the process and leaves it so", async (t) => {
  const { restarter, target, logged } = stage(t);
  await restarter.restart(target(POLITE), never);
  const [, pid] = await logged(/up (\d+)/);
  const stopped = await restarter.stop(target(POLITE), never);
  assert.deepEqual(stopped, { ok: true, reason: `stopped (process ${pid} ended: exit status 0)` });
  assert.equal(isAlive(Number(pid)), false);
});

test("a program or a folder that is not there is named, with what to do", async (t) => {
  const { restarter, folder } = stage(t);
  const reasons = [
    [{ command: "no-such-program" }, /there is no program "no-such-program": correct process\.command/],
    [{ command: folder }, /cannot be run: make it executable/],
    [{ command: "sh", cwd: join(folder, "gone") }, /its folder .*gone does not exist/],
    [{ command: "sh", logFile: join(folder, "gone", "log") }, /could not be started: ENOENT.*gone/],
  ] as const;
  for (const [said, pattern] of reasons) {
    const result = await restarter.restart(target(said), never);
    assert.equal(result.ok, false);
    assert.match(result.reason, pattern);
  }
});

test("a restart that is called off while the process is ending counts as nothing", async (t) => {
  const { restarter, target, logged } = stage(t);
  const service = target(STUBBORN, { stopTimeout: "1h" });
  await restarter.restart(service, never);
  await logged(/up \d+/);
  const calledOff = new AbortController();
  const restart = restarter.restart(service, calledOff.signal);
  calledOff.abort();
  const result = await restart;
  assert.ok(!result.ok && result.unknown, result.reason);
  await restarter.stop(target(STUBBORN, { stopTimeout: 0 }), never);
});

test("the processes end when the watchdog shuts down, and none is started after that", async (t) => {
  const { restarter, target, logged, shutDown } = stage(t);
  await restarter.restart(target(POLITE), never);
  const [, pid] = await logged(/up (\d+)/);
  await shutDown();
  await logged(/bye/);
  assert.equal(isAlive(Number(pid)), false);
  const result = await restarter.restart(target(POLITE), never);
  assert.ok(!result.ok && result.unknown, result.reason);
  assert.match(result.reason, /shutting down/);
});

test("the processes end when the watchdog's process ends without a goodbye", async (t) => {
  const { folder } = stage(t);
  const log = join(folder, "orphan");
  const main = fileURLToPath(new URL("fixtures/process-main.ts", import.meta.url));
  const service = target({ command: "sh", args: ["-c", STUBBORN], logFile: log });
  const how = "Deno" in globalThis ? ["run", "-A", "--no-check"] : ["--import", import.meta.resolve("tsx")];
  const args = [...how, main, JSON.stringify(service), log];
  const watchdog = spawn(process.execPath, args, { stdio: "inherit" });
  const [status] = await once(watchdog, "exit");
  assert.equal(status, 0);
  const pid = Number(/up (\d+)/.exec(readFileSync(log, "utf8"))![1]);
  await until(() => !isAlive(pid));
});

test("a service must say which program it is, and may say nothing unknown", () => {
  const accepted = v.safeParse(processPlugin.serviceOptions!, { command: "node", stopTimeout: "2s" });
  assert.deepEqual(accepted.output, { command: "node", args: [], env: {}, stopTimeout: 2000 });
  for (const wrong of [{}, { command: "" }, { command: "node", arg: [] }, { command: "a", env: { A: 1 } }]) {
    assert.equal(v.safeParse(processPlugin.serviceOptions!, wrong).success, false, JSON.stringify(wrong));
  }
});
