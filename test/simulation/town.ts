/** The services of one world, their containers and their engine: what the watchdog sees, and what is so. */
import type { SeenContainer } from "../../src/core/container.ts";
import type { Surroundings } from "../../src/core/event.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import type { RestartResult } from "../../src/plugin.ts";
import { policy } from "../core/drive.ts";
import type { FakeClock } from "./clock.ts";
import type { Judge } from "./judge.ts";
import type { Random } from "./random.ts";

/** The restarter's own deadline: after it, the outcome is unknown. */
const RESTART_DEADLINE_MS = 40_000;

/** `looping`: the engine restarts its container again and again, until somebody mends it. */
type Health = "up" | "broken" | "hung" | "needs-restart" | "looping";

/** What the town shows of a container besides its start. */
type Presence = "there" | "gone" | "created" | "stopped-for-backup";

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
  presence: Presence;
  /** The engine is about to restart it. */
  isDue: boolean;
  /** What the last look showed. */
  shown: Presence | "due";
  /** Restarts by the engine since somebody last started it. */
  engineRestarts: number;
  /** When the next container of its name is there, by the monotonic clock. */
  returnsAt: number;
  /** It changes with each container of its name. */
  serial: number;
}

export interface Town {
  services: ReadonlyMap<string, Service>;
  policies: ReadonlyMap<string, ServicePolicy>;
  /** Services that no other one names: they may leave the configuration. */
  leaves: readonly string[];
  /** Whether the watchdog can see how full the engine's disk is. */
  diskIsSeen: boolean;
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
  let diskFull = false;
  let windowEndsAt = 0;
  const diskIsSeen = random.chance(0.8);

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
      presence: "there",
      engineRestarts: 0,
      isDue: false,
      shown: "there",
      returnsAt: 0,
      serial: 1,
    };
  }

  const isStarting = (service: Service) => clock.monotonicMs() < service.startedAt + service.startsMs;

  function isUp(name: string): boolean {
    const service = services.get(name)!;
    if (service.health !== "up" || service.presence !== "there") return false;
    if (service.staleNetwork || isStarting(service)) return false;
    return service.policy.dependsOn.every(isUp) && (service.parent === undefined || isUp(service.parent));
  }

  /** A restart mends what only a restart mends; whoever lives in its network has lost it. */
  function restarted(name: string): void {
    const service = services.get(name)!;
    service.startedAt = clock.monotonicMs();
    service.startedWallAt = Math.round(clock.now());
    service.startIsBlurred = undefined;
    service.staleNetwork = false;
    service.engineRestarts = 0;
    if (service.health === "looping") return;
    if (service.restarts === "well" || service.restarts === "slow") service.health = "up";
    for (const child of services.values()) if (child.parent === name) child.staleNetwork = true;
  }

  async function restart(name: string): Promise<RestartResult> {
    const service = services.get(name)!;
    judge.restartBegan(name);
    // Asked right before the command, too: the look around may have come too late.
    if (diskIsSeen && diskFull && !engineAway) {
      judge.restartEnded(name);
      judge.restartUntried(name);
      return { ok: false, fault: "disk_full", untried: true, reason: "the disk is full; nothing was done" };
    }
    const how = service.restarts;
    const tookMs = how === "slow" ? 38_000 : random.between(100, 12_000);
    const away = engineAway;
    const full = diskFull;
    // The engine goes on without its client, whatever becomes of the watchdog.
    const engine = clock.wait(tookMs).then(() => {
      if (!away && !full && how !== "fails") restarted(name);
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
    if (full) return { ok: false, fault: "disk_full", reason: "no space left on device" };
    return how === "fails" ? { ok: false, reason: "no such container" } : { ok: true, reason: "restarted" };
  }

  function around(): Surroundings {
    if (!engineAway) {
      for (const service of services.values()) {
        const apartMs = clock.now() - service.startedWallAt - (clock.monotonicMs() - service.startedAt);
        service.startIsBlurred ??= Math.abs(apartMs) > 10;
      }
    }
    const all = [...services];
    const containers = Object.fromEntries(
      all
        .filter(([, { presence }]) => presence !== "gone")
        .map(([name, service]) => [name, shown(name, service)]),
    );
    const gone = all.flatMap(([name, { presence }]) => (presence === "gone" ? [name] : []));
    const disk = diskIsSeen ? { diskFault: diskFull ? "the disk is full" : null } : {};
    if (!engineAway) for (const name of gone) services.get(name)!.shown = "gone";
    return engineAway
      ? { engineFault: "connection refused" }
      : { containers, gone, engineFault: null, ...disk };
  }

  function shown(name: string, service: Service): SeenContainer {
    const { startedWallAt, parent, presence, engineRestarts, isDue, serial } = service;
    service.shown = isDue ? "due" : presence;
    return {
      id: serial === 1 ? `id-${name}` : `id-${name}-${serial}`,
      build: "image:1",
      startedAt: startedWallAt,
      ...(presence === "there" && !isDue ? { runs: true as const } : {}),
      ...(presence === "created" ? { absence: "created" as const, remedy: `compose up ${name}` } : {}),
      ...(presence === "stopped-for-backup" ? { stoppedFor: "stopped for a backup" } : {}),
      ...(parent === undefined ? {} : { networkParent: `id-${parent}` }),
      engineRestarts: {
        policy: "always",
        count: engineRestarts,
        advice: "read its log",
        ...(isDue ? { isDue, ended: "exit code 3" } : {}),
      },
    };
  }

  /** A container that no other one shares a network with is renewed, or stopped for its backup. */
  function renew(name: string, service: Service): void {
    if (service.presence !== "there") {
      if (clock.monotonicMs() < service.returnsAt) return;
      if (service.presence !== "stopped-for-backup") service.serial++;
      service.presence = "there";
      restarted(name);
      return;
    }
    const isShared =
      service.parent !== undefined || [...services.values()].some(({ parent }) => parent === name);
    if (isShared || service.policy.container === "" || !random.chance(0.02)) return;
    service.presence = random.pick(["gone", "created", "stopped-for-backup"] as const);
    service.returnsAt = clock.monotonicMs() + random.between(5000, 200_000);
  }

  function stir(): void {
    for (const [name, service] of services) renew(name, service);
    for (const service of services.values()) {
      if (random.chance(0.06))
        service.health = random.pick(["broken", "hung", "needs-restart", "looping"] as const);
      else if (service.health !== "up" && service.health !== "needs-restart" && random.chance(0.15)) {
        service.health = "up";
      }
      if (service.health === "looping") service.engineRestarts += Math.ceil(random.between(0, 3));
      if (random.chance(0.1)) {
        service.restarts = random.pick(["well", "well", "fails", "lies", "slow"] as const);
      }
    }
    for (const service of services.values()) {
      service.isDue = service.health === "looping" && service.presence === "there" && random.chance(0.5);
    }
    diskFull = random.chance(diskFull ? 0.7 : 0.02);
    engineAway = random.chance(engineAway ? 0.7 : 0.02);
    if (random.chance(0.01)) windowEndsAt = clock.now() + random.between(30_000, 180_000);
  }

  function calm(): void {
    engineAway = false;
    diskFull = false;
    windowEndsAt = 0;
    for (const service of services.values()) {
      service.health = "up";
      service.restarts = "well";
      service.staleNetwork = false;
      service.presence = "there";
      service.isDue = false;
    }
  }

  const maintenance = (now: number): Record<string, number> =>
    now < windowEndsAt ? { [names[0]!]: windowEndsAt } : {};

  return {
    services,
    policies,
    leaves,
    diskIsSeen,
    maintenance,
    isUp,
    restart,
    around,
    stir,
    calm,
  };
}
