#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the boxes do to bytes, without any network: quick, and needs no root. That they work between real programs is shown
by the scenarios.
"""
import pathlib
import re
import socket
import ssl
import struct
import sys
import unittest

sys.dont_write_bytecode = True
import dialogue
import fixup
import hello_trimmer
import injector
import packets
import resigner
import stripper

ROOT = pathlib.Path(__file__).resolve().parents[3]
LIST = b"250-mx.example.org\r\n250-SIZE 1\r\n250-STARTTLS\r\n250 SMTPUTF8\r\n"


class FakeConnection:
    client_address = ("198.51.100.10", 40000)
    server_address = ("192.0.2.25", 25)
    server = client = None


def relayed(box, side, *pieces):
    change = box._client_line if side == "client" else box._server_line
    return b"".join(box._relay(side, piece, change) for piece in pieces)


def client_hello():
    """A real one, of OpenSSL: TLS 1.3 offered, with a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="mx.example.org").do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


class Dialogues(unittest.TestCase):
    def box(self, port):
        connection = FakeConnection()
        connection.server_address = ("192.0.2.25", port)
        return dialogue.Dialogue(connection)

    def test_lines_leave_as_they_came_whatever_the_cuts(self):
        for size in (1, 7, 1000):
            box = self.box(25)
            pieces = [LIST[at : at + size] for at in range(0, len(LIST), size)]
            self.assertEqual(relayed(box, "server", *pieces), LIST)

    def test_the_answer_to_starttls_is_known_in_each_protocol(self):
        for port, question, no, yes in ((25, b"STARTTLS\r\n", b"454 no\r\n", b"220 go\r\n"),
                                        (143, b"a7 STARTTLS\r\n", b"a6 OK other\r\n", b"a7 OK go\r\n"),
                                        (110, b"STLS\r\n", b"-ERR no\r\n", b"+OK go\r\n"),
                                        (4190, b"starttls\r\n", b'NO "no"\r\n', b'OK "go"\r\n')):
            with self.subTest(port=port):
                box = self.box(port)
                relayed(box, "server", yes)
                self.assertFalse(box.accepted, "nobody asked")
                relayed(box, "client", question)
                relayed(box, "server", no)
                self.assertFalse(box.accepted)
                relayed(box, "server", yes)
                self.assertTrue(box.accepted)

    def test_behind_the_first_record_nothing_is_a_line(self):
        box = self.box(25)
        hello = b"\x16\x03\x01\x00\x05no\nline"
        self.assertEqual(relayed(box, "client", hello), hello)
        self.assertTrue(box.blind)


class Stripping(unittest.TestCase):
    def strip(self, port, data):
        connection = FakeConnection()
        connection.server_address = ("192.0.2.25", port)
        return relayed(stripper.Stripper(connection, None), "server", data)

    def test_smtp(self):
        self.assertEqual(self.strip(25, LIST), LIST.replace(b"250-STARTTLS\r\n", b""))

    def test_smtp_when_it_was_the_last_line(self):
        self.assertEqual(self.strip(25, b"250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n"), b"250-mx\r\n250 SIZE 1\r\n")

    def test_others(self):
        self.assertEqual(self.strip(110, b"+OK\r\nUIDL\r\nSTLS\r\n.\r\n"), b"+OK\r\nUIDL\r\n.\r\n")
        self.assertEqual(self.strip(143, b"* CAPABILITY IMAP4rev1 STARTTLS ID\r\n"), b"* CAPABILITY IMAP4rev1 ID\r\n")
        self.assertEqual(self.strip(4190, b'"SIEVE" "x"\r\n"STARTTLS"\r\nOK\r\n'), b'"SIEVE" "x"\r\nOK\r\n')


class Injecting(unittest.TestCase):
    HELLO = b"\x16\x03\x01\x00\x01\x01"

    def test_command_in_the_same_segment(self):
        box = injector.Injector(FakeConnection(), "command", "same-segment", b"NOOP\r\n")
        self.assertEqual(relayed(box, "client", b"EHLO a\r\nSTARTTLS\r\n"), b"EHLO a\r\nSTARTTLS\r\nNOOP\r\n")

    def test_command_in_front_of_the_hello(self):
        box = injector.Injector(FakeConnection(), "command", "after-answer", b"NOOP\r\n")
        self.assertEqual(relayed(box, "client", b"STARTTLS\r\n"), b"STARTTLS\r\n")
        self.assertEqual(relayed(box, "server", b"220 go\r\n"), b"220 go\r\n")
        self.assertEqual(relayed(box, "client", self.HELLO, self.HELLO), b"NOOP\r\n" + self.HELLO + self.HELLO)

    def test_response_once_and_only_behind_the_go_ahead(self):
        box = injector.Injector(FakeConnection(), "response", "same-segment", b"250 x\r\n")
        self.assertEqual(relayed(box, "server", b"220 mx ESMTP\r\n"), b"220 mx ESMTP\r\n")
        relayed(box, "client", b"STARTTLS\r\n")
        self.assertEqual(relayed(box, "server", b"220 go\r\n", b"220 x\r\n"), b"220 go\r\n250 x\r\n220 x\r\n")


class Masking(unittest.TestCase):
    def test_lengths_and_line_ends_stay(self):
        inspection = fixup.Inspection(fixup.PARTS[:3], None)
        banner = inspection.from_server(b"220 mx2.example.org ESMTP 2026\r\n")
        self.assertEqual(banner, b"220 **2************ ***** 202*\r\n")
        inspection.from_client(b"EHLO client.example.org\r\n")
        self.assertEqual(inspection.from_server(LIST),
                         b"250-mx.example.org\r\n250-SIZE 1\r\n250-XXXXXXXA\r\n250 XXXXXXXA\r\n")
        self.assertEqual(inspection.from_client(b"STARTTLS\r\n"), b"XXXXXXXX\r\n")

    def test_near_miss_and_nothing_else(self):
        inspection = fixup.Inspection([], b"STARTTLX")
        self.assertEqual(inspection.from_server(b"220 mx.example.org\r\n"), b"220 mx.example.org\r\n")
        inspection.from_client(b"EHLO client.example.org\r\n")
        self.assertEqual(inspection.from_server(LIST), LIST.replace(b"STARTTLS", b"STARTTLX"))
        self.assertEqual(inspection.from_client(b"STARTTLS\r\n"), b"STARTTLS\r\n")

    def test_mailguard_keeps_the_length(self):
        command = b"EHLO client.example.org\r\n"
        changed = fixup.Inspection(["mailguard"], None).from_client(command)
        self.assertEqual((changed[:4], changed[-2:], len(changed)), (b"NOOP", b"\r\n", len(command)))


class Trimming(unittest.TestCase):
    def test_only_the_versions_change(self):
        hello = client_hello()
        trimmed = hello_trimmer.trim(hello, 0x0302)
        self.assertEqual(len(trimmed), len(hello))
        changed = [at for at in range(len(hello)) if hello[at] != trimmed[at]]
        self.assertEqual(len(changed), 3, "one byte of the version, two of an extension's number")
        self.assertEqual(trimmed[9:11], b"\x03\x02")
        self.assertEqual(struct.unpack_from("!H", hello, changed[1])[0], hello_trimmer.SUPPORTED_VERSIONS)

    def test_a_split_hello_is_put_together(self):
        hello = client_hello()
        box = hello_trimmer.Trimmer(FakeConnection(), 0x0303)
        self.assertEqual(relayed(box, "client", *(bytes([byte]) for byte in hello)), hello_trimmer.trim(hello, 0x0303))

    def test_the_name_is_read(self):
        self.assertEqual(resigner.server_name(client_hello()), "mx.example.org")
        self.assertIsNone(resigner.server_name(b"\x16\x03\x01"))


class Packets(unittest.TestCase):
    def test_what_is_built_is_read_again_and_sums_up(self):
        for family, source, destination in ((socket.AF_INET, "192.0.2.25", "198.51.100.10"),
                                            (socket.AF_INET6, "2001:db8::25", "2001:db8:1::10")):
            with self.subTest(source=source):
                ends = socket.inet_pton(family, source), socket.inet_pton(family, destination)
                made = packets.reset(*ends, (25, 40000), 1000, 2000, 243)
                made.payload = b"odd"
                found = packets.parse(made.build())
                self.assertEqual((found.source, found.destination, found.ports), (*ends, (25, 40000)))
                self.assertEqual((found.sequence, found.acknowledged, found.payload), (1000, 2000, b"odd"))
                self.assertTrue(found.flags & packets.RST)
                segment = found.tcp + found.payload
                pseudo = found.source + found.destination + struct.pack("!IxxxB", len(segment), socket.IPPROTO_TCP)
                self.assertEqual(packets.ones_sum(pseudo + segment), 0xFFFF)
                if found.version == 4:
                    self.assertEqual(packets.ones_sum(found.head), 0xFFFF)

    def test_what_is_cut_is_none(self):
        made = packets.reset(bytes(4), bytes(4), (1, 2), 0, 0, 64)
        made.payload = b"twenty bytes of text"
        whole = made.build()
        for size in range(len(whole)):
            self.assertIsNone(packets.parse(whole[:size]))
        for length in range(40):  # the header says less than it has itself
            self.assertIsNone(packets.parse(whole[:2] + struct.pack("!H", length) + whole[4:]))
        self.assertIsNone(packets.parse(whole[:32] + b"\x40" + whole[33:]), "a TCP header of 16 bytes")
        self.assertIsNone(packets.parse(b"\x4f\0\0\x28" + whole[4:40]), "an IP header of 60 bytes in 40")


class Products(unittest.TestCase):
    """products.tsv says which rows of starttap's own list must name it."""

    FIELDS = {"issuer CN": "CN", "issuer O": "O", "issuer OU": "OU"}

    def rows(self):
        for line in (ROOT / "src/data/interceptors.tsv").read_text().splitlines():
            cells = line.split("\t")
            if len(cells) > 6 and cells[4] in self.FIELDS:
                yield cells[0], self.FIELDS[cells[4]], cells[5], cells[6]

    def matches(self, parts):
        values = dict(part.split("=", 1) for part in parts)
        found = set()
        for row, field, kind, pattern in self.rows():
            value = values.get(field)
            if value is not None and (value == pattern if kind == "exact" else
                                      value.startswith(pattern) if kind == "prefix" else re.search(pattern, value)):
                found.add(row)
        return found

    def test_every_product_matches_its_rows(self):
        for line in resigner.PRODUCTS.read_text().splitlines():
            if line.startswith("#"):
                continue
            name, issuer, rows, dates, _ = line.split("\t")
            with self.subTest(product=name):
                found = self.matches(issuer.split("|"))
                wanted = set(rows.split()) - {"-"}
                self.assertLessEqual(wanted, found)
                self.assertEqual(bool(wanted), bool(found))
                self.assertIn(dates, ("copy", "fresh"))


if __name__ == "__main__":
    unittest.main()
