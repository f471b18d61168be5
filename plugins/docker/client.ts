/** Runs the docker client through docker-cli-js: its environment, its deadline, and how a command ended. */
import type { MayAct, Ports } from "../../src/plugin.ts";
import { bounded } from "./bounded.ts";

/**
 * Docker's own grammar of names. docker-cli-js runs its commands through a shell, so the name is checked here again,
 * after the configuration: this is the last check before that shell.
 */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

export function isContainerName(text: unknown): text is string {
  return typeof text === "string" && NAME.test(text);
}

/** docker-cli-js passes only DEBUG, HOME, PATH and USER. Without these, the client would ask the wrong engine. */
export const PASSED_ON = [
  "DOCKER_HOST",
  "DOCKER_CONTEXT",
  "DOCKER_CONFIG",
  "DOCKER_TLS_VERIFY",
  "DOCKER_CERT_PATH",
  "DOCKER_API_VERSION",
  "SSH_AUTH_SOCK",
  "PATH",
  "HOME",
] as const;

/** Imported late: a quiet tick needs no engine and should not load it. */
export const loadDocker = () => import("docker-cli-js");

/** docker-cli-js cannot kill its child. When this many children have not ended, no further one is started. */
const MAX_OVERDUE = 8;

/** Both streams are bounded. `code` is `null` when the client never ran. */
export type Ended =
  | { end: "ok"; stdout: string }
  | { end: "failed"; code: number | null; stdout: string; stderr: string };

/**
 * `expired`: no answer in `afterMs`; the child may still run. `stuck`: not started, because too many still wait.
 * `withheld`: not started, because `mayBegin` said no.
 */
export type Outcome =
  | Ended
  | { end: "withheld" }
  | { end: "expired"; afterMs: number }
  | { end: "stuck"; waiting: number }
  | { end: "aborted" };

interface Command {
  /** The verb and its options, a word each. */
  words: readonly string[];
  names: readonly string[];
  /** Reads both streams as one and keeps this much of the end. Absent: `stdout` and `stderr` are kept apart. */
  lastBytes?: number;
  deadlineMs: number;
  signal: AbortSignal;
  /** Asked last. The child starts in the same turn of the event loop in which this says yes. */
  mayBegin?: MayAct | undefined;
  /** Called right before the child starts; never, if it does not start. */
  onStart?(): void;
  /** Called when the child ends; `late` if nobody waits for it any more. */
  onEnd?(ended: Ended, late: boolean): void;
}

/** Never rejects. If too many children have not ended, the result is `stuck`. */
export type Client = (command: Command) => Promise<Outcome>;

/** The environment of a docker client: nothing in it is a secret of the watchdog's. */
export function childEnv(env: Ports["env"]): Record<string, string> {
  const passedOn = PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return Object.fromEntries(passedOn);
}

/** How each docker client is called: its environment, and the words before the verb. */
export interface Engine {
  env: Record<string, string>;
  flags: readonly string[];
}

export function createClient(
  { clock, env }: Pick<Ports, "clock" | "env">,
  engine: Engine = { env: childEnv(env), flags: [] },
): Client {
  let overdue = 0;

  return async (command) => {
    const { deadlineMs, signal } = command;
    if (signal.aborted) return { end: "aborted" };
    if (overdue >= MAX_OVERDUE) return { end: "stuck", waiting: overdue };
    let late = false;
    const ended = execute(command, engine).then((value) => {
      if (late) overdue -= 1;
      if (value.end !== "withheld") command.onEnd?.(value, late);
      return value;
    });
    const timer = new AbortController();
    const onAbort = () => timer.abort();
    signal.addEventListener("abort", onAbort, { once: true });
    const expiry = clock
      .wait(deadlineMs, timer.signal)
      .then((): Outcome => (signal.aborted ? { end: "aborted" } : { end: "expired", afterMs: deadlineMs }));
    const first = await Promise.race([ended, expiry]);
    signal.removeEventListener("abort", onAbort);
    timer.abort();
    if (first.end === "expired" || first.end === "aborted") {
      late = true;
      overdue += 1;
    }
    return first;
  };
}

async function execute(command: Command, { env, flags }: Engine): Promise<Ended | { end: "withheld" }> {
  try {
    if (!command.names.every(isContainerName)) throw new Error("not a container name");
    const { Docker } = await loadDocker();
    const docker = new Docker({ echo: false, env });
    const text = bounded([...flags, ...command.words, ...command.names], command.lastBytes);
    if (command.mayBegin && !(await command.mayBegin())) return { end: "withheld" };
    command.onStart?.();
    const answer = await docker.command(text);
    return { end: "ok", stdout: answer.raw ?? "" };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: unknown; stderr?: unknown };
    return {
      end: "failed",
      code: typeof code === "number" ? code : null,
      stdout: String(stdout ?? ""),
      stderr: String(stderr ?? (error as Error).message ?? error),
    };
  }
}
