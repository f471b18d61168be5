/** `init` on a real engine: what it writes is right, and heals at once. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";
import { notInstalled } from "../installed.ts";
import { docker, removeAll, skipWithoutEngine, uniqueName, until } from "./engine.ts";
import { startOnHost } from "./host.ts";
import { startOnThisHost } from "./host-watchdog.ts";
import { baseImages } from "./images.ts";

const skip = await skipWithoutEngine();
const ROOT = new URL("../..", import.meta.url).pathname;
let image: string;
let folder: string;

before(async () => {
  if (skip) return;
  ({ node: image } = await baseImages());
  folder = mkdtempSync(join(tmpdir(), "spreadpilot-e2e-init-"));
});

after(async () => {
  await removeAll();
  if (folder) rmSync(folder, { recursive: true });
});

/** What the command says, or rejects with. */
function cli(words: string[], env: Record<string, string> = {}): Promise<string> {
  const args = ["--import", "tsx", "src/cli.ts", ...words];
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      args,
      { cwd: ROOT, env: { ...process.env, ...env } },
      (error, stdout, stderr) => (error ? reject(new Error(stdout + stderr)) : resolve(stdout + stderr)),
    );
  });
}

const readConfig = (path: string) => parse(readFileSync(path, "utf8"));

describe("init", { skip, timeout: 180_000 }, () => {
  test("from the containers of this host: checked, and healed at once", async () => {
    const asked = await startOnHost("init-asked", { image });
    const healthCmd = "wget -q -O /dev/null http://localhost:8080/health || exit 1";
    const healthy = await startOnHost("init-healthy", {
      image,
      options: ["--health-cmd", healthCmd, "--health-retries", "2"],
    });
    const silent = await startOnHost("init-silent", { image, options: ["--health-cmd", "test -d /tmp"] });
    await until(
      "they answer",
      20_000,
      async () => (await asked.ask()) === 200 && (await healthy.ask()) === 200,
    );
    const file = join(folder, "host.yaml");
    const said = await cli(["init", "--output", file]);
    assert.match(said, /^Wrote .*host\.yaml: \d+ services?/);
    await cli(["config", "check"], { WATCHDOG_CONFIG: file });
    const { services } = readConfig(file);
    assert.deepEqual(services[asked.container], { url: asked.url, container: asked.container });
    assert.deepEqual(services[healthy.container], {
      url: healthy.url,
      container: healthy.container,
      failureThreshold: 2,
      http: { status: "200-399" },
    });
    assert.deepEqual(services[silent.container], {
      check: "docker",
      container: silent.container,
      failureThreshold: 1,
    });
    // Others may use this engine: theirs are left alone.
    const mine = Object.fromEntries(
      [asked, healthy].map(({ container }) => [container, services[container]]),
    );
    const watchdog = await startOnThisHost({
      defaults: { interval: "500ms", timeout: "400ms" },
      services: mine,
    });
    try {
      for (const one of [asked, healthy]) {
        await until(
          `${one.container} is healthy`,
          20_000,
          async () => (await watchdog.service(one.container)).status === "healthy",
        );
        await one.break("500").catch(() => {});
        await until(`${one.container} is restarted`, 30_000, async () => {
          const { restarts, status } = await watchdog.service(one.container);
          return restarts.length === 1 && status === "healthy";
        });
      }
    } finally {
      await watchdog.stop();
    }
  });

  test("from SpreadPilot's kind of Compose file: checked, and healed at once", {
    skip: notInstalled("docker-compose"),
  }, async () => {
    const project = uniqueName("initcompose").replaceAll(/[^a-z0-9]/g, "");
    const source = readFileSync(new URL("service.mjs", import.meta.url), "utf8").replaceAll("$", "$$$$");
    const command = ["node", "--input-type=module", "-e", source];
    const health = { interval: "30s", timeout: "3s", retries: 2, start_period: "1s" };
    const ask = (port: number, path: string) => [
      "CMD",
      "wget",
      "-q",
      "--spider",
      `http://localhost:${port}${path}`,
    ];
    const compose = {
      version: "3.8",
      services: {
        database: { image, command: ["sleep", "600"], healthcheck: { test: "test -d /tmp" } },
        migrate: { image, command: ["true"], restart: "no", depends_on: ["database"] },
        executor: {
          image,
          command,
          container_name: `${project}-executor`,
          environment: { PORT: "8080", HEALTH_PATH: "/health" },
          healthcheck: { ...health, test: ask(8080, "/health") },
          depends_on: ["database", "migrate"],
        },
        dashboard: {
          image,
          command,
          environment: { PORT: "3000", HEALTH_PATH: "/api/health" },
          healthcheck: { ...health, test: ask(3000, "/api/health") },
        },
      },
    };
    const file = join(folder, "compose.json");
    writeFileSync(file, JSON.stringify(compose));
    const up = (...words: string[]) =>
      promisify(execFile)("docker-compose", ["-p", project, "-f", file, ...words], { cwd: folder });
    try {
      await up("up", "-d");
      const made = join(folder, "compose.yaml");
      await cli(["init", "--from", file, "--output", made], { COMPOSE_PROJECT_NAME: project });
      await cli(["config", "check"], { WATCHDOG_CONFIG: made });
      const text = readFileSync(made, "utf8");
      assert.match(text, /# {3}migrate: a job that ends \(restart: "no"\)/);
      const { services } = readConfig(made);
      assert.deepEqual(Object.keys(services), ["dashboard", "database", "executor"]);
      assert.deepEqual(services.executor.dependsOn, ["database"]);
      assert.equal(services.dashboard.url, "http://dashboard:3000/api/health");
      // The watchdog has to be on their network: so is this one, by the addresses that its engine gives the names.
      const addresses = await Promise.all(
        ["executor", "dashboard"].map(async (name) => {
          const id = await docker(
            "ps",
            "-q",
            "--filter",
            `label=com.docker.compose.project=${project}`,
            "--filter",
            `label=com.docker.compose.service=${name}`,
          );
          return [
            name,
            await docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", id),
            id,
          ] as const;
        }),
      );
      for (const [name, address, id] of addresses) {
        const config = readConfig(made);
        config.services = {
          [name]: {
            ...config.services[name],
            url: config.services[name].url.replace(`//${name}`, `//${address}`),
          },
        };
        delete config.services[name].dependsOn;
        Object.assign(config.services[name], {
          interval: "500ms",
          timeout: "400ms",
          container: (await docker("inspect", "-f", "{{.Name}}", id)).slice(1),
        });
        const watchdog = await startOnThisHost(config);
        try {
          await until(
            `${name} is healthy`,
            20_000,
            async () => (await watchdog.service(name)).status === "healthy",
          );
          const { hostname, port } = new URL(config.services[name].url);
          await fetch(`http://${hostname}:${port}/break?mode=500`).catch(() => {});
          await until(
            `${name} is restarted`,
            30_000,
            async () => (await watchdog.service(name)).restarts.length === 1,
          );
        } finally {
          await watchdog.stop();
        }
      }
    } finally {
      await up("down", "-v", "-t", "1").catch((error) => console.error(String(error)));
    }
  });
});
