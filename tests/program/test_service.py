# SPDX-License-Identifier: Apache-2.0
"""The service: what is installed for systemd and logrotate names the program where it lies, and holds to systemd's own check.

Then the program is run as the unit runs it, by hand: another user with CAP_NET_RAW alone, a file system that is read-only but for the
two folders, a /proc without the rest of the system; with an output that sends and its spool on disk. It is rotated as logrotate does
it, and told to end with its receiver away: what was not delivered is in the spool for the next run, which delivers it.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import dialogues
import harness
from harness import PATIENCE, get, packets
from line import Line, make_pair
from test_signals import LINE, LOGIN, TAP

USER = 65534


def install(program, folder):
    subprocess.run(["cmake", "--install", os.path.dirname(program), "--prefix", folder], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "lib/systemd/system/starttap@.service"), encoding="utf-8") as f:
        return f.read()


def settings(unit, key):
    return [line.split("=", 1)[1] for line in unit.splitlines() if line.startswith(key + "=")]


def check_installed(checks, program, folder):
    unit = install(program, folder)
    installed = os.path.join(folder, "bin/starttap")
    start = settings(unit, "ExecStart")
    checks.equal("one command, of the installed program", start, [installed + " -i %I -c /etc/starttap/%i.yaml"])
    checks.check("nothing is left to fill in", "@STARTTAP" not in unit)
    checks.equal("the check before a reload has the same words", settings(unit, "ExecReload")[0], start[0].replace(" -i", " -q -T -i", 1))
    with open(os.path.join(folder, "share/doc/starttap/starttap.yaml"), encoding="utf-8") as f:
        example = f.read()
    good = harness.run(installed, "-T", "-i", TAP, "-c", os.path.join(folder, "share/doc/starttap/starttap.yaml"))
    checks.check("the example is a good configuration", good.returncode == 0 and b"mail.jsonl" in good.stdout, good.stderr)
    every = os.path.join(folder, "every.yaml")
    with open(every, "w", encoding="utf-8") as f:
        f.write(example.replace('  # - "', '  - "').replace("# policy:", "policy:").replace("#   trusted", "  trusted"))
    good = harness.run(installed, "-T", "-i", TAP, "-c", every)
    checks.check("and so is what is commented out in it", good.returncode == 0 and b"syslog" in good.stdout and b"10.0.0.0/8" in good.stdout, good.stderr)
    for folder_of in "LogsDirectory", "StateDirectory":
        checks.equal(f"{folder_of}=", settings(unit, folder_of), ["starttap"])
    checks.check("the example writes where the unit lets it", "/var/log/starttap/" in example and "/var/lib/starttap/" in example)
    if shutil.which("systemd-analyze") is None:
        print("left out: systemd-analyze is not installed")
    else:
        one = os.path.join(folder, "starttap@lo.service")
        with open(one, "w", encoding="utf-8") as f:
            f.write(unit)
        verify = subprocess.run(["systemd-analyze", "verify", "--man=no", one], capture_output=True)
        checks.check("systemd-analyze verify", verify.returncode == 0 and one.encode() not in verify.stderr, verify.stderr)
    check_logrotate(checks, folder)
    check_journal(checks, program)


def check_journal(checks, program):
    """Where standard error is the journal's stream, lines carry their priority; where it only was that of a parent, not."""
    for own in True, False:
        with tempfile.TemporaryFile() as err:
            st = os.fstat(err.fileno())
            stream = f"{st.st_dev}:{st.st_ino if own else st.st_ino + 1}"
            subprocess.run([program, "-i", "absent0"], stderr=err, env={**os.environ, "JOURNAL_STREAM": stream})
            err.seek(0)
            said = err.read()
        checks.check(f"priorities for the journal: {own}", said.startswith(b"<3>starttap: error: " if own else b"starttap: error: "), said)


def check_logrotate(checks, folder):
    if shutil.which("logrotate") is None:
        print("left out: logrotate is not installed")
        return
    with open(os.path.join(folder, "share/doc/starttap/starttap.logrotate"), encoding="utf-8") as f:
        text = f.read().replace("starttap starttap", "root root").replace("/var/log/starttap", folder)
    path = os.path.join(folder, "rotate")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    dry = subprocess.run(["logrotate", "-d", path], capture_output=True)
    checks.check("logrotate -d", dry.returncode == 0 and b"error:" not in dry.stderr, dry.stderr)


class Receiver(threading.Thread):
    """The other end of unix:PATH."""

    def __init__(self, path):
        super().__init__(daemon=True)
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.create_server(path, family=socket.AF_UNIX)
        os.chown(path, USER, USER)
        self.got = b""
        self.start()

    def run(self):
        try:
            while True:
                self.connection, _ = self.listener.accept()
                while data := self.connection.recv(65536):
                    self.got += data
        except OSError:
            pass  # gone, as it was told to

    def go(self):
        self.connection.shutdown(socket.SHUT_RDWR)
        self.listener.shutdown(socket.SHUT_RDWR)
        self.join()
        self.connection.close()
        self.listener.close()


class Service:
    """The program with the rights of the unit."""

    def __init__(self, checks, program, folder):
        self.checks, self.folder, self.number = checks, folder, 0
        self.log, self.state, self.socket = (os.path.join(folder, name) for name in ("log", "state", "receiver.sock"))
        self.out, self.err = os.path.join(self.log, "mail.jsonl"), os.path.join(folder, "err.txt")
        for made in self.log, self.state:
            os.mkdir(made, 0o750)
            os.chown(made, USER, USER)
        config = os.path.join(folder, "c.yaml")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f'findings.interval: 0\noutputs:\n  - "file:{self.out}"\n  - "unix:{self.socket}?spool={self.state}/unix&drain=1s"\n')
        os.chmod(folder, 0o755)
        # ProtectSystem=strict with the two folders, ProcSubset=pid; then the user with one capability, and no way to more.
        box = f"mount --bind {self.log} {self.log} && mount --bind {self.state} {self.state} && mount -o remount,bind,ro / && " \
              "mount -t proc -o subset=pid proc /proc && umask 0027 && exec \"$@\""  # fmt: skip
        self.words = ["unshare", "--mount", "sh", "-c", box, "sh", "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
                      "--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw", "--no-new-privs",
                      program, "-i", TAP, "-c", config]  # fmt: skip
        self.line = Line(LINE, TAP)
        self.start()

    def start(self):
        self.process = harness.start_watching(self.words, self.err)

    def said(self):
        with open(self.err, encoding="utf-8") as f:
            return f.read()

    def wait(self, name, good):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if good():
                return self.checks.check(name, True)
            time.sleep(0.02)
        return self.checks.check(name, False, f"status {self.process.poll()}, {self.said()[-600:]}")

    def send(self):
        self.number += 1
        for segment in dialogues.session(25, LOGIN, self.number):
            self.line.send(packets.ethernet(segment))
        return 40000 + self.number

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def clients(data):
    """Ports of the clients of session records."""
    events = [json.loads(line) for line in data.splitlines(keepends=True) if line.endswith(b"\n")]
    return [get(e, "source.port") for e in events if get(e, "event.dataset") == "mailtls.session"]


def content(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def descendants(pid):
    """The capabilities of what this process started, and that in turn."""
    out = []
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        for child in f.read().split():
            with open(f"/proc/{child}/status", encoding="ascii") as status:
                out += [line.split()[1] for line in status if line.startswith("CapEff:")] + descendants(int(child))
    return out


def check_running(checks, program, folder):
    receiver_path = os.path.join(folder, "receiver.sock")
    receiver = Receiver(receiver_path)
    s = Service(checks, program, folder)
    first = s.send()
    s.wait("a record is in the file", lambda: first in clients(content(s.out)))
    s.wait("and with the receiver", lambda: first in clients(receiver.got))
    checks.equal("the file is the group's to read", (os.stat(s.out).st_mode & 0o777, os.stat(s.out).st_uid), (0o640, USER))
    with open(f"/proc/{s.process.pid}/status", encoding="ascii") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    checks.equal("rights: CAP_NET_RAW and no way to more", (status["CapEff"], status["CapBnd"], status["NoNewPrivs"]), ("0000000000002000",) * 2 + ("1",))

    outputs = descendants(s.process.pid)
    checks.check("the processes of the output have no rights at all", len(outputs) >= 2 and all(rights == "0000000000000000" for rights in outputs), outputs)

    moved = s.out + ".1"
    os.rename(s.out, moved)
    with open(s.out, "w", encoding="ascii"):
        os.chown(s.out, USER, USER)
    s.process.send_signal(signal.SIGHUP)
    s.wait("SIGHUP is told", lambda: "are in force" in s.said())
    second = s.send()
    s.wait("after logrotate the new file is written", lambda: second in clients(content(s.out)))
    checks.equal("nothing was lost between the two", clients(content(moved) + content(s.out)), [first, second])

    os.unlink(receiver_path)
    receiver.go()
    third = s.send()
    s.wait("a record while the receiver is away", lambda: third in clients(content(s.out)))
    checks.check("the receiver has it not", third not in clients(receiver.got))
    checks.equal("it ends well: what waits lies in the spool", s.stop(), 0)
    checks.check("nothing was refused", "denied" not in s.said() and "not permitted" not in s.said(), s.said())
    again = Receiver(receiver_path)
    s.start()
    fourth = s.send()
    s.wait("the next run delivers what waited", lambda: {third, fourth} <= set(clients(again.got)))
    checks.equal("its status", s.stop(), 0)


def inside(options):
    checks = harness.Checks()
    make_pair(LINE, TAP)
    # Where every user can come to, unlike the folder of the build perhaps.
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(options.program, folder)
        check_running(checks, os.path.join(folder, os.path.basename(options.program)), folder)
    return checks.finish()


def main():
    options = harness.arguments(__doc__, more=lambda p: p.add_argument("--inside", action="store_true", help="already in a network namespace of its own"))
    if options.inside:
        return inside(options)
    checks = harness.Checks()
    with tempfile.TemporaryDirectory() as folder:
        check_installed(checks, os.path.abspath(options.program), folder)
    failed = checks.finish()
    probe = ["unshare", "--net", "--mount", "sh", "-c", f"ip link add {LINE} type veth peer name {TAP} && setpriv --reuid={USER} --clear-groups true"]
    try:
        able = os.geteuid() == 0 and subprocess.run(probe, capture_output=True).returncode == 0
    except OSError:
        able = False
    if not able:
        print("left out: running it with the rights of the unit (needs root, unshare, ip and setpriv)")
        return failed
    words = [sys.executable, os.path.abspath(__file__), "--program", options.program, "--inside"]
    return subprocess.run(["unshare", "--net", "--mount", *words]).returncode or failed


if __name__ == "__main__":
    raise SystemExit(main())
