/**
 * Listens to a signal that a thousand checks share. With one listener per check, Node would warn of a leak, and
 * removing one would scan all others. Here the signal has one listener, which calls the rest.
 */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `listener` once when the signal aborts, or at once if it already has. Returns a function that stops
 * listening.
 */
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
  // A wrapper, so that the same function can listen twice.
  const entry = () => listener();
  all.add(entry);
  return () => all.delete(entry);
}
