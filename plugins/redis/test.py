# SPDX-License-Identifier: Apache-2.0
"""The output "redis" against Debian's redis-server: stream, list, channel; TCP, TLS and unix socket; passwords; killed, hung and
started again in the middle; replies that are none."""
import os
import signal
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "tools"))
import outputs  # noqa: E402
import pki  # noqa: E402
from outputs import drive, harness, messages, until  # noqa: E402

SECRET = "made-up-word-4711"


class Client:
    """Enough of the protocol to look at what arrived."""

    def __init__(self, port, password=None):
        self.file = socket.create_connection(("127.0.0.1", port)).makefile("rwb")
        if password:
            self("AUTH", password)

    def send(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.file.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        self.file.flush()

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest if kind == b"+" else Exception(rest.decode())

    def __call__(self, *words):
        self.send(*words)
        return self.reply()

    def close(self):
        self.file.close()

    def stream(self, key="events"):
        return [dict(zip(fields[::2], fields[1::2], strict=True)) for _, fields in self("XRANGE", key, "-", "+")]

    def lines(self, key="events"):
        return [entry[b"event"].decode() for entry in self.stream(key)]


class Server(outputs.Receiver):
    def __init__(self, path, folder, *more):
        self.port, self.tls_port, self.socket = outputs.free_port(), outputs.free_port(), os.path.join(folder, "redis.sock")
        chain = pki.chain("long", name="localhost", at=pki.BASE)
        super().__init__(path, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", "--appendfsync", "always",
                         "--unixsocket", self.socket, "--tls-port", str(self.tls_port), "--tls-cert-file", chain.file, "--tls-key-file", chain.file,
                         "--tls-ca-cert-file", pki.roots(), "--tls-auth-clients", "no", "--save", "", *more)  # fmt: skip

    def start(self):
        super().start()
        assert until(lambda: outputs.listens(self.port)), "redis-server does not start"
        return self


def modes(checks, options, path, folder):
    server = Server(path, folder).start()
    given = messages(1000)
    try:
        client = Client(server.port)
        tls = ["tls=yes", "ca=" + pki.roots()]
        for name, target, words in (("stream", f"127.0.0.1:{server.port}/events", []), ("tls", f"localhost:{server.tls_port}/events", tls),
                                    ("unix socket", server.socket, ["name=events"])):  # fmt: skip
            client("DEL", "events")
            done = drive(options.driver, "redis", target, *words, given=given)
            checks.check(f"{name}: delivered", (done.status, done.delivered, done.refused, done.failures) == (0, 1000, 0, 0), f"{done.calls[-2:]} {done.err}")
            outputs.arrived(checks, name, given, client.lines(), repeats=False)
        entry = client.stream()[5]
        checks.equal("fields of an entry", (entry[b"id"], entry[b"dataset"], list(entry)), (b"ID00000005", b"mailtls.finding", [b"id", b"dataset", b"event"]))
        done = drive(options.driver, "redis", f"127.0.0.1:{server.port}/short", "stream_maxlen=100", given=given)
        checks.check("stream_maxlen= bounds the stream", 100 <= client("XLEN", "short") < 400, client("XLEN", "short"))
        done = drive(options.driver, "redis", f"127.0.0.1:{server.port}/whole", "stream_maxlen=0", "db=3", given=given)
        checks.equal("db=", (client("XLEN", "whole"), client("SELECT", 3), client("XLEN", "whole"), client("SELECT", 0)), (0, b"OK", 1000, b"OK"))
        done = drive(options.driver, "redis", f"127.0.0.1:{server.port}/list", "mode=list", given=given)
        checks.equal("list, in order", [line.decode() for line in client("LRANGE", "list", 0, -1)], [m.line for m in given])
        listener = Client(server.port)
        listener("SUBSCRIBE", "channel")
        done = drive(options.driver, "redis", f"127.0.0.1:{server.port}/channel", "mode=channel", given=given)
        checks.equal("channel, in order", [listener.reply()[2].decode() for _ in given], [m.line for m in given])
        listener.close()
        done = drive(options.driver, "redis", f"127.0.0.1:{server.port}/list", "--tries", "2", given=given[:5])
        checks.check("a key of another type: failed, and said", done.status == 1 and done.delivered == 0 and "WRONGTYPE" in done.calls[0][3], done.calls)
        client("DEL", "events")
        client("CONFIG", "SET", "maxmemory", 1)
        done = drive(options.driver, "redis", f"127.0.0.1:{server.port}/events", "--tries", "2", given=given[:5])
        checks.check("no memory there: failed, and said", done.status == 1 and done.delivered == 0 and "OOM" in done.calls[0][3], done.calls)
        client("CONFIG", "SET", "maxmemory", 0)
        done = drive(options.driver, "redis", f"localhost:{server.tls_port}/events", "tls=yes", "--tries", "2", given=given[:5])
        checks.check("an authority that is not ours", done.delivered == 0 and "certificate" in done.calls[0][3], done.calls)
        client.close()
    finally:
        server.end()


def passwords(checks, options, path, folder):
    server = Server(path, folder, "--requirepass", SECRET).start()
    given = messages(10)
    good, bad = os.path.join(folder, "good"), os.path.join(folder, "bad")
    for name, text in (good, SECRET), (bad, "wrong-" + SECRET):
        with open(name, "w", encoding="ascii") as f:
            f.write(text + "\n")
    try:
        target = f"127.0.0.1:{server.port}/events"
        for name, words, says in ("without", [], "NOAUTH"), ("a wrong one", ["password_file=" + bad], "WRONGPASS"), ("another user", ["username=x", "password_file=" + good], "WRONGPASS"):
            done = drive(options.driver, "redis", target, *words, "--tries", "2", given=given)
            checks.check(f"password: {name}", done.status == 1 and done.delivered == 0 and says in done.calls[0][3], done.calls)
            checks.check(f"password: {name}: not told", SECRET not in str(done.calls) + done.err, done.calls)
        for words in ["password_file=" + good], ["username=default", "password_file=" + good]:
            done = drive(options.driver, "redis", target, *words, given=given)
            checks.check(f"password: {words[0][:9]}", done.status == 0 and done.delivered == 10, f"{done.calls} {done.err}")
    finally:
        server.end()


def mixed_up(checks, options, path, folder):
    """Ended, killed, hung and started again, with an append-only file: what was confirmed is there afterwards."""
    server = Server(path, folder).start()
    count = 100000 if options.full else 15000
    given = messages(count)
    for mode in "stream", "list":
        work = outputs.Drive(options.driver, "redis", f"127.0.0.1:{server.port}/{mode}", "mode=" + mode, "stream_maxlen=0" if mode == "stream" else "db=0",
                             "--batch", "500", "--wait", "1000", "--pause", "100", given=given)  # fmt: skip
        try:
            for how in signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGKILL:
                client = Client(server.port)
                size = (lambda: client("XLEN", "stream")) if mode == "stream" else (lambda: client("LLEN", "list"))  # noqa: B023
                until(lambda: not isinstance(client("PING"), Exception))  # it may be loading  # noqa: B023
                before = size()
                until(lambda: size() > before + count / 10 or work.process.poll() is not None)  # noqa: B023
                client.close()
                if how == signal.SIGSTOP:
                    server.pause()
                    until(lambda: False, 1.5)
                    server.resume()
                else:
                    server.end(how)
                    server.start()
            work.done()
            checks.check(f"{mode}: delivered in the end", work.status == 0 and work.delivered == count and work.failures > 0, f"{work.calls[-2:]} {work.err}")
            client = Client(server.port)
            until(lambda: not isinstance(client("PING"), Exception))  # noqa: B023
            got = client.lines("stream") if mode == "stream" else [line.decode() for line in client("LRANGE", "list", 0, -1)]
            client.close()
            again = outputs.arrived(checks, mode, given, got)
            print(f"{mode}: {count} messages, {again} of them twice, {work.failures} failed calls")
        except BaseException:
            server.end()
            raise
    server.end()


def strange(checks, options):
    """A server that is none: whatever it answers, nothing counts as delivered, and the output ends."""
    few = messages(3)
    answers = [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$99999999999\r\n", b"+" + b"x" * 5000, b":" + b"9" * 30 + b"\r\n", b"-ERR\x1b[2J red\r\n", b"*3\r\n", b"", b"+OK\r\n",
               b"$5\r\nabcdeXY", b"-LOADING Redis is loading the dataset in memory\r\n", b"+OK\r\n" * 300000, b"\xff\xfe", b"+OK\n", b"$-5\r\n", b"*-7\r\n",
               b"+OK\r\n" + b"+QUEUED\r\n" * 3 + b"*3\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n", b"+OK\r\n" + b"+QUEUED\r\n" * 3 + b"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
               b"+OK\r\n" + b"+QUEUED\r\n" * 3 + b"*-1\r\n"]  # fmt: skip
    for answer in answers:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve():
                while True:
                    try:
                        connection, _ = server.accept()  # noqa: B023
                    except OSError:
                        return
                    with connection:
                        try:
                            connection.recv(65536)
                            connection.sendall(answer)  # noqa: B023
                            connection.settimeout(1)
                            while connection.recv(65536):
                                pass
                        except OSError:
                            pass

            threading.Thread(target=serve, daemon=True).start()
            done = drive(options.driver, "redis", f"127.0.0.1:{server.getsockname()[1]}/k", "--tries", "1", "--wait", "500", given=few)
            checks.check(f"answer {answer[:40]!r}", done.status == 1 and done.delivered == 0 and done.calls[0][3] and "\x1b" not in done.calls[0][3], f"{done.status} {done.calls} {done.err[-300:]}")
            server.shutdown(socket.SHUT_RDWR)
    check = lambda *words, **more: outputs.refused_by_check(checks, options.driver, "redis", *words, **more)  # noqa: E731
    check("", says="expected HOST:PORT")
    check("user:" + SECRET + "@host:1/k", says="password_file=", never=[SECRET])
    check("host:x/k", says="port from 1")
    check("host:1/k", "name=l", says="given twice")
    check("host:1/" + "k" * 600, says="the key has")
    check("host:1/k", "mode=set", says="mode= is one of: stream list channel")
    check("host:1/k", "stream_maxlen=-1", says="is a number from 0")
    check("host:1/k", "password_file=/nonexistent", says="No such file")
    check("host:1/k", "password_file=/dev/null", says="empty")
    check("host:1/k", "username=x", says="password_file=")
    check("host:1/k", "ca=" + pki.roots(), says="need tls=yes")
    check("host:1/k", "password=" + SECRET, says="no option password;", never=[SECRET])


def byte_by_byte(checks, options):
    """Answers that come in pieces, cut at every place, are answers."""
    given = messages(3)
    parts = [b"+OK\r\n", b"+QUEUED\r\n" * 3, b"*3\r\n", b"$15\r\n1777852800123-0\r\n" * 3]
    whole_answer = b"".join(parts)
    for at in range(1, len(whole_answer)):
        asked = []
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve(server=server, at=at, asked=asked):
                connection, _ = server.accept()
                with connection:
                    data = b""
                    while b"EXEC\r\n" not in data and (more := connection.recv(65536)):
                        data += more
                    asked.append(data.count(b"XADD"))
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    connection.sendall(whole_answer[:at])
                    time.sleep(0.005)
                    connection.sendall(whole_answer[at:])
                    connection.recv(1)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            done = drive(options.driver, "redis", f"127.0.0.1:{server.getsockname()[1]}/x", "--tries", "1", "--wait", "30000", given=given)
            if done.delivered != 3:
                checks.check(f"an answer cut at byte {at} of {len(whole_answer)}", False, done.calls)
                return
            thread.join(10)
    checks.check("an answer cut at every byte", asked == [3], asked)


def whole(checks, options, path, folder):
    if not options.program:
        print("skipped: no --program, so the plugin is tested without starttap around it")
        return
    server = Server(path, folder).start()
    try:
        want = outputs.samples_through(checks, options.program, f"plugin:redis:127.0.0.1:{server.port}/events?stream_maxlen=0")
        client = Client(server.port)
        checks.equal("starttap -o plugin:redis: the events of standard output", client.lines(), want)
        client.close()
        server.end()
        want += outputs.late_receiver(checks, options.program, f"plugin:redis:127.0.0.1:{server.port}/events?stream_maxlen=0", server.start)
        client = Client(server.port)
        checks.equal("and with a server that comes late", client.lines(), want)
        client.close()
    finally:
        server.end()


def main():
    options = outputs.arguments(__doc__)
    checks = harness.Checks()
    strange(checks, options)
    byte_by_byte(checks, options)
    path = outputs.tool("redis-server")
    if path:
        for part in modes, passwords, mixed_up, whole:
            with tempfile.TemporaryDirectory() as folder:
                part(checks, options, path, folder)
    return checks.finish()


if __name__ == "__main__":
    raise SystemExit(main())
