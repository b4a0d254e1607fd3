# SPDX-License-Identifier: Apache-2.0
"""The same segments inside other headers: tags, tunnels, fragments, link types. Each wrapper gives the frames of one segment.

A wrapper takes a Segment and a random generator and returns a list of bytes, nearly always one. Outer addresses follow the
inner direction, as on a real path, and are documentation addresses.
"""
import struct

from packets import SYN, TCP, address, ether_type, ethernet, ip_bytes, ipv4, ipv6, tcp_bytes, udp4

ENDS4 = address("198.51.100.201"), address("198.51.100.202")
ENDS6 = address("2001:db8:f::1"), address("2001:db8:f::2")
ENDS_ETHER = bytes.fromhex("020000000201"), bytes.fromhex("020000000202")
SESSION = 0x2A


def ends(s, pair):
    """The two ends of the tunnel in the direction of this segment."""
    return pair if (s.source, s.source_port) < (s.target, s.target_port) else pair[::-1]


def outer_ethernet(s, kind, payload):
    source, target = ends(s, ENDS_ETHER)
    return target + source + kind + payload


def outer4(s, protocol, payload):
    return outer_ethernet(s, b"\x08\x00", ipv4(*ends(s, ENDS4), protocol, payload))


def outer_udp(s, port, payload):
    return outer_ethernet(s, b"\x08\x00", udp4(*ends(s, ENDS4), 49152, port, payload))


def vlan(s, _):
    return [s.ether + b"\x81\x00" + struct.pack(">H", SESSION) + ether_type(s.version) + ip_bytes(s)]


def qinq(s, _):
    tags = b"\x88\xa8" + struct.pack(">H", 7) + b"\x81\x00" + struct.pack(">H", SESSION)
    return [s.ether + tags + ether_type(s.version) + ip_bytes(s)]


def mpls(s, _):
    labels = struct.pack(">II", 16 << 12 | 64, SESSION << 12 | 1 << 8 | 64)
    return [s.ether + b"\x88\x47" + labels + ip_bytes(s)]


def pppoe(s, _):
    ppp = (b"\x00\x21" if s.version == 4 else b"\x00\x57") + ip_bytes(s)
    return [s.ether + b"\x88\x64" + struct.pack(">BBHH", 0x11, 0, SESSION, len(ppp)) + ppp]


def gre(s, _):
    return [outer4(s, 47, b"\x00\x00" + ether_type(s.version) + ip_bytes(s))]


def gre_key(s, _):
    """With checksum absent, key and sequence number present, as routers configure it."""
    return [outer4(s, 47, b"\x30\x00" + ether_type(s.version) + struct.pack(">II", SESSION, 1) + ip_bytes(s))]


def gre_ethernet(s, _):
    return [outer4(s, 47, b"\x20\x00\x65\x58" + struct.pack(">I", SESSION << 8) + ethernet(s))]


def erspan1(s, _):
    return [outer4(s, 47, b"\x00\x00\x88\xbe" + ethernet(s))]


def erspan2(s, _):
    head = struct.pack(">HHI", 1 << 12 | 1, SESSION, 3)
    return [outer4(s, 47, b"\x10\x00\x88\xbe" + struct.pack(">I", 1) + head + ethernet(s))]


def erspan3(s, _):
    head = struct.pack(">HHIHH", 2 << 12 | 1, SESSION, 12345, 0, 0)
    return [outer4(s, 47, b"\x10\x00\x22\xeb" + struct.pack(">I", 1) + head + ethernet(s))]


def erspan3_platform(s, _):
    """The O bit announces eight more bytes."""
    head = struct.pack(">HHIHHQ", 2 << 12 | 1, SESSION, 12345, 0, 1, 0)
    return [outer4(s, 47, b"\x10\x00\x22\xeb" + struct.pack(">I", 1) + head + ethernet(s))]


def vxlan(s, _):
    return [outer_udp(s, 4789, struct.pack(">II", 0x08000000, SESSION << 8) + ethernet(s))]


def geneve(s, _):
    """With one option of four bytes, so that the length field matters."""
    head = struct.pack(">BBHI", 2, 0, 0x6558, SESSION << 8) + struct.pack(">HBBI", 0x0102, 0x80, 1, 0)
    return [outer_udp(s, 6081, head + ethernet(s))]


def gtpu(s, _):
    ip = ip_bytes(s)
    return [outer_udp(s, 2152, struct.pack(">BBHI", 0x30, 0xFF, len(ip), SESSION) + ip)]


def gtpu_extension(s, _):
    """As on 5G's N3: a PDU session container between header and packet (3GPP TS 29.281 section 5.2)."""
    body = struct.pack(">HBB", 0, 0, 0x85) + bytes([1, 0, 9, 0]) + ip_bytes(s)
    return [outer_udp(s, 2152, struct.pack(">BBHI", 0x34, 0xFF, len(body), SESSION) + body)]


def ipip(s, _):
    """6in4 when the segment is IPv6."""
    return [outer4(s, 4 if s.version == 4 else 41, ip_bytes(s))]


def ipip6(s, _):
    """4in6 when the segment is IPv4."""
    packet = ipv6(*ends(s, ENDS6), 4 if s.version == 4 else 41, ip_bytes(s))
    return [outer_ethernet(s, b"\x86\xdd", packet)]


def nested(s, _):
    """A mirror of a provider's network: VXLAN around QinQ around the frame."""
    return [outer_udp(s, 4789, struct.pack(">II", 0x08000000, SESSION << 8) + qinq(s, None)[0])]


def fragments(s, rng):
    """IP fragments in any order; a SYN stays whole."""
    data = tcp_bytes(s)
    if s.flags & SYN or len(data) <= 40:
        return [ethernet(s)]
    ident, pieces, at = s.ident or rng.randrange(1, 65536), [], 0
    while at < len(data):
        size = rng.randrange(3, 64) * 8
        more, piece = at + size < len(data), data[at : at + size]
        if s.version == 4:
            pieces.append(ipv4(s.source, s.target, TCP, piece, s.ttl, ident, more << 13 | at // 8))
        else:
            header = struct.pack(">BxHI", TCP, at | more, (s.seq ^ s.source_port) & 0xFFFFFFFF)
            pieces.append(ipv6(s.source, s.target, 44, header + piece, s.ttl))
        at += size
    rng.shuffle(pieces)
    return [s.ether + ether_type(s.version) + piece for piece in pieces]


def sll(s, _):
    return [struct.pack(">HHH", 0, 1, 6) + s.ether[6:12] + bytes(2) + ether_type(s.version) + ip_bytes(s)]


def sll2(s, _):
    head = ether_type(s.version) + struct.pack(">HIHBB", 0, 2, 1, 0, 6)
    return [head + s.ether[6:12] + bytes(2) + ip_bytes(s)]


def raw(s, _):
    return [ip_bytes(s)]


def null(s, _):
    """The family is in the byte order of the writer: little here; IPv6 as FreeBSD numbers it."""
    return [struct.pack("<I", 2 if s.version == 4 else 28) + ip_bytes(s)]


def loop(s, _):
    return [struct.pack(">I", 2 if s.version == 4 else 24) + ip_bytes(s)]


def ppp(s, _):
    return [b"\xff\x03" + (b"\x00\x21" if s.version == 4 else b"\x00\x57") + ip_bytes(s)]


def chdlc(s, _):
    return [b"\x0f\x00" + ether_type(s.version) + ip_bytes(s)]


def wifi(s, _):
    """A QoS data frame from the access point, LLC/SNAP inside."""
    head = b"\x88\x02\x00\x00" + s.ether[:6] + s.ether[6:12] + s.ether[6:12] + bytes(2) + bytes(2)
    return [head + b"\xaa\xaa\x03\x00\x00\x00" + ether_type(s.version) + ip_bytes(s)]


def radiotap(s, _):
    return [struct.pack("<BBHI", 0, 0, 8, 0) + wifi(s, None)[0]]


def nflog(s, _):
    def field(kind, value):
        return struct.pack("<HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)

    family = b"\x02" if s.version == 4 else b"\x0a"
    return [family + bytes(3) + field(1, ether_type(s.version) + bytes(2)) + field(9, ip_bytes(s))]


TUNNELS = [
    vlan, qinq, mpls, pppoe, gre, gre_key, gre_ethernet, erspan1, erspan2, erspan3, erspan3_platform, vxlan, geneve, gtpu,
    gtpu_extension, ipip, ipip6, nested, fragments,
]  # fmt: skip
LINK_TYPES = {
    sll: 113, sll2: 276, raw: 101, null: 0, loop: 108, ppp: 9, chdlc: 104, wifi: 105, radiotap: 127, nflog: 239,
}  # fmt: skip
