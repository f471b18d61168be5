/**
 * `npm run demo`: the real watchdog heals stand-ins of SpreadPilot's services, and tells of it. Everything that
 * is shown was observed: in the watchdog's `/status`, in its log, and at a receiver of alerts.
 *
 * Exit status: 0 when every incident was healed as it should be and every alert arrived; 1 when not; 2 for
 * wrong options; 130 when it was interrupted.
 */
import { parseArgs } from "node:util";
import { ACTS, type Act, USUAL_ACTS } from "./acts.ts";
import { makeProcesses } from "./cast.ts";
import { createNarrator, type Narrator } from "./narrator.ts";
import { observe, ofAlert, ofLog } from "./observer.ts";
import { faultLine, paint, seconds } from "./paint.ts";
import { playScene, type SceneResult } from "./scene.ts";
import { type MakeCast, openStage, type Stage } from "./stage.ts";
import { type ActResult, endOfAct, NEXT, summary } from "./summary.ts";

const USAGE = `npm run demo -- [options]
  --act N      play only this act: 1 (four services, five faults) or 2 (a database falls)
  --cycles N   break only the first N of an act's services
  --fast       no pauses for reading
  --docker     containers instead of child processes (needs a Docker engine)
`;

interface Options {
  acts: number[];
  cycles: number;
  fast: boolean;
  docker: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      act: { type: "string" },
      cycles: { type: "string" },
      fast: { type: "boolean", default: false },
      docker: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const acts = values.act === undefined ? USUAL_ACTS : [Number(values.act)];
  if (!acts.every((act) => Object.hasOwn(ACTS, act))) throw new Error(`there is no act "${values.act}"`);
  const cycles = Number(values.cycles ?? 100);
  if (!Number.isInteger(cycles) || cycles < 1) throw new Error("--cycles takes a whole number from 1");
  return { acts, cycles, fast: values.fast, docker: values.docker };
}

async function playAct(
  act: Act,
  makeCast: MakeCast,
  cycles: number,
  narrator: Narrator,
  stopped: AbortSignal,
): Promise<ActResult> {
  narrator.say("", `  ${paint("bold", paint("cyan", act.title))}`);
  narrator.paragraph(act.intro);
  const stage = await openStage(act, makeCast, {
    onLog: (line) => {
      const happening = ofLog(line);
      if (happening) narrator.happened(happening);
    },
    onAlert: (received) => narrator.happened(ofAlert(received)),
  });
  const observer = observe(stage, narrator.happened);
  try {
    await allWell(stage, stopped);
    narrator.say("", ...(await castList(stage)), "");
    await narrator.pause(2500);
    const results: SceneResult[] = [];
    for (const scene of act.scenes.slice(0, cycles)) {
      if (stopped.aborted) break;
      narrator.say(`  ${paint("bold", `${results.length + 1}. ${scene.title}.`)}`);
      narrator.paragraph(scene.lesson);
      await narrator.pause(2000);
      const brokenAt = Date.now();
      narrator.startClock(brokenAt);
      const result = await playScene(stage, observer, scene, brokenAt, stopped);
      if (stopped.aborted) break;
      await narrator.caughtUp();
      narrator.say(verdict(result), "");
      results.push(result);
      await narrator.pause(2000);
    }
    return await endOfAct(stage, results);
  } finally {
    await observer.end();
    await stage.close();
  }
}

/** Nothing is broken before everything was seen healthy. */
async function allWell(stage: Stage, stopped: AbortSignal): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (Date.now() < deadline && !stopped.aborted) {
    const { services } = await stage.status();
    if (Object.values(services).every(({ status }) => status === "healthy")) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (!stopped.aborted) throw new Error("the stand-ins were not healthy after 15 s");
}

async function castList(stage: Stage): Promise<string[]> {
  const { services } = await stage.status();
  const rows = Object.entries(services).map(async ([name, { status }]) => {
    const { displayName, container } = stage.act.roles[name]!;
    const { pid } = await stage.who(name);
    // In a container every stand-in is process 1.
    const place = pid === 1 ? container : `${container.padEnd(30)}process ${pid}`;
    return `  ${paint("green", "●")} ${displayName.padEnd(18)}${status.padEnd(10)}${paint("dim", place)}`;
  });
  return Promise.all(rows);
}

function verdict({ faults, foundMs, restartedMs, healedMs }: SceneResult): string {
  if (faults.length > 0) return faults.map(faultLine).join("\n");
  const restarted = restartedMs === undefined ? "left alone" : `restarted ${seconds(restartedMs)}`;
  const times = `found ${seconds(foundMs!)}, ${restarted}, healthy ${seconds(healedMs!)} after it broke`;
  return `  ${paint("green", `✔ ${times}`)}`;
}

async function main(options: Options): Promise<number> {
  const startedAt = Date.now();
  const stopped = new AbortController();
  const onSignal = () => {
    // A terminal and npm may both pass one Ctrl-C on; only a later one is impatience.
    if (!stopped.signal.aborted)
      setTimeout(() => process.once("SIGINT", () => process.exit(130)), 500).unref();
    stopped.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onSignal);
  const narrator = createNarrator(options.fast);
  const what = options.docker ? "containers" : "processes, with no Docker and no network";
  narrator.say("", `  ${paint("bold", "SpreadPilot Watchdog")}`);
  narrator.paragraph(
    `A demo on this machine: small services as ${what}, and the real watchdog. Nothing below is scripted. ` +
      "check: what its /status says of a check. log: its log. alert: what a webhook receiver got, its signature checked.",
  );
  const makeCast = options.docker ? (await import("./containers.ts")).makeContainers : makeProcesses;
  const results: ActResult[] = [];
  try {
    for (const number of options.acts) {
      if (stopped.signal.aborted) break;
      results.push(await playAct(ACTS[number]!, makeCast, options.cycles, narrator, stopped.signal));
    }
  } finally {
    narrator.end();
  }
  if (stopped.signal.aborted) {
    narrator.say("", "  Interrupted; everything that was started has ended.");
    return 130;
  }
  narrator.say(...summary(results, seconds(Date.now() - startedAt)), "");
  const well = results.every(
    ({ scenes, faults }) => [...faults, ...scenes.flatMap((scene) => scene.faults)].length === 0,
  );
  if (well) narrator.say(...NEXT, "");
  return well ? 0 : 1;
}

let options: Options;
try {
  options = readOptions();
} catch (error) {
  process.stderr.write(`demo: ${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}
try {
  process.exit(await main(options));
} catch (error) {
  process.stderr.write(`demo: ${(error as Error).message}\n`);
  process.exit(1);
}
