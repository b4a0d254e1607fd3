#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every file of dashboards/ names only what exists: fields of src/event/schema.json, rules of FINDINGS.md, metrics of METRICS.md.

Standard library only, so that run-tests can have it; what needs an engine or a schema stands in the other tests of this folder.
"""
import glob
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "program"))
import harness  # noqa: E402

FOLDER = os.path.join(harness.root, "dashboards")
ROOTS = "event|ecs|observer|source|destination|client|network|tls|threat|related|rule|mailtls"
FIELD = re.compile(rf"(?<![\w.$/{{-])(?:{ROOTS})(?:\.[a-z0-9_]+)+(?![\w(])")
RULE = re.compile(r"(?<![\w./-])(?:auth|cert|imap|inject|mail|mitm|mode|policy|proto|sieve|starttls|tls12|tls13)\.[a-z0-9_.]+[a-z0-9_]\*?(?![\w(])")
METRIC = re.compile(r"\bstarttap_[a-z0-9_]+")
# Words that look like a field or a rule and are none.
FILES = re.compile(r"\.(json|yml|yaml|sql|conf|md|pcap|prom|ndjson|jsonl|py|html|local|log|rules|sh|c|test)$|^(imap|mail)\.example|^source\.kafka")


def fields():
    """The fields of all events."""
    with open(os.path.join(harness.root, "src", "event", "schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    found = set()

    def walk(node, path):
        if node.get("type") == "array":
            node = node["items"]
        for key, value in node.get("properties", {}).items():
            walk(value, path + [key])
        if "properties" not in node:
            found.add(".".join(path))

    for branch in schema["oneOf"]:
        walk(branch, [])
    return found


def rules():
    with open(os.path.join(harness.root, "FINDINGS.md"), encoding="utf-8") as file:
        return set(re.findall(r"^\| `([a-z0-9_.]+)` \|", file.read(), re.M))


def keys():
    with open(os.path.join(harness.root, "src", "data", "config_keys.def"), encoding="utf-8") as file:
        return set(re.findall(r'"([a-z0-9_]+\.[a-z0-9_.]+)"', file.read()))


def tuple_paths(text):
    """The paths of JSONExtract(line, 'Tuple(…)')."""
    words = re.findall(r"`[^`]*`|[A-Za-z_@0-9]+|[(),]", text)
    at, paths = 0, []

    def kind(path):  # after the name of an element
        nonlocal at
        word = words[at]
        at += 1
        if word == "Tuple":
            at += 1
            while words[at - 1] != ")":
                name = words[at].strip("`")
                at += 1
                kind(path + [name])
                at += 1  # , or )
        elif at < len(words) and words[at] == "(":
            at += 1
            first = kind(path) if word == "Array" else None
            depth = 1
            while depth:
                depth += {"(": 1, ")": -1}.get(words[at], 0)
                at += 1
            if not first and word != "Array":
                paths.append(".".join(path))
            return True
        else:
            paths.append(".".join(path))
        return True

    kind([])
    return paths


def check_tuples(checks, known):
    with open(os.path.join(FOLDER, "clickhouse", "schema.sql"), encoding="utf-8") as file:
        tuples = re.findall(r"JSONExtract\(line, '(Tuple\(.*?\))'\) AS e", file.read(), re.S)
    checks.equal("tables take events apart", len(tuples), 4)
    for text in tuples:
        for path in tuple_paths(text):
            checks.check(f"clickhouse/schema.sql: {path} is a field", path in known)


def check_text(checks, name, text, known, ids, metrics):
    for word in set(FIELD.findall(text)):
        good = word in known or word in ids or any(field.startswith(word + ".") for field in known) or FILES.search(word)
        good = good or any(one.startswith(word + ".") for one in ids)
        checks.check(f"{name}: {word} is a field", good or word.endswith("_"))
    for word in set(RULE.findall(text)):
        good = word in ids or word in known or any(one.startswith(word.rstrip("*")) for one in ids if word.endswith("*")) or FILES.search(word)
        checks.check(f"{name}: {word} is a finding", good or any(one.startswith(word) for one in ids if word.endswith("_")))
    for word in set(METRIC.findall(text)) if name.startswith(("grafana/", "prometheus/", "METRICS", "README", "SIEM")) else set():
        checks.check(f"{name}: {word} is a metric", word in metrics)


def main():
    harness.arguments(__doc__, program=True)
    checks = harness.Checks()
    known, ids = fields(), rules() | keys()
    with open(os.path.join(FOLDER, "METRICS.md"), encoding="utf-8") as file:
        metrics = set(METRIC.findall(file.read()))
    checks.check("there are fields, findings and metrics", len(known) > 150 and len(rules()) > 100 and len(metrics) > 30)
    check_tuples(checks, known)
    for path in sorted(glob.glob(os.path.join(FOLDER, "**", "*.*"), recursive=True)):
        name = os.path.relpath(path, FOLDER)
        if name == "FORMATS.md":  # names the fields of other schemas
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for line in text.splitlines() if path.endswith(".ndjson") else [text] if path.endswith(".json") else []:
            try:
                json.loads(line)
            except ValueError as error:
                checks.check(f"{name} is JSON", False, str(error))
        check_text(checks, name, text, known, ids, metrics)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
