// SPDX-License-Identifier: Apache-2.0
// sizing.mjs PROGRAM [SESSIONS]: the measurements behind dashboards/clickhouse/SIZING.md. Events of samples are multiplied with other
// addresses, ports, numbers, ids and times in each copy, nine healthy sessions to one with findings, put into the tables, and counted.
import { Database, engine, eventsOf } from "./clickhouse.mjs";

const [program = "build/release/starttap", sessions = "200000"] = process.argv.slice(2);
const HEALTHY = ["smtp-starttls-tls12", "smtp-starttls-tls13", "smtp-exim-tls12", "smtps-submission-tls13", "smtp-tls13-resumed",
  "imap-starttls-tls12", "imap-implicit-tls13", "pop3-stls", "pop3s-tls13"];
const Session = engine();
if (!Session) process.exit(0);
const made = eventsOf(program, ["*"]);
const bytes = {};
for (const line of Object.values(made).flat()) {
  const { dataset } = JSON.parse(line).event;
  (bytes[dataset] ??= []).push(Buffer.byteLength(line) + 1);
}
console.log("bytes of a line, all samples:");
for (const [dataset, sizes] of Object.entries(bytes)) {
  sizes.sort((a, b) => a - b);
  console.log(`  ${dataset}: ${sizes.length} lines, mean ${Math.round(sizes.reduce((a, b) => a + b) / sizes.length)}, median ${sizes[sizes.length >> 1]}, most ${sizes.at(-1)}`);
}

const random = (n) => Math.floor(Math.random() * n);
const text = (n, letters) => Array.from({ length: n }, () => letters[random(letters.length)]).join("");
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const of = (names, dataset) => names.flatMap((name) => made[name]).map((line) => JSON.parse(line)).filter((e) => e.event.dataset === "mailtls." + dataset);
const healthy = of(HEALTHY, "session");
const faulty = of(Object.keys(made).filter((name) => !HEALTHY.includes(name)), "session");
const findings = of(Object.keys(made), "finding");

function another(event, i) {
  const e = structuredClone(event);
  const time = new Date(Date.parse("2026-11-22T00:00:00Z") + Math.floor((i * 86400e3) / Number(sessions))).toISOString().replace("Z", `${text(3, "0123456789")}Z`);
  const client = `10.${random(4)}.${random(256)}.${random(256)}`;
  const server = `192.0.2.${random(250)}`;
  e["@timestamp"] = e.event.start = time;
  if (e.event.end) e.event.end = time;
  e.event.id = text(20, BASE32);
  e.event.sequence = i;
  e.observer.name = `sensor-${random(10)}`;
  e.source.ip = client;
  e.source.port = 1024 + random(60000);
  e.destination.ip = server;
  e.related.ip = [client, server];
  e.network.community_id = `1:${text(27, BASE64)}=`;
  e.mailtls.session.id = text(20, BASE32);
  if (e.mailtls.flow) e.mailtls.flow = { client_isn: random(2147483647), server_isn: random(2147483647) };
  if (e.mailtls.finding) Object.assign(e.mailtls.finding, { uid: text(20, BASE32), session_id: e.mailtls.session.id });
  return JSON.stringify(e).replaceAll(event.source.ip, client).replaceAll(event.destination.ip, server);
}

const database = new Database(Session, ["schema.sql", "monday.sql", "correlate.sql"]);
const used = () => (({ user, system }) => (user + system) / 1e6)(process.cpuUsage());
let written = 0, seconds = 0; // of processor: other work on the machine does not count
for (let from = 0; from < Number(sessions); from += 20000) {
  const lines = [];
  for (let i = from; i < Math.min(from + 20000, Number(sessions)); i++) {
    lines.push(another(i % 10 ? healthy[random(healthy.length)] : faulty[random(faulty.length)], i));
    if (i % 5 === 0) lines.push(another(findings[random(findings.length)], i)); // one finding to five sessions
  }
  written += lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  const start = used();
  database.insert(lines);
  seconds += used() - start;
}
console.log(`put in: ${sessions} sessions and ${sessions / 5} findings, ${Math.round(written / 1e6)} MB, in ${seconds.toFixed(1)} s of processor: ` +
  `${Math.round((sessions * 1.2) / seconds)} events, ${Math.round(written / 1e6 / seconds)} MB for each`);
for (const table of ["session", "finding", "connection"]) {
  database.run(`OPTIMIZE TABLE starttap.${table} FINAL`);
  const [sum] = database.rows(`SELECT sum(rows) n, sum(bytes_on_disk) b FROM system.parts WHERE active AND database = 'starttap' AND table = '${table}'`);
  const columns = database.rows(`SELECT name, data_compressed_bytes c FROM system.columns WHERE database = 'starttap' AND table = '${table}' ORDER BY c DESC LIMIT 4`);
  console.log(`  ${table}: ${sum.n} rows, ${(sum.b / sum.n).toFixed(0)} bytes a row on disk; ` +
    columns.map(({ name, c }) => `${name} ${(c / sum.n).toFixed(0)}`).join(", "));
}
for (const view of ["clear_senders", "broke", "old_tls", "expiring", "in_between", "blind", "connections", "halves"]) {
  const start = used();
  database.rows(`SELECT count() n FROM starttap.${view}(since = toDateTime('2026-11-22 00:00:00', 'UTC'), until = toDateTime('2026-11-23 00:00:00', 'UTC'))`);
  console.log(`  ${view} over a day of ${sessions}: ${(used() - start).toFixed(2)} s of processor`);
}
database.close();
