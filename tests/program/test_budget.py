#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strangers cannot buy more of our time than x509.new_chains: what exceeds it is written as "budget", with hashes only.

Connections at one moment, each with a certificate that nobody has seen before: from one server, and from as many servers.
What is verified and what is not must be the same for any number of workers and any size of the cache of chains; a chain
that was verified stays so; ordinary captures never come near.
"""
import hashlib
import os
import sys
import tempfile
from dataclasses import replace

import dialogues
import test_chains
from harness import Checks, arguments, events, get, packets, run

COUNT, SHARDS, RATE = 600, 64, 64
# One grant a second and shard; saved up for 8 s, by one address for 64 s at a 25th of that.
MOST = {"one server": SHARDS * 3, "many servers": SHARDS * 9}


def new_chain(number):
    """A certificate like no other: its signature is wrong, which nobody finds out without verifying it."""
    der = bytearray(open(os.path.join(test_chains.DATA, "leaf.der"), "rb").read())
    der[-4:] = number.to_bytes(4, "big")
    return bytes(der)


def message(der):
    listed = len(der).to_bytes(3, "big") + der
    body = len(listed).to_bytes(3, "big") + listed
    handshake = b"\x0b" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(handshake).to_bytes(2, "big") + handshake


def connections(ders, servers):
    """One a millisecond, each with the next certificate; of as many servers."""
    old = test_chains.certificate_message("leaf")
    lines = test_chains.lines_with("leaf")
    out = []
    for number, der in enumerate(ders):
        said = [(side, data.replace(old, message(der))) for side, data in lines]
        address = packets.address(f"192.0.{2 + number % servers // 250}.{number % servers % 250 + 1}")
        for s in dialogues.session(465, said, number):
            s = s.later(-number * 999 * dialogues.MS)
            if s.source == dialogues.SERVER:
                s = replace(s, source=address)
            else:
                s = replace(s, target=address)
            out.append(s)
    return dialogues.capture(out)


def judged(checks, name, process):
    """sha256 of the leaf -> what the verification said; the statistics' counter; leaves of mailtls.certificate."""
    said, over, written = {}, None, set()
    for event in events(checks, name, process):
        chain = get(event, "mailtls.tls.certificates.chain")
        if chain:
            sha = chain[0]["sha256"]
            text = get(event, "mailtls.tls.certificates.verify.text")
            said.setdefault(sha, []).append(text)
            hashes_only = "subject" not in chain[0] and "names" not in chain[0]
            limit = "limit" in (get(event, "mailtls.capture.reasons") or [])
            consistent = (text == "budget") == hashes_only == limit
            checks.check(f"{name}: budget means hashes only and a reason", consistent, f"{text} {chain[0]} {limit}")
        if get(event, "event.dataset") == "mailtls.certificate":
            written.add(get(event, "tls.server.hash.sha256"))
        if get(event, "event.dataset") == "mailtls.stats":
            over = get(event, "mailtls.stats.certificates.over_budget")
    return said, over, written


def check_flood(checks, program, name, path, ders):
    words = ["-r", path, "--set", "x509.ca_bundle=" + os.path.join(test_chains.DATA, "root.pem"), "--set"]
    first = run(program, *words, f"x509.new_chains={RATE}", "--workers", "1")
    said, over, written = judged(checks, name, first)
    refused = {sha for sha, texts in said.items() if "budget" in texts}
    checks.equal(f"{name}: chains", set(said), {hashlib.sha256(der).hexdigest().upper() for der in ders})
    granted = len(said) - len(refused)
    checks.check(f"{name}: bounded", SHARDS < granted <= MOST[name], f"{granted} of {len(said)} were verified")
    checks.equal(f"{name}: the statistics say so", over, sum(texts.count("budget") for texts in said.values()))
    checks.check(f"{name}: no event for an unread certificate", written and not written & refused, f"{len(written & refused)}")
    for workers in 2, 3, 8:
        for cache in 16, 8192:
            more = ["--workers", str(workers), "--set", f"x509.cache_chains={cache}"]
            again = run(program, *words, f"x509.new_chains={RATE}", *more)
            checks.check(f"{name}: {workers} workers, {cache} chains", again.stdout == first.stdout)
    for rate in "0", "500":
        _, over, _ = judged(checks, f"{name}, rate {rate}", run(program, *words, f"x509.new_chains={rate}"))
        checks.equal(f"{name}: over budget at rate {rate}", over, 0)


def main():
    options = arguments(__doc__)
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="test_budget.") as folder:
        path = os.path.join(folder, "flood.pcap")
        ders = [new_chain(number) for number in range(COUNT)]
        for name, servers in ("one server", 1), ("many servers", COUNT):
            with open(path, "wb") as file:
                file.write(connections(ders, servers))
            check_flood(checks, options.program, name, path, ders)

        # Two servers whose chains come again and again: each shard pays for two of them, once.
        with open(path, "wb") as file:
            file.write(connections([ders[number % 2] for number in range(COUNT)], 2))
        said, over, _ = judged(checks, "known", run(options.program, "-r", path, "--set", f"x509.new_chains={RATE}"))
        checks.equal("known chains cost nothing", (over, [len(texts) for texts in said.values()]), (0, [COUNT // 2] * 2))

    _, over, _ = judged(checks, "samples", run(options.program, "-r", *options.captures, "--all-tls"))
    checks.equal("ordinary captures stay below", over, 0)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
