// SPDX-License-Identifier: Apache-2.0
// vector.mjs: dashboards/vector by its structure; no Vector ran it. It is YAML, and every input is a component (or its rejects).
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Checks, dashboards } from "./clickhouse.mjs";

let parse;
try {
  ({ parse } = createRequire(import.meta.url)("yaml"));
} catch {
  console.log("SKIP: yaml is not installed (npm install in tests/dashboards), so Vector's configuration was not read");
  process.exit(0);
}
const checks = new Checks();
const { sources, transforms, sinks } = parse(readFileSync(join(dashboards, "vector/starttap.yaml"), "utf8"));
const names = [...Object.keys(sources), ...Object.keys(transforms)];
const outputs = [...names, ...Object.entries(transforms).filter(([, t]) => t.reroute_dropped).map(([name]) => name + ".dropped")];
for (const [name, { inputs }] of [...Object.entries(transforms), ...Object.entries(sinks)])
  for (const input of inputs) checks.check(`${name}: ${input} exists`, outputs.includes(input));
const used = [...Object.values(transforms), ...Object.values(sinks)].flatMap(({ inputs }) => inputs);
for (const name of names) checks.check(`${name} is used`, used.includes(name));
checks.equal("the table of clickhouse/schema.sql", [sinks.clickhouse.database, sinks.clickhouse.table], ["starttap", "line"]);
checks.finish();
