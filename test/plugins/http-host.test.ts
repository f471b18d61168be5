/** A `Host` of one's own: sent once in place of the URL's, on either runtime. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import * as v from "valibot";
import { httpServiceOptions } from "../../plugins/http/settings.ts";
import { answer, neverAnswers, serve } from "./hostile-servers.ts";
import { ask, httpCheck } from "./http-check.ts";

const check = await httpCheck();
const read = (headers: object) => v.parse(httpServiceOptions, { headers });

test("the Host header is sent once, in place of the URL's; so are other names, however they are spelt", async () => {
  let sent: Record<string, string[]> = {};
  const server = createServer((request, response) => {
    sent = {};
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      const name = request.rawHeaders[i]!.toLowerCase();
      sent[name] = [...(sent[name] ?? []), request.rawHeaders[i + 1]!];
    }
    response.end("ok");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/health`;
  try {
    for (const host of ["app.example.com", "app.example.com:8443", "[::1]:80", "executor_1"]) {
      const options = read({ HOST: host, "User-Agent": "probe", Accept: "text/html" });
      const { result } = await ask(check, url, { timeoutMs: 5000, options });
      assert.equal(result.ok, true, result.reason);
      assert.deepEqual([sent.host, sent["user-agent"], sent.accept], [[host], ["probe"], ["text/html"]]);
    }
    const { result } = await ask(check, url, { timeoutMs: 5000, options: read({ "User-Agent": "probe" }) });
    assert.equal(result.ok, true, result.reason);
    assert.deepEqual([sent.host, sent["user-agent"]], [[`127.0.0.1:${port}`], ["probe"]]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("with a Host of its own, a check keeps its deadline, and is asked on a fresh connection", async () => {
  const options = read({ host: "app.example.com" });
  const silent = await serve(neverAnswers);
  const right = await serve((socket) => void socket.end(answer("200 OK")));
  try {
    const { result } = await ask(check, silent.url, { options });
    assert.deepEqual(result, { ok: false, reason: "no answer in 300 ms" });
    for (let i = 0; i < 2; i++) assert.equal((await ask(check, right.url, { options })).result.ok, true);
    assert.equal(right.hits(), 2);
  } finally {
    await Promise.all([silent.close(), right.close()]);
  }
});

test("what is no host is refused, and what was found is not shown", () => {
  for (const host of ["", "a b", "http://x", "x/y", "x:", "x:port", "user@x", "x,y", ":80", "żółw.pl"]) {
    const { issues } = v.safeParse(httpServiceOptions, { headers: { Host: host } });
    assert.equal(issues?.length, 1, host);
    assert.equal(v.getDotPath(issues![0]), "headers.Host");
    assert.match(issues![0].message, /host name|one line/);
  }
});
