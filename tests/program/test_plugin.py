# SPDX-License-Identifier: Apache-2.0
"""The plugin door from outside: detectors built with nothing but the installed header are loaded and report; others are
refused with a clear message."""
import json
import os
import subprocess
import tempfile

import harness

HERE = os.path.join(harness.root, "tests", "plugin")
FLAGS = ["-std=c17", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-fPIC", "-shared"]


def build(folder, name, *flags, source=None):
    """A shared object out of tests/plugin/NAME.c, with the installed header only."""
    path = os.path.join(folder, "".join([name, *flags]).replace("=", "_").replace("-", "") + ".so")
    words = [os.environ.get("CC", "cc"), *FLAGS, *flags, "-I", os.path.join(folder, "include"), "-o", path]
    subprocess.run([*words, source or os.path.join(HERE, name + ".c")], check=True)
    return path


def run(program, *words):
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=harness.TIMEOUT)
    return done, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def findings(events, rule):
    return [e for e in events if e["event"]["dataset"] == "mailtls.finding" and e["rule"]["id"] == rule]


def main():
    options = harness.arguments(__doc__)
    checks = harness.Checks()
    sample = os.path.join(harness.root, "samples", "smtp-cisco-masked.pcap")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cmake", "--install", os.path.dirname(options.program), "--prefix", folder], check=True, stdout=subprocess.DEVNULL)
        session = build(folder, "greeting_words")

        done, events = run(options.program, "-r", sample, "--plugin", session)
        found = findings(events, "example.greeting")
        if checks.check("its finding is in the JSON", len(found) == 1, done.stderr):
            finding = found[0]["mailtls"]["finding"]
            record = next(e for e in events if e["event"]["dataset"] == "mailtls.session")
            count = len(record["mailtls"]["capabilities"])
            checks.check("values fill its text", finding["explanation"] == f"192.0.2.29 listed {count} capabilities to 198.51.100.10; prepared.", finding["explanation"])
            checks.check("severity and confidence", (finding["severity"], finding["confidence"], found[0]["event"]["severity"]) == ("medium", 77, 50), finding)
            checks.check("evidence has a frame", finding["evidence"][0]["frame"] > 0, finding["evidence"])
            checks.check("it belongs to the session", finding["session_id"] == record["mailtls"]["session"]["id"])
            checks.check("the session lists it", "example.greeting" in record["mailtls"].get("findings", []), record["mailtls"].get("findings"))
        checks.check("a rule that it does not list is ignored", not findings(events, "starttls.stripped"))
        done, _ = run(options.program, "explain", "example.greeting", "--plugin", session)
        checks.check("explain knows it", done.returncode == 0 and "An example" in done.stdout, done.stdout + done.stderr)

        visit = build(folder, "second_visit")
        names = [p for p in harness.core_samples() if "smtp" in p]
        outputs = set()
        for workers in ("1", "2", "3"):
            done, events = run(options.program, "-r", *names, "--plugin", visit, "--workers", workers, "--events", "session,finding")
            outputs.add(done.stdout)
            values = [{v["name"]: v["value"] for v in e["mailtls"]["finding"]["values"]} for e in findings(events, "example.visit")]
            sessions = sum(e["event"]["dataset"] == "mailtls.session" for e in events)
            checks.check(f"neighbours with {workers} workers: every session, in order of time",
                         [v["before"] for v in values] == [str(i) for i in range(sessions)] and all(v["backwards"] == "0" for v in values), values)
        checks.check("the number of workers changes nothing", len(outputs) == 1)

        other = build(folder, "greeting_words", "-DSTARTTAP_PLUGIN_ABI_WANTED=99", source=write_other(folder))
        done, _ = run(options.program, "-r", sample, "--plugin", other)
        checks.check("another ABI is refused", done.returncode == 2 and "ABI 99" in done.stderr and "build it again" in done.stderr and done.stdout == "", done.stderr)
        empty = os.path.join(folder, "empty.c")
        with open(empty, "w", encoding="ascii") as f:
            f.write("int nothing_here(void);\nint nothing_here(void) { return 0; }\n")
        done, _ = run(options.program, "-r", sample, "--plugin", build(folder, "empty", source=empty))
        checks.check("what is no plugin is refused", done.returncode == 2 and "not a starttap plugin" in done.stderr, done.stderr)
        done, _ = run(options.program, "-r", sample, "--plugin", os.path.join(folder, "absent.so"))
        checks.check("a missing file is refused", done.returncode == 2 and "absent.so" in done.stderr, done.stderr)
    return checks.finish()


def write_other(folder):
    """The same detector, that claims another ABI."""
    path = os.path.join(folder, "other.c")
    with open(os.path.join(HERE, "greeting_words.c"), encoding="utf-8") as source, open(path, "w", encoding="utf-8") as out:
        out.write(source.read().replace(".abi = STARTTAP_PLUGIN_ABI,", ".abi = STARTTAP_PLUGIN_ABI_WANTED,"))
    return path


if __name__ == "__main__":
    raise SystemExit(main())
