/** 100 reloads in 20 s, of right and wrong files in turn, while 200 services fail, are restarted and recover. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { openWorkshop, type Run, type Workshop } from "../commands/workshop.ts";
import { seeded } from "../simulation/random.ts";
import { type LoadedTown, openTown, type Receiver } from "./town.ts";

const SERVICES = 200;
const RELOADS = 100;
const EVERY_MS = 200;
const INTERVAL_MS = 2000;
/** Beside the ticks: a busy machine delays the watchdog and the servers of this test. */
const TOLERANCE_MS = 500;

/** From which number on services are only watched, have a container, are changed, or come and go. */
const [CONTAINERS, CHANGING, GUESTS] = [100, 150, 175];

let shop: Workshop;
let town: LoadedTown;

before(async () => {
  shop = await openWorkshop();
  town = await openTown(shop.folder);
});

after(async () => {
  town.close();
  await shop.close();
});

/** Says what the process holds, after a collection of garbage, and the longest time between two ticks. */
const PROBE = `export default () => ({ name: "probe", setup({ log, trigger, hook, clock }) {
  let longestTickGapMs = 0;
  hook({ name: "probe", async ticked({ gapMs }) { longestTickGapMs = Math.max(longestTickGapMs, gapMs); } });
  trigger({ name: "probe", async run(tick, signal) {
    while (!signal.aborted) {
      globalThis.gc?.();
      const resources = {};
      for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
      log.info("usage " + JSON.stringify({ resources, heapMb: process.memoryUsage().heapUsed / 1e6, longestTickGapMs }) + ".");
      await clock.wait(1000, signal);
    }
  } });
} });`;

interface Usage {
  resources: Record<string, number>;
  heapMb: number;
  longestTickGapMs: number;
  files: number;
}

function usageOf({ child, err }: Run): Usage {
  const [, text] = [...err().matchAll(/usage (\{.*\})\./g)].at(-1)!;
  return { ...JSON.parse(text!), files: readdirSync(`/proc/${child.pid}/fd`).length };
}

/** The file of the n-th reload; 0 is what runs before and after the storm. */
function fileOf(n: number, [first, second]: [Receiver, Receiver]): object {
  const services: Record<string, object> = {};
  for (let number = 0; number < SERVICES; number++) {
    // A guest is there for a few reloads, then away for as many.
    if (number >= GUESTS && n > 0 && Math.floor((n + number) / 6) % 2 === 0) continue;
    const isChanged = number >= CHANGING && number < GUESTS && n % 4 === 2;
    services[`s${number}`] = {
      url: town.url(number),
      ...(number < CONTAINERS ? { action: "notify" } : { container: `c${number}` }),
      failureThreshold: isChanged ? 2 : 1,
      timeout: isChanged && number % 2 === 0 ? "900ms" : "1s",
    };
  }
  return {
    defaults: {
      interval: `${INTERVAL_MS}ms`,
      backoff: { base: "100ms", cap: "500ms" },
      budget: { restarts: 1000, window: "1h" },
    },
    services,
    brake: { share: 1, min: SERVICES },
    tickBudget: "500ms",
    maxConcurrentRestarts: n % 8 === 4 ? 5 : 10,
    plugins: {
      probe: { from: "./probe.mjs" },
      docker: { logLines: n % 6 === 0 ? 0 : 5 },
      webhook: { url: first.url },
      ...(n % 12 >= 6 ? { gotify: { url: second.url, token: "a-token-of-gotify" } } : {}),
    },
  };
}

const WRONG = [
  (right: object) => ({ ...right, services: { wrong: { url: town.url(-4), interval: "soon" } } }),
  (right: object) => ({ ...right, services: { wrong: { url: town.url(-4) } }, tickBudget: true }),
  (right: object) => ({ ...right, services: { wrong: { url: town.url(-4) } }, logFormat: "json" }),
  () => "services: { wrong: [",
  (right: object) => ({ ...right, services: { wrong: { url: town.url(-4) } }, plugins: { nobodys: {} } }),
];

const text = (content: object | string) => (typeof content === "string" ? content : JSON.stringify(content));

async function until(what: string, limitMs: number, isSo: () => Promise<boolean>): Promise<void> {
  const endsMs = performance.now() + limitMs;
  while (performance.now() < endsMs) {
    if (await isSo()) return;
    await wait(100);
  }
  assert.fail(`never: ${what}`);
}

async function openDog(t: TestContext, receivers: [Receiver, Receiver]) {
  const path = join(shop.folder, "load.yaml");
  const write = async (content: object | string) => {
    await writeFile(`${path}.tmp`, text(content));
    await rename(`${path}.tmp`, path);
  };
  await writeFile(join(shop.folder, "probe.mjs"), PROBE);
  await write(fileOf(0, receivers));
  const run = await shop.serving("load", {
    WATCHDOG_CONFIG: path,
    PATH: `${town.bin}:${process.env.PATH}`,
    NODE_OPTIONS: "--expose-gc",
  });
  t.after(() => run.child.kill("SIGKILL"));
  // biome-ignore lint/suspicious/noExplicitAny: an answer, looked into field by field.
  const ask = async (at: string, method = "GET"): Promise<{ code: number; body: any }> => {
    const response = await fetch(`${run.url}${at}`, { method, headers: { connection: "close" } });
    return { code: response.status, body: await response.json() };
  };
  return { ...run, ask, write };
}

type Dog = Awaited<ReturnType<typeof openDog>>;

/** Lets services fail and recover until it is stopped; its end is the recovery of all. */
function stir(): () => void {
  const random = seeded(20);
  const timer = setInterval(() => {
    for (let number = 0; number < SERVICES; number++) {
      if (
        town.failing.has(number) ? random.chance(0.06) : random.chance(number < CONTAINERS ? 0.004 : 0.005)
      ) {
        if (!town.failing.delete(number)) town.failing.add(number);
      }
    }
  }, 100);
  return () => {
    clearInterval(timer);
    town.failing.clear();
  };
}

/** Reloads by request and by signal in turn; each wrong file is refused, and each right one is in force. */
async function storm(dog: Dog, receivers: [Receiver, Receiver]) {
  const counts = { right: 0, wrong: 0, signals: 0, longestReloadMs: 0 };
  const beganMs = performance.now();
  for (let n = 1; n <= RELOADS; n++) {
    const isRight = n % 2 === 0;
    const right = fileOf(n, receivers);
    await dog.write(isRight ? right : WRONG[n % WRONG.length]!(right));
    const askedMs = performance.now();
    if (n % 4 >= 2) {
      const { code, body } = await dog.ask("/reload", "POST");
      assert.equal(code, isRight ? 200 : 422, JSON.stringify(body));
      counts[isRight ? "right" : "wrong"]++;
      counts.longestReloadMs = Math.max(counts.longestReloadMs, performance.now() - askedMs);
    } else {
      dog.signal("SIGHUP");
      counts.signals++;
    }
    const { body } = await dog.ask("/status");
    assert.equal(body.services.wrong, undefined, "a wrong file is in force");
    assert.ok(Object.keys(body.services).length > GUESTS, "a service that stays is gone");
    await wait(Math.max(0, beganMs + n * EVERY_MS - performance.now()));
  }
  return { ...counts, tookMs: Math.round(performance.now() - beganMs) };
}

/** The longest time in which a service that was never away nor restarted was not checked. */
function longestGapMs(fromMs: number, toMs: number): number {
  let longest = 0;
  for (let number = 0; number < CONTAINERS; number++) {
    const times = [
      fromMs,
      ...town.checks.get(String(number))!.filter((at) => at > fromMs && at < toMs),
      toMs,
    ];
    for (const [i, at] of times.entries()) if (i > 0) longest = Math.max(longest, at - times[i - 1]!);
  }
  return longest;
}

/** Never two commands for one container at once, and none that the state does not know of. */
function judgeRestarts(dog: Dog): number {
  const commands = town.commands();
  const state = JSON.parse(readFileSync(join(shop.folder, "load-state.json"), "utf8"));
  const known = { ...state.absent, ...state.services };
  for (let number = CONTAINERS; number < SERVICES; number++) {
    const its = commands.filter(({ container }) => container === `c${number}`);
    for (const [i, { beganAt }] of its.entries()) {
      assert.ok(i === 0 || beganAt >= its[i - 1]!.endedAt, `c${number} was restarted twice at once`);
    }
    const decided = known[`s${number}`].restarts.length;
    assert.ok(
      its.length <= decided,
      `c${number} was restarted ${its.length} times, and ${decided} were decided`,
    );
  }
  assert.doesNotMatch(dog.err(), /could not run|itself failed|error of ours/);
  return commands.length;
}

/** Every DOWN that was told to the receiver that stayed has its end, once. */
function judgeAlerts({ alerts }: Receiver): number {
  assert.equal(new Set(alerts.map(({ id }) => id)).size, alerts.length, "an alert came twice");
  const ended = alerts.filter(({ params }) => params.success).map(({ params }) => params.incident_id);
  const down = alerts.filter(({ event_type }) => event_type === "COMPONENT_DOWN");
  for (const { params, message } of down) {
    const ends = ended.filter((id) => id === params.incident_id);
    assert.equal(ends.length, 1, `${ends.length} ends of: ${message}`);
  }
  return down.length;
}

/** What is left over. Checks that are under way have sockets: those are gone at the next look. */
function leaksOf(was: Usage, is: Usage): string[] {
  const more = Object.entries(is.resources).filter(([name, count]) => count > (was.resources[name] ?? 0) + 4);
  return [
    ...more.map(([name, count]) => `${name}: ${count} are open, and there were ${was.resources[name] ?? 0}`),
    ...(is.files > was.files + 4 ? [`${is.files} files are open, and there were ${was.files}`] : []),
    ...(is.heapMb > was.heapMb + 12 ? [`the heap grew from ${was.heapMb} to ${is.heapMb} MB`] : []),
  ];
}

test("a storm of reloads loses no check, restart or alert, and leaves nothing behind", {
  skip: "Deno" in globalThis && "Deno tells neither its resources nor its heap in this way",
  timeout: 180_000,
}, async (t) => {
  const receivers: [Receiver, Receiver] = [await town.receiver(), await town.receiver()];
  const dog = await openDog(t, receivers);
  const allHealthy = async () => {
    const { services } = (await dog.ask("/status")).body;
    return Object.values(services as object).every(({ status }) => status === "healthy");
  };
  await until("all are healthy", 20_000, allHealthy);
  await wait(2000);
  const was = usageOf(dog);

  const fromMs = performance.now();
  const calm = stir();
  const counts = await storm(dog, receivers);
  const gapMs = longestGapMs(fromMs, performance.now());
  calm();
  await dog.write(fileOf(0, receivers));
  assert.equal((await dog.ask("/reload", "POST")).code, 200);
  await until("all are healthy again", 40_000, allHealthy);
  const outbox = async () => (await dog.ask("/outbox")).body;
  await until("the outbox is empty", 20_000, async () => (await outbox()).pending === 0);
  // Connections that are kept alive end by themselves.
  await wait(6000);
  let is = usageOf(dog);
  for (let looks = 0; looks < 20 && leaksOf(was, is).length > 0; looks++) {
    await wait(500);
    is = usageOf(dog);
  }
  const { sent, dead } = await outbox();
  const { troubles } = (await dog.ask("/status")).body;
  dog.signal("SIGTERM");
  assert.equal(await dog.exit, 0, dog.err());

  const told = judgeAlerts(receivers[0]);
  const restarts = judgeRestarts(dog);
  const arrived = receivers.map(({ alerts }) => alerts.length);
  const figures = { ...counts, gapMs: Math.round(gapMs), restarts, told, arrived, was, is };
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual([sent, dead, troubles], [arrived[0]! + arrived[1]!, 0, []]);
  assert.ok(restarts > 10 && told > 15 && arrived[1]! > 5, "too little happened");
  assert.ok(gapMs <= INTERVAL_MS + is.longestTickGapMs + TOLERANCE_MS, `${gapMs} ms without a check`);
  assert.deepEqual(leaksOf(was, is), []);
});
