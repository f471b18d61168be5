/** A docker client as a shell script. Its containers are c0, c1, …, and all of them run. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What it does besides: `first` on every call, the others for their commands. `$container` is the last argument. */
export interface FakeDocker {
  first?: string;
  logs?: string;
  restart: string;
}

function script({ first = ":", logs = ":", restart }: FakeDocker): string {
  return `#!/bin/sh
verb=$1
for container in "$@"; do :; done
${first}
case "$verb" in
inspect)
  shift 3
  printf '['
  comma=
  for name in "$@"; do
    number=\${name#c}
    printf '%s{"Id":"%064d","Name":"/c%d","State":{"Status":"running","StartedAt":"2020-01-01T00:00:00Z"}}' "$comma" "$number" "$number"
    comma=,
  done
  printf ']'
  ;;
logs)
  ${logs}
  ;;
restart)
  ${restart}
  ;;
esac
`;
}

/** Writes an executable `docker` into a new folder, to be put on the PATH. */
export async function installDocker(folder: string, text: string): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, "docker"), text);
  await chmod(join(folder, "docker"), 0o755);
}

export function installFakeDocker(folder: string, parts: FakeDocker): Promise<void> {
  return installDocker(folder, script(parts));
}
