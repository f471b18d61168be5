import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServicePolicy } from "../../src/core/policy.ts";
import { emptyState, newService, type WatchdogState } from "../../src/core/state.ts";
import type { ContainerFacts, FailedCheck, Ports, Restarter } from "../../src/plugin.ts";
import { createLookout } from "../../src/tick/observe.ts";
import { policy, T0 } from "../core/drive.ts";
import { createFakeClock } from "../simulation/clock.ts";

const FACTS: ContainerFacts = {
  id: "aaa",
  image: "app@sha256:1",
  configHash: "beef",
  status: "running",
  startedAt: T0,
  finishedAt: 0,
  exitCode: 0,
  oomKilled: false,
  error: "",
  restartCount: 0,
  startPeriodMs: 30_000,
  networkParent: "bbb",
};

function lookout(
  changes: Partial<Restarter>,
  one: Partial<ServicePolicy> = {},
  sentinel?: () => Promise<string | null>,
) {
  const clock = createFakeClock(T0);
  const quiet = () => {};
  const ports: Ports = {
    clock,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    random: () => 0.5,
    redact: (text) => text,
    env: {},
  };
  const asked: string[][] = [];
  const policies = new Map(["executor", "monitor"].map((name) => [name, policy(name, one)]));
  const restarter: Restarter = {
    name: "fake",
    restart: async () => ({ ok: true, reason: "restarted" }),
    async inspect(containers) {
      asked.push([...containers]);
      return { ok: true, containers: Object.fromEntries(containers.map((name) => [name, FACTS])) };
    },
    ...changes,
  };
  const wired = [...policies.values()].map(({ name, container }) => ({
    target: { name, displayName: name, url: "", container, timeoutMs: 5000, options: {} },
    check: { name: "fake", run: async () => ({ ok: true as const, reason: "" }) },
    checkOptions: {},
    restarter,
    restarterOptions: {},
  }));
  const services = new Map(wired.map((service) => [service.target.name, service]));
  return {
    clock,
    asked,
    look: createLookout(() => ({ services, policies, ...(sentinel ? { sentinel } : {}) }), ports),
  };
}

test("while nothing fails, nobody is asked", async () => {
  const { look, asked } = lookout({});
  assert.deepEqual(await look.look([], emptyState()), {});
  assert.deepEqual(asked, []);
});

test("when something fails all containers are looked at, and then that one alone for a minute", async () => {
  const { look, asked, clock } = lookout({});
  const around = await look.look(["executor"], emptyState());
  assert.deepEqual(around.containers!.executor, {
    id: "aaa",
    build: "app@sha256:1 beef",
    startedAt: T0,
    startPeriodMs: 30_000,
    networkParent: "bbb",
    runs: true,
  });
  assert.equal(around.engineFault, null);
  await look.look(["executor"], emptyState());
  await clock.advance(60_000);
  await look.look(["executor"], emptyState());
  const both = ["spreadpilot-executor", "spreadpilot-monitor"];
  assert.deepEqual(asked, [both, ["spreadpilot-executor"], both]);
});

test("a check that failed on the way is handed on with its URL, and why the container is out of reach comes back", async () => {
  const outOfReach = { cause: "shop", reason: "run `docker network connect shop guard`" };
  const asked: [string, FailedCheck][][] = [];
  const { look } = lookout({
    async inspect(containers, _, failed = new Map()) {
      asked.push([...failed]);
      const why = (name: string) => (failed.has(name) ? { outOfReach } : {});
      return {
        ok: true,
        containers: Object.fromEntries(containers.map((name) => [name, { ...FACTS, ...why(name) }])),
      };
    },
  });
  const unresolved = { ok: false, reason: "unknown host", fault: "unresolved" } as const;
  const around = await look.look(["executor"], emptyState(), { executor: unresolved });
  const executor: [string, FailedCheck] = ["spreadpilot-executor", { url: "", fault: "unresolved" }];
  assert.deepEqual(asked.shift(), [executor]);
  assert.deepEqual(around.containers!.executor!.outOfReach, outOfReach);
  assert.equal(around.containers!.monitor!.outOfReach, undefined);

  // A person asks between two checks, and a check that could not be made knows nothing better.
  const known = { ...newService(T0), lastCheck: { at: T0, ...unresolved } };
  const state: WatchdogState = { ...emptyState(), services: { executor: known } };
  await look.look(["executor"], state);
  await look.look(["executor"], state, { executor: { ok: null, reason: "no socket" } });
  assert.deepEqual(asked.splice(0), [[executor], [executor]]);
  await look.look(["executor"], state, { executor: { ok: false, reason: "HTTP 500" } });
  assert.deepEqual(asked, [[]], "what came to the service is no such check");
});

test("a container that does not exist is said to be gone, and one of an engine that is away is not", async () => {
  const { look } = lookout({
    inspect: async () => ({
      ok: true,
      containers: { "spreadpilot-monitor": { ...FACTS, status: "exited" } },
    }),
  });
  const around = await look.look(["executor"], emptyState());
  assert.deepEqual(around.gone, ["executor"]);
  assert.equal(around.containers!.monitor!.runs, undefined);
  const away = lookout({ inspect: async () => ({ ok: false, reason: "EOF", fault: "engine_unreachable" }) });
  assert.deepEqual((await away.look.look(["executor"], emptyState())).gone, []);
});

test("an engine that does not answer is said; a client that is missing is no engine's fault", async () => {
  for (const [fault, said] of [
    ["engine_unreachable", "connection refused"],
    ["client_missing", undefined],
  ] as const) {
    const { look } = lookout({ inspect: async () => ({ ok: false, reason: "connection refused", fault }) });
    assert.equal((await look.look(["executor"], emptyState())).engineFault, said);
  }
});

test("a look that hangs or throws costs two seconds at most, and says nothing", async () => {
  for (const inspect of [() => new Promise<never>(() => {}), () => Promise.reject(new Error("broken"))]) {
    const { look, clock } = lookout({ inspect });
    const looked = look.look(["executor"], emptyState());
    await clock.advance(2000);
    const around = await looked;
    assert.deepEqual(around.containers ?? {}, {});
    assert.equal(around.engineFault ?? null, null);
  }
});

test("a person's stop is asked for only where it is respected, also while it goes on", async () => {
  const exited = { ...FACTS, status: "exited" };
  for (const [respectManualStop, status, said] of [
    [true, "exited", "stopped by docker stop"],
    [true, "paused", "paused by a person (`docker unpause` ends it)"],
    [true, "running", "stopped by docker stop"],
    [true, "dead", undefined],
    [false, "exited", undefined],
    [false, "running", undefined],
  ] as const) {
    const { look } = lookout(
      {
        inspect: async (names) => ({
          ok: true,
          containers: Object.fromEntries(names.map((name) => [name, { ...exited, status }])),
        }),
        stoppedByHand: async () => "stopped by docker stop",
      },
      { respectManualStop },
    );
    const around = await look.look(["executor"], emptyState());
    assert.equal(around.containers!.executor!.stoppedByHand, said, `${respectManualStop} ${status}`);
  }
});

test("a running container that answers, or that we restart, is asked nothing of a person's stop", async () => {
  const asked: string[] = [];
  const stoppedByHand = async (container: string) => void asked.push(container);
  const { look } = lookout({ stoppedByHand }, { respectManualStop: true });
  const ordered = {
    id: "rst-1",
    action: "restart",
    incident: "inc-1",
    orderedAt: T0,
    along: "",
    reason: "",
    failures: 3,
  } as const;
  const state = {
    ...emptyState(),
    services: {
      executor: { ...newService(T0), status: "restarting" as const, restart: ordered },
      monitor: newService(T0),
    },
  };
  const { containers } = await look.look(["executor"], state);
  assert.deepEqual(Object.keys(containers!), ["executor", "monitor"]);
  assert.deepEqual(asked, []);
  await look.look(["monitor"], state);
  assert.deepEqual(asked, ["spreadpilot-monitor"]);
});

test("the sentinel is asked when something fails", async () => {
  const { look } = lookout({}, {}, async () => "no answer in 1.5 s");
  assert.equal((await look.look([], emptyState())).networkFault, undefined);
  assert.equal((await look.look(["executor"], emptyState())).networkFault, "no answer in 1.5 s");
});

test("a container that started after its restart was ordered tells that the restart was made", async () => {
  const { look } = lookout({});
  const ordered = (orderedAt: number): WatchdogState => ({
    ...emptyState(),
    services: {
      executor: {
        ...newService(0),
        status: "restarting",
        restart: { id: "rst_1", orderedAt, along: "", action: "restart", reason: "", failures: 3 },
      },
    },
  });
  assert.equal((await look.ends(ordered(T0 - 1000))).executor?.outcome, "restarted");
  assert.deepEqual(await look.ends(ordered(T0 + 1000)), {});
});

test("the engine's disk is looked at only when a restart is due, and as long as it is full", async () => {
  const asked: boolean[] = [];
  const { look } = lookout({
    async diskFault(_signal, wasFull) {
      asked.push(wasFull);
      return "the disk is full";
    },
  });
  const failed = (failures: number): WatchdogState => ({
    ...emptyState(),
    services: { executor: { ...newService(T0), failures } },
  });
  assert.equal("diskFault" in (await look.look(["executor"], failed(1))), false);
  assert.equal((await look.look(["executor"], failed(2))).diskFault, "the disk is full");
  const full = { ...failed(0), brake: { kind: "disk" as const, sinceAt: T0, reason: "full" } };
  await look.look([], full);
  assert.deepEqual(asked, [false, true]);
});

test("who stopped a container is asked for its backup too, and one that was never started is no container", async () => {
  const facts: ContainerFacts = { ...FACTS, status: "exited", stopsFor: "for a backup" };
  const stoppedByHand = async () => "stopped by a person";
  const show = async (one: ContainerFacts) => {
    const { look } = lookout({
      stoppedByHand,
      inspect: async (names) => ({
        ok: true,
        containers: Object.fromEntries(names.map((name) => [name, one])),
      }),
    });
    return (await look.look(["executor"], emptyState())).containers!.executor!;
  };
  const stopped = await show(facts);
  assert.equal(stopped.stoppedFor, "stopped by a person, for a backup");
  assert.equal(stopped.stoppedByHand, undefined);
  assert.equal((await show({ ...FACTS, status: "exited" })).stoppedFor, undefined);
  const created = await show({ ...FACTS, status: "created", error: "port is taken", remedy: "start it" });
  assert.deepEqual(
    [created.absence, created.error, created.remedy],
    ["created", "port is taken", "start it"],
  );
  assert.equal((await show({ ...FACTS, status: "exited", replacedBy: "new" })).absence, "replaced");
  assert.equal((await show({ ...FACTS, replacedBy: "new" })).absence, undefined);
});
