// SPDX-License-Identifier: Apache-2.0
// check.mjs PROGRAM CAPTURE...: every event validates against src/event/schema.json (ajv), and every field outside `mailtls`
// is one of ECS 9.4 with its JSON type, its array-ness and its allowed values.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const Ajv = require("ajv/dist/2020").default;
const { EcsFlat } = require("@elastic/ecs");
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const [program, ...captures] = process.argv.slice(2);
if (captures.length === 0) {
  console.error("usage: check.mjs PROGRAM CAPTURE...");
  process.exit(2);
}

const validate = new Ajv({ allErrors: true, strict: false }).compile(
  JSON.parse(readFileSync(join(root, "src/event/schema.json"), "utf8")),
);
const typeOf = {
  keyword: "string", text: "string", wildcard: "string", match_only_text: "string", constant_keyword: "string",
  date: "string", ip: "string", long: "number", float: "number", scaled_float: "number", boolean: "boolean",
};
const faults = new Map();
const fault = (text) => faults.set(text, (faults.get(text) ?? 0) + 1);

function checkValue(path, field, value) {
  const want = typeOf[field.type];
  if (want && typeof value !== want) fault(`${path}: ${typeof value}, ECS says ${field.type}`);
  const allowed = field.allowed_values?.map((v) => v.name);
  if (allowed?.length && !allowed.includes(value)) fault(`${path}: "${value}" is not allowed by ECS`);
}

function checkField(path, value) {
  if (value === null) return fault(`${path}: null`);
  if (typeof value === "object" && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) checkField(path ? `${path}.${key}` : key, inner);
    return;
  }
  const field = EcsFlat[path];
  if (!field) return fault(`${path}: not in ECS`);
  const isList = field.normalize?.includes("array") ?? false;
  if (Array.isArray(value) !== isList) return fault(`${path}: ${isList ? "must be a list" : "must not be a list"}`);
  for (const one of isList ? value : [value]) checkValue(path, field, one);
}

let events = 0;
for (const capture of captures) {
  const out = execFileSync(program, ["-r", capture, "--all-tls"], { maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "ignore"] });
  for (const line of out.toString().split("\n").filter(Boolean)) {
    const { mailtls, ...rest } = JSON.parse(line);
    events++;
    if (!mailtls) fault("an event without mailtls");
    if (!validate(JSON.parse(line)))
      for (const e of validate.errors.slice(0, 5)) fault(`schema ${e.instancePath} ${e.message}`);
    checkField("", rest);
  }
}
for (const [text, count] of faults) console.log(`FAIL ${text} (${count})`);
console.log(`${events} events`);
console.log(`${events > 0 && faults.size === 0 ? 1 : 0} passed, ${events > 0 && faults.size === 0 ? 0 : 1} failed`);
process.exit(events > 0 && faults.size === 0 ? 0 : 1);
