# SPDX-License-Identifier: Apache-2.0
"""TLS messages written by hand, for what no current library will say: SSL 2.0 and 3.0, export suites, RC4, any DH prime,
sentinels, heartbeats, renegotiation, encrypted records of given lengths. Nothing is encrypted: such records hold noise.

Every message function gives the bytes of one record unless it says otherwise; put several together with +.
RFC 5246, 8446 (hellos, sentinel), 6101 (SSL 3.0), 6520 (heartbeat), 8422 (named curves).
"""
import hashlib
import struct

SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = 0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304
CCS, ALERT, HANDSHAKE, APPLICATION, HEARTBEAT = 20, 21, 22, 23, 24
SENTINEL_TLS12, SENTINEL_TLS11 = b"DOWNGRD\x01", b"DOWNGRD\x00"
SUITES = [0xC02C, 0xC030, 0xC02B, 0xC02F, 0x009F, 0x009E, 0x009D, 0x009C, 0x0035, 0x002F]
SUITES13 = [0x1302, 0x1303, 0x1301]
ALERTS = {
    "close_notify": 0, "unexpected_message": 10, "bad_record_mac": 20, "record_overflow": 22, "handshake_failure": 40,
    "no_certificate": 41, "bad_certificate": 42, "unsupported_certificate": 43, "certificate_revoked": 44,
    "certificate_expired": 45, "certificate_unknown": 46, "illegal_parameter": 47, "unknown_ca": 48, "access_denied": 49,
    "decode_error": 50, "decrypt_error": 51, "protocol_version": 70, "insufficient_security": 71, "internal_error": 80,
    "inappropriate_fallback": 86, "user_canceled": 90, "no_renegotiation": 100, "missing_extension": 109,
    "unsupported_extension": 110, "unrecognized_name": 112, "bad_certificate_status_response": 113,
    "unknown_psk_identity": 115, "certificate_required": 116, "no_application_protocol": 120,
}  # fmt: skip


def noise(size, seed=0):
    """Bytes that look like chance and are the same every time; never a sentinel."""
    return hashlib.shake_128(f"noise {seed}".encode()).digest(size)


def record(kind, body, version=TLS12):
    return struct.pack(">BHH", kind, version, len(body)) + body


def message(kind, body, version=TLS12):
    """A handshake message in a record of its own."""
    return record(HANDSHAKE, struct.pack(">I", kind << 24 | len(body)) + body, version)


def vector(width, data):
    return len(data).to_bytes(width, "big") + data


def words(values):
    return b"".join(struct.pack(">H", value) for value in values)


def extension(kind, body=b""):
    return struct.pack(">HH", kind, len(body)) + body


def extensions_of(sni=None, versions=None, groups=None, signatures=None, alpn=None, key_share=None, ems=False, etm=False,
                  renegotiation=True, ticket=False, heartbeat=False, status=False):
    """The extensions of a ClientHello, in this order."""
    out = b""
    if sni:
        out += extension(0, vector(2, b"\0" + vector(2, sni.encode())))
    if status:
        out += extension(5, b"\x01\0\0\0\0")
    if groups:
        out += extension(10, vector(2, words(groups))) + extension(11, b"\x01\0")
    if signatures:
        out += extension(13, vector(2, words(signatures)))
    if heartbeat:
        out += extension(15, b"\x01")
    if alpn:
        out += extension(16, vector(2, b"".join(vector(1, name.encode()) for name in alpn)))
    if etm:
        out += extension(22)
    if ems:
        out += extension(23)
    if ticket:
        out += extension(35)
    if versions:
        out += extension(43, vector(1, words(versions)))
    if key_share:
        out += extension(51, vector(2, struct.pack(">H", key_share) + vector(2, noise(32, "share"))))
    if renegotiation:
        out += extension(0xFF01, b"\0")
    return out


def client_hello(version=TLS12, ciphers=None, extensions=None, compression=b"\0", session_id=b"", record_version=None, seed="C", **more):
    """`version` is the highest offered; `more` as extensions_of(); `extensions`: bytes instead, b"" for none at all."""
    modern = version >= TLS13
    if ciphers is None:
        ciphers = (SUITES13 if modern else []) + (SUITES if version >= TLS12 else [0xC014, 0xC013, 0x0039, 0x0033, 0x0035, 0x002F, 0x000A])
    if extensions is None:
        if version >= TLS10:
            more.setdefault("groups", [29, 23, 24])
        if version >= TLS12:
            more.setdefault("signatures", [0x0804, 0x0403, 0x0401, 0x0501, 0x0201])
        if modern:
            more.setdefault("versions", [TLS13, TLS12])
            more.setdefault("key_share", 29)
            session_id = session_id or noise(32, "session")
        more.setdefault("renegotiation", version >= TLS10)
        extensions = extensions_of(**more)
    body = struct.pack(">H", min(version, TLS12)) + noise(32, seed) + vector(1, session_id) + vector(2, words(ciphers)) + vector(1, compression)
    body += vector(2, extensions) if extensions else b""
    return message(1, body, record_version or min(version, TLS10))


def server_hello(version=TLS12, cipher=0xC02F, sentinel=b"", extensions=None, session_id=b"", compression=0, seed="S", renegotiation=True, ems=False,
                 etm=False, heartbeat=False, ticket=False):
    chance = noise(32 - len(sentinel), seed) + sentinel
    if extensions is None:
        extensions = b""
        if version == TLS13:
            extensions = extension(43, words([TLS13])) + extension(51, struct.pack(">H", 29) + vector(2, noise(32, "server share")))
        else:
            extensions += extension(0xFF01, b"\0") if renegotiation and version >= TLS10 else b""
            extensions += extension(15, b"\x01") if heartbeat else b""
            extensions += extension(22) if etm else b""
            extensions += extension(23) if ems else b""
            extensions += extension(35) if ticket else b""
    body = struct.pack(">H", min(version, TLS12)) + chance + vector(1, session_id) + struct.pack(">HB", cipher, compression)
    body += vector(2, extensions) if extensions else b""
    return message(2, body, min(version, TLS12))


def certificate(ders, version=TLS12):
    return message(11, vector(3, b"".join(vector(3, der) for der in ders)), version)


def signature(version, scheme=0x0401, size=256):
    return (struct.pack(">H", scheme) if version >= TLS12 else b"") + vector(2, noise(size, "signature"))


def key_exchange_dhe(prime, version=TLS12, generator=2, public=None, scheme=0x0401, signed=True):
    """ServerKeyExchange with a finite field group; `prime` an integer. Not signed: anonymous."""
    size = (prime.bit_length() + 7) // 8
    public = (prime // 3 if public is None else public).to_bytes(size, "big")
    body = vector(2, prime.to_bytes(size, "big")) + vector(2, bytes([generator])) + vector(2, public)
    return message(12, body + (signature(version, scheme) if signed else b""), version)


def key_exchange_ecdhe(group=29, version=TLS12, scheme=0x0401, signed=True):
    size = {23: 65, 24: 97, 25: 133, 29: 32, 30: 56}.get(group, 65)
    point = noise(size, "point") if group in (29, 30) else b"\x04" + noise(size - 1, "point")
    return message(12, b"\x03" + struct.pack(">H", group) + vector(1, point) + (signature(version, scheme) if signed else b""), version)


def key_exchange_rsa_export(bits=512, version=TLS10):
    """The temporary RSA key of the export suites."""
    return message(12, vector(2, noise(bits // 8, "modulus")) + vector(2, b"\x01\0\x01") + signature(version), version)


def certificate_request(version=TLS12):
    return message(13, vector(1, b"\x01\x40") + (vector(2, words([0x0401, 0x0403])) if version >= TLS12 else b"") + vector(2, b""), version)


def server_hello_done(version=TLS12):
    return message(14, b"", version)


def client_key_exchange(version=TLS12, size=256):
    secret = noise(size, "key")
    return message(16, secret if version == SSL3 else vector(2, secret), version)


def hello_request(version=TLS12):
    return message(0, b"", version)


def ccs(version=TLS12):
    return record(CCS, b"\x01", version)


def encrypted(size, kind=APPLICATION, version=TLS12, seed=0):
    """A record of `size` bytes that nobody can read."""
    return record(kind, noise(size, f"{kind} {size} {seed}"), version)


def finished(version=TLS12, size=40):
    return encrypted(size, HANDSHAKE, version)


def alert(code, level=2, version=TLS12):
    return record(ALERT, bytes([level, ALERTS.get(code, code)]), version)


def heartbeat(kind=1, claimed=16, payload=16, padding=16, version=TLS12):
    """kind 1 request, 2 response; `claimed` is what it says of the payload's length, `payload` what it holds."""
    return record(HEARTBEAT, struct.pack(">BH", kind, claimed) + noise(payload, "beat") + noise(padding, "pad"), version)


def ssl2_record(body):
    return struct.pack(">H", 0x8000 | len(body)) + body


def ssl2_client_hello(version=SSL2, kinds=(0x010080, 0x020080, 0x0700C0, 0x060040), suites=()):
    """SSL 2.0's format; with a later `version` the compatible one, whose suites are three bytes with a leading zero."""
    specs = b"".join(kind.to_bytes(3, "big") for kind in (*kinds, *suites))
    return ssl2_record(b"\x01" + struct.pack(">HHHH", version, len(specs), 0, 16) + specs + noise(16, "ssl2"))


def ssl2_server_hello(der, kinds=(0x010080,)):
    specs = b"".join(kind.to_bytes(3, "big") for kind in kinds)
    return ssl2_record(b"\x04\0\x01" + struct.pack(">HHHH", SSL2, len(der), len(specs), 16) + der + specs + noise(16, "id"))


def with_certificates(turn, ders):
    """A server's flight (TLS 1.2 and before, whole records) with other certificates in it."""
    out = b""
    while turn:
        kind, version, size = struct.unpack_from(">BHH", turn)
        body, turn = turn[5 : 5 + size], turn[5 + size :]
        while kind == HANDSHAKE and body and body[0] in (2, 4, 11, 12, 13, 14, 22):
            length = 4 + int.from_bytes(body[1:4], "big")
            out += certificate(ders, version) if body[0] == 11 else record(kind, body[:length], version)
            body = body[length:]
        out += record(kind, body, version) if body else b""
    return out
