import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { median, ms, times } from "./figures.ts";
import { type Bench, type Lab, plainEnv } from "./lab.ts";
import type { Row } from "./report.ts";
import { configure, endpoints, watched } from "./setup.ts";

export const coldStart: Bench = {
  name: "cold-start",
  title: "One-shot `tick` of four services from the built bundle, from start to exit",
  async run(lab) {
    const { healthy: urls } = await endpoints(lab, { healthy: 4 });
    const env = configure(lab, watched({ healthy: urls }));
    const node = process.execPath;
    const runs: Record<string, () => number> = {
      node: () => run(node, ["-e", "0"]),
      help: () => run(node, [lab.cli, "--help"]),
      tick: () => run(node, [lab.cli, "tick"], env, /"checked":4,"healthy":4/),
    };
    const python = original(lab, urls);
    if (python) runs.python = python.run;
    const took = new Map(Object.keys(runs).map((name) => [name, [] as number[]]));
    const rounds = lab.quick ? 9 : 31;
    // The first round fills the file cache.
    for (let i = 0; i <= rounds; i++) {
      for (const [name, make] of Object.entries(runs)) {
        const wallMs = make();
        if (i > 0) took.get(name)!.push(wallMs);
      }
    }
    const of = (name: string) => median(took.get(name)!);
    const toNode = of("tick") / of("node");
    const rows: Row[] = [
      { what: "`node -e 0`", figure: ms(of("node")) },
      { what: "`cli.js --help`", figure: `${ms(of("help"))}, ${times(of("help") / of("node"))}` },
      {
        what: "`cli.js tick`",
        figure: `${ms(of("tick"))}, ${times(toNode)} of \`node -e 0\``,
        target: "≤ 4 ×",
        pass: toNode <= 4,
      },
    ];
    if (!python) return [...rows, { what: "Python", figure: "skipped: no python3 here" }];
    const toPython = of("tick") / of("python");
    rows.push({
      what: `stand-in of the Python original (${python.client}): four checks and exit`,
      figure: `${ms(of("python"))}; the tick is ${times(toPython)}`,
      ...(python.client.startsWith("httpx") && { target: "tick ≤ 0.5 ×", pass: toPython <= 0.5 }),
    });
    return rows;
  },
};

function run(command: string, args: string[], env: Record<string, string> = {}, says?: RegExp): number {
  const startedMs = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    env: { ...plainEnv(), ...env },
    encoding: "utf8",
  });
  const tookMs = performance.now() - startedMs;
  if (status !== 0 || (says && !says.test(stdout))) {
    throw new Error(`${command} ${args.join(" ")} ended with ${status}: ${stdout}${stderr}`);
  }
  return tookMs;
}

const WITH_HTTPX = `
import asyncio, json, logging, subprocess, sys
import httpx
async def check(client, url):
    return (await client.get(url)).status_code == 200
async def main():
    async with httpx.AsyncClient(timeout=5) as client:
        found = await asyncio.gather(*(check(client, url) for url in sys.argv[1:]))
    sys.exit(0 if all(found) else 1)
asyncio.run(main())
`;

const WITH_STDLIB = `
import asyncio, json, logging, subprocess, sys, urllib.request
def check(url):
    return urllib.request.urlopen(url, timeout=5).status == 200
async def main():
    found = await asyncio.gather(*(asyncio.to_thread(check, url) for url in sys.argv[1:]))
    sys.exit(0 if all(found) else 1)
asyncio.run(main())
`;

/** The imports and the requests of the original's first cycle; it has no state and no report. */
function original(lab: Lab, urls: string[]): { client: string; run(): number } | undefined {
  const pythons = ["python3", "/usr/bin/python3"];
  const script = join(lab.folder("python"), "original.py");
  for (const [client, source, ask] of [
    ["httpx", WITH_HTTPX, "import httpx; print(httpx.__version__)"],
    ["stdlib, not httpx: no target", WITH_STDLIB, "print('')"],
  ] as const) {
    for (const python of pythons) {
      const asked = spawnSync(python, ["-c", ask], { encoding: "utf8" });
      if (asked.status !== 0) continue;
      writeFileSync(script, source);
      return { client: `${client} ${asked.stdout.trim()}`.trim(), run: () => run(python, [script, ...urls]) };
    }
  }
  return undefined;
}
