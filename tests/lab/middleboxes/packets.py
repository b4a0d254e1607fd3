# SPDX-License-Identifier: Apache-2.0
"""IP packets with TCP inside, as a box on the wire sees them: addresses, payload, and copies with another payload, all
checksums right. For this lab only. IPv4 without fragments, IPv6 without extension headers: the lab makes no others.
"""
import socket
import struct
from dataclasses import dataclass

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@dataclass
class Packet:
    head: bytes  # IP
    tcp: bytes  # TCP with its options
    payload: bytes

    @property
    def version(self):
        return self.head[0] >> 4

    @property
    def source(self):
        return self.head[12:16] if self.version == 4 else self.head[8:24]

    @property
    def destination(self):
        return self.head[16:20] if self.version == 4 else self.head[24:40]

    @property
    def ports(self):
        return struct.unpack_from("!HH", self.tcp)

    @property
    def sequence(self):
        return struct.unpack_from("!I", self.tcp, 4)[0]

    @property
    def acknowledged(self):
        return struct.unpack_from("!I", self.tcp, 8)[0]

    @property
    def flags(self):
        return self.tcp[13]

    def build(self):
        tcp = self.tcp[:16] + b"\0\0" + self.tcp[18:] + self.payload
        pseudo = self.source + self.destination + struct.pack("!IxxxB", len(tcp), socket.IPPROTO_TCP)
        tcp = tcp[:16] + struct.pack("!H", 0xFFFF ^ ones_sum(pseudo + tcp)) + tcp[18:]
        if self.version == 6:
            return self.head[:4] + struct.pack("!H", len(tcp)) + self.head[6:] + tcp
        head = self.head[:2] + struct.pack("!H", len(self.head) + len(tcp)) + self.head[4:10] + b"\0\0" + self.head[12:]
        return head[:10] + struct.pack("!H", 0xFFFF ^ ones_sum(head)) + head[12:] + tcp


def parse(data):
    """A Packet, or None for what is not whole TCP."""
    if len(data) < 40:
        return None
    if data[0] >> 4 == 4:
        at, end, protocol = 4 * (data[0] & 15), struct.unpack_from("!H", data, 2)[0], data[9]
    else:
        at, end, protocol = 40, 40 + struct.unpack_from("!H", data, 4)[0], data[6]
    if protocol != socket.IPPROTO_TCP or end > len(data) or at + 20 > end:
        return None
    body = at + 4 * (data[at + 12] >> 4)
    return Packet(data[:at], data[at:body], data[body:end]) if at + 20 <= body <= end else None


def reset(source, destination, ports, sequence, acknowledged, ttl):
    """A reset with a header of its own, made by nobody's TCP."""
    if len(source) == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0xBADD, 0, ttl, socket.IPPROTO_TCP, 0, source, destination)
    else:
        head = struct.pack("!IHBB16s16s", 6 << 28, 20, socket.IPPROTO_TCP, ttl, source, destination)
    tcp = struct.pack("!HHIIBBHHH", *ports, sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF, 0x50, RST | ACK, 0, 0, 0)
    return Packet(head, tcp, b"")


def send(packet):
    """Onto the wire, header and all, whoever its sender claims to be."""
    if packet.version == 4:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            raw.sendto(packet.build(), (socket.inet_ntop(socket.AF_INET, packet.destination), 0))
    else:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            raw.sendto(packet.build(), (socket.inet_ntop(socket.AF_INET6, packet.destination), 0))
