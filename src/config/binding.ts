/** What the listening address requires. Whoever can reach `/tick` can cause restarts. */
import { isIP } from "node:net";
import { type Fault, show } from "./fault.ts";

/** In characters. A shorter token can be guessed over a network, and is more often a word than a secret. */
const SHORTEST_TOKEN = 16;
const MAKE_ONE = '"openssl rand -hex 32" makes one';
/** If one of these settings already has a fault, do not report a second one about the same setting. */
const CONCERNED = /^env (HOST|WATCHDOG_TOKEN|WATCHDOG_TOKEN_FILE|CRON_SECRET|CRON_SECRET_FILE)$/;

/** A token, and the variable that it came from. */
export interface Token {
  variable: string;
  value: string;
}

/** Fail closed: where other machines can connect, a token is required that cannot be guessed. */
export function bindingFaults(
  { host, path }: { host: string; path: string },
  tokens: readonly Token[],
  faults: readonly Fault[],
): Fault[] {
  if (isLoopback(host)) return [];
  const short = shortTokenFaults(tokens, host);
  if (short.length > 0 || tokens.length > 0) return short;
  if (faults.some((fault) => CONCERNED.test(fault.path))) return [];
  const accepted =
    "127.0.0.1; or any address with a secret in WATCHDOG_TOKEN (or CRON_SECRET), since whoever reaches it can " +
    `have containers restarted: ${MAKE_ONE}`;
  return [{ path, found: `${show(host)} without a token`, accepted }];
}

function shortTokenFaults(tokens: readonly Token[], host: string): Fault[] {
  return tokens
    .filter(({ value }) => value.length < SHORTEST_TOKEN)
    .map(({ variable, value }) => ({
      path: `env ${variable}`,
      found: `a token of ${value.length} character${value.length === 1 ? "" : "s"} while listening on ${show(host)}`,
      accepted: `tokens of at least ${SHORTEST_TOKEN} characters where other machines can connect: ${MAKE_ONE}`,
    }));
}

/** Whether only this machine can connect. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
