# SPDX-License-Identifier: Apache-2.0
"""What holds for all findings, whatever they say: where they stand, severity, policy, silence, repetition, exit status."""
import os
import sys
import tempfile

import harness

sys.path.insert(0, os.path.join(harness.root, "tests", "tools"))
from conversation import Talk, capture  # noqa: E402

LOGIN = "auth.cleartext"


def clear_login(**more):
    """A client that logs in and sends a message in clear although TLS was offered."""
    talk = Talk(port=587, **more)
    talk.server("220 mail.example.net ESMTP Postfix\r\n")
    talk.client("EHLO pc.example.org\r\n")
    talk.server("250-mail.example.net\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
    talk.client("AUTH PLAIN AHVzZXIAQ0FOQVJZLWZpbmRpbmdz\r\n")
    talk.server("235 2.7.0 ok\r\n")
    talk.client("QUIT\r\n")
    talk.server("221 bye\r\n")
    talk.fin("client")
    return talk


def write(folder, name, talk):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(capture(talk))
    return path


def of(events, dataset):
    return [e for e in events if e["event"]["dataset"] == "mailtls." + dataset]


def rules(events):
    return sorted({e["rule"]["id"] for e in of(events, "finding")})


class Runner:
    def __init__(self, checks, program):
        self.checks, self.program = checks, program

    def __call__(self, name, *words, statuses=(0,)):
        return harness.events(self.checks, name, harness.run(self.program, *words), statuses)


def check_events(checks, run, path):
    events = run("plain", "-r", path)
    found = of(events, "finding")
    checks.check("there is a finding", LOGIN in rules(events), rules(events))
    record = of(events, "session")[0]
    checks.equal("the session lists what was found", record["mailtls"].get("findings"), rules(events))
    checks.check("notes are no findings", not set(record["mailtls"].get("notes", [])) & set(rules(events)))
    checks.check("the session stands before its findings",
                 record["event"]["sequence"] < min(e["event"]["sequence"] for e in found))
    checks.equal("ids are all different", len({e["event"]["id"] for e in events}), len(events))
    checks.equal("uids are all different", len({e["mailtls"]["finding"]["uid"] for e in found}), len(found))
    words = {"info": 10, "low": 30, "medium": 50, "high": 70, "critical": 90}
    for e in found:
        finding = e["mailtls"]["finding"]
        name = e["rule"]["id"]
        checks.equal(f"{name}: severity twice", words[finding["severity"]], e["event"]["severity"])
        checks.equal(f"{name}: first of its kind", (finding["update"], finding["count"]), (0, 1))
        checks.equal(f"{name}: session", finding["session_id"], record["mailtls"]["session"]["id"])
        checks.check(f"{name}: explained", len(finding["explanation"]) > 60 and "{" not in finding["explanation"], finding["explanation"])
        checks.check(f"{name}: how to mend it", len(finding.get("fix", "")) > 20 and "{" not in finding["fix"], finding.get("fix"))
        checks.check(f"{name}: evidence with its frame", any(x.get("frame") for x in finding["evidence"]), finding["evidence"])
    return events


def check_severity(checks, run, path, events):
    everything = run("info too", "-r", path, "--min-severity", "info")
    checks.equal("--min-severity info writes the notes as findings",
                 set(rules(everything)), set(rules(events)) | set(of(events, "session")[0]["mailtls"].get("notes", [])))
    high = run("high only", "-r", path, "--min-severity", "high")
    checks.equal("--min-severity high", rules(high), sorted({e["rule"]["id"] for e in of(events, "finding") if e["event"]["severity"] >= 70}))
    checks.equal("the session still lists all", of(high, "session")[0]["mailtls"]["findings"], of(events, "session")[0]["mailtls"]["findings"])
    run("--fail-on critical", "-r", path, "--fail-on", "critical", statuses=(3,))
    stats = of(events, "stats")[0]["mailtls"]["stats"]["findings"]
    for word, number in (("low", 30), ("medium", 50), ("high", 70), ("critical", 90)):
        checks.equal(f"stats count {word}", stats[word], sum(e["event"]["severity"] == number for e in of(events, "finding")))


def check_policy(checks, run, path, events):
    before = {e["rule"]["id"]: e["event"]["severity"] for e in of(events, "finding")}
    trusted = run("trusted", "-r", path, "--min-severity", "info", "--set", "policy.trusted_networks=192.0.2.0/24;198.51.100.0/24")
    after = {e["rule"]["id"]: e["event"]["severity"] for e in of(trusted, "finding")}
    checks.check("trusted networks: a step less", all(after[r] == max(10, s - 20) for r, s in before.items()), (before, after))
    half = run("half trusted", "-r", path, "--set", "policy.trusted_networks=192.0.2.0/24")
    checks.equal("one end trusted changes nothing", rules(half), rules(events))
    muted = run("muted", "-r", path, "--set", f"policy.mute={LOGIN}")
    checks.equal("muted", rules(muted), [r for r in rules(events) if r != LOGIN])
    checks.check("a muted finding is not listed", LOGIN not in of(muted, "session")[0]["mailtls"]["findings"])
    elsewhere = run("muted elsewhere", "-r", path, "--set", f"policy.mute={LOGIN} server=203.0.113.9")
    checks.equal("muted for another server", rules(elsewhere), rules(events))
    quiet = run("muted with exit status", "-r", path, "--set", "policy.mute=*", "--fail-on", "low")
    checks.equal("all muted", rules(quiet), [])


def check_repetition(checks, run, folder):
    start = 1_795_000_000
    talks = [clear_login(start=start + 60 * i, client_port=40000 + i) for i in range(5)]
    path = write(folder, "five.pcap", talks[0])
    paths = [path] + [write(folder, f"five{i}.pcap", talk) for i, talk in enumerate(talks[1:])]
    events = run("five times", "-r", *paths)
    mine = [e for e in of(events, "finding") if e["rule"]["id"] == LOGIN]
    checks.equal("the first and one update", [(e["mailtls"]["finding"]["update"], e["mailtls"]["finding"]["count"]) for e in mine], [(0, 1), (1, 5)])
    if len(mine) == 2:
        checks.equal("the same uid", mine[0]["mailtls"]["finding"]["uid"], mine[1]["mailtls"]["finding"]["uid"])
        checks.check("another event id", mine[0]["event"]["id"] != mine[1]["event"]["id"])
    checks.check("each session lists it", all(LOGIN in e["mailtls"]["findings"] for e in of(events, "session")) and len(of(events, "session")) == 5)
    every = run("no interval", "-r", *paths, "--set", "findings.interval=0")
    checks.equal("interval 0: each one", sum(e["rule"]["id"] == LOGIN for e in of(every, "finding")), 5)
    outputs = {harness.run(run.program, "-r", *paths, "--workers", w).stdout for w in ("1", "2", "3")}
    checks.equal("the number of workers changes nothing", len(outputs), 1)


def main():
    options = harness.arguments(__doc__)
    checks = harness.Checks()
    run = Runner(checks, options.program)
    with tempfile.TemporaryDirectory() as folder:
        path = write(folder, "login.pcap", clear_login())
        events = check_events(checks, run, path)
        check_severity(checks, run, path, events)
        check_policy(checks, run, path, events)
        check_repetition(checks, run, folder)
        loop = write(folder, "loop.pcap", clear_login(client="127.0.0.1", server="127.0.0.1"))
        checks.equal("on loopback nothing is more than information", rules(run("loopback", "-r", loop)), [])
    return checks.finish()


if __name__ == "__main__":
    raise SystemExit(main())
