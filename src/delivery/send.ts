import { setMaxListeners } from "node:events";
import type {
  Alert,
  Delivery,
  DirectSink,
  HttpSink,
  Ports,
  Sink,
  SinkRequest,
  SinkResponse,
  SinkSettings,
} from "../plugin.ts";
import { redact } from "./redact.ts";
import { renderTemplate } from "./template.ts";

/** From the first byte sent to the last byte read. */
export const SEND_TIMEOUT_MS = 15_000;
/** More of an answer is not read: no receiver says anything of use past it. */
export const ANSWER_LIMIT_BYTES = 64 * 1024;

const OUTCOMES: readonly unknown[] = ["delivered", "retry", "rejected"];

/**
 * Makes one attempt to hand `alert` (several, to a sink with `formatMany`) to `sink`, within `timeoutMs`, and never rejects. A sink that hangs
 * is left behind; one whose functions throw is named, and the alert is `rejected`, for the same input
 * would throw again. No faults of the network, no timeout and no shutdown is final: they are `retry`.
 * The reason is safe to show.
 */
export async function deliver(
  sink: Sink,
  alert: Alert | readonly Alert[],
  ports: Pick<Ports, "clock">,
  signal?: AbortSignal,
  { timeoutMs = SEND_TIMEOUT_MS }: { timeoutMs?: number } = {},
): Promise<Delivery> {
  const stopped: Delivery = { outcome: "retry", reason: "stopped before an answer came", calledOff: true };
  if (signal?.aborted) return stopped;
  // One signal for all attempts under way: two dozen listeners are no leak, and Node would warn of one.
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
      ? direct(sink, alerts[0]!, over.signal)
      : overHttp(sink, alerts, ports.clock.now(), over.signal);
  try {
    return await Promise.race([attempt, interrupted]);
  } finally {
    over.abort();
  }
}

/** The alert in the sink's own words, where it has any. */
function worded(alert: Alert, settings: SinkSettings | undefined): Alert {
  const { title, message } = settings ?? {};
  if (title === undefined && message === undefined) return alert;
  return {
    ...alert,
    title: title === undefined ? alert.title : renderTemplate(title, alert),
    message: message === undefined ? alert.message : renderTemplate(message, alert),
  };
}

/** A throw here is most often the world's (a client that rejects), so it is tried again. */
async function direct(sink: DirectSink, alert: Alert, signal: AbortSignal): Promise<Delivery> {
  try {
    return checked(sink.name, await sink.deliver(worded(alert, sink.settings), signal));
  } catch (fault) {
    return { outcome: "retry", reason: redact(`sink "${sink.name}" threw: ${messageOf(fault)}`) };
  }
}

async function overHttp(
  sink: HttpSink,
  alerts: readonly Alert[],
  nowMs: number,
  signal: AbortSignal,
): Promise<Delivery> {
  let request: SinkRequest | undefined;
  const broken = (doing: string, fault: unknown): Delivery => ({
    outcome: "rejected",
    reason: redact(`sink "${sink.name}" could not ${doing}: ${messageOf(fault)}`, request),
  });

  const headers = new Headers({ "user-agent": "spreadpilot-watchdog" });
  try {
    const shown = alerts.map((alert) => worded(alert, sink.settings));
    request = shown.length > 1 && sink.formatMany ? sink.formatMany(shown) : sink.format(shown[0]!);
    const fresh = await sink.sign?.(alerts[0]!, request, Math.floor(nowMs / 1000));
    for (const [name, value] of Object.entries({ ...request.headers, ...fresh })) headers.set(name, value);
    new URL(request.url);
  } catch (fault) {
    return broken("prepare the alert", fault);
  }

  let response: SinkResponse;
  try {
    response = await send(request, headers, signal);
  } catch (fault) {
    return { outcome: "retry", reason: faultReason(fault) };
  }

  try {
    return checked(sink.name, sink.classify(response), request);
  } catch (fault) {
    return broken(`read the answer HTTP ${response.status}`, fault);
  }
}

/** A plugin's answer is data from outside: only the three outcomes are let through. */
function checked(name: string, delivery: Delivery, request?: SinkRequest): Delivery {
  if (!OUTCOMES.includes(delivery?.outcome)) {
    return { outcome: "rejected", reason: `sink "${name}" gave no outcome (delivered, retry or rejected)` };
  }
  return { ...delivery, reason: redact(String(delivery.reason), request) };
}

async function send(request: SinkRequest, headers: Headers, signal: AbortSignal): Promise<SinkResponse> {
  // Imported late: a quiet one-shot tick sends nothing, and must not pay for it.
  const { createFetch } = await import("ofetch");
  const { raw } = createFetch({ fetch: globalThis.fetch, Headers: globalThis.Headers, AbortController });
  const response = await raw(request.url, {
    method: request.method,
    headers,
    ...(request.method === "GET" ? {} : { body: request.body }),
    // An alert goes where the configuration says, and nowhere else.
    redirect: "manual",
    // The outbox retries; a second attempt here would be one that nobody counts.
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

/** The first `limitBytes` of a body as text; the rest is not read, and a character that is cut is left out. */
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
  // Not waited for: a receiver that never stops sending could hold it up.
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

/** Says what broke, from codes and known phrases alone: the messages of fetch carry the address. */
function faultReason(fault: unknown): string {
  const codes: string[] = [];
  const messages: string[] = [];
  for (let at = fault, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string") codes.push(at.code);
    messages.push(redact(at.message));
  }
  for (const text of [codes.join(" "), messages.join(" ")]) {
    const known = FAULTS.find(([pattern]) => pattern.test(text));
    if (known) return known[1];
  }
  return codes[0] ? `connection failed (${codes[0]})` : "connection failed";
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? `${fault.name}: ${fault.message}` : "it threw something that is no error";
}
