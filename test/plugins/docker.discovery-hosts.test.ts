/** No label has another host asked than the container's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { discover } from "../../plugins/docker/discovery/discover.ts";
import { container, found, RULES, told } from "./discovered.ts";

const on = { "watchdog.enable": "true" };

/** Where another host hides in a URL. */
const DISGUISES = [
  ...[
    "http://evil.example/",
    "http://web@evil.example/",
    "http://user:secret@web:8080/",
    "http://web:8080@evil/",
  ],
  ...[
    "http://web.evil.example/",
    "http://web./",
    "http://WEB%2eevil/",
    "http://web%00.evil/",
    "//web/",
    "web:8080",
  ],
  ...[
    "http://evil.example\\@web/",
    "http:\\\\web/",
    "http://web\\.evil/",
    "http:///web/",
    "http:web/",
    " http://web x/",
  ],
  ...[
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0254.024.0.02/",
    "http://172.20.2/",
  ],
  ...["http://[::1]/", "http://[::ffff:172.20.0.2]/", "http://[fd00:20::2%25eth0]/", "http://localhost/"],
  ...[
    "http://wеb/",
    "http://xn--wb-ola/",
    "http://web。evil/",
    "http://we\tb/",
    "http://web/\nHost: evil",
    "http://web/#x",
  ],
  ...[
    "file:///etc/passwd",
    "javascript:1",
    "ftp://web/",
    "unix:///var/run/docker.sock",
    "http+unix://web/",
    "",
  ],
  ...["tcp://web", "tcp://web:80/x", "tcp://web:0", "http://web:99999/", "http://web:/"],
];

test("a URL to another host is refused in every disguise, and no password of it is shown", () => {
  for (const url of DISGUISES) {
    const one = told(found({ ...on, "watchdog.url": url }));
    assert.ok(one.startsWith("refused: watchdog.url: found "), `${url}: ${one}`);
    assert.ok(!one.includes("secret"), one);
  }
});

test("what only looks like a name is no host: a URL would take it for an address", () => {
  for (const name of [
    "2130706433",
    "127.1",
    "0x7f000001",
    "10.0.0.5",
    "1.0x10",
    "localhost",
    "a.localhost",
  ]) {
    const one = found({ ...on, "watchdog.url": `http://${name}/` }, { name });
    assert.ok(told(one).startsWith("refused: watchdog.url: found "), told(one));
    const asked = found({ ...on, "watchdog.port": "80" }, { name });
    assert.equal(asked.kind === "service" && asked.settings.url, "http://web-alias:80/health");
  }
});

test("a container in another one's network is asked at that one's hosts", () => {
  const vpn = container("vpn", { labels: on });
  const inside = { networkMode: `container:${vpn.id}`, networks: [] };
  const byPort = container("torrent", { ...inside, labels: { ...on, "watchdog.port": "8090" } });
  const byUrl = container("indexer", {
    ...inside,
    labels: { ...on, "watchdog.url": "http://vpn:9696/ping" },
  });
  const lost = container("lost", {
    ...inside,
    networkMode: "container:gone",
    labels: { ...on, "watchdog.port": "80" },
  });
  const [, first, second, third] = discover([vpn, byPort, byUrl, lost], RULES);
  assert.equal(first!.kind === "service" && first!.settings.url, "http://vpn:8090/health");
  assert.equal(second!.kind === "service" && second!.settings.url, "http://vpn:9696/ping");
  // A restart cannot heal it, and the restarter says so.
  assert.equal(third!.kind === "service" && third!.settings.url, "http://lost:80/health");
});

test("another container's names, aliases and addresses are not its own", () => {
  const db = container("db", {
    networks: [
      { network: "shop_default", names: ["pg"], addresses: [{ address: "172.20.0.9", prefix: 16 }] },
    ],
  });
  for (const host of ["db", "pg", "172.20.0.9", "db.shop_default"]) {
    const web = container("web", { labels: { ...on, "watchdog.url": `http://${host}:5432/` } });
    assert.match(told(discover([web, db], RULES)[0]!), /^refused: watchdog.url: found /);
  }
});
