/** Both Compose files as docker-compose 1.29 reads them, and the stack as it comes up. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";
import { notInstalled } from "../installed.ts";
import { docker, removeAll, skipWithoutEngine, uniqueName, until } from "./engine.ts";
import { buildImages } from "./images.ts";
import { SECRET, startReceiver } from "./receiver.ts";
import { SPREADPILOT, startTopology } from "./topology.ts";
import { untilSaved, watchdogIn } from "./watchdog.ts";

const FILES = ["deploy/compose.yaml", "deploy/compose.socket-proxy.yaml"];
const noCompose = notInstalled("docker-compose");
const noEngine = await skipWithoutEngine();

after(removeAll);

/** With a bare environment: what else is in this shell must not come in. */
async function compose(args: string[], env: Record<string, string> = {}): Promise<string> {
  const bare = { PATH: process.env.PATH, HOME: process.env.HOME, DOCKER_GID: "998" };
  const host = process.env.DOCKER_HOST ? { DOCKER_HOST: process.env.DOCKER_HOST } : {};
  const { stdout } = await promisify(execFile)("docker-compose", args, { env: { ...bare, ...host, ...env } });
  return stdout;
}

for (const file of FILES) {
  test(`${file} loads, with nothing set but what it says, and hands on what the shell has`, {
    skip: noCompose,
  }, async () => {
    const read = async (env?: Record<string, string>) => {
      const { environment, ...rest } = parse(await compose(["-f", file, "config"], env)).services.watchdog;
      const set = Object.entries(environment).filter(([, value]) => value !== null);
      return { rest, set: Object.fromEntries(set) };
    };
    const proxied = file.includes("proxy") ? { DOCKER_HOST: "tcp://docker-proxy:2375" } : {};
    const alone = await read();
    assert.deepEqual(alone.set, { LOG_FORMAT: "json", ...proxied });
    assert.equal(alone.rest.container_name, "spreadpilot-watchdog");
    const said = {
      SLACK_WEBHOOK_URL: "https://hooks.example/x",
      WATCHDOG_TOKEN: "planted",
      SMTP_URL: "smtp://x",
    };
    const kept = { HOST: "my-laptop", DOCKER_HOST: "tcp://elsewhere:1", REDIS_URL: "redis://x" };
    assert.deepEqual((await read({ ...said, ...kept })).set, { LOG_FORMAT: "json", ...said, ...proxied });
  });
}

test("the stack comes up in one command, heals and tells", { skip: noCompose || noEngine }, async () => {
  const images = await buildImages();
  const topology = await startTopology(images.node, { executor: SPREADPILOT.executor! });
  const receiver = await startReceiver(topology.network, images.node);
  const folder = mkdtempSync(join(tmpdir(), "spreadpilot-e2e-compose-"));
  // Names of this run, and an image that is built already; all else is the file's own.
  const name = uniqueName("watchdog");
  const override = join(folder, "override.yaml");
  const watchdog = { image: images.watchdog, container_name: name };
  writeFileSync(override, JSON.stringify({ services: { watchdog }, volumes: { state: { name } } }));
  const stack = ["-p", name, "-f", FILES[0]!, "-f", override];
  const env = {
    SPREADPILOT_NETWORK: await docker("network", "inspect", "-f", "{{.Name}}", topology.network),
    CHECK_INTERVAL_SECONDS: "1",
    WEBHOOK_URL: receiver.url,
    WEBHOOK_SECRET: SECRET,
  };
  try {
    await compose([...stack, "up", "-d", "--no-build"], env);
    const id = await docker("inspect", "-f", "{{.Id}}", name);
    await untilSaved(watchdogIn(id), ["executor"], "healthy", 30_000);
    const inside = await docker("exec", id, "env");
    assert.match(inside, /^CHECK_INTERVAL_SECONDS=1$/m);
    assert.match(inside, /^WATCHDOG_RUN_AS=1000:1000$/m);
    assert.doesNotMatch(inside, /SLACK_WEBHOOK_URL|WATCHDOG_TOKEN/, "what is not set is not there");
    await topology.break("executor", "500");
    await until(
      "the recovery to be told",
      60_000,
      async () => (await receiver.alertsOf("executor")).length > 0,
    );
    assert.equal((await receiver.alertsOf("executor"))[0]!.event_type, "COMPONENT_RECOVERED");
  } finally {
    await compose([...stack, "down", "-v", "-t", "5"], env).catch((error) => console.error(String(error)));
    rmSync(folder, { recursive: true });
  }
});
