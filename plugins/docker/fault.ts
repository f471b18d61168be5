/** Why a docker command did not do its work, and what to do about it. Pure. */
import type { RestartFault } from "../../src/plugin.ts";
import type { Outcome } from "./client.ts";
import { hintOf } from "./hint.ts";
import { oneLine, type Redact } from "./redact.ts";

/** `unknown`: the engine may have had the command, and may yet carry it out. */
export interface Fault {
  fault: RestartFault;
  reason: string;
  unknown?: true;
}

/** Bounds what the engine says to what a person reads. */
const MAX_DETAIL = 300;

interface Rule {
  when: RegExp;
  fault: RestartFault;
  /** `detail` is redacted and bounded; it is put where `%` stands. */
  reason: string;
}

const RULES: readonly Rule[] = [
  {
    when: /permission denied while trying to connect|dial unix [^:]*:.*permission denied/i,
    fault: "permission_denied",
    reason:
      "permission denied on the Docker socket: run the watchdog with the socket's group (in a container `--group-add $(stat -c %g /var/run/docker.sock)`, on a host `usermod -aG docker <user>`)",
  },
  {
    when: /403 Forbidden|Request forbidden|authorization denied by plugin/i,
    fault: "permission_denied",
    reason:
      "the Docker API refused the call (%): let its proxy or authorisation plugin allow reading containers, restarting and stopping them (socket proxy: CONTAINERS=1, ALLOW_RESTARTS=1)",
  },
  {
    when: /x509|tls:|certificate|TLS-enabled daemon|malformed HTTP|to (?:an )?HTTPS (?:server|client)/i,
    fault: "engine_unreachable",
    reason:
      "no trusted connection to the Docker engine (%): check DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH",
  },
  {
    when: /unable to resolve docker endpoint|context.*(?:not found|does not exist)|unable to parse docker host/i,
    fault: "engine_unreachable",
    reason:
      "the docker client's settings name no engine (%): check DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG and DOCKER_CERT_PATH",
  },
  {
    when: /Cannot connect to the Docker daemon|failed to connect to the docker API|error during connect|dial (?:tcp|unix)|connection refused/i,
    fault: "engine_unreachable",
    reason:
      "the Docker engine does not answer (%): start it (`systemctl start docker`), or correct DOCKER_HOST, or mount its socket",
  },
  {
    when: /client version \S+ is too (?:new|old)/i,
    fault: "other",
    reason:
      "the docker client and the engine speak no common API version (%): set DOCKER_API_VERSION or change the client",
  },
  {
    when: /removal of container .* is already in progress|is marked for removal/i,
    fault: "other",
    reason: "it is being removed (%): look again with `docker ps -a`, and recreate it if it is gone",
  },
];

/** The connection ended after the engine may have had the command. */
const CUT_OFF = /\bEOF\b|connection reset|broken pipe|context deadline exceeded|connection lost/i;

/** `about` names the container or containers that were asked for. */
export function faultOf(outcome: Exclude<Outcome, { end: "ok" }>, about: string, redact: Redact): Fault {
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
      reason: `the Docker engine has not answered: ${outcome.waiting} docker clients still wait, so no other was started; look at its log (\`journalctl -u docker\`)`,
    };
  }
  return ofFailure(outcome, about, redact);
}

function ofFailure(failed: { code: number | null; stderr: string }, about: string, redact: Redact): Fault {
  const said = withoutWarnings(failed.stderr);
  const detail = oneLine(redact(said), MAX_DETAIL);
  if (failed.code === 127 || failed.code === 126) {
    return {
      fault: "client_missing",
      reason: `the docker client ${failed.code === 127 ? "is not in PATH" : "cannot be executed"}: install it (docker-ce-cli, or copy /usr/local/bin/docker from the image docker:28-cli), or correct PATH`,
    };
  }
  // The engine has answered: "No such container" and "permission denied" speak of something else from here on.
  if (/Cannot (?:re)?(?:start|stop) container/i.test(said)) return ofEngine(said, detail);
  if (/no such (?:container|object)/i.test(said)) return noSuchContainer(about);
  const rule = RULES.find(({ when }) => when.test(said));
  const cut = CUT_OFF.test(said) ? ({ unknown: true } as const) : {};
  if (rule) return { fault: rule.fault, reason: rule.reason.replace("(%)", () => `(${detail})`), ...cut };
  return {
    fault: "other",
    reason: detail || `the docker client ended with status ${failed.code ?? "unknown"} and said nothing`,
    ...cut,
  };
}

export function noSuchContainer(name: string): Fault {
  return {
    fault: "no_such_container",
    reason: `no container named ${name}: compare "container" in the configuration with \`docker ps -a --format '{{.Names}}'\`, or create it`,
  };
}

function ofEngine(said: string, detail: string): Fault {
  const parent = /No such container: ([0-9a-f]{12,64}|[\w.-]+)/i.exec(said)?.[1];
  if (parent) return deadParent(parent);
  const hint = hintOf({ texts: [said] });
  return { fault: "other", reason: hint ? `${detail} — ${hint}` : detail };
}

/** A container in the network namespace of one that is gone. `service` is its compose service. */
export function deadParent(parent: string, service?: string): Fault {
  const remedy = service
    ? `recreate it with \`docker compose up -d --force-recreate ${service}\``
    : "recreate it (`docker compose up -d --force-recreate <service>`, or `docker rm` and `docker run`)";
  return {
    fault: "other",
    reason: `its network namespace belongs to container ${parent.slice(0, 12)}, which no longer exists: ${remedy}`,
  };
}

/** A configuration file that cannot be read is a warning, and says "permission denied" of something harmless. */
function withoutWarnings(stderr: string): string {
  return stderr
    .split("\n")
    .filter((line) => !/^WARNING:/.test(line))
    .join("\n")
    .trim();
}

/** `1200` as `1.2 s`. */
export function showS(ms: number): string {
  const s = ms / 1000;
  return `${s < 10 ? Math.round(s * 10) / 10 : Math.round(s)} s`;
}
