// SPDX-License-Identifier: Apache-2.0
// sigma.mjs PROGRAM: the Sigma rules against the official schemas, and run by a small evaluator over the events of every sample: each
// fires where it should and nowhere else. The evaluator knows what these rules use and refuses the rest. No SIEM converted them here.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Checks, dashboards, eventsOf, root } from "./clickhouse.mjs";

const require = createRequire(import.meta.url);
const program = process.argv[2] ?? "build/release/starttap";
let parse;
try {
  ({ parse } = require("yaml"));
} catch {
  console.log("SKIP: yaml is not installed (npm install in tests/dashboards), so Sigma rules were not read");
  process.exit(0);
}
const checks = new Checks();
const folder = join(dashboards, "sigma");
const rules = readdirSync(folder).filter((name) => name.endsWith(".yml")).map((file) => ({ file, ...parse(readFileSync(join(folder, file), "utf8")) }));
const plain = rules.filter((rule) => rule.detection);
const correlations = rules.filter((rule) => rule.correlation);

// Where each fires, by samples/README.md. Rules for what no sample shows have an event made for them below.
const FIRES = {
  starttap_login_in_clear: ["smtp-clear-offered-not-used", "smtp-cram-md5-clear", "imap-login-clear", "imap-login-despite-logindisabled",
    "pop3-apop-clear", "sieve-login-and-script-clear", "smtp-starttls-agreed-then-clear"],
  starttap_cleartext_bruteforce: [],
  starttap_mail_in_clear: ["smtp-clear-offered-not-used", "smtp-cram-md5-clear", "lmtp-clear", "smtp-454-refused", "smtp-postfix-fallback-clear",
    "smtp-starttls-command-masked", "smtp-starttls-stripped-server-side", "sieve-login-and-script-clear"],
  starttap_starttls_masked: ["smtp-cisco-masked", "smtp-starttls-command-masked"],
  starttap_device_in_between: ["smtp-cisco-masked", "smtp-cisco-masked-two-taps"],
  starttap_injection: ["smtp-injected-command", "imap-injected-response"],
  starttap_interception_certificate: ["imaps-avast-resigned", "smtp-fortigate-resigned"],
  starttap_tls_downgrade: ["smtp-downgrade-sentinel"],
  starttap_starttls_betrayed: ["smtp-starttls-agreed-then-clear", "imap-preauth"],
  starttap_starttls_refused: ["smtp-454-refused", "smtp-starttls-then-closed"],
  starttap_tls_fails: ["smtp-postfix-fallback-clear", "smtp-starttls-unknown-ca", "smtp-no-common-cipher-alert-40", "smtp-opensmtpd-alert-80",
    "smtp-downgrade-sentinel", "imaps-self-signed-refused", "imaps-intermediate-missing", "imaps-name-mismatch-refused",
    "smtps-expired-cert", "imaps-client-clock-wrong", "imaps-client-too-old-alert-50", "implicit-465-tls10-oldserver",
    "imaps-unknown-ca-nss-tls12", "imaps-unknown-ca-gnutls-tls13", "imaps-client-cert-required-tls13"],
  starttap_certificate_invalid: ["smtps-expired-cert", "imaps-intermediate-missing", "imaps-name-mismatch-refused", "imap-dh-768",
    "imap-null-cipher", "implicit-465-tls10-oldserver", "imaps-sha1-signed-certificate"], // smtp-ssl3 is a relay: low
  starttap_obsolete_tls: ["implicit-465-tls10-oldserver", "smtp-ssl3", "imap-dh-768", "imap-null-cipher"], // smtp-tls10-mx is low
  starttap_heartbleed: [],
  starttap_session_tampered: ["smtp-cisco-masked", "smtp-cisco-masked-two-taps", "smtp-starttls-command-masked", "smtp-downgrade-sentinel",
    "smtp-injected-command", "imap-injected-response", "imaps-avast-resigned", "smtp-fortigate-resigned"],
};
const MADE = {
  starttap_cleartext_bruteforce: { rule: { id: "auth.bruteforce_cleartext" } },
  starttap_heartbleed: { rule: { id: "tls.heartbleed.success" } },
};

const get = (event, path) => path.split(".").reduce((value, key) => value?.[key], event);
const OPERATORS = {
  "": (value, want) => String(value).toLowerCase() === String(want).toLowerCase(),
  startswith: (value, want) => String(value).toLowerCase().startsWith(String(want).toLowerCase()),
  gte: (value, want) => typeof value === "number" && value >= want,
};

function matches(selection, event) {
  return Object.entries(selection).every(([key, want]) => {
    const [field, modifier = "", ...more] = key.split("|");
    if (more.length || !OPERATORS[modifier]) throw new Error(`unknown modifier in ${key}`);
    const value = get(event, field);
    return value !== undefined && [want].flat().some((one) => [value].flat().some((each) => OPERATORS[modifier](each, one)));
  });
}

function fires(rule, event) {
  if (event.event.dataset !== "mailtls." + rule.logsource.service) return false;
  const { condition, ...selections } = rule.detection;
  const any = /^1 of (\w+)\*$/.exec(condition);
  if (!any && !selections[condition]) throw new Error(`unknown condition ${condition}`);
  return Object.entries(selections).some(([name, selection]) => (any ? name.startsWith(any[1]) : name === condition) && matches(selection, event));
}

function correlates({ correlation }, events) {
  const { type, rules: names, "group-by": keys, timespan, condition } = correlation;
  const span = parseInt(timespan) * { m: 60e3, h: 3600e3, d: 86400e3 }[timespan.at(-1)];
  const hits = events.filter((event) => names.some((name) => fires(plain.find((rule) => rule.name === name), event)));
  return hits.some((last) => {
    const near = hits.filter((event) => keys.every((key) => get(event, key) === get(last, key)) &&
      Date.parse(event["@timestamp"]) <= Date.parse(last["@timestamp"]) && Date.parse(event["@timestamp"]) > Date.parse(last["@timestamp"]) - span);
    const count = type === "event_count" ? near.length : new Set(near.map((event) => get(event, condition.field))).size;
    return count >= condition.gte;
  });
}

function checkSchemas() {
  const schemas = join(process.env.STARTTAP_CORPUS ?? join(root, "../shared"), "schemas");
  if (!existsSync(schemas)) return console.log(`SKIP: no ${schemas}, so Sigma rules are not compared with the official schemas`);
  const Ajv = require("ajv/dist/2020").default;
  const compile = (kind) => new Ajv({ allErrors: true, strict: false, logger: false, validateFormats: false })
    .compile(JSON.parse(readFileSync(join(schemas, `sigma-${kind}-rule.schema.json`), "utf8")));
  for (const [kind, list] of [["detection", plain], ["correlation", correlations]]) {
    const validate = compile(kind);
    for (const { file, ...rule } of list) checks.check(`${file}: schema`, validate(rule), JSON.stringify(validate.errors?.slice(0, 3)));
    const { file, title, ...without } = list[0];
    checks.check(`the ${kind} schema can say no`, !validate(without));
  }
}

function checkShape() {
  const ids = rules.map((rule) => rule.id);
  checks.equal("ids are unique", new Set(ids).size, ids.length);
  for (const rule of rules) checks.check(`${rule.file}: a UUID of version 4`, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(rule.id));
  for (const rule of plain) checks.equal(`${rule.file}: name`, rule.name + ".yml", rule.file);
  for (const rule of correlations)
    for (const name of rule.correlation.rules) checks.check(`${rule.file}: ${name} exists`, plain.some((one) => one.name === name));
  checks.equal("every rule has an expectation", plain.map((rule) => rule.name).sort(), Object.keys(FIRES).sort());
}

checkSchemas();
checkShape();
const made = Object.fromEntries(Object.entries(eventsOf(program, ["*"])).map(([name, lines]) => [name, lines.map((line) => JSON.parse(line))]));
for (const rule of plain) {
  const where = Object.keys(made).filter((name) => made[name].some((event) => fires(rule, event)));
  checks.equal(`${rule.name} fires`, where.sort(), [...FIRES[rule.name]].sort());
  if (MADE[rule.name]) checks.check(`${rule.name} fires at an event made for it`, fires(rule, { event: { dataset: "mailtls.finding" }, ...MADE[rule.name] }));
  else checks.check(`${rule.name} fires somewhere`, where.length > 0);
}

const template = (name, id) => made[name].find((event) => event.rule?.id === id);
const copies = (event, n, change) => Array.from({ length: n }, (_, i) => {
  const copy = structuredClone(event);
  copy["@timestamp"] = new Date(Date.parse(event["@timestamp"]) + i * 60e3).toISOString();
  change(copy, i);
  return copy;
});
const alert = template("smtps-expired-cert", "tls.alert");
const masked = template("smtp-cisco-masked", "starttls.masked_banner");
const login = template("imap-login-clear", "auth.cleartext");
const CORRELATED = {
  starttap_tls_fails_for_many: [
    [copies(alert, 10, (e, i) => (e.source.ip = `198.51.100.${i}`)), true],
    [copies(alert, 9, (e, i) => (e.source.ip = `198.51.100.${i}`)), false],
    [copies(alert, 30, () => {}), false], // one client, thirty times
    [copies(alert, 10, (e, i) => Object.assign((e.source.ip = `198.51.100.${i}`, e.destination), { ip: `192.0.2.${i}` })), false],
  ],
  starttap_masked_at_many_servers: [
    [copies(masked, 3, (e, i) => (e.destination.ip = `192.0.2.${i}`)), true],
    [copies(masked, 3, (e, i) => Object.assign((e.destination.ip = `192.0.2.${i}`, e.observer), { name: `dc${i}` })), false],
    [copies(masked, 3, (e, i) => Object.assign((e.destination.ip = `192.0.2.${i}`, e), { "@timestamp": `2026-11-22T1${2 * i}:00:00Z` })), false],
  ],
  starttap_login_in_clear_again: [
    [copies(login, 5, () => {}), true],
    [copies(login, 4, () => {}), false],
  ],
};
checks.equal("every correlation has cases", correlations.map((rule) => rule.file.replace(".yml", "")).sort(), Object.keys(CORRELATED).sort());
for (const rule of correlations)
  for (const [i, [events, want]] of CORRELATED[rule.file.replace(".yml", "")].entries())
    checks.equal(`${rule.file} case ${i}`, correlates(rule, events), want);
checks.finish();
