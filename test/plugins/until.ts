import { systemClock } from "../../src/system/clock.ts";

/** What `probe` finds, asked again every 10 ms. */
export async function until<T>(probe: () => T | false | null | undefined): Promise<T> {
  for (let tries = 0; tries < 1000; tries++) {
    const found = probe();
    if (found) return found;
    await systemClock.wait(10);
  }
  throw new Error("waited for 10 s");
}
