/** What a watchdog finds of the processes that an earlier one of the same state has left, and what it leaves alone. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type TestContext, test } from "node:test";
import * as v from "valibot";
import { createFamily } from "../../plugins/process/family.ts";
import { MARK, openMemory } from "../../plugins/process/memory.ts";
import { openProc } from "../../plugins/process/proc.ts";
import processPlugin from "../../plugins/process.ts";
import type { ServiceTarget } from "../../src/plugin.ts";
import { systemClock } from "../../src/system/clock.ts";
import { allowed } from "./allowed.ts";
import { until } from "./until.ts";

const skip = existsSync("/proc/self/stat") ? false : "there is no /proc here";
const never = new AbortController().signal;
/** Says its number in `$0`, and ends politely. */
const POLITE = 'trap "exit 0" TERM; echo $$ >"$0"; while :; do sleep 0.02; done';

function stage(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "watchdog-left-"));
  const file = join(folder, "state.json.process");
  const lines: string[] = [];
  const say = (line: string) => lines.push(line);
  const log = { debug: say, info: say, warn: say, error: say };
  const spawned: number[] = [];
  t.after(() => {
    for (const pid of spawned) if (isAlive(pid)) process.kill(pid, "SIGKILL");
    rmSync(folder, { recursive: true });
  });
  const service = (said: object = {}, name = "executor"): ServiceTarget<never> => {
    const all = { command: "sh", args: ["-c", POLITE, join(folder, `${name}.pid`)], ...said };
    const options = v.parse(processPlugin.serviceOptions!, all) as never;
    return { name, displayName: "Executor", url: "", container: name, timeoutMs: 100, options };
  };
  return {
    folder,
    file,
    lines,
    service,
    /** A new watchdog of this state; the one before it is as dead. */
    watchdog(proc = openProc()) {
      const family = createFamily({ clock: systemClock, env: { PATH: process.env.PATH }, log }, proc);
      return { ...family, restarter: allowed(family.restarter) };
    },
    /** The number of the process that has started last, once it is known. */
    async started(name = "executor", before = 0): Promise<number> {
      const path = join(folder, `${name}.pid`);
      const pid = await until(() => {
        const found = existsSync(path) && Number(readFileSync(path, "utf8"));
        return found && found !== before && found;
      });
      spawned.push(pid);
      return pid;
    },
  };
}

function isAlive(pid: number): boolean {
  const found = openProc().find(pid);
  return found !== undefined && !found.isOver;
}

/** A watchdog that starts the service, and is never heard of again. */
async function leave(s: ReturnType<typeof stage>, service = s.service()): Promise<number> {
  const first = s.watchdog();
  await first.restarter.takeOver!([service], s.file);
  const result = await first.restarter.restart(service, never);
  assert.ok(result.ok, result.reason);
  return s.started(service.name);
}

/** A process of somebody else. */
function stranger(t: TestContext): { pid: number; start: string } {
  const other = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
  t.after(() => other.kill("SIGKILL"));
  return { pid: other.pid!, start: openProc().find(other.pid!)!.start };
}

test("it is taken over, ended by a restart, and ended at the end", { skip }, async (t) => {
  const s = stage(t);
  const old = await leave(s);
  const next = s.watchdog();
  await next.restarter.takeOver!([s.service()], s.file);
  assert.equal(s.lines.at(-1), `took over process ${old} of executor, which an earlier watchdog had started`);
  const result = await next.restarter.restart(s.service(), never);
  const now = await s.started("executor", old);
  assert.match(
    result.reason,
    new RegExp(`^restarted in \\d+ m?s as process ${now} \\(process ${old} ended: SIGTERM\\)$`),
  );
  assert.equal(isAlive(old), false);
  const third = s.watchdog();
  await third.restarter.takeOver!([s.service()], s.file);
  await third.end();
  assert.equal(isAlive(now), false);
  const fourth = s.watchdog();
  await fourth.restarter.takeOver!([s.service()], s.file);
  const stopped = await fourth.restarter.stop(s.service(), never);
  assert.equal(stopped.reason, "it was not running", "what ended well is forgotten");
});

test("one that ignores SIGTERM is killed; one that had ended is said to have", { skip }, async (t) => {
  const s = stage(t);
  const stubborn = s.service({
    args: ["-c", 'trap "" TERM; echo $$ >"$0"; while :; do sleep 0.02; done', join(s.folder, "executor.pid")],
    stopTimeout: "100ms",
  });
  const old = await leave(s, stubborn);
  const next = s.watchdog();
  await next.restarter.takeOver!([stubborn], s.file);
  const killed = await next.restarter.restart(stubborn, never);
  assert.match(killed.reason, new RegExp(`process ${old} ended: killed after 100 ms`));
  const now = await s.started("executor", old);
  process.kill(-now, "SIGKILL");
  await until(() => !isAlive(now));
  const third = s.watchdog();
  await third.restarter.takeOver!([stubborn], s.file);
  const again = await third.restarter.restart(s.service(), never);
  assert.match(again.reason, new RegExp(`process ${now} had ended: nobody saw how`));
  await s.started("executor", now);
  await third.end();
});

test("what was not written down is found by its mark: a file that is gone, or could never be written", {
  skip,
}, async (t) => {
  const s = stage(t);
  const old = await leave(s);
  rmSync(s.file);
  const next = s.watchdog();
  await next.restarter.takeOver!([s.service()], s.file);
  assert.match(s.lines.at(-1)!, new RegExp(`^took over process ${old} `));
  // A folder where the file should be: nothing can be written there.
  rmSync(s.file);
  mkdirSync(s.file);
  await next.restarter.restart(s.service(), never);
  const now = await s.started("executor", old);
  assert.match(s.lines.at(-1)!, /^it could not be written down which processes run: /);
  rmSync(s.file, { recursive: true });
  const third = s.watchdog();
  await third.restarter.takeOver!([s.service()], s.file);
  assert.match(s.lines.at(-1)!, new RegExp(`^took over process ${now} `));
  await third.end();
  assert.equal(isAlive(now), false);
});

test("a number that another process has by now is never signalled", { skip }, async (t) => {
  const s = stage(t);
  const { world } = openProc();
  const other = stranger(t);
  const cases = [
    { world, pid: other.pid, start: String(Number(other.start) - 1) },
    { world: `${world}x`, pid: other.pid, start: other.start },
    // Everybody, and ourselves.
    ...[-1, 0, 1, -other.pid].map((pid) => ({ world, pid, start: other.start })),
  ];
  for (const { world, pid, start } of cases) {
    const processes = ["executor", "gone"].map((service) => ({ service, pid, start, word: "w" }));
    writeFileSync(s.file, JSON.stringify({ world, owner: "1 1", processes }));
    const next = s.watchdog();
    await next.restarter.takeOver!([s.service()], s.file);
    await next.restarter.restart(s.service(), never);
    const ours = await s.started();
    await next.end();
    next.kill();
    await until(() => !isAlive(ours));
    assert.ok(isAlive(other.pid), "the stranger lives");
    rmSync(join(s.folder, "executor.pid"));
  }
});

test("a file that is broken, or of another kind, is as if it were not there", { skip }, async (t) => {
  const s = stage(t);
  for (const text of [
    "",
    "{",
    "null",
    "[]",
    '{"processes":[]}',
    `{"world":${JSON.stringify(openProc().world)}}`,
  ]) {
    writeFileSync(s.file, text);
    await s.watchdog().restarter.takeOver!([s.service()], s.file);
  }
  assert.deepEqual(s.lines, []);
});

test("what a process has started in a session of its own is not taken for the process", {
  skip,
}, async (t) => {
  const s = stage(t);
  const daemon = join(s.folder, "daemon.pid");
  const script = `setsid sh -c 'echo $$ >"${daemon}"; exec sleep 60' & ${POLITE}`;
  const service = s.service({ args: ["-c", script, join(s.folder, "executor.pid")] });
  const old = await leave(s, service);
  const inner = await s.started("daemon");
  process.kill(-old, "SIGKILL");
  await until(() => !isAlive(old));
  const next = s.watchdog();
  await next.restarter.takeOver!([service], s.file);
  const result = await next.restarter.stop(service, never);
  assert.match(result.reason, new RegExp(`process ${old} had ended`));
  assert.ok(isAlive(inner), "it was never ours to end");
});

/** A process of a parent that is gone, as it was written down, and a worker in its group. */
async function orphan(s: ReturnType<typeof stage>, mark: string) {
  const script = join(s.folder, "script");
  writeFileSync(script, `sh -c 'echo $$ >"${s.folder}/worker.pid"; exec sleep 60' & echo $$ >"$0"; wait`);
  const start = `setsid sh -c "$(cat ${script})" ${s.folder}/executor.pid &`;
  spawn("sh", ["-c", start], { stdio: "ignore", env: { PATH: process.env.PATH, [MARK]: mark } });
  const [pid, worker] = [await s.started(), await s.started("worker")];
  const { world, find } = openProc();
  const known = { service: "executor", pid, start: find(pid)!.start, word: "w", settings: "" };
  writeFileSync(s.file, JSON.stringify({ world, owner: "1 1", processes: [known] }));
  async function dies() {
    process.kill(pid, "SIGKILL");
    await until(() => !isAlive(pid));
    assert.ok(isAlive(worker));
  }
  return { pid, worker, dies };
}

test("workers that a dead process has left are ended, whether it died before it was taken over or after", {
  skip,
}, async (t) => {
  for (const diesFirst of [true, false]) {
    const s = stage(t);
    const { markOf } = openMemory(s.file, openProc(), { warn: assert.fail } as never);
    const { pid, worker, dies } = await orphan(s, markOf("executor", "w"));
    if (diesFirst) await dies();
    const next = s.watchdog();
    await next.restarter.takeOver!([s.service()], s.file);
    if (!diesFirst) await dies();
    const result = await next.restarter.restart(s.service(), never);
    assert.match(result.reason, new RegExp(`process ${pid} had ended: nobody saw how`));
    await until(() => !isAlive(worker));
    await s.started("executor", pid);
    await next.end();
  }
});

test("a group that has the number of a dead process, and not its mark, is left alone", {
  skip,
}, async (t) => {
  const s = stage(t);
  const { worker, dies } = await orphan(s, "executor another-word somewhere");
  await dies();
  const next = s.watchdog();
  await next.restarter.takeOver!([s.service()], s.file);
  await next.restarter.restart(s.service(), never);
  await next.end();
  next.kill();
  await systemClock.wait(50);
  assert.ok(isAlive(worker));
});

test("other settings are said, and are those of the next restart", { skip }, async (t) => {
  const s = stage(t);
  const old = await leave(s, s.service({ env: { COLOUR: "blue" } }));
  const next = s.watchdog();
  const changed = s.service({ env: { COLOUR: "red" } });
  await next.restarter.takeOver!([changed], s.file);
  assert.match(s.lines.at(-1)!, /runs with earlier settings; a restart applies the new ones/);
  assert.ok(isAlive(old), "it is not restarted for that");
  await next.restarter.restart(changed, never);
  const now = await s.started("executor", old);
  assert.match(readFileSync(`/proc/${now}/environ`, "utf8"), /COLOUR=red/);
  const third = s.watchdog();
  const { length } = s.lines;
  await third.restarter.takeOver!([changed], s.file);
  assert.equal(s.lines.length, length + 1, "the same settings are worth no line");
  await third.end();
});

test("no secret of its environment is written down, and nobody else may read the file", {
  skip,
}, async (t) => {
  const s = stage(t);
  await leave(s, s.service({ env: { TOKEN: "sesame-open-1234" } }));
  assert.doesNotMatch(readFileSync(s.file, "utf8"), /sesame/);
  assert.equal(statSync(s.file).mode & 0o077, 0);
});

test("once another watchdog has taken them over, they are not this one's to end", { skip }, async (t) => {
  const s = stage(t);
  const first = s.watchdog();
  await first.restarter.takeOver!([s.service()], s.file);
  await first.restarter.restart(s.service(), never);
  const pid = await s.started();
  const content = JSON.parse(readFileSync(s.file, "utf8"));
  writeFileSync(s.file, JSON.stringify({ ...content, owner: "1 1" }));
  const result = await first.restarter.restart(s.service(), never);
  assert.ok(!result.ok && result.unknown, result.reason);
  assert.match(result.reason, /another watchdog has taken over/);
  await first.end();
  first.kill();
  assert.ok(isAlive(pid));
  const second = s.watchdog();
  await second.restarter.takeOver!([s.service()], s.file);
  await second.end();
  assert.equal(isAlive(pid), false);
});

test("where /proc is hidden, processes are started and ended as ever, and none is taken over", async (t) => {
  const s = stage(t);
  const hidden = () => openProc(join(s.folder, "no-proc"));
  assert.equal(hidden().world, "");
  const first = s.watchdog(hidden());
  await first.restarter.takeOver!([s.service()], s.file);
  assert.equal(first.isKept(), false);
  await first.restarter.restart(s.service(), never);
  const pid = await s.started();
  const second = s.watchdog(hidden());
  await second.restarter.takeOver!([s.service()], s.file);
  const stopped = await second.restarter.stop(s.service(), never);
  assert.deepEqual(stopped, { ok: true, reason: "it was not running" });
  const restarted = await first.restarter.restart(s.service(), never);
  assert.match(restarted.reason, new RegExp(`process ${pid} ended: exit status 0`));
  await s.started("executor", pid);
  await first.end();
});
