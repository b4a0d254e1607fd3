# SPDX-License-Identifier: Apache-2.0
"""A pair of interfaces, for tests that send into one end and watch the other: frames are sent, and it is known when they came in.

What is sent waits in the kernel for its turn, on a busy machine for a good while; with a sender that moves from one processor to
another it may even be overtaken. A frame that our own socket at the other end has seen is in the rings of all that watch.
"""
import socket
import struct
import subprocess

import harness

ETH_P_ALL, SO_TIMESTAMPNS = 3, 35
MARK = b"\2\0\0\0\0\2\2\0\0\0\0\1\x88\xb5" + bytes(46)  # a type for experiments, which the program leaves in the kernel


def make_pair(line, tap, *words):
    """words: more of both ends, such as "mtu", "9000"."""
    subprocess.run(["ip", "link", "add", line, *words, "type", "veth", "peer", "name", tap, *words], check=True)
    for name in line, tap:
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as f:
            f.write("1")
        subprocess.run(["ip", "link", "set", name, "up"], check=True)


def looking(tap, protocol):
    seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    seen.bind((tap, 0))
    seen.settimeout(harness.PATIENCE)
    return seen


class Line:
    def __init__(self, line, tap):
        self.tap = tap
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((line, 0))

    def send(self, frame):
        self.socket.send(frame)

    def settle(self):
        """Returns when all that was sent has come in."""
        with looking(self.tap, int.from_bytes(MARK[12:14], "big")) as seen:
            self.send(MARK)
            seen.recv(1)

    def close(self):
        self.socket.close()


class TimedLine(Line):
    """send() returns when the frame has come in, and the time that the kernel gave it, which all that watch are told."""

    def __init__(self, line, tap):
        super().__init__(line, tap)
        self.seen = looking(tap, ETH_P_ALL)
        self.seen.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def send(self, frame):
        super().send(frame)
        _, told, _, _ = self.seen.recvmsg(1, 64)
        seconds, rest = struct.unpack("@ll", told[0][2])
        return seconds * 10**9 + rest

    def close(self):
        super().close()
        self.seen.close()
