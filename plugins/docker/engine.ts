/** Which engine the docker client asks: what the environment says, and the plugin's settings before it. */
import type { Ports } from "../../src/plugin.ts";
import { childEnv, type Engine } from "./client.ts";
import type { EngineSettings } from "./options.ts";

/** `engine` is what the configuration came to, with `DOCKER_HOST` in it. */
export function engineOf(env: Ports["env"], { engine, tls }: EngineSettings): Engine {
  const passedOn = childEnv(env);
  if (engine !== undefined) passedOn.DOCKER_HOST = engine;
  if (tls === undefined || passedOn.DOCKER_CERT_PATH !== undefined) return { env: passedOn, flags: [] };
  const flags = [
    "--tlsverify",
    `--tlscacert=${tls.caFile}`,
    `--tlscert=${tls.certFile}`,
    `--tlskey=${tls.keyFile}`,
  ];
  return { env: passedOn, flags };
}
