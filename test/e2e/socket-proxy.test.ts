/** deploy/compose.socket-proxy.yaml: its patterns are enough to heal, and for nothing else. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { parse } from "yaml";
import { docker, removeAll, runContainer, skipWithoutEngine, uniqueName, until } from "./engine.ts";
import { buildImages, type Images } from "./images.ts";
import { SECRET, startReceiver } from "./receiver.ts";
import { startTopology } from "./topology.ts";
import { startWatchdog, untilSaved } from "./watchdog.ts";

const skip = await skipWithoutEngine();
const SOURCE = readFileSync(new URL("socket-proxy.mjs", import.meta.url), "utf8");

after(removeAll);

test("behind the socket proxy a watchdog without root heals, and can do nothing else", { skip }, async () => {
  const images = await buildImages();
  const container = uniqueName("proxied");
  const topology = await startTopology(images.node, {
    proxied: { container, alias: "proxied", port: 8080, path: "/health" },
  });
  const receiver = await startReceiver(topology.network, images.node);
  const proxy = await startProxy(images, topology.network);
  const config = { services: { proxied: { url: "http://proxied:8080/health", container } } };
  const watchdog = await startWatchdog({
    image: images.watchdog,
    network: topology.network,
    socket: false,
    env: {
      DOCKER_HOST: "tcp://docker-proxy:2375",
      CHECK_INTERVAL_SECONDS: "1",
      WATCHDOG_CONFIG: "/data/watchdog.config.json",
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET: SECRET,
    },
    options: [
      "--user",
      "1000:1000",
      "--read-only",
      "--cap-drop",
      "ALL",
      "--security-opt",
      "no-new-privileges",
    ],
    files: { "/data/watchdog.config.json": JSON.stringify(config) },
  });
  await untilSaved(watchdog, ["proxied"], "healthy", 30_000);

  await topology.break("proxied", "500");
  await until("the recovery to be told", 60_000, async () => (await receiver.alertsOf("proxied")).length > 0);
  assert.equal((await receiver.alertsOf("proxied"))[0]!.event_type, "COMPONENT_RECOVERED");
  assert.equal(await topology.restarts("proxied"), 1);
  const log = await docker("logs", proxy);
  const denied = log.split("\n").filter((line) => line.startsWith("denied"));
  // Each is refused once: what it is itself, where the engine's disk is, and a restart by id instead of by name.
  assert.deepEqual(
    denied
      .map((line) =>
        line
          .replace(/\/v[0-9.]+/, "")
          .replace(/[0-9a-f]{64}/, "<id>")
          .replace(/\?.*/, ""),
      )
      .sort(),
    ["denied GET /containers/<id>/json", "denied GET /info", "denied POST /containers/<id>/restart"],
  );
  assert.match(log, new RegExp(`^allowed POST /v[0-9.]+/containers/${container}/restart`, "m"));

  for (const forbidden of [
    ["create", images.node],
    ["exec", container, "true"],
    ["rm", "-f", container],
    ["kill", container],
    ["restart", proxy],
    ["cp", `${container}:/etc/passwd`, "-"],
    ["ps"],
  ]) {
    const attempt = docker("exec", watchdog.id, "docker", ...forbidden);
    await assert.rejects(attempt, /403|forbidden|denied/i, forbidden.join(" "));
  }
});

/** With the very patterns of the compose file. */
async function startProxy(images: Images, network: string): Promise<string> {
  const compose = parse(readFileSync("deploy/compose.socket-proxy.yaml", "utf8"));
  const parameters: string[] = compose.services["docker-proxy"].command;
  const allowed: Record<string, string> = {};
  for (const parameter of parameters) {
    const [, method, pattern] = /^-allow([A-Z]+)=(.*)$/.exec(parameter) ?? [];
    if (method) allowed[method] = pattern!;
  }
  assert.deepEqual(Object.keys(allowed).sort(), ["GET", "HEAD", "POST"]);
  return runContainer(uniqueName("proxy"), [
    ...["--network", network, "--network-alias", "docker-proxy"],
    ...["-v", "/var/run/docker.sock:/var/run/docker.sock", "-e", `ALLOWED=${JSON.stringify(allowed)}`],
    ...[images.node, "node", "--input-type=module", "-e", SOURCE],
  ]);
}
