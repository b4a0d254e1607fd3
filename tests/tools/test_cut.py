#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the tools themselves: what `same` variants promise holds in the files they write.

For every variant that packets.py can read back (no tunnels, no fragments): the streams of both sides are the same bytes,
checksums are right where they should be, frames are in order of time, and no byte comes with an acknowledgement that is
higher or lower than its original segment had. For all: the same seed gives the same file, and lossy ones lose.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "program"))
from harness import Checks, arguments, cut, packets, pcapio  # noqa: E402


def segments(data):
    with tempfile.NamedTemporaryFile() as file:
        pcapio.write(file.name, data)
        link, frames = pcapio.read(file.name)
    return link, frames, [s for s in (packets.parse(link, f) for f in frames) if isinstance(s, packets.Segment)]




def streams(found):
    """(flow, side) -> {offset: (byte, acknowledgement)}; the first copy counts, as in the program."""
    start, out = {}, {}
    for s in found:
        if s.flags & packets.SYN:
            start[s.flow(), s.side()] = s.seq + 1
    for s in found:
        key = s.flow(), s.side()
        peer = start.get((s.flow(), (s.target, s.target_port)), 0)
        for i, byte in enumerate(s.payload):
            at = (s.seq + i - start[key]) & 0xFFFFFFFF
            out.setdefault(key, {}).setdefault(at, (byte, (s.ack - peer) & 0xFFFFFFFF))
    return out


def text(stream, side):
    return bytes(stream[side][at][0] for at in sorted(stream[side]))


def main():
    options = arguments(__doc__, program=False)
    checks = Checks()
    opened = {"plain", "vlan", "qinq", *(n for n in ("sll", "sll2", "raw", "null")), *list(cut.VARIANTS)[:19]}
    for path in options.captures:
        link, frames = pcapio.read(path)
        _, _, original = segments(cut.VARIANTS["plain"].apply(link, frames))
        want = streams(original)
        if not any(s.payload for s in original):
            continue  # a silent connection: there is nothing to cut
        for name, variant in cut.VARIANTS.items():
            label = f"{os.path.basename(path)} {name}"
            data = variant.apply(link, frames, seed=5)
            checks.check(f"{label}: same seed, same file", data == variant.apply(link, frames, seed=5))
            checks.check(f"{label}: differs from the plain file", name == "plain" or data != cut.VARIANTS["plain"].apply(link, frames))
            new_link, new_frames, found = segments(data)
            times = [f.time_ns for f in new_frames]
            checks.check(f"{label}: in order of time", times == sorted(times))
            checks.check(f"{label}: link type", new_link == variant.link)
            if name not in opened or variant.kind == "lossy":
                continue
            if name == "bad-checksum-copy":  # Every second of them; parse() keeps no checksum, the frame does.
                found = [s for s, f in zip(found, new_frames) if packets.ethernet(s) == f.data]
                checks.check(f"{label}: some are bad", len(found) < len(new_frames))
            elif new_link == pcapio.ETHERNET and name not in ("vlan", "qinq"):
                checks.check(f"{label}: checksums", all(packets.ethernet(s) == f.data for s, f in zip(found, new_frames)))
            got = streams(found)
            checks.check(f"{label}: bytes", {k: text(got, k) for k in got} == {k: text(want, k) for k in want})
            if name not in ("reversed-side", "reversed-window", "overlapping"):
                checks.check(f"{label}: acknowledgements", got == want)
        lost = cut.VARIANTS["lose"].apply(link, frames, number=1)
        checks.check(f"{path}: lose:1 loses one", len(segments(lost)[1]) == len(frames) - 1)
        snapped = segments(cut.VARIANTS["snap"].apply(link, frames, number=80))[1]
        checks.check(f"{path}: snap:80", max(len(f.data) for f in snapped) == 80 and snapped[3].length() == frames[3].length())
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
