import { test } from "node:test";
import { ALL_WORLDS, FAST_WORLDS, holdInWorlds, ONLY_SEED } from "./play.ts";

const skip =
  ONLY_SEED !== undefined
    ? "SIM_SEED names one world"
    : ALL_WORLDS <= FAST_WORLDS && "simulation.test.ts plays at least as many";

test("no world of many more breaks an invariant", { skip }, (t) =>
  holdInWorlds(t, FAST_WORLDS + 1, ALL_WORLDS),
);
