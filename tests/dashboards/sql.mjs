// SPDX-License-Identifier: Apache-2.0
// sql.mjs PROGRAM: every table, view and query of dashboards/clickhouse in ClickHouse's engine, over events made from samples.
import { Checks, Database, engine, eventsOf } from "./clickhouse.mjs";
import { cases } from "./cases.mjs";

const program = process.argv[2] ?? "build/release/starttap";
const Session = engine();
if (!Session) process.exit(0);
const checks = new Checks();
const database = new Database(Session, ["schema.sql", "monday.sql", "correlate.sql"]);
const made = eventsOf(program, ["*", ...cases.flatMap((one) => one.events)]);
const get = (event, path) => path.split(".").reduce((value, key) => value?.[key], event);
const moment = (text) => (text ? text.replace("T", " ").replace("Z", "") : null);

// Column -> field, written apart from schema.sql. A function takes the event.
const tls = (e) => (e.tls?.version ? `${e.tls.version_protocol.toUpperCase()} ${e.tls.version}` : "");
const COMMON = { time: (e) => moment(e["@timestamp"]), id: "event.id", sensor: "observer.name", server_ip: "destination.ip",
  server_port: "destination.port", sni: "tls.client.server_name", protocol: "network.protocol" };
const COLUMNS = {
  session: { ...COMMON, start: (e) => moment(e.event.start), session_id: "mailtls.session.id", open: "mailtls.open",
    community_id: "network.community_id", client_isn: "mailtls.flow.client_isn", server_isn: "mailtls.flow.server_isn",
    client_ip: "source.ip", client_port: "source.port", role: "mailtls.role", mode: "mailtls.mode", verdict: "mailtls.verdict",
    outcome: "event.outcome", offered: "mailtls.starttls.offered", requested: "mailtls.starttls.requested",
    accepted: "mailtls.starttls.accepted", reply: "mailtls.starttls.reply", tls_version: tls, cipher: "tls.cipher",
    curve: "tls.curve", established: "tls.established", resumed: "tls.resumed", ja3: "tls.client.ja3",
    ja4: "mailtls.tls.client.ja4", client_tls_max: "mailtls.tls.client.version_max",
    cert_visible: "mailtls.tls.certificates.visible", cert_sha256: "tls.server.hash.sha256", cert_subject: "tls.server.subject",
    cert_issuer: "tls.server.issuer", cert_not_after: (e) => moment(e.tls?.server?.not_after),
    cert_chain: (e) => (e.mailtls.tls?.certificates?.chain ?? []).map((c) => c.sha256), banner_host: "mailtls.banner.host",
    banner_software: "mailtls.banner.software", helo: "mailtls.helo", findings: "mailtls.findings", notes: "mailtls.notes",
    sides: "mailtls.capture.sides", complete: "mailtls.capture.complete", midstream: "mailtls.capture.midstream",
    reasons: "mailtls.capture.reasons", bytes: "network.bytes", packets: "network.packets",
    bytes_missed: "mailtls.capture.bytes_missed" },
  finding: { ...COMMON, uid: "mailtls.finding.uid", update: "mailtls.finding.update", rule: "rule.id", name: "rule.name",
    category: "rule.category", severity: "mailtls.finding.severity", severity_n: "event.severity",
    confidence: "mailtls.finding.confidence", attribution: "mailtls.finding.attribution", variant: "mailtls.finding.variant",
    count: "mailtls.finding.count", session_id: "mailtls.finding.session_id", community_id: "network.community_id",
    client_ip: "source.ip", client_port: "source.port", role: "mailtls.role", mode: "mailtls.mode", message: "message",
    explanation: "mailtls.finding.explanation", fix: "mailtls.finding.fix", techniques: "threat.technique.id",
    evidence: (e) => (e.mailtls.finding.evidence ?? []).map((x) =>
      `${x.kind} of the ${x.side ?? ""}, frame ${x.frame ?? 0}${x.text ? ": " + x.text : ""}`) },
  certificate: { ...COMMON, sha256: "tls.server.hash.sha256", spki_sha256: "mailtls.certificate.spki_sha256",
    subject: "tls.server.subject", issuer: "tls.server.issuer", names: "tls.server.x509.alternative_names",
    not_before: (e) => moment(e.tls.server.not_before), not_after: (e) => moment(e.tls.server.not_after),
    serial: "tls.server.x509.serial_number", key_algorithm: "tls.server.x509.public_key_algorithm",
    key_size: "tls.server.x509.public_key_size", key_curve: "tls.server.x509.public_key_curve",
    signature: "tls.server.x509.signature_algorithm", chain_position: "mailtls.certificate.chain_position",
    chain_length: "mailtls.certificate.chain_length", ca: "mailtls.certificate.ca", self_signed: "mailtls.certificate.self_signed",
    verify_code: "mailtls.certificate.verify.code", verify_text: "mailtls.certificate.verify.text",
    anchor: "mailtls.certificate.anchor" },
  stats: { time: COMMON.time, id: "event.id", sensor: "observer.name", start: (e) => moment(e.event.start),
    version: "observer.version", sequence: "event.sequence", packets: "mailtls.stats.capture.packets",
    bytes: "mailtls.stats.capture.bytes", kernel_drops: "mailtls.stats.capture.kernel_drops",
    interface_drops: "mailtls.stats.capture.interface_drops", truncated: "mailtls.stats.packets.truncated",
    bad_checksums: "mailtls.stats.packets.bad_checksums", bytes_missed: "mailtls.stats.reassembly.bytes_missed",
    gaps: "mailtls.stats.reassembly.gaps", flows: "mailtls.stats.flows.created", evicted: "mailtls.stats.flows.evicted",
    one_sided: "mailtls.stats.flows.one_sided", midstream: "mailtls.stats.flows.midstream",
    sessions: "mailtls.stats.sessions.records", events: "mailtls.stats.output.events",
    over_budget: "mailtls.stats.certificates.over_budget", reasons: "mailtls.stats.reasons" },
};

// What an event without the field has in the table: nothing, in the column's own type.
function same(stored, event, field) {
  const value = typeof field === "function" ? field(event) : get(event, field);
  if (value === undefined || value === null || value === "")
    return stored === null || stored === "" || stored === 0 || stored === false || (Array.isArray(stored) && stored.length === 0);
  return JSON.stringify(stored) === JSON.stringify(value);
}

function checkColumns(lines) {
  for (const [table, columns] of Object.entries(COLUMNS)) {
    const events = lines.filter((line) => JSON.parse(line).event.dataset === "mailtls." + table);
    const rows = new Map(database.rows(`SELECT * FROM starttap.${table} FINAL`).map((row) => [row.sensor + row.id, row]));
    checks.equal(`${table}: rows`, rows.size, events.length);
    const known = new Set([...Object.keys(columns), "line"]);
    for (const { name } of database.rows(`SELECT name FROM system.columns WHERE database = 'starttap' AND table = '${table}'`))
      checks.check(`${table}.${name} is compared`, known.has(name));
    for (const line of events) {
      const event = JSON.parse(line);
      const row = rows.get(event.observer.name + event.event.id);
      if (!checks.check(`${table} ${event.event.id} is there`, row)) continue;
      checks.check(`${table}: the raw line is kept`, row.line === line);
      for (const [column, field] of Object.entries(columns))
        checks.check(`${table}.${column}`, same(row[column], event, field), `${JSON.stringify(row[column])} of ${line.slice(0, 200)}`);
    }
  }
}

const DAY = "since = toDateTime('2026-11-22 00:00:00', 'UTC'), until = toDateTime('2026-11-23 00:00:00', 'UTC')";

function checkArrival(lines) {
  database.insert(lines);
  checkColumns(lines);
  const count = () => ["sessions", "findings", "spans"].map((view) => database.rows(`SELECT count() n FROM starttap.${view}(${DAY})`)[0].n)
    .concat(database.rows("SELECT count() n FROM starttap.certificates")[0].n);
  const once = count();
  database.insert(lines);
  checks.equal("lines that come twice count once", count(), once);
  database.empty();
  const [whole] = made["smtp-exim-tls12@dc1"];
  database.insert([whole.slice(0, 8000 % whole.length), "not a line", "", '{"event":{"dataset":"mailtls.session"},"mailtls":{"schema":"2"}}',
    whole.replace('"mailtls.session"', '"mailtls.other"'), whole.replace(/"@timestamp": ?"[^"]*"/, '"@timestamp":"yesterday"'), whole]);
  checks.equal("broken lines are kept with the reason", database.rows("SELECT why, count() n FROM starttap.broken GROUP BY why ORDER BY why"), [
    { why: "no @timestamp", n: 1 }, { why: "not JSON", n: 2 }, { why: "not schema 1 of starttap", n: 1 }, { why: "unknown dataset", n: 1 }]);
  checks.equal("and the good one among them is stored", database.rows("SELECT count() n FROM starttap.session")[0].n, 1);
  database.empty();
  database.insert([...made["smtp-exim-tls12@dc1"], ...made["smtp-exim-tls12@dc2"]]);
  checks.equal("two sensors that saw the same stay two", database.rows(`SELECT sensor FROM starttap.sessions(${DAY}) ORDER BY sensor`),
    [{ sensor: "dc1" }, { sensor: "dc2" }]);
}

function checkOpen() {
  database.empty();
  const session = JSON.parse(made["smtp-exim-tls12@dc1"][0]);
  const open = structuredClone(session);
  open.mailtls.open = true;
  open.event.id = "aaaaaaaaaaaaaaaaaaaa";
  open["@timestamp"] = open.event.start;
  database.insert([JSON.stringify(open)]);
  checks.equal("a session that is still open is there", database.rows(`SELECT open FROM starttap.sessions(${DAY})`), [{ open: true }]);
  database.insert([JSON.stringify(session)]);
  checks.equal("and gives way to its last record", database.rows(`SELECT open FROM starttap.sessions(${DAY})`), [{ open: false }]);
}

function checkUpdates() {
  database.empty();
  const finding = made["smtp-cisco-masked"].map((line) => JSON.parse(line)).find((e) => e.rule?.id === "starttls.masked_banner");
  const more = structuredClone(finding);
  Object.assign(more.mailtls.finding, { update: 1, count: 42 });
  more.event.id = "aaaaaaaaaaaaaaaaaaaa";
  database.insert([JSON.stringify(more), JSON.stringify(finding)]);
  checks.equal("of a finding the last update counts", database.rows(`SELECT count FROM starttap.findings(${DAY})`), [{ count: 42 }]);
}

function checkCases() {
  const tested = new Set();
  for (const one of cases) {
    const name = `${one.view}${one.name ? " (" + one.name + ")" : ""}`;
    tested.add(one.view);
    database.empty();
    const lines = one.events.flatMap((spec) => made[spec]);
    database.insert(lines.map((line) => JSON.stringify(one.edit(JSON.parse(line)))));
    const more = Object.entries(one.arguments).map(([key, value]) => `, ${key} = ${value}`).join("");
    const rows = database.rows(`SELECT * FROM starttap.${one.view}(since = toDateTime('${one.span[0]}', 'UTC'),
      until = toDateTime('${one.span[1]}', 'UTC')${more})`);
    const sorted = (list) => list.map((row) => JSON.stringify(row)).sort();
    checks.equal(name, sorted(rows.map((row) => one.columns.map((column) => row[column]))), sorted(one.rows));
  }
  const building = new Set(["sessions", "findings", "certificates", "spans"]); // asked by all others, and above
  for (const { name } of database.rows("SELECT name FROM system.tables WHERE database = 'starttap' AND engine = 'View'"))
    checks.check(`the view ${name} has a case`, tested.has(name) || building.has(name));
}

function checkRetention() {
  const days = (n) => new Date(Date.now() - n * 86400e3).toISOString().slice(0, 10);
  const dated = (n) => made["smtp-exim-tls12@dc1"].map((line) => line.replaceAll("2026-11-22", days(n)));
  database.empty();
  database.insert([...dated(1), ...dated(100)]);
  database.load("retention.sql");
  for (const table of ["session", "connection", "stats", "certificate"]) database.run(`OPTIMIZE TABLE starttap.${table} FINAL`);
  checks.equal("sessions of 100 days ago are gone", database.rows("SELECT count() n FROM starttap.session")[0].n, 1);
  checks.equal("connections as well", database.rows("SELECT count() n FROM starttap.connection")[0].n, 1);
  checks.equal("counters are kept longer", database.rows("SELECT count() n FROM starttap.stats")[0].n, 2);
}

checkArrival([...new Set(Object.entries(made).filter(([spec]) => !/[@/+]|-[0-9]+s$/.test(spec)).flatMap(([, lines]) => lines))]);
checkOpen();
checkUpdates();
checkCases();
checkRetention();
database.close();
checks.finish();
