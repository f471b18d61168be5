/** The likely cause, derived from the evidence, in a few words, with what to do. Pure. */

export interface Clues {
  status?: string;
  exitCode?: number;
  oomKilled?: boolean;
  /** The engine's error, log lines, health outputs. */
  texts: readonly string[];
  /** The last output of the image's own health check, if it failed. */
  failedHealth?: string;
}

/** Errors of the engine and of programs, most telling first. */
const IN_TEXT: readonly (readonly [RegExp, string])[] = [
  [
    /no space left on device/i,
    "no space left on device: free disk space (`docker system df` shows what Docker holds)",
  ],
  [
    /port is already allocated|address already in use|EADDRINUSE/i,
    "port already in use: another process or container holds it (`ss -ltnp`, `docker ps`)",
  ],
  [/too many open files|EMFILE/i, "too many open files: raise the container's ulimit nofile"],
  [/read-only file system|EROFS/i, "read-only file system: check its volumes and the host's disk"],
  [
    /cannot join network of a non running container/i,
    "its network parent is not running: restart the parent first",
  ],
  [
    /No such container: [0-9a-f]{64}/,
    "its network parent no longer exists: recreate it (`docker compose up -d --force-recreate <service>`)",
  ],
  [/executable file not found|exec format error/i, "bad command or image: its program cannot be executed"],
  [/out of memory|OutOfMemoryError|cannot allocate memory/i, "out of memory: raise the memory limit"],
];

const BY_EXIT: Readonly<Record<number, string>> = {
  125: "exit 125: the engine could not run it: read its error",
  126: "exit 126: bad command or image",
  127: "exit 127: bad command or image",
  132: "exit 132: illegal instruction: an image built for another processor?",
  134: "exit 134: the program aborted itself",
  // Do not rule out a lack of memory: the engine sometimes misses the kernel's event and leaves OOMKilled false.
  137: "exit 137: killed (SIGKILL): by a person, a stop that took too long, or for lack of memory (`dmesg | grep -i oom`)",
  139: "exit 139: the program crashed (segmentation fault)",
  143: "exit 143: stopped by SIGTERM",
};

/** The likely cause, or `undefined` if nothing suggests one. At most about 250 characters. */
export function hintOf(clues: Clues): string | undefined {
  if (clues.oomKilled) return "OOMKilled: raise the memory limit";
  const byExit = clues.exitCode === undefined ? undefined : BY_EXIT[clues.exitCode];
  if (byExit?.includes("bad command")) return byExit;
  for (const [pattern, hint] of IN_TEXT) {
    if (clues.texts.some((text) => pattern.test(text))) return hint;
  }
  if (byExit) return byExit;
  if (clues.status === "paused") return "paused: someone froze it with `docker pause`";
  if (clues.failedHealth) return healthHint(clues.failedHealth);
  return undefined;
}

/** After redaction, an output may be empty. */
function healthHint(failed: string): string {
  const said = failed.slice(0, 200).replace(/[\s:]+$/, "");
  return /^exit -?\d+$/.test(said)
    ? `its own health check fails with no output (${said})`
    : `its own health check says: ${said}`;
}
