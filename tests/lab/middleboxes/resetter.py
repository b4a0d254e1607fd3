#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A box that kills connections with forged resets. For this lab only: to make captures of what such boxes do.

It works on packets and waits for the one that --after names: the client's SYN's answer is far behind then, so both sides'
numbers are known. Client and server each get a reset in the other's name, with a TTL that is not that of the other's
packets. The packet itself disappears; with --off-path it goes on, as when the box only listens to the line.
--times lets later connections through: a client that tries again without TLS is what such boxes are after.
"""
import re

import dialogue
import intercept
import nfqueue
import packets

TRIGGERS = {
    "starttls": (True, re.compile(rb"(?i)(STARTTLS|STLS|\S+ STARTTLS)\s*$")),
    "client-hello": (True, re.compile(rb"\x16\x03[\0-\x04]..\x01", re.S)),
    "server-hello": (False, re.compile(rb"\x16\x03[\0-\x04]..\x02", re.S)),
}


def main():
    options = intercept.parser(__doc__)
    options.add_argument("--after", choices=sorted(TRIGGERS), default="client-hello", help="default: client-hello")
    options.add_argument("--ttl", type=int, default=243, help="of the forged packets (default 243)")
    options.add_argument("--to", choices=("both", "client", "server"), default="both", help="default: both")
    options.add_argument("--times", type=int, metavar="N", help="only the first N connections (default: all)")
    options.add_argument("--off-path", action="store_true", help="let the packet itself go on")
    arguments = options.parse_args()
    ports = intercept.ports_of(arguments)
    from_client, pattern = TRIGGERS[arguments.after]
    doomed, dead = dialogue.Times(arguments.times), set()

    def handle(_queue, _number, packet):
        forth = packet.ports[1] in ports
        key = (packet.source, packet.ports[0]) if forth else (packet.destination, packet.ports[1])
        if packet.flags & packets.SYN:
            dead.discard(key)
        if key in dead and not arguments.off_path:
            return None
        if key in dead or forth != from_client or not pattern.match(packet.payload) or not doomed():
            return packet
        dead.add(key)
        kill(packet, forth)
        return packet if arguments.off_path else None

    def kill(packet, forth):
        back = packet.ports[::-1]
        end = packet.sequence + len(packet.payload)
        to_receiver = packets.reset(packet.source, packet.destination, packet.ports, packet.sequence,
                                    packet.acknowledged, arguments.ttl)
        to_sender = packets.reset(packet.destination, packet.source, back, packet.acknowledged, end, arguments.ttl)
        to_client, to_server = (to_sender, to_receiver) if forth else (to_receiver, to_sender)
        if arguments.to != "server":
            packets.send(to_client)
        if arguments.to != "client":
            packets.send(to_server)

    nfqueue.serve(arguments, handle)


if __name__ == "__main__":
    main()
