/** HEALTHCHECKs as people write them, and the URL that they ask. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readHealthTest } from "../../plugins/docker/discovery/health-test.ts";

const shell = (text: string) => ["CMD-SHELL", text];
const words = (text: string) => ["CMD", ...text.split(" ")];

/** `8080/health`: the port and the path; `*`: every status passes. */
const URLS: [test: string[], place: string][] = [
  [words("curl -f http://localhost:8080/health"), "8080/health"],
  [words("/usr/bin/curl --fail --silent http://127.0.0.1:3000/api/health"), "3000/api/health"],
  [words("curl -fsS -m 5 -o /dev/null http://localhost/ping"), "80/ping"],
  [words("curl -fsSLo /dev/null localhost:9000"), "9000/"],
  [words("curl -fm5 http://[::1]:9000/x?full=1"), "9000/x?full=1"],
  [words("curl --fail --max-time=3 --url http://0.0.0.0:80/a"), "80/a"],
  [words("curl http://localhost:8080/health"), "8080/health*"],
  [words("wget --spider -q http://localhost:8080/health"), "8080/health"],
  [words("wget -qO- http://api:8080/health"), "8080/health"],
  [words("wget --no-verbose --tries=1 --spider http://localhost:8080/"), "8080/"],
  [["CMD", "sh", "-c", "curl -f http://localhost:8080/health || exit 1"], "8080/health"],
  [shell("curl -f http://localhost:8080/health || exit 1"), "8080/health"],
  [shell("curl -sf 'http://localhost:8080/health?a=1&b=2' >/dev/null 2>&1 || exit 1"), "8080/health?a=1&b=2"],
  [shell('curl --fail "http://localhost:5000" || false'), "5000/"],
  [shell("exec wget -q -O /dev/null http://localhost:8080/health"), "8080/health"],
  [shell("wget -q -T 3 -t 1 -O - http://127.0.0.1:8080/health > /dev/null || exit 1;"), "8080/health"],
  [shell("curl -f http://localhost:8080/health && exit 0 || exit 1"), "8080/health"],
];

test("a URL of the container itself is found in every usual spelling of curl and wget", () => {
  for (const [given, place] of URLS) {
    const read = readHealthTest(given, ["api"]);
    assert.ok(read.kind === "http", given.join(" "));
    assert.equal(`${read.port}${read.path}${read.anyStatus ? "*" : ""}`, place, given.join(" "));
  }
});

const OTHERS: string[][] = [
  words("pg_isready -U postgres"),
  words("node healthcheck.js"),
  words("curl -f https://localhost:8443/health"),
  words("curl -fk https://localhost:8443/health"),
  words("curl -f http://other:8080/health"),
  words("curl -f http://user:secret@localhost:8080/health"),
  words("curl -f -X POST http://localhost:8080/health"),
  words("curl -f -H Authorization:x http://localhost:8080/health"),
  words("curl -f http://localhost:1 http://localhost:2"),
  words("curl"),
  words("wget --header=x:y http://localhost:8080/"),
  words("curl -f http://localhost:99999/"),
  shell("curl -f http://localhost:$PORT/health"),
  shell("curl -f http://localhost:8080/$(cat /secret)"),
  shell("curl -s http://localhost:8080/health | grep -q ok"),
  shell("curl -f http://localhost:8080/a && curl -f http://localhost:8080/b"),
  shell("curl -f http://localhost:8080/health || kill 1"),
  shell(`curl -f http://localhost:8080/${"a".repeat(5000)}`),
  ["CMD-SHELL", "curl", "http://localhost/"],
  ["constructor"],
];

test("whatever could not be asked from outside in the same way is no URL", () => {
  for (const given of OTHERS)
    assert.deepEqual(readHealthTest(given, ["api"]), { kind: "other" }, given.join(" "));
});

test("one that is switched off is none", () => {
  for (const given of [[], ["NONE"]]) assert.deepEqual(readHealthTest(given), { kind: "none" });
});
