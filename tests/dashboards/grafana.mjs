// SPDX-License-Identifier: Apache-2.0
// grafana.mjs PROGRAM: the dashboards against Grafana's own schema, and every SQL of their panels in ClickHouse's engine over all
// samples. What panels draw is not tested: there is no Grafana here. PromQL is run by test_prometheus.py.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Checks, Database, dashboards, engine, eventsOf, root } from "./clickhouse.mjs";

const program = process.argv[2] ?? "build/release/starttap";
const checks = new Checks();
const load = (name) => JSON.parse(readFileSync(join(dashboards, "grafana", name), "utf8"));
const panelsOf = (board) => board.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);

function checkShape(name) {
  const board = load(name);
  checks.equal(`${name}: schemaVersion`, board.schemaVersion, 39);
  const ids = panelsOf(board).map((panel) => panel.id);
  checks.equal(`${name}: ids of panels are unique`, new Set(ids).size, ids.length);
  const inputs = board.__inputs.map((input) => "${" + input.name + "}");
  for (const [, uid] of JSON.stringify(board).matchAll(/"uid": ?"(\$\{DS_[A-Z]+\})"/g))
    checks.check(`${name}: ${uid} is an input`, inputs.includes(uid));
  const types = new Set(panelsOf(board).map((panel) => panel.type).filter((type) => type !== "row"));
  for (const type of types) checks.check(`${name}: ${type} is required`, board.__requires.some((one) => one.id === type));
  const boxes = board.panels.map((panel) => panel.gridPos);
  for (const [i, a] of boxes.entries())
    for (const b of boxes.slice(i + 1))
      checks.check(`${name}: panels do not overlap`, a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y,
        JSON.stringify([a, b]));
  const variables = board.templating.list.map((one) => one.name);
  for (const [, variable] of JSON.stringify(panelsOf(board).map((panel) => panel.targets)).matchAll(/\$\{?([a-z]+)[:}"\\]/g))
    checks.check(`${name}: the variable ${variable} exists`, variables.includes(variable));
  const path = join(process.env.STARTTAP_CORPUS ?? join(root, "../shared"), "schemas/grafana-dashboard.schema.json");
  if (!existsSync(path)) return console.log(`SKIP: no ${path}, so ${name} is not compared with Grafana's schema`);
  const Ajv = createRequire(import.meta.url)("ajv");
  const validate = new Ajv({ allErrors: true, strict: false, logger: false }).compile(JSON.parse(readFileSync(path, "utf8")));
  const { __inputs, __requires, ...plain } = board; // Grafana's import takes these two off before it looks
  checks.check(`${name}: Grafana's schema`, validate(plain), JSON.stringify(validate.errors?.slice(0, 5)));
  checks.check(`${name}: and the schema can say no`, !validate({ ...plain, schemaVersion: "39" }));
}

// Title -> rows, over all samples at the sensor tap1, and what several sensors saw at three others.
const SENSORS = ["dc1", "dc2", "dc3"];
const SESSION = "smtp-cisco-masked-two-taps/near-client@dc1";
const samples = ["*", SESSION, "smtp-cisco-masked-two-taps/near-server@dc2", "smtp-starttls-tls12/only-client@dc1",
  "smtp-starttls-tls12/only-server@dc2+300s", "smtp-starttls-stripped@dc1", "smtp-starttls-stripped-server-side@dc2",
  "smtp-fortigate-resigned@dc3", "smtp-exim-tls12@dc2"];
const EXPECTED = {
  "Sessions by verdict": (rows) => rows.map((row) => row.verdict).join() === "exposed,failed,protected,tampered,unknown,weak",
  "How TLS came about": (rows) => rows[0].mode === "starttls" && rows.some((row) => row.mode === "implicit"),
  Sessions: (rows) => rows.every((row) => /^2026-11-22 1[26]:/.test(row.t)) && new Set(rows.map((row) => row.t)).size > 3,
  Findings: (rows) => rows[0].severity === 90 && rows.at(-1).severity === 30 && rows.some((row) => row.rule === "tls.alert"),
  "Who sends mail in clear, and why?": (rows) => rows.length >= 12 && rows[0].logins >= rows.at(-1).logins,
  "What broke since yesterday?": (rows) => rows.length === 0, // nothing was seen the day before
  "Which servers still speak TLS 1.0?": (rows) => rows.length === 3,
  "Which certificates expire within 30 days?": (rows) => rows.length === 1 && rows[0].days_left === -36,
  "Who stands in between?": (rows) => rows.some((row) => row.rule === "cert.interception_issuer") && rows.every((row) => row.explanation),
  "Where are we blind?": (rows) => rows.some((row) => row.reason === "gap"),
  "Packets that never came in": (rows) => rows.length === 4 && rows.every((row) => row.percent_lost === 0),
  "Stripping over the fleet": (rows) => rows.length === 1 && rows[0].sensor === "dc1" && rows[0].servers_stripped === 1, // tap1 saw both: no
  "STARTTLS offered here and not there": (rows) => rows.length === 1 && rows[0].missing_at.join() === "dc1",
  "Another certificate elsewhere": (rows) => rows.some((row) => row.issuer_b.startsWith("CN=FortiGate CA")),
  "One connection, seen differently by two sensors": (rows) => rows.some((row) => row.conflict.join() === "offer"),
  "Connections ended and begun again in between": (rows) => rows.some((row) => row.differs.join() === "STARTTLS offered at b only"),
  "Sessions put together from two halves": (rows) => rows.length >= 1 && rows[0].together === "protected",
  "Findings of this session": (rows) => rows.length >= 3 && rows[0].severity === "critical",
  "Record of this session": (rows) => rows.some((row) => row.field === "verdict" && row.value === '"tampered"'),
  "The same connection at all sensors": (rows) => rows.length === 1 && rows[0].sensors.includes("dc2"),
};

function expand(sql, session) {
  const from = Date.parse("2026-11-22T00:00:00Z") / 1000;
  const known = sql
    .replaceAll("$__fromTime", `toDateTime(${from})`)
    .replaceAll("$__toTime", `toDateTime(${from + 86400})`)
    .replace(/\$__timeFilter\((\w+)\)/g, `$1 >= toDateTime(${from}) AND $1 <= toDateTime(${from + 86400})`)
    .replace(/\$__timeInterval\((\w+)\)/g, "toStartOfInterval(toDateTime($1), INTERVAL 60 second)")
    .replaceAll("${sensor:singlequote}", ["tap1", ...SENSORS].map((name) => `'${name}'`).join(","))
    .replaceAll("${session:singlequote}", `'${session}'`);
  checks.check("every macro is known", !known.includes("$"), known);
  return known;
}

function checkQueries(Session) {
  const database = new Database(Session, ["schema.sql", "monday.sql", "correlate.sql"]);
  const made = eventsOf(program, samples);
  database.insert(Object.values(made).flat());
  const { id } = made[SESSION].map((line) => JSON.parse(line)).find((e) => e.event.dataset === "mailtls.session").mailtls.session;
  const board = load("mail.json");
  const seen = new Set();
  for (const { title, targets = [], fieldConfig } of panelsOf(board)) {
    for (const { rawSql } of targets) {
      seen.add(title);
      const rows = database.rows(expand(rawSql, id));
      checks.check(`panel "${title}"`, EXPECTED[title]?.(rows), `${rows.length} rows: ${JSON.stringify(rows).slice(0, 600)}`);
      for (const [, field] of JSON.stringify(fieldConfig.defaults.links ?? []).matchAll(/__data\.fields\.(\w+)/g))
        checks.check(`panel "${title}": its link's field ${field}`, rows.every((row) => typeof row[field] === "string"));
    }
  }
  checks.equal("every panel with a query has an expectation", [...seen].sort(), Object.keys(EXPECTED).sort());
  const [sensor] = board.templating.list;
  checks.equal("the variable sensor", database.rows(expand(sensor.query)).map((row) => row.sensor), [...SENSORS, "tap1"]);
  database.close();
}

for (const name of ["mail.json", "sensors.json"]) checkShape(name);
const Session = engine();
if (Session) checkQueries(Session);
checks.finish();
