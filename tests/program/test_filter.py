#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""-f and capture.discovery, behind tags, in fragments, and in tunnels.

Two sessions, on 25 and on 2525, between different hosts, are wrapped in every way and read with filters. A filter must give what
it gives for the plain frames wherever it applies: VLAN, QinQ, fragments, and both. Inside tunnels it sees the outer packet only,
as the documents say; capture.discovery looks inside.
"""
import os
import random
import tempfile
from dataclasses import replace

import dialogues
import wrap
from harness import Checks, arguments, events, get, packets, pcapio, run

TALK = ["S: 220 mx.example.net ESMTP", "C: EHLO pc.example.org", "S: 250-mx.example.net\r\n250-" + "X" * 400 + "\r\n250 SIZE 1000",
        "C: MAIL FROM:<a@example.org> " + "X" * 300, "S: 250 ok", "C: QUIT", "S: 221 bye"]  # fmt: skip
HOSTS6 = packets.address("2001:db8::77"), packets.address("2001:db8::78")
# filter -> the ports of the sessions that it leaves of plain frames
PLAIN = {
    "port 25": {25},
    "not port 25": {2525},
    "tcp dst port 2525 or tcp src port 2525": {2525},
    "host 192.0.2.77 or host 2001:db8::78": {25, 2525},
    "net 198.51.100.0/24 and port 2525 or ip6 and port 2525": {2525},
    "not host 192.0.2.77 and not ip6": set(),
    "tcp": {25, 2525},
    "udp": set(),
    "ether host 02:00:00:00:00:77": {25, 2525},
    "not ether host 02:00:00:00:00:77": set(),
}
# A filter that says vlan itself judges the frame as it is.
TAGGED = {"vlan 42 and port 25": {"vlan": {25}}, "vlan 7 and vlan 42 and port 25": {"qinq": {25}}, "vlan 7": {"qinq": {25, 2525}},
          "vlan 43": {}, "not vlan 42": {"plain": {25, 2525}, "qinq": {25, 2525}, "fragments": {25, 2525}}}  # fmt: skip


def plain(s, _):
    return [packets.ethernet(s)]


def tagged_fragments(s, rng):
    return [f[:12] + b"\x81\x00" + (42).to_bytes(2, "big") + f[12:] for f in wrap.fragments(s, rng)]


def qinq_fragments(s, rng):
    return [f[:12] + b"\x88\xa8\x00\x07\x81\x00\x00\x2a" + f[12:] for f in wrap.fragments(s, rng)]


def segments(version):
    both = dialogues.session(25, TALK) + dialogues.session(2525, TALK, 1)
    if version == 4:
        return both
    names = {dialogues.CLIENT: HOSTS6[0], dialogues.SERVER: HOSTS6[1]}
    return [replace(s, version=6, source=names[s.source], target=names[s.target]) for s in both]


def file_of(wrapper, version, link=pcapio.ETHERNET):
    rng = random.Random(11)
    frames = []
    for s in sorted(segments(version), key=lambda s: s.time_ns):
        frames += [pcapio.Frame(s.time_ns, data) for data in wrapper(s, rng)]
    return pcapio.pcap(link, frames)


class Filters:
    def __init__(self, checks, options, folder):
        self.checks, self.program, self.path = checks, options.program, os.path.join(folder, "filter.pcap")

    def write(self, data):
        with open(self.path, "wb") as file:
            file.write(data)

    def ports(self, name, *words):
        """Server ports of the complete sessions that were seen, and the stats."""
        found = events(self.checks, name, run(self.program, "-q", "-r", self.path, *words))
        sessions = [e for e in found if get(e, "event.dataset") == "mailtls.session"]
        stats = [e for e in found if get(e, "event.dataset") == "mailtls.stats"][0]["mailtls"]["stats"]
        return {get(e, "destination.port") for e in sessions if get(e, "mailtls.capture.complete")}, stats

    def equal(self, name, want, *words):
        got, stats = self.ports(name, *words)
        self.checks.equal(name, got, want)
        return stats


def check_plain_meaning(f):
    wrappers = [plain, wrap.vlan, wrap.qinq, wrap.fragments, tagged_fragments, qinq_fragments]
    total = sum(1 for _ in segments(4))
    for wrapper in wrappers:
        for version in 4, 6:
            f.write(file_of(wrapper, version))
            for expression, ports in PLAIN.items():
                stats = f.equal(f"{wrapper.__name__} IPv{version}, {expression}", ports, "-f", expression)
                capture = stats["capture"]
                if "fragments" not in wrapper.__name__:
                    f.checks.equal("all frames are accounted for", capture["packets"] + capture.get("filtered", 0), total)
                if expression in ("port 25", "not port 25"):
                    f.checks.equal(f"{wrapper.__name__}: nothing else is followed", stats["flows"]["created"], 1)
    for link, wrapper in ((113, wrap.sll), (276, wrap.sll2), (101, wrap.raw), (0, wrap.null)):
        f.write(file_of(wrapper, 4, link))
        f.equal(f"{wrapper.__name__}, port 25", {25}, "-f", "port 25")


def check_tags(f):
    for wrapper in plain, wrap.vlan, wrap.qinq, wrap.fragments:
        f.write(file_of(wrapper, 4))
        for expression, ports in TAGGED.items():
            f.equal(f"{wrapper.__name__}, {expression}", ports.get(wrapper.__name__, set()), "-f", expression)


def check_tunnels(f):
    for wrapper in wrap.TUNNELS:
        f.write(file_of(wrapper, 4))
        f.equal(f"{wrapper.__name__}, ports", {25}, "--set", "capture.discovery=ports", "--set", "capture.ports=[25, 465]")
        stats = f.equal(f"{wrapper.__name__}, default ports", {25, 2525}, "--set", "capture.discovery=ports")
        f.checks.check("nothing is elsewhere", "other_ports" not in stats["packets"])
    for wrapper in wrap.vxlan, wrap.gre, wrap.mpls:
        f.write(file_of(wrapper, 4))
        f.equal(f"{wrapper.__name__}: a port inside is not seen", set(), "-f", "port 25")
    f.write(file_of(wrap.vxlan, 4))
    f.equal("the outer packet is", {25, 2525}, "-f", "udp port 4789")


def check_ports(f):
    f.write(file_of(plain, 4))
    one = f.equal("other ports", {2525}, "--set", "capture.discovery=ports", "--set", "capture.ports=[2525]")
    f.checks.check("are counted", one["packets"]["other_ports"] == one["packets"]["tcp"], one["packets"])
    none = run(f.program, "-r", f.path, "--set", "capture.discovery=ports", "--set", "capture.ports=[465]")
    f.checks.check("and said, when it is all", b"capture.ports" in none.stderr, none.stderr)
    none = run(f.program, "-r", f.path, "-f", "port 1")
    f.checks.check("a filter that leaves nothing says so", b"the filter left out all" in none.stderr, none.stderr)


def check_said(f):
    said = run(f.program, "-T", "-f", "port 25")
    f.checks.check("-T says what a filter does not reach", said.returncode == 0 and b"tunnels" in said.stdout, said.stdout)
    said = run(f.program, "-T")
    f.checks.check("and nothing without one", b"tunnels" not in said.stdout, said.stdout)


def main():
    options, checks = arguments(__doc__), Checks()
    with tempfile.TemporaryDirectory() as folder:
        filters = Filters(checks, options, folder)
        check_plain_meaning(filters)
        check_tags(filters)
        check_tunnels(filters)
        check_ports(filters)
        check_said(filters)
    return checks.finish()


if __name__ == "__main__":
    raise SystemExit(main())
