/** What others do to keep a container up, or to renew it: the engine, Compose, a backup. Pure. */
import type { ContainerFacts, EngineRestarts } from "../../src/plugin.ts";
import type { Inspected } from "./facts.ts";
import { oneLine } from "./fault.ts";
import { hintOf } from "./hint.ts";

/** Texts are short, because they are saved with every service that fails. */
const MAX_ENDED = 200;

/**
 * The engine's own restart policy. Seen on engine 20.10: `RestartCount` counts the engine's restarts only; `docker
 * restart` and `docker start` set it to 0, `docker stop` leaves it, and no time makes it fall. A container that was
 * stopped or killed through the engine is not restarted by it. Absent for a job of `docker compose run`, and without a
 * policy.
 */
export function engineRestarts(
  container: Inspected,
  hidden: (text: string) => string,
): EngineRestarts | undefined {
  const { name, facts, labels, restartPolicy } = container;
  if (restartPolicy === "" || restartPolicy === "no" || isTrue(labels["com.docker.compose.oneoff"]))
    return undefined;
  const isDue = facts.status === "restarting";
  return {
    policy: restartPolicy,
    count: facts.restartCount,
    ...(isDue ? { isDue } : {}),
    ...(facts.status === "running" ? {} : { ended: howEnded(facts, hidden) }),
    advice: `read \`docker logs ${name}\`, and correct its configuration, its image or its memory limit`,
  };
}

function howEnded(
  { status, exitCode, oomKilled, error }: ContainerFacts,
  hidden: (text: string) => string,
): string {
  const said = hidden(error);
  const hint = hintOf({ status, exitCode, oomKilled, texts: [said] });
  const code = `exit code ${exitCode}`;
  return oneLine([code, ...(hint ? [hint] : []), ...(said ? [said] : [])].join(": "), MAX_ENDED);
}

/** Only where Compose made the container is the command known that makes it again. */
export function remedyOf({ name, labels, facts }: Inspected): string | undefined {
  const service = labels["com.docker.compose.service"];
  if (service && isPlain(service)) return `docker compose up -d ${service}`;
  return facts.status === "created" ? `docker start ${name}` : undefined;
}

/** It is told to people as part of a command. */
const isPlain = (text: string) => /^[\w.-]{1,100}$/.test(text);

/**
 * The labels of offen/docker-volume-backup: the value is `true`, or the name of one of several backups. The containers
 * of the second one are started again by somebody else.
 */
const STOPPED_FOR_BACKUP = [
  "docker-volume-backup.stop-during-backup",
  "docker-volume-backup.stop-during-backup-no-restart",
];

export function stopsFor({ labels }: Inspected): string | undefined {
  const label = STOPPED_FOR_BACKUP.find((one) => isOn(labels[one]));
  return label && `probably for a backup, as its label ${label} says`;
}

const isTrue = (value: string | undefined) => value?.toLowerCase() === "true";
const isOn = (value: string | undefined) =>
  !["", "false", "0", "no", "off"].includes(value?.trim().toLowerCase() ?? "");
