# SPDX-License-Identifier: Apache-2.0
"""Capture files in and out, in plain Python: pcap of either byte order and resolution, pcapng, gzip around any.

Read: whole files into a list of frames. Written: one interface per file. Not here: what is inside a frame (packets.py).
Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
"""
import gzip
import struct
from dataclasses import dataclass, replace

ETHERNET, RAW, NULL = 1, 101, 0


@dataclass
class Frame:
    time_ns: int
    data: bytes
    wire: int = 0  # bytes on the wire; 0: as many as there are

    def length(self):
        return max(self.wire, len(self.data))

    def snapped(self, size):
        return replace(self, data=self.data[:size], wire=self.length())


class BadCapture(Exception):
    pass


def read(path):
    """(link type, frames) of a capture file."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        return read_pcapng(data)
    for order in "<", ">":
        for magic, unit in (0xA1B2C3D4, 1000), (0xA1B23C4D, 1):
            if data[:4] == struct.pack(order + "I", magic):
                return read_pcap(data, order, unit)
    raise BadCapture(f"{path}: no capture file")


def read_pcap(data, order, unit):
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    frames, at = [], 24
    while at + 16 <= len(data):
        seconds, fraction, captured, wire = struct.unpack_from(order + "IIII", data, at)
        frames.append(Frame(seconds * 10**9 + fraction * unit, data[at + 16 : at + 16 + captured], wire))
        at += 16 + captured
    return link, frames


def read_pcapng(data):
    """Enhanced and simple packet blocks; all interfaces must be of one link type."""
    frames, links, units, order, at = [], [], [], "<", 0
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links_here = len(links)
        kind, size = struct.unpack_from(order + "II", data, at)
        body = data[at + 8 : at + size - 4]
        if kind == 1:
            links.append(struct.unpack_from(order + "H", body)[0])
            units.append(time_unit(body, order))
        elif kind == 6:
            number, high, low, captured, wire = struct.unpack_from(order + "IIIII", body)
            frames.append(Frame((high << 32 | low) * units[links_here + number], body[20 : 20 + captured], wire))
        elif kind == 3:
            wire = struct.unpack_from(order + "I", body)[0]
            frames.append(Frame(0, body[4 : 4 + wire], wire))
        if size < 12:
            break
        at += size
    if len(set(links)) != 1:
        raise BadCapture("interfaces of several link types")
    return links[0], frames


def time_unit(body, order):
    """Nanoseconds of one tick: option if_tsresol, else microseconds."""
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        if code == 9:
            return 10 ** (9 - body[at + 4]) if body[at + 4] <= 9 else 1
        if code == 0:
            break
        at += 4 + (size + 3) // 4 * 4
    return 1000


def pcap(link, frames, order="<", nano=False, snaplen=262144):
    """The bytes of a pcap file."""
    unit = 1 if nano else 1000
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)]
    for frame in frames:
        seconds, rest = divmod(frame.time_ns, 10**9)
        parts.append(struct.pack(order + "IIII", seconds, rest // unit, len(frame.data), frame.length()))
        parts.append(frame.data)
    return b"".join(parts)


def pcapng(link, frames, order="<"):
    """The bytes of a pcapng file with one section and one interface of nanosecond resolution."""

    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + size + body + size

    resolution = struct.pack(order + "HHBxxxHH", 9, 1, 9, 0, 0)
    parts = [block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    parts.append(block(1, struct.pack(order + "HHI", link, 0, 262144) + resolution))
    for frame in frames:
        high, low = divmod(frame.time_ns, 1 << 32)
        head = struct.pack(order + "IIIII", 0, high, low, len(frame.data), frame.length())
        parts.append(block(6, head + frame.data))
    return b"".join(parts)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
