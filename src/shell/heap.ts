/** From how many services on a tick's garbage is worth a thought. */
const MANY_SERVICES = 1000;

/**
 * Thousands of checks make garbage in bursts, and V8 would rather grow than collect: 5,000 services live in
 * 30 MB and took 220. The heap may only double between collections. Deno's V8 is not ours to set.
 */
export async function keepHeapSmall(services: number): Promise<void> {
  if (services < MANY_SERVICES || "Deno" in globalThis) return;
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString("--heap-growing-percent=100");
}
