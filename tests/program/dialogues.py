# SPDX-License-Identifier: Apache-2.0
"""Captures out of written dialogues: lists of "C: ..." and "S: ..." lines become TCP segments.

For tests that need words which real software would not send, or in places where it would not.
"""
from harness import packets, pcapio

CLIENT, SERVER = packets.address("198.51.100.77"), packets.address("192.0.2.77")
START = 1_790_000_000 * 10**9
MS = 10**6


def segment(time, side, port, number, seq, ack, flags, payload=b""):
    ends = (CLIENT, 40000 + number), (SERVER, port)
    (source, source_port), (target, target_port) = ends if side == "C" else ends[::-1]
    return packets.Segment(
        time_ns=time, version=4, source=source, target=target, ttl=60, ident=0, source_port=source_port,
        target_port=target_port, seq=seq, ack=ack, flags=flags, window=64000, options=b"", payload=payload,
        ether=bytes.fromhex("020000000077020000000078"),
    )  # fmt: skip


def session(port, lines, number=0):
    """The segments of one TCP connection. A line is "C: text" or "S: text" and gets CRLF; bytes go as they are."""
    time, sent = START + number * 1000 * MS, {"C": 1000, "S": 5000}
    out = []

    def add(side, flags, payload=b""):
        nonlocal time
        time += MS
        peer = "S" if side == "C" else "C"
        ack = sent[peer] if flags & packets.ACK else 0
        out.append(segment(time, side, port, number, sent[side], ack, flags, payload))
        sent[side] += len(payload) + (1 if flags & (packets.SYN | packets.FIN) else 0)

    add("C", packets.SYN)
    add("S", packets.SYN | packets.ACK)
    add("C", packets.ACK)
    for line in lines:
        side, text = (line[:1], line[3:].encode() + b"\r\n") if isinstance(line, str) else (line[0], line[1])
        add(side, packets.PSH | packets.ACK, text)
        add("S" if side == "C" else "C", packets.ACK)
    for side in "CS":
        add(side, packets.FIN | packets.ACK)
    add("C", packets.ACK)
    return out


def capture(segments):
    frames = [pcapio.Frame(s.time_ns, packets.ethernet(s)) for s in sorted(segments, key=lambda s: s.time_ns)]
    return pcapio.pcap(pcapio.ETHERNET, frames)
