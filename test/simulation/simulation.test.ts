import { test } from "node:test";
import { FAST_WORLDS, holdInWorlds, ONLY_SEED } from "./play.ts";

test("no world breaks an invariant", (t) => holdInWorlds(t, ONLY_SEED ?? 1, ONLY_SEED ?? FAST_WORLDS));
