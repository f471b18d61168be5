/** One attempt to deliver alerts to one sink, over HTTP or by the sink itself. */
import { setMaxListeners } from "node:events";
import type { Alert } from "../core/alert.ts";
import type { Delivery } from "../core/outbox.ts";
import type {
  DirectSink,
  Earlier,
  HttpSink,
  Ports,
  Sink,
  SinkRequest,
  SinkResponse,
} from "../plugin/contract.ts";
import { renderTemplate, type SinkSettings } from "../plugin/sink-settings.ts";
import { cut } from "../plugin/wording.ts";
import { hiding, type Redact } from "../redaction/redactor.ts";
import { secretsOfRequest } from "../redaction/secrets.ts";
import { atAll } from "./cluster.ts";

/** From the first byte sent to the last byte read. */
export const SEND_TIMEOUT_MS = 15_000;
/** The rest of an answer is not read. */
export const ANSWER_LIMIT_BYTES = 64 * 1024;

/** A reason is one line on a phone. */
const REASON_LIMIT = 300;

/** Once a member of a cluster took an alert, the others have this long to answer. */
const STRAGGLER_MS = 3000;

const FIRST: Earlier = { attempts: 0, lastReason: "" };
const OUTCOMES: readonly unknown[] = ["delivered", "retry", "rejected"];

/**
 * Makes one attempt to deliver `alert` (or several alerts, if the sink has `formatMany`) within `timeoutMs`. Never
 * rejects. Network faults, timeouts and a shutdown are `retry`. When a function of an HTTP sink throws, the alert is
 * `rejected`, because the same input would throw again, and the reason names the sink. The reason is safe to show.
 */
export async function deliver(
  sink: Sink,
  alert: Alert | readonly Alert[],
  ports: Pick<Ports, "clock" | "redact">,
  signal?: AbortSignal,
  { timeoutMs = SEND_TIMEOUT_MS, earlier = FIRST }: { timeoutMs?: number; earlier?: Earlier } = {},
): Promise<Delivery> {
  const stopped: Delivery = { outcome: "retry", reason: "stopped before an answer came", calledOff: true };
  if (signal?.aborted) return stopped;
  // All running attempts share one signal. Two dozen listeners are no leak, but Node would warn of one.
  if (signal) setMaxListeners(0, signal);
  const over = new AbortController();
  const interrupted = new Promise<Delivery>((resolve) => {
    signal?.addEventListener("abort", () => resolve(stopped), { once: true, signal: over.signal });
    const late: Delivery = { outcome: "retry", reason: `no answer in ${timeoutMs / 1000} s` };
    void ports.clock.wait(timeoutMs, over.signal).then(() => resolve(late));
  });
  const alerts = (Array.isArray(alert) ? alert : [alert]) as readonly Alert[];
  const attempt =
    "deliver" in sink
      ? direct(sink, alerts[0]!, over.signal, ports.redact)
      : overHttp(sink, alerts, earlier, ports, over.signal);
  try {
    return await Promise.race([attempt, interrupted]);
  } finally {
    over.abort();
  }
}

/** The alert with the title and message of the sink's own templates, if it has any. */
function worded(alert: Alert, settings: SinkSettings | undefined): Alert {
  const { title, message } = settings ?? {};
  if (title === undefined && message === undefined) return alert;
  return {
    ...alert,
    title: title === undefined ? alert.title : renderTemplate(title, alert),
    message: message === undefined ? alert.message : renderTemplate(message, alert),
  };
}

/** An error here mostly comes from outside (a client that rejects), so the alert is retried. */
async function direct(
  sink: DirectSink,
  alert: Alert,
  signal: AbortSignal,
  redact: Redact,
): Promise<Delivery> {
  try {
    return checked(sink.name, await sink.deliver(worded(alert, sink.settings), signal), redact);
  } catch (fault) {
    return { outcome: "retry", reason: shown(`sink "${sink.name}" threw: ${messageOf(fault)}`, redact) };
  }
}

async function overHttp(
  sink: HttpSink,
  alerts: readonly Alert[],
  earlier: Earlier,
  { clock, redact }: Pick<Ports, "clock" | "redact">,
  signal: AbortSignal,
): Promise<Delivery> {
  const broken = (doing: string, fault: unknown, request?: SinkRequest): Delivery => ({
    outcome: "rejected",
    reason: shown(`sink "${sink.name}" could not ${doing}: ${messageOf(fault)}`, redact, request),
  });

  let prepared: SinkRequest | undefined;
  const headers = new Headers({ "user-agent": "spreadpilot-watchdog" });
  try {
    const shown = alerts.map((alert) => worded(alert, sink.settings));
    prepared = shown.length > 1 && sink.formatMany ? sink.formatMany(shown) : sink.format(shown[0]!);
    const fresh = await sink.sign?.(alerts[0]!, prepared, Math.floor(clock.now() / 1000));
    for (const [name, value] of Object.entries({ ...prepared.headers, ...fresh })) headers.set(name, value);
    for (const url of urlsOf(prepared)) new URL(url);
  } catch (fault) {
    return broken("prepare the alert", fault, prepared);
  }

  const attempt = async (url: string): Promise<Delivery> => {
    const request = { ...prepared, url };
    let response: SinkResponse;
    try {
      response = await send(request, headers, signal);
    } catch (fault) {
      return { outcome: "retry", reason: faultReason(fault) };
    }
    try {
      return checked(sink.name, sink.classify(response, earlier), redact, request);
    } catch (fault) {
      return broken(`read the answer HTTP ${response.status}`, fault, request);
    }
  };
  return atAll(urlsOf(prepared), attempt, () => clock.wait(STRAGGLER_MS, signal));
}

const urlsOf = ({ url, alsoTo = [] }: SinkRequest) => [url, ...alsoTo];

/** A plugin's answer comes from outside: only the three outcomes are accepted. */
function checked(name: string, delivery: Delivery, redact: Redact, request?: SinkRequest): Delivery {
  if (!OUTCOMES.includes(delivery?.outcome)) {
    return { outcome: "rejected", reason: `sink "${name}" gave no outcome (delivered, retry or rejected)` };
  }
  return { ...delivery, reason: shown(String(delivery.reason), redact, request) };
}

/** One line of at most 300 characters without secrets, those of the request included: receivers echo what they got. */
function shown(text: string, redact: Redact, request?: SinkRequest): string {
  const hidden = redact(request ? hiding(secretsOfRequest(request))(text) : text);
  // Control characters must not reach a terminal.
  return cut(hidden.replace(/[\s\p{Cc}]+/gu, " ").trim(), REASON_LIMIT);
}

/** Imported late, because a quiet one-shot tick sends nothing. */
export const loadClient = () => import("ofetch");

async function send(request: SinkRequest, headers: Headers, signal: AbortSignal): Promise<SinkResponse> {
  const { createFetch } = await loadClient();
  const { raw } = createFetch({ fetch: globalThis.fetch, Headers: globalThis.Headers, AbortController });
  const response = await raw(request.url, {
    method: request.method,
    headers,
    ...(request.method === "GET" ? {} : { body: request.body }),
    // An alert goes to the configured address and nowhere else.
    redirect: "manual",
    // The outbox retries, and must count every attempt.
    retry: false,
    ignoreResponseError: true,
    responseType: "stream",
    signal,
  });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await readStart(response.body, ANSWER_LIMIT_BYTES),
  };
}

/** The first `limitBytes` of a body as text, without a character that is cut in the middle. */
async function readStart(body: ReadableStream<Uint8Array> | null, limitBytes: number): Promise<string> {
  if (!body) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let roomBytes = limitBytes; roomBytes > 0; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    const part = value.subarray(0, roomBytes);
    roomBytes -= part.length;
    text += decoder.decode(part, { stream: true });
  }
  // Not awaited: a receiver that never stops sending could delay it.
  reader.cancel().catch(() => {});
  return text;
}

const FAULTS: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED|connection refused/i, "connection refused"],
  [/ENOTFOUND|EAI_AGAIN|dns error|failed to lookup/i, "unknown host"],
  [/EHOSTUNREACH|ENETUNREACH|unreachable/i, "host unreachable"],
  [
    /CERT|ERR_TLS|ERR_SSL|SELF_SIGNED|UNABLE_TO|certificate/i,
    "TLS: the certificate or the protocol is not accepted",
  ],
  [/HPE_|invalid HTTP|parse/i, "the answer is not HTTP"],
  [/ETIMEDOUT|UND_ERR_\w*TIMEOUT|timed out/i, "no connection in time"],
  [
    /ECONNRESET|EPIPE|UND_ERR_SOCKET|reset|closed|SendRequest/i,
    "connection closed before the answer was whole",
  ],
];

/** Names the fault by error codes and known phrases; the messages of fetch contain the address. Deno has no codes. */
function faultReason(fault: unknown): string {
  const codes: string[] = [];
  const messages: string[] = [];
  for (let at = fault, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string") codes.push(at.code);
    // An address may hold any word.
    messages.push(at.message.replace(/\bhttps?:\/\/[^\s"'<>]+/gi, ""));
  }
  for (const text of [codes.join(" "), messages.join(" ")]) {
    const known = FAULTS.find(([pattern]) => pattern.test(text));
    if (known) return known[1];
  }
  return codes[0] ? `connection failed (${codes[0]})` : "connection failed";
}

function messageOf(fault: unknown): string {
  return fault instanceof Error
    ? `${fault.name}: ${fault.message}`
    : "it threw something that is not an Error";
}
