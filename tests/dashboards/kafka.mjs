// SPDX-License-Identifier: Apache-2.0
// kafka.mjs PROGRAM: sensors, Kafka, tables: starttap's own Kafka output sends to librdkafka's mock cluster (a process of its own, no
// real broker), and kafka.sql takes the events from there into ClickHouse's engine. Where this program has no Kafka output, kcat sends.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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
execFileSync("cc", ["-std=c17", "-D_DEFAULT_SOURCE", join(root, "tests/plugin/kafka_mock.c"), "-o", mockProgram, ...flags]);
const mock = spawn(mockProgram, ["1", "mailtls"], { stdio: ["pipe", "pipe", "ignore"] });
const brokers = (await new Promise((resolve) => mock.stdout.once("data", resolve))).toString().trim();
const output = `plugin:kafka:${brokers}/mailtls`;

const checks = new Checks();
const database = new Database(Session, ["schema.sql", "monday.sql", "correlate.sql"]);

function produce(messages) { // by kcat: [key, line]
  const path = join(folder, "messages");
  writeFileSync(path, messages.map(([key, line]) => `${key}\t${line}\n`).join(""));
  execFileSync("kcat", ["-P", "-b", brokers, "-t", "mailtls", "-K", "\t", "-z", "zstd", "-l", path]);
}

const only = (sql) => Object.values(database.rows(sql)[0])[0];
const read = () => only("SELECT sum(num_messages_read) FROM system.kafka_consumers");
async function until(number, name) { // Kafka is asked again and again; 60 s are for a machine that is busy
  for (let i = 0; i < 600 && read() < number; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  checks.equal(`${name}: messages`, read(), number);
  for (let i = 0; i < 100 && only("SELECT count() FROM starttap.session") === 0; i++) await new Promise((resolve) => setTimeout(resolve, 100));
}
const ids = () => database.rows(`SELECT id FROM (SELECT id FROM starttap.session FINAL UNION ALL SELECT id FROM starttap.finding FINAL
  UNION ALL SELECT id FROM starttap.certificate FINAL UNION ALL SELECT id FROM starttap.stats FINAL) ORDER BY id`).map((row) => row.id);

try {
  database.load("kafka.sql", (sql) => sql.replace("localhost:9092", brokers));
  const captures = readdirSync(join(root, "samples")).filter((name) => /\.pcap(ng)?$/.test(name)).map((name) => join(root, "samples", name));
  const words = ["-r", ...captures, "--set", "sensor.name=tap1"];
  const run = (more) => execFileSync(program, [...words, ...more], { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] }).toString();
  const lines = run([]).trim().split("\n");
  const halves = ["smtp-starttls-tls12/only-client@dc1", "smtp-starttls-tls12/only-server@dc2+300s"];
  const half = eventsOf(program, halves);
  const own = spawnSync(program, ["-T", "-o", output]).status === 0;
  if (own) {
    run(["-o", output]);
    eventsOf(program, halves, output);
  } else {
    console.log("SKIP: this program has no Kafka output, so kcat sent its events");
    produce([...lines, ...Object.values(half).flat()].map((line) => [JSON.parse(line).network?.community_id ?? "-", line]));
  }
  const sent = [...lines, ...Object.values(half).flat()];
  const want = [...new Set(sent.map((line) => JSON.parse(line)).map((e) => e.observer.name + e.event.id))].map((id) => id.slice(-20)).sort();
  await until(sent.length, own ? "sent by the program" : "sent by kcat");
  checks.equal("all events are in the tables", ids(), want);
  const span = "since = toDateTime('2026-11-22 00:00:00', 'UTC'), until = toDateTime('2026-11-23 00:00:00', 'UTC')";
  checks.equal("halves of two sensors are joined", database.rows(`SELECT client_sensor, server_sensor, together FROM starttap.halves(${span})
    WHERE client_sensor = 'dc1'`), [{ client_sensor: "dc1", server_sensor: "dc2", together: "protected" }]);

  produce([...lines.slice(0, 100).map((line) => ["again", line]), ["x", "this line was cut on its w"]]);
  await until(sent.length + 101, "a hundred come again, and a broken one");
  for (let i = 0; i < 600 && only("SELECT count() FROM starttap.broken") === 0; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  checks.equal("what Kafka delivers again counts once", ids(), want);
  checks.equal("what is broken is kept, with its reason", database.rows("SELECT why, line FROM starttap.broken"),
    [{ why: "not JSON", line: "this line was cut on its w" }]);
} finally {
  for (const name of ["from_kafka", "broken_from_kafka", "kafka"]) database.run(`DROP TABLE IF EXISTS starttap.${name}`);
  mock.stdin.end();
  database.close();
  rmSync(folder, { recursive: true, force: true });
}
checks.finish();
