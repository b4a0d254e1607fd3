# SPDX-License-Identifier: Apache-2.0
"""Forwarded packets out of the kernel and back, by its netfilter queue. For this lab only.

A box gives serve() a function: packet in; the packet that goes on out, None when it is to disappear, or HOLD when the box
calls Queue.release() itself later. Spoken with the kernel directly (linux/netfilter/nfnetlink_queue.h).
"""
import contextlib
import os
import select
import signal
import socket
import struct
import time

import intercept
import packets

NETLINK_NETFILTER, SUBSYSTEM_QUEUE = 12, 3
PACKET, VERDICT, CONFIG = 0, 1, 2
CONFIG_COMMAND, CONFIG_PARAMETERS, BIND, COPY_PACKET = 1, 2, 1, 2
PACKET_HEADER, VERDICT_HEADER, PAYLOAD = 1, 2, 10
DROP, ACCEPT = 0, 1
HOLD = object()


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def attributes(data):
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += length + -length % 4
    return found


class Queue:
    def __init__(self, number):
        self.number = number
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((0, 0))
        self._tell(CONFIG, attribute(CONFIG_COMMAND, struct.pack("!BBH", BIND, 0, 0)))
        self._tell(CONFIG, attribute(CONFIG_PARAMETERS, struct.pack("!IB", 0xFFFF, COPY_PACKET)))

    def _tell(self, kind, body):
        general = struct.pack("!BBH", socket.AF_UNSPEC, 0, self.number)
        length = 16 + len(general) + len(body)
        self.socket.send(struct.pack("=IHHII", length, SUBSYSTEM_QUEUE << 8 | kind, 1, 0, 0) + general + body)

    def receive(self):
        """[(id, bytes)]: what one read gave."""
        data, got, at = self.socket.recv(1 << 17), [], 0
        while at + 20 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if length < 20:
                break
            if kind == SUBSYSTEM_QUEUE << 8 | PACKET:
                found = attributes(data[at + 20 : at + length])
                got.append((struct.unpack_from("!I", found[PACKET_HEADER])[0], found.get(PAYLOAD, b"")))
            at += length + -length % 4
        return got

    def release(self, number, packet):
        """The kernel's packet of that number goes on as `packet`, bytes; None: it disappears."""
        body = attribute(VERDICT_HEADER, struct.pack("!II", DROP if packet is None else ACCEPT, number))
        self._tell(VERDICT, body if packet is None else body + attribute(PAYLOAD, packet))


def steering(tables, ports, number):
    numbers = ",".join(map(str, ports))
    steps = []
    for side in "--dports", "--sports":
        rule = ("FORWARD", "-p", "tcp", "-m", "multiport", side, numbers, "-j", "NFQUEUE", "--queue-num", str(number))
        steps.append(((tables, "-w", "-t", "mangle", "-D", *rule), (tables, "-w", "-t", "mangle", "-A", *rule)))
    return steps


def serve(arguments, handle, tick=None):
    """handle(queue, id, packet) for each TCP packet between client and server; tick(queue, now) at least every 5 ms."""
    ports = intercept.ports_of(arguments)
    only = {socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip) for ip in arguments.only_client}
    intercept.block_signals()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    with contextlib.ExitStack() as stack:
        queue = Queue(os.getpid() & 0x7FFF)
        for tables in "iptables", "ip6tables":
            stack.enter_context(intercept.rules(tables, steering(tables, ports, queue.number)))
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([queue.socket, wake_read], [], [], 0.005 if tick else None)
            if wake_read in ready:
                return
            if queue.socket in ready:
                for number, data in queue.receive():
                    give_verdict(queue, number, data, handle, only)
            if tick:
                tick(queue, time.monotonic())


def give_verdict(queue, number, data, handle, only):
    packet = packets.parse(data)
    if packet is None or only and not only & {packet.source, packet.destination}:
        queue.release(number, data)
        return
    answer = handle(queue, number, packet)
    if answer is not HOLD:
        queue.release(number, answer and answer.build())
