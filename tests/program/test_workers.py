#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same input gives the same output (design, invariant 6): byte for byte, for any number of workers, on every run.

Besides the captures as they are, one large capture is made of them: many copies with other addresses and ports, mixed in
time, so that the flows fall into many shards; and that is read with tables so small that connections are given up.
"""
import json
import os
import random
import sys
import tempfile
from dataclasses import replace

from harness import Checks, arguments, get, packets, pcapio, run

WORKERS = (1, 2, 3, 8)
COPIES = 20


def crowd(captures):
    """One capture of all, COPIES times, each copy from another client and at another moment."""
    rng, out = random.Random(1), []
    for path in captures:
        link, frames = pcapio.read(path)
        found = [s for s in (packets.parse(link, f) for f in frames) if isinstance(s, packets.Segment)]
        if not found:
            continue  # a tunnel
        for _ in range(COPIES):
            client, host, port = found[0].side(), rng.randrange(1, 250), rng.randrange(1024, 65000)
            delay = rng.randrange(0, 2 * 10**9) - found[0].time_ns + 1_790_000_000 * 10**9
            for s in found:
                if s.side() == client:
                    s = replace(s, source=s.source[:-1] + bytes([host]), source_port=port)
                elif (s.target, s.target_port) == client:
                    s = replace(s, target=s.target[:-1] + bytes([host]), target_port=port)
                out.append(s.later(delay))
    out.sort(key=lambda s: s.time_ns)
    return pcapio.pcap(pcapio.ETHERNET, [pcapio.Frame(s.time_ns, packets.ethernet(s)) for s in out])


def evicted(output):
    """How many connections the statistics say were given up."""
    stats = [line for line in output.splitlines() if b'"mailtls.stats"' in line]
    return get(json.loads(stats[-1]), "mailtls.stats.flows.evicted") if stats else 0


def check_runs(checks, program, name, files, *options):
    first = run(program, "-r", *files, "--workers", "1", "--all-tls", *options)
    checks.check(f"{name}: status", first.returncode == 0, f"{first.returncode} {first.stderr[-300:]!r}")
    checks.check(f"{name}: has output", first.stdout.count(b"\n") >= len(files))
    for workers in WORKERS:
        for attempt in (1, 2):
            again = run(program, "-r", *files, "--workers", str(workers), "--all-tls", *options)
            lines = zip(first.stdout.splitlines(), again.stdout.splitlines())
            place = next((i for i, (a, b) in enumerate(lines, 1) if a != b), "its end")
            same = first.stdout == again.stdout and first.returncode == again.returncode
            checks.check(f"{name}: {workers} workers, run {attempt}", same, f"differs at line {place}")
    return first


def main():
    options = arguments(__doc__)
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "crowd.pcap")
        pcapio.write(path, crowd(options.captures))
        check_runs(checks, options.program, "crowd", [path])
        # One connection a shard: nearly all are given up before their end.
        files = [path, *options.captures]
        first = check_runs(checks, options.program, "small tables", files, "--set", "flow.max_flows=64")
        given_up = evicted(first.stdout)
        checks.check("small tables: connections were given up", given_up > len(options.captures), f"{given_up}")
    check_runs(checks, options.program, "all files in one run", options.captures)
    for capture in options.captures:
        check_runs(checks, options.program, os.path.basename(capture), [capture])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
