/**
 * No alert is ever lost: real outages, receivers that break in every way, and a watchdog that is killed
 * again and again. What must have been told is known from the outages alone, whatever the watchdog says: a
 * service goes up or down only after the watchdog has stored what it was, so each change is one alert.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { seeded } from "../simulation/random.ts";
import type { ChildLine } from "./fault-child.ts";
import { type FaultyReceiver, MODES, startFaultyReceiver } from "./faulty-receiver.ts";

const SEED = Number(process.env.SEED ?? 4);
const SERVICES = Array.from({ length: 20 }, (_, index) => `s${index}`);
const plan = {
  kills: 0,
  /** Of each service: a DOWN or a RECOVERED. */
  changes: 0,
};
const SPEED = 100;
const HOUR_MS = 3_600_000;
const MOST_RSS_BYTES = 400 * 1024 ** 2;
/** Of the state file, which every save writes whole: what waits lies beside it. */
const MOST_STATE_BYTES = 256 * 1024;
const MOST_JOURNAL_BYTES = 8 * 1024 ** 2;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CHILD = "test/delivery/fault-child.ts";
const isDeno = "Deno" in globalThis;

const random = seeded(SEED);
const down = new Set<string>();
const changes = new Map(SERVICES.map((name) => [name, 0]));
const most = { rssBytes: 0, stateBytes: 0, journalBytes: 0 };
const health = createServer((request, response) => {
  response.writeHead(down.has(request.url!.slice(1)) ? 503 : 200).end();
});
let folder = "";
let receivers: FaultyReceiver[] = [];
let child: ChildProcess | undefined;
/** What the runtime says on stderr; the watchdog's own log is silent. */
let complaints = "";

const stateFile = () => join(folder, "state", "state.json");
/** What came in at any receiver; the first of each may be awaited. */
const seen = new Set<string>();
let onNews = () => {};
function onCame(id: string): void {
  if (seen.has(id)) return;
  seen.add(id);
  onNews();
}
const somethingNew = () =>
  new Promise<void>((resolve) => {
    onNews = resolve;
  });

const left = () => [...changes.values()].reduce((sum, made) => sum + plan.changes - made, 0);

async function open(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "watchdog-faults-"));
  health.listen(0, "127.0.0.1");
  await once(health, "listening");
  receivers = await Promise.all([1, 2, 3].map(() => startFaultyReceiver(onCame)));
  const { port } = health.address() as AddressInfo;
  const service = (name: string) => ({
    url: `http://127.0.0.1:${port}/${name}`,
    // Of the fast clock. Nothing here is slow on purpose, and a machine under load must look like no outage.
    interval: "5s",
    timeout: "10m",
    failureThreshold: 1,
  });
  const config = {
    services: Object.fromEntries(SERVICES.map((name) => [name, service(name)])),
    plugins: { cron: {}, webhook: { receivers: receivers.map(({ url }) => ({ url })) } },
  };
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  if (isDeno) return;
  // One file starts in a fraction of the time: most of a life is to be spent at work.
  const build = ["--import", "tsx", "scripts/build.ts", "--entry", CHILD, "--out", join(folder, "built")];
  const built = spawnSync(process.execPath, build, { cwd: ROOT, encoding: "utf8" });
  assert.equal(built.status, 0, built.stderr);
}

async function close(): Promise<void> {
  child?.kill("SIGKILL");
  health.closeAllConnections();
  health.close();
  await Promise.all(receivers.map((receiver) => receiver.close()));
  await rm(folder, { recursive: true, force: true });
}

interface Life {
  process: ChildProcess;
  ended: Promise<unknown>;
  port: Promise<number>;
  hasTicked: boolean;
}

/** A life of the watchdog that begins at `startAt` of its own clock. */
function live(startAt: number): Life {
  const program = isDeno
    ? ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json"), join(ROOT, CHILD)]
    : [join(folder, "built", "cli.js")];
  const started = spawn(process.execPath, program, {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      WATCHDOG_CONFIG: join(folder, "config.json"),
      STATE_FILE: stateFile(),
      PORT: "0",
      SPEED: String(SPEED),
      START_AT: String(startAt),
    },
  });
  child = started;
  started.stderr!.on("data", (part) => {
    complaints += part;
  });
  const port = new Promise<number>((resolve) => {
    createInterface({ input: started.stdout! }).on("line", (text) => {
      // The last line of a process that was killed may be half a line.
      if (!text.endsWith("}")) return;
      const line = JSON.parse(text) as ChildLine;
      assert.ok(!("failed" in line), text);
      if ("port" in line) resolve(line.port);
      else {
        life.hasTicked = true;
        afterTick(line.services, line.rssBytes);
      }
    });
  });
  const life: Life = { process: started, ended: once(started, "exit"), port, hasTicked: false };
  return life;
}

/** Some of the services whose change is stored change again. */
function afterTick(services: Record<string, string>, rssBytes: number): void {
  most.rssBytes = Math.max(most.rssBytes, rssBytes);
  for (const name of SERVICES) {
    const isStored = services[name] === (down.has(name) ? "down" : "healthy");
    const made = changes.get(name)!;
    if (!isStored || made === plan.changes || !random.chance(0.5)) continue;
    changes.set(name, made + 1);
    if (!down.delete(name)) down.add(name);
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Until told to stop, every receiver is by turns well and in a trouble of its own. */
async function haunt(receiver: FaultyReceiver, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    await receiver.be(random.pick(MODES));
    await pause(random.between(100, 900));
  }
  await receiver.be("ok");
}

async function lookAtState(): Promise<void> {
  const { size } = await stat(stateFile()).catch(() => ({ size: 0 }));
  most.stateBytes = Math.max(most.stateBytes, size);
  const lies = await readdir(dirname(stateFile())).catch(() => []);
  for (const name of lies.filter((one) => one.includes(".outbox-"))) {
    const { size } = await stat(join(dirname(stateFile()), name)).catch(() => ({ size: 0 }));
    most.journalBytes = Math.max(most.journalBytes, size);
  }
}

async function outboxOf(life: Life): Promise<{ pending: number; dead: number; sent: number }> {
  const answer = await fetch(`http://127.0.0.1:${await life.port}/outbox`);
  return (await answer.json()) as { pending: number; dead: number; sent: number };
}

async function run(t: TestContext): Promise<void> {
  const began = Date.now();
  const now = () => Date.UTC(2026, 10, 23, 18) + (Date.now() - began) * SPEED;
  const calm = new AbortController();
  const haunted = receivers.map((receiver) => haunt(receiver, calm.signal));
  let kills = 0;
  let longestLifeMs = 900;
  for (; kills < plan.kills || left() > 0; kills++) {
    const life = live(now());
    await pause(random.between(50, longestLifeMs));
    // The worst of moments: an alert has just gone out, and nothing that came after it is stored.
    if (random.chance(0.5)) await Promise.race([somethingNew(), pause(200)]);
    life.process.kill("SIGKILL");
    await life.ended;
    await lookAtState();
    // On a machine under load, where no life is long enough to begin with, nothing would ever happen.
    longestLifeMs = life.hasTicked ? 900 : longestLifeMs * 1.2;
  }
  calm.abort();
  await Promise.all(haunted);
  const seconds = Math.round((Date.now() - began) / 1000);

  // The machine stays off for hours: then all that waits is due. What gets no further for 2 s waits for the next hour.
  let rest = { pending: -1, dead: 0, sent: 0 };
  for (let hour = 1; hour <= 10 && rest.pending !== 0; hour++) {
    const life = live(now() + hour * HOUR_MS);
    for (let idle = 0; idle < 20 && rest.pending !== 0; idle++) {
      await pause(100);
      const before = rest.pending;
      rest = await outboxOf(life);
      if (rest.pending < before) idle = 0;
    }
    life.process.kill("SIGTERM");
    await life.ended;
  }
  const end = JSON.parse(await readFile(stateFile(), "utf8"));
  const { size: endBytes } = await stat(stateFile());

  for (const [index, receiver] of receivers.entries()) {
    const ids = new Set(receiver.came.map(({ id }) => id));
    t.diagnostic(
      `receiver ${index + 1}: ${ids.size} alerts in ${receiver.came.length} deliveries; requests: ${JSON.stringify(receiver.met)}`,
    );
  }
  t.diagnostic(
    `${kills} kills in ${seconds} s (seed ${SEED}); the outbox at the end: ${rest.sent} sent, ${rest.pending} waiting, ${rest.dead} dead`,
  );
  const mib = (bytes: number) => (bytes / 1024 ** 2).toFixed(2);
  t.diagnostic(
    `most memory ${mib(most.rssBytes)} MiB, largest state ${mib(most.stateBytes)} MiB and journal ${mib(most.journalBytes)} MiB, state at the end ${mib(endBytes)} MiB`,
  );

  assert.deepEqual([rest.pending, rest.dead], [0, 0], JSON.stringify(end.outbox?.sinks));
  for (const receiver of receivers) judge(receiver);
  assert.equal(complaints, "");
  assert.ok(most.rssBytes < MOST_RSS_BYTES);
  assert.ok(most.stateBytes < MOST_STATE_BYTES);
  assert.ok(most.journalBytes < MOST_JOURNAL_BYTES);
  assert.equal(end.journal, undefined, "what was delivered leaves no trace in the state");
}

/** Every change of every service was told, and taken, in order, under one id. */
function judge({ came }: FaultyReceiver): void {
  const bodies = new Map<string, string>();
  for (const { id, alert } of came) {
    assert.equal(id, alert.id);
    const body = JSON.stringify(alert);
    assert.equal(bodies.get(id) ?? body, body, "a repeat is the same to the letter");
    bodies.set(id, body);
  }
  const taken = new Set(came.filter((one) => one.taken).map(({ id }) => id));
  const lost = [...bodies.keys()].filter((id) => !taken.has(id));
  assert.deepEqual(lost, [], "what was taken without an answer is sent again until there is one");
  for (const name of SERVICES) {
    const mine = came.filter(({ alert }) => alert.params.component_name === name);
    const first = [...new Map(mine.map((one) => [one.id, one.alert])).values()];
    const expected = Array.from({ length: plan.changes }, (_, index) =>
      index % 2 === 0 ? "DOWN" : "RECOVERED",
    );
    assert.deepEqual(
      first.map(({ event_type }) => event_type.replace("COMPONENT_", "")),
      expected,
      name,
    );
    for (let index = 0; index < plan.changes; index += 2) {
      assert.equal(first[index]!.params.incident_id, first[index + 1]!.params.incident_id, name);
    }
  }
}

/** Makes `changes` alerts for each of the 20 services, and kills the watchdog at least `kills` times. */
export function testFaults(kills: number, changes: number): void {
  Object.assign(plan, { kills, changes });
  before(open);
  after(close);
  test(
    `${changes * SERVICES.length} alerts, ${kills} kills, receivers that break in every way: all arrive, in order, none twice under two ids`,
    { timeout: 110_000 + kills * 2000 },
    run,
  );
}
