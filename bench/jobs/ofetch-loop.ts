/** The bare loop: every URL by ofetch at once, with the settings that a health check needs, and nothing else. */
import { createFetch } from "ofetch";
import type { Job } from "../worker.ts";
import { spend } from "./spent.ts";

/** What `ofetch` itself is on Node 20: made here, since the build leaves the package's entry point out. */
const ofetch = createFetch({ fetch: globalThis.fetch, Headers, AbortController });

const loop: Job<{ urls: string[] }, unknown> = async ({ urls }) => ({
  async answer() {
    let healthy = 0;
    const spent = await spend(() =>
      Promise.all(
        urls.map(async (url) => {
          const signal = AbortSignal.timeout(5000);
          const response = await ofetch
            .raw(url, {
              retry: false,
              ignoreResponseError: true,
              redirect: "manual",
              responseType: "stream",
              signal,
            })
            .catch(() => undefined);
          if (response?.status === 200) healthy++;
          await response?.body?.cancel().catch(() => {});
        }),
      ),
    );
    return { ...spent, healthy };
  },
});

export default loop;
