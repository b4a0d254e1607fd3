# SPDX-License-Identifier: Apache-2.0
"""TCP segments out of frames and back into them, with all checksums made again.

A segment keeps what a cut must not change (addresses, flags, options, acknowledgement) as plain fields. Opened: Ethernet
with VLAN tags, Linux cooked v1 and v2, raw IP and BSD loopback, then IPv4 or IPv6 without fragments, then TCP. Tunnels are
only built (wrap.py), never opened: the captures to be cut are plain ones.
"""
import socket
import struct
from dataclasses import dataclass, replace

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP = 6
# Link type -> (length of its header, offset of the EtherType in it or None).
LINKS = {1: (14, 12), 113: (16, 14), 276: (20, 0), 101: (0, None), 12: (0, None), 228: (0, None), 229: (0, None), 0: (4, None)}


@dataclass
class Segment:
    time_ns: int
    version: int  # of IP
    source: bytes
    target: bytes
    ttl: int
    ident: int
    source_port: int
    target_port: int
    seq: int
    ack: int
    flags: int
    window: int
    options: bytes
    payload: bytes
    ether: bytes = bytes(12)  # both addresses of the Ethernet header
    bad_checksum: bool = False

    def flow(self):
        """The same for both sides."""
        return tuple(sorted([(self.source, self.source_port), (self.target, self.target_port)]))

    def side(self):
        return self.source, self.source_port

    def end(self):
        """The sequence number after its last byte."""
        return (self.seq + len(self.payload)) & 0xFFFFFFFF

    def part(self, start, stop):
        """Bytes [start, stop) as a segment of their own: FIN and PSH belong to the last byte, all else stays."""
        last = stop == len(self.payload)
        flags = self.flags if last else self.flags & ~(FIN | PSH)
        return replace(self, seq=(self.seq + start) & 0xFFFFFFFF, payload=self.payload[start:stop], flags=flags)

    def later(self, ns):
        return replace(self, time_ns=self.time_ns + ns)


@dataclass
class Other:
    """A frame that is no whole TCP segment: carried along where the link type stays."""

    time_ns: int
    data: bytes
    link: int


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(version, source, target, protocol, length):
    if version == 4:
        return source + target + struct.pack(">BBH", 0, protocol, length)
    return source + target + struct.pack(">IxxxB", length, protocol)


def ipv4(source, target, protocol, payload, ttl=64, ident=0, fragment=0x4000):
    """`fragment` is the field of flags and offset; the default is "don't fragment"."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, ttl, protocol, 0, source, target)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ipv6(source, target, protocol, payload, ttl=64):
    return struct.pack(">IHBB16s16s", 0x60000000, len(payload), protocol, ttl, source, target) + payload


def udp4(source, target, source_port, target_port, payload):
    """A UDP datagram over IPv4 without a checksum, as tunnels send it."""
    return ipv4(source, target, 17, struct.pack(">HHHH", source_port, target_port, 8 + len(payload), 0) + payload)


def tcp_bytes(s):
    head = struct.pack(
        ">HHIIBBHHH", s.source_port, s.target_port, s.seq, s.ack, (20 + len(s.options)) // 4 << 4, s.flags, s.window, 0, 0
    )
    data = head + s.options + s.payload
    total = checksum(pseudo(s.version, s.source, s.target, TCP, len(data)) + data)
    if s.bad_checksum:
        total ^= 0x5555
    return data[:16] + struct.pack(">H", total) + data[18:]


def ip_bytes(s):
    if s.version == 4:
        return ipv4(s.source, s.target, TCP, tcp_bytes(s), s.ttl, s.ident)
    return ipv6(s.source, s.target, TCP, tcp_bytes(s), s.ttl)


def ether_type(version):
    return b"\x08\x00" if version == 4 else b"\x86\xdd"


def ethernet(s):
    return s.ether + ether_type(s.version) + ip_bytes(s)


def parse(link, frame):
    """The frame as Segment or Other."""
    return parse_ip(link, frame) or Other(frame.time_ns, frame.data, link)


def parse_ip(link, frame):
    if link not in LINKS or len(frame.data) < frame.length():
        return None
    data, (size, kind) = frame.data, LINKS[link]
    ether = data[:12] if link == 1 else bytes(12)
    if kind is not None:
        kind = data[kind : kind + 2]
        while kind in (b"\x81\x00", b"\x88\xa8"):
            kind, size = data[size + 2 : size + 4], size + 4
        if kind not in (b"\x08\x00", b"\x86\xdd"):
            return None
    ip = data[size:]
    if len(ip) >= 40 and ip[0] >> 4 == 4:
        head, total = (ip[0] & 15) * 4, struct.unpack_from(">H", ip, 2)[0]
        ident, fragment = struct.unpack_from(">HH", ip, 4)
        total = total or len(ip)
        if ip[9] != TCP or fragment & 0x3FFF or total > len(ip):
            return None
        fields = dict(version=4, source=ip[12:16], target=ip[16:20], ttl=ip[8], ident=ident)
    elif len(ip) >= 60 and ip[0] >> 4 == 6:
        head, total = 40, 40 + struct.unpack_from(">H", ip, 4)[0]
        if ip[6] != TCP or total > len(ip):
            return None
        fields = dict(version=6, source=ip[8:24], target=ip[24:40], ttl=ip[7], ident=0)
    else:
        return None
    tcp = ip[head:total]
    if len(tcp) < 20 or not 20 <= (tcp[12] >> 4) * 4 <= len(tcp):
        return None
    source_port, target_port, seq, ack, start, flags, window = struct.unpack_from(">HHIIBBH", tcp)
    start = (start >> 4) * 4
    return Segment(
        time_ns=frame.time_ns,
        source_port=source_port,
        target_port=target_port,
        seq=seq,
        ack=ack,
        flags=flags,
        window=window,
        options=tcp[20:start],
        payload=tcp[start:],
        ether=ether,
        **fields,
    )


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def checksum_right(s, data):
    """Whether the TCP checksum in a serialised segment is right; for tests of this module."""
    return checksum(pseudo(s.version, s.source, s.target, TCP, len(data)) + data) == 0
