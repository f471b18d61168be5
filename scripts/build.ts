/**
 * Bundles `src/cli.ts` and all it needs into `dist/`, which then runs with nothing else installed.
 * Usage: `tsx scripts/build.ts [--entry FILE] [--out DIR]`.
 */
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build, type Metafile, type Plugin } from "esbuild";

const { values } = parseArgs({
  options: {
    entry: { type: "string", default: "src/cli.ts" },
    out: { type: "string", default: "dist" },
  },
});
const out = resolve(values.out);

/**
 * `import("a-commonjs-package")` gives named exports in Node, but only `default` in a chunk of esbuild's. The
 * chunk gets a module in front that names what Node would name.
 */
const namesOfCommonJs: Plugin = {
  name: "names-of-commonjs",
  setup({ onResolve, onLoad, resolve: find }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (kind !== "dynamic-import" || path.startsWith("node:") || pluginData === "found") return undefined;
      const found = await find(path, { kind, resolveDir, pluginData: "found" });
      if (found.external || found.errors.length > 0 || !isCommonJs(found.path)) return undefined;
      return { path: found.path, namespace: "named-commonjs" };
    });
    onLoad({ filter: /.*/, namespace: "named-commonjs" }, async ({ path }) => {
      const exported = Object.keys(await import(pathToFileURL(path).href));
      const names = exported.filter((name) => name !== "default" && /^[\w$]+$/.test(name));
      const contents = `const whole = require(${JSON.stringify(path)});
        export default whole; export const { ${names.join(", ")} } = whole;`;
      return { contents, resolveDir: dirname(path) };
    });
  },
};

/**
 * ofetch's entry points read `globalThis.Headers`, which loads undici: 30 ms of every start. All that is used
 * of it is `createFetch`, which lives in a module of its own.
 */
const ofetchCore: Plugin = {
  name: "ofetch-core",
  setup({ onLoad }) {
    onLoad({ filter: /ofetch[\\/]dist[\\/](node|index)\.mjs$/ }, ({ path }) => {
      const core = /import \{ c as createFetch \} from '(\.\/shared\/[^']+)'/.exec(
        readFileSync(path, "utf8"),
      )?.[1];
      if (core === undefined) throw new Error("ofetch's layout has changed: look at its dist again");
      const contents = `export { c as createFetch } from ${JSON.stringify(core)};`;
      return { contents, resolveDir: dirname(path) };
    });
  },
};

rmSync(out, { recursive: true, force: true });
const { metafile } = await build({
  // Third parties' plugins import the second.
  entryPoints: { cli: values.entry, plugin: "src/plugin.ts" },
  outdir: out,
  bundle: true,
  format: "esm",
  // Dynamic imports stay chunks of their own, so that a run loads only what it uses.
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  platform: "node",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  // A crash prints its line of the source.
  lineLimit: 160,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  plugins: [namesOfCommonJs, ofetchCore],
  // docker-cli-js and its own dependencies are CommonJS and ask for `require("child_process")`.
  banner: {
    js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
  },
});

const cli = join(out, "cli.js");
const code = readFileSync(cli, "utf8");
if (!code.startsWith("#!")) writeFileSync(cli, `#!/usr/bin/env node\n${code}`);
chmodSync(cli, 0o755);
// Without it Node takes a lone dist/ for CommonJS first, and parses every file twice.
writeFileSync(join(out, "package.json"), '{ "type": "module" }\n');
writeFileSync(join(out, "THIRD-PARTY-LICENSES.txt"), licences(metafile));
console.log(
  `built ${cli} (${Object.keys(metafile.outputs).length} files, ${Math.round(bytes(metafile) / 1024)} KiB)`,
);

/** As Node decides it: by the ending, else by the nearest package.json. */
function isCommonJs(file: string): boolean {
  if (!file.endsWith(".js")) return file.endsWith(".cjs");
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).type !== "module";
    } catch {
      // None here: the one above counts.
    }
  }
  return true;
}

function bytes({ outputs }: Metafile): number {
  return Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
}

/** The licence text of every package of which a part is in the bundle, as their licences ask. */
function licences({ inputs }: Metafile): string {
  const packages = new Set<string>();
  for (const path of Object.keys(inputs)) {
    const match = /^(?:named-commonjs:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path);
    if (match) packages.add(resolve(match[1]!));
  }
  return [...packages].sort().map(licence).join("\n\n");
}

function licence(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : "(its package holds no licence text)";
  return `=== ${name} ${version} (${license})\n\n${text}\n`;
}
