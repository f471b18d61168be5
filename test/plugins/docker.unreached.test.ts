/** What a real engine shows of two containers that are apart, also through the patterns of the socket proxy. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { parse } from "yaml";
import { createClient } from "../../plugins/docker/client.ts";
import { inspectContainers } from "../../plugins/docker/inspect.ts";
import type { Spot } from "../../plugins/docker/self.ts";
import { createUnreached } from "../../plugins/docker/unreached.ts";
import type { FailedCheck } from "../../src/plugin.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { docker, engineTest, testImage } from "../engine.ts";
import { clock, fakeClient, never } from "./docker.setup.ts";

const redact = createRedactor();
let serial = 0;
const named = (word: string) => `spreadpilot-test-${process.pid}-${++serial}-${word}`;

/** Containers and a network, removed in that order when the test ends. */
async function townOf(t: TestContext) {
  const network = named("net");
  const ids: string[] = [];
  await docker(["network", "create", network]);
  t.after(async () => {
    for (const id of ids) await docker(["rm", "-f", "-v", id]).catch(() => {});
    await docker(["network", "rm", network]);
  });
  async function start(name: string, ...options: string[]): Promise<string> {
    const id = await docker(["run", "-d", "--name", name, ...options, testImage(), "sleep", "1000"]);
    ids.push(id);
    return id;
  }
  return { network, start };
}

const addressOf = (id: string, network: string) =>
  docker(["inspect", "-f", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, id]);

/** Why it is out of reach, from this spot. */
async function asked(env: Record<string, string>, spot: Spot, container: string, check: FailedCheck) {
  const client = createClient({ clock, env: { ...process.env, ...env } });
  const look = await inspectContainers(client, [container], redact, never);
  assert.ok(look.ok, look.ok ? "" : look.reason);
  const unreached = createUnreached({ client, clock, redact, look: () => spot });
  const found = await unreached(look.found, new Map([[container, check]]), never);
  await unreached(look.found, new Map([[container, check]]), never);
  return found.get(container);
}

/** Lets through what the compose file's proxy lets through. */
async function proxied(t: TestContext): Promise<{ env: Record<string, string>; denied: string[] }> {
  const compose = parse(readFileSync("deploy/compose.socket-proxy.yaml", "utf8"));
  const { hostname, container_name } = compose.services.watchdog;
  assert.equal(hostname, container_name, "by its host name the watchdog asks for its own container");
  const parameters: string[] = compose.services["docker-proxy"].command;
  const patternOf = (method: string) =>
    new RegExp(
      `^(${parameters
        .find((one) => one.startsWith(`-allow${method}=`))!
        .split("=")
        .slice(1)
        .join("=")})$`,
    );
  const denied: string[] = [];
  const proxy = createServer(({ method = "", url = "", headers }, response) => {
    if (!patternOf(method).test(url.replace(/\?.*/, ""))) {
      denied.push(`${method} ${url}`);
      return response.writeHead(403, { "content-type": "text/plain" }).end("Forbidden\n");
    }
    httpRequest({ socketPath: "/var/run/docker.sock", method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    }).end();
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => void proxy.close());
  return { env: { DOCKER_HOST: `tcp://127.0.0.1:${(proxy.address() as AddressInfo).port}` }, denied };
}

engineTest(
  "a container on another network is out of reach until its network is joined, also behind the proxy",
  async (t) => {
    const { network, start } = await townOf(t);
    const [service, guard] = [named("service"), named("guard")];
    const id = await start(service, "--network", network, "--network-alias", "executor");
    const own = await start(guard, "--hostname", guard);
    const spot: Spot = {
      isInContainer: true,
      id: own,
      hostname: guard,
      addresses: ["127.0.0.1", await addressOf(own, "bridge")],
    };
    const byName: FailedCheck = { url: "http://executor:8080/health", fault: "unresolved" };
    const address = await addressOf(id, network);
    const byAddress: FailedCheck = { url: `http://${address}:8080/health`, fault: "unconnected" };
    const command = `container ${guard} \\(network bridge\\) .*\`docker network connect ${network} ${guard}\``;
    const { env, denied } = await proxied(t);
    for (const way of [{}, env]) {
      for (const check of [byName, byAddress]) {
        const why = await asked(way, spot, service, check);
        assert.match(why!.reason, new RegExp(command));
        assert.equal(why!.cause, network);
      }
    }
    assert.deepEqual(denied, [], "its name is enough to find itself");

    // With a host name that is not its name, the proxy does not show it: less is said, and asked once.
    const nameless = { ...spot, hostname: own.slice(0, 12) };
    const less = await asked(env, nameless, service, byName);
    assert.match(
      less!.reason,
      new RegExp(`the watchdog \\(${spot.addresses[1]}\\) is not on the network ${network}: run`),
    );
    assert.equal((await asked(env, nameless, service, byAddress))!.cause, network);
    assert.equal(denied.length, 2, "once for each of two watchdogs");

    await docker(["network", "connect", network, guard]);
    assert.equal(await asked({}, spot, service, byAddress), undefined);
    const joined = await asked({}, spot, service, { ...byName, url: "http://exekutor/" });
    assert.match(joined!.reason, /it is called .*executor, .*and not "exekutor"/);
    await docker(["stop", "-t", "0", service]);
    assert.equal(await asked({}, spot, service, byName), undefined, "it does not run");
  },
);

engineTest(
  "this host reaches an address of the engine's networks, and knows no names of theirs",
  async (t) => {
    const { network, start } = await townOf(t);
    const service = named("service");
    const id = await start(service, "--network", network, "--network-alias", "executor");
    const client = createClient({ clock, env: process.env });
    const look = await inspectContainers(client, [service], redact, never);
    assert.ok(look.ok);
    const unreached = createUnreached({ client, clock, redact });
    const of = async (check: FailedCheck) =>
      (await unreached(look.found, new Map([[service, check]]), never)).get(service);
    assert.equal((await of({ url: "http://executor/", fault: "unresolved" }))?.cause, "host");
    const address = await addressOf(id, network);
    assert.equal(await of({ url: `http://${address}/`, fault: "unconnected" }), undefined);
  },
);

test("a network that many containers live in is asked for once, and a healthy town asks for nothing", async (t) => {
  const id = (n: number) => `${n}`.padStart(64, "0");
  const child = (n: number) => ({
    Id: id(n),
    Name: `/child-${n}`,
    State: { Status: n === 3 ? "exited" : "running" },
    HostConfig: { NetworkMode: `container:${id(0)}` },
  });
  const children = [1, 2, 3, 4, 5].map(child);
  const gate = { Id: id(0), Name: "/gate", NetworkSettings: { Networks: { shop: { NetworkID: "s" } } } };
  const fake = fakeClient(
    t,
    `case "$4" in child-*) echo '${JSON.stringify(children)}';; *) echo '${JSON.stringify([gate])}';; esac\n`,
  );
  const client = createClient({ clock, env: { ...process.env, ...fake.env } });
  const names = children.map(({ Name }) => Name.slice(1));
  const look = await inspectContainers(client, names, redact, never);
  assert.ok(look.ok);
  const spot = { isInContainer: false, id: "", hostname: "box", addresses: [] };
  const unreached = createUnreached({ client, clock, redact, look: () => spot });
  assert.equal((await unreached(look.found, new Map(), never)).size, 0);
  assert.equal(fake.calls().length, 1);
  const failed = new Map(
    names.map((name): [string, FailedCheck] => [name, { url: "http://gate/", fault: "unresolved" }]),
  );
  const found = await unreached(look.found, failed, never);
  assert.deepEqual([...found.keys()], ["child-1", "child-2", "child-4", "child-5"]);
  assert.equal(fake.calls().length, 2);
});
