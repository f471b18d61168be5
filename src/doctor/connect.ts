/** Connects to a host as a receiver of alerts would be, and sends nothing to it but a question for its root. */
import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Address } from "../plugin/examination.ts";

export type Connected =
  /** `date`: what the host says that it is now, ms since the epoch, and our own time at that moment. */
  { ok: true; date?: { theirs: number; ours: number } } | { ok: false; text: string; todo: string };

const TIMEOUT_MS = 3000;
const MOST_HEAD_BYTES = 16_384;

/** Never rejects. */
export async function connectTo(address: Address, now: () => number): Promise<Connected> {
  const { host } = address;
  const ip = isIP(host) > 0 ? host : await resolved(host);
  if (ip === undefined) {
    return {
      ok: false,
      text: `the name ${host} does not resolve here`,
      todo: `correct its address, or look at the DNS of this place (getent hosts ${host})`,
    };
  }
  return new Promise((resolve) => {
    const options = { host: ip, port: address.port };
    const socket: Socket = address.tls
      ? connectTls({
          ...options,
          ...(isIP(host) > 0 ? {} : { servername: host }),
          rejectUnauthorized: !address.unverified,
        })
      : connectTcp(options);
    let head = "";
    let isConnected = false;
    const end = (result: Connected) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => {
      if (isConnected) end({ ok: true });
      else end(unconnected(address, `no connection in ${TIMEOUT_MS / 1000} s`));
    }, TIMEOUT_MS);
    socket.on("error", (error: NodeJS.ErrnoException) => {
      end(isConnected ? { ok: true } : explained(address, error));
    });
    socket.on("end", () => end({ ok: true }));
    socket.on(address.tls ? "secureConnect" : "connect", () => {
      isConnected = true;
      if (!address.isHttp) return end({ ok: true });
      const name = host.includes(":") ? `[${host}]` : host;
      socket.write(
        `HEAD / HTTP/1.1\r\nHost: ${name}\r\nUser-Agent: spreadpilot-watchdog\r\nConnection: close\r\n\r\n`,
      );
    });
    socket.on("data", (chunk) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n") && head.length < MOST_HEAD_BYTES) return;
      const theirs = Date.parse(/^date:\s*(.*?)\s*$/im.exec(head)?.[1] ?? "");
      end({ ok: true, ...(Number.isNaN(theirs) ? {} : { date: { theirs, ours: now() } }) });
    });
  });
}

async function resolved(host: string): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, TIMEOUT_MS, undefined);
  });
  const found = lookup(host).then(
    ({ address }) => address,
    () => undefined,
  );
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|ISSUER|CHAIN/;

function explained(address: Address, { code = "", message }: NodeJS.ErrnoException): Connected {
  const { host } = address;
  if (CERTIFICATE.test(code)) {
    return {
      ok: false,
      text: `the certificate of ${place(address)} is not accepted (${code}: ${message.split(";")[0]!.slice(0, 120)})`,
      todo: `give it one that is valid for ${host}, or name its authority in NODE_EXTRA_CA_CERTS; if it is not valid yet or any more, look at the clock of this host, too`,
    };
  }
  if (code.startsWith("ERR_SSL") || code === "EPROTO") {
    return {
      ok: false,
      text: `${place(address)} does not speak TLS`,
      todo: "write http:// instead of https://, or correct the port",
    };
  }
  return unconnected(address, code === "ECONNREFUSED" ? "connection refused" : code || message.slice(0, 100));
}

function unconnected(address: Address, what: string): Connected {
  return {
    ok: false,
    text: `${place(address)} cannot be reached: ${what}`,
    todo: "start it, correct its address, or open the firewall and the network between it and here",
  };
}

const place = ({ host, port }: Address) => `${host} port ${port}`;
