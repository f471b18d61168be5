/** What the pages point at exists: links, anchors, and every file and folder that they name. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { anchorsOf, inlineCodeOf, linksOf, PAGES, ROOT, read } from "./pages.ts";

test("no link of the pages dangles", () => {
  const dangling: string[] = [];
  let count = 0;
  for (const page of PAGES) {
    for (const link of linksOf(page)) {
      count++;
      const [path, anchor] = link.split("#") as [string, string | undefined];
      const target = path === "" ? page : normalize(join(dirname(page), path));
      const found = existsSync(join(ROOT, target)) && (anchor === undefined || anchorsOf(target).has(anchor));
      if (!found) dangling.push(`${page}: ${link}`);
    }
  }
  assert.ok(count > 100, `${count} links were found`);
  assert.deepEqual(dangling, []);
});

const FOLDERS = /^(src|plugins|test|docs|deploy|bench|scripts|demo|\.ci|\.github)\//;

test("every file and folder that a page names exists", () => {
  const missing: string[] = [];
  let count = 0;
  for (const page of PAGES) {
    // The changelog names files as they were.
    if (page === "CHANGELOG.md") continue;
    for (const code of inlineCodeOf(page)) {
      if (!FOLDERS.test(code) || /[\s*<]/.test(code)) continue;
      count++;
      if (!existsSync(join(ROOT, code))) missing.push(`${page}: ${code}`);
    }
  }
  assert.ok(count > 40, `${count} paths were found`);
  assert.deepEqual(missing, []);
});

test("the map names every room, and files of the core by names that exist", () => {
  const map = "docs/architecture.md";
  const named = inlineCodeOf(map);
  const rooms = readdirSync(join(ROOT, "src"), { withFileTypes: true }).map((entry) =>
    entry.isDirectory() ? `src/${entry.name}/` : `src/${entry.name}`,
  );
  assert.deepEqual(
    rooms.filter((room) => !named.includes(room)),
    [],
  );
  const ofCore = named.filter((code) => /^[a-z-]+\.ts$/.test(code));
  assert.ok(ofCore.length > 4, `${ofCore.length} names were found`);
  assert.deepEqual(
    ofCore.filter((name) => !existsSync(join(ROOT, "src/core", name))),
    [],
  );
});

test("a stranger reads the README in one sitting, and a decision in a minute", () => {
  const lines = (page: string) => read(page).split("\n").length - 1;
  assert.ok(lines("README.md") <= 150, `README.md has ${lines("README.md")} lines`);
  const long = PAGES.filter((page) => /decisions\/\d/.test(page) && lines(page) > 30);
  assert.deepEqual(long, []);
});

test("the picture of the demo fits a terminal of 80 columns", () => {
  const rows = [...read("docs/demo.svg").matchAll(/<text[^>]*>(.*)<\/text>/g)].map(([, row]) =>
    row!.replace(/<[^>]*>/g, "").replace(/&\w+;/g, "?"),
  );
  assert.ok(rows.length > 20, `${rows.length} rows were found`);
  assert.deepEqual(
    rows.filter((row) => [...row].length > 80),
    [],
  );
});

test("every decision is in their list", () => {
  const records = PAGES.filter((page) => /decisions\/\d/.test(page)).map((page) => basename(page));
  const listed = linksOf("docs/decisions/README.md");
  assert.ok(records.length > 20, `${records.length} records were found`);
  assert.deepEqual(listed, records.sort());
});
