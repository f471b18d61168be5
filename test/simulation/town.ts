/** The services of one world, their containers and their engine: what the watchdog sees, and what is so. */
import type { Surroundings } from "../../src/core/event.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import type { RestartResult } from "../../src/plugin.ts";
import { policy } from "../core/drive.ts";
import type { FakeClock } from "./clock.ts";
import type { Judge } from "./judge.ts";
import type { Random } from "./random.ts";

/** The restarter's own deadline: after it, the outcome is unknown. */
const RESTART_DEADLINE_MS = 40_000;

type Health = "up" | "broken" | "hung" | "needs-restart";

interface Service {
  policy: ServicePolicy;
  health: Health;
  /** How its container takes a restart now. */
  restarts: "well" | "fails" | "lies" | "slow";
  startedAt: number;
  /** The same by the wall clock of that moment, as the engine goes on to say it after the clock was set. */
  startedWallAt: number;
  /** The clock was set between its start and the first look at it: nobody can know how long ago it started. */
  startIsBlurred: boolean | undefined;
  /** How long it takes from its container's start to readiness. */
  startsMs: number;
  /** Whose network namespace it lives in, and whether that is the one of the parent's present run. */
  parent?: string;
  staleNetwork: boolean;
}

export interface Town {
  services: ReadonlyMap<string, Service>;
  policies: ReadonlyMap<string, ServicePolicy>;
  /** Services that no other one names: they may leave the configuration. */
  leaves: readonly string[];
  /** Whether its health endpoint answers well now. */
  isUp(name: string): boolean;
  restart(name: string): Promise<RestartResult>;
  around(): Surroundings;
  maintenance(now: number): Record<string, number>;
  stir(): void;
  /** All faults stop: people mend what is broken. */
  calm(): void;
}

export function createTown(random: Random, clock: FakeClock, judge: Judge): Town {
  const names = ["database", "executor", "monitor", "dashboard"].slice(0, Math.ceil(random.between(0, 4)));
  const services = new Map(
    names.map((name, i): [string, Service] => [name, settle(name, names.slice(0, i))]),
  );
  const policies = new Map([...services].map(([name, service]) => [name, service.policy]));
  const named = [...services.values()].flatMap(({ policy, parent }) => [
    ...policy.dependsOn,
    ...policy.restartWith,
    ...(parent === undefined ? [] : [parent]),
  ]);
  const leaves = names.filter((name) => !named.includes(name));
  let engineAway = false;
  let windowEndsAt = 0;

  function settle(name: string, earlier: string[]): Service {
    const parent = earlier.length > 0 && random.chance(0.15) ? random.pick(earlier) : undefined;
    const startsMs = random.chance(0.2) ? random.between(20_000, 80_000) : 0;
    return {
      policy: policy(name, {
        backoff: { baseMs: 10_000, capMs: 300_000, jitter: 0.2 },
        failureThreshold: Math.ceil(random.between(0, 4)),
        successThreshold: Math.ceil(random.between(0, 2)),
        container: parent !== undefined || random.chance(0.9) ? `c-${name}` : "",
        budget: random.chance(0.8) ? { restarts: 5, windowMs: 600_000 } : null,
        // In a dry run nobody gives a lost network back.
        dryRun: parent === undefined && random.chance(0.05),
        dependsOn: earlier.filter(() => random.chance(0.25)),
        restartWith: earlier.filter(() => random.chance(0.08)),
        ...(startsMs > 0 ? { startPeriodMs: startsMs + 20_000 } : {}),
      }),
      health: "up",
      restarts: "well",
      startedAt: 0,
      startedWallAt: clock.now(),
      startIsBlurred: undefined,
      startsMs,
      ...(parent === undefined ? {} : { parent }),
      staleNetwork: false,
    };
  }

  const isStarting = (service: Service) => clock.monotonicMs() < service.startedAt + service.startsMs;

  function isUp(name: string): boolean {
    const service = services.get(name)!;
    if (service.health !== "up" || service.staleNetwork || isStarting(service)) return false;
    return service.policy.dependsOn.every(isUp) && (service.parent === undefined || isUp(service.parent));
  }

  /** A restart mends what only a restart mends; whoever lives in its network has lost it. */
  function restarted(name: string): void {
    const service = services.get(name)!;
    service.startedAt = clock.monotonicMs();
    service.startedWallAt = Math.round(clock.now());
    service.startIsBlurred = undefined;
    service.staleNetwork = false;
    if (service.restarts === "well" || service.restarts === "slow") service.health = "up";
    for (const child of services.values()) if (child.parent === name) child.staleNetwork = true;
  }

  async function restart(name: string): Promise<RestartResult> {
    const service = services.get(name)!;
    judge.restartBegan(name);
    const how = service.restarts;
    const tookMs = how === "slow" ? 38_000 : random.between(100, 12_000);
    const away = engineAway;
    // The engine goes on without its client, whatever becomes of the watchdog.
    const engine = clock.wait(tookMs).then(() => {
      if (!away && how !== "fails") restarted(name);
      judge.restartEnded(name);
    });
    const expiresMs = random.chance(0.2) && how === "slow" ? 5000 : RESTART_DEADLINE_MS;
    await Promise.race([engine, clock.wait(expiresMs)]);
    if (away || (how === "fails" && random.chance(0.5))) {
      judge.restartUntried(name);
      return { ok: false, reason: "the engine does not answer", fault: "engine_unreachable", untried: true };
    }
    if (tookMs > expiresMs) judge.restartUnseen(name);
    if (tookMs > expiresMs) return { ok: false, unknown: true, reason: "the client's time is up" };
    return how === "fails" ? { ok: false, reason: "no such container" } : { ok: true, reason: "restarted" };
  }

  function around(): Surroundings {
    if (!engineAway) {
      for (const service of services.values()) {
        const apartMs = clock.now() - service.startedWallAt - (clock.monotonicMs() - service.startedAt);
        service.startIsBlurred ??= Math.abs(apartMs) > 10;
      }
    }
    const containers = Object.fromEntries(
      [...services].map(([name, { startedWallAt, parent }]) => [
        name,
        {
          id: `id-${name}`,
          build: "image:1",
          startedAt: startedWallAt,
          ...(parent === undefined ? {} : { networkParent: `id-${parent}` }),
        },
      ]),
    );
    return {
      ...(engineAway ? {} : { containers }),
      engineFault: engineAway ? "connection refused" : null,
    };
  }

  function stir(): void {
    for (const service of services.values()) {
      if (random.chance(0.06)) service.health = random.pick(["broken", "hung", "needs-restart"] as const);
      else if (service.health !== "up" && service.health !== "needs-restart" && random.chance(0.15)) {
        service.health = "up";
      }
      if (random.chance(0.1)) {
        service.restarts = random.pick(["well", "well", "fails", "lies", "slow"] as const);
      }
    }
    engineAway = random.chance(engineAway ? 0.7 : 0.02);
    if (random.chance(0.01)) windowEndsAt = clock.now() + random.between(30_000, 180_000);
  }

  function calm(): void {
    engineAway = false;
    windowEndsAt = 0;
    for (const service of services.values()) {
      service.health = "up";
      service.restarts = "well";
      service.staleNetwork = false;
    }
  }

  const maintenance = (now: number): Record<string, number> =>
    now < windowEndsAt ? { [names[0]!]: windowEndsAt } : {};

  return { services, policies, leaves, maintenance, isUp, restart, around, stir, calm };
}
