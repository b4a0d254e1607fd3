# SPDX-License-Identifier: Apache-2.0
"""The output "syslog" against Debian's rsyslogd: UDP, TCP, TLS and the local socket; stopped and killed in between; a
certificate that does not fit; what is too long."""
import os
import signal
import socket
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "tools"))
import outputs  # noqa: E402
import pki  # noqa: E402
from outputs import drive, harness, lines_of, messages, until  # noqa: E402

FORMAT = "%pri%|%timereported:::date-rfc3339%|%hostname%|%app-name%|%procid%|%msgid%|%msg:::sp-if-no-1st-sp%%msg%\\n"
CONF = """
global(workDirectory="{folder}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off"
       net.enableDNS="off" defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{cert}"
       defaultNetstreamDriverKeyFile="{key}")
module(load="imudp") module(load="imtcp") module(load="imuxsock" SysSock.Use="off")
template(name="all" type="string" string="{format}")
ruleset(name="r") {{ action(type="omfile" file="{folder}/out" template="all") }}
input(type="imudp" address="127.0.0.1" port="{udp}" rcvbufSize="8m" ruleset="r")
input(type="imtcp" address="127.0.0.1" port="{tcp}" ruleset="r")
input(type="imuxsock" Socket="{folder}/log" CreatePath="off" ruleset="r" {local})
"""
TLS = 'input(type="imtcp" address="127.0.0.1" port="{tls}" ruleset="r" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")\n'


class Rsyslog:
    def __init__(self, path, folder, tls=True):
        chain = pki.chain("long", name="localhost", at=pki.BASE)
        self.folder, self.out = folder, os.path.join(folder, "out")
        self.udp, self.tcp, self.tls = outputs.free_port(socket.SOCK_DGRAM), outputs.free_port(), outputs.free_port()
        conf = os.path.join(folder, "conf")
        values = dict(folder=folder, ca=pki.roots(), cert=chain.file, key=chain.file, format=FORMAT, udp=self.udp, tcp=self.tcp, tls=self.tls, local="")
        with open(conf, "w", encoding="ascii") as f:
            f.write((CONF + (TLS if tls else "")).format(**values))
        self.receiver = outputs.Receiver(path, "-n", "-f", conf, "-i", os.path.join(folder, "pid"))

    def start(self):
        self.receiver.start()
        assert until(lambda: outputs.listens(self.tcp)), "rsyslogd does not start: " + (self.receiver.process.stdout.read().decode() if self.receiver.process.poll() is not None else "")
        return self

    def end(self, how=signal.SIGTERM):
        self.receiver.end(how)

    def rows(self):
        return [line.split("|", 6) for line in lines_of(self.out)]

    def messages(self):
        return [row[6].strip(" ") if len(row) == 7 else "|".join(row) for row in self.rows()]


def plain(checks, options, path):
    with tempfile.TemporaryDirectory() as folder:
        rsyslog = Rsyslog(path, folder).start()
        given = messages(300)
        try:
            for name, target, words in (("udp", f"udp://127.0.0.1:{rsyslog.udp}", []), ("tcp", f"tcp://localhost:{rsyslog.tcp}", []),
                                        ("tls", f"tls://localhost:{rsyslog.tls}", ["ca=" + pki.roots()]),
                                        ("local", "local", [f"path={folder}/log"])):  # fmt: skip
                done = drive(options.driver, "syslog", target, *words, given=given)
                checks.check(f"{name}: all reported as delivered, at once", (done.status, done.delivered, done.refused, done.failures) == (0, 300, 0, 0), f"{done.calls[-3:]} {done.err}")
                until(lambda: len(rsyslog.rows()) >= 300)
                outputs.arrived(checks, name, given, rsyslog.messages(), repeats=False)
                row = rsyslog.rows()[0]
                checks.check(f"{name}: header", row[0] == "local0.notice" or row[0] == "133", row)
                if name != "local":
                    checks.equal(f"{name}: header", row[1:6], ["2026-05-04T00:00:00.123457Z", "tap.example.net", "starttap", "-", "mailtls.finding"])
                else:
                    checks.equal("local: program name", row[3], "starttap")
                open(rsyslog.out, "w").close()
                rsyslog.receiver.process.send_signal(signal.SIGHUP)
        finally:
            rsyslog.end()


def mixed_up(checks, options, path):
    """A receiver that goes away in the middle, in all ways it can."""
    count = 60000 if options.full else 12000
    for name, how in (("stopped", signal.SIGTERM), ("killed", signal.SIGKILL)):
        for transport in ("tcp", "tls") if options.full else ("tcp",) if how == signal.SIGKILL else ("tls",):
            with tempfile.TemporaryDirectory() as folder:
                rsyslog = Rsyslog(path, folder).start()
                given = messages(count, size=800)
                port = rsyslog.tcp if transport == "tcp" else rsyslog.tls
                words = ["ca=" + pki.roots()] if transport == "tls" else []
                work = outputs.Drive(options.driver, "syslog", f"{transport}://localhost:{port}", "--batch", "250", "--wait", "3000", "--pause", "50", *words, given=given)
                try:
                    for _ in range(3):
                        before = len(rsyslog.rows())
                        until(lambda: len(rsyslog.rows()) > before + count / 8 or work.process.poll() is not None)  # noqa: B023
                        rsyslog.end(how)
                        rsyslog.start()
                    work.done()
                    checks.check(f"{name} {transport}: all delivered in the end", work.status == 0 and work.delivered == count, f"{work.status} {work.calls[-2:]} {work.err[-300:]}")
                    until(lambda: len(set(rsyslog.messages())) >= count)
                finally:
                    rsyslog.end()
                got = [m for m in rsyslog.messages() if m.startswith("{") and m.endswith("}") or how != signal.SIGKILL]
                again = outputs.arrived(checks, f"{name} {transport}", given, got)
                print(f"{name} {transport}: {count} messages, {again} of them twice, {work.failures} failed calls")


def paused(checks, options, path):
    """A receiver that hangs: nothing is lost, nothing is sent a second time on the same connection."""
    with tempfile.TemporaryDirectory() as folder:
        rsyslog = Rsyslog(path, folder).start()
        given = messages(12000, size=1500)
        try:
            rsyslog.receiver.pause()
            work = outputs.Drive(options.driver, "syslog", f"tcp://127.0.0.1:{rsyslog.tcp}", "--wait", "300", given=given)
            work.wait_for_failure()
            checks.check("paused: it waits", work.process.poll() is None)
            rsyslog.receiver.resume()
            work.done()
            checks.check("paused: delivered in the end", work.status == 0 and work.delivered == 12000 and work.failures > 0, f"{work.status} {work.calls[-2:]} {work.err}")
            checks.check("paused: says what is wrong", any("does not read" in call[3] for call in work.calls), work.calls[:3])
            until(lambda: len(rsyslog.rows()) >= 12000)
        finally:
            rsyslog.receiver.resume()
            rsyslog.end()
        outputs.arrived(checks, "paused", given, rsyslog.messages(), repeats=False)


def unwilling(checks, options, path):
    with tempfile.TemporaryDirectory() as folder:
        rsyslog = Rsyslog(path, folder).start()
        try:
            tls = f"tls://localhost:{rsyslog.tls}"
            few = messages(3)
            for name, target, words, says in (
                ("an authority that is not ours", tls, [], "certificate"),
                ("a name that is not in the certificate", f"tls://127.0.0.1:{rsyslog.tls}", ["ca=" + pki.roots()], "mismatch"),
                ("nobody listens", f"tcp://127.0.0.1:{outputs.refusing_port()}", [], "Connection refused"),
                ("TLS to a port in clear", f"tls://localhost:{rsyslog.tcp}", ["ca=" + pki.roots()], "TLS"),
                ("no such name", "tcp://no-such-host.invalid:514", [], "no-such-host.invalid"),
                ("nobody on UDP", f"udp://127.0.0.1:{outputs.free_port(socket.SOCK_DGRAM)}", [], "Connection refused"),
                ("no local daemon", "local", [f"path={folder}/absent"], "absent"),
            ):  # fmt: skip
                done = drive(options.driver, "syslog", target, *words, "--tries", "2", "--wait", "2000", given=few)
                checks.check(f"{name}: failed, and said", done.status == 1 and done.delivered == 0 and says in done.calls[0][3], f"{done.status} {done.calls} {done.err}")
            open(rsyslog.out, "w").close()
            rsyslog.receiver.process.send_signal(signal.SIGHUP)
            for words in (["tls_verify=no"], ["ca=" + pki.roots(), "tls_name=localhost"]):
                done = drive(options.driver, "syslog", f"tls://127.0.0.1:{rsyslog.tls}", *words, given=few)
                checks.check(f"{words}: delivered", done.status == 0 and done.delivered == 3, f"{done.calls} {done.err}")
            until(lambda: len(rsyslog.rows()) >= 6)
            outputs.arrived(checks, "after all that", few, rsyslog.messages())
            long = [outputs.Message(1), outputs.Message(2, "y" * 9000), outputs.Message(3)]
            open(rsyslog.out, "w").close()
            rsyslog.receiver.process.send_signal(signal.SIGHUP)
            for target, words in (f"tcp://127.0.0.1:{rsyslog.tcp}", []), (f"udp://127.0.0.1:{rsyslog.udp}", []), ("local", [f"path={folder}/log"]):
                done = drive(options.driver, "syslog", target, *words, given=long)
                checks.check(f"{target}: what is too long is refused, the rest arrives", (done.status, done.delivered, done.refused) == (0, 3, 1), f"{done.calls} {done.err}")
            until(lambda: len(rsyslog.rows()) >= 6)
            checks.equal("too long: the others", sorted(rsyslog.messages()), sorted([long[0].line, long[2].line] * 3))
            wide = drive(options.driver, "syslog", f"tcp://127.0.0.1:{rsyslog.tcp}", "max_bytes=60000", given=long[1:2])
            checks.check("unless max_bytes= allows it", wide.delivered == 1 and wide.refused == 0, wide.calls)
            huge = drive(options.driver, "syslog", f"udp://127.0.0.1:{rsyslog.udp}", "max_bytes=90000", given=[outputs.Message(4, "z" * 66000)])
            checks.check("a datagram has a longest size", huge.delivered == 1 and huge.refused == 1, huge.calls)
        finally:
            rsyslog.end()


def styles(checks, options):
    """The bytes themselves, to a socket of our own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        got = []

        def serve():
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(65536):
                    got.append(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        message = messages(6)[5]
        done = drive(options.driver, "syslog", f"tcp://127.0.0.1:{server.getsockname()[1]}", "facility=mail", "bom=yes", given=[message])
        thread.join(harness.PATIENCE)
        body = f"<20>1 2026-05-04T00:00:00.123457Z tap.example.net starttap - mailtls.finding - \ufeff{message.line}".encode()
        checks.equal("octet counting", b"".join(got), str(len(body)).encode() + b" " + body)
        checks.check("delivered", done.delivered == 1, done.calls)
    check = lambda *words, **more: outputs.refused_by_check(checks, options.driver, "syslog", *words, **more)  # noqa: E731
    check("", says="expected udp://HOST:PORT")
    check("relp://x:1", says="expected udp://HOST:PORT")
    check("tcp://", says="expected HOST:PORT")
    check("tcp://x:0", says="port from 1 to 65535")
    check("tcp://x:65536", says="port from 1 to 65535")
    check("tcp://[::1", says="no ]")
    check("udp://x", "facility=lokal0", says="facility= is one of")
    check("udp://x", "colour=red", says="no option colour; there are: facility")
    check("udp://x", "bom=maybe", says="bom= is yes or no")
    check("udp://x", "ca=" + pki.roots(), says="need a tls:// target")
    check("tls://x", "ca=/nonexistent", says="No such file")
    check("tls://x", "ca=" + os.path.abspath(__file__), says="ca=:")
    check("tls://x", "cert=" + pki.roots(), says="cert= and key= belong together")
    check("tls://x", "cert=" + pki.roots(), "key=" + pki.key_file("ec256"), says="key=")
    check("local", "path=log", says="begins with /")
    check("udp://x", "path=/dev/log", says="belongs to syslog:local")


def unread(checks, options):
    """A receiver whose system acknowledged messages that it never read: they are sent again when it is back."""
    given = messages(400)
    for words, wanted in ([], True), (["resend=0"], False):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(harness.PATIENCE)
            work = outputs.Drive(options.driver, "syslog", f"tcp://127.0.0.1:{server.getsockname()[1]}", "--batch", "20", "--pause", "100", *words, given=given)
            first, _ = server.accept()
            until(lambda: len(work.calls_so_far()) >= 5)  # noqa: B023
            first.close()
            second, _ = server.accept()
            data = b""
            while more := second.recv(65536):
                data += more
            second.close()
            work.done()
        got = []
        while data:
            length, _, data = data.partition(b" ")
            got.append(data[: int(length)].decode().split(" - ", 2)[2])
            data = data[int(length) :]
        if wanted:
            outputs.arrived(checks, "unread", given, got)
        else:
            checks.check("unread: without resend= they are lost", len(set(got)) < 400, len(got))
        checks.check("unread: delivered", work.status == 0 and work.delivered == 400, work.calls[-2:])


def whole(checks, options, path):
    if not options.program:
        print("skipped: no --program, so the plugin is tested without starttap around it")
        return
    with tempfile.TemporaryDirectory() as folder:
        rsyslog = Rsyslog(path, folder).start()
        try:
            for spec in f"syslog:tcp://127.0.0.1:{rsyslog.tcp}", f"syslog:tls://localhost:{rsyslog.tls}?ca={pki.roots()}", f"syslog:local?path={folder}/log":
                want = outputs.samples_through(checks, options.program, spec)
                until(lambda: len(rsyslog.rows()) >= len(want))  # noqa: B023
                checks.equal(f"{spec}: the events of standard output", sorted(rsyslog.messages()), sorted(want))
                open(rsyslog.out, "w").close()
                rsyslog.receiver.process.send_signal(signal.SIGHUP)
            rsyslog.end()
            want = outputs.late_receiver(checks, options.program, f"syslog:tcp://127.0.0.1:{rsyslog.tcp}", rsyslog.start)
            until(lambda: len(rsyslog.rows()) >= len(want))
            checks.equal("with a receiver that comes late", sorted(rsyslog.messages()), sorted(want))
        finally:
            rsyslog.end()


def main():
    options = outputs.arguments(__doc__)
    checks = harness.Checks()
    styles(checks, options)
    unread(checks, options)
    path = outputs.tool("rsyslogd")
    if path:
        for part in plain, mixed_up, paused, unwilling, whole:
            part(checks, options, path)
    return checks.finish()


if __name__ == "__main__":
    raise SystemExit(main())
