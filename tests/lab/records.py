# SPDX-License-Identifier: Apache-2.0
"""starttap's events of one recording, and small helpers to look into them."""
import json
import subprocess
from pathlib import Path

import canaries

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "starttap"
SEVERITIES = ["info", "low", "medium", "high", "critical"]


class Failed(Exception):
    pass


def run(program, recording, ca, options=()):
    """(sessions, findings), sessions in order of their start."""
    words = [str(program), "-r", str(recording), "--format", "ecs", "--events", "session,finding", "--set", f"x509.ca_bundle={ca}",
             *options]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode not in (0, 3):
        raise Failed(f"status {done.returncode}: {done.stderr.strip()[-500:]}")
    told = canaries.leaks(done.stdout + done.stderr)
    if told:
        raise Failed(f"a secret came out: {', '.join(told)}")
    return split(json.loads(line) for line in done.stdout.splitlines())


def split(events):
    """(sessions, findings), sessions in order of their start."""
    events = list(events)
    sessions = [event for event in events if event["event"]["dataset"] == "mailtls.session" and "end" in event["event"]["type"]]
    findings = [event for event in events if event["event"]["dataset"] == "mailtls.finding"]
    return sorted(sessions, key=start), latest(findings)


def start(event):
    return event["event"]["start"], event["source"]["port"]


def latest(findings):
    """A finding that was written again counts once, as it was written last."""
    found = {}
    for finding in findings:
        found[finding["mailtls"]["finding"].get("uid", finding["event"]["id"])] = finding
    return list(found.values())


def look(event, path):
    """The value at a dotted path, or None."""
    for part in path.split("."):
        if isinstance(event, list) and part.isdigit():
            event = event[int(part)] if int(part) < len(event) else None
        elif isinstance(event, dict):
            event = event.get(part)
        else:
            return None
    return event


def walk(one, other, path):
    """Where two events differ, in words."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(set(one) | set(other)):
            yield from walk(one.get(key), other.get(key), f"{path}.{key}".lstrip("."))
    elif one != other:
        yield f"{path}: {json.dumps(one)[:90]} and {json.dumps(other)[:90]}"


def observed(sessions, findings):
    """{rule id: severity} of all that was found, with the observations that only stand in session records."""
    found = {}
    for session in sessions:
        for key in "notes", "findings":
            for rule in look(session, f"mailtls.{key}") or ():
                found.setdefault(rule, "info")
    for finding in findings:
        rule, severity = look(finding, "rule.id"), look(finding, "mailtls.finding.severity") or "info"
        if SEVERITIES.index(severity) >= SEVERITIES.index(found.get(rule, "info")):
            found[rule] = severity
    return found


def recordings(folder, scenario):
    """(tap, file) of what was recorded for a scenario."""
    for tap in scenario.taps:
        for suffix in ".pcap", ".pcapng":
            path = Path(folder) / scenario.name / f"{tap}{suffix}"
            if path.exists():
                yield tap, path
