/** What is kept of real containers before they are restarted. */
import assert from "node:assert/strict";
import { docker as client, container, engineTest } from "../engine.ts";
import { dockerRestarter, never, service } from "./docker.setup.ts";

engineTest("lines logged before a crash are kept, without their secrets", async (t) => {
  const script = [
    "echo first words",
    "echo connecting to postgres://bob:hunter2@db/x >&2",
    "echo the key is $API_KEY",
    "echo for customer-77",
    "echo last words",
    "exit 127",
  ].join("; ");
  const app = await container(t, "crash", {
    options: ["-e", "API_KEY=correct-horse"],
    command: ["sh", "-c", script],
  });
  await client(["wait", app.id]);
  const docker = await dockerRestarter({ redact: ["customer-\\d+"] });
  const evidence = await docker.evidence(service(app.name), never);
  const log = evidence.logLines.join("\n");
  assert.equal(evidence.logLines.length, 5);
  assert.match(log, /^\d{4}-\d\d-\d\dT\S+Z first words$/m);
  assert.match(log, / last words$/m);
  assert.match(log, /the key is \[redacted\]/);
  assert.doesNotMatch(log, /hunter2|correct-horse|customer-77/);
  assert.deepEqual([evidence.facts?.status, evidence.facts?.exitCode], ["exited", 127]);
  assert.equal(evidence.hint, "exit 127: bad command or image");
  assert.equal(evidence.missing, undefined);
});

engineTest("a command that does not exist is found in the engine's error", async (t) => {
  const app = await container(t, "nocmd", { command: ["no-such-program"], start: false });
  const docker = await dockerRestarter();
  const failed = await docker.restart(service(app.name), never);
  assert.equal(failed.ok, false);
  assert.match(failed.reason, /no-such-program/);
  const evidence = await docker.evidence(service(app.name), never);
  assert.match(evidence.facts?.error ?? "", /executable file not found/);
  assert.equal(evidence.hint, "exit 127: bad command or image");
});

engineTest("an endless log is bounded in lines and in size", async (t) => {
  const script =
    'i=0; while [ $i -lt 200 ]; do echo "line $i"; i=$((i+1)); done; seq 1 90000 | tr "\\n" x; echo';
  const app = await container(t, "loud", { command: ["sh", "-c", script] });
  await client(["wait", app.id]);
  const docker = await dockerRestarter({ logLines: 100 });
  const { logLines } = await docker.evidence(service(app.name), never);
  assert.ok(logLines.length > 1 && logLines.length <= 100, `${logLines.length}`);
  assert.ok(logLines.every((line) => line.length <= 500));
  assert.ok(logLines.join("").length <= 16_384);
});

engineTest("the health check's last words are kept, and are a hint", async (t) => {
  const health = [
    "--health-cmd",
    "echo no database; exit 1",
    "--health-interval",
    "200ms",
    "--health-retries",
    "1",
  ];
  const app = await container(t, "sick", { options: [...health, "--health-start-period", "1s"] });
  const docker = await dockerRestarter();
  let evidence = await docker.evidence(service(app.name), never);
  for (let n = 0; n < 50 && evidence.healthLog.length === 0; n += 1) {
    evidence = await docker.evidence(service(app.name), never);
  }
  assert.match(evidence.healthLog.at(-1) ?? "", /^exit 1: no database$/);
  assert.equal(evidence.hint, "its own health check says: exit 1: no database");
  assert.equal(evidence.facts?.startPeriodMs, 1000);
});

engineTest("a container that ran out of memory says so", async (t) => {
  const app = await container(t, "oom", {
    options: ["-m", "16m"],
    command: ["sh", "-c", "exec tail /dev/zero"],
    start: false,
  });
  const docker = await dockerRestarter();
  // The engine misses the kernel's word now and then; it is asked until it heard it.
  for (let n = 0; n < 10; n += 1) {
    await client(["start", app.id]);
    await client(["wait", app.id]);
    if ((await client(["inspect", "-f", "{{.State.OOMKilled}}", app.id])) === "true") break;
  }
  const evidence = await docker.evidence(service(app.name), never);
  assert.equal(evidence.facts?.exitCode, 137);
  assert.equal(evidence.hint, "OOMKilled: raise the memory limit");
});

engineTest("evidence of a container that is gone says what is missing", async () => {
  const docker = await dockerRestarter();
  const evidence = await docker.evidence(service("watchdog-test-never-made"), never);
  assert.deepEqual([evidence.logLines, evidence.healthLog, evidence.facts], [[], [], undefined]);
  assert.match(evidence.missing ?? "", /no container named/);
});
