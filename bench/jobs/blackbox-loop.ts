/** Asks blackbox_exporter to probe every URL, as Prometheus would: over connections that stay open. */
import http from "node:http";
import type { Job } from "../worker.ts";
import { spend } from "./spent.ts";

const loop: Job<{ exporter: string; urls: string[] }, unknown> = async ({ exporter, urls }) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
  const probe = (url: string) =>
    new Promise<boolean>((done, failed) => {
      const address = `${exporter}/probe?module=http_2xx&target=${encodeURIComponent(url)}`;
      const request = http.get(address, { agent }, (response) => {
        let text = "";
        response.on("data", (part) => {
          text += part;
        });
        response.on("end", () => done(text.includes("probe_success 1")));
      });
      request.on("error", failed);
    });
  return {
    async answer() {
      let healthy = 0;
      const { wallMs } = await spend(() =>
        Promise.all(
          urls.map(async (url) => {
            if (await probe(url)) healthy++;
          }),
        ),
      );
      return { wallMs, healthy };
    },
  };
};

export default loop;
