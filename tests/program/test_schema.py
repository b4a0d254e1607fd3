#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Events hold to the field table (fields.txt, from design section 3), to each other, and to src/event/schema.json.

Every leaf of every event of every capture must be in the table with that type and, where fixed, one of its values; nothing
is null or empty; each dataset has what it must have; ids are unique, findings name a session that exists, and order holds.
"""
import ipaddress
import json
import os
import re
import sys

from harness import Checks, arguments, events, get, root, run
from json_schema import violations

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$")
ID = re.compile(r"^[A-Za-z2-7]{20}$")
SEVERITY = {"info": 10, "low": 30, "medium": 50, "high": 70, "critical": 90}
MUST = {
    "mailtls.session": """@timestamp event.id event.start event.end event.duration event.outcome event.sequence source.ip
        source.port destination.ip destination.port network.type network.community_id mailtls.schema mailtls.session.id
        mailtls.mode mailtls.verdict mailtls.role mailtls.end.how mailtls.capture.sides mailtls.capture.complete
        mailtls.capture.file mailtls.capture.first_frame mailtls.capture.last_frame""",
    "mailtls.finding": """@timestamp event.id event.severity rule.id rule.name source.ip destination.ip mailtls.schema
        mailtls.finding.uid mailtls.finding.severity mailtls.finding.confidence mailtls.finding.attribution
        mailtls.finding.session_id mailtls.finding.explanation mailtls.finding.evidence""",
    "mailtls.certificate": "@timestamp event.id mailtls.schema tls.server.hash.sha256",
    "mailtls.stats": "@timestamp event.id mailtls.schema",
}


def is_ip(value):
    try:
        return str(ipaddress.ip_address(value)) == value
    except ValueError:
        return False


TYPES = {
    "any": lambda value: True,
    "text": lambda value: isinstance(value, str) and value != "",
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "flag": lambda value: isinstance(value, bool),
    "time": lambda value: isinstance(value, str) and TIME.match(value),
    "date": lambda value: isinstance(value, str) and DATE.match(value),
    "hash": lambda value: isinstance(value, str) and re.match(r"^[0-9A-F]{64}$", value),
    "ip": lambda value: isinstance(value, str) and is_ip(value),
    "code": lambda value: isinstance(value, str) and re.match(r"^0x[0-9a-f]{4}$", value),
}


def table():
    """(pattern, type, values) of each row, most exact first."""
    rows = []
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fields.txt")
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if not words or words[0] == "#":
                continue
            pattern = re.escape(words[0]).replace(r"\*\*", ".+").replace(r"\*", r"[^.\[]+")
            rows.append((words[0].count("*"), re.compile(pattern + "$"), words[1], words[2:]))
    return sorted(rows, key=lambda row: row[0])


def leaves(value, path=""):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from leaves(inner, path + "[]")
    else:
        yield path, value


def complaint(rows, path, value):
    """What is wrong with one leaf, or None. An empty list may stand where a list may."""
    if value is None:
        return "is null"
    if value == {}:
        return "is an empty object"
    look = path + "[]" if value == [] else path
    row = next((row for row in rows if row[1].match(look)), None)
    if row is None:
        return "is not in the table"
    if value == []:
        return None
    if not TYPES[row[2]](value):
        return f"is no {row[2]}"
    if row[3] and str(value) not in row[3]:
        return "is none of " + " ".join(row[3])
    return None


def check_event(checks, rows, schema, name, event):
    wrong = [f"{path} {text}: {value!r:.80}" for path, value in leaves(event) if (text := complaint(rows, path, value))]
    checks.check(f"{name}: fields", not wrong, "; ".join(wrong[:4]))
    missing = [path for path in MUST.get(get(event, "event.dataset"), "event.dataset").split() if get(event, path) is None]
    checks.check(f"{name}: has what it must have", not missing, " ".join(missing))
    if schema:
        wrong = violations(schema, event)
        checks.check(f"{name}: src/event/schema.json", not wrong, "; ".join(wrong[:4]))
    severity = get(event, "mailtls.finding.severity")
    if severity:
        checks.equal(f"{name}: severity", get(event, "event.severity"), SEVERITY.get(severity))
        checks.check(f"{name}: confidence", 0 <= get(event, "mailtls.finding.confidence") <= 100)


def check_whole(checks, name, found):
    """What holds between the events of one run."""
    ids = [get(event, "event.id") for event in found]
    checks.equal(f"{name}: event ids are unique", len(set(ids)), len(ids))
    known = [get(event, "mailtls.session.id") for event in found if get(event, "event.dataset") == "mailtls.session"]
    checks.check(f"{name}: session ids", all(ID.match(str(one)) for one in known) and len(set(known)) == len(known), str(known))
    named = {get(event, "mailtls.finding.session_id") for event in found} - {None}
    checks.check(f"{name}: findings name a session", named <= set(known), str(named - set(known)))
    order = [get(event, "event.sequence") for event in found if get(event, "event.sequence") is not None]
    checks.check(f"{name}: sequence rises", order == sorted(set(order)))
    times = [get(event, "@timestamp") for event in found if get(event, "event.dataset") != "mailtls.stats"]
    checks.check(f"{name}: ordered by time", times == sorted(times), str(times))


def main():
    options = arguments(__doc__)
    checks = Checks()
    rows = table()
    path = os.path.join(root, "src", "event", "schema.json")
    schema = json.load(open(path, encoding="utf-8")) if os.path.exists(path) else None
    if schema is None:
        print("src/event/schema.json is absent: only the field table is checked")
    for capture in options.captures:
        name = os.path.basename(capture)
        for words in ([], ["--all-tls", "--min-severity", "info"]):
            label = " ".join([name, *words])
            found = events(checks, label, run(options.program, "-r", capture, *words))
            checks.check(f"{label}: has events", found)
            for i, event in enumerate(found, 1):
                check_event(checks, rows, schema, f"{label}: line {i}", event)
            check_whole(checks, label, found)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
