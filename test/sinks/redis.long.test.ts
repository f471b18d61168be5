import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { createClient } from "redis";
import { classifyFault } from "../../plugins/redis/classify.ts";
import redis, { redisSink } from "../../plugins/redis.ts";
import { deliver } from "../../src/delivery/send.ts";
import type { Alert, Delivery, Sink } from "../../src/plugin.ts";
import { notInstalled } from "../installed.ts";
import { DOWN, FAILURE, HOSTILE_TEXTS, RECOVERED, withText } from "./alerts.ts";
import { REAL_PORTS } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";
import { makeRedisServer, type RedisServer } from "./redis-server.ts";

const send = (sink: Sink, alert: Alert, timeoutMs = 10_000): Promise<Delivery> =>
  deliver(sink, alert, REAL_PORTS, undefined, { timeoutMs });

const OWN = { stream: "alerts", format: "alert" } as const;

/** SpreadPilot's alert-router: its group, its way to read, and the one field that it looks at. */
async function alertRouter(url: string, stream = "alerts") {
  const client = createClient({ url, RESP: 2 });
  client.on("error", () => {});
  await client.connect();
  const group = "alert-router-group";
  await client.xGroupCreate(stream, group, "0-0", { MKSTREAM: true }).catch((fault: Error) => {
    if (!fault.message.includes("BUSYGROUP")) throw fault;
  });
  return {
    client,
    async read(): Promise<{ entry: string; fields: string[]; event: Record<string, unknown> }[]> {
      const news = { key: stream, id: ">" };
      const streams = await client.xReadGroup(group, "alert-router-1", news, { COUNT: 10, BLOCK: 1000 });
      const read =
        (streams as { messages: { id: string; message: Record<string, string> }[] }[] | null) ?? [];
      const messages = read.flatMap(({ messages }) => messages);
      for (const { id } of messages) await client.xAck(stream, group, id);
      return messages.map(({ id, message }) => ({
        entry: id,
        fields: Object.keys(message),
        event: JSON.parse(message.alert ?? "{}"),
      }));
    },
    close: () => client.destroy(),
  };
}

describe("the sink redis", { skip: notInstalled("redis-server") }, () => {
  let server: RedisServer;
  let url: string;
  let sink: Sink;
  before(async () => {
    server = await makeRedisServer();
    url = server.url;
    await server.start();
  });
  after(() => server.remove());
  beforeEach(async () => {
    sink = redisSink({ url, ...OWN });
    await server.empty();
  });

  test("adds the whole alert, where SpreadPilot's subscriber reads its event, too", async () => {
    const router = await alertRouter(url);
    const deliveries = [];
    for (const alert of [DOWN, RECOVERED, FAILURE]) deliveries.push(await send(sink, alert));
    const read = await router.read();
    router.close();
    assert.deepEqual(
      read.map(({ event }) => event),
      [DOWN, RECOVERED, FAILURE],
    );
    for (const [index, { fields, entry }] of read.entries()) {
      assert.deepEqual(fields, ["alert"]);
      assert.deepEqual(deliveries[index], { outcome: "delivered", reason: `entry ${entry}` });
    }
  });

  test("an alert that was added before the router first came is read by it", async () => {
    await send(sink, DOWN);
    const router = await alertRouter(url);
    assert.deepEqual(
      (await router.read()).map(({ event }) => event.event_type),
      ["COMPONENT_DOWN"],
    );
    router.close();
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(`what was delivered is still there after the server's ${signal}, and the sink goes on`, async () => {
      const before = await alertRouter(url);
      assert.equal((await send(sink, DOWN)).outcome, "delivered");
      before.close();
      await server.stop(signal);
      assert.deepEqual(await send(sink, RECOVERED), { outcome: "retry", reason: "connection refused" });
      await server.start();
      assert.equal((await send(sink, RECOVERED)).outcome, "delivered");
      const after = await alertRouter(url);
      assert.deepEqual(
        (await after.read()).map(({ event }) => event),
        [DOWN, RECOVERED],
      );
      assert.deepEqual(await after.read(), [], "what was acknowledged before comes again");
      after.close();
    });
  }

  for (const [what, text] of Object.entries(HOSTILE_TEXTS)) {
    test(`a message of ${what} arrives whole or cut, and fits into one Telegram message`, async () => {
      const router = await alertRouter(url);
      assert.equal((await send(sink, withText(DOWN, text))).outcome, "delivered");
      const { event } = (await router.read())[0]!;
      router.close();
      const whole = text.replace(/\p{Surrogate}/gu, "\uFFFD");
      const message = String(event.message);
      if (message !== whole) {
        assert.ok(message.endsWith("…") && message.length > 200);
        assert.ok(whole.startsWith(message.slice(0, -1)));
      }
      const shown = [message, ...Object.values(event.params as object)].join("");
      assert.ok([...shown].length < 4000, `${[...shown].length} characters`);
      assert.doesNotMatch(JSON.stringify(event), /\\ud[89ab]..(?!\\ud)/i, "half a surrogate pair");
    });
  }

  test("goes to another stream and another database", async () => {
    const elsewhere = redisSink({ url: `${url}/3`, ...OWN, stream: "other alerts" });
    assert.equal((await send(elsewhere, DOWN)).outcome, "delivered");
    const router = await alertRouter(`${url}/3`, "other alerts");
    assert.equal((await router.read()).length, 1);
    router.close();
  });

  test("leaves no connection behind", async () => {
    await send(sink, DOWN);
    await send(sink, RECOVERED);
    const client = await createClient({ url }).connect();
    const others = async () => (await client.clientList()).length - 1;
    // The server takes note of a closed connection a moment later.
    for (let i = 0; i < 100 && (await others()) > 0; i++) await client.ping();
    assert.equal(await others(), 0);
    client.destroy();
  });

  test("40 alerts at once all arrive", async () => {
    const alerts = Array.from({ length: 40 }, (_, i) => ({ ...DOWN, message: `alert ${i}` }));
    const deliveries = await Promise.all(alerts.map((alert) => send(sink, alert)));
    assert.deepEqual(new Set(deliveries.map(({ outcome }) => outcome)), new Set(["delivered"]));
    const client = await createClient({ url }).connect();
    assert.equal(await client.xLen("alerts"), 40);
    client.destroy();
  });

  test("a key that is no stream is final; a server without memory is tried again", async () => {
    const client = await createClient({ url }).connect();
    await client.set("alerts", "text");
    assert.deepEqual(await send(sink, DOWN), {
      outcome: "rejected",
      reason: "the key is not a stream: something else in Redis has this name",
    });
    await client.del("alerts");
    await client.configSet("maxmemory", "1");
    const full = await send(sink, DOWN);
    await client.configSet("maxmemory", "0");
    client.destroy();
    assert.deepEqual(full, { outcome: "retry", reason: "Redis said OOM" });
  });

  test("a login that is refused is final, and its password is shown nowhere", async () => {
    const locked = await makeRedisServer(["--requirepass", "planted secret"]);
    try {
      await locked.start();
      const at = `127.0.0.1:${locked.port}`;
      for (const login of ["", ":planted-wrong@", "nobody:planted%20secret@"]) {
        const stranger = redisSink({ url: `redis://${login}${at}`, ...OWN });
        const { outcome, reason } = await send(stranger, DOWN);
        assert.equal(outcome, "rejected");
        assert.match(reason, /refused the login: check/);
        assert.doesNotMatch(reason + stranger.target, /planted/);
      }
      const friend = redisSink({ url: `redis://:planted%20secret@${at}`, ...OWN });
      assert.equal((await send(friend, DOWN)).outcome, "delivered");
    } finally {
      await locked.remove();
    }
    const open = redisSink({ url: url.replace("//", "//:planted@"), ...OWN });
    assert.match((await send(open, DOWN)).reason, /refused the login/);
  });
});

describe("the sink redis at a port where no Redis is", () => {
  let server: Server;
  let sink: Sink;
  let onConnection = (_socket: Socket) => {};
  before(async () => {
    server = createServer((socket) => {
      socket.on("error", () => {});
      onConnection(socket);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    sink = redisSink({ url: `redis://:planted@127.0.0.1:${port}`, ...OWN });
  });
  after(() => {
    server.close();
  });

  test("is given up at the deadline, and hangs up", async () => {
    const closed = new Promise<void>((resolve) => {
      onConnection = (socket) => {
        socket.resume();
        socket.on("close", () => resolve());
      };
    });
    assert.deepEqual(await send(sink, DOWN, 250), { outcome: "retry", reason: "no answer in 0.25 s" });
    await closed;
  });

  test("is tried again when the connection is closed, or the answer is nonsense", async () => {
    for (const play of [
      (socket: Socket) => socket.destroy(),
      (socket: Socket) => socket.once("data", () => socket.destroy()),
      (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\nplanted"),
    ]) {
      onConnection = play;
      const { outcome, reason } = await send(sink, DOWN, 2000);
      assert.equal(outcome, "retry", reason);
      assert.doesNotMatch(reason, /planted|no answer/);
    }
  });

  test("does nothing once the watchdog stops, and listens no longer", async () => {
    onConnection = (socket) => socket.resume();
    const stop = new AbortController();
    const direct = sink as Extract<Sink, { deliver: unknown }>;
    const delivering = direct.deliver(DOWN, stop.signal);
    stop.abort();
    const { outcome, reason } = await delivering;
    assert.deepEqual([outcome, reason], ["retry", "stopped before Redis took it"]);
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  });
});

test("what Redis says of itself is tried again, and what it says of us is final", () => {
  const outcomeOf = (message: string) => classifyFault(new Error(message)).outcome;
  for (const passing of [
    "LOADING Redis is loading the dataset in memory",
    "READONLY You can't write against a read only replica.",
    "MISCONF Redis is configured to save RDB snapshots",
    "NOREPLICAS Not enough good replicas to write.",
    "BUSY Redis is busy running a script",
    "ERR max number of clients reached",
  ]) {
    assert.equal(outcomeOf(passing), "retry", passing);
  }
  for (const final of [
    "NOPERM this user has no permissions to run the 'xadd' command",
    "NOAUTH Authentication required.",
    "ERR DB index is out of range",
  ]) {
    assert.equal(outcomeOf(final), "rejected", final);
  }
  assert.deepEqual(classifyFault(undefined), { outcome: "retry", reason: "the connection to Redis failed" });
});

const URL_OK = "redis://user:planted@redis:6379/2";

sinkDeclaration({
  name: "redis",
  plugin: redis,
  enough: { url: URL_OK, stream: "alerts", format: "spreadpilot" },
  env: { REDIS_URL: URL_OK, REDIS_ALERT_STREAM: "alerts", REDIS_ALERT_FORMAT: "spreadpilot" },
  target: "redis redis:6379/2, stream alerts",
  faults: [
    ["a URL that is none", { url: "planted" }, "url"],
    ["a URL of another kind", { url: "http://planted.example" }, "url"],
    ["a URL without a host", { url: "redis:planted" }, "url"],
    ["a database that is no number", { url: "redis://h/planted" }, "url"],
    ["a password that cannot be read", { url: "redis://:planted%@h" }, "url"],
    ["an empty stream", { url: URL_OK, stream: "" }, "stream"],
    ["another format", { url: URL_OK, format: "xml" }, "format"],
    ["another fate of recoveries", { url: URL_OK, format: "spreadpilot", recovered: "drop" }, "recovered"],
    ["a fate of recoveries that nothing needs", { url: URL_OK, recovered: "skip" }, "recovered"],
  ],
});
