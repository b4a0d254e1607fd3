# SPDX-License-Identifier: Apache-2.0
"""Transparent interception of TCP connections inside the lab's middle namespace. For this lab only.

TPROXY steers connections to the named ports into a listening socket, without conntrack; the connection onwards is made
from the client's own address and port, so that taps on both sides show the same addresses. A connection that came by
REDIRECT instead is understood too. Not here: what is said inside a connection (dialogue.py).
"""
import argparse
import contextlib
import itertools
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading

MARK, TABLE = "0x51", "151"
IP_TRANSPARENT, SO_ORIGINAL_DST = 19, 80  # linux/in.h, linux/netfilter_ipv4.h: Python has no names for them
IPV6_TRANSPARENT = 75
CONNECT_TIMEOUT_S = 10


def parser(description, ports=(25,)):
    """The options that all boxes share."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, action="append", metavar="N",
                         help=f"steer this server port; repeatable (default {', '.join(map(str, ports))})")
    options.add_argument("--only-client", action="append", default=[], metavar="IP",
                         help="do it to this client alone and let all others through; repeatable (default: to all)")
    options.set_defaults(default_ports=list(ports))
    return options


def ports_of(arguments):
    return arguments.port or arguments.default_ports


def log(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True)


@contextlib.contextmanager
def rules(family, steps):
    """Applies rules [(undo, do)] of one address family; takes back on the way out what was applied."""
    done = []
    try:
        for undo, do in steps:
            run(*do)
            done.append(undo)
        yield
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{family}: {' '.join(error.cmd)}: {error.stderr.strip()}") from error
    finally:
        for undo in reversed(done):
            run(*undo, check=False)


def steering(tables, ip, ports, door, sources=()):
    """TPROXY for packets to the ports, of these sources or of all; packets that belong to one of our sockets stay here too."""
    def mangle(*rule):
        return ((tables, "-w", "-t", "mangle", "-D", "PREROUTING", *rule),
                (tables, "-w", "-t", "mangle", "-A", "PREROUTING", *rule))

    def route(kind, *rule):
        return (("ip", ip, kind, "del", *rule), ("ip", ip, kind, "add", *rule))

    numbers = ",".join(map(str, ports))
    of_these = ["-s", ",".join(sources)] if sources else []
    return [
        route("rule", "fwmark", MARK, "lookup", TABLE),
        route("route", "local", "default", "dev", "lo", "table", TABLE),
        mangle("-p", "tcp", "-m", "socket", "--transparent", "-j", "MARK", "--set-mark", MARK),
        mangle(*of_these, "-p", "tcp", "-m", "multiport", "--dports", numbers, "-m", "mark", "!", "--mark", MARK,
               "-j", "TPROXY", "--on-port", str(door), "--tproxy-mark", MARK),
    ]


def transparent(family):
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    else:
        made.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    return made


def original_destination(accepted):
    """Where the client wanted to go: with TPROXY the socket's own address, with REDIRECT what conntrack remembers."""
    with contextlib.suppress(OSError):
        if accepted.family == socket.AF_INET:
            answer = accepted.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
            port, address = struct.unpack("!2xH4s8x", answer)
            return socket.inet_ntop(socket.AF_INET, address), port
        answer = accepted.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28)
        port, address = struct.unpack("!2xH4x16s4x", answer)
        return socket.inet_ntop(socket.AF_INET6, address), port
    return accepted.getsockname()[:2]


class Connection:
    """One intercepted connection: the socket to the client, and on request one to the server."""

    def __init__(self, client, number):
        self.client, self.number = client, number
        self.client_address = client.getpeername()[:2]
        self.server_address = original_destination(client)
        self.server = None
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connect(self, address=None):
        """Onwards to where the client wanted, or elsewhere, with the client's own address and port."""
        self.server = transparent(self.client.family)
        self.server.settimeout(CONNECT_TIMEOUT_S)
        self.server.bind(self.client_address)
        self.server.connect(address or self.server_address)
        self.server.settimeout(None)
        self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.server

    def close(self):
        for side in (self.client, self.server):
            if side is not None:
                with contextlib.suppress(OSError):
                    side.close()


def reset(side):
    """Closes with RST instead of FIN."""
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        side.close()


def pump_both(client, server, from_client=lambda data: data, from_server=lambda data: data):
    """Bytes both ways until both sides ended; each end, FIN or RST, is passed on as it is. One thread, so that order
    on the wire is the order in which things arrived."""
    ways = {client: (server, from_client), server: (client, from_server)}
    with selectors.DefaultSelector() as ready:
        for side in ways:
            ready.register(side, selectors.EVENT_READ)
        while ready.get_map():
            for key, _ in ready.select():
                target, change = ways[key.fileobj]
                try:
                    data = key.fileobj.recv(65536)
                except ConnectionResetError:
                    return reset(target)
                try:
                    if data:
                        target.sendall(change(data))
                    else:
                        ready.unregister(key.fileobj)
                        target.shutdown(socket.SHUT_WR)
                except OSError:  # The target is gone: so is this side.
                    return reset(key.fileobj)


def pass_through(connection):
    connection.connect()
    pump_both(connection.client, connection.server)


def accept_forever(door, handle, only, numbers):
    """Those who are let through are not counted: connection 1 is the first that something is done to."""
    while True:
        client, address = door.accept()
        meant = not only or address[0] in only
        work = (client, handle if meant else pass_through, next(numbers) if meant else 0)
        threading.Thread(target=handle_one, args=work, daemon=True).start()


def handle_one(client, handle, number):
    connection = None
    try:
        connection = Connection(client, number)
        handle(connection)
    except OSError as error:  # of the network: one side is gone, so the other has to go
        log(f"connection {number}: {error}")
        reset(client)
    finally:
        if connection:
            connection.close()
        client.close()


def until_signal():
    """Says that traffic may begin, and comes back at SIGTERM or SIGINT."""
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


def block_signals():
    """Before the first thread and the first rule, so that no signal finds rules that nobody takes back."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})


def serve(arguments, handle):
    """Steers the ports here, of both address families, and has each connection handled in a thread of its own."""
    ports = ports_of(arguments)
    block_signals()
    numbers = itertools.count(1)
    with contextlib.ExitStack() as stack:
        for family, tables, ip, any_address in ((socket.AF_INET, "iptables", "-4", "0.0.0.0"),
                                                (socket.AF_INET6, "ip6tables", "-6", "::")):
            door = stack.enter_context(transparent(family))
            door.bind((any_address, 0))
            door.listen(64)
            stack.enter_context(rules(tables, steering(tables, ip, ports, door.getsockname()[1])))
            threading.Thread(target=accept_forever, args=(door, handle, arguments.only_client, numbers), daemon=True).start()
        until_signal()
