/** The one module that a plugin imports: the contracts, the vocabulary of settings, and the toolkit of sinks. */
export type { Alert, AlertParams, EventType, Severity } from "./core/alert.ts";
export type { CheckFault, EngineRestarts, OutOfReach, RecentRestarts } from "./core/container.ts";
export type { RestartFault } from "./core/event.ts";
export type { Delivery } from "./core/outbox.ts";
export type * from "./plugin/container-facts.ts";
export type * from "./plugin/contract.ts";
export { definePlugin } from "./plugin/contract.ts";
export type * from "./plugin/discovery.ts";
export type * from "./plugin/examination.ts";
export type * from "./plugin/foreign.ts";
export type * from "./plugin/hook.ts";
export {
  choice,
  containerName,
  duration,
  flag,
  help,
  httpUrl,
  line,
  oneOf,
  oneOrMany,
  receiverUrl,
  secret,
  tcpUrl,
  wholeNumber,
} from "./plugin/settings.ts";
export { classifyStatus, parseRetryAfterMs, postJson, readJson } from "./plugin/sink.ts";
export type { SinkSettings } from "./plugin/sink-settings.ts";
export { sinkSettings } from "./plugin/sink-settings.ts";
export type { Fact, Note } from "./plugin/wording.ts";
export { cut, factsOf, fit, isGoodNews, jsonBytes, messageWithHint, notesOf } from "./plugin/wording.ts";
export { hiding, type Redact } from "./redaction/redactor.ts";
export { secretsOfEnvironment } from "./redaction/secrets.ts";
