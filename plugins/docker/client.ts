/** Runs the docker client through docker-cli-js: its environment, its deadline, and how a command ended. */
import type { Ports } from "../../src/plugin.ts";

/**
 * Docker's own grammar of names. docker-cli-js runs its commands through a shell, so this is checked
 * here once more, after the configuration: the last gate before that shell.
 */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

export function isContainerName(text: unknown): text is string {
  return typeof text === "string" && NAME.test(text);
}

/** docker-cli-js hands on only DEBUG, HOME, PATH and USER: without these the client asks the wrong engine. */
const PASSED_ON = [
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

/** docker-cli-js gives no way to kill its child: past this many that never ended, no new question is asked. */
const MAX_OVERDUE = 8;

/** `object` is what docker-cli-js parsed of an inspect. `code` is `null` when the client never ran. */
export type Ended =
  | { end: "ok"; stdout: string; object?: unknown }
  | { end: "failed"; code: number | null; stdout: string; stderr: string };

/** `expired`: no answer in `afterMs`, the child may still run. `stuck`: not asked, too many still wait. */
export type Outcome =
  | Ended
  | { end: "expired"; afterMs: number }
  | { end: "stuck"; waiting: number }
  | { end: "aborted" };

export interface Command {
  /** Constant text: the verb and its options, never anything from outside. */
  verb: string;
  names: readonly string[];
  /** Constant text after the names, for the shell. */
  tail?: string;
  deadlineMs: number;
  signal: AbortSignal;
  /** Told right before the child starts; not at all when it is not started. */
  onStart?(): void;
  /** Told when the child ends, however late: `late` when nobody waited for it any more. */
  onEnd?(ended: Ended, late: boolean): void;
}

/** Never rejects. A question beyond the bound of overdue clients is refused as `stuck`. */
export type Client = (command: Command) => Promise<Outcome>;

export function createClient({ clock, env }: Pick<Ports, "clock" | "env">): Client {
  const childEnv: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = env[name];
    if (value !== undefined) childEnv[name] = value;
  }
  let overdue = 0;

  return async (command) => {
    const { deadlineMs, signal } = command;
    if (signal.aborted) return { end: "aborted" };
    if (overdue >= MAX_OVERDUE) return { end: "stuck", waiting: overdue };
    command.onStart?.();
    let late = false;
    const ended = execute(command, childEnv).then((value) => {
      if (late) overdue -= 1;
      command.onEnd?.(value, late);
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

async function execute(command: Command, env: Record<string, string>): Promise<Ended> {
  try {
    if (!command.names.every(isContainerName)) throw new Error("not a container name");
    // Quoted, because docker-cli-js looks for words such as " inspect " and " ps " in the whole command
    // and would parse the output of a restart of a container so named.
    const names = command.names.map((name) => `"${name}"`).join(" ");
    const { Docker } = await import("docker-cli-js");
    const docker = new Docker({ echo: false, env });
    const answer = await docker.command(`${command.verb} ${names}${command.tail ?? ""}`);
    return { end: "ok", stdout: answer.raw ?? "", object: answer.object };
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
