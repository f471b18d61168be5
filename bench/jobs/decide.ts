/** Times the pure core on one `checked` event, in worlds of several shapes. */
import type { Policies } from "../../src/core/policy.ts";
import type { WatchdogState } from "../../src/core/state.ts";
import { transition } from "../../src/core/transition.ts";
import { median } from "../figures.ts";
import type { Job } from "../worker.ts";
import { nameOf, policiesOf, stateAfter, verdictsOf } from "./world.ts";

interface Shape {
  what: string;
  dependsOn(i: number): string[];
  isUp(i: number): boolean;
  /** Every fourth service lives in the network namespace of the one before it. */
  inside?: true;
}

/** What takes this long is measured once. */
const LONG_MS = 200;

/** Stacks of ten: a database, three services on it, six on two of those. */
function stack(i: number): string[] {
  const at = i % 10;
  if (at === 0) return [];
  if (at <= 3) return [nameOf(i - at)];
  return [nameOf(i - at + 1), nameOf(i - at + 2)];
}

const SHAPES: Record<string, Shape> = {
  quiet: { what: "stacks of ten, all healthy", dependsOn: stack, isUp: () => true },
  fallen: {
    what: "every tenth stack reaches its threshold, database first",
    dependsOn: stack,
    isUp: (i) => Math.floor(i / 10) % 10 !== 0,
  },
  all: { what: "everything reaches its threshold", dependsOn: stack, isUp: () => false },
  alone: { what: "everything does, and nothing depends on anything", dependsOn: () => [], isUp: () => false },
  star: {
    what: "all depend on one, and everything does",
    dependsOn: (i) => (i === 0 ? [] : [nameOf(0)]),
    isUp: () => false,
  },
  chain: {
    what: "each depends on the one before, and everything does",
    dependsOn: (i) => (i === 0 ? [] : [nameOf(i - 1)]),
    isUp: () => false,
  },
  namespaces: {
    what: "network namespaces of four containers, and everything does",
    dependsOn: () => [],
    isUp: () => false,
    inside: true,
  },
};

const decide: Job<object, { shape: string; size: number; rounds: number }> = async () => ({
  ready: Object.fromEntries(Object.entries(SHAPES).map(([name, { what }]) => [name, what])),
  async answer({ shape: name, size, rounds }) {
    const shape = SHAPES[name]!;
    const policies = policiesOf(size, (i) => shape.dependsOn(i));
    const { state, now } = onTheBrink(policies, shape);
    const verdicts = verdictsOf(policies, shape.isUp);
    const took: number[] = [];
    for (let i = 0; i < rounds && (took.at(-1) ?? 0) < LONG_MS; i++) {
      const startedMs = performance.now();
      transition(state, { type: "checked", verdicts }, { policies, moment: { now, id: "c" } });
      took.push(performance.now() - startedMs);
    }
    return { medianMs: median(took) };
  },
});

export default decide;

/** All healthy, and then two failed checks of those that fail: the next one decides. */
function onTheBrink(policies: Policies, shape: Shape): { state: WatchdogState; now: number } {
  let now = 1_800_000_000_000;
  let state = stateAfter(policies, now);
  if (shape.inside) state = insideOfOthers(state);
  for (const id of ["d", "e"]) {
    now += 15_000;
    const verdicts = verdictsOf(policies, shape.isUp);
    state = transition(state, { type: "checked", verdicts }, { policies, moment: { now, id } }).state;
  }
  return { state, now: now + 15_000 };
}

function insideOfOthers(state: WatchdogState): WatchdogState {
  const services = Object.entries(state.services).map(([name, service], i) => {
    const parent = i % 4 === 0 ? {} : { networkParent: `id-${i - (i % 4)}` };
    const container = { id: `id-${i}`, build: "image", startedAt: 1_700_000_000_000, ...parent };
    return [name, { ...service, container }] as const;
  });
  return { ...state, services: Object.fromEntries(services) };
}
