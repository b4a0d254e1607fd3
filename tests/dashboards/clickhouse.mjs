// SPDX-License-Identifier: Apache-2.0
// What the tests of SQL share: ClickHouse's engine as a library, the files of dashboards/clickhouse, events made from samples.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, "..", "..");
export const dashboards = join(root, "dashboards");

// The engine, or null with the reason printed.
export function engine() {
  try {
    return createRequire(import.meta.url)("chdb").Session;
  } catch (error) {
    console.log(`SKIP: chdb is not installed (npm install in tests/dashboards), so no SQL was run: ${error.code ?? error.message}`);
    return null;
  }
}

export function statements(file) {
  return readFileSync(join(dashboards, "clickhouse", file), "utf8")
    .split(/;[ \t]*$/m)
    .map((text) => text.replace(/^--.*$/gm, "").trim())
    .filter(Boolean);
}

export class Database {
  constructor(Session, files) {
    this.folder = mkdtempSync(join(tmpdir(), "starttap-sql-"));
    this.session = new Session(join(this.folder, "db"));
    for (const file of files) this.load(file);
  }
  load(file, change = (text) => text) {
    for (const statement of statements(file)) this.run(change(statement));
  }
  run(sql) {
    return this.session.query(sql);
  }
  rows(sql) {
    const text = this.session.query(sql, "JSONEachRow", { output_format_json_quote_64bit_integers: 0 });
    return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }
  insert(lines) {
    const path = join(this.folder, "lines.jsonl");
    writeFileSync(path, lines.map((line) => line + "\n").join(""));
    this.run(`INSERT INTO starttap.line SELECT line FROM file('${path}', 'LineAsString')`);
  }
  empty() {
    for (const { name } of this.rows("SELECT name FROM system.tables WHERE database = 'starttap' AND engine LIKE '%MergeTree'"))
      this.run(`TRUNCATE TABLE starttap.${name}`);
  }
  close() {
    this.session.close?.();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// Lines of many samples in one go; wanted: see events.py.
export function eventsOf(program, wanted, output = "-") {
  const made = execFileSync("python3", [join(here, "events.py"), "--program", program, "--output", output], {
    input: JSON.stringify([...new Set(wanted)]),
    maxBuffer: 1 << 28,
    stdio: ["pipe", "pipe", "inherit"],
  });
  return JSON.parse(made.toString());
}

export class Checks {
  passed = 0;
  failed = 0;
  check(name, good, detail = "") {
    if (good) this.passed++;
    else {
      this.failed++;
      console.log(`FAIL ${name}${detail ? ": " + detail : ""}`);
    }
    return good;
  }
  equal(name, got, want) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
    return this.check(name, a === b, `\n  got  ${a}\n  want ${b}`);
  }
  finish() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exit(this.failed || !this.passed ? 1 : 0);
  }
}
