# SPDX-License-Identifier: Apache-2.0
"""--write-pcap FILE --of ID: the excerpt says the same of the session, shows no secret and no content, and its checksums are
good."""
import os
import sys
import tempfile

import harness

sys.path.insert(0, os.path.join(harness.root, "tests", "tools"))
from conversation import Talk, capture  # noqa: E402

# What stands where nothing may stand is cut out, and with it what tells of it.
BEHIND = ["imap-injected-response"]
SECRETS = ["CANARYexcerptuser", "CANARYexcerptpass", "Q0FOQVJZZXhjZXJwdA", "CANARYexcerptbody", "CANARYexcerptrcpt", "CANARYexcerptreply"]


def dialogues():
    """Name -> talk, with secrets wherever there can be one."""
    smtp = Talk(port=587)
    smtp.dialogue("S: 220 mail.example.net ESMTP", "C: EHLO pc.example.org", "S: 250-mail.example.net", "S: 250-STARTTLS", "S: 250 AUTH PLAIN LOGIN",
                  "C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: Q0FOQVJZZXhjZXJwdA==", "S: 334 UGFzc3dvcmQ6", "C: Q0FOQVJZZXhjZXJwdA==",
                  "S: 235 2.7.0 CANARYexcerptreply ok", "C: MAIL FROM:<CANARYexcerptuser@example.org>", "S: 250 ok",
                  "C: RCPT TO:<CANARYexcerptrcpt@example.net>", "S: 550 5.1.1 <CANARYexcerptrcpt@example.net> unknown",
                  "C: RCPT TO:<CANARYexcerptrcpt2@example.net>", "S: 250 ok", "C: DATA", "S: 354 go", "C: Subject: CANARYexcerptbody",
                  "C: EHLO CANARYexcerptbody", "C: 250 CANARYexcerptbody", "C: HELP CANARYexcerptbody", "C: .", "S: 250 queued CANARYexcerptreply",
                  "C: QUIT", "S: 221 bye")
    chunks = Talk(port=25)
    body = "EHLO CANARYexcerptbody\r\nQUIT CANARYexcerptbody\r\n"
    chunks.dialogue("S: 220 mx.example.net", "C: EHLO a.example.org", "S: 250-mx.example.net", "S: 250 CHUNKING", "C: MAIL FROM:<>", "S: 250 ok",
                    "C: RCPT TO:<CANARYexcerptrcpt@example.net>", "S: 250 ok")
    chunks.client(f"BDAT {len(body)} LAST\r\n{body}")
    chunks.dialogue("S: 250 ok", "C: QUIT", "S: 221 bye")
    pop3 = Talk(port=110)
    pop3.dialogue("S: +OK ready <1.2@mail.example.net>", "C: CAPA", "S: +OK", "S: USER", "S: STLS", "S: .", "C: USER CANARYexcerptuser", "S: +OK",
                  "C: PASS CANARYexcerptpass", "S: +OK CANARYexcerptreply has 1 message", "C: RETR 1", "S: +OK", "S: Subject: CANARYexcerptbody",
                  "S: 250 CANARYexcerptbody", "S: * OK CANARYexcerptbody", "S: +OK CANARYexcerptbody", "S: .", "C: QUIT", "S: +OK")
    imap = Talk(port=143)
    imap.dialogue("S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "C: a LOGIN CANARYexcerptuser {17}", "S: + go", "C: CANARYexcerptpass",
                  "S: a OK CANARYexcerptreply logged in", "C: b SELECT CANARYexcerptbody", "S: * 3 EXISTS", "S: b OK done", "C: c FETCH 1 BODY[]",
                  "S: * 1 FETCH (BODY[] {36}", "S: * OK CANARYexcerptbody hello hello", "S: )", "S: c OK done", "C: d LOGOUT", "S: * BYE", "S: d OK")
    sieve = Talk(port=4190)
    sieve.dialogue('S: "IMPLEMENTATION" "x"', 'S: "SASL" "PLAIN"', 'S: "STARTTLS"', "S: OK", 'C: AUTHENTICATE "PLAIN" "Q0FOQVJZZXhjZXJwdA=="', "S: OK",
                   'C: PUTSCRIPT "CANARYexcerptbody" {24+}', 'C: keep "CANARYexcerptbody"', "S: OK", "C: LOGOUT", "S: OK")
    tls = Talk(port=143)
    tls.dialogue("S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "C: a STARTTLS", "S: a OK go")
    tls.tls(max="TLSv1.2")
    mixed = Talk(port=25)
    mixed.dialogue("S: 220 mx.example.net", "C: EHLO a.example.org", "S: 250-mx.example.net", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go",
                   "C: MAIL FROM:<CANARYexcerptuser@example.org>", "S: 250 ok", "C: RCPT TO:<CANARYexcerptrcpt@example.net>", "S: 250 ok", "C: DATA",
                   "S: 354 go", "C: CANARYexcerptbody", "C: .", "S: 250 ok", "C: QUIT", "S: 221 bye")
    return {"smtp": smtp, "chunks": chunks, "pop3": pop3, "imap": imap, "sieve": sieve, "tls": tls, "mixed": mixed}


def session_of(checks, program, name, path):
    return [e for e in harness.events(checks, name, harness.run(program, "-r", path, "--events", "session,finding"))]


def facts(events):
    """What the excerpt must say too."""
    session = next(e for e in events if e["event"]["dataset"] == "mailtls.session")
    keep = {k: session.get("tls", {}).get(k) for k in ("version", "cipher", "established")}
    return {**keep, "mode": session["mailtls"]["mode"], "starttls": session["mailtls"].get("starttls"), "protocol": session["network"].get("protocol"),
            "banner": session["mailtls"].get("banner"), "id": session["mailtls"]["session"]["id"],
            "capabilities": session["mailtls"].get("capabilities"), "client": session["mailtls"].get("tls", {}).get("client")}




def cut_one(checks, program, folder, name, path, wanted=None):
    events = session_of(checks, program, name, path)
    session = next(e for e in events if e["event"]["dataset"] == "mailtls.session")
    out = os.path.join(folder, "out.pcap")
    done = harness.run(program, "-r", path, "--write-pcap", out, "--of", wanted(events) if wanted else session["mailtls"]["session"]["id"])
    if not checks.check(f"{name}: written", done.returncode == 0 and done.stdout == b"", (done.returncode, done.stderr)):
        return
    with open(out, "rb") as f:
        data = f.read()
    for secret in SECRETS:
        checks.check(f"{name}: {secret} is not in it", secret.encode() not in data)
    checks.check(f"{name}: only its owner can read it", os.stat(out).st_mode & 0o077 == 0)
    checks.equal(f"{name}: says the same", facts(session_of(checks, program, name + " again", out)), facts(events))
    same = {e["rule"]["id"] for e in session_of(checks, program, name, out) if "rule" in e}
    more = same - {e["rule"]["id"] for e in events if "rule" in e}
    checks.check(f"{name}: accuses nobody of more", not more, more)


def main():
    options = harness.arguments(__doc__, every=True)
    checks = harness.Checks()
    with tempfile.TemporaryDirectory() as folder:
        for name, talk in dialogues().items():
            path = os.path.join(folder, name + ".pcap")
            with open(path, "wb") as f:
                f.write(capture(talk))
            cut_one(checks, options.program, folder, name, path)
        for path in options.captures:
            if harness.name_of(path) not in BEHIND and len({e["mailtls"]["session"]["id"] for e in session_of(checks, options.program, path, path)}) == 1:
                cut_one(checks, options.program, folder, os.path.basename(path), path)
        smtp = os.path.join(folder, "smtp.pcap")
        uid = lambda events: next(e["mailtls"]["finding"]["uid"] for e in events if "rule" in e)  # noqa: E731
        cut_one(checks, options.program, folder, "by a finding's uid", smtp, uid)
        event = lambda events: next(e["event"]["id"] for e in events if "rule" in e)  # noqa: E731
        cut_one(checks, options.program, folder, "by a finding's event id", smtp, event)
        done = harness.run(options.program, "-r", smtp, "--write-pcap", os.path.join(folder, "no.pcap"), "--of", "aaaa")
        checks.check("an unknown id", done.returncode == 1 and b"no session or finding" in done.stderr, done.stderr)
        done = harness.run(options.program, "-r", smtp, "--write-pcap", os.path.join(folder, "no.pcap"))
        checks.check("without --of", done.returncode == 2 and b"belong together" in done.stderr, done.stderr)
    return checks.finish()


if __name__ == "__main__":
    raise SystemExit(main())
