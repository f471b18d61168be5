import { hostname } from "node:os";
import * as v from "valibot";
import { help, oneOrMany, receiverUrl, type SinkSettings, secret, sinkSettings } from "../../src/plugin.ts";
import { OWN_LABELS } from "./body.ts";

export interface AlertmanagerOptions extends SinkSettings {
  /**
   * The server, `http://alertmanager:9093`, with its path prefix if it has one; several for the members of a cluster.
   */
  url: string[];
  /** The whole header, for a server behind a proxy: `Bearer …` or `Basic …`. */
  authorization?: string;
  /** The label `host`. It is part of every alert's identity, so it must not change with the container. */
  host: string;
  /** Further labels of every alert. */
  labels: Record<string, string>;
  /** A link to more information; `{component}` stands for the name of the service. */
  generatorURL?: string;
}

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const ACCEPTED_LABELS = `names of letters, digits and "_" with texts of 1 to 256 characters, such as { team: ops }; not ${OWN_LABELS.join(", ")}, which the watchdog sets, and none that begins with "__"`;

export const options = v.strictObject({
  url: help(
    "The server with its path prefix, if it has one; a list for the members of a cluster.",
    v.pipe(
      oneOrMany(
        receiverUrl("an absolute http or https URL without a user name and password, or a list of them"),
        "at least one URL",
      ),
      v.check((urls) => new Set(urls).size === urls.length, "every URL once"),
      v.metadata({ secret: true }),
    ),
  ),
  authorization: help(
    'The header Authorization, for a server behind a proxy: "Bearer …" or "Basic …".',
    v.optional(
      v.pipe(
        secret(),
        v.check(
          (value) => /^[\x20-\x7e]+$/.test(value),
          'the header\'s whole value in ASCII: "Bearer …" or "Basic …"',
        ),
        v.metadata({ secret: true }),
      ),
    ),
  ),
  host: help(
    "The label host. It is a part of every alert's identity and must not change with the container.",
    v.optional(
      v.pipe(v.string("a name"), v.minLength(1, "a name"), v.maxLength(256, "at most 256 characters")),
      hostname,
    ),
  ),
  labels: help(
    "Further labels of every alert.",
    v.optional(
      v.pipe(
        v.record(v.string(), v.string(ACCEPTED_LABELS), ACCEPTED_LABELS),
        v.check(areLabels, ACCEPTED_LABELS),
      ),
      {},
    ),
  ),
  generatorURL: help(
    "A link to more information; {component} stands for the name of the service.",
    v.optional(
      v.pipe(
        v.string("an absolute http or https URL"),
        v.check(
          (value) => /^https?:\/\/[^\s/]/.test(value) && URL.canParse(value),
          "an absolute http or https URL",
        ),
      ),
    ),
  ),
  ...sinkSettings,
});

function areLabels(labels: Record<string, string>): boolean {
  return Object.entries(labels).every(
    ([name, text]) =>
      NAME.test(name) &&
      !name.startsWith("__") &&
      !OWN_LABELS.includes(name) &&
      text.trim() !== "" &&
      text.length <= 256,
  );
}
