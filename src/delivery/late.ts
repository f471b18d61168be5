/** Sends alerts with code that is loaded with the first of them: a quiet one-shot tick does not pay for it. */
import type { Ports } from "../plugin/contract.ts";
import { errorText } from "../system/log.ts";
import type { Deliver } from "./courier.ts";

/** Imported only here: another `import()` elsewhere would read its file from the disk again. */
const loadSending = () => import("./send.ts");

/** Loads the HTTP client now instead of with the first alert. */
export const prepareSending = async () => (await loadSending()).loadClient();

/** Deliveries that `cut` aborts. */
export function deliverUntil(cut: AbortSignal, ports: Ports): Deliver {
  return async (sink, alerts, earlier) => {
    const sending = await loadSending().catch(errorText);
    // A failed import stays failed until this process ends; the next process delivers what waits.
    if (typeof sending === "string") return { outcome: "retry", reason: sending, calledOff: true };
    return sending.deliver(sink, alerts, ports, cut, { earlier });
  };
}
