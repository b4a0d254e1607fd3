# SPDX-License-Identifier: Apache-2.0
"""metrics.file: Prometheus' text format, the same numbers as mailtls.stats, no address, accepted by promtool where there is one."""
import os
import re
import shutil
import subprocess
import tempfile

import harness

LINE = re.compile(r'^([a-z_]+)(?:\{([a-z]+)="([a-z0-9_.-]+)"\})? ([0-9.]+)$')
# name: where mailtls.stats has it; with a label a mapping of words to numbers
SAME = {
    "starttap_capture_packets_total": "capture.packets",
    "starttap_capture_bytes_total": "capture.bytes",
    "starttap_flows_created_total": "flows.created",
    "starttap_flows_one_sided_total": "flows.one_sided",
    "starttap_flows_midstream_total": "flows.midstream",
    "starttap_reassembly_gaps_total": "reassembly.gaps",
    "starttap_reassembly_missed_bytes_total": "reassembly.bytes_missed",
    "starttap_session_modes_total": "sessions.modes",
    "starttap_session_verdicts_total": "sessions.verdicts",
    "starttap_tls_versions_total": "tls",
    "starttap_findings_total": "findings",
    "starttap_not_judged_total": "reasons",
}


def parse(checks, name, text):
    """{name: number or {word: number}}; what breaks the format is a failed check."""
    helped, types, out = set(), {}, {}
    checks.check(f"{name}: ends with a newline", text.endswith("\n"))
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped.add(line.split()[2])
        elif line.startswith("# TYPE "):
            _, _, family, kind = line.split()
            checks.check(f"{name}: {family} is described once", family in helped and family not in types, line)
            checks.equal(f"{name}: {family} says by its name that it only grows", family.endswith("_total"), kind == "counter")
            types[family] = kind
        else:
            match = LINE.match(line)
            if not checks.check(f"{name}: a sample", match and match[1] in types and match[1].startswith("starttap_"), line):
                continue
            family, _, word, number = match.groups()
            if word is None:
                checks.check(f"{name}: {family} once", family not in out)
                out[family] = float(number)
            else:
                words = out.setdefault(family, {})
                checks.check(f"{name}: {family} {word} once", word not in words)
                words[word] = float(number)
    return out


def documented():
    with open(os.path.join(harness.root, "dashboards", "METRICS.md"), encoding="utf-8") as f:
        return set(re.findall(r"`(starttap_[a-z_]+)`", "".join(line for line in f if line.startswith("| `starttap_"))))


def main():
    options = harness.arguments(__doc__)
    checks = harness.Checks()
    promtool = shutil.which("promtool")
    if not promtool:
        print("promtool is not installed: its own check is left out")
    names = set()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "starttap.prom")
        for capture in options.captures:
            name = os.path.basename(capture)
            run = harness.run(options.program, "-r", capture, *harness.trust(capture), "--set", "metrics.file=" + path)
            stats = harness.get(harness.events(checks, name, run)[-1], "mailtls.stats")
            with open(path, encoding="utf-8") as f:
                text = f.read()
            found = parse(checks, name, text)
            names |= set(found)
            for family, where in SAME.items():
                checks.equal(f"{name}: {family}", found.get(family), harness.get(stats, where))
            checks.equal(f"{name}: sessions", sum(found["starttap_sessions_total"].values()), stats["sessions"]["records"])
            checks.check(f"{name}: no address", not re.search(r"\d+\.\d+\.\d+\.\d+", text.replace('version="', "")), text)
            if promtool and capture in options.captures[:3]:
                said = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True)
                checks.check(f"{name}: promtool has nothing to say", said.returncode == 0 and not said.stdout + said.stderr, said)
        outputs = {name for name in documented() if name.startswith("starttap_output_")}
        checks.equal("dashboards/METRICS.md names what there is", documented() - outputs, names - outputs)
        checks.equal("nothing is left beside it", os.listdir(folder), ["starttap.prom"])
        wrong = harness.run(options.program, "-r", options.captures[0], "--set", "metrics.file=" + os.path.join(folder, "absent", "m.prom"))
        checks.check("a file that cannot be written", wrong.returncode == 1 and b"metrics.file" in wrong.stderr, wrong.stderr)
        checks.check("is told before anything is read", not wrong.stdout, wrong.stdout[:200])
    return checks.finish()


if __name__ == "__main__":
    raise SystemExit(main())
