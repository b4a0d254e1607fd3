# SPDX-License-Identifier: Apache-2.0
"""Captures out of scripted dialogues, for tests: Talk builds one TCP connection, capture() makes the file of some of them.

    from conversation import Talk
    talk = Talk(port=25)                         # client 198.51.100.10, server 192.0.2.25; IPv6: client="2001:db8::10", ...
    talk.server("220 mx.example.net ESMTP Postfix\\r\\n")      # one write of that side; str or bytes
    talk.client("EHLO a.example.org\\r\\n")
    talk.dialogue("S: 250-mx.example.net", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go")   # the same, CRLF added
    talk.tls(max="TLSv1.2", chain="expired")     # a real handshake by OpenSSL, some application data, close_notify
    talk.fin("client")                           # left out: both sides close at the end

Each write acknowledges what the other side sent before. What is special:
    talk.wait(90)                                seconds pass; what was received is acknowledged first
    talk.send("client", data, acked=False)       sent before the other side's last answer had arrived (its ACK is older)
    talk.segments("server", [b"22", b"0 go"])    cut as given
    talk.again("server", 0, b"220 mx", ttl=9)    other bytes for an offset of its stream that was sent before (negative: from
                                                 the end); payload conflicts
    talk.lose("server", data)                    was sent and acknowledged, but is not in the capture
    talk.only("client")                          the tap sees that side only
    talk.rst("server", ttl=250), talk.fin("client"), talk.no_fin()
    Talk(midstream=True)                         the capture begins behind the TCP handshake
    Talk(ttl={"client": 60, "server": 57})

TLS: talk.tls(...) with OpenSSL (TLS 1.0 to 1.3), talk.tls_by_hand(...) for what it refuses to do; see there, and tlsbytes.py
for single messages: talk.client(tlsbytes.client_hello(tlsbytes.SSL3, [0x0004], extensions=b"")). Certificates: pki.py.

`talk.tls_up` says whether the last TLS came up, `talk.tls_errors` what OpenSSL thought.
"""
import packets
import pcapio
import pki
import tlsbytes
import tlstalk
from packets import ACK, FIN, PSH, RST, SYN

__all__ = ["Talk", "capture", "pki", "tlsbytes"]

START = pki.BASE + 10 * 3600  # 2026-05-04 10:00 UTC
MSS = 1448
STEP = 0.004  # seconds between segments


class Talk:
    def __init__(self, port=25, client="198.51.100.10", server="192.0.2.25", client_port=None, start=START, ttl=None, midstream=False, number=0,
                 server_name="mx.example.net", step=STEP):
        """`number` tells the connections of one capture apart: other client port, initial numbers, a later start."""
        self.ends = {"client": (packets.address(client), client_port or 40000 + number), "server": (packets.address(server), port)}
        self.version = 6 if ":" in client else 4
        self.ttl = {"client": 63, "server": 57, **(ttl or {})}
        self.server_name, self.port = server_name, port
        self.start = start + 600 * number
        self.time_ns, self.step = int(self.start * 10**9), int(step * 10**9)
        self.first = {"client": 1_000_001 + 7919 * number, "server": 5_000_001 + 7919 * number}
        self.sent, self.acked = {"client": 0, "server": 0}, {"client": 0, "server": 0}  # bytes of one's own, of the other's
        self.closed = {"client": False, "server": False}
        self.shown, self.ended, self.auto_end = [], False, True
        self.sides = ("client", "server")
        self.tls_up, self.tls_errors = False, []
        self.contradicts = False  # some bytes were sent twice, or with a wrong checksum
        self.ident = 0
        for side, flags in (("client", SYN), ("server", SYN | ACK), ("client", ACK)):
            self._emit(side, flags, seq=self.first[side] - 1 if flags & SYN else self.first[side], hidden=midstream)

    @staticmethod
    def other(side):
        return "server" if side == "client" else "client"

    def _emit(self, side, flags, payload=b"", seq=None, ttl=None, hidden=False, bad_checksum=False):
        peer = self.other(side)
        self.time_ns += self.step
        self.ident += 1
        (source, source_port), (target, target_port) = self.ends[side], self.ends[peer]
        ether = [b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"]
        self.last = packets.Segment(
            time_ns=self.time_ns, version=self.version, source=source, target=target, ttl=ttl or self.ttl[side], ident=self.ident & 0xFFFF,
            source_port=source_port, target_port=target_port,
            seq=(self.first[side] + self.sent[side] if seq is None else seq) & 0xFFFFFFFF,
            ack=(self.first[peer] + self.acked[side]) & 0xFFFFFFFF if flags & ACK else 0, flags=flags, window=64240,
            options=b"\x02\x04\x05\xb4" if flags & SYN else b"", payload=payload,
            ether=ether[0] + ether[1] if side == "server" else ether[1] + ether[0], bad_checksum=bad_checksum,
        )  # fmt: skip
        if not hidden:
            self.shown.append((side, self.last))
        return self

    # --- bytes ---

    def send(self, side, data, acked=True, ttl=None, lost=False, bad_checksum=False):
        """One write, cut at the MSS. acked=False: nothing of what the other sent since is acknowledged."""
        data = data.encode() if isinstance(data, str) else bytes(data)
        self.contradicts = self.contradicts or bad_checksum
        if acked:
            self.ack(side, alone=False)
        for at in range(0, len(data), MSS):
            part = data[at : at + MSS]
            self._emit(side, ACK | (PSH if at + MSS >= len(data) else 0), part, ttl=ttl, hidden=lost, bad_checksum=bad_checksum)
            self.sent[side] += len(part)
        return self

    def client(self, data, **more):
        return self.send("client", data, **more)

    def server(self, data, **more):
        return self.send("server", data, **more)

    def dialogue(self, *lines):
        """ "C: words" and "S: words"; CRLF is added."""
        for line in lines:
            self.send({"C": "client", "S": "server"}[line[0]], line[3:] + "\r\n")
        return self

    def segments(self, side, parts, acked=True, **more):
        for part in parts:
            self.send(side, part, acked=acked, **more)
        return self

    def lose(self, side, data):
        self.send(side, data, lost=True)
        return self.ack(self.other(side))

    def again(self, side, offset, data, ttl=None, bad_checksum=False):
        data = data.encode() if isinstance(data, str) else bytes(data)
        offset += self.sent[side] if offset < 0 else 0
        self.contradicts = True
        return self._emit(side, ACK | PSH, data, seq=self.first[side] + offset, ttl=ttl, bad_checksum=bad_checksum)

    def ack(self, side, alone=True):
        """All that the other side sent arrived; alone: a segment says so, if there is anything to say."""
        news = self.acked[side] != self.sent[self.other(side)]
        self.acked[side] = self.sent[self.other(side)]
        return self._emit(side, ACK) if alone and news else self

    def wait(self, seconds):
        for side in ("client", "server"):
            self.ack(side)
        self.time_ns += int(seconds * 10**9)
        return self

    # --- the end ---

    def fin(self, side, answered=True):
        """That side closes; answered: the other one does too."""
        self.auto_end = False
        for closing in (side, self.other(side)) if answered else (side,):
            if self.closed[closing]:
                continue
            self.ack(closing, alone=False)
            self._emit(closing, FIN | ACK)
            self.sent[closing] += 1
            self.closed[closing] = True
        return self.ack(side if answered else self.other(side))

    def rst(self, side, ttl=None, bare=False):
        """bare: no ACK, as an answer to data for a closed socket has it."""
        self.auto_end = False
        self.ack(side, alone=False)
        return self._emit(side, RST if bare else RST | ACK, ttl=ttl)

    def no_fin(self):
        self.auto_end = False
        return self

    def only(self, *sides):
        self.sides = sides
        return self

    # --- TLS ---

    def turns(self, turns):
        """[(side, bytes), ...] as they come from tlstalk."""
        for side, data in turns:
            self.send(side, data)
        return self

    def tls(self, **how):
        """A real TLS connection by OpenSSL, from ClientHello to close_notify:

        min max client_min client_max server_min server_max   "TLSv1" "TLSv1.1" "TLSv1.2" "TLSv1.3" (default 1.2 to 1.3;
                      max="TLSv1.2" alone is just that). If they do not agree, the alert is OpenSSL's own.
        ciphers client_ciphers server_ciphers    OpenSSL's names for TLS 1.2 and before; level 0 is added
        chain         a kind of pki.KINDS, a dict of parameters of pki.chain(), a pki.Chain; None: an anonymous server
        key           of the leaf: "rsa2048", "ec256", ...       certificates  DERs put in place of those sent (not TLS 1.3)
        name          host name in the certificate, default the Talk's server_name
        sni           name that the client asks for, default the same; None: none
        alpn server_alpn                         lists
        request_client, client_chain             the server asks; the client has a chain of that kind
        dh_bits curve                            of the key exchange
        resume        an earlier session is resumed (the earlier connection is not shown)
        reject        code or name of the client's alert on the certificates; ("server", code): of the server
        data          [(side, plain bytes), ...] afterwards      close  who sends close_notify; (): nobody
        """
        how = {"at": self.start, "name": self.server_name, **how}
        how.setdefault("sni", how["name"])
        turns, self.tls_up, self.tls_errors = tlstalk.real(**how)
        return self.turns(turns)

    def tls_by_hand(self, version=tlsbytes.TLS12, cipher=0xC02F, **how):
        """A connection made of messages written by hand (tlsbytes), complete unless `stop` or `reject` say otherwise:

        version cipher   what the server chose (0x0300 to 0x0304; cipher as number)   offered  the client's highest version
        offer            cipher suites of the client; hello=: its whole hello instead; server=: the server's hello
        sentinel         tlsbytes.SENTINEL_TLS12, _TLS11, at the end of the server's random
        chain key name   as tls(); also a list of DERs; None: none
        prime            bits of a DH prime, or the prime; group: named curve; signed=False, scheme: of ServerKeyExchange
        sni versions groups signatures alpn key_share etm ems renegotiation ticket heartbeat status extensions
        compression session_id record_version    of the client's hello; server_extensions server_compression
                         server_heartbeat server_ems server_etm server_ticket server_renegotiation of the server's
        request_client   and client_certificates: DERs, [] for an empty message
        resumed          abbreviated handshake of TLS 1.2 and before
        stop             behind "client_hello" "server_hello" "certificate" "server_done" "client_key"
        reject           (side, alert): "server" on the hello, "client" on the server's flight
        data close       as tls(); after: [(side, bytes), ...] between them
        """
        how = {"at": self.start, "name": self.server_name, **how}
        self.tls_up = not how.get("stop") and not how.get("reject")
        return self.turns(tlstalk.by_hand(version, cipher, **how))

    # --- the capture ---

    def finish(self):
        if self.auto_end:
            self.fin("client")
        return [segment for side, segment in self.shown if side in self.sides]


def capture(*talks):
    """The bytes of a pcap file."""
    found = [segment for talk in talks for segment in talk.finish()]
    frames = [pcapio.Frame(s.time_ns, packets.ethernet(s)) for s in sorted(found, key=lambda s: s.time_ns)]
    return pcapio.pcap(pcapio.ETHERNET, frames)
