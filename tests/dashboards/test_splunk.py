#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dashboards/splunk by what can be said without a Splunk: the files can be read and refer to what exists, and over the events of all
samples TIME_FORMAT, LINE_BREAKER, the host's expression and the event types find what they should.
"""
import configparser
import datetime
import fnmatch
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "program"))
import harness  # noqa: E402

FOLDER = os.path.join(harness.root, "dashboards", "splunk")
TERM = re.compile(r'\s*(\(|\)|OR\b|([\w.:]+)="([^"]*)")')
# Samples with at least one event of the type; by samples/README.md.
FOUND = {
    "starttap_old_tls": {"smtp-tls10-mx", "smtp-ssl3", "implicit-465-tls10-oldserver"},
    "starttap_in_between": {"smtp-cisco-masked", "smtp-cisco-masked-two-taps", "smtp-starttls-command-masked", "smtp-downgrade-sentinel",
                            "smtp-injected-command", "imap-injected-response", "imaps-avast-resigned", "smtp-fortigate-resigned"},
    "starttap_blind": {"smtp-client-side-only", "smtp-server-side-only", "smtp-lossy-tap-certificate"},
}


def read(name):
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=True)
    parser.optionxform = str
    parser.read(os.path.join(FOLDER, name), encoding="utf-8")
    return parser


def search(text):
    """A function event -> bool of `field="value" (a OR b)`: terms beside one another all hold."""
    tokens = [match for match in TERM.finditer(text)]
    assert "".join(match[0] for match in tokens) == text, text
    at = 0

    def term():
        nonlocal at
        match = tokens[at]
        at += 1
        if match[1] == "(":
            inner = either()
            at += 1
            return inner
        field, value = match[2], match[3]

        def holds(event):
            if field == "sourcetype":
                return value == "starttap:json"
            got = harness.get(event, field)
            return got is not None and fnmatch.fnmatchcase(json.dumps(got).strip('"'), value)

        return holds

    def every():
        parts = [term()]
        while at < len(tokens) and tokens[at][1] not in (")", "OR"):
            parts.append(term())
        return lambda event: all(part(event) for part in parts)

    def either():
        nonlocal at
        parts = [every()]
        while at < len(tokens) and tokens[at][1] == "OR":
            at += 1
            parts.append(every())
        return lambda event: any(part(event) for part in parts)

    return either()


def main():
    options = harness.arguments(__doc__, every=True)
    checks = harness.Checks()
    props, transforms, types, tags = (read(name) for name in ("props.conf", "transforms.conf", "eventtypes.conf", "tags.conf"))
    source = props["starttap:json"]
    for key in source:
        if key.startswith("TRANSFORMS-"):
            checks.check(f"{key}: {source[key]} exists", source[key] in transforms)
    for section in tags.sections():
        checks.check(f"tags.conf: {section} exists", section.partition("=")[2] in types)
    searches = {name: search(types[name]["search"]) for name in types.sections()}
    host = re.compile(transforms["starttap_host"]["REGEX"])
    found = {name: set() for name in searches}
    lines = 0
    for capture in options.captures:
        name = harness.name_of(capture)
        done = harness.run(options.program, "-r", capture, *harness.trust(capture), "--set", "sensor.name=dc1")
        for line in re.split(source["LINE_BREAKER"].strip("()"), done.stdout.decode()):
            if not line:
                continue
            lines += 1
            event = json.loads(line)
            prefix = re.search(source["TIME_PREFIX"], line)
            text = line[prefix.end():][:27] if prefix else ""
            checks.check("TIME_PREFIX", prefix and prefix.end() == line.index(event["@timestamp"]), line[:60])
            checks.check("MAX_TIMESTAMP_LOOKAHEAD", len(text) <= int(source["MAX_TIMESTAMP_LOOKAHEAD"]))
            try:
                datetime.datetime.strptime(text, source["TIME_FORMAT"].replace("%6N", "%f"))
            except ValueError as error:
                checks.check("TIME_FORMAT", False, str(error))
            checks.check("TRUNCATE", len(line) < int(source["TRUNCATE"]))
            checks.check("the host is the sensor", (host.search(line) or [None, None])[1] == "dc1", line[:80])
            for kind, matches in searches.items():
                if matches(event):
                    found[kind].add(name)
    checks.check("there are lines", lines > 300)
    for kind, want in FOUND.items():
        checks.equal(kind, found[kind], want)
    checks.check("sessions in the clear", "imap-login-clear" in found["starttap_clear"] and "imap-implicit-tls13" not in found["starttap_clear"])
    for kind in searches:
        checks.check(f"{kind} finds something", found[kind])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
