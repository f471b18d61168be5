/** What holds on a real engine, with real containers. */
import assert from "node:assert/strict";
import { docker as client, container, engineTest, uniqueName } from "../engine.ts";
import { dockerRestarter, fakeClient, never, service } from "./docker.setup.ts";

const startedAt = (id: string) => client(["inspect", "-f", "{{.State.StartedAt}}", id]);
const status = (id: string) => client(["inspect", "-f", "{{.State.Status}}", id]);
/** Ends at once when it is told to, and says so. */
const GENTLE = ["sh", "-c", "trap 'echo bye; exit 0' TERM; echo hello; while true; do sleep 0.1; done"];

engineTest("a restart really restarts, and a stopped container is brought back", async (t) => {
  const app = await container(t, "app", { command: GENTLE });
  const docker = await dockerRestarter();
  const before = await startedAt(app.id);
  const result = await docker.restart(service(app.name), never);
  assert.equal(result.ok, true, result.reason);
  assert.notEqual(await startedAt(app.id), before);

  const stopped = await docker.stop(service(app.name), never);
  assert.match(stopped.reason, /^stopped in/);
  assert.equal(await status(app.id), "exited");
  assert.equal((await docker.restart(service(app.name), never)).ok, true);
  assert.equal(await status(app.id), "running");
});

engineTest("a container that does not exist is said not to exist", async () => {
  const docker = await dockerRestarter();
  const result = await docker.restart(service(uniqueName("gone")), never);
  assert.equal(result.ok === false && result.fault, "no_such_container");
});

engineTest("the stop timeout is the container's own, unless one is configured", async (t) => {
  // PID 1 without a handler does not hear SIGTERM: every stop takes its whole timeout.
  const slow = await container(t, "slow", { options: ["--stop-timeout", "3"] });
  const docker = await dockerRestarter();
  let begun = performance.now();
  const result = await docker.restart(service(slow.name), never);
  const ownMs = performance.now() - begun;
  assert.equal(result.ok, true, result.reason);
  assert.ok(ownMs >= 2900 && ownMs < 9000, `${ownMs}`);
  begun = performance.now();
  assert.equal((await docker.stop(service(slow.name, { stopTimeout: 1000 }), never)).ok, true);
  assert.ok(performance.now() - begun < 2900);
});

engineTest("a restart that outlives the client's time is unknown, and is found done later", async (t) => {
  const slow = await container(t, "slow", { options: ["--stop-timeout", "2"] });
  const docker = await dockerRestarter({ commandTimeout: "500ms" });
  const before = (await docker.inspect([slow.name], never)) as {
    containers: Record<string, { startedAt: number }>;
  };
  const result = await docker.restart(service(slow.name), never);
  assert.equal(result.ok === false && result.unknown, true, result.reason);
  const again = await docker.restart(service(slow.name), never);
  assert.match(again.reason, /an earlier `docker restart`/);
  while (docker.logged.length === 0) await new Promise((r) => setTimeout(r, 20));
  assert.match(docker.logged[0]!, /succeeded after/);
  const after = (await docker.inspect([slow.name], never)) as typeof before;
  assert.ok(after.containers[slow.name]!.startedAt > before.containers[slow.name]!.startedAt);
});

engineTest("a client that hangs after a real restart is believed by StartedAt", async (t) => {
  const app = await container(t, "app", { command: GENTLE });
  const fake = fakeClient(t, `real "$@" || exit 1\n[ "$1" != restart ] || hang\n`);
  const docker = await dockerRestarter({ commandTimeout: "3s" }, fake.env);
  const result = await docker.restart(service(app.name), never);
  assert.equal(result.ok, true);
  assert.match(result.reason, /the engine had finished it/);
});

engineTest("a paused container is restarted, and can end by itself before", async (t) => {
  const app = await container(t, "paused", { command: GENTLE });
  await client(["pause", app.id]);
  const docker = await dockerRestarter();
  const begun = performance.now();
  const result = await docker.restart(service(app.name), never);
  assert.match(result.reason, /it was paused/);
  assert.ok(performance.now() - begun < 8000, "it was killed after the stop timeout");
  assert.equal(await status(app.id), "running");
  assert.match(await client(["logs", app.id]), /bye/);
});

engineTest("a child of a dead or stopped network parent is left running, with what would help", async (t) => {
  const parent = await container(t, "parent");
  const label = "com.docker.compose.service=vpn-client";
  const child = await container(t, "child", {
    options: ["--network", `container:${parent.name}`, "--label", label],
  });
  const docker = await dockerRestarter();
  const look = await docker.inspect([child.name], never);
  assert.equal(look.ok && look.containers[child.name]?.networkParent, parent.id);

  await client(["stop", "-t", "0", parent.id]);
  const stopped = await docker.restart(service(child.name), never);
  assert.match(stopped.reason, new RegExp(`docker start ${parent.name}`));
  await client(["rm", "-f", parent.id]);
  const dead = await docker.restart(service(child.name), never);
  assert.match(
    dead.reason,
    /no longer exists: recreate it with `docker compose up -d --force-recreate vpn-client`/,
  );
  assert.equal(await status(child.id), "running");
});

engineTest("a task of a Swarm service is left alone", async (t) => {
  const labels = ["com.docker.swarm.task.id=t1", "com.docker.swarm.service.name=web"];
  const task = await container(t, "task", { options: labels.flatMap((label) => ["--label", label]) });
  const docker = await dockerRestarter();
  const before = await startedAt(task.id);
  const result = await docker.restart(service(task.name), never);
  assert.match(result.reason, /docker service update --force web/);
  assert.equal(await startedAt(task.id), before);
});

engineTest("many containers are inspected at once, and a missing one is absent", async (t) => {
  const app = await container(t, "app", { options: ["--stop-timeout", "7"] });
  const docker = await dockerRestarter();
  const names = Array.from({ length: 120 }, (_, n) => uniqueName(`gone-${n}`));
  const look = await docker.inspect([...names, app.name], never);
  assert.ok(look.ok);
  assert.deepEqual(Object.keys(look.containers), [app.name]);
  const facts = look.containers[app.name]!;
  assert.deepEqual([facts.id, facts.status, facts.stopTimeoutMs], [app.id, "running", 7000]);
  assert.ok(Math.abs(facts.startedAt - Date.now()) < 60_000);
  assert.deepEqual(await docker.inspect(names.slice(0, 2), never), { ok: true, containers: {} });
});
