/** Writes the documents that are made of declarations. `npm run docs`; `--check` fails where one is out of date. */
import { readFileSync, writeFileSync } from "node:fs";
import { builtins } from "../src/builtin-plugins.ts";
import { jsonSchemaOf } from "../src/config/json-schema.ts";
import { withVariables } from "../src/config/json-schema-variables.ts";
import { settingsReference } from "./settings-reference.ts";

const schema = jsonSchemaOf(builtins);
const documents = {
  "schema.json": `${JSON.stringify(withVariables(schema), null, 2)}\n`,
  "docs/settings.md": await settingsReference(schema, builtins),
};

for (const [path, text] of Object.entries(documents)) {
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`${path} is out of date: run npm run docs`);
    process.exitCode = 1;
  }
}
