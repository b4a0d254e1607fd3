#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""events.py --program PATH: reads a JSON list of what is wanted, writes a JSON object: wanted -> the lines that starttap writes.

Each is a sample with what was done to it:   NAME[/VARIANT][@SENSOR][+SECONDS"s" or -SECONDS"s"]
    smtp-exim-tls12@dc1-86400s           seen by the sensor dc1, and a day earlier
    smtp-exim-tls12/only-client@dc1      only what the client sent (variants: tests/tools/cut.py)
    smtp-cisco-masked-two-taps/near-client@dc1    of a recording at both sides of a device, one side
--output sends them elsewhere, as -o of the program.
"""
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "program"))
import harness  # noqa: E402

SPEC = re.compile(r"(?P<name>[a-z0-9-]+?)(?:/(?P<variant>[a-z-]+))?(?:@(?P<sensor>[a-z0-9]+))?(?:(?P<shift>[+-][0-9]+)s)?$")
CAPTURES = {harness.name_of(path): path for path in harness.samples()}


def near(side):
    """In a recording at both sides of a hop that side's packets still have the time to live they began with."""

    def keep(items, _rng, _n):
        clients = harness.cut.first_sender(items)
        return [s for s in items if (s.side() == clients[s.flow()]) == (side == "client") and s.ttl == 64
                or (s.side() == clients[s.flow()]) != (side == "client") and s.ttl != 64]

    return harness.cut.Variant("lossy", keep)


VARIANTS = dict(harness.cut.VARIANTS, **{"near-client": near("client"), "near-server": near("server")})


def capture_of(match, folder):
    path = CAPTURES[match["name"]]
    if not match["variant"] and not match["shift"]:
        return path
    link, frames = harness.pcapio.read(path)
    for frame in frames:
        frame.time_ns += int(match["shift"] or 0) * 10**9
    data = VARIANTS[match["variant"] or "plain"].apply(link, frames)
    made = os.path.join(folder, match["name"] + ".pcap")
    harness.pcapio.write(made, data)
    return made


def lines_of(program, spec, output):
    match = SPEC.match(spec)
    if not match or match["name"] not in CAPTURES:
        sys.exit(f"{spec}: no such sample")
    with tempfile.TemporaryDirectory() as folder:
        capture = capture_of(match, folder)
        words = [*harness.trust(CAPTURES[match["name"]]), "--set", "sensor.name=" + (match["sensor"] or "tap1"), "-o", output]
        done = harness.run(program, "-r", capture, *words)
        if done.returncode not in (0, 1):
            sys.exit(f"{spec}: status {done.returncode}, {done.stderr!r}")
        return done.stdout.decode().splitlines()


def main():
    options = harness.arguments(__doc__, every=True, more=lambda parser: parser.add_argument("--output", default="-", help="where events go"))
    specs = json.load(sys.stdin)
    specs = [name for spec in specs for name in (sorted(CAPTURES) if spec == "*" else [spec])]
    json.dump({spec: lines_of(options.program, spec, options.output) for spec in specs}, sys.stdout)


if __name__ == "__main__":
    main()
