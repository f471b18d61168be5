/**
 * A random world around the real tick: services that flap, hang, die and return, depend on each other and
 * start slowly; restarts that fail, hang or lie; an engine that is away; people who pause and resume; a
 * receiver that refuses; a configuration that is reloaded; a clock that jumps; a process that dies after any step and loads again, or sleeps at one
 * and wakes after another process has taken the state over.
 */
import { createFakeClock } from "./clock.ts";
import type { Judge } from "./judge.ts";
import { createMachine, type Process } from "./process.ts";
import { seeded } from "./random.ts";
import { createTown } from "./town.ts";

const INTERVAL_MS = 15_000;

export interface Settings {
  seed: number;
  faultTicks: number;
  quietTicks: number;
}

export async function playWorld({ seed, faultTicks, quietTicks }: Settings, judge: Judge): Promise<void> {
  const random = seeded(seed);
  const clock = createFakeClock(Date.UTC(2026, 10, 23));
  const town = createTown(random, clock, judge);
  const sinkNames = ["first", "second"].slice(0, Math.ceil(random.between(0, 2)));
  const refusing = new Set<string>();
  // What a process knew of a jump dies with it: a world has the one or the other.
  const jumps = random.chance(0.3);
  judge.begin(
    town,
    () => clock.monotonicMs(),
    () => clock.now(),
    jumps,
  );
  let faults = true;
  const machine = createMachine({
    random,
    clock,
    town,
    judge,
    ...(random.chance(0.3) ? { brake: { share: 0.5, min: 2, windowMs: 60_000 } } : {}),
    sinkNames,
    refusing,
    deadly: () => faults && !jumps,
    clockJumps: () => faults && jumps,
  });

  function stir(): void {
    town.stir();
    for (const sink of sinkNames) {
      if (random.chance(0.05)) refusing.add(sink);
      else if (random.chance(0.3)) refusing.delete(sink);
    }
  }

  /** What a person asks for is done at once, or refused. */
  function ask(action: "pause" | "resume" | "restart", service: string): void {
    const untilAt = clock.now() + random.between(30_000, 120_000);
    const request = { action, service, origin: "anna", ...(action === "pause" ? { untilAt } : {}) };
    // A process may die after it did what was asked and before it said so.
    if (action === "resume") judge.forgave(service);
    void process.ticker.operate(request).then(({ code }) => {
      if (code === "done" && action !== "restart") judge.meddled(action, service, untilAt);
    });
  }

  function meddle(): void {
    if (!random.chance(0.03)) return;
    const service = random.chance(0.2) ? "" : random.pick([...town.policies.keys()]);
    ask(random.pick(["pause", "resume", "restart"] as const), service);
  }

  /** At some moment of a tick, services leave or return, and some are configured in another way. */
  async function reconfigure(): Promise<void> {
    await clock.wait(random.between(0, INTERVAL_MS));
    if (!faults || !process.isAwake()) return;
    const away = town.leaves.filter(() => random.chance(0.4));
    const anew = town.leaves.filter(() => random.chance(0.3));
    const policies = [...town.policies].flatMap(([name, policy]) => {
      const changed = { ...policy, successThreshold: random.chance(0.5) ? 1 : 2 };
      return away.includes(name) ? [] : [[name, changed] as const];
    });
    await process.reload(new Map(policies), anew);
  }

  // Where the disk cannot be seen, the brake waits for 30 min.
  const lastTicks = town.diskIsSeen ? quietTicks : quietTicks + 60;
  const earlier: Process[] = [];
  let process = machine.start();
  for (let tick = 0; tick < faultTicks + lastTicks; tick++) {
    if (process.isOver()) {
      // One that sleeps is not stopped: it wakes, and must see by itself that it is too late.
      judge.superseded();
      earlier.push(process);
      process = machine.start();
    }
    if (tick < faultTicks) {
      stir();
      if (process.isAwake()) meddle();
      if (random.chance(0.08)) void reconfigure();
    } else if (tick === faultTicks) {
      faults = false;
      refusing.clear();
      town.calm();
    }
    // All are back, also where a process slept through the end of the faults.
    if (tick === faultTicks || tick === faultTicks + 5) void process.reload(town.policies, []);
    // A spent budget ends when somebody has looked.
    if (tick === faultTicks + 10) ask("resume", "");
    void process.ticker.tick();
    // An impatient scheduler calls again while the tick runs.
    if (random.chance(0.2)) void process.ticker.tick();
    await clock.advance(INTERVAL_MS);
    if (process.isAwake()) judge.looked(process.state());
  }
  judge.over(machine.saved());
  for (const one of [...earlier, process]) one.stop();
  await clock.settle();
}
