/** Whether the receivers of alerts can be reached. Nothing is sent to them. */
import type { Alert } from "../core/alert.ts";
import type { Ports, Sink } from "../plugin/contract.ts";
import type { Address } from "../plugin/examination.ts";
import type { Registry } from "../plugin/registry.ts";
import { type Connected, connectTo } from "./connect.ts";
import type { Found } from "./finding.ts";

export interface Dated {
  who: string;
  theirs: number;
  ours: number;
}

export interface ReceiversFound {
  found: Found[];
  /** What the hosts said that it is now. */
  dates: Dated[];
}

const AT_ONCE = 16;

export async function examineReceivers(registry: Registry, { clock }: Ports): Promise<ReceiversFound> {
  const hooks = [...registry.hooks.values()].filter(({ addresses }) => addresses !== undefined);
  const places = [...registry.sinks.values(), ...hooks].map((one) => ({
    name: one.name,
    addresses: addressesOf(one),
  }));
  const results: ReceiversFound[] = [];
  const left = places.entries();
  const worker = async () => {
    for (const [at, { name, addresses }] of left) {
      const tries = await Promise.all(
        addresses.map(async (address) => ({ address, result: await connectTo(address, clock.now) })),
      );
      results[at] = judged(name, tries);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const none: Found[] = registry.sinks.size > 0 ? [] : [NO_RECEIVER];
  return {
    found: [...none, ...results.flatMap(({ found }) => found)],
    dates: results.flatMap(({ dates }) => dates),
  };
}

const NO_RECEIVER: Found = {
  level: "wrong",
  text: "no receiver is configured: alerts appear only in the log",
  todo: "set WEBHOOK_URL or another (docs/alerts.md), then spreadpilot-watchdog alert test",
};

/** One of several that connects is enough. */
function judged(name: string, tries: readonly { address: Address; result: Connected }[]): ReceiversFound {
  if (tries.length === 0)
    return { found: [{ level: "ok", text: `${name}: nothing to connect to` }], dates: [] };
  const reached = tries.filter(({ result }) => result.ok);
  const dates = reached.flatMap(({ address, result }) =>
    result.ok && result.date ? [{ who: address.host, ...result.date }] : [],
  );
  if (reached.length > 0) {
    const places = reached.map(({ address }) => `${address.host} port ${address.port}`).join(", ");
    return { found: [{ level: "ok", text: `${name}: ${places} can be reached` }], dates };
  }
  const found = tries.flatMap(({ result }): Found[] =>
    result.ok ? [] : [{ level: "wrong", text: `${name}: ${result.text}`, todo: result.todo }],
  );
  return { found, dates };
}

function addressesOf(one: Sink | { addresses?: readonly Address[] }): Address[] {
  if (!("format" in one)) return [...(one.addresses ?? [])];
  try {
    const { url, alsoTo = [] } = one.format(EXAMPLE);
    return [url, ...alsoTo].filter((text) => URL.canParse(text)).map((text) => addressOf(new URL(text)));
  } catch {
    return [];
  }
}

function addressOf({ hostname, port, protocol }: URL): Address {
  const tls = protocol === "https:";
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(port || (tls ? 443 : 80)), tls, isHttp: true };
}

/** It is never sent: it only tells where a sink would send it. */
const EXAMPLE: Alert = {
  id: "evt_doctor",
  event_type: "COMPONENT_DOWN",
  timestamp: "2026-01-01T00:00:00.000Z",
  severity: "INFO",
  title: "doctor",
  message: "doctor",
  params: {
    component_name: "doctor",
    container_name: "",
    action: "none",
    success: false,
    consecutive_failures: 0,
  },
};
