// SPDX-License-Identifier: Apache-2.0
// kafka.mjs PROGRAM: events through a Kafka (librdkafka's mock cluster, a process of its own) into the tables, by kafka.sql.
// The sender is starttap's own Kafka output where this build has it, else kcat.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Checks, Database, engine, eventsOf, root } from "./clickhouse.mjs";

const program = process.argv[2] ?? "build/release/starttap";
const skip = (why) => {
  console.log(`SKIP: ${why}, so nothing went through Kafka`);
  process.exit(0);
};
const Session = engine();
if (!Session) process.exit(0);
if (spawnSync("pkg-config", ["--exists", "rdkafka"]).status !== 0) skip("librdkafka-dev is not installed");
if (spawnSync("kcat", ["-V"]).error) skip("kcat is not installed");

const folder = mkdtempSync(join(tmpdir(), "starttap-kafka-"));
const mockProgram = join(folder, "kafka_mock");
const flags = execFileSync("pkg-config", ["--cflags", "--libs", "rdkafka"]).toString().trim().split(/\s+/);
execFileSync("cc", ["-std=c17", "-Wall", "-Wextra", "-Werror", join(root, "tests/dashboards/kafka_mock.c"), "-o", mockProgram, ...flags]);
const mock = spawn(mockProgram, ["mailtls", "3"], { stdio: ["pipe", "pipe", "inherit"] });
const brokers = (await new Promise((resolve) => mock.stdout.once("data", resolve))).toString().trim();

const checks = new Checks();
const database = new Database(Session, ["schema.sql", "monday.sql", "correlate.sql"]);

function produce(messages) { // [key, line]
  const path = join(folder, "messages");
  writeFileSync(path, messages.map(([key, line]) => `${key}\t${line}\n`).join(""));
  execFileSync("kcat", ["-P", "-b", brokers, "-t", "mailtls", "-K", "\t", "-z", "zstd", "-l", path]);
}

const count = (table) => database.rows(`SELECT count() n FROM starttap.${table}`)[0].n;
async function settled(want) { // Kafka is asked again and again; 60 s are for a machine that is busy
  for (let i = 0; i < 600; i++) {
    const got = Object.fromEntries(Object.keys(want).map((table) => [table, count(table)]));
    if (Object.entries(want).every(([table, n]) => got[table] >= n)) return got;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return Object.fromEntries(Object.keys(want).map((table) => [table, count(table)]));
}

try {
  database.load("kafka.sql", (sql) => sql.replace("localhost:9092", brokers));
  const halves = ["smtp-starttls-tls12/only-client@dc1", "smtp-starttls-tls12/only-server@dc2+300s"];
  const made = eventsOf(program, ["*", ...halves]);
  const lines = Object.values(made).flat();
  const of = (dataset) => lines.filter((line) => JSON.parse(line).event.dataset === "mailtls." + dataset).length;
  const keyed = lines.map((line) => [JSON.parse(line).network?.community_id ?? "stats", line]);
  const want = { session: of("session"), finding: of("finding"), certificate: of("certificate"), stats: of("stats") };
  produce([...keyed, ["x", "this line was cut on its w"]]);
  checks.equal("all events arrive, and the broken line is kept", await settled({ ...want, broken: 1 }), { ...want, broken: 1 });
  checks.equal("with its reason", database.rows("SELECT why, line FROM starttap.broken"), [{ why: "not JSON", line: "this line was cut on its w" }]);
  checks.equal("halves of two sensors are joined", database.rows(`SELECT client_sensor, server_sensor, together
      FROM starttap.halves(since = toDateTime('2026-11-22 00:00:00', 'UTC'), until = toDateTime('2026-11-23 00:00:00', 'UTC'))`),
    [{ client_sensor: "dc1", server_sensor: "dc2", together: "protected" }]);
  produce(keyed.slice(0, 100));
  const read = () => database.rows("SELECT sum(num_messages_read) n FROM system.kafka_consumers")[0].n;
  for (let i = 0; i < 600 && read() < keyed.length + 101; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  checks.equal("a hundred come again", read(), keyed.length + 101);
  const again = Object.fromEntries(Object.keys(want).map((table) => [table, database.rows(`SELECT count() n FROM starttap.${table} FINAL`)[0].n]));
  checks.equal("what Kafka delivers again counts once", again, want);
} finally {
  database.run("DROP TABLE IF EXISTS starttap.from_kafka");
  database.run("DROP TABLE IF EXISTS starttap.broken_from_kafka");
  database.run("DROP TABLE IF EXISTS starttap.kafka");
  mock.stdin.end();
  database.close();
  rmSync(folder, { recursive: true, force: true });
}
checks.finish();
