/** The settings of a service, in a person's words. */
import * as v from "valibot";
import { DEFAULT_POLICY } from "../core/policy.ts";
import type { Declarations } from "./config.ts";
import { LIMITS } from "./environment.ts";
import { anyUrl, containerName, duration, flag, httpUrl, line, oneOf, share, wholeNumber } from "./fields.ts";
import { maintenanceField } from "./maintenance.ts";

/** Names stand in URLs (`/services/<name>`), in logs and in alerts. */
export const SERVICE_NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/i;
export const ACCEPTED_SERVICE_NAME =
  'a name of 1 to 64 letters, digits, "_", "." and "-", beginning with a letter or digit';

const [leastIntervalMs, mostIntervalMs] = LIMITS.intervalMs;
const [leastTimeoutMs, mostTimeoutMs] = LIMITS.timeoutMs;
const threshold = () => wholeNumber(...LIMITS.threshold);
const names = (what: string) => v.optional(v.array(line(64), `a list of ${what}`), []);

const ENTRIES = {
  displayName: v.optional(line(100)),
  container: v.optional(containerName()),
  check: v.optional(line(64), "http"),
  restarter: v.optional(line(64), "docker"),
  interval: v.optional(duration(leastIntervalMs, mostIntervalMs)),
  fastInterval: v.optional(duration(leastIntervalMs, mostIntervalMs)),
  // May exceed the interval (as in Kubernetes): a service is due an interval after its last check, so two
  // checks of it never overlap, and a short `interval` needs no word about the timeout.
  timeout: v.optional(duration(leastTimeoutMs, mostTimeoutMs)),
  failureThreshold: v.optional(threshold()),
  successThreshold: v.optional(threshold(), DEFAULT_POLICY.successThreshold),
  startPeriod: v.optional(duration(0, 86_400_000)),
  action: v.optional(oneOf("restart", "stop", "notify", "none"), DEFAULT_POLICY.action),
  dryRun: v.optional(flag(), DEFAULT_POLICY.dryRun),
  dependsOn: names("services that this one cannot be healthy without"),
  restartWith: names("services that are restarted right after this one"),
  backoff: v.optional(
    v.strictObject(
      {
        base: v.optional(duration(0, 86_400_000)),
        cap: v.optional(duration(0, 86_400_000)),
        jitter: v.optional(share({ zero: true }), DEFAULT_POLICY.backoff.jitter),
      },
      'an object with "base", "cap" and "jitter", such as { "base": "10s", "cap": "5m", "jitter": 0.2 }',
    ),
    {},
  ),
  budget: v.optional(
    v.lazy((input) =>
      input === "never"
        ? v.literal("never")
        : v.strictObject(
            {
              restarts: v.optional(
                wholeNumber(1, 1000, ' (for no restarts at all, set "action" to "notify")'),
                DEFAULT_POLICY.budget.restarts,
              ),
              window: v.optional(duration(1000, 30 * 86_400_000), DEFAULT_POLICY.budget.windowMs / 1000),
            },
            '"never" for no limit, or an object such as { "restarts": 5, "window": "10m" }',
          ),
    ),
    {},
  ),
  stable: v.optional(duration(0, 30 * 86_400_000), DEFAULT_POLICY.stableMs / 1000),
  respectManualStop: v.optional(flag(), DEFAULT_POLICY.respectManualStop),
  recoveryAfter: v.optional(threshold(), DEFAULT_POLICY.recoveryAfter),
  remindEvery: v.optional(duration(1000, 30 * 86_400_000)),
  maintenance: v.optional(maintenanceField(), []),
};

/** The keys of a service that a plugin's name may not be. */
export const SERVICE_KEYS: readonly string[] = [...Object.keys(ENTRIES), "url"];

const KNOWN = v.strictObject({ ...ENTRIES, url: v.optional(httpUrl()) });

/** A service's settings, its defaults filled in; what it says to plugins stands under their names. */
export type ServiceSettings = v.InferOutput<typeof KNOWN> & Record<string, unknown>;

export type ServiceSchema = v.GenericSchema<unknown, ServiceSettings>;

/** Gives the schema of a service: it depends on the plugins at hand, and on what the service says of its check. */
export function serviceSchemas(declarations: Declarations): (input: unknown) => ServiceSchema {
  // Only the HTTP check is known to need a URL; what another check needs, its own options say.
  const byHttp = serviceSchema(declarations, httpUrl());
  const byOther = serviceSchema(declarations, v.optional(anyUrl()));
  return (input) => {
    const said = typeof input === "object" && input !== null ? (input as Record<string, unknown>) : {};
    return said.check === undefined || said.check === "http" ? byHttp : byOther;
  };
}

function serviceSchema(declarations: Declarations, url: v.GenericSchema): ServiceSchema {
  const plugins = Object.entries(declarations).flatMap(([plugin, { serviceOptions }]) =>
    serviceOptions ? [[plugin, v.optional(serviceOptions)] as const] : [],
  );
  const schema = v.strictObject(
    { ...Object.fromEntries(plugins), ...ENTRIES, url },
    "an object with the service's settings",
  );
  return schema as unknown as ServiceSchema;
}
