#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ask.py SERVER NAME TYPE_NUMBER: one question to a name server, so that its answer crosses the tap."""
import socket
import struct
import sys

server, name, kind = sys.argv[1:]
question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0" + struct.pack(">HH", int(kind), 1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
    door.settimeout(3)
    door.sendto(struct.pack(">HHHHHH", 0x5154, 0x0120, 1, 0, 0, 0) + question, (server, 53))
    answer = door.recv(4096)
sys.exit(0 if struct.unpack_from(">H", answer, 6)[0] else 1)
