#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every key of the configuration that is not said to come later has an effect, and it is the one that its help promises."""
import os
import sys
import tempfile
from dataclasses import replace

import dialogues
from harness import Checks, arguments, events, get, packets, pcapio, root, run
from test_sessions import EHLO, GREETING, MAIL, QUIT, hellos

SECOND = 10**9
TALK = [GREETING, *EHLO, *QUIT]
CA = os.path.join(root, "tests", "unit", "x509", "data")


def handshake(kind, body):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def server_flight(certificates):
    """ServerHello of TLS 1.2 and a Certificate message (RFC 5246, 7.4), each in a record."""
    chain = b"".join(len(c).to_bytes(3, "big") + c for c in certificates)
    hello = handshake(2, b"\x03\x03" + b"r" * 32 + b"\x00" + b"\xc0\x2f" + b"\x00")
    messages = hello, handshake(11, len(chain).to_bytes(3, "big") + chain)
    return b"".join(b"\x16\x03\x03" + len(m).to_bytes(2, "big") + m for m in messages)


def tunnelled(segment, number):
    """In GRE (RFC 2784) between other addresses."""
    outer = packets.ipv4(packets.address(f"203.0.113.{number}"), packets.address("203.0.113.99"), 47,
                         b"\0\0\x08\0" + packets.ip_bytes(segment))  # fmt: skip
    return pcapio.Frame(segment.time_ns, b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + outer)


def tagged(frame, vlan):
    return pcapio.Frame(frame.time_ns, frame.data[:12] + b"\x81\x00" + vlan.to_bytes(2, "big") + frame.data[12:])


class Settings:
    def __init__(self, checks, program, folder):
        self.checks, self.program, self.path = checks, program, os.path.join(folder, "settings.pcap")
        self.tried = set()

    def read(self, frames, *settings):
        with open(self.path, "wb") as file:
            file.write(frames if isinstance(frames, bytes) else dialogues.capture(frames))
        words = [word for setting in settings for word in ("--set", setting)]
        self.tried |= {setting.split("=")[0] for setting in settings}
        found = events(self.checks, " ".join(settings) or "defaults", run(self.program, "-q", "-r", self.path, *words))
        sessions = [e for e in found if get(e, "event.dataset") == "mailtls.session"]
        stats = next((e["mailtls"]["stats"] for e in found if get(e, "event.dataset") == "mailtls.stats"), {})
        return sessions, stats, found

    def effect(self, setting, frames, value, before, after):
        """value(sessions, stats, events) is `before` by default and `after` with the setting."""
        self.checks.equal(f"without {setting}", value(*self.read(frames)), before)
        self.checks.equal(f"with {setting}", value(*self.read(frames, setting)), after)


def count(sessions, stats, found):
    return len(sessions)


def ends(sessions, stats, found):
    return [get(e, "mailtls.end.how") for e in sessions]


def check_capture(s):
    mail = dialogues.session(25, TALK)
    odd = dialogues.session(7777, [("C", b"\x01\x02\x03\x04 odd\n"), ("S", b"\x05\x06 odd\n")])
    s.effect("capture.filter=tcp port 26", mail, count, 1, 0)
    s.effect("capture.discovery=ports", dialogues.session(7025, TALK), count, 1, 0)
    s.effect("capture.ports=[25, 7777]", odd, count, 0, 1)
    s.effect("tls.all=yes", dialogues.session(4433, [("C", s.hello), ("S", s.server_hello)]), count, 0, 1)


def check_flow(s):
    whole = dialogues.session(25, TALK)
    cut = len(whole) - 7
    late = whole[:cut] + [segment.later(100 * SECOND) for segment in whole[cut:]]
    s.effect("flow.idle_timeout=60", late, lambda *all: ends(*all)[:1], ["fin"], ["timeout"])
    other = [segment.later(20 * SECOND) for segment in dialogues.session(25, TALK, 7)]
    timed_out = lambda a, stats, b: stats["flows"]["timed_out"] > 0  # noqa: E731
    s.effect("flow.opening_timeout=5", [whole[0], whole[1].later(10 * SECOND), *other], timed_out, False, True)
    reset = [*whole[:-3], replace(whole[-3], flags=packets.RST)]  # waits for stragglers; the other one ends 26 s later
    last = [segment.later(200 * SECOND) for segment in dialogues.session(25, TALK, 8)]
    s.effect("flow.closed_timeout=60", [*reset, *other, *last], ends, ["rst", "fin", "fin"], ["fin", "rst", "fin"])
    frames = [pcapio.Frame(segment.time_ns, packets.ethernet(segment)) for segment in whole]
    both = [tagged(frame, vlan) for frame in frames for vlan in (10, 20)]
    s.effect("flow.key=[vlan]", pcapio.pcap(pcapio.ETHERNET, both), count, 1, 2)
    twice = [tunnelled(segment, number) for segment in whole for number in (1, 2)]
    s.effect("flow.key=[tunnel]", pcapio.pcap(pcapio.ETHERNET, twice), count, 1, 2)
    chosen = dialogues.session(25, [GREETING, *EHLO, *MAIL, *QUIT])
    pause = [*chosen[:-7], *[segment.later(100 * SECOND) for segment in chosen[-7:]]]
    s.effect("session.report_after=10", pause, count, 1, 2)


def check_memory(s):
    """400 connections with a hole each, 24 MB behind the holes, within 16 MiB in all."""
    segments = []
    for number in range(400):
        opened = dialogues.session(25, [GREETING], number)[:5]
        last = replace(opened[4], time_ns=dialogues.START + 500 * SECOND)
        segments += [replace(segment, time_ns=dialogues.START + i) for i, segment in enumerate(opened)]
        segments += [replace(last, seq=last.seq + 1000 + 1400 * i, flags=packets.ACK, payload=b"x" * 1400) for i in range(43)]
    refused = lambda a, stats, b: stats["reassembly"]["refused"] > 0  # noqa: E731
    s.effect("flow.max_memory=16MiB", segments, refused, False, True)


def check_certificates(s):
    """Who vouches for a chain: nobody, the public bundle, or one's own authorities."""
    chain = [open(os.path.join(CA, name), "rb").read() for name in ("leaf.der", "inter.der")]
    capture = dialogues.session(465, [("C", s.hello), ("S", server_flight(chain))])
    own, other = (os.path.join(CA, name) for name in ("root.pem", "other_root.pem"))
    for settings, want in (
        (["x509.ca_bundle="], "not_verified"),
        ([f"x509.ca_bundle={other}"], "private"),
        ([f"x509.ca_bundle={own}"], "public"),
        ([f"x509.ca_bundle={other}", f"x509.ca_extra={own}"], "configured"),
        ([f"x509.ca_bundle={other}", f"x509.ca_national={own}"], "national"),
        ([f"x509.ca_bundle={own}", "x509.cache_chains=16"], "public"),
    ):
        sessions = s.read(capture, *settings)[0]
        s.checks.equal(f"anchor with {settings}", get(sessions[0], "mailtls.tls.certificates.anchor") if sessions else None, want)


def check_no_certificate(s):
    """Of what is no certificate only the hash is a fact."""
    found = s.read(dialogues.session(465, [("C", s.hello), ("S", server_flight([b"this is no certificate"]))]))[2]
    told = [e for e in found if get(e, "event.dataset") == "mailtls.certificate"]
    s.checks.equal("no certificate: events", len(told), 1)
    for e in told:
        own = get(e, "mailtls.certificate")
        s.checks.check("no certificate: nothing is made up", not {"spki_sha256", "ca", "self_signed", "days_left"} & set(own), f"{own}")


def check_policy(s):
    """What each key means in detail is in the unit tests of the policy; here that it arrives."""

    def severity(sessions, stats, found):
        return next((e["mailtls"]["finding"]["severity"] for e in found if get(e, "rule.id") == "starttls.offered_not_used"), None)

    mail = dialogues.session(25, [GREETING, *EHLO, *MAIL, *QUIT])
    both = ",".join(get(event, "ip") for event in (s.read(mail)[0][0]["source"], s.read(mail)[0][0]["destination"]))
    server = s.read(mail)[0][0]["destination"]["ip"]
    s.effect("policy.require_tls=" + server, mail, severity, "low", "medium")
    s.effect("policy.trusted_networks=" + both, mail, severity, "low", None)  # info
    s.effect("policy.mute=starttls.* server=" + server, mail, severity, "low", None)
    name = "policy.names=" + server + " mx.test.example.org"
    s.checks.equal("policy.names", severity(*s.read(mail, name, "policy.require_tls=mx.test.example.org")), "medium")
    ports = lambda a, b, found: [get(e, "rule.id") for e in found if get(e, "rule.id") == "mode.mail_on_other_port"]  # noqa: E731
    s.effect("policy.mail_ports=587", mail, ports, [], ["mode.mail_on_other_port"])
    twice = mail + [replace(x, source_port=x.source_port + 1, time_ns=x.time_ns + 60 * SECOND) if x.source_port != 25
                    else replace(x, target_port=x.target_port + 1, time_ns=x.time_ns + 60 * SECOND) for x in mail]  # fmt: skip
    findings = lambda a, b, found: sum(get(e, "rule.id") == "starttls.offered_not_used" and get(e, "mailtls.finding.update") == 0 for e in found)  # noqa: E731
    s.effect("findings.interval=30", twice, findings, 1, 2)

    chain = [open(os.path.join(CA, name), "rb").read() for name in ("leaf.der", "inter.der")]
    capture = dialogues.session(465, [("C", s.hello), ("S", server_flight(chain))])
    known = lambda a, b, found: any("cert.interception_sanctioned" in (get(e, "mailtls.notes") or []) for e in found)  # noqa: E731
    issuer = get(s.read(capture)[0][0], "mailtls.tls.certificates.chain")[1]["spki_sha256"]
    s.effect(f"policy.inspection=spki={issuer} label=The proxy", capture, known, False, True)


def check_all_tried(s):
    """A key without "not available" behind it in --dump-config is one that is tried here."""
    section, later, keys = "", False, set()
    for line in run(s.program, "--dump-config").stdout.decode().splitlines():
        text = line.strip()
        if text.startswith("#") or not text:
            later = (later or "Not available" in text) and bool(text)
            continue
        name, _, value = text.partition(":")
        if not line.startswith(" ") and not value:
            section = name + "."
            continue
        if not later:
            keys.add((section if line.startswith(" ") else "") + name)
    # test_workers.py, test_sessions.py, test_golden.py, test_budget.py, test_explain.py, test_findings.py,
    # test_metrics.py, test_output_specs.py
    elsewhere = {"workers", "flow.max_flows", "output.format", "x509.new_chains", "lists.dir", "output.min_severity", "output.user", "metrics.file", "outputs",
                 "stats.interval", "stats.first"}
    live = {"capture.ring", "capture.snaplen"}  # of an interface
    without = {"privacy.addresses", "sensor.vantage"}  # one value only; only told to detectors of others
    s.checks.equal("keys that are not tried", keys - s.tried - elsewhere - live - without, set())


def check_output(s):
    mail = dialogues.session(25, TALK)
    s.effect("sensor.name=tap-1", mail, lambda a, b, found: get(found[0], "observer.name"), None, "tap-1")
    s.effect("output.events=[stats]", mail, lambda a, b, found: len(found), 2, 1)


def main():
    options = arguments(__doc__)
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        s = Settings(checks, options.program, folder)
        s.hello, s.server_hello = hellos()
        check_capture(s)
        check_flow(s)
        check_memory(s)
        check_certificates(s)
        check_no_certificate(s)
        check_output(s)
        check_policy(s)
        check_all_tried(s)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
