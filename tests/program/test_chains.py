#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates are judged at the time of the packet, and what was judged before changes no record (design, 6 and 8).

Handshakes with the chains of tests/unit/x509/data, among them one through a cross-signed intermediate that has expired, at
four times: before all of it, while the cross-signature was good, after it, and after the leaf too. Each is read alone, and
all of them forwards and backwards in time, with a cache of chains that holds them all, with one that does not, and by
several workers; the records must be the same every time.
"""
import copy
import datetime
import os
import struct
import sys
import tempfile

import dialogues
from harness import Checks, arguments, events, get, pcapio, root, run, without
from test_cuts import difference

DATA = os.path.join(root, "tests", "unit", "x509", "data")
HANDSHAKE = os.path.join(root, "tests", "unit", "tls", "data", "tls12.bin")
TIMES = {name: int(datetime.datetime(*date, tzinfo=datetime.timezone.utc).timestamp()) * 10**9 for name, date in {
    "too early": (2018, 6, 1), "cross valid": (2019, 6, 1), "cross expired": (2021, 6, 1), "leaf expired": (2024, 6, 1),
}.items()}  # fmt: skip
CROSSED = "leaf inter cross"
# More than the smaller cache holds, sixteen.
OTHERS = "leaf,leaf inter,leaf cross inter,leaf inter cross old_root,leaf inter root,ca_leaf,ca_leaf inter,v1_leaf,v1_leaf inter"
OTHERS += ",other_leaf,other_leaf inter,rsa1024,rsa1024 inter,large_e inter,ed25519 inter,explicit inter,binary inter,self_signed"
OTHERS += ",many_names inter,dates inter,inter cross,root,cross old_root,serial_0"
CHAINS = [CROSSED, *OTHERS.split(",")]
# OpenSSL's codes: 0 good, 9 not yet valid, 10 expired; (store, time) -> of the chain through the cross-signature.
WANTED = {
    "both_roots.pem": {"too early": 9, "cross valid": 0, "cross expired": 0, "leaf expired": 10},
    "root.pem": {"too early": 9, "cross valid": 0, "cross expired": 0, "leaf expired": 10},
    "old_root.pem": {"too early": 9, "cross valid": 0, "cross expired": 10, "leaf expired": 10},
}
FREE = "event.sequence mailtls.capture".split()
# When a record is due is told by a clock that never goes back, as frames of one file may.
DUE = "@timestamp event.id".split()


def certificate_message(chain):
    """RFC 5246, 7.4.2, as one record."""
    ders = [open(os.path.join(DATA, name + ".der"), "rb").read() for name in chain.split()]
    listed = b"".join(struct.pack(">I", len(der))[1:] + der for der in ders)
    body = struct.pack(">I", len(listed))[1:] + listed
    message = b"\x0b" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\x03\x03" + struct.pack(">H", len(message)) + message


def lines_with(chain):
    """A whole TLS 1.2 connection whose server sends that chain."""
    with open(HANDSHAKE, "rb") as file:
        data = file.read()
    lines, at = [], 0
    while at < len(data):
        side, size = struct.unpack_from(">BI", data, at)
        turn, at, out = data[at + 5 : at + 5 + size], at + 5 + size, b""
        while turn:
            size = 5 + struct.unpack_from(">H", turn, 3)[0]
            record, turn = turn[:size], turn[size:]
            out += certificate_message(chain) if record[0] == 22 and record[5] == 11 else record
        lines.append(("CS"[side], out))
    return lines


def handshake(time, chain, number):
    segments = dialogues.session(465, lines_with(chain), number)
    return [s.later(time - dialogues.START) for s in segments]


def pcap_in_order(segments):
    """Frames as they come, with no regard for their times."""
    frames = [pcapio.Frame(s.time_ns, dialogues.packets.ethernet(s)) for s in segments]
    return pcapio.pcap(pcapio.ETHERNET, frames)


def records(checks, options, label, store, files, *words):
    """port of the client -> its session record, without what may change."""
    trust = f"x509.ca_bundle={os.path.join(DATA, store)}"
    process = run(options.program, "-r", *files, "-q", "--events", "session", "--set", trust, *words)
    out = {}
    for event in events(checks, label, process):
        if get(event, "event.dataset") != "mailtls.session":
            continue
        for path in FREE:
            without(event, path)
        checks.check(f"{label}: one record each", get(event, "source.port") not in out)
        out[get(event, "source.port")] = event
    return out


def undue(found):
    out = copy.deepcopy(found)
    for event in out.values():
        for path in DUE:
            without(event, path)
    return out


def compare(checks, label, want, got):
    wrong = [port for port in want if want[port] != got.get(port)]
    text = f"{len(wrong)} records, the first in {difference(want[wrong[0]], got.get(wrong[0], {}))}" if wrong else ""
    checks.check(label, not wrong and len(want) == len(got), text)


def check_store(checks, options, folder, store):
    alone, paths, spans, number = {}, [], [], 0
    for name, time in TIMES.items():
        whole = []
        for chain in CHAINS:
            segments = handshake(time, chain, number)
            whole += segments
            path = os.path.join(folder, "alone.pcap")
            pcapio.write(path, dialogues.capture(segments))
            label = f"{store}: {name}, {chain}, alone"
            record = records(checks, options, label, store, [path])
            checks.equal(f"{label}: sessions", list(record), [40000 + number])
            alone.update(record)
            if chain == CROSSED and record:
                verify = get(record[40000 + number], "mailtls.tls.certificates.verify.code")
                checks.equal(f"{label}: verified", verify, WANTED[store][name])
            number += 1
        spans.append(whole)
        paths.append(os.path.join(folder, name.replace(" ", "-") + ".pcap"))
        pcapio.write(paths[-1], dialogues.capture(whole))

    undated = undue(alone)
    orders = {"forwards": spans, "backwards": spans[::-1], "to and fro": [spans[i] for i in (2, 0, 3, 1)]}
    for settings in (["x509.cache_chains=8192"], ["x509.cache_chains=16"]):
        words = [word for setting in settings for word in ("--set", setting)]
        for workers in ("1", "3"):
            label = f"{store}: {settings[0]}, {workers} workers"
            for order, files in ("forwards", paths), ("backwards", paths[::-1]):
                found = records(checks, options, label, store, files, *words, "--workers", workers)
                compare(checks, f"{label}: files {order}", alone, found)
            for order, parts in orders.items():
                path = os.path.join(folder, "one.pcap")
                pcapio.write(path, pcap_in_order([s for part in parts for s in part]))
                found = records(checks, options, label, store, [path], *words, "--workers", workers)
                compare(checks, f"{label}: one file, {order}", undated, undue(found))


def main():
    options = arguments(__doc__)
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        for store in WANTED:
            check_store(checks, options, folder, store)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
