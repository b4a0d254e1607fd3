#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the cases of plugins/<name>/test.py through the whole program and says which fail, and why.

    run_findings.py --program build/dev/starttap [--only WORDS] [--keep DIR] [--show] plugins/<name>/test.py...

A test.py has cases(), which yields (name, talk or list of talks, expectation); talks are of conversation.py. Expectation:

    must       {rule: severity or None}        is a finding, of that severity (its last update counts)
    must_not   [rule, ...]                     is none; "tls.*" is all that begin so
    only       {rule: severity or None}        exactly these of the plugin's own rules (those of its text file)
    session    {"mailtls.verdict": value}      fields of the session record; None: absent. A list for several sessions
    says, fix  {rule: ["words", ...]}          the explanation (the fix) holds them; "!words": it does not
    shows      {rule: "part" or [parts]}       the same of its evidence
    confidence {rule: number or (low, high)}   attribution, tlsrpt {rule: "word"}
    evidence   {rule: {"side": "client"}}      one piece of evidence has these
    count      {rule: number}                  findings with different uid
    args       ["--set", "key=value", ...]     more words for the program

The public authorities are those of pki.py, others must be given in args: "x509.ca_extra=" + pki.extra(). Of every
finding it is checked that its texts are there, whole, and that it belongs to a session of the capture.
"""
import argparse
import concurrent.futures
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
sys.path.insert(0, here)
import conversation  # noqa: E402
import pki  # noqa: E402

KEYS = set("must must_not only session says shows fix confidence attribution tlsrpt evidence count args".split())
LEFT_OVER = re.compile(r"\{[a-z_]*\}|\[\[|\]\]")


def get(event, path):
    for key in path.split("."):
        event = event.get(key) if isinstance(event, dict) else None
    return event


def rules_of(path):
    """The ids that a plugin's text file has, or None."""
    plugin = os.path.basename(os.path.dirname(os.path.abspath(path)))
    texts = os.path.join(root, "src", "data", "findings", plugin + ".txt")
    if not os.path.exists(texts):
        return None
    with open(texts, encoding="utf-8") as file:
        return [line.strip()[1:-1] for line in file if line.startswith("[") and line.strip().endswith("]")]


def load(path):
    name = "cases_of_" + os.path.basename(os.path.dirname(os.path.abspath(path))).replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def analyse(program, data, words, folder, number):
    path = os.path.join(folder, f"{number}.pcap")
    with open(path, "wb") as file:
        file.write(data)
    command = [program, "-r", path, "-q", "--min-severity", "info", "--workers", "1", "--set", "x509.ca_bundle=" + pki.roots(), *words]
    environment = dict(os.environ, TZ="UTC", LC_ALL="C")
    done = subprocess.run(command, capture_output=True, timeout=300, env=environment, cwd=root, check=False)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"status {done.returncode}: {done.stderr.decode(errors='replace')[-600:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def matches(rule, pattern):
    return rule == pattern or pattern.endswith("*") and rule.startswith(pattern[:-1])


class Case:
    def __init__(self, name, want, rules):
        self.name, self.want, self.rules, self.wrong = name, want, rules, []
        for key in set(want) - KEYS:
            self.bad(f"the case has a key that nobody reads: {key!r}")

    def bad(self, text):
        self.wrong.append(text)

    def judge(self, events):
        sessions = [e for e in events if get(e, "event.dataset") == "mailtls.session"]
        found = {}
        for event in (e for e in events if get(e, "event.dataset") == "mailtls.finding"):
            self.sound(event, sessions)
            found[get(event, "mailtls.finding.uid")] = event  # the last update
        findings = list(found.values())
        by_rule = {}
        for event in findings:
            by_rule.setdefault(get(event, "rule.id"), []).append(event)
        self.severities(by_rule, self.want.get("must", {}))
        for pattern in self.want.get("must_not", []):
            for rule in by_rule:
                if matches(rule, pattern):
                    self.bad(f"{rule} must not fire: {self.told(by_rule[rule][0])}")
        if "only" in self.want:
            self.severities(by_rule, self.want["only"])
            for rule, events_of in by_rule.items():
                if rule not in self.want["only"] and (self.rules is None or rule in self.rules):
                    self.bad(f"{rule} fires too: {self.told(events_of[0])}")
        self.texts(by_rule)
        self.members(by_rule)
        self.session(sessions)
        return by_rule

    @staticmethod
    def told(event):
        return f"{get(event, 'mailtls.finding.severity')}, {get(event, 'mailtls.finding.explanation')}"

    def sound(self, event, sessions):
        rule = get(event, "rule.id")
        for member in ("rule.name", "mailtls.finding.explanation", "mailtls.finding.fix"):
            text = get(event, member)
            if not text:
                self.bad(f"{rule}: {member} is empty")
            elif isinstance(text, str) and LEFT_OVER.search(text):
                self.bad(f"{rule}: {member} holds {LEFT_OVER.search(text).group()}: {text}")
        if not get(event, "mailtls.finding.evidence"):
            self.bad(f"{rule}: no evidence")
        if sessions and get(event, "mailtls.finding.session_id") not in {get(s, "mailtls.session.id") for s in sessions}:
            self.bad(f"{rule}: its session is not in the output")

    def severities(self, by_rule, wanted):
        for rule, severity in wanted.items():
            got = [get(event, "mailtls.finding.severity") for event in by_rule.get(rule, [])]
            if not got:
                self.bad(f"{rule} does not fire (what does: {', '.join(sorted(by_rule)) or 'nothing'})")
            elif severity is not None and severity not in got:
                self.bad(f"{rule} is {' '.join(map(str, got))}, not {severity}")

    def texts(self, by_rule):
        for key, member in ("says", "mailtls.finding.explanation"), ("fix", "mailtls.finding.fix"), ("shows", "mailtls.finding.evidence"):
            for rule, parts in self.want.get(key, {}).items():
                text = " ".join(str(get(event, member)) for event in by_rule.get(rule, []))
                for part in [parts] if isinstance(parts, str) else parts:
                    absent = part.startswith("!")
                    if (part.removeprefix("!") in text) == absent:
                        self.bad(f"{rule}: {key} {'holds' if absent else 'lacks'} {part.removeprefix('!')!r}: {text}")

    def members(self, by_rule):
        for key in ("confidence", "attribution", "tlsrpt"):
            for rule, wanted in self.want.get(key, {}).items():
                low, high = wanted if isinstance(wanted, tuple) else (wanted, wanted)
                got = [get(event, f"mailtls.finding.{key}") for event in by_rule.get(rule, [])]
                if not any(one == wanted or (key == "confidence" and one is not None and low <= one <= high) for one in got):
                    self.bad(f"{rule}: {key} is {got}, not {wanted}")
        for rule, wanted in self.want.get("evidence", {}).items():
            pieces = [piece for event in by_rule.get(rule, []) for piece in get(event, "mailtls.finding.evidence") or []]
            if not any(all(piece.get(member) == value for member, value in wanted.items()) for piece in pieces):
                self.bad(f"{rule}: no evidence with {wanted} in {pieces}")
        for rule, wanted in self.want.get("count", {}).items():
            if len(by_rule.get(rule, [])) != wanted:
                self.bad(f"{rule} fires {len(by_rule.get(rule, []))} times, not {wanted}")

    def session(self, sessions):
        wanted = self.want.get("session", [])
        wanted = [wanted] if isinstance(wanted, dict) else wanted
        if wanted and len(sessions) < len(wanted):
            self.bad(f"{len(sessions)} session records, not {len(wanted)}")
        last = {}  # an open session is reported more than once
        for event in sessions:
            last[get(event, "mailtls.session.id")] = event
        in_order = sorted(last.values(), key=lambda event: get(event, "event.start"))
        for event, fields in zip(in_order, wanted):
            for path, value in fields.items():
                if get(event, path) != value:
                    self.bad(f"session: {path} is {get(event, path)!r}, not {value!r}")


def run_case(options, folder, number, rules, name, talks, want):
    case = Case(name, want, rules)
    try:
        data = conversation.capture(*(talks if isinstance(talks, (list, tuple)) else [talks]))
        if options.keep:
            with open(os.path.join(options.keep, re.sub(r"[^A-Za-z0-9._-]+", "-", name) + ".pcap"), "wb") as file:
                file.write(data)
        fired = case.judge(analyse(options.program, data, want.get("args", []), folder, number))
    except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        fired = {}
        case.bad(str(error))
    if options.show:
        case.shown = [f"    {rule}: {case.told(event)}\n      fix: {get(event, 'mailtls.finding.fix')}" for rule in fired for event in fired[rule]]
    return case, set(fired)


def run_file(options, folder, path):
    """(cases, failed, rules that fired somewhere, rules of the plugin)."""
    rules = rules_of(path)
    listed, failed, fired = [], 0, set()
    try:
        for name, talks, want in load(path).cases():
            if not options.only or options.only in name:
                listed.append((name, talks, want))
    except Exception:  # pylint: disable=broad-except
        print(f"FAIL {path}: cases() breaks off behind {listed[-1][0] if listed else 'nothing'!r}\n{traceback.format_exc()}")
        failed += 1
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        waiting = [pool.submit(run_case, options, folder, f"{os.getpid()}-{number}", rules, *case) for number, case in enumerate(listed)]
        for future in waiting:
            case, rules_fired = future.result()
            fired |= rules_fired
            if case.wrong:
                failed += 1
                print(f"FAIL {path}: {case.name}\n" + "\n".join(f"    {text}" for text in case.wrong))
            if options.show:
                print(f"  {case.name}\n" + "\n".join(case.shown))
    silent = [rule for rule in rules or [] if rule not in fired]
    if silent and not options.only:
        failed += 1
        print(f"FAIL {path}: no case makes these fire: {' '.join(silent)}")
    return len(listed), failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(root, "build", "dev", "starttap"))
    parser.add_argument("--only", help="cases whose name holds these words")
    parser.add_argument("--keep", metavar="DIR", help="keep the captures there")
    parser.add_argument("--show", action="store_true", help="print all findings with their texts")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("tests", nargs="+", metavar="test.py")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    total = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in options.tests:
            cases, failed = run_file(options, folder, path)
            total, wrong = total + cases, wrong + failed
    print(f"{total} cases, {wrong} failed")
    return 1 if wrong or not total else 0


if __name__ == "__main__":
    sys.exit(main())
