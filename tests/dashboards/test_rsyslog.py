#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dashboards/rsyslog/starttap.conf in a real rsyslogd: what the sensor sends over TCP and TLS stands in the file, byte for byte.

Paths and ports of the configuration are replaced by those of this test, nothing else. The sender is starttap's own syslog output where
this program has it; besides, messages of up to 60 KiB are sent by hand, as RFC 5425 and RFC 6587 section 3.4.1 frame them.
"""
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "program"))
import harness  # noqa: E402

CONFIG = os.path.join(harness.root, "dashboards", "rsyslog", "starttap.conf")
WAIT = 60


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder + "/server.key",
                    "-out", folder + "/server.pem"], check=True, capture_output=True)
    shutil.copy(folder + "/server.pem", folder + "/ca.pem")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Rsyslog:
    def __init__(self, folder):
        self.folder, self.tcp, self.tls = folder, free_port(), free_port()
        certificate(folder)
        with open(CONFIG, encoding="utf-8") as file:
            text = file.read()
        for old, new in (("/etc/rsyslog.d/tls", folder), ("/var/log/starttap", folder), ('"1514"', f'"{self.tcp}"'),
                         ('port="6514"', f'address="127.0.0.1" port="{self.tls}"')):
            assert old in text, old
            text = text.replace(old, new)
        self.config = folder + "/rsyslog.conf"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'global(workDirectory="{folder}")\n' + text)
        self.process = None

    def check(self):
        return subprocess.run(["rsyslogd", "-N1", "-f", self.config, "-i", self.folder + "/pid"], capture_output=True, text=True)

    def start(self):
        self.process = subprocess.Popen(["rsyslogd", "-n", "-f", self.config, "-i", self.folder + "/pid"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for port in self.tcp, self.tls:
            for _ in range(WAIT * 10):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)

    def lines(self, name, count):
        """The lines of a file, when there are so many."""
        for _ in range(WAIT * 10):
            if os.path.exists(f"{self.folder}/{name}"):
                with open(f"{self.folder}/{name}", encoding="utf-8") as file:
                    found = file.read().split("\n")[:-1]
                if len(found) >= count:
                    return found
            time.sleep(0.1)
        return found if os.path.exists(f"{self.folder}/{name}") else []

    def stop(self):
        self.process.terminate()
        self.process.wait()


def framed(line, dataset="mailtls.session", name="starttap"):
    message = f"<134>1 2026-11-22T16:59:44.989324Z dc1 {name} - {dataset} - {line}".encode()
    return b"%d %s" % (len(message), message)


def send(port, data, tls=None):
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        if not tls:
            return plain.sendall(data)
        context = ssl.create_default_context(cafile=tls)
        with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            wrapped.sendall(data)
            wrapped.unwrap()


def check_by_hand(checks, server, lines):
    huge = json.dumps({"event": {"id": "a" * 20}, "message": "é" * 100 + "x" * 60000}, ensure_ascii=False)
    odd = json.dumps({"message": "quotes \" ' \\ % $ # { } and \u2028 é 日本"}, ensure_ascii=False)
    sent = [*lines, huge, odd]
    send(server.tcp, b"".join(map(framed, sent)) + framed("no JSON {") + framed('{"a":1}', name="cron"))
    checks.equal("tcp: every event, byte for byte, in order", server.lines("events.jsonl", len(sent)), sent)
    checks.equal("what is no JSON stands apart", server.lines("broken.log", 1), ["no JSON {"])
    send(server.tls, b"".join(map(framed, sent)), tls=server.folder + "/ca.pem")
    checks.equal("tls: the same", server.lines("events.jsonl", 2 * len(sent))[len(sent):], sent)
    return 2 * len(sent)


def check_by_program(checks, server, program, before):
    captures = harness.samples()
    stdout = harness.run(program, "-r", *captures, "--set", "sensor.name=dc1").stdout.decode().splitlines()
    probe = harness.run(program, "-T", "-o", f"syslog:tcp://127.0.0.1:{server.tcp}")
    if probe.returncode:
        print(f"SKIP: this program has no syslog output yet ({probe.stderr.decode().strip():.100}); messages were sent by hand")
        return
    want = [json.loads(line) for line in stdout]
    for name, target in (("tcp", f"tcp://127.0.0.1:{server.tcp}?max_bytes=60000"), ("tls", f"tls://127.0.0.1:{server.tls}?ca={server.folder}/ca.pem&tls_name=localhost&max_bytes=60000")):
        done = harness.run(program, "-r", *captures, "--set", "sensor.name=dc1", "-o", "syslog:" + target)
        checks.equal(f"{name}: the program's status", done.returncode, 0)
        got = [json.loads(line) for line in server.lines("events.jsonl", before + len(want))[before:]]
        checks.equal(f"{name}: the program's events, none missing", [e["event"]["id"] for e in got], [e["event"]["id"] for e in want])
        kinds = re.compile("session|finding|certificate")  # what a run counts of its outputs differs
        checks.equal(f"{name}: and whole", [e for e in got if kinds.search(e["event"]["dataset"])],
                     [e for e in want if kinds.search(e["event"]["dataset"])])
        before += len(got)


def main():
    options = harness.arguments(__doc__)
    for tool, package in (("rsyslogd", "rsyslog"), ("openssl", "openssl")):
        if not shutil.which(tool):
            print(f"SKIP: {package} is not installed, so nothing was sent to rsyslog")
            return 0
    if not any(os.path.exists(path + "/lmnsd_ossl.so") for path in ("/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/aarch64-linux-gnu/rsyslog")):
        print("SKIP: rsyslog-openssl is not installed, so nothing was sent to rsyslog")
        return 0
    checks = harness.Checks()
    with tempfile.TemporaryDirectory() as folder:
        server = Rsyslog(folder)
        done = server.check()
        checks.check("rsyslogd -N1", done.returncode == 0 and "error" not in done.stderr.lower(), done.stderr)
        lines = harness.run(options.program, "-r", *harness.samples()).stdout.decode().splitlines()
        server.start()
        try:
            before = check_by_hand(checks, server, lines)
            check_by_program(checks, server, options.program, before)
        finally:
            server.stop()
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
