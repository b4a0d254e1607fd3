#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scripted half of a mail dialogue, for what no real software does on command.

    talk.py client IP PORT SCRIPT [CERTIFICATE KEY CA]
    talk.py server IP PORT SCRIPT [CERTIFICATE KEY CA]

SCRIPT is JSON: a list of steps, or for a server a list of such lists, one a connection, the last one for all further ones.

    > TEXT        send a line            >> TEXT   send without a line's end (Python escapes)
    fill N        send the letter x so many times
    < REGEX       read lines until one matches; the end of the stream fails
    tls [K=V...]  become TLS here: min, max (TLSv1, TLSv1_1, ...), ciphers, name, verify, ask, require
    wait S        do nothing for S seconds
    eof           read until the other side closes
    close         close; reset: close with RST
"""
import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time


class Talk:
    def __init__(self, connection, server_side, files):
        self.connection, self.server_side, self.files, self.rest = connection, server_side, files, b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def line(self):
        while b"\n" not in self.rest:
            data = self.connection.recv(65536)
            if not data:
                raise EOFError("the other side closed")
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def run(self, steps):
        for step in steps:
            word, _, rest = step.partition(" ")
            getattr(self, {">": "say", ">>": "put", "<": "hear"}.get(word, word))(rest)

    def say(self, text):
        self.connection.sendall(text.encode("latin-1") + b"\r\n")

    def put(self, text):
        self.connection.sendall(text.encode("latin-1").decode("unicode_escape").encode("latin-1"))

    def fill(self, count):
        self.connection.sendall(b"x" * int(count))

    def hear(self, pattern):
        while not re.search(pattern, self.line(), re.I):
            pass

    def tls(self, words):
        self.connection = self.context(dict(word.split("=", 1) for word in words.split())).wrap(self.connection)
        self.rest = b""

    def context(self, options):
        return Context(self.server_side, self.files, options)

    def wait(self, seconds):
        time.sleep(float(seconds))

    def eof(self, _):
        while self.connection.recv(65536):
            pass

    def close(self, _):
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection = self.connection.unwrap()
        self.connection.close()

    def reset(self, _):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class Context:
    """An SSLContext by the words of a tls step."""

    def __init__(self, server_side, files, options):
        self.server_side, self.name = server_side, options.get("name")
        self.context = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers(options.get("ciphers", "ALL:@SECLEVEL=0"))
        context.minimum_version = getattr(ssl.TLSVersion, options.get("min", "TLSv1"))
        context.maximum_version = getattr(ssl.TLSVersion, options.get("max", "MAXIMUM_SUPPORTED"))
        if files and (server_side or "certificate" in options):
            context.load_cert_chain(*files[:2])
        if files:
            context.load_verify_locations(files[2])
        if "verify" in options:
            context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, not server_side
        if "ask" in options:
            context.verify_mode = ssl.CERT_OPTIONAL
        if os.environ.get("SSLKEYLOGFILE"):
            context.keylog_filename = os.environ["SSLKEYLOGFILE"]

    def wrap(self, connection):
        if self.server_side:
            return self.context.wrap_socket(connection, server_side=True)
        return self.context.wrap_socket(connection, server_hostname=self.name)


def serve(ip, port, scripts, files):
    scripts = scripts if scripts and isinstance(scripts[0], list) else [scripts]
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET

    def one(connection, steps):
        try:
            Talk(connection, True, files).run(steps)
        except (OSError, EOFError) as error:
            print(f"talk.py: {error}", flush=True)
        finally:
            connection.close()

    with socket.create_server((ip, port), family=family) as door:
        number = 0
        while True:
            connection, _ = door.accept()
            steps = scripts[min(number, len(scripts) - 1)]
            number += 1
            threading.Thread(target=one, args=(connection, steps), daemon=True).start()


def main():
    role, ip, port, script, *files = sys.argv[1:]
    if role == "server":
        serve(ip, int(port), json.loads(script), files)
    source = os.environ.get("TALK_SOURCE")
    connection = socket.create_connection((ip, int(port)), timeout=15, source_address=(source, 0) if source else None)
    with connection:
        Talk(connection, False, files).run(json.loads(script))


if __name__ == "__main__":
    main()
