#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A name server for one scenario: answers what it is given, with the AD bit as a validating resolver sets it.

    dns.py IP RECORDS      RECORDS is JSON: [[name, type, value], ...]

Types: A, AAAA, MX ("10 host"), TXT, TLSA ("3 1 1 hex"). A name that it knows gives an empty answer for other types, all
else NXDOMAIN. Not here: EDNS, TCP, any signature; a record with type "-AD" makes answers for that name unsigned.
"""
import hashlib
import ipaddress
import json
import socket
import struct
import subprocess
import sys

from spaces import SERVERS

TYPES = {"A": 1, "MX": 15, "TXT": 16, "AAAA": 28, "TLSA": 52}


def records(lines, pki):
    """The records of a scenario: lines `NAME TYPE VALUE`, all hosts, and {spki CERTIFICATE} for a key's SHA-256."""
    table = [[f"{name}.example.org", "A", ip] for name, ip in SERVERS.items()]
    for line in lines:
        name, kind, value = (line.split(maxsplit=2) + [""])[:3]
        if "{spki " in value:
            certificate = value[value.index("{spki ") + 6:value.index("}")]
            value = value[:value.index("{spki ")] + spki_sha256(pki.path(certificate, "pem"))
        table.append([name, kind, value])
    return table


def spki_sha256(path):
    pem = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-pubkey"], check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, check=True, capture_output=True).stdout
    return hashlib.sha256(der).hexdigest()


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"


def wire_value(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "MX":
        preference, host = value.split()
        return struct.pack(">H", int(preference)) + wire_name(host)
    if kind == "TXT":
        return bytes([len(value)]) + value.encode()
    usage, selector, matching, data = value.split()
    return bytes((int(usage), int(selector), int(matching))) + bytes.fromhex(data)


def answer(query, table):
    number, flags = struct.unpack_from(">HH", query)
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += query[at] + 1
    kind = struct.unpack_from(">H", query, at + 1)[0]
    question, name = query[12:at + 5], ".".join(labels).lower()
    known = [row for row in table if row[0] == name]
    found = [row for row in known if TYPES.get(row[1]) == kind]
    secure = not any(row[1] == "-AD" for row in known)
    head = struct.pack(">HHHHHH", number, 0x8180 | flags & 0x0110 | (0x20 if secure else 0) | (0 if known else 3), 1,
                       len(found), 0, 0)
    body = b""
    for row in found:
        value = wire_value(row[1], row[2])
        body += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 300, len(value)) + value
    return head + question + body


def main():
    ip, table = sys.argv[1], json.loads(sys.argv[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind((ip, 53))
        print("ready", flush=True)
        while True:
            query, sender = door.recvfrom(4096)
            door.sendto(answer(query, table), sender)


if __name__ == "__main__":
    main()
