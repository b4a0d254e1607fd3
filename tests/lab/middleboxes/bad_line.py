#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A line that loses, doubles, delays and reorders packets. For this lab only: what netem does, for kernels without it.

Percentages are of each direction's packets, drawn from a seed, so that a second recording meets the same fate as long as
both sides send the same packets. A reordered packet waits 20 ms longer than the others.
"""
import heapq
import random
import time

import intercept
import nfqueue
import packets

REORDER_S = 0.02


def main():
    options = intercept.parser(__doc__)
    for name in "loss", "duplicate", "reorder":
        options.add_argument(f"--{name}", type=float, default=0, metavar="PERCENT")
    options.add_argument("--delay", type=float, default=0, metavar="MS", help="of every packet")
    options.add_argument("--seed", type=int, default=1)
    arguments = options.parse_args()
    ports = intercept.ports_of(arguments)
    chance = {True: random.Random(arguments.seed), False: random.Random(arguments.seed + 1)}
    held = []

    def hit(forth, percent):
        return chance[forth].random() * 100 < percent

    def hold(number, packet, seconds):
        heapq.heappush(held, (time.monotonic() + seconds, number, packet.build()))

    def handle(_queue, number, packet):
        forth = packet.ports[1] in ports
        if hit(forth, arguments.loss):
            return None
        if hit(forth, arguments.duplicate):
            packets.send(packet)
        delay = arguments.delay / 1000 + (REORDER_S if hit(forth, arguments.reorder) else 0)
        if not delay:
            return packet
        hold(number, packet, delay)
        return nfqueue.HOLD

    def tick(queue, now):
        while held and held[0][0] <= now:
            _, number, data = heapq.heappop(held)
            queue.release(number, data)

    nfqueue.serve(arguments, handle, tick)


if __name__ == "__main__":
    main()
