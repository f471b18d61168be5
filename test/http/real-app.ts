/** The Hono app over the real ticker, ledger and courier. */
import type { Config } from "../../src/config/config.ts";
import type { OperatorRequest } from "../../src/core/event.ts";
import { replay } from "../../src/core/outbox.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import { createApp } from "../../src/http/app.ts";
import { incidentDetail, incidentList } from "../../src/http/incident-views.ts";
import { outboxReport, serviceDetail } from "../../src/http/views.ts";
import type { HttpWorld } from "../../src/http/world.ts";
import { type Rig, rig } from "../tick/harness.ts";

interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a JSON answer, looked into field by field.
  body: any;
}

/** `asked` is what the app handed on to the ticker. */
export function world(policies: ServicePolicy[], ports: Partial<Rig> = {}, changes: Partial<HttpWorld> = {}) {
  const real = rig(policies, ports);
  const { ticker, ledger, courier, clock } = real;
  const config = { services: new Map(policies.map((one) => [one.name, one])) } as unknown as Config;
  const asked: OperatorRequest[] = [];
  const app = createApp({
    tokens: [],
    tick: ticker.tick,
    accepting: () => true,
    readiness: () => ({ ok: true, reason: "ticking" }),
    status: () => ({}),
    reload: async () => ({ ok: true, text: "" }),
    config: () => ({}),
    service: async (name) => serviceDetail(ledger.state, config, name, [], clock.now()),
    incidents: async () => incidentList(ledger.state, []),
    incident: async (id) => incidentDetail(ledger.state, config.services, id, undefined),
    operate: (request) => {
      asked.push(request);
      return ticker.operate(request);
    },
    outbox: () => outboxReport(ledger.state, new Map([["hook", "somewhere"]])),
    async replay(id) {
      const outbox = replay(ledger.state.outbox, id, clock.now());
      if (!outbox) return false;
      ledger.update((state) => ({ ...state, outbox }));
      await courier.flush();
      return true;
    },
    refused() {},
    now: clock.now,
    ...changes,
  });
  async function ask(method: string, path: string, init: RequestInit = {}, env?: object): Promise<Answer> {
    const response = await app.request(path, { method, ...init }, env);
    return { status: response.status, headers: response.headers, body: await response.json() };
  }
  return {
    ...real,
    asked,
    get: (path: string) => ask("GET", path),
    post: (path: string, env?: object) => ask("POST", path, {}, env),
    ask,
    detail: async (name: string) => (await ask("GET", `/services/${name}`)).body,
  };
}
