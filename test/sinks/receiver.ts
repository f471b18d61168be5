/** A real HTTP receiver on loopback that answers as it is told, and keeps what it got. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline, Readable } from "node:stream";

export type Answer =
  | { status: number; headers?: Record<string, string>; body?: string }
  /** `silent`: takes the request and never answers. */
  | { play: "silent" }
  /** Closes the connection instead. */
  | { play: "reset" }
  /** `unfinished`: the body begins and never ends. `endless`: the body never stops coming. */
  | { play: "unfinished"; status: number; body?: string }
  | { play: "endless"; status: number; body?: string };

export interface Received {
  method: string;
  path: string;
  headers: Record<string, string>;
  /** The raw bytes. */
  body: Buffer;
}

export interface Receiver {
  url: string;
  received: Received[];
  /** Bytes of endless answers that were handed to the connection. */
  written(): number;
  /** The answers of the next requests, in order; the last one is repeated. */
  answers(...answers: Answer[]): void;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let script: Answer[] = [{ status: 204 }];
  let writtenBytes = 0;

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    received.push(recordOf(request, Buffer.concat(chunks)));
    const answer = script.length > 1 ? script.shift()! : script[0]!;
    play(answer, response, (bytes) => {
      writtenBytes += bytes;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    written: () => writtenBytes,
    answers(...answers) {
      received.length = 0;
      script = answers;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function recordOf(request: IncomingMessage, body: Buffer): Received {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  return { method: request.method ?? "", path: request.url ?? "", headers, body };
}

function play(answer: Answer, response: ServerResponse, count: (bytes: number) => void): void {
  if (!("play" in answer)) {
    response.writeHead(answer.status, answer.headers).end(answer.body);
  } else if (answer.play === "reset") {
    response.destroy();
  } else if (answer.play !== "silent") {
    response.writeHead(answer.status, { "content-type": "text/plain" });
    response.write(answer.body ?? "begun");
    if (answer.play === "endless") pour(response, count);
  }
}

/** A body that comes as fast as the client reads, until it hangs up. */
function pour(response: ServerResponse, count: (bytes: number) => void): void {
  const block = Buffer.alloc(16 * 1024, "x");
  const endless = new Readable({
    read() {
      count(block.length);
      this.push(block);
    },
  });
  pipeline(endless, response, () => {});
}
