/** Stops the owner of a state for longer than its lease, again and again, and counts what came of it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seeded } from "../simulation/random.ts";
import { LEASE_MS, type Member, type Pair, type PairOptions, startPair } from "./pair.ts";

/** When the owner is stopped. */
const MOMENTS = ["in the check", "before the save", "in evidence", "in the queue", "at any time"] as const;
type Moment = (typeof MOMENTS)[number];
/** After this, the owner is stopped at whatever moment it is. */
const LONGEST_WAIT_MS = 5000;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CHILD = "test/ownership/pause-child.ts";
const random = seeded(Number(process.env.SEED ?? 7));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the runtime is told to run: a bundle starts in a fraction of the time. */
function buildProgram(folder: string): string[] {
  if ("Deno" in globalThis) {
    return ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json"), join(ROOT, CHILD)];
  }
  const build = ["--import", "tsx", "scripts/build.ts", "--entry", CHILD, "--out", join(folder, "built")];
  const built = spawnSync(process.execPath, build, { cwd: ROOT, encoding: "utf8" });
  assert.equal(built.status, 0, built.stderr);
  return [join(folder, "built", "cli.js")];
}

export interface Counts {
  runs: number;
  restarts: number;
  /** Runs in which a process came back too late and said so. */
  late: number;
  alerts: number;
  /** Containers that were restarted twice for one decision. */
  doubles: number;
  /** Restarts by a process that did not own the state. */
  strangers: number;
}

/** Plays `count` runs, as many at once as there are `places` to play them. The first that fails ends them. */
export async function playRuns(
  count: number,
  places: readonly PairOptions[],
  folder: string,
): Promise<Counts> {
  const program = buildProgram(folder);
  const counts: Counts = { runs: 0, restarts: 0, late: 0, alerts: 0, doubles: 0, strangers: 0 };
  let begun = 0;
  let failed = false;
  const workers = places.map(async (place) => {
    while (begun < count && !failed) {
      const run = begun++;
      const moment = MOMENTS[run % MOMENTS.length]!;
      try {
        await play(await startPair(folder, program, place), moment, counts);
      } catch (error) {
        failed = true;
        throw new Error(`run ${run}, stopped ${moment}: ${(error as Error).message}`);
      }
    }
  });
  await Promise.all(workers);
  return counts;
}

async function play(pair: Pair, moment: Moment, counts: Counts): Promise<void> {
  try {
    const reached = reach(pair, moment);
    pair.world.down = true;
    await reached;
    const late = await stopOwner(pair);
    await pause(300);
    if (late.lines.some((line) => /nothing was done|did not begin/.test(line))) counts.late++;
    await stopOwner(pair);
    // Whoever owns the state now delivers what waits, by itself.
    pair.world.receiving = true;
    const heard = () => new Set(pair.alerts.map(({ params }) => params.component_name));
    await until(() => pair.services.every((name) => heard().has(name)), "news of every service");
    judge(pair, await pair.commands(), counts);
  } catch (error) {
    const said = pair.members.map(({ name, lines }) => `${name}:\n  ${lines.slice(-20).join("\n  ")}`);
    throw new Error(`${(error as Error).message}\n${said.join("\n")}`);
  } finally {
    await pair.close();
  }
}

async function reach(pair: Pair, moment: Moment): Promise<void> {
  if (moment === "at any time") return void (await pause(random.between(0, 500)));
  const call = moment === "in evidence" ? "logs" : moment === "in the queue" ? "restart" : "check";
  // On a machine that is too busy to collect evidence in time, there is no such moment.
  await Promise.race([pair.next(call), pause(LONGEST_WAIT_MS)]);
  // Between the answers to the checks and the save lie the look at the containers and a few ms.
  if (moment === "before the save") await pause(random.between(0, 60));
  if (moment === "in the queue") await pause(random.between(0, 100));
}

/** Stops the owner until the other has taken over, and a little longer. Returns the one that was stopped. */
async function stopOwner(pair: Pair): Promise<Member> {
  const owner = await pair.owner();
  owner.child.kill("SIGSTOP");
  owner.lines.length = 0;
  await until(async () => (await pair.owner()) !== owner, "a takeover");
  await pause(random.between(0, LEASE_MS / 4));
  owner.child.kill("SIGCONT");
  return owner;
}

function judge(pair: Pair, commands: Awaited<ReturnType<Pair["commands"]>>, counts: Counts): void {
  const pids = new Map(pair.members.map(({ name, child }) => [name, child.pid]));
  const strangers = commands.filter(({ by, lockPid }) => pids.get(by) !== lockPid);
  const containers = commands.map(({ container }) => container);
  const doubles = containers.filter((container, index) => containers.indexOf(container) !== index);
  counts.runs++;
  counts.restarts += commands.length;
  counts.alerts += pair.alerts.length;
  counts.strangers += strangers.length;
  counts.doubles += doubles.length;
  assert.deepEqual(strangers, [], "restarts by a process that did not own the state");
  assert.deepEqual(doubles, [], "containers that were restarted twice for one decision");
}

async function until(met: () => boolean | Promise<boolean>, what: string, withinMs = 20_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await met())) {
    if (Date.now() > deadline) throw new Error(`${what}: not in ${withinMs} ms`);
    await pause(10);
  }
}
