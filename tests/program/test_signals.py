# SPDX-License-Identifier: Apache-2.0
"""Signals: SIGHUP opens files again and reads everything anew without losing a packet, SIGUSR1 writes counters, SIGTERM ends.

In a network namespace of its own, a pair of interfaces: written dialogues are sent into one end and watched at the other.
"""
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import termios
import time

import dialogues
import harness
from harness import PATIENCE, get, packets
from json_schema import violations
from line import Line, make_pair
from test_sessions import hellos
from test_settings import CA, server_flight

LINE, TAP = "line0", "tap0"
LOGIN = ["S: 220 mail.example.net ESMTP", "C: EHLO pc.example.org", ("S", b"250-mail.example.net\r\n250 AUTH PLAIN\r\n"),
         "C: AUTH PLAIN AHVzZXIAQ0FOQVJZLXNpZ25hbHM=", "S: 235 2.7.0 ok", "C: QUIT", "S: 221 bye"]  # fmt: skip
RULE = "auth.cleartext"
BASE = """x509:
  ca_bundle: %s
findings:
  interval: 0
stats:
  interval: 0
  first: 1
metrics:
  file: %s
"""


class Sensor:
    def __init__(self, checks, program, folder):
        self.checks, self.folder, self.number = checks, folder, 0
        self.out, self.err, self.config = (os.path.join(folder, name) for name in ("out.jsonl", "err.txt", "c.yaml"))
        self.metrics = os.path.join(folder, "m.prom")
        self.base = BASE % (os.path.join(CA, "other_root.pem"), self.metrics)
        self.hello, _ = hellos()
        self.write(self.base)
        self.line = Line(LINE, TAP)
        words = [program, "-v", "-i", TAP, "-c", self.config, "-o", "file:" + self.out, "--set", "sensor.name=tap-1", "--workers", "2"]
        self.process = harness.start_watching(words, self.err, cwd=harness.root)

    def write(self, text):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def said(self):
        with open(self.err, encoding="utf-8") as f:
            return f.read()

    def events(self, path=None):
        with open(path or self.out, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def wait(self, name, good):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if good():
                return self.checks.check(name, True)
            time.sleep(0.02)
        return self.checks.check(name, False, f"status {self.process.poll()}, {self.said()[-600:]}")

    def send(self, port=25, lines=LOGIN):
        """One more session; its client's port."""
        self.number += 1
        for segment in dialogues.session(port, lines, self.number):
            self.line.send(packets.ethernet(segment))
        return 40000 + self.number

    def of(self, client, dataset):
        """Session records of a client's port, or findings of our rule."""
        return [e for e in self.events() if get(e, "source.port") == client and get(e, "event.dataset") == "mailtls." + dataset
                and (dataset == "session" or get(e, "rule.id") == RULE)]  # fmt: skip

    def session(self, name, **how):
        """Sends one and returns (its record, the severity of its finding)."""
        client = self.send(**how)
        if not self.wait(f"{name}: a record", lambda: self.of(client, "session")):
            return {}, None
        found = self.of(client, "finding")
        return self.of(client, "session")[-1], get(found[-1], "mailtls.finding.severity") if found else None

    def hang_up(self, name, word):
        """SIGHUP, and what is to be said about it."""
        before = len(self.said())
        self.process.send_signal(signal.SIGHUP)
        self.wait(f"{name}: \"{word}\" is said", lambda: word in self.said()[before:])
        return self.said()[before:]


IN_FORCE, STAYS = "are in force", "the configuration in force stays"


def check_policy(s):
    trusted = s.base + "policy:\n  trusted_networks: [198.51.100.0/24, 192.0.2.0/24]\n"
    s.checks.equal("a finding", s.session("start")[1], "critical")
    s.write(trusted)
    s.hang_up("another policy", IN_FORCE)
    s.checks.equal("a finding by another policy", s.session("trusted")[1], "high")
    s.write(trusted + "polcy:\n  mute: []\n")
    said = s.hang_up("a bad key", STAYS)
    s.checks.check("a bad key: file and line", f"{s.config}:{trusted.count(chr(10)) + 1}:1: there is no key" in said, said)
    s.write(trusted + "  mute:\n    - \"auth.* server=nowhere/99\"\n")
    said = s.hang_up("a bad text", STAYS)
    s.checks.check("a bad text: file and line", f"{s.config}:{trusted.count(chr(10)) + 2}:" in said, said)
    below = trusted.count(chr(10)) + 1
    for name, text, line, key in (("a bad filter", "capture.filter: tcp prot 25\n", below, "capture.filter"),
                                  ("no lists", "lists:\n  dir: /nowhere/at/all\n", below + 1, "lists.dir"),
                                  ("no authorities", "x509.ca_extra: /nowhere/at/all.pem\n", below, "x509.ca_extra")):  # fmt: skip
        s.write(trusted + text)
        said = s.hang_up(name, STAYS)
        s.checks.check(f"{name}: file and line", re.search(f"{re.escape(s.config)}:{line}:[0-9]+: {key} is set there", said), said)
        s.checks.check(f"{name}: named", name == "a bad filter" or "/nowhere/at/all" in said, said)
    s.checks.equal("the former policy stays", s.session("still trusted")[1], "high")
    s.write(s.base + "capture:\n  ring: 32MiB\nsensor:\n  name: other\n")
    said = s.hang_up("what has to wait", IN_FORCE)
    s.checks.check("what has to wait is named", "capture.ring was changed: that takes effect at the next start" in said, said)
    s.checks.check("what the command line says wins", "sensor.name" not in said, said)
    record, severity = s.session("policy taken back")
    s.checks.equal("policy taken back", (severity, get(record, "observer.name")), ("critical", "tap-1"))


def check_lists(s):
    lists = os.path.join(s.folder, "lists")
    os.makedirs(os.path.join(lists, "findings"))
    with open(os.path.join(harness.root, "src", "data", "findings", "exposure.txt"), encoding="utf-8") as f:
        text = f.read()
    with open(os.path.join(lists, "findings", "exposure.txt"), "w", encoding="utf-8") as f:
        f.write(text.replace("name: Login without encryption", "name: Somebody shouted a password"))
    s.write(s.base + f"lists:\n  dir: {lists}\n")
    s.hang_up("lists", IN_FORCE)
    client = s.send()
    s.wait("lists: the words of the new ones", lambda: [get(e, "rule.name") for e in s.of(client, "finding")] == ["Somebody shouted a password"])
    s.write(s.base)
    s.hang_up("lists taken back", IN_FORCE)


def check_authorities(s):
    chain = [open(os.path.join(CA, name), "rb").read() for name in ("leaf.der", "inter.der")]
    talk = [("C", s.hello), ("S", server_flight(chain))]
    own = os.path.join(s.folder, "own.pem")
    anchor = lambda name: get(s.session(name, port=465, lines=talk)[0], "mailtls.tls.certificates.anchor")  # noqa: E731
    with open(own, "wb") as f:
        f.write(open(os.path.join(CA, "old_root.pem"), "rb").read())
    s.write(s.base + f"x509.ca_extra: {own}\n")
    s.hang_up("authorities", IN_FORCE)
    s.checks.equal("an authority that is not known", anchor("before"), "private")
    with open(own, "ab") as f:
        f.write(open(os.path.join(CA, "root.pem"), "rb").read())
    s.hang_up("the file of authorities changed", IN_FORCE)
    s.checks.equal("and now it is", anchor("after"), "configured")


def check_counters(s):
    stats = lambda: [e for e in s.events() if get(e, "event.dataset") == "mailtls.stats"]  # noqa: E731
    os.unlink(s.metrics)
    s.checks.equal("no counters unasked", len(stats()), 0)
    s.process.send_signal(signal.SIGUSR1)
    if not s.wait("SIGUSR1: counters", lambda: len(stats()) == 1):
        return
    event = stats()[0]
    s.checks.equal("the interface is named", get(event, "observer.ingress.interface.name"), TAP)
    s.checks.equal("the sensor is named", get(event, "observer.name"), "tap-1")
    s.checks.equal("sessions so far", get(event, "mailtls.stats.sessions.records"), s.number)
    s.checks.check("how long it has been running", get(event, "mailtls.stats.uptime_s") >= 0, event)
    s.checks.equal("from when to when", event["@timestamp"], get(event, "event.end"))
    s.checks.check("from when to when", get(event, "event.start") < min(get(e, "event.start") for e in s.events() if get(e, "source")), event)
    s.wait("SIGUSR1: metrics", lambda: os.path.exists(s.metrics))
    with open(s.metrics, encoding="ascii") as f:
        s.checks.check("metrics hold the same", f"starttap_capture_packets_total {get(event, 'mailtls.stats.capture.packets')}\n" in f.read())
    s.write(s.base.replace("interval: 0\n  first", "interval: 1\n  first"))
    s.hang_up("an interval", IN_FORCE)
    s.wait("counters at an interval", lambda: len(stats()) >= 3)
    s.write(s.base)
    s.hang_up("an interval taken back", IN_FORCE)


def check_rotation(s):
    s.session("before rotation")
    moved = s.out + ".1"
    os.rename(s.out, moved)
    with open(s.out, "w", encoding="ascii"):  # logrotate's "create"
        pass
    s.hang_up("rotation", IN_FORCE)
    s.checks.check("the new file is written", s.session("after rotation")[0])
    before, after = s.events(moved), s.events()
    sequence = [get(e, "event.sequence") for e in before + after]
    s.checks.equal("none is lost between the two", sequence, list(range(1, len(sequence) + 1)))


def check_many(s):
    """SIGHUP upon SIGHUP during traffic: every session is told."""
    begin = s.number
    for number in range(300):
        s.send()
        if number % 10 == 0:
            s.process.send_signal(signal.SIGHUP)
        time.sleep(0.002)
    s.wait("many: every session is told once", lambda: sorted(get(e, "source.port") for e in s.events() if get(e, "event.dataset") == "mailtls.session"
           and get(e, "source.port") > 40000 + begin) == list(range(40000 + begin + 1, 40000 + s.number + 1)))  # fmt: skip


def check_end(s):
    s.process.send_signal(signal.SIGTERM)
    s.checks.equal("SIGTERM: status", s.process.wait(PATIENCE), 0)
    events = s.events()
    stats = [e for e in events if get(e, "event.dataset") == "mailtls.stats"]
    if not s.checks.check("counters come last", stats and events[-1] == stats[-1], len(events)):
        return
    counted = get(stats[-1], "mailtls.stats.capture")
    s.checks.equal("no packet is lost", (counted["packets"], counted["kernel_drops"]), (counted["kernel_passed"], 0))
    s.checks.equal("every session is counted", get(stats[-1], "mailtls.stats.sessions.records"), s.number)
    with open(os.path.join(harness.root, "src", "event", "schema.json"), encoding="utf-8") as f:
        schema = json.load(f)
    for event in stats:
        s.checks.equal("counters hold to the schema", violations(schema, event), [])
    said = s.said()
    s.checks.check("the first moments", f"starttap: {TAP}, the first 1 seconds: " in said and "no packets at all" in said, said)
    s.checks.check("no accident", "Sanitizer" not in said and "CANARY" not in said, said[-2000:])


def check_files(checks, program, folder):
    """From a pipe: SIGHUP only opens the output again, and never ends the run."""
    out = os.path.join(folder, "file.jsonl")
    capture = dialogues.capture([segment for number in range(2) for segment in dialogues.session(25, LOGIN, number)])
    process = subprocess.Popen([program, "-r", "-", "-o", "file:" + out], stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=harness.root)
    process.stdin.write(capture[: len(capture) // 2])
    process.stdin.flush()
    harness.wait_until(lambda: os.path.exists(out))
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.1)
    process.stdin.write(capture[len(capture) // 2 :])
    _, err = process.communicate(timeout=PATIENCE)
    checks.equal("files: SIGHUP does not end it", (process.returncode, b"error" in err), (0, False))
    with open(out, encoding="utf-8") as f:
        found = [json.loads(line) for line in f]
    checks.equal("files: all is told", len([e for e in found if get(e, "event.dataset") == "mailtls.session"]), 2)


def check_second(checks, program, captures):
    """A receiver that takes nothing: the first SIGTERM waits for it, the second one, of another kind, does not."""
    process = subprocess.Popen([program, "-r", *captures * 4, "--workers", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=harness.root)
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    waiting, before = bytearray(4), -1
    while int.from_bytes(waiting, sys.byteorder) != before or before == 0:  # until the pipe takes nothing more
        before = int.from_bytes(waiting, sys.byteorder)
        time.sleep(0.5)
        fcntl.ioctl(process.stdout, termios.FIONREAD, waiting)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(1)
        checks.check("the first SIGTERM waits", False, process.returncode)
    except subprocess.TimeoutExpired:
        pass
    process.send_signal(signal.SIGINT)
    try:
        checks.equal("the second signal ends it at once", process.wait(PATIENCE), -signal.SIGINT)
    except subprocess.TimeoutExpired:
        checks.check("the second signal ends it at once", False)
    finally:
        process.kill()
        process.communicate()


def inside(options):
    checks = harness.Checks()
    make_pair(LINE, TAP)
    with tempfile.TemporaryDirectory() as folder:
        s = Sensor(checks, options.program, folder)
        try:
            s.wait("the first moments", lambda: "the first 1 seconds" in s.said())
            for check in check_policy, check_lists, check_authorities, check_counters, check_rotation, check_many, check_end:
                if s.process.poll() is None:
                    check(s)
        finally:
            checks.check("it lived until it was told", s.process.poll() is not None, s.said()[-1000:])
            s.process.kill()
            s.process.wait()
        check_files(checks, options.program, folder)
        check_second(checks, options.program, options.captures)
    return checks.finish()


def main():
    options = harness.arguments(__doc__, every=True, more=lambda p: p.add_argument("--inside", action="store_true", help="already in a network namespace of its own"))
    if options.inside:
        return inside(options)
    words = [sys.executable, os.path.abspath(__file__), "--program", options.program, "--inside", *options.captures]
    for prefix in (["unshare", "--net", "--mount"], ["unshare", "--user", "--map-root-user", "--net", "--mount"]):
        probe = [*prefix, "ip", "link", "add", LINE, "type", "veth", "peer", "name", TAP]
        try:
            if subprocess.run(probe, capture_output=True).returncode == 0:
                return subprocess.run([*prefix, *words]).returncode
        except OSError:
            continue
    print("skipped: no network namespace with a pair of interfaces can be made here (needs root or user namespaces, unshare and ip)")
    return 77


if __name__ == "__main__":
    raise SystemExit(main())
