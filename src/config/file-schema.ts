/** The settings of a configuration file, but for its services and plugins, which have schemas of their own. */
import * as v from "valibot";
import { ACCEPTED_HOST, isHost, LIMITS, LOG_FORMATS, LOG_LEVELS } from "./environment.ts";
import { duration, flag, httpUrl, line, oneOf, share, wholeNumber } from "./fields.ts";
import { maintenanceField } from "./maintenance.ts";

export const FILE_SCHEMA = v.strictObject({
  /** For editors. */
  $schema: v.optional(v.unknown()),
  services: v.optional(v.unknown()),
  plugins: v.optional(v.unknown()),
  host: v.optional(
    v.pipe(
      v.unknown(),
      v.check((value) => typeof value === "string" && isHost(value), ACCEPTED_HOST),
      v.transform((value) => value as string),
    ),
  ),
  port: v.optional(wholeNumber(...LIMITS.port)),
  stateFile: v.optional(line(4096)),
  logLevel: v.optional(oneOf(...LOG_LEVELS)),
  logFormat: v.optional(oneOf(...LOG_FORMATS)),
  dryRun: v.optional(flag()),
  tickBudget: v.optional(duration(100, 3_600_000)),
  maxConcurrentRestarts: v.optional(wholeNumber(1, 1000), 4),
  brake: v.optional(
    v.strictObject(
      {
        share: v.optional(share({ zero: false }), 0.5),
        min: v.optional(wholeNumber(1, 10_000), 3),
        window: v.optional(duration(1000, 86_400_000), 60),
      },
      'an object such as { "share": 0.5, "min": 3, "window": "1m" }',
    ),
  ),
  maintenance: v.optional(maintenanceField(), []),
  sentinel: v.optional(v.strictObject({ url: httpUrl() }, 'an object such as { "url": "http://10.0.0.1/" }')),
});

export type FileSettings = v.InferOutput<typeof FILE_SCHEMA>;
