/** How the engine is reached, or is not: TCP, TLS, a socket proxy, a socket without permission. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer, request as httpRequest } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { docker as client, container, engineTest } from "../engine.ts";
import { dockerRestarter, fakeClient, never, service } from "./docker.setup.ts";

const startedAt = (id: string) => client(["inspect", "-f", "{{.State.StartedAt}}", id]);
const GENTLE = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"];

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "watchdog-remote-"));
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function listen(t: TestContext, server: Server, at?: string): Promise<AddressInfo> {
  await new Promise<void>((resolve) =>
    at ? server.listen(at, resolve) : server.listen(0, "127.0.0.1", resolve),
  );
  t.after(() => void server.close());
  return server.address() as AddressInfo;
}

engineTest("an engine that refuses the connection is named", async (t) => {
  const server = createServer();
  const { port } = await listen(t, server);
  await new Promise((resolve) => server.close(resolve));
  const docker = await dockerRestarter({}, { DOCKER_HOST: `tcp://127.0.0.1:${port}` });
  const result = await docker.restart(service("app"), never);
  assert.equal(result.ok === false && result.fault, "engine_unreachable");
  assert.match(result.reason, new RegExp(`tcp://127.0.0.1:${port}`));
  const look = await docker.inspect(["app"], never);
  assert.equal(look.ok === false && look.fault, "engine_unreachable");
});

const SOCKET = /^unix:\/\/(.+)/.exec(process.env.DOCKER_HOST ?? "")?.[1] ?? "/var/run/docker.sock";

function forward(down: Socket): void {
  const up = connect(SOCKET);
  down.on("error", () => up.destroy());
  up.on("error", () => down.destroy());
  down.pipe(up).pipe(down);
}

/** Restarts a real container through `env`, and sees that it was restarted. */
async function provesRestart(t: TestContext, env: Record<string, string>): Promise<void> {
  const app = await container(t, "app", { command: GENTLE });
  const docker = await dockerRestarter({}, env);
  const before = await startedAt(app.id);
  const result = await docker.restart(service(app.name), never);
  assert.equal(result.ok, true, result.reason);
  assert.notEqual(await startedAt(app.id), before);
}

engineTest("an engine behind TCP is reached through DOCKER_HOST", async (t) => {
  let connections = 0;
  const proxy = createServer((down) => {
    connections += 1;
    forward(down);
  });
  const { port } = await listen(t, proxy);
  await provesRestart(t, { DOCKER_HOST: `tcp://127.0.0.1:${port}` });
  assert.ok(connections > 0);
});

engineTest(
  "an engine behind TLS is reached with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, and only so",
  async (t) => {
    const folder = temporary(t);
    const made = spawnSync(
      "openssl",
      [
        ..."req -x509 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1".split(" "),
        ..."-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout key.pem -out cert.pem".split(" "),
      ],
      { cwd: folder, encoding: "utf8" },
    );
    assert.equal(made.status, 0, made.stderr);
    copyFileSync(join(folder, "cert.pem"), join(folder, "ca.pem"));
    const [cert, key] = ["cert.pem", "key.pem"].map((name) => readFileSync(join(folder, name)));
    const proxy = createTlsServer(
      { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true },
      forward,
    );
    const { port } = await listen(t, proxy);
    const host = { DOCKER_HOST: `tcp://127.0.0.1:${port}` };
    await provesRestart(t, { ...host, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: folder });
    const plain = await dockerRestarter({}, { ...host, DOCKER_TLS_VERIFY: "" });
    const refused = await plain.restart(service("app"), never);
    assert.equal(refused.ok === false && refused.fault, "engine_unreachable", refused.reason);
  },
);

engineTest("a socket proxy needs to allow no more than looking, logs, and the one command", async (t) => {
  const calls: string[] = [];
  let mayRestart = true;
  const proxy = createHttpServer((request, response) => {
    const call = `${request.method} ${request.url!.replace(/^\/v[\d.]+/, "").replace(/\?.*/, "")}`;
    calls.push(call.replace(/(?<=^\/?\S* \/containers\/)[^/]+/, "<name>"));
    const allowed =
      /^(HEAD|GET) \/(_ping|containers\/[^/]+\/(json|logs))$/.test(call) ||
      (mayRestart && /^POST \/containers\/[^/]+\/restart$/.test(call));
    if (!allowed) {
      response
        .writeHead(403)
        .end(
          "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>",
        );
      return;
    }
    const { method, url: path, headers } = request;
    const up = httpRequest({ socketPath: SOCKET, method: method!, path: path!, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    request.pipe(up);
  });
  const { port } = await listen(t, proxy);
  const env = { DOCKER_HOST: `tcp://127.0.0.1:${port}` };
  await provesRestart(t, env);
  const app = await container(t, "app", { command: ["echo", "words"] });
  const docker = await dockerRestarter({}, env);
  assert.equal((await docker.evidence(service(app.name), never)).missing, undefined);
  const kinds = [
    "GET /containers/<name>/json",
    "GET /containers/<name>/logs",
    // Refused, and not missed: how full the engine's disk is is then seen when a restart fails.
    "GET /info",
    "HEAD /_ping",
    "POST /containers/<name>/restart",
  ];
  assert.deepEqual([...new Set(calls)].sort(), kinds);

  mayRestart = false;
  const result = await docker.restart(service(app.name), never);
  assert.equal(result.ok === false && result.fault, "permission_denied", result.reason);
  assert.match(result.reason, /ALLOW_RESTARTS=1/);
});

engineTest("a socket without permission is told from an engine that is down", async (t) => {
  const folder = temporary(t);
  const path = join(folder, "docker.sock");
  await listen(t, createServer(), path);
  chmodSync(path, 0o000);
  // Root may open any socket: the client becomes nobody first.
  const drop = process.getuid?.() === 0 ? "setpriv --reuid 65534 --clear-groups" : "";
  const fake = fakeClient(t, `PATH='${process.env.PATH}' exec ${drop} docker "$@"\n`);
  const docker = await dockerRestarter({}, { ...fake.env, DOCKER_HOST: `unix://${path}` });
  const result = await docker.restart(service("app"), never);
  assert.equal(result.ok === false && result.fault, "permission_denied", result.reason);
  assert.match(result.reason, /--group-add/);
});
