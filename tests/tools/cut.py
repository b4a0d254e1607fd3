#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cut.py: writes the bytes of a capture again, cut, ordered and wrapped in other ways.

    cut.py --variant NAME [--seed N] IN OUT
    cut.py --list

What a variant may change is its kind:
    same      facts and findings must stay (design, invariant 2): all bytes are there and every piece keeps the
              acknowledgement of the segment it was cut from
    conflict  the same, but copies of a byte differ: that is a fact of its own
    lossy     something is missing: a record may say less, and nothing else
Times are those of the original frames; where the order changes, the times stay in place and the frames move. Same seed,
same output. NAME may carry a number for `lose` (the frame, from 1) and `snap` (the length), as in lose:7.
"""
import argparse
import gzip
import random
import sys
from dataclasses import dataclass, replace

import pcapio
import wrap
from packets import RST, SYN, Other, Segment, ethernet, parse

PIECE_MAX = 100
LATE_MAX = 10 * 10**6  # nanoseconds
REORDER_NS, REORDER_BYTES = 100 * 10**6, 16 * 1024
RETRANSMIT_MAX = 20000


def cut_all(items, points):
    """Each segment with payload in pieces; points(len) gives the places to cut at, ascending."""
    out = []
    for item in items:
        if not isinstance(item, Segment) or len(item.payload) < 2:
            out.append(item)
            continue
        edges = [0, *points(len(item.payload)), len(item.payload)]
        out += [item.part(a, b) for a, b in zip(edges, edges[1:])]
    return out


def single_bytes(items, _rng, _n):
    return cut_all(items, lambda size: range(1, size))


def halves(items, rng, _n):
    return cut_all(items, lambda size: [rng.randrange(1, size)])


def pieces(items, rng, _n):
    def points(size):
        at = rng.randrange(1, PIECE_MAX)
        while at < size:
            yield at
            at += rng.randrange(1, PIECE_MAX)

    return cut_all(items, points)


def after_each(items, extra):
    """Every segment followed by what extra(segment, earlier segments of its side) gives."""
    out, earlier = [], {}
    for item in items:
        out.append(item)
        if isinstance(item, Segment):
            sent = earlier.setdefault((item.flow(), item.side()), [])
            out += extra(item, sent)
            sent.append(item)
    return out


def doubled(items, _rng, _n):
    return after_each(items, lambda s, _: [replace(s)])


def doubled_ttl(items, _rng, _n):
    return after_each(items, lambda s, _: [replace(s, ttl=s.ttl - 1)])


def mirrored_late(items, _rng, _n):
    """A second mirror behind a router, three frames late but never LATE_MAX, so that copies come after the answer."""
    out, waiting = [], []

    def flush(most):
        while len(waiting) > most:
            out.append(replace(waiting.pop(0), time_ns=out[-1].time_ns))

    for item in items:
        if out and item.time_ns - out[-1].time_ns > LATE_MAX:
            flush(0)
        out.append(item)
        if isinstance(item, Segment):
            waiting.append(replace(item, ttl=item.ttl - 1))
        flush(3)
    flush(0)
    return out


def times_in_place(before, after):
    return [replace(item, time_ns=old.time_ns) for old, item in zip(before, after)]


class Window:
    """Segments that are turned round together: few bytes and a moment only, since what is late for longer is lost."""

    def __init__(self):
        self.done, self.held = [], []

    def add(self, item, joins):
        """`joins`: it may be turned round with those that are held; otherwise it ends their window."""
        late = self.held and item.time_ns - self.held[0].time_ns > REORDER_NS
        large = sum(len(s.payload) for s in self.held) > REORDER_BYTES
        if not joins or late or large:
            self.close()
        (self.held if joins else self.done).append(item)

    def close(self):
        self.done, self.held = self.done + self.held[::-1], []
        return self.done


def reversed_side(items, rng, n):
    """Cut, then every run of one side's segments backwards; SYN stays."""
    cut, window = pieces(items, rng, n), Window()
    for item in cut:
        movable = isinstance(item, Segment) and not item.flags & SYN
        if window.held and not (movable and item.side() == window.held[0].side()):
            window.close()
        window.add(item, movable)
    return times_in_place(cut, window.close())


def reversed_window(items, _rng, _n):
    """Windows of four frames backwards, across both sides: answers come before questions. SYN and RST stay."""
    window = Window()
    for item in items:
        if len(window.held) == 4:
            window.close()
        window.add(item, isinstance(item, Segment) and not item.flags & (SYN | RST))
    return times_in_place(items, window.close())


def retransmitted(items, rng, _n):
    """Now and then the end of the last segment and the beginning of this one once more, in one piece."""

    def extra(s, sent):
        if not s.payload or not sent or rng.random() < 0.3:
            return []
        before = next((old for old in reversed(sent) if old.payload), None)
        if not before or before.end() != s.seq:
            return []
        back = rng.randrange(1, min(len(before.payload), RETRANSMIT_MAX) + 1)
        ahead = rng.randrange(1, min(len(s.payload), RETRANSMIT_MAX) + 1)
        piece = s.part(0, ahead)
        return [replace(piece, seq=(s.seq - back) & 0xFFFFFFFF, payload=before.payload[-back:] + piece.payload)]

    return after_each(items, extra)


def overlapping(items, rng, n):
    """Cut, and each piece repeats some bytes before its own."""
    out, last = [], {}
    for item in pieces(items, rng, n):
        if not isinstance(item, Segment) or not item.payload:
            out.append(item)
            continue
        side = item.flow(), item.side()
        before, last[side] = last.get(side), item
        if before and before.end() == item.seq:
            back = rng.randrange(0, len(before.payload) + 1)
            old = before.payload[len(before.payload) - back :]
            item = replace(item, seq=(item.seq - back) & 0xFFFFFFFF, payload=old + item.payload)
        out.append(item)
    return out


def garbled(s, **changes):
    return replace(s, payload=bytes(byte ^ 0x15 for byte in s.payload), **changes)


def differing_copy(items, _rng, _n):
    """A second copy with other bytes and a right checksum: the first one counts."""
    return after_each(items, lambda s, _: [garbled(s)] if s.payload else [])


def bad_checksum_copy(items, _rng, _n):
    """Garbage with a wrong checksum in front of each segment: it does not count."""
    out, seen = [], set()
    for item in items:
        if isinstance(item, Segment):
            if item.payload and item.side() in seen:
                out.append(garbled(item, bad_checksum=True))
            seen.add(item.side())
        out.append(item)
    return out


def wrapped_sequence(items, _rng, _n):
    """Initial sequence numbers such that 2^32 is passed inside the ClientHello and the server's first bytes."""
    shift = {}
    for s in items:
        if isinstance(s, Segment) and s.payload:
            hello = s.payload[:2] == b"\x16\x03"
            key = s.flow(), s.side()
            if key not in shift or hello and shift[key][0] is False:
                shift[key] = hello, -(s.seq + len(s.payload) // 2)
    out = []
    for s in items:
        if isinstance(s, Segment):
            other = s.flow(), (s.target, s.target_port)
            own, peer = shift.get((s.flow(), s.side()), (0, 0))[1], shift.get(other, (0, 0))[1]
            ack = (s.ack + peer) & 0xFFFFFFFF if s.flags & 16 else s.ack
            s = replace(s, seq=(s.seq + own) & 0xFFFFFFFF, ack=ack)
        out.append(s)
    return out


def first_sender(items):
    """Flow -> the side of its first segment, the client in a whole capture."""
    sides = {}
    for s in items:
        if isinstance(s, Segment):
            sides.setdefault(s.flow(), s.side())
    return sides


def only_client(items, _rng, _n):
    sides = first_sender(items)
    return [s for s in items if isinstance(s, Segment) and s.side() == sides[s.flow()]]


def only_server(items, _rng, _n):
    sides = first_sender(items)
    return [s for s in items if isinstance(s, Segment) and s.side() != sides[s.flow()]]


def lose(items, rng, n):
    at = (n if n is not None else rng.randrange(1, len(items) + 1)) - 1
    return items[:at] + items[at + 1 :]


def midstream(items, _rng, n):
    """The tap was started late: without the first frames."""
    return items[n if n is not None else 3 :]


def keep(items, _rng, _n):
    return items


@dataclass
class Variant:
    kind: str
    change: callable = keep  # (items, rng, number) -> items
    frames: callable = lambda s, _: [ethernet(s)]  # (segment, rng) -> frames
    link: int = pcapio.ETHERNET
    container: callable = pcapio.pcap  # (link, frames) -> bytes of the file
    snap: int = 0  # default snap length; 0: whole frames
    same_times: bool = True  # of the first and last frame of a session
    same_ids: bool = True  # of sessions

    def apply(self, link, frames, seed=0, number=None):
        """The bytes of the new capture file."""
        rng = random.Random(seed)
        items = self.change([parse(link, frame) for frame in frames], rng, number)
        out = []
        for item in items:
            if isinstance(item, Segment):
                out += [pcapio.Frame(item.time_ns, data) for data in self.frames(item, rng)]
            elif item.link == self.link:
                out.append(pcapio.Frame(item.time_ns, item.data))
        if self.snap:
            out = [frame.snapped(number or self.snap) for frame in out]
        return self.container(self.link, out)


def zipped(link, frames):
    return gzip.compress(pcapio.pcap(link, frames), mtime=0)


VARIANTS = {
    "plain": Variant("same"),
    "single-bytes": Variant("same", single_bytes),
    "halves": Variant("same", halves),
    "pieces": Variant("same", pieces),
    "doubled": Variant("same", doubled),
    "doubled-ttl": Variant("same", doubled_ttl),
    "mirrored-late": Variant("same", mirrored_late, same_times=False),
    "reversed-side": Variant("same", reversed_side, same_times=False),
    "reversed-window": Variant("same", reversed_window, same_times=False),
    "retransmitted": Variant("same", retransmitted),
    "overlapping": Variant("same", overlapping),
    "bad-checksum-copy": Variant("same", bad_checksum_copy),
    "wrapped-sequence": Variant("same", wrapped_sequence, same_ids=False),
    "differing-copy": Variant("conflict", differing_copy),
    "pcapng": Variant("same", container=pcapio.pcapng),
    "pcapng-swapped": Variant("same", container=lambda link, frames: pcapio.pcapng(link, frames, ">")),
    "pcap-swapped": Variant("same", container=lambda link, frames: pcapio.pcap(link, frames, ">")),
    "pcap-nanoseconds": Variant("same", container=lambda link, frames: pcapio.pcap(link, frames, nano=True)),
    "gzip": Variant("same", container=zipped),
    "only-client": Variant("lossy", only_client),
    "only-server": Variant("lossy", only_server),
    "lose": Variant("lossy", lose),
    "midstream": Variant("lossy", midstream),
    "snap": Variant("lossy", snap=96),
}
VARIANTS.update({f.__name__.replace("_", "-"): Variant("same", frames=f) for f in wrap.TUNNELS})
VARIANTS.update({f.__name__: Variant("same", frames=f, link=link) for f, link in wrap.LINK_TYPES.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("files", nargs="*", metavar="IN OUT")
    options = parser.parse_args()
    if options.list:
        for name, variant in VARIANTS.items():
            print(f"{name:20} {variant.kind}")
        return 0
    name, _, number = (options.variant or "").partition(":")
    if name not in VARIANTS or len(options.files) != 2:
        parser.error("need --variant NAME (see --list), IN and OUT")
    link, frames = pcapio.read(options.files[0])
    pcapio.write(options.files[1], VARIANTS[name].apply(link, frames, options.seed, int(number) if number else None))
    return 0


if __name__ == "__main__":
    sys.exit(main())
