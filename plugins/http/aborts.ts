/**
 * Listens to a signal that a thousand checks share. A listener each would make Node warn of a leak, and
 * taking one away walks past all the others; here the signal has one, which calls the rest.
 */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `listener` once when the signal aborts, at once if it has. The function returned stops listening. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => {};
  }
  let all = listeners.get(signal);
  if (!all) {
    const created = new Set<() => void>();
    all = created;
    listeners.set(signal, created);
    signal.addEventListener(
      "abort",
      () => {
        for (const one of created) one();
      },
      { once: true },
    );
  }
  // A wrapper of its own, so that one function may listen twice.
  const entry = () => listener();
  all.add(entry);
  return () => all.delete(entry);
}
