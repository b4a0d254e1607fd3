# SPDX-License-Identifier: Apache-2.0
"""-i with several readers and workers says what -r says of the same frames, whatever way they came.

In a network namespace of its own, a pair of interfaces: a crowd of sessions made of samples/ is sent into one end and watched at the
other. Each session is wrapped in one way: plain, tags, or tunnels whose outer ports differ by direction or by packet, so that the
kernel gives one connection to several sockets; also in fragments, inside and outside of tunnels. And with two interfaces that both
see each packet, before and behind a router. The frames are kept as they are sent, with the time at which the kernel saw them, and
read again as a file.
"""
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
from dataclasses import replace

import harness
import wrap
from harness import packets, pcapio
from line import TimedLine, make_pair

PAIRS = [("line0", "tap0"), ("line1", "tap1")]
COPIES = 2
SEED = 7


def vxlan(s, payload, port):
    head = struct.pack(">II", 0x08000000, wrap.SESSION << 8)
    return wrap.outer_ethernet(s, b"\x08\x00", packets.udp4(*wrap.ends(s, wrap.ENDS4), port, 4789, head + payload))


def by_direction(s, rng):
    """As switches do it: the outer source port is a hash of the inner addresses in their direction."""
    return [vxlan(s, packets.ethernet(s), 49152 + hash((s.source, s.source_port, s.target)) % 10000)]


def by_packet(s, rng):
    return [vxlan(s, packets.ethernet(s), rng.randrange(49152, 65536))]


def fragments_inside(s, rng):
    """Every piece of an inner datagram comes its own way."""
    return [vxlan(s, piece, rng.randrange(49152, 65536)) for piece in wrap.fragments(s, rng)]


def plain(s, _):
    return [packets.ethernet(s)]


WAYS = [plain, by_direction, by_packet, fragments_inside, wrap.fragments, wrap.qinq, wrap.mpls, wrap.gtpu]


def openers(segments):
    """The sides that sent the first packet of a connection, in order."""
    seen, clients = set(), []
    for s in segments:
        ends = frozenset((s.side(), (s.target, s.target_port)))
        if ends not in seen and s.side() not in clients:
            clients.append(s.side())
        seen.add(ends)
    return clients


def crowd(captures, ways):
    """Frames in order of time, of all samples in all ways, each session with a client of its own."""
    rng, out, number = random.Random(SEED), [], 0
    for path in captures:
        link, frames = pcapio.read(path)
        found = [s for s in (packets.parse(link, f) for f in frames) if isinstance(s, packets.Segment)]
        for way in ways * COPIES if found else []:
            number += 1
            clients, delay = openers(found), rng.randrange(0, 2 * 10**9) - found[0].time_ns
            host, port, stretch = bytes([number >> 8, number & 255]), rng.randrange(1024, 65000), 0
            for s in found:
                if s.side() in clients:
                    s = replace(s, source=s.source[:-2] + host, source_port=port + clients.index(s.side()))
                elif (s.target, s.target_port) in clients:
                    s = replace(s, target=s.target[:-2] + host, target_port=port + clients.index((s.target, s.target_port)))
                s = replace(s, ident=rng.randrange(1, 65536))
                stretch += 1
                out.append((s.time_ns + delay, number, stretch, way(s, rng)))
    out.sort(key=lambda row: row[:3])
    return [frame for *_, frames in out for frame in frames]


def get(event, path):
    return harness.get(event, path)


# What depends on the moment, the place or the run, not on what was said.
VOLATILE = {"event.id", "event.sequence", "event.start", "event.end", "event.duration", "mailtls.session.id", "mailtls.capture.file",
            "mailtls.capture.first_frame", "mailtls.capture.last_frame", "@timestamp"}  # fmt: skip


def stripped(value, path=""):
    if not isinstance(value, dict):
        return value
    if path == "mailtls.capture" and "fragments" in value.get("via", []):
        value = {**value, "via": [way for way in value["via"] if way != "fragments"]}  # the kernel joins those that have no tunnel outside
        value = {k: v for k, v in value.items() if v != []}
    inside = {k: stripped(v, f"{path}.{k}" if path else k) for k, v in value.items() if (f"{path}.{k}" if path else k) not in VOLATILE}
    return {k: v for k, v in inside.items() if v != {}}


def sessions(events):
    return sorted(json.dumps(stripped(e), sort_keys=True) for e in events if get(e, "event.dataset") == "mailtls.session" and not get(e, "mailtls.open"))


def findings(events):
    """As of their last update: of a line they are told as early as can be."""
    rows = {}
    for e in events:
        if get(e, "event.dataset") == "mailtls.finding":
            places = [(x["side"], x.get("offset")) for x in get(e, "mailtls.finding.evidence") or []]
            rows[get(e, "mailtls.finding.uid")] = json.dumps([e["source"], e["destination"], e["rule"]["id"], e["event"]["severity"], places], sort_keys=True)
    return sorted(rows.values())


def difference(mine, theirs):
    """The first row that only one of them has, and the row of the other that is most like it."""
    only = sorted(set(mine) - set(theirs)), sorted(set(theirs) - set(mine))
    pair = [only[0][0] if only[0] else "", ""]
    pair[1] = max(only[1] or [""], key=lambda row: len(os.path.commonprefix([row, pair[0]])) + len(os.path.commonprefix([row[::-1], pair[0][::-1]])))
    start = max(0, len(os.path.commonprefix(pair)) - 60)
    return f"{len(only[0])} only live, {len(only[1])} only in the file: {pair[0][start:start + 250]} | {pair[1][start:start + 250]}"


def behind_router(frame):
    """The same packet one hop later."""
    at = 22 if frame[12:14] == b"\x08\x00" else 21  # time to live, hop limit
    frame = frame[:at] + bytes([frame[at] - 1]) + frame[at + 1:]
    if at == 21:
        return frame
    head = frame[14:24] + b"\0\0" + frame[26:14 + 4 * (frame[14] & 15)]
    return frame[:24] + packets.checksum(head).to_bytes(2, "big") + frame[26:]


def watch(checks, options, frames, folder, workers, taps=1):
    """The second interface sees every packet again, one hop later."""
    out, again = os.path.join(folder, f"live{workers}-{taps}.jsonl"), os.path.join(folder, f"sent{workers}-{taps}.pcap")
    common = ["--min-severity", "info", "--set", "findings.interval=0", "--set", "x509.ca_bundle=samples/ca.pem"]
    watched = [word for _, tap in PAIRS[:taps] for word in ("-i", tap)]
    said = os.path.join(folder, "err.txt")
    program = harness.start_watching([options.program, *watched, "-o", "file:" + out, "--workers", str(workers), *common], said, cwd=harness.root)
    lines = [TimedLine(*pair) for pair in PAIRS[:taps]]
    sent = []
    for frame in frames:
        for line in lines:
            data = frame if line is lines[0] else behind_router(frame)
            sent.append(pcapio.Frame(line.send(data), data))
    program.send_signal(signal.SIGTERM)  # what was sent is read first
    program.wait(harness.PATIENCE)
    err = harness.read(said)
    for line in lines:
        line.close()
    name = f"{workers} workers" + (f", {taps} interfaces" if taps > 1 else "")
    checks.equal(f"{name}: status", program.returncode, 0)
    checks.check(f"{name}: nothing to complain of", b"error" not in err and b"Sanitizer" not in err, err[-2000:])
    with open(again, "wb") as f:
        f.write(pcapio.pcap(pcapio.ETHERNET, sent, nano=True))
    with open(out, encoding="utf-8") as f:
        live = [json.loads(row) for row in f]
    file = harness.events(checks, f"{name}, file", harness.run(options.program, "-r", again, "--workers", "1", *common))
    stats = next(get(e, "mailtls.stats") for e in live if get(e, "event.dataset") == "mailtls.stats")
    if stats["capture"]["kernel_drops"]:
        print(f"{name}: the kernel dropped {stats['capture']['kernel_drops']} packets; this says nothing of the program")
    for what, facts in ("sessions", sessions), ("findings", findings):
        mine, theirs = facts(live), facts(file)
        checks.check(f"{name}: there are {what}", len(theirs) > 100, len(theirs))
        checks.check(f"{name}: the same {what}", mine == theirs, difference(mine, theirs))
    sequence = [get(e, "event.sequence") for e in live if get(e, "event.dataset") != "mailtls.stats"]
    checks.equal(f"{name}: numbered in order", sequence, list(range(1, len(sequence) + 1)))
    times = [get(e, "@timestamp") for e in live if get(e, "event.dataset") != "mailtls.stats"]
    late = next(((a, b) for a, b in zip(times, times[1:]) if a > b), None)
    checks.check(f"{name}: in order of time", late is None, late)
    queues = stats["queues"]
    checks.equal(f"{name}: nothing waits at the end", (queues["blocks_waiting"], queues["events_waiting"]), (0, 0))
    if taps == 1:
        checks.check(f"{name}: packets were handed over", (queues["handed_over"] > 0) == (workers > 1) == (queues["copied"] > 0), queues)


def inside(options):
    checks = harness.Checks()
    for pair in PAIRS:
        make_pair(*pair, "mtu", "9000")
    frames = crowd(options.captures, WAYS)
    twice = crowd(options.captures, [plain])
    with tempfile.TemporaryDirectory() as folder:
        for workers in 1, 2, 4:
            watch(checks, options, frames, folder, workers)
        for workers in 1, 4:
            watch(checks, options, twice, folder, workers, taps=2)
    return checks.finish()


def main():
    options = harness.arguments(__doc__, every=True, more=lambda parser: parser.add_argument("--inside", action="store_true", help="already in a network namespace of its own"))
    if options.inside:
        return inside(options)
    words = [sys.executable, os.path.abspath(__file__), "--program", options.program, "--inside", *options.captures]
    for prefix in (["unshare", "--net", "--mount"], ["unshare", "--user", "--map-root-user", "--net", "--mount"]):
        probe = [*prefix, "ip", "link", "add", PAIRS[0][0], "type", "veth", "peer", "name", PAIRS[0][1]]
        try:
            if subprocess.run(probe, capture_output=True).returncode == 0:
                return subprocess.run([*prefix, *words]).returncode
        except OSError:
            continue
    print("skipped: no network namespace with a pair of interfaces can be made here (needs root or user namespaces, unshare and ip)")
    return 77


if __name__ == "__main__":
    raise SystemExit(main())
