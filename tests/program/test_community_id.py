#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""network.community_id is version 1 with seed 0, the same for all events of a session and for both directions.

Compared with a second implementation on every capture, and with the baselines of github.com/corelight/community-id-spec
where they stand beside the project (../shared/schemas, or --schemas DIR): community-id.{tcp,ipv6}.pcap and deflt.json.
"""
import base64
import hashlib
import ipaddress
import json
import os
import struct
import sys
import tempfile
from dataclasses import replace

import dialogues
from harness import Checks, arguments, events, get, pcapio, root, run

PORTS = "capture.ports=25,80"  # The baselines' flows: one is SMTP, one is HTTP.


def community_id(one, two):
    """Of a TCP connection between two (address, port)."""
    ends = sorted((ipaddress.ip_address(ip).packed, port) for ip, port in (one, two))
    data = b"\0\0" + ends[0][0] + ends[1][0] + b"\x06\0" + struct.pack(">HH", ends[0][1], ends[1][1])
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


def ends_of(event):
    return [(get(event, f"{end}.ip"), get(event, f"{end}.port")) for end in ("source", "destination")]


def check_capture(checks, options, name, path, *words):
    """Every id of its events as computed here; ends -> id."""
    found, sessions, by_session = {}, 0, {}
    for event in events(checks, name, run(options.program, "-r", path, "-q", "--all-tls", "--min-severity", "info", *words)):
        sessions += get(event, "event.dataset") == "mailtls.session"
        if get(event, "source.port") is None:
            continue
        label = f"{name}: {get(event, 'event.dataset')}"
        got, ends = get(event, "network.community_id"), ends_of(event)
        checks.equal(label, got, community_id(*ends))
        session = get(event, "mailtls.session.id") or get(event, "mailtls.finding.session_id")
        checks.equal(f"{label}: one id a session", by_session.setdefault(session, got), got)
        found[frozenset(ends)] = got
    checks.check(f"{name}: has sessions", sessions)
    return found


def check_baselines(checks, options):
    folder = options.schemas
    baseline = os.path.join(folder, "community-id.deflt.json")
    if not os.path.exists(baseline):
        print(f"{os.path.relpath(baseline, root)} is absent: no comparison with the baselines")
        return
    known = {}
    for row in json.load(open(baseline, encoding="utf-8")):
        if row["proto"] == 6:
            known[frozenset([(row["saddr"], row["sport"]), (row["daddr"], row["dport"])])] = row["communityid"]
    compared = 0
    for name in ("community-id.tcp.pcap", "community-id.ipv6.pcap"):
        found = check_capture(checks, options, name, os.path.join(folder, name), "--set", PORTS)
        for ends, got in found.items():
            checks.equal(f"{name}: as in the baseline", got, known.get(ends))
            compared += 1
    checks.equal("flows of the baseline compared", compared, len(known))


def more(parser):
    parser.add_argument("--schemas", default=os.path.join(os.path.dirname(root), "shared", "schemas"), metavar="DIR")


def main():
    options = arguments(__doc__, more=more)
    checks = Checks()
    check_baselines(checks, options)
    for capture in options.captures:
        check_capture(checks, options, os.path.basename(capture), capture)
    with tempfile.TemporaryDirectory() as folder:
        # The lower end may be the client or the server, by address and, where that is the same, by port.
        path = os.path.join(folder, "dialogue.pcap")
        lines = ["S: 220 mx.example.org ESMTP", "C: QUIT", "S: 221 bye"]
        for port, client in (25, "192.0.2.1"), (25, "198.51.100.1"), (60000, "192.0.2.77"), (25, "192.0.2.77"):
            segments = [moved(s, dialogues.packets.address(client)) for s in dialogues.session(port, lines)]
            pcapio.write(path, dialogues.capture(segments))
            check_capture(checks, options, f"{client} to port {port}", path)
    return checks.finish()


def moved(segment, client):
    if segment.source == dialogues.CLIENT:
        return replace(segment, source=client)
    return replace(segment, target=client)


if __name__ == "__main__":
    sys.exit(main())
