/** Who ended a container: a table of what the engine's events mean, and a real engine. */
import assert from "node:assert/strict";
import test from "node:test";
import { endedByHand, parseEvents } from "../../plugins/docker/by-hand.ts";
import { docker as client, container, engineTest } from "../engine.ts";
import { dockerRestarter, fakeClient, never, service } from "./docker.setup.ts";

const AT = Date.UTC(2026, 10, 23, 18, 20, 15);

/** `kill:9` is the event kill with its signal. */
function lines(words: string): string {
  return words
    .split(" ")
    .filter(Boolean)
    .map((word, second) => {
      const [Action, signal] = word.split(":");
      const Attributes = { name: "app", ...(signal ? { signal } : {}) };
      return JSON.stringify({ Action, Actor: { Attributes }, timeNano: (AT + second * 1000) * 1e6 });
    })
    .join("\n");
}

const TABLE: readonly (readonly [what: string, events: string, how: string | undefined])[] = [
  ["a stop", "kill:15 die stop", "docker stop"],
  ["a stop that had to kill", "kill:15 kill:9 die stop", "docker stop"],
  ["a stop whose signal was sent long before", "die stop", "docker stop"],
  ["a stop of a container that was started a while ago", "start kill:15 die stop", "docker stop"],
  ["a kill", "kill:9 die", "docker kill"],
  ["a stop whose last event has yet to come", "kill:15 kill:9 die", "docker stop"],
  ["a crash", "die", undefined],
  ["want of memory", "oom die", undefined],
  ["a crash after a reload", "kill:1 die", undefined],
  ["a crash after a restart", "kill:15 die stop start restart die", undefined],
  ["a crash within a restart", "kill:15 die stop start die restart", undefined],
  ["a crash after a person's stop and start", "kill:15 die stop start die", undefined],
  ["a stop after a crash that the engine restarted", "die start kill:15 die stop", "docker stop"],
  ["a stop whose end has yet to be told", "kill:15", "docker stop"],
  ["a reload, and no end", "kill:1", undefined],
  ["a forgotten history", "", undefined],
];

for (const [what, events, how] of TABLE) {
  test(`${what} is ${how ? `said to be ${how}` : "nobody's doing"}`, () => {
    assert.equal(endedByHand(parseEvents(lines(events)))?.match(/\((.*)\)/)?.[1], how);
  });
}

test("it is said when, and what is no event is left out", () => {
  const noise = `json\n{"Action":1}\n${lines("kill:9 die")}\n{"Action":"die"`;
  assert.equal(
    endedByHand(parseEvents(noise)),
    "stopped by a person at 2026-11-23 18:20:15 UTC (docker kill)",
  );
});

const GENTLE = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"];

/** Gives out when its file appears. */
const FRAIL = ["sh", "-c", "while [ ! -e /tmp/end ]; do sleep 0.1; done; exit 3"];
const crash = (id: string) => client(["exec", id, "sh", "-c", "echo >/tmp/end"]);
const ended = (id: string) => client(["wait", id]);

engineTest(
  "on a real engine a stop and a kill are a person's, and a running container nobody's",
  async (t) => {
    const docker = await dockerRestarter();
    const app = await container(t, "app", { command: GENTLE });
    assert.equal(await docker.stoppedByHand(app.name, never), undefined);
    await client(["stop", app.id]);
    assert.match(
      (await docker.stoppedByHand(app.name, never))!,
      /^stopped by a person at .* \(docker stop\)$/,
    );
    await client(["start", app.id]);
    await client(["kill", app.id]);
    assert.match((await docker.stoppedByHand(app.name, never))!, /\(docker kill\)$/);
  },
);

engineTest("on a real engine a stop is a person's while it still waits for the end", async (t) => {
  const docker = await dockerRestarter();
  const app = await container(t, "app", { command: ["sleep", "1000"], options: ["--stop-timeout", "3"] });
  assert.equal(await docker.stoppedByHand(app.name, never), undefined);
  const stopped = client(["stop", app.id]);
  let told: string | undefined;
  while (told === undefined) told = await docker.stoppedByHand(app.name, never);
  assert.equal(await client(["inspect", "-f", "{{.State.Status}}", app.id]), "running");
  assert.match(told, /\(docker stop\)$/);
  await stopped;
  assert.match((await docker.stoppedByHand(app.name, never))!, /\(docker stop\)$/);
  await client(["start", app.id]);
  assert.equal(await docker.stoppedByHand(app.name, never), undefined);
});

engineTest("on a real engine a crash is nobody's, also after a restart of ours", async (t) => {
  const docker = await dockerRestarter();
  const app = await container(t, "app", { command: FRAIL, options: ["--stop-timeout", "0"] });
  assert.equal((await docker.restart(service(app.name), never)).ok, true);
  assert.equal(await docker.stoppedByHand(app.name, never), undefined);
  await crash(app.id);
  assert.equal(await ended(app.id), "3");
  assert.equal(await docker.stoppedByHand(app.name, never), undefined);
});

engineTest("on a real engine a restart of ours that cannot start it again is nobody's stop", async (t) => {
  const docker = await dockerRestarter();
  // Its own program is renamed while it runs: the next start finds none.
  const command = ["sh", "-c", "cat /bin/busybox >/tmp/x; exec sleep 1000"];
  const app = await container(t, "app", { command, options: ["--stop-timeout", "0"] });
  await client(["exec", app.id, "/bin/busybox", "mv", "/bin/sh", "/bin/gone"]);
  const result = await docker.restart(service(app.name), never);
  assert.equal(result.ok, false, result.reason);
  assert.equal(await client(["inspect", "-f", "{{.State.Status}}", app.id]), "exited");
  assert.equal(await docker.stoppedByHand(app.name, never), undefined);
});

engineTest(
  "what the engine told is remembered, for it forgets, until the container lives again",
  async (t) => {
    const app = await container(t, "app", { command: GENTLE });
    const fake = fakeClient(t, 'real "$@"\n');
    const docker = await dockerRestarter({}, fake.env);
    const asked = () => fake.calls().filter((call) => call.startsWith("events")).length;
    await client(["kill", app.id]);
    const told = await docker.stoppedByHand(app.name, never);
    assert.equal(await docker.stoppedByHand(app.name, never), told);
    assert.equal(asked(), 1);
    await client(["start", app.id]);
    await client(["stop", app.id]);
    assert.match((await docker.stoppedByHand(app.name, never))!, /docker stop/);
    assert.equal(asked(), 2);
  },
);

test("an engine that does not tell its events in time leaves it open", async (t) => {
  const inspected = JSON.stringify([
    {
      Id: "ab".repeat(32),
      Name: "/app",
      State: { Status: "exited", FinishedAt: new Date(AT).toISOString() },
    },
  ]);
  const fake = fakeClient(t, `[ "$1" = events ] && hang\necho '${inspected}'\n`);
  const docker = await dockerRestarter({}, fake.env);
  const over = new AbortController();
  const asked = docker.stoppedByHand("app", over.signal);
  await fake.called("events --since 1795458000.000 --until 1795458015.500");
  over.abort("looked long enough");
  assert.equal(await asked, undefined);
});
