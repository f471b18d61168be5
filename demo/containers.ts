/** The stand-ins as containers, restarted by the plugin `docker`. Nothing is pulled, and nothing stays. */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { createNetwork, docker, removeAll, runContainer } from "../test/e2e/engine.ts";
import type { Act } from "./acts.ts";
import { type Cast, environment, freePorts, STAND_IN } from "./cast.ts";

const run = promisify(execFile);
const NODE_IMAGE = "node:24-alpine";
const MADE_IMAGE = `spreadpilot-watchdog-demo:${process.pid}`;
/** Where Docker's client finds its engine. */
const PASSED_ON = /^(PATH|HOME|SSH_AUTH_SOCK|DOCKER_.*)$/;

export async function makeContainers(act: Act): Promise<Cast> {
  await docker("version", "--format", "{{.Server.Version}}").catch(() => {
    throw new Error("no Docker engine answers here: start one, or leave --docker out");
  });
  const image = await nodeImage();
  const ports = await freePorts(Object.keys(act.roles));
  const nameOf = (service: string) => `${act.roles[service]!.container}-demo-${process.pid}`;
  const inside = (service: string) => `http://${service}:${ports.get(service)}`;
  return {
    urlOf: (service) => `http://127.0.0.1:${ports.get(service)}`,
    plugins: { docker: {} },
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED_ON.test(name))),
    settingsOf: (service) => ({
      container: nameOf(service),
      restarter: "docker",
      docker: { stopTimeout: "1s" },
    }),
    async enter() {
      const network = await createNetwork();
      for (const service of Object.keys(act.roles)) {
        const port = ports.get(service)!;
        const env = { HOST: "0.0.0.0", ...environment(act, service, ports, inside) };
        await runContainer(nameOf(service), [
          ...["--network", network, "--network-alias", service, "-p", `127.0.0.1:${port}:${port}`],
          ...Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
          ...["-v", `${STAND_IN}:/stand-in.mjs:ro`, image, "node", "/stand-in.mjs"],
        ]);
      }
    },
    async end() {
      await removeAll();
      if (image === MADE_IMAGE) await docker("rmi", image);
    },
  };
}

/** The real one where it is present; else this machine's own Node and the libraries that it needs. */
async function nodeImage(): Promise<string> {
  const present = (image: string) =>
    docker("image", "inspect", image).then(
      () => true,
      () => false,
    );
  if (await present(NODE_IMAGE)) return NODE_IMAGE;
  if (process.platform !== "linux") {
    throw new Error(`--docker needs an image with Node: run "docker pull ${NODE_IMAGE}" first`);
  }
  const root = mkdtempSync(join(tmpdir(), "spreadpilot-demo-image-"));
  try {
    const node = realpathSync(process.execPath);
    // ldd complains of a program that needs none.
    const needed = await run("ldd", [node]).catch(() => ({ stdout: "" }));
    for (const library of needed.stdout.match(/\/[^\s)]+/g) ?? []) copyInto(root, library, library);
    copyInto(root, node, "/usr/local/bin/node");
    mkdirSync(join(root, "tmp"));
    const archive = `${root}.tar`;
    try {
      await run("tar", ["-C", root, "-cf", archive, "."]);
      await docker("import", "--change", "ENV PATH=/usr/local/bin", archive, MADE_IMAGE);
    } finally {
      rmSync(archive, { force: true });
    }
    return MADE_IMAGE;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function copyInto(root: string, from: string, to: string): void {
  mkdirSync(join(root, dirname(to)), { recursive: true });
  copyFileSync(from, join(root, to));
}
