/** It is the container of exactly that name, or none: the engine would take a name for the beginning of an id. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import test from "node:test";
import { docker as client, container, engineTest, testImage, uniqueName } from "../engine.ts";
import { dockerRestarter, fakeClient, never, service } from "./docker.setup.ts";

const startedAt = (id: string) => client(["inspect", "-f", "{{.State.StartedAt}}", id]);
const QUICK = { options: ["--stop-timeout", "0"] };

engineTest("no beginning of an id, in either case, restarts, stops or reads a container", async (t) => {
  const words = ["sh", "-c", "echo not yours; exec sleep 1000"];
  const app = await container(t, "app", { ...QUICK, command: words });
  const before = await startedAt(app.id);
  const docker = await dockerRestarter();
  const prefixes = Array.from({ length: 64 }, (_, n) => app.id.slice(0, n + 1));
  const capitals = prefixes.map((prefix) => prefix.toUpperCase());
  assert.deepEqual(await docker.inspect([...prefixes, ...capitals], never), { ok: true, containers: {} });
  const some = [1, 2, 3, 4, 8, 12, 32, 63, 64].map((length) => app.id.slice(0, length));
  await Promise.all(
    [...some, capitals[11]!].map(async (name, n) => {
      const asked = service(name);
      const result = await (n % 3 === 0 ? docker.stop(asked, never) : docker.restart(asked, never));
      assert.equal(result.ok === false && result.fault, "no_such_container", `${name}: ${result.reason}`);
    }),
  );
  const short = app.id.slice(0, 12);
  const refused = await docker.restart(service(short), never);
  assert.match(
    refused.reason,
    new RegExp(`no container named ${short} \\(the id of ${app.name} begins like this`),
  );
  const evidence = await docker.evidence(service(short), never);
  assert.deepEqual([evidence.facts, evidence.logLines], [undefined, []]);
  await client(["stop", app.id]);
  assert.equal(await docker.stoppedByHand(short, never), undefined);
  assert.equal(await startedAt(app.id), before);
});

engineTest("a container with a name of hexadecimal digits, of capitals or with dots is itself", async (t) => {
  const docker = await dockerRestarter({ evidenceTimeout: "20s" });
  const hex = randomBytes(5).toString("hex");
  const names = [hex, `FEED${hex}`, `a.${hex}.b_c-d`, `0x${hex}`];
  await Promise.all(
    names.map(async (name) => {
      const words = ["sh", "-c", `echo I am ${name}; exec sleep 1000`];
      const parts = ["--name", name, "--network", "none", "--stop-timeout", "0", testImage(), ...words];
      const id = await client(["create", ...parts]);
      t.after(() => client(["rm", "-f", "-v", id]).catch(() => {}));
      await client(["start", id]);
      const before = await startedAt(id);
      const evidence = await docker.evidence(service(name), never);
      assert.match(evidence.logLines.join("\n"), new RegExp(`I am ${name}$`));
      const result = await docker.restart(service(name), never);
      assert.equal(result.ok, true, result.reason);
      assert.notEqual(await startedAt(id), before);
      assert.deepEqual(
        await docker.inspect([name.slice(0, -1), `${name}x`], never),
        { ok: true, containers: {} },
        "a longer or a shorter name is another one",
      );
    }),
  );
});

engineTest(
  "the beginnings of two ids do not hide the containers that were asked for beside them",
  async (t) => {
    const app = await container(t, "app", { start: false });
    const seen = new Set<string>();
    let ambiguous = app.id.slice(0, 1);
    while (!seen.has(ambiguous)) {
      seen.add(ambiguous);
      ambiguous = (await container(t, "other", { start: false })).id.slice(0, 1);
    }
    const docker = await dockerRestarter();
    const look = await docker.inspect([ambiguous, app.name], never);
    assert.deepEqual(look.ok && Object.keys(look.containers), [app.name], JSON.stringify(look));
    const result = await docker.restart(service(ambiguous), never);
    assert.equal(result.ok === false && result.fault, "no_such_container", result.reason);
  },
);

engineTest(
  "a name that another container takes over is not acted upon for the one that was looked at",
  async (t) => {
    const name = uniqueName("app");
    const old = await container(t, "old", QUICK);
    const young = await container(t, "young", QUICK);
    await client(["rename", old.id, name]);
    // As compose does it: the old one is renamed and removed, a new one gets its name.
    const replace = `real rename ${old.id} ${name}-old; real rm -f ${old.id} >/dev/null; real rename ${young.id} ${name}`;
    const fake = fakeClient(t, `[ "$1" = restart ] && { ${replace}; }\nreal "$@"\n`);
    const docker = await dockerRestarter({}, fake.env);
    const before = await startedAt(young.id);
    const result = await docker.restart(service(name), never);
    assert.equal(result.ok === false && result.fault, "no_such_container", result.reason);
    assert.equal(await startedAt(young.id), before, "the new one was left alone");
  },
);

const ID = "ab".repeat(32);
const inspected = (name: string) => `[{"Id":"${ID}","Name":"/${name}","State":{"Status":"running"}}]`;
const forbidden = (said: string) =>
  `case "$1 $2" in "inspect "*) echo '${inspected("app")}';; *" ${ID}") echo '${said}' >&2; exit 1;; esac\n`;

/** wollomatic/socket-proxy, a proxy without a body, HAProxy. */
for (const said of [
  "Error response from daemon: Forbidden",
  "request returned 403 Forbidden for API route and version http://docker-proxy:2375/v1.41/containers/x/restart",
  "Error response from daemon: <html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.",
]) {
  test(`behind a proxy that lets only names through, a name is taken that is nothing else: ${said.slice(0, 40)}`, async (t) => {
    const client = fakeClient(t, forbidden(said));
    const docker = await dockerRestarter({}, client.env);
    assert.equal((await docker.restart(service("app"), never)).ok, true);
    assert.equal((await docker.stop(service("app"), never)).ok, true);
    const commands = client.calls().filter((call) => !/^(?:inspect|info) /.test(call));
    assert.deepEqual(commands, [`restart ${ID}`, "restart app", "stop app"], "it is refused once");
  });
}

test("a name of hexadecimal digits is never acted upon by name, whatever lies before the engine", async (t) => {
  const client = fakeClient(t, forbidden("Error response from daemon: Forbidden").replace("/app", "/cafe"));
  const docker = await dockerRestarter({}, client.env);
  const result = await docker.restart(service("cafe"), never);
  assert.equal(result.ok === false && result.fault, "permission_denied", result.reason);
  const commands = client.calls().filter((call) => !/^(?:inspect|info) /.test(call));
  assert.deepEqual(commands, [`restart ${ID}`]);
});

test("an engine that failed to start it again is not asked twice", async (t) => {
  const said = "Error response from daemon: Cannot restart container app: volume plugin: 403 Forbidden";
  const client = fakeClient(t, forbidden(said));
  const docker = await dockerRestarter({}, client.env);
  assert.equal((await docker.restart(service("app"), never)).ok, false);
  assert.equal(client.calls().filter((call) => call.startsWith("restart")).length, 1);
});
