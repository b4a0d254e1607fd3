# SPDX-License-Identifier: Apache-2.0
"""-i: watching an interface. In a network namespace of its own, on its loopback: a real dialogue is watched and recorded at the
same time; the records of the line and of the file say the same, and a finding leaves while its session goes on."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import harness

LOGIN = "auth.cleartext"
ETH_P_ALL, PACKET_OUTGOING = 3, 4


def serve(listener, hold):
    """One SMTP session, as far as is needed; stays open until told."""
    connection, _ = listener.accept()
    with connection, connection.makefile("rwb") as stream:
        def say(text):
            stream.write(text.encode() + b"\r\n")
            stream.flush()

        say("220 mail.example.net ESMTP test")
        for line in stream:
            verb = line.split()[0].upper()
            if verb == b"EHLO":
                say("250-mail.example.net\r\n250-STARTTLS\r\n250 AUTH PLAIN")
            elif verb == b"AUTH":
                say("235 2.7.0 ok")
                hold.wait(2 * harness.PATIENCE)
            elif verb == b"QUIT":
                say("221 bye")
                return


def client(port, done):
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rwb") as stream:
        stream.readline()
        for line in ("EHLO pc.example.org", "AUTH PLAIN AHVzZXIAQ0FOQVJZLWxpdmU=", "QUIT"):
            stream.write(line.encode() + b"\r\n")
            stream.flush()
            reply = stream.readline()
            while reply[3:4] == b"-":
                reply = stream.readline()
            if line.startswith("AUTH"):
                done.set()


class Recorder(threading.Thread):
    """A second tap, of our own: what came in on the interface, as a pcap file."""

    def __init__(self, interface):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((interface, 0))
        self.frames, self.over = [], False

    def run(self):
        self.socket.settimeout(0.2)
        while not self.over:
            self.take()
        self.socket.settimeout(0)  # what came in before the end
        while self.take():
            pass

    def take(self):
        try:
            data, address = self.socket.recvfrom(65536)
        except (TimeoutError, BlockingIOError):
            return False
        if address[2] != PACKET_OUTGOING:
            self.frames.append((time.time_ns(), data))
        return True

    def write(self, path):
        self.over = True
        self.join()
        with open(path, "wb") as f:
            f.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
            for time_ns, data in self.frames:
                f.write(struct.pack("<IIII", time_ns // 10**9, time_ns % 10**9, len(data), len(data)) + data)


def facts(events):
    """What does not depend on ids, times and frame numbers."""
    out = []
    for e in events:
        if e["event"]["dataset"] == "mailtls.session":
            m = e["mailtls"]
            out.append(json.dumps([m["mode"], m["verdict"], m.get("findings"), m.get("notes"), m["starttls"], m["auth"], m["capture"]["complete"]]))
        elif "rule" in e:
            out.append(json.dumps([e["rule"]["id"], e["event"]["severity"], [(x["side"], x["offset"]) for x in e["mailtls"]["finding"]["evidence"]]]))
    return sorted(set(out))


def watch(checks, program_path, folder, workers):
    out, said, recorded = (os.path.join(folder, name) for name in (f"live{workers}.jsonl", "err.txt", "same.pcap"))
    recorder = Recorder("lo")
    recorder.start()
    program = harness.start_watching([program_path, "-i", "lo", "-o", "file:" + out, "--min-severity", "info", "--workers", workers], said)
    hold, done = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 2525)) as listener:
        threads = [threading.Thread(target=serve, args=(listener, hold), daemon=True), threading.Thread(target=client, args=(2525, done), daemon=True)]
        for thread in threads:
            thread.start()
        checks.check("the dialogue took place", done.wait(harness.PATIENCE))
        checks.check("the finding leaves while the session is open", harness.wait_until(lambda: LOGIN.encode() in harness.read(out)))
        with open(out, "rb") as f:
            checks.check("and the session's record has not left yet", b"mailtls.session\"" not in f.read())
        hold.set()
        for thread in threads:
            thread.join(harness.PATIENCE)
    checks.check("the record follows the end of the session", harness.wait_until(lambda: b"mailtls.session\"" in harness.read(out)))
    program.send_signal(signal.SIGTERM)
    program.wait(harness.PATIENCE)
    err = harness.read(said)
    checks.equal("ended by SIGTERM: status", program.returncode, 0)
    checks.check("nothing to complain of", b"error" not in err, err)
    recorder.write(recorded)
    with open(out, encoding="utf-8") as f:
        live = [json.loads(line) for line in f]
    stats = [e for e in live if e["event"]["dataset"] == "mailtls.stats"]
    checks.check("counters at the end", len(stats) == 1 and stats[0]["mailtls"]["stats"]["capture"]["packets"] > 0, stats)
    checks.check("interface named", all(e["mailtls"]["capture"]["file"] == "lo" for e in live if "capture" in e["mailtls"]))
    again = harness.events(checks, "file", harness.run(program_path, "-r", recorded, "--min-severity", "info"))
    checks.equal(f"{workers} workers: the file of the same traffic says the same", facts(live), facts(again))
    with open(out, "rb") as f:
        text = f.read()
    checks.check("no secret", b"CANARY" not in text and b"AHVz" not in text)


def check_refusals(checks, program):
    """What cannot be watched is said at the start, with what to do about it."""
    subprocess.run(["ip", "link", "add", "line0", "type", "veth", "peer", "name", "tap0"], check=True)
    rows = [(["absent0"], "absent0: cannot be watched: there is no such interface here; there are any, lo, tap0, line0"),
            (["tap0"], "tap0: cannot be watched: it is down; switch it on: ip link set tap0 up"),
            (["lo", "-f", "inbound"], 'filter "inbound" can match no frame of link type 1: inbound, outbound and ifindex do not'),
            (["lo", "-f", "wlan type mgt"], 'filter "wlan type mgt" can match no frame of link type 1')]  # fmt: skip
    for words, text in rows:
        refused = harness.run(program, "-i", *words)
        checks.check(f"-i {' '.join(words)}: refused with advice", refused.returncode == 1 and text in refused.stderr.decode(), refused.stderr)
    users = [(["--bounding-set=-net_raw", "--inh-caps=-net_raw"], "--cap-add NET_RAW")]
    with open("/proc/self/uid_map", encoding="ascii") as f:
        if int(f.read().split()[2]) > 65534 and os.stat(program).st_mode & 0o5 == 0o5:
            users.append((["--reuid=65534", "--clear-groups"], "setcap cap_net_raw+ep " + os.path.abspath(program)))
    for words, text in users:
        try:
            refused = subprocess.run(["setpriv", *words, program, "-i", "lo"], capture_output=True)
        except OSError:
            print("left out: without rights (setpriv is not installed)")
            break
        if refused.returncode == 127:  # cannot be reached by that user
            print("left out: without rights:", refused.stderr.decode().strip())
            continue
        checks.check("without rights: refused with advice", refused.returncode == 1 and text in refused.stderr.decode(), refused.stderr)


def check_no_standard_output(checks, program, folder):
    """Nothing else comes to stand where standard output would: events would be sent into a socket on the interface."""
    err = os.path.join(folder, "closed.err")
    process = harness.start_watching([program, "-i", "lo"], err, preexec_fn=lambda: os.close(1))
    checks.equal("standard output closed: what is there", os.readlink(f"/proc/{process.pid}/fd/1"), "/dev/null")
    process.send_signal(signal.SIGTERM)
    checks.equal("standard output closed: status", process.wait(harness.PATIENCE), 1)
    checks.check("standard output closed: said", b"Bad file descriptor" in harness.read(err), harness.read(err))


def inside(options):
    checks = harness.Checks()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        for workers in "1", "2", "4":
            watch(checks, options.program, folder, workers)
        none = harness.run(options.program, "-i", "lo", "-o", "file:" + os.path.join(folder, "no", "such"))
        checks.check("a file that cannot be made is said at the start", none.returncode == 1 and b"No such file" in none.stderr, none.stderr)
        check_refusals(checks, options.program)
        check_no_standard_output(checks, options.program, folder)
    return checks.finish()


def main():
    options = harness.arguments(__doc__, more=lambda parser: parser.add_argument("--inside", action="store_true", help=argparse_help))
    if options.inside:
        return inside(options)
    words = [sys.executable, os.path.abspath(__file__), "--program", options.program, "--inside"]
    for prefix in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]):
        try:
            probe = subprocess.run([*prefix, "ip", "link", "set", "lo", "up"], capture_output=True)
        except OSError:
            continue
        if probe.returncode == 0:
            return subprocess.run([*prefix, *words]).returncode
    print("skipped: no network namespace can be made here (needs root or user namespaces, unshare and ip)")
    return 77


argparse_help = "already in a network namespace of its own"

if __name__ == "__main__":
    raise SystemExit(main())
