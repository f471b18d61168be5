/** A child of a bench: `worker <job>`. The first line of its input holds the settings, each further one a request. */
import { createInterface } from "node:readline";

/** Is ready when it resolves. What it answers is a line of JSON. */
export type Job<Settings, Request> = (
  settings: Settings,
) => Promise<{ ready?: object; answer(request: Request): Promise<object> }>;

// biome-ignore lint/suspicious/noExplicitAny: each job knows its own settings and requests.
const JOBS: Record<string, () => Promise<{ default: Job<any, any> }>> = {
  endpoints: () => import("./jobs/endpoints.ts"),
  watchdog: () => import("./jobs/watchdog.ts"),
  ofetch: () => import("./jobs/ofetch-loop.ts"),
  "node-http": () => import("./jobs/node-http-loop.ts"),
  blackbox: () => import("./jobs/blackbox-loop.ts"),
  save: () => import("./jobs/save.ts"),
  decide: () => import("./jobs/decide.ts"),
  outbox: () => import("./jobs/outbox.ts"),
  courier: () => import("./jobs/courier.ts"),
};

const { default: prepare } = await JOBS[process.argv[2]!]!();
let answer: ((request: unknown) => Promise<object>) | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  let said: object;
  if (answer === undefined) {
    const job = await prepare(JSON.parse(line));
    answer = job.answer;
    said = job.ready ?? {};
  } else said = await answer(JSON.parse(line));
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
process.exit();
