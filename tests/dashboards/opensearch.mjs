// SPDX-License-Identifier: Apache-2.0
// opensearch.mjs: the templates and saved objects by their structure. Every field of src/event/schema.json has a mapping of the right
// type (outside mailtls the one of ECS) and no other has one; what refers to something finds it. No server loaded them here.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Checks, dashboards, root } from "./clickhouse.mjs";

const checks = new Checks();
const folder = join(dashboards, "opensearch");
const load = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));

function fieldsOf(node, path, out) { // the leaves of our schema
  if (node.type === "array") node = node.items;
  for (const [key, inner] of Object.entries(node.properties ?? {})) fieldsOf(inner, [...path, key], out);
  if (!node.properties) out.set(path.join("."), node);
  return out;
}
const schema = JSON.parse(readFileSync(join(root, "src/event/schema.json"), "utf8"));
const fields = new Map(schema.oneOf.flatMap((branch) => [...fieldsOf(branch, [], new Map())]));

const mapped = new Map();
function mappingsOf(properties, path) {
  for (const [key, inner] of Object.entries(properties)) {
    if (inner.properties) mappingsOf(inner.properties, [...path, key]);
    else {
      checks.check(`${[...path, key].join(".")} is mapped once`, !mapped.has([...path, key].join(".")));
      mapped.set([...path, key].join("."), inner);
    }
  }
}
for (const name of ["component-ecs.json", "component-mailtls.json"]) mappingsOf(load(name).template.mappings.properties, []);

let EcsFlat;
try {
  ({ EcsFlat } = createRequire(import.meta.url)("@elastic/ecs"));
} catch {
  console.log("SKIP: @elastic/ecs is not installed (npm install in tests), so types are not compared with ECS");
}
const FAMILY = { match_only_text: "text", wildcard: "keyword", constant_keyword: "keyword" };

for (const [path, node] of fields) {
  const mapping = mapped.get(path);
  if (!checks.check(`${path} has a mapping`, mapping)) continue;
  const example = [node.const ?? node.enum].flat()[0];
  const type = node.type ?? (typeof example === "number" ? "integer" : typeof example);
  const allowed = { string: ["keyword", "text", "ip", "date"], integer: ["long"], boolean: ["boolean"], object: ["object"], number: ["float", "double"] }[type];
  if (!path.startsWith("mailtls.") && EcsFlat) {
    const want = EcsFlat[path]?.type;
    checks.equal(`${path}: the type of ECS`, mapping.type, FAMILY[want] ?? want);
  } else checks.check(`${path}: ${mapping.type} for ${type}`, allowed.includes(mapping.type));
  if (node.pattern?.startsWith("^[0-9]{4}-[0-9]{2}-[0-9]{2}T")) checks.equal(`${path}: a time`, mapping.type, "date");
}
for (const path of mapped.keys()) checks.check(`${path} is a field`, fields.has(path));

const component = (name) => `component-${name.replace("starttap-", "")}.json`;
for (const name of ["index-template.json", "index-template-elasticsearch.json"])
  for (const part of load(name).composed_of) checks.check(`${name}: ${component(part)} exists`, existsSync(join(folder, component(part))));
const used = ["index-template.json", "index-template-elasticsearch.json"].flatMap((name) => load(name).composed_of.map(component));
for (const name of readdirSync(folder).filter((file) => file.startsWith("component-")))
  checks.check(`${name} is used`, used.includes(name));
const states = load("ism-policy.json").policy;
for (const { transitions } of states.states)
  for (const { state_name } of transitions) checks.check(`ism-policy.json: ${state_name} exists`, states.states.some((s) => s.name === state_name));
checks.check("ism-policy.json: its first state", states.states.some((s) => s.name === states.default_state));
checks.equal("ism-policy.json is for the indices of the template", states.ism_template[0].index_patterns, load("index-template.json").index_patterns);
checks.equal("the policy that is named", load("component-elasticsearch.json").template.settings.index.lifecycle.name, "starttap");

const objects = readFileSync(join(folder, "objects.ndjson"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
const known = new Set(objects.map((object) => `${object.type}:${object.id}`));
checks.equal("ids are unique", known.size, objects.length);
const sortable = (path) => checks.check(`objects.ndjson: ${path} can be counted`, ["keyword", "ip", "long", "date", "boolean"].includes(mapped.get(path)?.type));
for (const { type, id, attributes, references } of objects) {
  for (const one of references) checks.check(`${id}: ${one.type}:${one.id} exists`, known.has(`${one.type}:${one.id}`));
  if (type === "index-pattern") {
    checks.equal("the index pattern is the template's", attributes.title, load("index-template.json").index_patterns[0]);
    checks.equal("its time", mapped.get(attributes.timeFieldName).type, "date");
    continue;
  }
  const source = JSON.parse(attributes.kibanaSavedObjectMeta.searchSourceJSON);
  if (source.indexRefName) checks.check(`${id}: its index`, references.some((one) => one.name === source.indexRefName && one.type === "index-pattern"));
  for (const [, path] of source.query.query.matchAll(/(@?[a-z][\w.]*) ?(?::|<=|>=)/g)) checks.check(`${id}: ${path} is mapped`, mapped.has(path));
  for (const column of attributes.columns ?? []) checks.check(`${id}: the column ${column} is mapped`, mapped.has(column));
  if (attributes.visState)
    for (const agg of JSON.parse(attributes.visState).aggs) if (agg.params.field) sortable(agg.params.field);
  if (attributes.panelsJSON) {
    const panels = JSON.parse(attributes.panelsJSON);
    JSON.parse(attributes.optionsJSON);
    checks.equal(`${id}: a reference for each panel`, panels.map((p) => p.panelRefName).sort(), references.map((one) => one.name).sort());
    checks.equal(`${id}: all objects are shown`, references.length, objects.filter((o) => ["search", "visualization"].includes(o.type)).length);
  }
}
checks.finish();
