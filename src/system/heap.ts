/** With fewer services, the garbage of a tick is small. */
const MANY_SERVICES = 1000;

/**
 * Thousands of checks create garbage in bursts, and V8 grows its heap rather than collect: 5,000 services need 30 MB
 * and took 220 MB. This lets the heap double at most between collections. On Deno, V8 flags cannot be set.
 */
export async function keepHeapSmall(services: number): Promise<void> {
  if (services < MANY_SERVICES || "Deno" in globalThis) return;
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString("--heap-growing-percent=100");
}
