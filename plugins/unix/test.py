# SPDX-License-Identifier: Apache-2.0
"""The outputs "unix" and "unix-dgram": receivers that read, hang, go away and come back."""
import os
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "tools"))
import outputs  # noqa: E402
from outputs import drive, harness, messages, until  # noqa: E402


class Listener(threading.Thread):
    """Reads lines of a stream; of each connection at most `most` bytes, then it hangs up."""

    def __init__(self, path, most=None):
        super().__init__(daemon=True)
        self.path, self.most, self.lines, self.halves, self.over = path, most, [], 0, False
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen()
        self.start()

    def run(self):
        while not self.over:
            connection, _ = self.server.accept()
            data = b""
            with connection:
                while self.most is None or len(data) < self.most:
                    more = connection.recv(65536)
                    if not more:
                        break
                    data += more
            lines = data.split(b"\n")
            self.halves += lines.pop() != b""
            self.lines += [line.decode() for line in lines]

    def end(self):
        self.over = True
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
        self.join(10)
        self.server.close()


def stream(checks, options, folder):
    path = os.path.join(folder, "stream")
    given = messages(4000)
    missing = drive(options.driver, "unix", path, "--tries", "2", given=given[:3])
    checks.check("nobody there", missing.status == 1 and missing.delivered == 0 and "No such file" in missing.calls[0][3], missing.calls)
    listener = Listener(path)
    done = drive(options.driver, "unix", path, given=given)
    checks.check("stream: delivered", (done.status, done.delivered, done.failures) == (0, 4000, 0), f"{done.calls[-2:]} {done.err}")
    listener.end()
    outputs.arrived(checks, "stream", given, listener.lines, repeats=False)
    os.unlink(path)
    listener = Listener(path, most=300000)
    done = drive(options.driver, "unix", path, "--batch", "256", given=given)  # a batch fits into a connection
    checks.check("a receiver that hangs up again and again: delivered", done.status == 0 and done.delivered == 4000, f"{done.calls[-2:]} {done.err}")
    listener.end()
    again = outputs.arrived(checks, "hangs up", given, listener.lines)
    checks.check("it had to be sent again", again > 0 or listener.halves > 0, (again, listener.halves))
    os.unlink(path)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    work = outputs.Drive(options.driver, "unix", path, "--wait", "200", given=given)
    connection, _ = server.accept()
    work.wait_for_failure()
    checks.check("a receiver that does not read: it waits", work.process.poll() is None)
    data = b""
    while len(data) < sum(len(m.line.encode()) + 1 for m in given) and (more := connection.recv(65536)):
        data += more
    connection.settimeout(0.5)
    try:
        extra = connection.recv(65536)
    except TimeoutError:
        extra = b"still open"
    work.done()
    connection.close()
    checks.check("and then goes on", work.status == 0 and work.delivered == 4000 and work.failures > 0, work.calls[-3:])
    checks.check("nothing more comes", extra in (b"", b"still open"), extra)
    outputs.arrived(checks, "hung", given, data.decode().split("\n")[:-1], repeats=False)
    server.close()


def datagrams(checks, options, folder):
    path = os.path.join(folder, "dgram")
    given = messages(2000)
    missing = drive(options.driver, "unix-dgram", path, "--tries", "2", given=given[:3])
    checks.check("no socket there", missing.status == 1 and missing.delivered == 0 and "No such file" in missing.calls[0][3], missing.calls)
    got = []
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(path)
    work = outputs.Drive(options.driver, "unix-dgram", path, "--wait", "500", given=given)
    while len(got) < 700:
        got.append(server.recv(65536))
    server.close()  # what it had not read is lost with it
    os.unlink(path)
    work.wait_for_failure()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(path)
    server.settimeout(0.2)
    ended = None
    while ended is None or time.monotonic() < ended:
        try:
            got.append(server.recv(65536))
        except TimeoutError:
            pass
        if ended is None and work.process.poll() is not None:
            ended = time.monotonic() + 0.5
    work.done()
    checks.check("datagrams: delivered", work.status == 0 and work.delivered == 2000 and work.failures > 0, f"{work.calls[-2:]} {work.err}")
    outputs.arrived(checks, "datagrams", given, [line.decode() for line in got])
    long = [outputs.Message(1), outputs.Message(2, "y" * 1000000), outputs.Message(3)]
    done = outputs.Drive(options.driver, "unix-dgram", path, given=long)
    server.settimeout(harness.PATIENCE)
    pair = [server.recv(65536).decode() for _ in range(2)]
    done.done()
    checks.check("too long is refused, the rest arrives", (done.delivered, done.refused, pair) == (3, 1, [long[0].line, long[2].line]), f"{done.calls} {done.err}")
    server.close()


def slow(checks, options, folder):
    """A receiver that needs many times the host's patience for a batch: it gets on, and nothing comes twice for that."""
    path = os.path.join(folder, "slow")
    given = messages(120)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(path)
    server.settimeout(0.2)
    got = []
    work = outputs.Drive(options.driver, "unix-dgram", path, "--wait", "100", given=given)
    while len(got) < 3 * len(given) and work.process.poll() is None:
        try:
            got.append(server.recv(65536).decode())
        except TimeoutError:
            continue
        time.sleep(0.02)
    try:
        while len(got) < 3 * len(given):
            got.append(server.recv(65536).decode())
    except TimeoutError:
        pass
    work.done()
    server.close()
    checks.check("a slow receiver: delivered", work.status == 0 and work.delivered == len(given), f"{work.status} {work.calls[-2:]}")
    checks.equal("a slow receiver: each once, in order", got, [message.line for message in given])


def whole(checks, options, folder):
    if not options.program:
        print("skipped: no --program, so the plugins are tested without starttap around them")
        return
    path = os.path.join(folder, "whole")
    listener = Listener(path)
    want = outputs.samples_through(checks, options.program, "unix:" + path)
    until(lambda: len(listener.lines) >= len(want))
    listener.end()
    checks.equal("starttap -o unix: the events of standard output", listener.lines, want)


def main():
    options = outputs.arguments(__doc__)
    checks = harness.Checks()
    for kind in "unix", "unix-dgram":
        outputs.refused_by_check(checks, options.driver, kind, "relative", says="begins with /")
        outputs.refused_by_check(checks, options.driver, kind, "/" + "x" * 108, says="less than 108")
        outputs.refused_by_check(checks, options.driver, kind, "/x", "a=b", says="no option a; there is none")
    with tempfile.TemporaryDirectory() as folder:
        for part in stream, datagrams, slow, whole:
            part(checks, options, folder)
    return checks.finish()


if __name__ == "__main__":
    raise SystemExit(main())
