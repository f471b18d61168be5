/** A watchdog in a container takes up a configuration that changes on the host, or says why it cannot. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { logsOf, removeAll, runContainer, skipWithoutEngine, uniqueName, until } from "./engine.ts";
import { buildImages, type Images } from "./images.ts";

const skip = await skipWithoutEngine();

let images: Images;

before(async () => {
  if (!skip) images = await buildImages();
});
after(removeAll);

const fileOf = (...names: string[]) =>
  JSON.stringify({
    services: Object.fromEntries(
      names.map((name) => [name, { url: "http://127.0.0.1:9/", action: "none", interval: "1m" }]),
    ),
  });

/** A watchdog of the service `a`. `mounted`: what of the host's folder is mounted. */
async function started(t: TestContext, mounted: "" | "/watchdog.yaml") {
  const folder = await mkdtemp(join(tmpdir(), "spreadpilot-e2e-reload-"));
  t.after(() => rm(folder, { recursive: true }));
  await chmod(folder, 0o755);
  const path = join(folder, "watchdog.yaml");
  await writeFile(path, fileOf("a"));
  const id = await runContainer(uniqueName("reload"), [
    ...["-v", `${folder}${mounted}:/config${mounted}:ro`, "-e", "WATCHDOG_CONFIG=/config/watchdog.yaml"],
    images.watchdog,
  ]);
  const says = (what: RegExp) => until(String(what), 40_000, async () => what.test(await logsOf(id)));
  await says(/watching a \(/);
  return {
    says,
    logs: () => logsOf(id),
    writeInPlace: (text: string) => writeFile(path, text),
    async replace(text: string) {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    },
  };
}

// Each waits for the next look at the files: both wait at the same time.
describe("reload", { skip, concurrency: 2 }, () => {
  test("a file that is mounted alone is taken up when it is written in place, and told when it is replaced", async (t) => {
    const dog = await started(t, "/watchdog.yaml");
    await dog.writeInPlace(fileOf("a", "b"));
    await dog.says(/has changed: the new configuration is in force \(2 services; added: b\)/);
    await dog.replace(fileOf("a", "b", "c"));
    await dog.says(/\/config\/watchdog\.yaml was replaced by another file.*mount its folder instead/);
    assert.doesNotMatch(await dog.logs(), /3 services/);
  });

  test("a file in a folder that is mounted is taken up when it is replaced; a wrong one is not", async (t) => {
    const dog = await started(t, "");
    await dog.replace(fileOf("a", "b"));
    await dog.says(/in force \(2 services; added: b\)/);
    await dog.replace("services: { a: { url: 7 } }");
    await dog.says(/services\.a\.url[\s\S]*stays in force|stays in force[\s\S]*services\.a\.url/);
    await dog.replace(fileOf("b"));
    await dog.says(/in force \(1 service; removed: a\)/);
  });
});
