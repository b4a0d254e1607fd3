#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A plain TCP reassembler, as an oracle for src/flow: it has all segments at once and no bounds.

Reads one connection as JSON lines on stdin, one segment each:
    {"side": "C", "seq": 1001, "ack": 5001, "flags": "f", "data": "515549540d0a"}
with "flags" of s (SYN), f (FIN), r (RST) and "ack" null where the flag is not set. Prints for each
side the runs of its stream: [["data", offset, hex], ["gap", offset, length], ...].
"""
import json
import sys

HALF = 1 << 31
WRAP = 1 << 32


def other(side):
    return "S" if side == "C" else "C"


class Stream:
    """One direction. Numbers are positions: they do not wrap."""

    def __init__(self):
        self.anchor = None
        self.seen = False
        self.segments = []  # (position, bytes, what it acknowledges), in order of arrival
        self.syn = None
        self.fin = None
        self.acks = []  # by the peer
        self.answered_at = None  # what the peer's SYN-ACK acknowledges
        self.start = self.stop = None  # of all bytes
        self.content = self.known = None

    def position(self, seq):
        if self.anchor is None:
            self.anchor = seq
        return WRAP + (seq - self.anchor + HALF) % WRAP - HALF

    def base(self, peer_syn):
        if self.syn is not None:
            return self.syn + 1
        if self.answered_at is not None:
            return self.answered_at
        starts = [self.start] if self.segments else [self.fin] if self.fin is not None else []
        if peer_syn and self.acks:
            starts.append(min(self.acks))
        return min(starts) if starts else None

    def end(self, base):
        if self.fin is not None:
            return self.fin
        end = self.stop if self.segments else base
        acked = max(self.acks, default=base)
        return acked if acked > end + 1 else end  # one more may be a FIN that nobody saw

    def lay_out(self):
        """All bytes side by side: the first copy of each stays."""
        if not self.segments:
            return
        self.start = min(at for at, _, _ in self.segments)
        self.stop = max(at + len(data) for at, data, _ in self.segments)
        self.content = bytearray(self.stop - self.start)
        self.known = bytearray(self.stop - self.start)
        for at, data, _ in self.segments:
            first, last = at - self.start, at - self.start + len(data)
            if self.known.find(1, first, last) < 0:
                self.content[first:last] = data
            else:
                for i, byte in enumerate(data, first):
                    if not self.known[i]:
                        self.content[i] = byte
            self.known[first:last] = b"\1" * len(data)

    def run(self, at, end):
        """What begins at this position: known or not, and where it ends."""
        if not self.segments or at >= self.stop:
            return False, end
        if at < self.start:
            return False, min(self.start, end)
        known = self.known[at - self.start]
        change = self.known.find(1 - known, at - self.start)
        if change >= 0:
            return known == 1, min(self.start + change, end)
        return known == 1, min(self.stop, end) if known else end

    def acked(self):
        """For each byte from `start` on: the lowest acknowledgement with which it was sent."""
        lowest = [None] * (self.stop - self.start)
        for at, data, ack in sorted(self.segments, key=lambda s: s[2] or 0, reverse=True):
            lowest[at - self.start:at - self.start + len(data)] = [ack or 0] * len(data)
        return lowest


def runs(stream, peer_syn):
    base = stream.base(peer_syn)
    result = []
    if base is None or not stream.seen:  # nothing is missed of what is not in the capture
        return result
    at, end = base, stream.end(base)
    while at < end:
        known, stop = stream.run(at, end)
        if known:
            data = stream.content[at - stream.start:stop - stream.start]
            result.append(["data", at - base, data.hex()])
        else:
            result.append(["gap", at - base, stop - at])
        at = stop
    return result


def reassemble(segments):
    """The two streams of an iterable of segments, whose data are bytes."""
    streams = {"C": Stream(), "S": Stream()}
    for segment in segments:
        own, peer = streams[segment["side"]], streams[other(segment["side"])]
        flags, data = segment["flags"], segment["data"]
        own.seen = True
        at = own.position(segment["seq"])
        ack = None if segment["ack"] is None else peer.position(segment["ack"])
        if "r" in flags:
            continue
        if "s" in flags:
            own.syn = at
            at += 1
            if ack is not None:
                peer.answered_at = ack
        if ack is not None:
            peer.acks.append(ack)
        if data:
            own.segments.append((at, data, ack))
        if "f" in flags:
            own.fin = at + len(data)
    for stream in streams.values():
        stream.lay_out()
    return streams


def main():
    segments = [json.loads(line) for line in sys.stdin if line.strip()]
    streams = reassemble(s | {"data": bytes.fromhex(s["data"])} for s in segments)
    for side in "CS":
        peer_syn = streams[other(side)].syn is not None
        print(json.dumps({"side": side, "runs": runs(streams[side], peer_syn)}))


if __name__ == "__main__":
    main()
