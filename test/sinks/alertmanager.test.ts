import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { hostname } from "node:os";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Posted } from "../../plugins/alertmanager/body.ts";
import type { AlertmanagerOptions } from "../../plugins/alertmanager/options.ts";
import { repeatHook } from "../../plugins/alertmanager/repeat.ts";
import alertmanager, { alertmanagerSink } from "../../plugins/alertmanager.ts";
import { check } from "../../src/config/check.ts";
import type { Alert, Sink, TickHook, Watchdog } from "../../src/plugin.ts";
import { DOWN, FAILURE, RECOVERED } from "./alerts.ts";
import { sinkContract } from "./contract.ts";
import { saidBy } from "./declaration.ts";
import { EXECUTOR, type HookWorld, hookWorld, START, summary } from "./hooks.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const OPTIONS = { authorization: "Bearer planted-token", host: "docker-1", labels: {} };
const INTERVAL_MS = 15_000;
/** Four repeats of a minute. */
const HOLD_MS = 240_000;
const make = (origin: string, options: Partial<AlertmanagerOptions> = {}, intervalMs = INTERVAL_MS) =>
  alertmanagerSink(
    { url: [`${origin}/planted-prefix/`], ...OPTIONS, ...options },
    () => START,
    () => intervalMs,
  );
const later = (ms: number) => new Date(START + ms).toISOString();

/** What Alertmanager's API v2 refuses with 400 (its own `Alert.Validate`). */
function assertValid(posted: Posted[]): void {
  assert.ok(posted.length > 0);
  for (const { labels, annotations, startsAt, endsAt } of posted) {
    assert.ok(labels.alertname);
    for (const [name, value] of Object.entries({ ...labels, ...annotations })) {
      assert.match(name, /^[a-zA-Z_][a-zA-Z0-9_]*$/);
      assert.equal(typeof value, "string");
    }
    assert.ok(Object.values(labels).every((value) => value.length >= 1));
    assert.equal(new Date(startsAt).toISOString(), startsAt);
    assert.equal(new Date(endsAt).toISOString(), endsAt, "else Alertmanager guesses an end");
    assert.ok(endsAt >= startsAt, `${endsAt} is before ${startsAt}`);
  }
}

sinkContract({
  name: "alertmanager",
  make: (origin) => make(origin).sink,
  secrets: ["planted-prefix", "planted-token"],
  success: { status: 200, body: "" },
  answers: {
    "200 with a login page": {
      answer: { status: 200, headers: { "content-type": "text/html" }, body: "<html>" },
      outcome: "retry",
    },
    "204, which Alertmanager does not say": { answer: { status: 204 }, outcome: "retry" },
    "401": { answer: { status: 401 }, outcome: "rejected" },
  },
  bodyLimitBytes: 128 * 1024,
  messageIn: (body) => JSON.parse(body)[0].annotations.summary,
  rules: assertValid,
});

describe("an alert at Alertmanager", () => {
  const bodyOf = (alert: Alert, intervalMs?: number): Posted[] =>
    JSON.parse(make("http://127.0.0.1:1", {}, intervalMs).sink.format(alert).body);

  test("is the same one in every alert of a service, whatever was counted", () => {
    const params = { ...DOWN.params, consecutive_failures: 99, incident_id: "inc_2", hint: "another" };
    const labels = [DOWN, RECOVERED, { ...DOWN, message: "another", params }].map(
      (alert) => bodyOf(alert)[0]!.labels,
    );
    const own = {
      alertname: "ComponentDown",
      event_type: "COMPONENT_DOWN",
      severity: "critical",
      component: "executor",
      container: "spreadpilot-executor",
      host: "docker-1",
    };
    assert.deepEqual(labels, [own, own, own]);
  });

  test("fires until it is not repeated, and ends with its recovery, from when it began", () => {
    const [down] = bodyOf(DOWN) as [Posted];
    assert.deepEqual([down.startsAt, down.endsAt], [DOWN.timestamp, later(HOLD_MS)]);
    const [recovered] = bodyOf(RECOVERED) as [Posted];
    assert.deepEqual(
      [recovered.startsAt, recovered.endsAt],
      ["2026-11-23T18:19:13.000Z", RECOVERED.timestamp],
    );
  });

  test("is held longer where ticks are rare", () => {
    const [down] = bodyOf(DOWN, 10 * 60_000) as [Posted];
    assert.equal(down.endsAt, later(40 * 60_000));
  });

  test("has labels of one's own, and a link to where more is found", () => {
    const options = {
      labels: { team: "ops", constructor: "Acme" },
      generatorURL: "http://docker-1:8787/services/{component}?x={component}",
    };
    for (const alert of [DOWN, RECOVERED, FAILURE]) {
      for (const { labels, generatorURL } of JSON.parse(make("http://a", options).sink.format(alert).body)) {
        const name = alert.params.component_name;
        assert.deepEqual([labels.team, labels.constructor], ["ops", "Acme"]);
        assert.equal(generatorURL, `http://docker-1:8787/services/${name}?x=${name}`);
      }
    }
  });

  test("of a try of the sinks is not critical", () => {
    const tried: Alert = { ...DOWN, severity: "INFO", params: { ...DOWN.params, test: true } };
    assert.equal(bodyOf(tried)[0]!.labels.severity, "info");
  });

  test("that says that a service stays down ends with that service's recovery", () => {
    const gaveUp: Alert = { ...DOWN, event_type: "WATCHDOG_FAILURE" };
    const [failure] = bodyOf(gaveUp) as [Posted];
    assert.equal(failure.labels.alertname, "WatchdogFailure");
    const ended = bodyOf(RECOVERED).find(({ labels }) => labels.alertname === "WatchdogFailure");
    assert.deepEqual(ended!.labels, failure.labels);
  });

  test("of a trouble fires for a day, or until that trouble is over, and no other", () => {
    const trouble = { ...FAILURE, params: { ...FAILURE.params, action: "save the state" } };
    const over = { ...trouble, timestamp: "2026-11-23T18:25:00.000Z" };
    const [began] = bodyOf(trouble) as [Posted];
    const [ended] = bodyOf({ ...over, params: { ...over.params, success: true } }) as [Posted];
    assert.equal(Date.parse(began.endsAt!) - Date.parse(began.startsAt), 86_400_000);
    assert.equal(ended.endsAt, over.timestamp);
    assert.deepEqual(ended.labels, began.labels);
    assert.notDeepEqual(bodyOf(FAILURE)[0]!.labels, began.labels);
  });

  test("goes to the API under the server's path, or to the whole address of the API", () => {
    const urlOf = (url: string) => {
      const options = { url: [url], host: "h", labels: {} };
      return alertmanagerSink(options, Date.now, () => 1).sink.format(DOWN).url;
    };
    assert.equal(urlOf("http://a:9093"), "http://a:9093/api/v2/alerts");
    assert.equal(urlOf("http://a/prefix/"), "http://a/prefix/api/v2/alerts");
    assert.equal(urlOf("http://a/api/v2/alerts"), "http://a/api/v2/alerts");
  });
});

describe("what Alertmanager is told again", () => {
  let receiver: Receiver;
  let world: HookWorld;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.close());
  beforeEach(() => {
    world = hookWorld();
    receiver.answers({ status: 200 });
  });
  const never = new AbortController().signal;
  const hookOf = (options: Partial<AlertmanagerOptions> = {}, intervalMs?: number) =>
    repeatHook(make(receiver.url, options, intervalMs), world, 200);
  const posts = (): Posted[][] => receiver.received.map(({ body }) => JSON.parse(body.toString()));
  const well = { ...EXECUTOR, status: "healthy", incident: null };

  test("is each outage that lasts, once a minute, as one and the same alert", async () => {
    const hook = hookOf();
    for (let i = 0; i < 9; i++) {
      await hook.ticked(summary([EXECUTOR, { ...well, name: "monitor" }]), never);
      world.pass(14_990);
    }
    const { path, headers } = receiver.received[0]!;
    assert.equal(path, "/planted-prefix/api/v2/alerts");
    assert.equal(headers.authorization, "Bearer planted-token");
    const again = {
      labels: JSON.parse(make(receiver.url).sink.format(DOWN).body)[0].labels,
      annotations: { summary: EXECUTOR.incident!.message },
      startsAt: DOWN.timestamp,
    };
    const until = (ms: number) => [{ ...again, endsAt: later(ms + HOLD_MS) }];
    assert.deepEqual(posts(), [until(0), until(59_960), until(119_920)]);
    posts().forEach(assertValid);
  });

  test("is nothing while nothing is down", async () => {
    const hook = hookOf();
    for (let i = 0; i < 3; i++) {
      await hook.ticked(summary([well]), never);
      world.pass(60_000);
    }
    assert.deepEqual(posts(), []);
  });

  test("is the end of an outage, for 5 min, with one and the same time", async () => {
    const hook = hookOf();
    await hook.ticked(summary([EXECUTOR]), never);
    for (let i = 0; i < 10; i++) {
      world.pass(60_000);
      await hook.ticked(summary([well]), never);
    }
    const ends = posts().map(([alert]) => alert!.endsAt);
    const end = new Date(START + 60_000).toISOString();
    assert.deepEqual(ends, [later(HOLD_MS), ...Array(6).fill(end)]);
    posts().forEach(assertValid);
  });

  test("is the new outage alone when one follows another", async () => {
    const hook = hookOf();
    const second = { ...EXECUTOR.incident!, id: "inc_2", startedAt: START + 120_000 };
    for (const service of [EXECUTOR, well, { ...EXECUTOR, incident: second }]) {
      await hook.ticked(summary([service]), never);
      world.pass(60_000);
    }
    assert.deepEqual(
      posts().map((alerts) => alerts.map(({ startsAt, endsAt }) => [startsAt, endsAt])),
      [
        [[DOWN.timestamp, later(HOLD_MS)]],
        [[DOWN.timestamp, later(60_000)]],
        [[later(120_000), later(120_000 + HOLD_MS)]],
      ],
    );
  });

  test("is held until the next repeats where ticks are rare", async () => {
    await hookOf({}, 600_000).ticked(summary([EXECUTOR]), never);
    assert.equal(posts()[0]![0]!.endsAt, later(2_400_000));
  });

  test("is held until the next repeats where a scheduler ticks more rarely than is configured", async () => {
    const server = make(receiver.url);
    const hook = repeatHook(server, world, 200);
    await hook.ticked(summary([EXECUTOR], true, 330_000), never);
    const told = JSON.parse(server.sink.format(DOWN).body)[0].endsAt;
    await hook.ticked(summary([well], true, 40 * 86_400_000), never);
    const most = JSON.parse(server.sink.format(DOWN).body)[0].endsAt;
    const hold = later(4 * 330_000);
    assert.deepEqual([posts()[0]![0]!.endsAt, told, most], [hold, hold, later(86_400_000)]);
  });

  test("is only what the sink's route takes", async () => {
    for (const options of [
      { services: ["monitor"] },
      { events: ["WATCHDOG_FAILURE" as const] },
      { severities: ["INFO" as const] },
    ]) {
      await hookOf(options).ticked(summary([EXECUTOR]), never);
    }
    assert.deepEqual(posts(), []);
    await hookOf({ services: ["executor"], events: ["COMPONENT_DOWN"] }).ticked(summary([EXECUTOR]), never);
    assert.equal(posts().length, 1);
  });

  test("goes to every member of a cluster, and each is heard by itself", async () => {
    const other = await startReceiver();
    other.answers({ status: 503 }, { status: 200 });
    const hook = repeatHook(make("", { url: [receiver.url, other.url].map((url) => `${url}/`) }), world, 200);
    for (let i = 0; i < 2; i++) {
      await hook.ticked(summary([EXECUTOR]), never);
      world.pass(60_000);
    }
    await other.close();
    assert.deepEqual(
      other.received.map(({ body }) => body.toString()),
      receiver.received.map(({ body }) => body.toString()),
    );
    assert.deepEqual(world.lines, [
      `warn: firing alerts are not repeated at ${other.url}: HTTP 503`,
      `info: firing alerts are repeated at ${other.url} again`,
    ]);
  });

  for (const [what, answer, reason] of [
    ["an answer that is no success", { status: 500, body: "planted" }, "HTTP 500"],
    ["a redirect", { status: 302, headers: { location: "/elsewhere" } }, "HTTP 302"],
    ["a receiver that never answers", { play: "silent" }, "no answer in 0.2 s"],
  ] as const) {
    test(`${what} is told to the log once, and its end once`, async () => {
      receiver.answers(answer, answer, { status: 200 });
      const hook = hookOf();
      for (let i = 0; i < 4; i++) {
        await hook.ticked(summary([EXECUTOR]), never);
        world.pass(60_000);
      }
      assert.equal(receiver.received.length, 4);
      assert.deepEqual(world.lines, [
        `warn: firing alerts are not repeated at ${receiver.url}: ${reason}`,
        `info: firing alerts are repeated at ${receiver.url} again`,
      ]);
    });
  }

  test("ends when the watchdog stops, without a word and without a listener left behind", async () => {
    receiver.answers({ play: "silent" });
    const stop = new AbortController();
    const posting = hookOf().ticked(summary([EXECUTOR]), stop.signal);
    stop.abort();
    await posting;
    assert.deepEqual(world.lines, []);
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  });
});

describe("the settings of alertmanager", () => {
  const url = "http://alertmanager:9093/";
  const read = (settings: unknown) => check(alertmanager.options!, settings, ["plugins", "alertmanager"]);

  test("one URL is enough: the host is this one", () => {
    assert.deepEqual(read({ url }), { ok: true, value: { url: [url], host: hostname(), labels: {} } });
  });

  test("the environment names all members of a cluster", () => {
    const env = { ALERTMANAGER_URL: " http://a:9093, http://b:9093 ,," };
    const { value } = read(saidBy(alertmanager, env)) as { value: AlertmanagerOptions };
    assert.deepEqual(value.url, ["http://a:9093/", "http://b:9093/"]);
  });

  test("the environment names the server and its login, and an empty one is not set", () => {
    const env = { ALERTMANAGER_URL: url, ALERTMANAGER_AUTHORIZATION: "Basic abc" };
    assert.deepEqual(saidBy(alertmanager, env), { url: [url], authorization: "Basic abc" });
    assert.deepEqual(saidBy(alertmanager, { ALERTMANAGER_URL: "", ALERTMANAGER_AUTHORIZATION: "" }), {});
  });

  for (const [what, settings, path] of [
    ["no URL", {}, "url"],
    ["no URL in a list", { url: [] }, "url"],
    ["a URL with a password", { url: [url, "http://u:planted@a"] }, "url[1]"],
    ["one URL twice", { url: [url, "http://alertmanager:9093"] }, "url"],
    ["a label that is ours", { url, labels: { severity: "low" } }, "labels"],
    ["a label of Prometheus' own", { url, labels: { __name__: "x" } }, "labels"],
    ["a label with another name", { url, labels: { "the-team": "ops" } }, "labels"],
    ["an empty label", { url, labels: { team: "" } }, "labels"],
    ["a label that is no text", { url, labels: { tier: 1 } }, "labels.tier"],
    ["labels as a list", { url, labels: ["team"] }, "labels"],
    ["a link that is none", { url, generatorURL: "docker-1:8787" }, "generatorURL"],
    ["a header with a line break", { url, authorization: "planted\r\nx: y" }, "authorization"],
    ["an empty host", { url, host: "" }, "host"],
    ["an unknown key", { url, hots: "planted" }, "hots"],
  ] as const) {
    test(`${what} is refused, with its path and without a secret`, () => {
      const checked = read(settings);
      assert.ok(!checked.ok);
      assert.equal(checked.faults[0]!.path, `plugins.alertmanager.${path}`);
      assert.doesNotMatch(checked.faults.map(({ found, accepted }) => found + accepted).join(), /planted/);
    });
  }

  test("make a sink and a hook", () => {
    const sinks: Sink[] = [];
    const hooks: TickHook[] = [];
    const sink = (one: Sink) => sinks.push(one);
    const hook = (one: TickHook) => hooks.push(one);
    const watchdog = { ...hookWorld(), intervalMs: 1, sink, hook } as unknown as Watchdog;
    const urls = ["http://a:9093/planted", "http://b:9093/planted"];
    alertmanager({ url: urls, host: "h", labels: {}, services: ["executor"] }).setup(watchdog);
    assert.deepEqual([sinks[0]!.name, sinks[0]!.target], ["alertmanager", "http://a:9093, http://b:9093"]);
    assert.deepEqual(sinks[0]!.settings, { services: ["executor"] });
    assert.equal(hooks[0]!.name, "alertmanager");
  });
});
