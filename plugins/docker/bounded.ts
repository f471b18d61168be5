/** The shell text that runs the docker client and limits its output. Pure. */

/** An inspection of 100 containers is far smaller. A client that prints more is ended by the closed pipe. */
export const MAX_ANSWER = 16 * 1024 * 1024;
/**
 * Error output says what matters at its beginning or its end. Keep 16 reads of the beginning and this much of the
 * end.
 */
const MAX_COMPLAINTS = 65_536;
/** After this much error output, close the pipe, so that a client that never stops complaining ends. */
const MAX_READ = 256 * 1024 * 1024;

const lastOf = (bytes: number) => `head -c ${MAX_READ} | tail -c ${bytes}`;
// Some versions of `head` read ahead and lose bytes that follow; `dd` does not.
const COMPLAINTS = `dd bs=4096 count=16 2>/dev/null; ${lastOf(MAX_COMPLAINTS)}`;

/** The exit status of a client that was ended by a closed pipe. */
export const CLOSED_PIPE = 128 + 13;

/** Quotes any text as one word for the shell. */
const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * The text that docker-cli-js runs. docker-cli-js keeps up to 200 MB of each stream in memory and offers no hook to
 * stop that, so the shell must limit the streams. docker-cli-js puts `docker ` before the text, so the text begins
 * with the rest of a function definition. The exit status is that of the client.
 *
 * With `lastBytes`, both streams are read as one and only the end is kept: logs use both streams.
 */
export function bounded(words: readonly string[], lastBytes?: number): string {
  const merged = lastBytes === undefined ? "" : " 2>&1";
  const answer = lastBytes === undefined ? `head -c ${MAX_ANSWER}` : lastOf(lastBytes);
  return [
    `() { command docker ${words.map(quoted).join(" ")}${merged} 3>&- 4>&- 5>&-; }`,
    // docker-cli-js reads streams 4 and 5; stream 3 carries the exit status out of the pipes.
    "exec 4>&1 5>&2",
    `status=$({ { { docker; echo $? >&3; } | ${answer} >&4; } 2>&1 | { ${COMPLAINTS}; } >&5; } 3>&1)`,
    // Nothing was echoed: even `head` is not in PATH, and the shell died of the pipe when it said so.
    '[ -n "$status" ] || status=127',
    'exit "$status"',
  ].join("\n");
}
