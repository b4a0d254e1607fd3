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
    """One direction: the first copy of each byte stays."""

    def __init__(self):
        self.anchor = None
        self.seen = False
        self.bytes = {}
        self.acked = {}  # the lowest acknowledgement with which a byte was sent
        self.syn = None
        self.fin = None
        self.acks = []  # by the peer
        self.answered_at = None  # what the peer's SYN-ACK acknowledges

    def position(self, seq):
        if self.anchor is None:
            self.anchor = seq
        return WRAP + (seq - self.anchor + HALF) % WRAP - HALF

    def base(self, peer_syn):
        if self.syn is not None:
            return self.syn + 1
        if self.answered_at is not None:
            return self.answered_at
        starts = [min(self.bytes)] if self.bytes else [self.fin] if self.fin is not None else []
        if peer_syn and self.acks:
            starts.append(min(self.acks))
        return min(starts) if starts else None

    def end(self, base):
        if self.fin is not None:
            return self.fin
        end = max(self.bytes) + 1 if self.bytes else base
        acked = max(self.acks, default=base)
        return acked if acked > end + 1 else end  # one more may be a FIN that nobody saw


def runs(stream, peer_syn):
    base = stream.base(peer_syn)
    result = []
    if base is None or not stream.seen:  # nothing is missed of what is not in the capture
        return result
    at, end = base, stream.end(base)
    while at < end:
        start = at
        known = at in stream.bytes
        while at < end and (at in stream.bytes) == known:
            at += 1
        if known:
            data = bytes(stream.bytes[i] for i in range(start, at))
            result.append(["data", start - base, data.hex()])
        else:
            result.append(["gap", start - base, at - start])
    return result


def reassemble(segments):
    """The two streams of an iterable of segments."""
    streams = {"C": Stream(), "S": Stream()}
    for segment in segments:
        own, peer = streams[segment["side"]], streams[other(segment["side"])]
        flags, data = segment["flags"], bytes.fromhex(segment["data"])
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
        for i, byte in enumerate(data, at):
            own.bytes.setdefault(i, byte)
            own.acked[i] = min(own.acked.get(i, ack or 0), ack or 0)
        if "f" in flags:
            own.fin = at + len(data)
    return streams


def main():
    streams = reassemble(json.loads(line) for line in sys.stdin if line.strip())
    for side in "CS":
        peer_syn = streams[other(side)].syn is not None
        print(json.dumps({"side": side, "runs": runs(streams[side], peer_syn)}))


if __name__ == "__main__":
    main()
