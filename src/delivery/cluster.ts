/** Sends one request to all members of a cluster. */
import type { Delivery } from "../core/outbox.ts";

/** Best first: the alert is delivered if one member accepted it, and retried if one may still accept it. */
const OUTCOMES: readonly Delivery["outcome"][] = ["delivered", "retry", "rejected"];

/**
 * Calls `attempt` for every URL at once and waits for all of them. After one member has accepted the alert, waits
 * only for `patience`, so that a hanging member does not make the delivery fail. The reason includes the other
 * answers.
 */
export async function atAll(
  urls: readonly string[],
  attempt: (url: string) => Promise<Delivery>,
  patience: () => Promise<void>,
): Promise<Delivery> {
  if (urls.length === 1) return attempt(urls[0]!);
  const ends: (Delivery | undefined)[] = urls.map(() => undefined);
  let taken = () => {};
  const enough = new Promise<void>((resolve) => {
    taken = resolve;
  });
  const attempts = urls.map(async (url, index) => {
    const end = await attempt(url);
    ends[index] = end;
    if (end.outcome === "delivered") taken();
  });
  await Promise.race([Promise.all(attempts), enough.then(patience)]);
  return together(urls, ends);
}

function together(urls: readonly string[], ends: readonly (Delivery | undefined)[]): Delivery {
  const known = ends.filter((end) => end !== undefined);
  const outcome = OUTCOMES.find((one) => known.some((end) => end.outcome === one))!;
  const best = known.find((end) => end.outcome === outcome)!;
  const others = ends.flatMap((end, index) =>
    end === best || end?.outcome === "delivered"
      ? []
      : [`${new URL(urls[index]!).origin}: ${end?.reason ?? "no answer yet"}`],
  );
  return others.length === 0 ? best : { ...best, reason: `${best.reason} (${others.join("; ")})` };
}
