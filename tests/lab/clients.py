# SPDX-License-Identifier: Apache-2.0
"""Clients of a scenario: each `kind` is a program of Debian, or a small one of ours where none does what is wanted.

A client ends by itself; its status is compared with what the scenario says (`fails`). Postfix and Exim as senders are
in clients_mta.py.
"""
import json
import shlex
import shutil
import subprocess
import threading
import time
from pathlib import Path

import canaries
from spaces import CLIENTS, ROUTER_OUT, SERVERS, SERVERS6, LabError, LeftOut

HERE = Path(__file__).parent
TIMEOUT_S = 25
COMPILING = threading.Lock()


class Caller:
    """What a client needs to know, and how it is run."""

    def __init__(self, spaces, pki, table, folder, number):
        self.spaces, self.pki, self.table, self.folder = spaces, pki, table, Path(folder)
        self.host = table.get("host", "client")
        self.work = spaces.work / f"client{number}"
        self.work.mkdir(exist_ok=True)
        self.work.chmod(0o777)
        self.timeout = table.get("timeout", TIMEOUT_S)
        self.keys = self.folder / "keys.log"
        self.places = {"pki": pki.folder, "ca": pki.path("ca", "pem"), "work": self.work, "here": HERE,
                       **SERVERS, **{name + "6": ip for name, ip in SERVERS6.items()}}

    def words(self, key="arguments"):
        words = self.table.get(key, [])
        words = shlex.split(words) if isinstance(words, str) else words
        return [canaries.fill(word, self.places) for word in words]

    def run(self, arguments, say=(), **options):
        """(status, output). `say` are lines typed with pauses, as a person would: `wait 0.5` is a longer one."""
        env = {"SSLKEYLOGFILE": str(self.keys), "HOME": str(self.work), **options.pop("env", {})}
        if not say:
            return self.spaces.run("client", f"{self.host}.example.org", arguments, self.timeout, env=env, **options)
        return self.run_typing(arguments, say, env, options)

    def run_typing(self, arguments, say, env, options):
        typing = []
        for line in say:
            if line.startswith("wait "):
                typing.append(f"sleep {line[5:]}")
            else:
                typing.append(f"printf '%s\\r\\n' {shlex.quote(canaries.fill(line, self.places))}; sleep 0.25")
        shell = f"{{ sleep 0.7; {'; '.join(typing)}; }} | {shlex.join(map(str, arguments))}; exit ${{PIPESTATUS[1]}}"
        return self.spaces.run("client", f"{self.host}.example.org", ["bash", "-c", shell], self.timeout,
                               env=env, **options)


def swaks(caller):
    """One mail, or what `arguments` make of it."""
    v = canaries.VALUES
    words = caller.words()
    base = ["swaks", "--helo", f"{caller.host}.example.org", "--from", v["sender"], "--timeout", "10",
            "--header", f"Subject: {v['subject']}", "--body", v["body"]]
    return caller.run(base + ([] if "--to" in words else ["--to", v["recipient"]]) + words)


def s_client(caller):
    """`say` is typed after the handshake."""
    words = caller.words()
    return caller.run(["openssl", "s_client", "-nocommands", "-keylogfile", caller.keys, *words],
                      caller.table.get("say", ["QUIT"]))


def gnutls_cli(caller):
    return caller.run(["gnutls-cli", "--no-ca-verification" if "--trust-none" in caller.words() else "--verbose",
                       *[word for word in caller.words() if word != "--trust-none"]], caller.table.get("say", ["QUIT"]))


def tstclnt(caller):
    """NSS's client; a database with the lab's authority is made for it, as `-d {work}/nss`. STARTTLS is not in it."""
    database = caller.work / "nss"
    if not database.exists():
        database.mkdir()
        made = ["certutil", "-N", "-d", f"sql:{database}", "--empty-password"]
        trusted = ["certutil", "-A", "-d", f"sql:{database}", "-n", "lab", "-t", "C,,", "-i", str(caller.pki.path("ca", "pem"))]
        for step in made, trusted:
            subprocess.run(step, check=True, capture_output=True)
    return caller.run(["tstclnt", "-d", f"sql:{database}", *caller.words()], caller.table.get("say", ["QUIT"]))


def curl(caller):
    return caller.run(["curl", "--silent", "--show-error", "--max-time", "20", *caller.words()])


def python(caller):
    """Python's own mail clients: client.py."""
    return caller.run(["python3", HERE / "client.py", *caller.words()])


def java(caller):
    """JSSE: java/MailTls.java, compiled once."""
    return caller.run(java_words("client", *caller.words()), env={"SSLKEYLOGFILE": ""})


def java_words(*words):
    classes = HERE / ".java"
    with COMPILING:
        compile_java(classes)
    return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
            f"-Djava.security.properties={HERE / 'java' / 'weak.security'}", "-cp", classes, "MailTls", *words]


def compile_java(classes):
    made, source = classes / "MailTls.class", HERE / "java" / "MailTls.java"
    if made.exists() and made.stat().st_mtime >= source.stat().st_mtime:
        return
    if not shutil.which("javac"):
        raise LeftOut("no javac; openjdk-17-jdk-headless has it, and tests/lab/install does not get it")
    classes.mkdir(exist_ok=True)
    done = subprocess.run(["javac", "-d", str(classes), str(source)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"javac: {done.stderr}")


def script(caller):
    """talk.py: steps against one port; arguments are HOST PORT [CERTIFICATE]."""
    host, port, *certificate = caller.words()
    steps = [canaries.fill(step, caller.places) for step in caller.table["script"]]
    name = certificate[0] if certificate else "client"
    files = [caller.pki.path(name), caller.pki.path(name, "key"), caller.pki.path("ca", "pem")]
    return caller.run(["python3", HERE / "talk.py", "client", host, port, json.dumps(steps), *files])


def msmtp(caller):
    v = canaries.VALUES
    message = f"From: {v['sender']}\nTo: {v['recipient']}\nSubject: {v['subject']}\n\n{v['body']}\n"
    return caller.run(["msmtp", "-C", "/dev/null", "--from", v["sender"], *caller.words(), v["recipient"]],
                      text_in=message.encode())


def mutt(caller):
    """Sends by its own SMTP client; `settings` are lines of a muttrc."""
    rc = caller.work / "muttrc"
    v = canaries.VALUES
    lines = [f"set from={v['sender']}", "set copy=no", "set record=''",
             "set ssl_ca_certificates_file=" + caller.places["ca"].as_posix(),
             f"set certificate_file={caller.work}/known", "set hostname=client.example.org"]
    rc.write_text("\n".join(lines + caller.words("settings")) + "\n")
    return caller.run(["mutt", "-F", rc, "-s", v["subject"], "--", v["recipient"]], text_in=v["body"].encode())


def fetchmail(caller):
    """`settings` are lines of a fetchmailrc; mail found is thrown away."""
    rc = caller.work / "fetchmailrc"
    rc.write_text("\n".join(caller.words("settings")) + "\n")
    rc.chmod(0o600)
    status, output = caller.run(["fetchmail", "-f", rc, "--nosyslog", "--pidfile", caller.work / "pid", "-v", "-m", "true",
                                 *caller.words()])
    return (0 if status == 1 else status), output  # 1: there was no mail, which is so here


def program(caller):
    """Any other program: `arguments` is the whole command."""
    return caller.run(caller.words(), caller.table.get("say", ()))


def wait(caller):
    time.sleep(float(caller.words()[0]))
    return 0, b""


def be_host(spaces, host):
    """Connections leave from that client's address from now on."""
    spaces.ip("client", "route", "replace", *(["192.0.2.0/24", "dev", "t0"] if spaces.tunnel else ["default", "via", ROUTER_OUT]),
              "src", CLIENTS[host])
