// SPDX-License-Identifier: Apache-2.0
// eve.mjs PROGRAM CAPTURE...: every line of --format eve validates against Suricata's own schema (closed: nothing else may stand
// there), and holds one of the four kinds that starttap writes. The schema is not part of this repository: STARTTAP_CORPUS names
// the folder with schemas/suricata-eve.schema.json (default ../shared); without it the check is left out and says so.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const [program, ...captures] = process.argv.slice(2);
if (captures.length === 0) {
  console.error("usage: eve.mjs PROGRAM CAPTURE...");
  process.exit(2);
}
const path = join(process.env.STARTTAP_CORPUS ?? join(root, "..", "shared"), "schemas", "suricata-eve.schema.json");
if (!existsSync(path)) {
  console.log(`eve: no ${path}, so EVE lines are not compared with Suricata's schema`);
  process.exit(0);
}
const Ajv = require("ajv/dist/2020").default;
const validate = new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(readFileSync(path, "utf8")));
const faults = new Map();
const kinds = { tls: 0, alert: 0, flow: 0, stats: 0 };
for (const capture of captures) {
  const args = ["-r", capture, "-q", "--all-tls", "--min-severity", "info", "--format", "eve", "--set", "sensor.name=tap-1"];
  const out = execFileSync(program, args, { maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "ignore"] });
  for (const line of out.toString().split("\n").filter(Boolean)) {
    const event = JSON.parse(line);
    const fault = (text) => faults.set(text, (faults.get(text) ?? 0) + 1);
    if (!(event.event_type in kinds)) fault(`event_type ${event.event_type}`);
    kinds[event.event_type]++;
    if (!validate(event)) for (const e of validate.errors.slice(0, 5)) fault(`${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
  }
}
for (const [text, count] of faults) console.log(`FAIL ${text} (${count})`);
for (const [kind, count] of Object.entries(kinds)) if (count === 0) faults.set(kind, console.log(`FAIL no ${kind} at all`));
console.log(`eve: ${JSON.stringify(kinds)}`);
console.log(`${faults.size === 0 ? 1 : 0} passed, ${faults.size === 0 ? 0 : 1} failed`);
process.exit(faults.size === 0 ? 0 : 1);
