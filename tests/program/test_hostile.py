#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is sent to hurt the tap costs a bounded amount of memory (design, invariant 7), ends, and is counted.

Each case makes a capture, runs the program on it and checks: it ends by itself with status 0, its peak memory stays below
what src/base/limits.h and the configuration allow, the counters of mailtls.stats account for every packet, and an honest
session in the midst of it all is still reported. --scale 1 is the full size (a million SYNs); tests run a twentieth.
--figures prints peak memory, processor time and packets a second of each case.
"""
import itertools
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

from harness import Checks, arguments, get, pcapio, root
from packets import ACK, FIN, PSH, SYN

START = 1_790_000_000 * 10**9
SECOND = 10**9
MIB = 1 << 20
TIMEOUT = 600
BASE = 96 * MIB  # the program itself: code, libraries, buffers of the reader, tables that stay
FLOW = 2048  # bytes of one connection without data, with its share of the tables
# What runs in the same file as the attack and must come out of it.
HONEST = [(1, b"220 mx.example.org ESMTP\r\n"), (0, b"EHLO a.example.org\r\n"), (1, b"250 mx.example.org\r\n"), (0, b"QUIT\r\n")]


def tcp(source, target, source_port, target_port, seq, ack, flags, payload=b""):
    """An Ethernet frame, quickly: no checksum is made, as with offloading (a tap uses such bytes)."""
    head = struct.pack(">HHIIBBHHH", source_port, target_port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 0xFFFF, 0, 0)
    return ipv4(source, target, 6, head + payload)


def ipv4(source, target, protocol, payload, ident=0, fragment=0):
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0, source, target)
    return bytes(12) + b"\x08\x00" + head + payload


class Writer:
    """A capture file, written frame by frame; time goes on by `step` a frame. An honest session comes after `before` frames."""

    def __init__(self, path, step, before):
        self.file = open(path, "wb")
        self.file.write(pcapio.pcap(pcapio.ETHERNET, []))
        self.time, self.step, self.count, self.before = START, step, 0, before

    def add(self, frame):
        if self.count == self.before:
            self.before = None
            self.honest()
        seconds, rest = divmod(self.time, SECOND)
        self.file.write(struct.pack("<IIII", seconds, rest // 1000, len(frame), len(frame)) + frame)
        self.time += self.step
        self.count += 1

    def opened(self, client, port, server, server_port=25):
        """A handshake; returns what the first bytes of both sides need."""
        self.add(tcp(client, server, port, server_port, 999, 0, SYN))
        self.add(tcp(server, client, server_port, port, 4999, 1000, SYN | ACK))
        self.add(tcp(client, server, port, server_port, 1000, 5000, ACK))

    def honest(self):
        client, server, at = 0x0AFF0001, 0x0AFF0002, [1000, 5000]
        self.opened(client, 40000, server)
        for side, text in HONEST:
            ends = (server, client, 25, 40000) if side else (client, server, 40000, 25)
            self.add(tcp(*ends, at[side], at[1 - side], ACK | PSH, text))
            at[side] += len(text)
        self.add(tcp(client, server, 40000, 25, at[0], at[1], ACK | FIN))
        self.add(tcp(server, client, 25, 40000, at[1], at[0] + 1, ACK | FIN))
        self.add(tcp(client, server, 40000, 25, at[0] + 1, at[1] + 1, ACK))


def syns(out, n, rng):
    """SYNs from everywhere, never answered, within the time an attempt is remembered."""
    out.step = 20 * SECOND // n
    for _ in range(n):
        out.add(tcp(rng.getrandbits(32), 0x0A000001, rng.getrandbits(16), 25, rng.getrandbits(32), 0, SYN))


def similar_keys(out, n, _rng):
    """SYNs whose addresses and ports differ such that any sum or exclusive or of them is the same."""
    out.step = 20 * SECOND // n
    for i in range(n):
        out.add(tcp(0x0A000000 ^ i, 0x0B000000 ^ i, 1024 + i % 50000, 25, i, 0, SYN))


def many_tunnels(out, n, rng):
    """The same inner addresses in ever other GRE tunnels: each is a tenant of its own, with an equal key."""
    out.step = 20 * SECOND // n
    for i in range(n):
        inner = tcp(0x0A000002, 0x0A000001, 40000, 25, rng.getrandbits(32), 0, SYN)[14:]
        out.add(ipv4(0xC0000000 + i, 0xC6336401, 47, struct.pack(">HH", 0, 0x0800) + inner))


def half_open(out, n, rng):
    """One packet each of connections whose beginning was not seen, on a mail port."""
    out.step = 20 * SECOND // n
    for i in range(n):
        text = b"EHLO x\r\n" if i % 2 else rng.randbytes(20)
        out.add(tcp(rng.getrandbits(32), 0x0A000001, rng.getrandbits(16), 25, rng.getrandbits(32), 5000, ACK, text))


def single_bytes(out, n, _rng):
    """One connection whose sides send a byte a segment."""
    client, server = (0x0A000002, 40000), (0x0A000001, 25)
    out.opened(client[0], client[1], server[0])
    at = {client: 1000, server: 5000}
    turns = itertools.chain([(server, client, b"220 hi\r\n")], itertools.cycle(
        [(client, server, b"NOOP\r\n"), (server, client, b"250 ok\r\n")]
    ))
    while out.count < n:
        source, target, text = next(turns)
        for i in range(len(text)):
            ends = (source[0], target[0], source[1], target[1])
            out.add(tcp(*ends, at[source], at[target], ACK, text[i : i + 1]))
            at[source] += 1


def slow_record(out, n, _rng):
    """TLS records of the largest size, a byte a segment, that never come to their end."""
    size = 16000
    for flow in range(max(1, n // size)):
        client = 0x0A010000 + flow
        out.opened(client, 40000, 0x0A000001, 465)
        content = b"\x16\x03\x01\x40\x00\x01\x00\xff\xff\x03\x03" + bytes(size)
        for i in range(size):
            out.add(tcp(client, 0x0A000001, 40000, 465, 1000 + i, 5000, ACK, content[i : i + 1]))


def unfilled_holes(out, n, rng):
    """Behind a hole that is never filled: single bytes in ascending, descending and random order, and again."""
    for turn, order in enumerate((sorted, lambda places: sorted(places, reverse=True), lambda places: places)):
        client = 0x0A020000 + turn
        out.opened(client, 40000, 0x0A000001)
        places = [rng.randrange(1, 1 << 19) * 2 for _ in range(n // 3)]
        for place in order(places):
            out.add(tcp(client, 0x0A000001, 40000, 25, 1000 + place, 5000, ACK, b"x"))


def many_holes(out, n, _rng):
    """Many connections with as much as may wait behind a hole: more than the memory for it in all."""
    out.step = 1000
    for flow in range(max(2, n // 43)):
        client = 0x0A030000 + flow
        out.opened(client, 40000, 0x0A000001)
        for i in range(40):
            out.add(tcp(client, 0x0A000001, 40000, 25, 1010 + i * 1460, 5000, ACK, bytes(1460)))


def fragments(out, n, rng):
    """First or late fragments of datagrams that never become whole; the late ones ask for the most room."""
    out.step = 60 * SECOND // n
    for i in range(n):
        place = 0x2000 | (rng.choice([0, 8000]) if i % 2 else 0)
        out.add(ipv4(rng.getrandbits(32), 0x0A000001, 6, bytes(64), ident=i & 0xFFFF, fragment=place))


def stretched(out, n, rng):
    """Reordering as deep as it is followed, again and again: each hole is filled when most waits behind it."""
    out.opened(0x0A000002, 40000, 0x0A000001)
    at, step = 1000, 60
    while out.count < n:
        places = list(range(1, 1000))
        rng.shuffle(places)
        for place in places + [0]:
            out.add(tcp(0x0A000002, 0x0A000001, 40000, 25, at + place * step, 5000, ACK, b"NOOP\r\n" * 10))
        at += 1000 * step


# name -> (generator, packets at full size, options, checks: (label, function of stats and n), memory in bytes by n)
CASES = {
    "syns": (syns, 1_000_000, [], [("created", lambda s, n: s["flows"]["created"] >= 0.999 * n)], lambda n: n * FLOW),
    "syns-small-table": (
        syns,
        1_000_000,
        ["--set", "flow.max_flows=6400"],
        [("evicted", lambda s, n: s["flows"]["evicted"] > 0.9 * (n - 6400))],
        lambda n: 6400 * FLOW,
    ),
    "similar-keys": (
        similar_keys,
        500_000,
        [],
        [("none is evicted", lambda s, n: s["flows"]["evicted"] <= 0.01 * n)],
        lambda n: n * FLOW,
    ),
    "many-tunnels": (
        many_tunnels,
        200_000,
        [],
        [("evicted", lambda s, n: s["flows"]["created"] - s["flows"]["evicted"] < 100)],
        lambda n: 0,
    ),
    "half-open": (
        half_open,
        200_000,
        [],
        [("midstream", lambda s, n: s["flows"]["midstream"] >= 0.99 * n)],
        lambda n: n * 16 * 1024,  # every second one is a mail session, and each event waits to be ordered
    ),
    "single-bytes": (
        single_bytes,
        1_000_000,
        [],
        [("one connection", lambda s, n: s["flows"]["created"] == 2), ("no gap", lambda s, n: s["reassembly"]["gaps"] == 0)],
        lambda n: 0,
    ),
    "slow-record": (slow_record, 500_000, [], [("no gap", lambda s, n: s["reassembly"]["gaps"] == 0)], lambda n: n * 8),
    "unfilled-holes": (unfilled_holes, 600_000, [], [("gaps", lambda s, n: s["reassembly"]["gaps"] >= 3)], lambda n: 0),
    "many-holes": (
        many_holes,
        300_000,
        ["--set", "flow.max_memory=16MiB"],
        [("refused", lambda s, n: n < 20_000 or s["reassembly"]["refused"] > 0)],
        lambda n: 16 * MIB + n * 256,
    ),
    "fragments": (
        fragments,
        500_000,
        [],
        [("lost", lambda s, n: s["packets"]["fragments_lost"] >= n - 1024 - s["packets"]["malformed"])],
        lambda n: 1024 * 72 * 1024,
    ),
    "stretched": (
        stretched,
        300_000,
        [],
        [("nothing is refused or twice", lambda s, n: s["reassembly"]["refused"] + s["reassembly"]["duplicates"] == 0)],
        lambda n: 0,
    ),
}


def measured(program, words, output):
    """(status, peak bytes, seconds of processor time) of a run whose output goes to a file."""
    with open(output, "wb") as file, open(output + ".err", "wb") as errors:
        environment = dict(os.environ, TZ="UTC", LC_ALL="C", NO_COLOR="1")
        words = ["timeout", str(TIMEOUT), program, *words]
        process = subprocess.Popen(words, stdout=file, stderr=errors, cwd=root, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime


def is_instrumented(program):
    """Built with a sanitizer: slow and large on purpose."""
    with open(program, "rb") as file:
        content = file.read()
    return any(word in content for word in (b"__asan_init", b"__tsan_init", b"__msan_init"))


def outcome(path):
    """(stats, the honest session) in a file of events."""
    stats = honest = None
    with open(path, "rb") as file:
        for line in file:
            if b"mailtls.stats" in line:
                stats = get(json.loads(line), "mailtls.stats")
            elif b"10.255.0.1" in line and b"\"mailtls.session\"" in line:
                honest = json.loads(line)
    return stats, honest


def check_case(checks, options, name, folder):
    make, full, words, facts, room = CASES[name]
    n = max(2000, int(full * options.scale))
    path, output = os.path.join(folder, "hostile.pcap"), os.path.join(folder, "out.jsonl")
    out = Writer(path, 10_000, n // 2)
    make(out, n, random.Random(name))
    out.file.close()
    status, peak, seconds = measured(options.program, ["-r", path, "-q", *words], output)
    if options.figures:
        rate = out.count / max(seconds, 0.001)
        print(f"{name:18} {out.count:8} packets {peak / MIB:8.1f} MiB {seconds:7.2f} s {rate:10.0f} packets/s")
    with open(output + ".err", "rb") as errors:
        checks.equal(f"{name}: status", (status, errors.read()[-300:]), (0, b""))
    stats, honest = outcome(output)
    if not checks.check(f"{name}: has statistics", stats):
        return
    checks.equal(f"{name}: packets read", stats["capture"]["packets"], out.count)
    kinds = ("tcp", "other", "fragments", "short", "malformed", "unknown_link")
    checks.equal(f"{name}: packets by kind", sum(stats["packets"][kind] for kind in kinds), out.count)
    ended = stats["flows"]["timed_out"] + stats["flows"]["evicted"]
    checks.check(f"{name}: connections that ended", ended <= stats["flows"]["created"], stats["flows"])
    for label, fact in facts:
        checks.check(f"{name}: {label}", fact(stats, n), json.dumps(stats))
    if not is_instrumented(options.program):
        most = BASE + room(n)
        checks.check(f"{name}: memory", peak <= most, f"{peak / MIB:.1f} of {most / MIB:.1f} MiB")
    whole = honest and (get(honest, "mailtls.mode"), get(honest, "mailtls.capture.complete"))
    if name not in ("syns-small-table",):
        checks.equal(f"{name}: the honest session", whole, ("plaintext", True))


def more(parser):
    parser.add_argument("--scale", type=float, default=0.05, help="part of the full size")
    parser.add_argument("--case", action="append", choices=list(CASES), help="only these")
    parser.add_argument("--figures", action="store_true", help="print what each case cost")


def main():
    options = arguments(__doc__, more=more)
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.case or CASES:
            check_case(checks, options, name, folder)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
