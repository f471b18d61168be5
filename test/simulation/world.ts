/**
 * A random world around the real tick: services that flap, hang, die and return, depend on each other and
 * start slowly; restarts that fail, hang or lie; an engine that is away; people who pause and resume; a
 * receiver that refuses; a clock that jumps; a process that dies after any step and loads again.
 */
import { createFakeClock } from "./clock.ts";
import type { Judge } from "./judge.ts";
import { createMachine } from "./process.ts";
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
  });

  function stir(): void {
    town.stir();
    for (const sink of sinkNames) {
      if (random.chance(0.05)) refusing.add(sink);
      else if (random.chance(0.3)) refusing.delete(sink);
    }
    if (jumps && random.chance(0.05)) clock.jump(random.pick([-3_600_000, 86_400_000]));
  }

  /** What a person asks for is done at once, or refused. */
  function ask(action: "pause" | "resume" | "restart", service: string): void {
    const untilAt = clock.now() + random.between(30_000, 120_000);
    const request = { action, service, origin: "anna", ...(action === "pause" ? { untilAt } : {}) };
    // A process may die after it did what was asked and before it said so.
    if (action === "resume") judge.forgave(service);
    void process.ticker.operate(request).then(({ done }) => {
      if (done && action !== "restart") judge.meddled(action, service, untilAt);
    });
  }

  function meddle(): void {
    if (!random.chance(0.03)) return;
    const service = random.chance(0.2) ? "" : random.pick([...town.policies.keys()]);
    ask(random.pick(["pause", "resume", "restart"] as const), service);
  }

  let process = machine.start();
  for (let tick = 0; tick < faultTicks + quietTicks; tick++) {
    if (process.isDead()) {
      process.stop();
      process = machine.start();
    }
    if (tick < faultTicks) {
      stir();
      meddle();
    } else if (tick === faultTicks) {
      faults = false;
      refusing.clear();
      town.calm();
    }
    // A spent budget ends when somebody has looked.
    if (tick === faultTicks + 10) ask("resume", "");
    void process.ticker.tick();
    // An impatient scheduler calls again while the tick runs.
    if (random.chance(0.2)) void process.ticker.tick();
    await clock.advance(INTERVAL_MS);
    if (!process.isDead()) judge.looked(process.state());
  }
  judge.over(machine.saved());
  process.stop();
  await clock.settle();
}
