#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sslsplit of Debian between client and server. For this lab only: to make captures of what such tools do.

This program steers the ports and makes the authority; all else is sslsplit's own doing: it upgrades after STARTTLS
(--kind autossl) or splits TLS from the first byte (--kind ssl), and connects onwards from the box's own address. IPv4 only.
"""
import contextlib
import shutil
import signal
import socket
import subprocess
import threading

import intercept
import resigner

START_TIMEOUT_S = 15


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    options = intercept.parser(__doc__, ports=(465, 993, 995))
    options.add_argument("--ca", required=True, metavar="FOLDER", help="where the authority is kept")
    options.add_argument("--issuer", default="O=Example Splitting|CN=Example Splitting CA", metavar="PARTS")
    options.add_argument("--kind", choices=("ssl", "autossl"), default="ssl", help="default: ssl")
    arguments = options.parse_args()
    if not shutil.which("sslsplit"):
        raise SystemExit("sslsplit is not installed")
    authority = resigner.Authority(arguments.ca, arguments.issuer.split("|"), "fresh")
    intercept.block_signals()
    door = free_port()
    command = ["sslsplit", "-D", "-u", "root", "-e", "tproxy", "-k", str(authority.key), "-c", str(authority.root),
               arguments.kind, "0.0.0.0", str(door)]
    with contextlib.ExitStack() as stack:
        splitter = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
                                    preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()))
        stack.callback(splitter.wait)
        stack.callback(splitter.terminate)
        steps = intercept.steering("iptables", "-4", intercept.ports_of(arguments), door, arguments.only_client)
        stack.enter_context(intercept.rules("iptables", steps))
        wait_until_it_runs(splitter)
        intercept.until_signal()


def wait_until_it_runs(splitter):
    """It listens before it can handle connections, and drops what comes in between; its log says when that is over."""
    running = threading.Event()

    def read_log():
        for line in splitter.stderr:
            intercept.log(line.rstrip("\n"))
            if "Starting main event loop" in line:
                running.set()

    threading.Thread(target=read_log, daemon=True).start()
    if not running.wait(START_TIMEOUT_S):
        raise SystemExit("sslsplit does not start")


if __name__ == "__main__":
    main()
