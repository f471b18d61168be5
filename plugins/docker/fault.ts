/** Why a docker command failed, and what to do about it. Pure. */
import { fit, type Redact, type RestartFault } from "../../src/plugin.ts";
import { CLOSED_PIPE, MAX_ANSWER } from "./bounded.ts";
import type { Outcome } from "./client.ts";
import { hintOf } from "./hint.ts";

/**
 * `unknown`: the engine may have received the command and may still run it. `untried`: it has not and will not.
 * Without either, it received the command and failed.
 */
export interface Fault {
  fault: RestartFault;
  reason: string;
  unknown?: true;
  untried?: true;
}

/** The longest quotation of the engine in a reason. */
const MAX_DETAIL = 300;
/** How much of the beginning and of the end is searched for known errors. */
const MAX_SEARCHED = 4096;

/** What proxies in front of the engine, and its authorization plugins, answer to a call that they reject. */
const REFUSED =
  /403 Forbidden|Request forbidden|authorization denied by plugin|from daemon: (?:Forbidden|Method Not Allowed)$/im;

const TOO_MUCH = `the docker client printed more than ${MAX_ANSWER / 1024 ** 2} MiB, and was ended`;

interface Rule {
  when: RegExp;
  fault: RestartFault;
  /** `%` is replaced by the detail, bounded and without secrets. */
  reason: string;
  /** An answer like this means that the command was not run. */
  untried?: true;
}

/** There was no connection, so the engine received no command. */
const NEVER_REACHED =
  /Cannot connect to the Docker daemon|failed to connect to the docker API|dial (?:tcp|unix)|connection refused/i;
const NO_ENGINE =
  "the Docker engine does not answer (%): start it (`systemctl start docker`), or correct DOCKER_HOST, or mount its socket";

const RULES: readonly Rule[] = [
  {
    when: /permission denied while trying to connect|dial unix [^:]*:.*permission denied/i,
    fault: "permission_denied",
    untried: true,
    reason:
      "permission denied on the Docker socket: run the watchdog with the socket's group (in a container `--group-add $(stat -c %g /var/run/docker.sock)`, on a host `usermod -aG docker <user>`)",
  },
  {
    when: REFUSED,
    fault: "permission_denied",
    untried: true,
    reason:
      "the Docker API refused the call (%): let its proxy or authorisation plugin allow reading containers, restarting and stopping them (socket proxy: CONTAINERS=1, ALLOW_RESTARTS=1)",
  },
  {
    when: /x509|tls:|certificate|TLS-enabled daemon|malformed HTTP|to (?:an )?HTTPS (?:server|client)/i,
    fault: "engine_unreachable",
    untried: true,
    reason:
      "no trusted connection to the Docker engine (%): check DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH",
  },
  {
    when: /unable to resolve docker endpoint|context.*(?:not found|does not exist)|unable to parse docker host/i,
    fault: "engine_unreachable",
    untried: true,
    reason:
      "the docker client's settings name no engine (%): check DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG and DOCKER_CERT_PATH",
  },
  { when: NEVER_REACHED, fault: "engine_unreachable", untried: true, reason: NO_ENGINE },
  { when: /error during connect/i, fault: "engine_unreachable", reason: NO_ENGINE },
  {
    when: /client version \S+ is too (?:new|old)/i,
    fault: "other",
    untried: true,
    reason:
      "the docker client and the engine have no API version in common (%): set DOCKER_API_VERSION or change the client",
  },
  {
    when: /removal of container .* is already in progress|is marked for removal/i,
    fault: "other",
    reason: "it is being removed (%): look again with `docker ps -a`, and recreate it if it is gone",
  },
];

/** The connection ended when the engine may already have received the command. */
const CUT_OFF = /\bEOF\b|connection reset|broken pipe|context deadline exceeded|connection lost/i;

/** What helps against a full disk. */
export const FREE_DISK =
  "a container that is stopped now cannot start again; look at `docker system df` and at logs that grow, free space with `docker system prune`, and bound the logs (`--log-opt max-size=10m`)";

/** The engine received the command and reports its result. */
const OF_ENGINE = /Cannot (?:re)?(?:start|stop) container/i;

/** Whether the engine never received the command. */
export function isRefused(outcome: Outcome): boolean {
  return outcome.end === "failed" && REFUSED.test(outcome.stderr) && !OF_ENGINE.test(outcome.stderr);
}

/** `about` names the container or containers in question. */
export function faultOf(outcome: Exclude<Outcome, { end: "ok" }>, about: string, redact: Redact): Fault {
  if (outcome.end === "withheld") return { fault: "other", reason: "nothing was done" };
  if (outcome.end === "aborted") {
    return {
      fault: "other",
      unknown: true,
      reason: "the watchdog stopped waiting for the docker client (it is shutting down, or its time was up)",
    };
  }
  if (outcome.end === "expired") {
    return {
      fault: "engine_unreachable",
      unknown: true,
      reason: `the Docker engine gave no answer in ${showS(outcome.afterMs)}: look at its log (\`journalctl -u docker\`) and at the host's load and disk`,
    };
  }
  if (outcome.end === "stuck") {
    return {
      fault: "engine_unreachable",
      untried: true,
      reason: `the Docker engine has not answered: ${outcome.waiting} docker clients still wait, so no other was started; look at its log (\`journalctl -u docker\`)`,
    };
  }
  return ofFailure(outcome, about, redact);
}

function ofFailure(failed: { code: number | null; stderr: string }, about: string, redact: Redact): Fault {
  const said = bothEnds(withoutWarnings(failed.stderr), MAX_SEARCHED);
  const detail = bothEnds(oneLine(redact(said), 3 * MAX_SEARCHED), MAX_DETAIL / 2);
  if (failed.code === 127 || failed.code === 126) {
    return {
      fault: "client_missing",
      untried: true,
      reason: `the docker client ${failed.code === 127 ? "is not in PATH" : "cannot be executed"}: install it (docker-ce-cli, or copy /usr/local/bin/docker from the image docker:28-cli), or correct PATH`,
    };
  }
  // The engine has answered. From here on, "No such container" and "permission denied" have other meanings.
  if (OF_ENGINE.test(said)) return ofEngine(said, detail);
  if (/no such (?:container|object)/i.test(said)) return noSuchContainer(about);
  if (failed.code === CLOSED_PIPE && said === "") {
    return { fault: "other", reason: TOO_MUCH };
  }
  const rule = RULES.find(({ when }) => when.test(said));
  const had = CUT_OFF.test(said)
    ? { unknown: true as const }
    : rule?.untried
      ? { untried: true as const }
      : {};
  if (rule) return { fault: rule.fault, reason: rule.reason.replace("(%)", () => `(${detail})`), ...had };
  return {
    fault: "other",
    reason: detail || `the docker client ended with status ${failed.code ?? "unknown"} and said nothing`,
    ...had,
  };
}

/** The client succeeded, but what it printed is not an answer. */
export function garbage(stdout: string, redact: Redact): Fault {
  if (Buffer.byteLength(stdout) >= MAX_ANSWER) return { fault: "other", reason: TOO_MUCH };
  const begin = oneLine(redact(stdout.slice(0, MAX_DETAIL)), 100);
  return {
    fault: "other",
    reason: `\`docker inspect\` printed ${begin === "" ? "nothing" : `no list of containers (${begin})`}: is the \`docker\` in PATH Docker's own client?`,
  };
}

/** `other`: the container whose id begins with that name. */
export function noSuchContainer(name: string, other?: string): Fault {
  const instead = other === undefined ? "" : ` (the id of ${other} begins like this, but that is not a name)`;
  return {
    fault: "no_such_container",
    untried: true,
    reason: `no container named ${name}${instead}: compare "container" in the configuration with \`docker ps -a --format '{{.Names}}'\`, or create it`,
  };
}

function ofEngine(said: string, detail: string): Fault {
  const parent = /No such container: ([0-9a-f]{12,64}|[\w.-]+)/i.exec(said)?.[1];
  if (parent) return deadParent(parent);
  const hint = hintOf({ texts: [said] });
  if (/no space left on device/i.test(said)) {
    return { fault: "disk_full", reason: `the engine's disk is full (${detail}): ${FREE_DISK}` };
  }
  return { fault: "other", reason: hint ? `${detail} — ${hint}` : detail };
}

/** A container in the network namespace of a container that is gone. `service` is its Compose service. */
export function deadParent(parent: string, service?: string): Fault {
  const remedy = service
    ? `recreate it with \`docker compose up -d --force-recreate ${service}\``
    : "recreate it (`docker compose up -d --force-recreate <service>`, or `docker rm` and `docker run`)";
  return {
    fault: "other",
    reason: `its network namespace belongs to container ${parent.slice(0, 12)}, which no longer exists: ${remedy}`,
  };
}

/** The client warns when it cannot read its own configuration file. That "permission denied" is harmless. */
function withoutWarnings(stderr: string): string {
  return stderr
    .split("\n")
    .filter((line) => !/^WARNING:/.test(line))
    .join("\n")
    .trim();
}

/** One readable line of at most `max` UTF-16 units: no control characters, no colours. */
export function oneLine(text: string, max: number): string {
  const plain = text.replace(/\p{Cc}\[[0-9;]*[A-Za-z]/gu, "").replace(/\p{Cc}+/gu, " ");
  return fit(plain.trim(), max);
}

/** The first and last `max` characters of a long text: errors say what matters at the beginning or the end. */
function bothEnds(text: string, max: number): string {
  return text.length <= 2 * max ? text : `${text.slice(0, max)} … ${text.slice(-max)}`;
}

/** `1200` as `1.2 s`. */
export function showS(ms: number): string {
  const s = ms / 1000;
  return `${s < 10 ? Math.round(s * 10) / 10 : Math.round(s)} s`;
}
