/** The settings of the plugin that have a vocabulary of their own: which engine, and what runs after a restart. */
import * as v from "valibot";
import { duration, help, line } from "../../src/plugin.ts";

const ACCEPTED_PATH = 'an absolute path of letters, digits, ".", "_", "-" and "/"';
/** It becomes a word of a command that a shell reads. */
const path = () => v.pipe(v.string(ACCEPTED_PATH), v.regex(/^\/[\w./-]{1,1000}$/, ACCEPTED_PATH));

export const engineSettings = {
  engine: help(
    "Where the engine is, such as unix:///var/run/docker.sock or tcp://engine:2376; by default the local socket.",
    v.optional(v.pipe(line(2000), v.metadata({ form: "address" }))),
  ),
  tls: help(
    "The files of a connection with TLS; DOCKER_CERT_PATH wins over them.",
    v.optional(
      v.strictObject({
        caFile: help("Who signs the engine's certificate.", path()),
        certFile: help("The client's certificate.", path()),
        keyFile: help("The client's key.", path()),
      }),
    ),
  ),
};

export interface EngineSettings {
  engine?: string | undefined;
  tls?: { caFile: string; certFile: string; keyFile: string } | undefined;
}

const ACCEPTED_COMMAND =
  'a list of words, first the absolute path of a program: ["/hooks/restarted.sh", "{name}"]';
const PLACES = ["name", "id", "shortId", "state", "stopTimeout"] as const;
const ACCEPTED_WORD = `a text; of the places in braces, these are filled in: ${PLACES.map((one) => `{${one}}`).join(", ")}`;

const isWord = (word: string) =>
  word.length <= 4096 &&
  !word.includes("\0") &&
  [...word.matchAll(/\{([A-Za-z]+)\}/g)].every(([, place]) => PLACES.includes(place as Place));

export const postRestartSetting = help(
  "A program that runs after each restart, without a shell. Its failure is logged, and changes nothing.",
  v.optional(
    v.strictObject({
      command: help(
        "Its absolute path and its words; {name}, {id}, {shortId}, {state} and {stopTimeout} are the container's.",
        v.pipe(
          v.array(v.pipe(v.string(ACCEPTED_WORD), v.check(isWord, ACCEPTED_WORD)), ACCEPTED_COMMAND),
          v.minLength(1, ACCEPTED_COMMAND),
          v.maxLength(100, ACCEPTED_COMMAND),
          v.check(([program = "/"]) => program.startsWith("/"), ACCEPTED_COMMAND),
        ),
      ),
      timeout: help("How long it may run before it is ended.", v.optional(duration(100, 3_600_000), "30s")),
    }),
  ),
);

export type Place = (typeof PLACES)[number];

export type PostRestart = NonNullable<v.InferOutput<typeof postRestartSetting>>;
