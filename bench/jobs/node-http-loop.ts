/** Every URL by `node:http` at once, under one deadline for all. */
import http from "node:http";
import type { Job } from "../worker.ts";
import { spend } from "./spent.ts";

const agent = new http.Agent({ keepAlive: false });

const loop: Job<{ urls: string[] }, unknown> = async ({ urls }) => ({
  async answer() {
    let healthy = 0;
    const spent = await spend(async () => {
      const open = new Set<http.ClientRequest>();
      const deadline = setTimeout(() => {
        for (const request of open) request.destroy();
      }, 5000);
      await Promise.all(
        urls.map(
          (url) =>
            new Promise<void>((done) => {
              const request = http.get(url, { agent }, (response) => {
                if (response.statusCode === 200) healthy++;
                response.socket.destroy();
                done();
              });
              open.add(request);
              request.on("error", () => done());
              request.on("close", () => open.delete(request));
            }),
        ),
      );
      clearTimeout(deadline);
    });
    return { ...spent, healthy };
  },
});

export default loop;
