#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One end of a GRE tunnel (RFC 2784) in user space, for kernels without it.

    gre.py OWN_IP OTHER_IP

The interface t0 appears; what is sent into it leaves in GRE packets, and the other way round.
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
GRE = 47
ETHER_TYPES = {4: 0x0800, 6: 0x86DD}


def main():
    own, other = sys.argv[1:]
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH14x", b"t0", IFF_TUN | IFF_NO_PI))
    line = socket.socket(socket.AF_INET, socket.SOCK_RAW, GRE)
    line.bind((own, 0))
    while True:
        for ready in select.select([tunnel, line], [], [])[0]:
            if ready is line:
                packet, (sender, _) = line.recvfrom(65535)
                inner = packet[(packet[0] & 15) * 4 + 4:]
                if sender == other and inner and inner[0] >> 4 in ETHER_TYPES:
                    os.write(tunnel, inner)
            else:
                packet = os.read(tunnel, 65535)
                if packet[0] >> 4 in ETHER_TYPES:
                    line.sendto(struct.pack(">HH", 0, ETHER_TYPES[packet[0] >> 4]) + packet, (other, 0))


if __name__ == "__main__":
    main()
