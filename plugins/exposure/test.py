# SPDX-License-Identifier: Apache-2.0
"""Trigger tests of plugins/exposure, and what only looks like it."""
import base64

from conversation import Talk

CANARY = "hunter2-canary"
SMTP_LIST = ("S: 220 mx.example.net ESMTP Postfix", "C: EHLO pc.example.org", "S: 250-mx.example.net")


def b64(text):
    return base64.b64encode(text.encode()).decode()


def smtp(*capabilities, port=587, **more):
    """A greeting, EHLO, and a list."""
    talk = Talk(port=port, **more).dialogue(*SMTP_LIST)
    for capability in capabilities[:-1]:
        talk.dialogue("S: 250-" + capability)
    return talk.dialogue("S: 250 " + capabilities[-1])


def plain(talk, reply="235 2.7.0 welcome"):
    return talk.dialogue("C: AUTH PLAIN " + b64("\0joe\0" + CANARY), "S: " + reply, "C: QUIT", "S: 221 bye")


def challenged(talk, mechanism, reply="235 ok", answer=None):
    talk.dialogue("C: AUTH " + mechanism, "S: 334 " + b64("<1.2@mx>"), "C: " + (answer or b64("joe 0123456789abcdef")), "S: " + reply)
    return talk.dialogue("C: QUIT", "S: 221 bye")


def imap(capabilities="IMAP4rev1", port=143):
    return Talk(port=port).dialogue(f"S: * OK [CAPABILITY {capabilities}] imap.example.net Dovecot ready.")


def pop(*lines, port=110):
    return Talk(port=port).dialogue("S: +OK pop.example.net ready", *lines)


def logins():
    ehlo = smtp("PIPELINING", "AUTH PLAIN LOGIN")
    yield "AUTH PLAIN where no TLS is offered", plain(ehlo), {
        "only": {"auth.cleartext": "critical", "auth.cleartext_offered": "low", "auth.result": "info"},
        "says": {"auth.cleartext": ["198.51.100.10", "mx.example.net", "PLAIN", "no STARTTLS", "235", "Attempts: 1", "!" + CANARY, "!was on offer"],
                 "auth.result": ["success", "235"], "auth.cleartext_offered": ["PLAIN, LOGIN", "no STARTTLS"]},
        "fix": {"auth.cleartext": ["smtpd_tls_auth_only"]}, "session": {"mailtls.verdict": "exposed"},
        "evidence": {"auth.cleartext": {"kind": "command", "side": "client", "text": "PLAIN"}},
    }  # fmt: skip
    talk = smtp("STARTTLS", "AUTH LOGIN", port=587)
    talk.dialogue("C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: " + b64("joe"), "S: 334 UGFzc3dvcmQ6", "C: " + b64(CANARY), "S: 535 5.7.8 no")
    yield "AUTH LOGIN although STARTTLS was offered", talk.dialogue("C: QUIT", "S: 221 bye"), {
        "only": {"auth.cleartext": "critical", "auth.before_starttls": "critical", "auth.cleartext_offered": "low", "auth.result": "info"},
        "says": {"auth.cleartext": ["LOGIN", "STARTTLS was on offer", "535"], "auth.before_starttls": ["STARTTLS", "LOGIN", "535"],
                 "auth.result": ["failure", "535"]},
    }  # fmt: skip
    for mechanism, severity, word in (
        ("XOAUTH2", "critical", "token"), ("CRAM-MD5", "high", "question and answer"), ("DIGEST-MD5", "high", "question and answer"),
        ("NTLM", "high", "domain"), ("SCRAM-SHA-256", "medium", "slowly"), ("GSSAPI", "low", "who logged in"), ("X-HOUSE", "medium", "not in the registry"),
    ):  # fmt: skip
        yield mechanism, challenged(smtp("AUTH " + mechanism), mechanism), {
            "must": {"auth.cleartext": severity, "auth.result": "info"}, "says": {"auth.cleartext": [word]}}  # fmt: skip
    yield "ANONYMOUS gives nothing away", challenged(smtp("STARTTLS", "AUTH ANONYMOUS"), "ANONYMOUS"), {
        "must": {"auth.cleartext": "info"}, "must_not": ["auth.before_starttls"]}  # fmt: skip
    yield "SCRAM before STARTTLS", challenged(smtp("STARTTLS", "AUTH SCRAM-SHA-1"), "SCRAM-SHA-1"), {"must": {"auth.before_starttls": "high", "auth.cleartext": "medium"}}
    yield "two mechanisms are two findings", plain(challenged(smtp("AUTH PLAIN CRAM-MD5"), "CRAM-MD5", reply="535 no")), {
        "must": {"auth.cleartext": "critical"}, "count": {"auth.cleartext": 2, "auth.result": 2}}  # fmt: skip
    talk = smtp("AUTH PLAIN")
    for _ in range(2):
        talk.dialogue("C: AUTH PLAIN " + b64("\0a\0" + CANARY), "S: 535 no")
    yield "the same twice is one", talk, {"count": {"auth.cleartext": 1}, "says": {"auth.cleartext": ["Attempts: 2"]}}

    yield "POP3 USER and PASS", pop("C: USER joe", "S: +OK", "C: PASS " + CANARY, "S: +OK in", "C: QUIT", "S: +OK"), {
        "only": {"auth.cleartext": "critical", "auth.result": "info"},
        "says": {"auth.cleartext": ["USER", "POP3", "was not seen", "STLS", "!" + CANARY], "auth.result": ["success"]},
    }  # fmt: skip
    yield "POP3 APOP behind CAPA with STLS", pop("C: CAPA", "S: +OK", "S: STLS", "S: USER", "S: .", "C: APOP joe 0123456789abcdef0123456789abcdef", "S: -ERR no"), {
        "only": {"auth.cleartext": "high", "auth.before_starttls": "critical", "auth.cleartext_offered": "low", "auth.result": "info"},
        "says": {"auth.cleartext": ["APOP", "STLS was on offer"], "auth.cleartext_offered": ["USER"]},
    }  # fmt: skip
    yield "IMAP LOGIN, refused", imap("IMAP4rev1 STARTTLS").dialogue("C: a LOGIN joe " + CANARY, "S: a NO [AUTHENTICATIONFAILED] no", "C: b LOGOUT", "S: * BYE", "S: b OK"), {
        "must": {"auth.cleartext": "critical", "auth.before_starttls": "critical", "auth.cleartext_offered": "low", "auth.result": "info"},
        "says": {"auth.cleartext": ["LOGIN", "imap.example.net", "IMAP"], "auth.result": ["failure"]}, "fix": {"auth.cleartext": ["disable_plaintext_auth"]},
    }  # fmt: skip
    yield "Sieve PLAIN", sieve().dialogue(f'C: AUTHENTICATE "PLAIN" "{b64("x" + CANARY)}"', "S: OK"), {"must": {"auth.cleartext": "critical"}, "says": {"auth.cleartext": ["PLAIN", "4190"]}}


def sieve(tls=False):
    talk = Talk(port=4190).dialogue('S: "IMPLEMENTATION" "Dovecot Pigeonhole"', 'S: "SIEVE" "fileinto"', 'S: "SASL" "PLAIN"')
    return talk.dialogue('S: "STARTTLS"', "S: OK") if tls else talk.dialogue("S: OK")


def turned_down():
    yield "turned down before anything was said", smtp("STARTTLS", "AUTH PLAIN").dialogue("C: AUTH PLAIN", "S: 538 5.7.11 Encryption required", "C: QUIT", "S: 221"), {
        "only": {"auth.cleartext": "high", "auth.before_starttls": "high", "auth.cleartext_offered": "info", "auth.result": "info"},
        "session": {"mailtls.verdict": "failed"}, "says": {"auth.cleartext": ["turned", "538", "PLAIN"], "auth.result": ["refused"], "auth.before_starttls": ["538", "gave up"]},
        "fix": {"auth.cleartext": ["The server does what it should"]},
    }  # fmt: skip
    talk = smtp("STARTTLS", "AUTH PLAIN").dialogue("C: AUTH PLAIN", "S: 530 5.7.0 Must issue a STARTTLS command first", "C: STARTTLS", "S: 220 go").tls()
    yield "turned down, then TLS", talk, {"must": {"auth.cleartext": "high"}, "must_not": ["auth.before_starttls"], "session": {"mailtls.verdict": "protected"}}
    yield "broken off by the client", smtp("AUTH PLAIN").dialogue("C: AUTH PLAIN", "S: 334 ", "C: *", "S: 501 cancelled", "C: QUIT", "S: 221"), {"only": {"auth.cleartext_offered": "low"}}
    yield "an empty response is no secret", smtp("AUTH EXTERNAL").dialogue("C: AUTH EXTERNAL =", "S: 501 no", "C: QUIT", "S: 221"), {"only": {}}
    yield "USER refused", pop("C: USER joe", "S: -ERR use STLS", "C: QUIT", "S: +OK"), {"only": {"auth.cleartext": "high", "auth.result": "info"}}
    talk = imap("IMAP4rev1 AUTH=PLAIN LOGINDISABLED").dialogue("C: a AUTHENTICATE PLAIN", "S: a NO [PRIVACYREQUIRED] TLS first")
    yield "PRIVACYREQUIRED", talk, {"only": {"auth.cleartext": "high", "auth.cleartext_offered": "info", "auth.result": "info"}}
    yield "AUTH inside a message", smtp("PIPELINING", port=25).dialogue(
        "C: MAIL FROM:<a@example.org>", "S: 250", "C: RCPT TO:<b@example.net>", "S: 250", "C: DATA", "S: 354", "C: AUTH PLAIN AGpvZQBjYW5hcnk=", "C: .", "S: 250", "C: QUIT", "S: 221"), {
        "only": {"mail.content_cleartext": "low"}}  # fmt: skip
    yield "inside TLS nothing is seen", smtp("STARTTLS", "SIZE 1").dialogue("C: STARTTLS", "S: 220 go").tls(), {"only": {}}
    yield "a health check", smtp("STARTTLS", "SIZE 1").dialogue("C: QUIT", "S: 221"), {"only": {}}


def offers():
    yield "LOGINDISABLED stands beside", imap("IMAP4rev1 STARTTLS LOGINDISABLED AUTH=PLAIN").dialogue("C: a LOGOUT", "S: * BYE", "S: a OK"), {
        "only": {"auth.cleartext_offered": "info"}, "says": {"auth.cleartext_offered": ["LOGINDISABLED", "PLAIN"]}}  # fmt: skip
    yield "AUTH is listed, and refused", smtp("STARTTLS", "AUTH PLAIN LOGIN", port=25).dialogue("C: MAIL FROM:<a@example.org>", "S: 530 5.7.0 Must issue a STARTTLS command first", "C: QUIT", "S: 221"), {
        "must": {"auth.cleartext_offered": "info"}, "must_not": ["auth.cleartext"], "says": {"auth.cleartext_offered": ["insisted"]}}  # fmt: skip
    yield "mechanisms that give nothing away", smtp("AUTH CRAM-MD5 GSSAPI").dialogue("C: QUIT", "S: 221"), {"only": {}}
    talk = imap("IMAP4rev1 STARTTLS LOGINDISABLED").dialogue("C: a CAPABILITY", "S: * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED", "S: a OK", "C: b LOGIN joe " + CANARY, "S: b NO no")
    yield "LOGIN although forbidden", talk, {
        "must": {"auth.login_despite_logindisabled": "high", "auth.cleartext": "critical"}, "must_not": ["auth.cleartext_offered"],
        "says": {"auth.login_despite_logindisabled": ["LOGIN", "LOGINDISABLED", "!" + CANARY]}}  # fmt: skip
    talk = Talk(port=143).server("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n").client(f"a LOGIN joe {CANARY}\r\n", acked=False).dialogue("S: a NO no")
    yield "LOGIN before the list had arrived", talk, {"must_not": ["auth.login_despite_logindisabled"]}
    talk = smtp("STARTTLS", "AUTH PLAIN").lose("client", "STARTTLS\r\n").lose("server", "454 TLS not available\r\n")
    yield "the request for TLS is not in the capture", plain(talk), {"must_not": ["auth.before_starttls"]}
    talk = smtp("AUTH PLAIN LOGIN").dialogue("C: MAIL FROM:<a@example.org>").lose("server", "530 5.7.0 Must issue STARTTLS first\r\n").dialogue("C: QUIT", "S: 221")
    yield "a refusal that is not in the capture", talk, {"only": {"auth.cleartext_offered": "info"}}
    yield "a masked request is not the client's doing", smtp("STARTTLS", "AUTH PLAIN").dialogue("C: XXXXXXXX", "S: 500 what", "C: AUTH PLAIN " + b64("\0joe\0" + CANARY), "S: 235"), {
        "must": {"auth.cleartext": "critical"}, "must_not": ["auth.before_starttls"]}  # fmt: skip


def bruteforce():
    def failures(count, pause, code="535"):
        talk = smtp("AUTH PLAIN")
        for _ in range(count):
            talk.wait(pause).dialogue("C: AUTH PLAIN " + b64("\0a\0" + CANARY), f"S: {code} no")
        return talk

    yield "ten in a minute", failures(10, 3), {"must": {"auth.bruteforce_cleartext": "medium"}, "says": {"auth.bruteforce_cleartext": ["10 times", "PLAIN"]}}
    yield "nine", failures(9, 3), {"must_not": ["auth.bruteforce_cleartext"]}
    yield "ten in two minutes", failures(10, 12), {"must_not": ["auth.bruteforce_cleartext"]}


ENVELOPE = ("C: MAIL FROM:<a@example.org>", "S: 250", "C: RCPT TO:<b@example.net>", "S: 250")
MESSAGE = ENVELOPE + ("C: DATA", "S: 354", "C: Subject: " + CANARY, "C: ", "C: text", "C: .", "S: 250", "C: QUIT", "S: 221")


def content():
    yield "a relay without TLS", smtp("PIPELINING", port=25).dialogue(*MESSAGE), {
        "only": {"mail.content_cleartext": "low"}, "says": {"mail.content_cleartext": ["1 message so far", "bytes", "no STARTTLS", "!" + CANARY]},
        "evidence": {"mail.content_cleartext": {"kind": "copy", "side": "client"}}, "session": {"mailtls.verdict": "exposed"}}  # fmt: skip
    yield "a relay with TLS on offer", smtp("STARTTLS", "PIPELINING", port=25).dialogue(*MESSAGE), {
        "only": {"mail.content_cleartext": "medium"}, "says": {"mail.content_cleartext": ["STARTTLS was on offer"]}}  # fmt: skip
    yield "submission, offered", smtp("STARTTLS", "PIPELINING").dialogue(*MESSAGE), {"only": {"mail.content_cleartext": "high"}}
    yield "submission, not offered", smtp("PIPELINING").dialogue(*MESSAGE), {"only": {"mail.content_cleartext": "medium"}}
    yield "policy", smtp("PIPELINING", port=25).dialogue(*MESSAGE), {
        "only": {"mail.content_cleartext": "high"}, "says": {"mail.content_cleartext": ["policy.require_tls"]}, "args": ["--set", "policy.require_tls=192.0.2.0/24"]}  # fmt: skip
    yield "policy by name, two steps", smtp("STARTTLS", "PIPELINING").dialogue(*MESSAGE), {"only": {"mail.content_cleartext": "critical"}, "args": ["--set", "policy.require_tls=*.example.net"]}
    talk = smtp("PIPELINING", "CHUNKING", port=25).dialogue(*ENVELOPE).client("BDAT 5 LAST\r\nhello").dialogue("S: 250", "C: QUIT", "S: 221")
    yield "BDAT", talk, {"only": {"mail.content_cleartext": "low"}, "says": {"mail.content_cleartext": ["5 bytes"]}}
    fetched = pop("C: USER joe", "S: +OK", "C: PASS x", "S: +OK", "C: RETR 1", "S: +OK", "S: Subject: x", "S: ", "S: .", "C: QUIT", "S: +OK")
    yield "RETR", fetched, {"must": {"mail.content_cleartext": "medium"}, "says": {"mail.content_cleartext": ["fetched", "POP3"]}}
    yield "envelope only", smtp("PIPELINING", port=25).dialogue(*ENVELOPE, "C: QUIT", "S: 221"), {
        "only": {"mail.metadata_cleartext": "info"}, "says": {"mail.metadata_cleartext": ["accepted 1", "refused 0"]}, "session": {"mailtls.notes": ["mail.metadata_cleartext"]}}  # fmt: skip
    yield "a refused recipient", smtp("PIPELINING", port=25).dialogue(*ENVELOPE[:3], "S: 550 no", "C: QUIT", "S: 221"), {"says": {"mail.metadata_cleartext": ["accepted 0", "refused 1"]}}
    talk = smtp("PIPELINING", port=25).dialogue(*ENVELOPE)
    talk.lose("client", "DATA\r\n").dialogue("S: 354").lose("client", "x\r\n.\r\n").dialogue("S: 250")
    yield "a lost message is not only an envelope", talk, {"must_not": ["mail.metadata_cleartext"]}
    yield "a message inside TLS", smtp("STARTTLS", "SIZE 1", port=25).dialogue("C: STARTTLS", "S: 220 go").tls(data=[("client", 5000)]), {"only": {}}

    script = 'C: PUTSCRIPT "a" {4+}'
    yield "PUTSCRIPT", sieve().dialogue(script).client("keep\r\n").dialogue("S: OK"), {
        "only": {"sieve.script_cleartext": "medium", "auth.cleartext_offered": None}, "says": {"sieve.script_cleartext": ["PUTSCRIPT", "192.0.2.25", "no STARTTLS"]}}  # fmt: skip
    yield "GETSCRIPT", sieve(tls=True).dialogue('C: GETSCRIPT "a"', "S: {4}", "S: keep", "S: OK"), {
        "must": {"sieve.script_cleartext": "medium"}, "says": {"sieve.script_cleartext": ["GETSCRIPT", "STARTTLS was on offer"]}}  # fmt: skip
    yield "LISTSCRIPTS", sieve().dialogue("C: LISTSCRIPTS", 'S: "a" ACTIVE', "S: OK"), {"must_not": ["sieve.script_cleartext"]}

    yield "REQUIRETLS in clear", smtp("REQUIRETLS", port=25).dialogue("C: MAIL FROM:<a@example.org> REQUIRETLS", "S: 250", "C: QUIT", "S: 221"), {
        "must": {"policy.requiretls_cleartext": "high"}, "says": {"policy.requiretls_cleartext": ["REQUIRETLS", "mx.example.net"]}}  # fmt: skip
    yield "the word in an address", smtp("PIPELINING", port=25).dialogue("C: MAIL FROM:<REQUIRETLS@example.org>", "S: 250", "C: QUIT", "S: 221"), {"must_not": ["policy.requiretls_cleartext"]}


def elsewhere():
    yield "both ends on loopback", plain(smtp("AUTH PLAIN", client="127.0.0.1", server="127.0.0.1")), {"must": {"auth.cleartext": "info"}}
    trusted = ["--set", "policy.trusted_networks=198.51.100.0/24,192.0.2.0/24"]
    yield "both ends trusted", plain(smtp("AUTH PLAIN")), {"must": {"auth.cleartext": "high"}, "args": trusted}
    yield "one end trusted", plain(smtp("AUTH PLAIN")), {"must": {"auth.cleartext": "critical"}, "args": ["--set", "policy.trusted_networks=192.0.2.0/24"]}
    yield "muted", plain(smtp("AUTH PLAIN")), {"only": {"auth.cleartext_offered": "low"}, "args": ["--set", "policy.mute=auth.cleartext server=192.0.2.25 client=198.51.100.0/24; auth.result"]}
    yield "muted by a star", plain(smtp("AUTH PLAIN")), {"only": {}, "args": ["--set", "policy.mute=auth.*"]}
    yield "muted until the day before", plain(smtp("AUTH PLAIN")), {"must": {"auth.cleartext": "critical"}, "args": ["--set", "policy.mute=auth.* until=2026-05-03"]}
    yield "muted to the very day", plain(smtp("AUTH PLAIN")), {"only": {}, "args": ["--set", "policy.mute=auth.* until=2026-05-04"]}
    yield "muted elsewhere", plain(smtp("AUTH PLAIN")), {"must": {"auth.cleartext": "critical"}, "args": ["--set", "policy.mute=auth.* server=mx.example.net"]}
    named = ["--set", "policy.mute=auth.* server=mx.example.net ports=587", "--set", "policy.names=192.0.2.25 mx.example.net"]
    yield "muted by a name that the operator gave", plain(smtp("AUTH PLAIN")), {"only": {}, "args": named}
    yield "muted on another port", plain(smtp("AUTH PLAIN", port=25)), {"must": {"auth.cleartext": "critical"}, "args": named}
    yield "only the client is in the capture", plain(smtp("STARTTLS", "AUTH PLAIN")).only("client"), {"must": {"auth.cleartext": "critical"}, "must_not": ["auth.before_starttls", "auth.cleartext_offered"]}


def what_became_of_tls():
    """The words about the offer, each with the login or the message behind it."""
    content_rule, login_rule, before = "mail.content_cleartext", "auth.cleartext", "auth.before_starttls"
    unused = "!was not used"
    yield "asked for and refused", smtp("STARTTLS", port=25).dialogue("C: STARTTLS", "S: 454 4.7.0 later", *MESSAGE), {
        "only": {content_rule: "medium"}, "says": {content_rule: ["asked for STARTTLS before, and the server answered 454", unused]}}  # fmt: skip
    yield "a login behind a refusal", plain(smtp("STARTTLS", "AUTH PLAIN").dialogue("C: STARTTLS", "S: 454 4.7.0 later")), {
        "must": {login_rule: "critical"}, "must_not": [before], "says": {login_rule: ["asked for STARTTLS before, and the server answered 454", "!did not use it"]}}  # fmt: skip
    yield "asked for behind the login", plain(smtp("STARTTLS", "AUTH PLAIN")).dialogue("C: STARTTLS", "S: 454 4.7.0 later"), {
        "must": {login_rule: "critical", before: "critical"}, "says": {login_rule: ["STARTTLS was on offer", "!454"]}}  # fmt: skip
    yield "agreed on, and a login in clear", plain(smtp("STARTTLS", "AUTH PLAIN").dialogue("C: STARTTLS", "S: 220 go")), {
        "must": {login_rule: "critical"}, "must_not": [before], "says": {login_rule: ["STARTTLS had been asked for and granted", "!did not use it"]}}  # fmt: skip
    yield "agreed on, and a message in clear", smtp("STARTTLS", port=25).dialogue("C: STARTTLS", "S: 220 go", *MESSAGE), {
        "must": {content_rule: "medium"}, "says": {content_rule: ["asked for and granted", unused]}}  # fmt: skip
    yield "the request was overwritten", smtp("STARTTLS", port=25).dialogue("C: XXXXXXXX", "S: 500 what", *MESSAGE), {
        "must": {content_rule: "medium"}, "says": {content_rule: ["arrived as XXXXXXXX", unused]}}  # fmt: skip
    yield "the offer was overwritten", smtp("XXXXXXXA", port=25).dialogue(*MESSAGE), {
        "must": {content_rule: "low"}, "says": {content_rule: ["reads XXXXXXXA", "!had no STARTTLS"]}}  # fmt: skip
    yield "the offer was altered", smtp("STARTTLX", port=25).dialogue(*MESSAGE), {
        "must": {content_rule: "low"}, "says": {content_rule: ["reads STARTTLX", "!had no STARTTLS"]}}  # fmt: skip

    def copies(port, *more):
        talk = Talk(port=port).dialogue("S: 220 mx.example.net ESMTP", "C: EHLO a.example").server("250-mx.example.net\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n")
        return talk.again("server", -50, "250-mx.example.net\r\n250-AUTH PLAIN\r\n250 XXXXXXXA\r\n", ttl=40).dialogue(*more)

    yield "two copies of the offer, a message", copies(25, *MESSAGE), {
        "must": {content_rule: "low"}, "says": {content_rule: ["two copies of the server's list differ", unused]}}  # fmt: skip
    yield "two copies of the offer, a login", plain(copies(587)), {
        "must": {login_rule: "critical"}, "must_not": [before], "says": {login_rule: ["two copies of the server's list differ", "!did not use it"]}}  # fmt: skip
    yield "two copies of the greeting", Talk(port=25).dialogue("S: 220 mx.example.net ESMTP").again("server", -26, "220 ********************\r\n").dialogue(
        "C: EHLO a.example", "S: 250-mx.example.net", "S: 250 STARTTLS", *MESSAGE), {"must": {content_rule: "medium"}, "says": {content_rule: ["was not used"]}}  # fmt: skip


def remedies():
    """What to change, by what was given away and by protocol."""
    rule, before = "auth.cleartext", "auth.before_starttls"
    yield "a token is revoked", challenged(smtp("STARTTLS", "AUTH XOAUTH2"), "XOAUTH2"), {
        "fix": {rule: ["Revoke the token", "!password"], before: ["Revoke the token", "!password"]}, "says": {before: ["sent a login with XOAUTH2", "!logged in"]}}  # fmt: skip
    yield "a proof is no password", challenged(smtp("STARTTLS", "AUTH CRAM-MD5"), "CRAM-MD5"), {
        "fix": {rule: ["did not cross", "!Change every"], before: ["did not cross", "!Change the"]}}  # fmt: skip
    for mechanism in ("NTLM", "SCRAM-SHA-256"):
        yield "a proof by " + mechanism, challenged(smtp("STARTTLS", "AUTH " + mechanism), mechanism), {
            "fix": {rule: ["did not cross"], before: ["did not cross"]}}  # fmt: skip
    yield "names alone", challenged(smtp("AUTH GSSAPI"), "GSSAPI"), {"fix": {rule: ["port 465", "!password"]}}
    yield "nobody knows the mechanism", challenged(smtp("STARTTLS", "AUTH X-HOUSE"), "X-HOUSE"), {"fix": {rule: ["If what crossed"], before: ["If what crossed"]}}
    yield "a password is changed", plain(smtp("STARTTLS", "AUTH PLAIN")), {"fix": {rule: ["Change every password", "!465", "!587", "outside TLS"], before: ["Change the password", "465", "587", "!993"]}}
    yield "IMAP's command LOGIN", imap("IMAP4rev1 STARTTLS AUTH=PLAIN AUTH=LOGIN").dialogue("C: a LOGIN joe " + CANARY, "S: a NO no"), {
        "says": {rule: ["with the command LOGIN", "!LOGIN-COMMAND"], before: ["the command LOGIN", "!LOGIN-COMMAND"],
                 "auth.cleartext_offered": ["PLAIN, LOGIN and the command LOGIN", "!LOGIN-COMMAND"], "auth.result": ["the command LOGIN"]},
        "fix": {rule: ["!993", "!465"], before: ["993", "143", "!465"]}}  # fmt: skip
    yield "only the command LOGIN", imap("IMAP4rev1 STARTTLS").dialogue("C: a LOGOUT", "S: * BYE", "S: a OK"), {
        "says": {"auth.cleartext_offered": ["takes the command LOGIN."]}}  # fmt: skip
    yield "without an offer the client's ports stand here", plain(smtp("AUTH PLAIN")), {"fix": {rule: ["465", "587", "!993"]}}
    yield "ManageSieve has one port", sieve(tls=True).dialogue(f'C: AUTHENTICATE "PLAIN" "{b64("x" + CANARY)}"', "S: OK"), {
        "fix": {rule: ["!4190", "!465", "!993"], before: ["STARTTLS on port 4190", "!465"]}}  # fmt: skip
    yield "IPv6", plain(smtp("AUTH PLAIN", client="2001:db8::10", server="2001:db8::25")), {
        "says": {rule: ["[2001:db8::25]:587", "over SMTP"], "auth.cleartext_offered": ["[2001:db8::25]:587"]}}  # fmt: skip


def cases():
    for group in (logins, turned_down, offers, bruteforce, content, what_became_of_tls, remedies, elsewhere):
        yield from group()
