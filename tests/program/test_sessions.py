#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a session's record says of dialogues that are written here: one final record a connection, with facts that do not
contradict each other. TLS where none was agreed, clear text where TLS was agreed, proxies, halves, long sessions, hostile words.
"""
import os
import struct
import sys
import tempfile

import dialogues
from harness import Checks, arguments, events, get, packets, pcapio, run, samples

GREETING = "S: 220 mx.example.net ESMTP Postfix"
EHLO = ["C: EHLO client.example.org", "S: 250-mx.example.net", "S: 250 STARTTLS"]
GO = ["C: STARTTLS", "S: 220 go ahead"]
MAIL = ["C: MAIL FROM:<a@example.org>", "S: 250 ok"]
QUIT = ["C: QUIT", "S: 221 bye"]
FATAL = b"\x15\x03\x03\x00\x02\x02\x28"  # alert handshake_failure
V1 = b"PROXY TCP4 203.0.113.9 192.0.2.1 5555 25\r\n"
V2 = bytes.fromhex("0d0a0d0a000d0a515549540a2111000c") + bytes([203, 0, 113, 9, 192, 0, 2, 1]) + struct.pack(">HH", 5555, 25)
LATER = 400 * 10**9


def hellos():
    """A ClientHello and a ServerHello as real software sends them, out of the samples."""
    found = {}
    path = next(path for path in samples() if "smtp-starttls-tls13" in path)
    link, frames = pcapio.read(path)
    for frame in frames:
        s = packets.parse(link, frame)
        payload = getattr(s, "payload", b"")
        if payload[:1] == b"\x16":
            found.setdefault(payload[5], payload)
    return found[1], found[2]


def connect(port):
    answer = b"\x05\x00\x00\x01" + bytes(6)
    asked = b"\x05\x01\x00\x03\x0bmx.test.net" + struct.pack(">H", port)
    return [("C", b"\x05\x01\x00"), ("S", b"\x05\x00"), ("C", asked), ("S", answer)]


class Player:
    def __init__(self, checks, program, folder):
        self.checks, self.program, self.path = checks, program, os.path.join(folder, "played.pcap")

    def records(self, name, segments, *words):
        pcap = dialogues.capture(segments)
        with open(self.path, "wb") as file:
            file.write(pcap)
        return events(self.checks, name, run(self.program, "-q", "-r", self.path, "--events", "session", *words))

    def one(self, name, segments, **wants):
        """The only record; wants are dotted paths with __ for the dot, below mailtls unless they begin with a capital."""
        records = self.records(name, segments)
        self.checks.equal(f"{name}: one record", len(records), 1)
        for path, want in wants.items() if records else ():
            path = path.replace("__", ".")
            path = path[0].lower() + path[1:] if path[0].isupper() else "mailtls." + path
            self.checks.equal(f"{name}: {path}", get(records[0], path), want)


def check_tls_in_odd_places(play, hello, server_hello):
    session = dialogues.session
    play.one("hello on a STARTTLS port, greeting as the answer", session(587, [("C", hello), GREETING]), mode="plaintext",
             verdict="failed", role="submission", Event__outcome="failure", Network__protocol="smtp", Tls__established=False,
             banner__host="mx.example.net", starttls={"requested": False})  # fmt: skip
    play.one("hello after the greeting, reply in clear", session(25, [GREETING, ("C", hello), "S: 500 what?"]),
             mode="plaintext", verdict="failed", Event__outcome="failure")  # fmt: skip
    failed = [GREETING, *EHLO, *GO, ("C", hello), ("S", FATAL)]
    play.one("TLS failed", session(25, failed), mode="starttls", verdict="failed", Event__outcome="failure",
             starttls={"offered": True, "requested": True, "accepted": True, "reply": "220"})  # fmt: skip
    play.one("TLS failed, clear text went on", session(25, failed + EHLO + MAIL), mode="mixed", verdict="exposed",
             Event__outcome="failure", starttls__accepted=True)  # fmt: skip
    play.one("TLS was agreed and never began", session(25, [GREETING, *EHLO, *GO, *MAIL]), mode="mixed", verdict="exposed",
             Event__outcome="failure", starttls__accepted=True)  # fmt: skip
    play.one("TLS was agreed and given up", session(25, [GREETING, *EHLO, *GO, *QUIT]), mode="plaintext", verdict="failed",
             Event__outcome="failure")  # fmt: skip
    play.one("implicit TLS that stops", session(465, [("C", hello), ("S", server_hello)]), mode="implicit", verdict="failed",
             Network__protocol="tls", role="submission", starttls=None)  # fmt: skip


def check_proxies(play, hello, server_hello):
    session = dialogues.session
    for name, header in (("v1", V1), ("v2", V2)):
        want = {"Client__ip": "203.0.113.9", "Source__ip": "198.51.100.77"}
        play.one(f"PROXY {name}", session(25, [("C", header), GREETING, *EHLO, *QUIT]), mode="plaintext", **want)
        octets = [("C", header[i : i + 1]) for i in range(len(header))]
        play.one(f"PROXY {name} in octets", session(25, [*octets, GREETING, *EHLO, *QUIT]), Network__protocol="smtp", **want)
        play.one(f"PROXY {name} before TLS", session(465, [("C", header + hello), ("S", server_hello)]), mode="implicit", **want)
    for word in (b":::.:::", b"1.2.3.999", b"dead.beef", b"1.2.3.4.5"):
        header = b"PROXY TCP4 " + word + b" 192.0.2.1 5555 25\r\n"
        play.one(f"PROXY with {word!r}", session(25, [("C", header), GREETING, *EHLO]), Client=None, Network__protocol="smtp")
    play.one("SOCKS to 587", session(1080, [*connect(587), GREETING, *EHLO, *QUIT]), role="submission",
             capture__via=["socks5"], Destination__port=1080)  # fmt: skip
    play.one("SOCKS to 993", session(1080, [*connect(993), ("C", hello), ("S", server_hello)]), role="access",
             mode="implicit", capture__via=["socks5"])  # fmt: skip
    http = [("C", b"CONNECT mail.test:25 HTTP/1.1\r\nHost: a\r\n\r\n"), ("S", b"HTTP/1.0 200 fine\r\n\r\n")]
    play.one("CONNECT to 25", session(3128, [*http, GREETING, *EHLO, *QUIT]), role="mx", capture__via=["http-connect"])


def check_halves(play, hello, server_hello):
    both = dialogues.session(25, [GREETING, *EHLO, *GO, ("C", hello), ("S", server_hello)])
    play.one("both", both, end={"how": "fin", "side": "client"}, capture__complete=True)
    for side, half in (("client", [s for s in both if s.target_port == 25]), ("server", [s for s in both if s.source_port == 25])):
        play.one(f"{side}'s half", half, capture__sides=side, capture__complete=False, end={"how": "fin"}, verdict="unknown",
                 Event__outcome="unknown")  # fmt: skip
    ends = {"capture__complete": False, "end": {"how": "capture_end"}}
    play.one("ends after the greeting", dialogues.session(25, [GREETING])[:-3], starttls=None, **ends)
    play.one("ends after the offer", dialogues.session(25, [GREETING, *EHLO])[:-3], starttls={"offered": True}, **ends)
    play.one("ends after mail in clear", dialogues.session(25, [GREETING, *EHLO, *MAIL])[:-3],
             starttls={"offered": True, "requested": False}, **ends)  # fmt: skip
    # The greeting (fourth packet) is lost: the next reply may quote anything and is no banner.
    for port, lines in ((25, [GREETING, "C: NOOP", "S: 250 mx.example.org said", "C: QUIT", "S: 221 mx.example.org bye"]),
                        (110, ["S: +OK ready", "C: STLS", "S: +OK Begin TLS negotiation now", "C: QUIT", "S: +OK bye"])):
        cut = dialogues.session(port, lines)
        play.one(f"lost greeting on {port}", cut[:3] + cut[4:], banner=None)
    play.checks.equal("no data, no record", play.records("no data", dialogues.session(25, [])), [])


def check_long(play):
    """Reported once before its end, 300 s after its fate was known, and the final record is its heir."""
    whole = dialogues.session(25, [GREETING, *EHLO, *MAIL, *QUIT])
    cut = len(whole) - 7
    segments = whole[:cut] + [s.later(LATER) for s in whole[cut:]]
    for workers in ("1", "3"):
        records = play.records("long", segments, "--workers", workers)
        play.checks.equal("long: records", [get(r, "mailtls.open") for r in records], [True, None])
        play.checks.equal("long: type", ["end" in get(r, "event.type") for r in records], [False, True])
        play.checks.equal("long: one session", len({get(r, "mailtls.session.id") for r in records}), 1)
        play.checks.equal("long: two events", len({get(r, "event.id") for r in records}), 2)
        play.checks.equal("long: complete", [get(r, "mailtls.capture.complete") for r in records], [False, True])
        play.checks.equal("long: end", [get(r, "mailtls.end.how") for r in records], [None, "fin"])
    late = [s for s in segments if s.source_port != 25 or s.time_ns > dialogues.START + LATER][3:]  # the server is seen later
    records = play.records("server seen late", late)
    play.checks.equal("server seen late: records", [get(r, "mailtls.open") for r in records], [True, None])
    play.checks.equal("server seen late: sides", [get(r, "mailtls.capture.sides") for r in records], ["client", "both"])
    play.checks.equal("server seen late: one session", len({get(r, "mailtls.session.id") for r in records}), 1)
    for after, count in (("10s", 2), ("500s", 1)):
        records = play.records(f"long, {after}", segments, "--set", f"session.report_after={after}")
        play.checks.equal(f"long: with {after}", len(records), count)


def check_crowd(play, hello, server_hello):
    """Many connections, a table that is too small for them: one record each, the same for any number of workers."""
    segments = []
    for number in range(300):
        lines = [GREETING, *EHLO, *GO, ("C", hello), ("S", server_hello)] if number % 2 else [GREETING, *EHLO, *MAIL, *QUIT]
        spread = dialogues.session(25, lines, number)
        segments += [s.later(-number * 990 * 10**6) for s in spread]
    for words in ((), ("--set", "flow.max_flows=64")):
        runs = [play.records("crowd", segments, "--workers", str(workers), *words) for workers in (1, 2, 3, 8)]
        ids = [get(r, "mailtls.session.id") for r in runs[0]]
        evicted = [r for r in runs[0] if get(r, "mailtls.end.how") == "evicted"]
        play.checks.check(f"crowd {words}: evicted", bool(evicted) == bool(words), f"{len(evicted)}")
        play.checks.check(f"crowd {words}: records", len(set(ids)) == len(ids) == 300 or bool(words), f"{len(set(ids))} {len(ids)}")
        for workers, other in zip((2, 3, 8), runs[1:]):
            play.checks.check(f"crowd {words}: {workers} workers", other == runs[0])


def check_words(play, folder):
    """Whatever stands in a banner, a file's name or the sensor's: the output is JSON in UTF-8."""
    hostile = b"220 m\x00\x1b[31m\xff\xfe\"\\\xc3( ESMTP \x7f\r\n"
    lines = [("S", hostile), ("C", b'EHLO "\\\xff\x1b]0;x\x07\r\n'), ("S", b"250-x\r\n250-ST\xffARTTLS\"\r\n250 AUTH PLA\x00IN\r\n")]
    path = os.path.join(os.fsencode(folder), b'b\xff\xfe"\x1b.pcap')
    with open(path, "wb") as file:
        file.write(dialogues.capture(dialogues.session(25, [*lines, *QUIT])))
    for words in ((), ("--format", "text")):
        process = run(play.program, "-q", "-r", os.fsdecode(path), "--set", os.fsdecode(b"sensor.name=a\xff\x01b"), *words)
        play.checks.equal(f"hostile words {words}: status", process.returncode, 0)
        try:
            process.stdout.decode()
            good = True
        except UnicodeDecodeError:
            good = False
        play.checks.check(f"hostile words {words}: UTF-8", good and b"\x1b" not in process.stdout, f"{process.stdout[:200]!r}")
    found = events(play.checks, "hostile words", run(play.program, "-q", "-r", os.fsdecode(path)))
    play.checks.check("hostile words: file", found and str(get(found[0], "mailtls.capture.file")).endswith('.pcap'), f"{found[:1]}")


def check_stats_ids(play):
    """Runs over different captures are different events, over the same the same one."""
    ids = []
    for lines in ([GREETING, *QUIT], [GREETING, *EHLO, *QUIT], [GREETING, *QUIT]):
        with open(play.path, "wb") as file:
            file.write(dialogues.capture(dialogues.session(25, lines)))
        found = events(play.checks, "stats", run(play.program, "-q", "-r", play.path, "--events", "stats"))
        ids.append(get(found[0], "event.id") if found else None)
    play.checks.check("stats: ids", ids[0] == ids[2] != ids[1], f"{ids}")


def main():
    options = arguments(__doc__)
    checks = Checks()
    hello, server_hello = hellos()
    with tempfile.TemporaryDirectory() as folder:
        play = Player(checks, options.program, folder)
        check_tls_in_odd_places(play, hello, server_hello)
        check_proxies(play, hello, server_hello)
        check_halves(play, hello, server_hello)
        check_long(play)
        check_crowd(play, hello, server_hello)
        check_words(play, folder)
        check_stats_ids(play)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
