/** Our image in the place of docker-autoheal's and of its relatives': their command lines, their environment. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  createNetwork,
  docker,
  logsOf,
  removeAll,
  runContainer,
  skipWithoutEngine,
  uniqueName,
  until,
} from "./engine.ts";
import { buildImages, type Images } from "./images.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const skip = await skipWithoutEngine();

/** Not docker-autoheal's own: another watchdog on this engine may follow that one. */
const LABEL = `autoheal-app-${process.pid}`;
const SOCKET = "/var/run/docker.sock";

let images: Images;
let network: string;
let receiver: Receiver;

/** Healthy from its start, until `hurt` takes its file away. Each start brings the file back. */
const HEALTHY = ["--health-cmd", "test -f /tmp/ok", "--health-interval", "1s", "--health-retries", "1"];
const SLOW = ["--health-cmd", "false", "--health-interval", "1s", "--health-start-period", "600s"];

async function run(what: string, labels: Record<string, string>, options = HEALTHY): Promise<string> {
  const name = uniqueName(`drop-in-${what}`);
  const said = Object.entries(labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
  const lives = ["sh", "-c", "touch /tmp/ok; exec sleep 600"];
  await runContainer(name, [...said, "--stop-timeout", "1", ...options, images.node, ...lives]);
  return name;
}

const hurt = (name: string) => docker("exec", name, "rm", "/tmp/ok");
const startedAt = (name: string) => docker("inspect", "--format", "{{.State.StartedAt}}", name);
const health = (name: string) => docker("inspect", "--format", "{{.State.Health.Status}}", name);
const shortId = async (name: string) => (await docker("inspect", "--format", "{{.Id}}", name)).slice(0, 12);

/** People read "Shop Web" where the container is shop-web. */
const isAbout = (name: string, text: string) => text.toLowerCase().replaceAll(" ", "-").includes(name);

const told = async (path: string) => (await receiver.bodiesAt(path)).map((body) => JSON.parse(body));

const untilHealth = (name: string, status: string) =>
  until(`${name} to be ${status}`, 60_000, async () => (await health(name)) === status);
const untilRestarted = (name: string, before: string) =>
  until(`${name} to be restarted`, 60_000, async () => (await startedAt(name)) !== before);

/** `docker run -d --name autoheal --restart=always -e … -v … IMAGE`, as docker-autoheal's page has it. */
function autoheal(
  env: Record<string, string>,
  options: string[] = ["-v", `${SOCKET}:${SOCKET}`],
  files: Record<string, string> = {},
): Promise<string> {
  const variables = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const args = ["--restart=always", ...variables, ...options, images.watchdog];
  return runContainer(uniqueName("autoheal"), args, files);
}

describe("in the place of another tool", { skip, timeout: 300_000 }, () => {
  before(async () => {
    images = await buildImages();
    network = await createNetwork();
    receiver = await startReceiver(network, images.node);
  });

  after(removeAll);

  test("docker-autoheal's scenario: one is healed, and no other is touched", async () => {
    // Without the stop timeout of the environment, its restart would take a minute.
    const healed = await run("healed", { [LABEL]: "true" }, [...HEALTHY, "--stop-timeout", "60"]);
    const others = [
      await run("excluded", { [LABEL]: "true", autoheal: "False" }),
      await run("silent", {}),
      await run("starting", { [LABEL]: "true" }, SLOW),
    ];
    for (const name of others.slice(0, 2)) {
      await untilHealth(name, "healthy");
      await hurt(name);
      await untilHealth(name, "unhealthy");
    }
    await untilHealth(healed, "healthy");
    await hurt(healed);
    await untilHealth(healed, "unhealthy");
    const before = await startedAt(healed);
    const beforeOthers = await Promise.all(others.map(startedAt));
    const id = await autoheal(
      {
        AUTOHEAL_CONTAINER_LABEL: LABEL,
        AUTOHEAL_INTERVAL: "1",
        AUTOHEAL_START_PERIOD: "4",
        AUTOHEAL_DEFAULT_STOP_TIMEOUT: "1",
        AUTOHEAL_LOG_ALL: "true",
        CURL_TIMEOUT: "20",
        WEBHOOK_URL: receiver.url.replace("/alerts", "/autoheal"),
        APPRISE_URL: receiver.url.replace("/alerts", "/notify/"),
        POST_RESTART_SCRIPT: "/bin/sh /ran.sh --with two",
      },
      ["-v", `${SOCKET}:${SOCKET}`, "--network", network],
      {
        "/ran.sh": 'for word in "$@"; do printf "<%s>" "$word"; done > /data/ran; echo no more >&2; exit 3\n',
      },
    );
    await untilRestarted(healed, before);
    const began = Date.parse(await docker("inspect", "--format", "{{.State.StartedAt}}", id));
    const waited = Date.parse(await startedAt(healed)) - began;
    assert.ok(waited > 4000, `${waited} ms passed between its start and the restart`);
    await untilHealth(healed, "healthy");

    const { text, content, ...more } = await until("the webhook to be told", 30_000, async () =>
      (await told("/autoheal")).find((body) => isAbout(healed, body.text)),
    );
    assert.deepEqual([content, more], [text, {}]);
    await until("Apprise to be told", 30_000, async () =>
      (await told("/notify/")).find(({ body }) => isAbout(healed, body)),
    );

    const words = ["--with", "two", `/${healed}`, await shortId(healed), "running", "1"];
    assert.equal(await docker("exec", id, "cat", "/data/ran"), words.map((word) => `<${word}>`).join(""));
    const log = await logsOf(id);
    assert.match(log, /\/bin\/sh after the restart of .* ended with 3: no more; the restart is not affected/);
    assert.match(log, /AUTOHEAL_LOG_ALL has no effect/);
    assert.deepEqual(await Promise.all(others.map(startedAt)), beforeOthers);
    assert.equal(await health(others[2]!), "starting");
    await docker("rm", "--force", id);
  });

  test("its Compose file: no network at all, and the socket elsewhere", async () => {
    const healed = await run("apart", { [LABEL]: "true" });
    await untilHealth(healed, "healthy");
    const id = await autoheal(
      { AUTOHEAL_CONTAINER_LABEL: LABEL, AUTOHEAL_INTERVAL: "1", DOCKER_SOCK: "/engine.sock" },
      ["-v", `${SOCKET}:/engine.sock`, "--network", "none"],
    );
    const before = await startedAt(healed);
    await hurt(healed);
    await untilRestarted(healed, before);
    await untilHealth(healed, "healthy");
    await docker("rm", "--force", id);
  });

  test("tmknight's: its own variables, a script, and a container that is only told", async () => {
    const healed = await run("tm-healed", {
      "autoheal.monitor.enable": "TRUE",
      "autoheal.stop.timeout": "2",
    });
    const onlyTold = await run("tm-told", {
      "autoheal.monitor.enable": "true",
      "autoheal.restart.enable": "false",
    });
    await untilHealth(onlyTold, "healthy");
    const id = await autoheal(
      {
        AUTOHEAL_CONNECTION_TYPE: "socket",
        AUTOHEAL_INTERVAL: "1",
        AUTOHEAL_POST_ACTION: "/bin/echo",
        AUTOHEAL_WEBHOOK_URL: receiver.url.replace("/alerts", "/tmknight"),
        AUTOHEAL_WEBHOOK_KEY: "msg",
        LOG_LEVEL: "debug",
      },
      ["-v", `${SOCKET}:${SOCKET}`, "--network", network],
    );
    const [beforeHealed, beforeOnlyTold] = await Promise.all([healed, onlyTold].map(startedAt));
    await Promise.all([healed, onlyTold].map(hurt));
    await untilRestarted(healed, beforeHealed!);
    await untilHealth(healed, "healthy");
    for (const name of [healed, onlyTold]) {
      await until(`the webhook to be told of ${name}`, 30_000, async () =>
        (await told("/tmknight")).some(({ msg }) => isAbout(name, msg)),
      );
    }
    assert.equal(await startedAt(onlyTold), beforeOnlyTold);
    assert.match(await logsOf(id), /\/bin\/echo after the restart of .* succeeded/);
    await docker("rm", "--force", id);
  });

  test("deunhealth's label, by one variable of our own", async () => {
    const healed = await run("deunhealth", { "deunhealth.restart.on.unhealthy": "true" });
    await untilHealth(healed, "healthy");
    const id = await autoheal(
      { WATCHDOG_DISCOVER: "true", CHECK_INTERVAL_SECONDS: "1", LOG_LEVEL: "warning" },
      ["-v", `${SOCKET}:${SOCKET}`, "--network", "none"],
    );
    const before = await startedAt(healed);
    await hurt(healed);
    await untilRestarted(healed, before);
    await untilHealth(healed, "healthy");
    await docker("rm", "--force", id);
  });
});
