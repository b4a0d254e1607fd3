#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""samples/README.md tells the truth: a row for each capture, what starttap says of it, a scenario that exists, addresses and
names for documentation only; with --all also that each Wireshark filter shows something (needs tshark)."""
import glob
import ipaddress
import os
import re
import shutil
import subprocess
import sys

from harness import Checks, arguments, core_samples, packets, pcapio, root

sys.path.insert(0, os.path.join(root, "samples"))
import gallery  # noqa: E402

ADDRESSES = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
DOMAIN = re.compile(rb"@([a-z0-9.-]+\.[a-z]{2,})", re.IGNORECASE)
LIMIT = 5 << 20
REAL = 40
GREETING = re.compile(rb'(?:220[ -]|\+OK|\* OK|"IMPLEMENTATION")[\x20-\x7e]*(?:Postfix|Dovecot|Exim|OpenSMTPD)')
NOT_PACKAGED = ("talk.py", "Java", "s_server")


def outer_addresses(frame, link):
    """Those of the frame as it was on the wire, and of what a tunnel carries."""
    found = packets.parse(link, frame)
    if isinstance(found, packets.Segment):
        yield from (found.source, found.target)
    elif link == pcapio.ETHERNET and frame.data[12:14] == b"\x08\x00":
        yield from (frame.data[26:30], frame.data[30:34])


def check_capture(checks, row, path):
    link, frames = pcapio.read(path)
    strange = {str(a) for f in frames for a in map(ipaddress.ip_address, outer_addresses(f, link)) if not any(a in net for net in ADDRESSES)}
    checks.check(f"{row['name']}: only addresses for documentation", not strange, ", ".join(strange))
    domains = {match.lower() for frame in frames for match in DOMAIN.findall(frame.data)}
    strange = {name for name in domains if not re.search(rb"(^|\.)example\.(org|com|net)$", name)}
    checks.check(f"{row['name']}: only domains for examples", not strange, strange)
    return any(GREETING.search(frame.data) for frame in frames) and not any(word in row["software"] for word in NOT_PACKAGED)


def check_filter(checks, row, path):
    done = subprocess.run(["tshark", "-r", path, "-Y", row["filter"]], capture_output=True, text=True, check=False, timeout=60)
    checks.check(f"{row['name']}: its filter shows something", done.returncode == 0 and done.stdout.strip(), f"{row['filter']} {done.stderr[-200:]}")


def main():
    options = arguments(__doc__, every=True)
    checks = Checks()
    rows = gallery.rows()
    names = sorted(row["name"] for row in rows)
    captures = sorted(os.path.basename(path).split(".")[0] for path in glob.glob(os.path.join(root, "samples", "*.pcap*")))
    checks.equal("a row for each capture, and a capture for each row", names, captures)
    checks.equal("the core of the samples is there", len(core_samples()), 20)
    size = sum(os.path.getsize(path) for path in glob.glob(os.path.join(root, "samples", "*.*")))
    checks.check("all of them are small", size < LIMIT, size)
    tshark = options.all and shutil.which("tshark")
    if options.all and not tshark:
        print("skipped, tshark is not installed: the filters")
    real = 0
    for row in rows:
        path = gallery.capture(row["name"])
        if path is None:
            continue
        real += check_capture(checks, row, str(path))
        checks.equal(f"{row['name']}: what starttap says", row["says"], gallery.words(*gallery.said(options.program, path, gallery.bundle(row))))
        if row["scenario"] != gallery.MADE_HERE:
            scenario = os.path.join(root, "tests", "lab", "scenarios", row["scenario"].split("/")[0] + ".toml")
            checks.check(f"{row['name']}: its scenario is there", os.path.exists(scenario), scenario)
        if tshark:
            check_filter(checks, row, str(path))
    checks.check("real servers greet real clients", real >= REAL, real)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
