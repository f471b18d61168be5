/**
 * A stand-in for the docker client, which prints what a real one prints for hundreds of containers: no machine of ours
 * runs that many, and what counts here is what the watchdog does with the answer. It notes each command.
 */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What `docker inspect` of docker 20.10 said of a real container. */
const REAL = readFileSync(new URL("container.json", import.meta.url), "utf8");

export interface Contained {
  /** Where it answers, on 127.0.0.1; absent: it has a HEALTHCHECK, and is asked by it. */
  port?: number;
  /** Another one under the same name, as after `docker compose up --force-recreate`. */
  generation?: number;
}

export interface DockerClient {
  /** To be put before the others of PATH. */
  folder: string;
  /** From now on, these are there. */
  hold(containers: readonly Contained[]): void;
  /** The commands since the last call, in order: `ps`, `inspect`, `inspect --format`. */
  calls(): string[];
}

const SCRIPT = `#!/bin/sh
cd "$(dirname "$0")"
form=$1
[ "$1 $4" = "inspect --format" ] && form="$1 $4"
echo "$form" >> calls
case "$form" in
ps) exec cat ids ;;
inspect) exec cat whole ;;
"inspect --format") exec cat states ;;
events) while kill -0 $PPID; do sleep 1; done ;;
esac
`;

export function installDockerClient(folder: string): DockerClient {
  const path = (name: string) => join(folder, name);
  writeFileSync(path("docker"), SCRIPT);
  chmodSync(path("docker"), 0o755);
  return {
    folder,
    hold(containers) {
      const all = containers.map(containerOf);
      writeFileSync(path("ids"), all.map(({ Id }) => `${Id}\n`).join(""));
      writeFileSync(path("whole"), `${JSON.stringify(all, null, 4)}\n`);
      const states = all.map(({ Id, Name, RestartCount, State, Config: { Env } }) => {
        return `${JSON.stringify({ Id, Name, RestartCount, State, Config: { Env } })}\n`;
      });
      writeFileSync(path("states"), states.join(""));
    },
    calls() {
      const said = existsSync(path("calls")) ? readFileSync(path("calls"), "utf8") : "";
      writeFileSync(path("calls"), "");
      return said.split("\n").filter(Boolean);
    },
  };
}

function containerOf({ port, generation = 0 }: Contained, i: number) {
  const id = `${generation.toString(16).padStart(4, "0")}${i.toString(16).padStart(4, "0")}`.repeat(8);
  const text = REAL.replaceAll("CONTAINER_ID_SHORT", id.slice(0, 12)).replaceAll("CONTAINER_ID", id);
  const container = JSON.parse(text.replaceAll("CONTAINER_NAME", `shop-web-${i}`));
  const { Config, NetworkSettings } = container;
  Config.Labels["com.docker.compose.container-number"] = String(i);
  if (port === undefined) return container;
  Config.Labels["watchdog.port"] = String(port);
  NetworkSettings.Networks.bridge.IPAddress = "127.0.0.1";
  return container;
}
