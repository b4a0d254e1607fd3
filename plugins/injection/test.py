# SPDX-License-Identifier: Apache-2.0
"""Cases of plugins/injection: what is said in clear where nothing may be said, and its honest twins."""
from conversation import Talk, tlsbytes

COMMAND, RESPONSE = "inject.command_before_tls", "inject.response_before_tls"
PREAUTH, DATA, ALERT, REFERRAL = "imap.preauth_cleartext", "imap.data_before_tls", "imap.alert_before_tls", "imap.referral_before_tls"
TEXT = "proto.ui_text_before_tls"
WORK = [("client", 300), ("server", 300)] * 3


def smtp(port=25, **how):
    return Talk(port=port, **how).dialogue("S: 220 mx.example.net ESMTP Postfix", "C: EHLO out.example.org", "S: 250-mx.example.net", "S: 250 STARTTLS")


def imap(greeting="* OK imap.example.net ready", **how):
    return Talk(port=143, server_name="imap.example.net", **how).dialogue("S: " + greeting)


def leaves(talk):
    return talk.dialogue("C: z LOGOUT", "S: * BYE", "S: z OK")


def cases():
    yield from command()
    yield from response()
    yield from preauth()
    yield from data()
    yield from alert()
    yield from referral()
    yield from text()


def command():
    yield "a mail command in the same segment, TLS completed", smtp().client("STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n").dialogue("S: 220 go").tls(data=WORK), {
        "only": {COMMAND: "critical"}, "confidence": {COMMAND: 95}, "attribution": {COMMAND: "unknown"}, "says": {COMMAND: ["30 more bytes", "MAIL", "byte 32", "TLS came up", "!evil"]},
        "evidence": {COMMAND: {"side": "client", "text": "MAIL"}}, "session": {"mailtls.verdict": "tampered"}, "fix": {COMMAND: ["smtpd_forbid_unauth_pipelining"]}}
    yield "an IMAP login, TLS completed", imap(client="198.51.100.95").client("a STARTTLS\r\nb LOGIN evil SECRET\r\n").dialogue("S: a OK go").tls(data=WORK), {
        "only": {COMMAND: "critical"}, "says": {COMMAND: ["LOGIN", "198.51.100.95", "!SECRET"]}}
    yield "in a later segment, before the answer came", smtp().client("STARTTLS\r\n").server("220 go\r\n").send("client", "RSET\r\n", acked=False).tls(data=WORK), {"only": {COMMAND: "high"}, "says": {COMMAND: ["RSET", "6 more bytes"]}}
    yield "after the answer, then TLS", smtp().dialogue("C: STARTTLS", "S: 220 go").client("NOOP\r\n").tls(data=WORK), {"only": {COMMAND: "high"}, "says": {COMMAND: ["NOOP"]}}
    yield "only an empty line", smtp().client("STARTTLS\r\n\r\n").dialogue("S: 220 go").tls(data=WORK), {"only": {COMMAND: "low"}, "says": {COMMAND: ["2 bytes", "careless"]}}
    yield "TLS did not come up", smtp().client("STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n").dialogue("S: 220 go").fin("client"), {"only": {COMMAND: "high"}, "says": {COMMAND: ["did not come up"]}}
    # Not when.
    yield "a hello behind it", smtp().client(b"STARTTLS\r\n" + tlsbytes.client_hello(tlsbytes.TLS12, [0xC02F])).dialogue("S: 220 go"), {"only": {}}
    yield "refused: ordinary commands", smtp().client("STARTTLS\r\nMAIL FROM:<a@example.org>\r\n").dialogue("S: 454 later", "S: 250 ok", "C: QUIT", "S: 221 bye"), {"only": {}}
    yield "the command was sent again", smtp().client("STARTTLS\r\n").again("client", -10, "STARTTLS\r\n").dialogue("S: 220 go").tls(data=WORK), {"only": {}}
    yield "a hello is lost in front of it", smtp().client("STARTTLS\r\n").lose("client", "x" * 60).send("client", "NOOP\r\n").dialogue("S: 220 go"), {"only": {}}
    talk = Talk().dialogue("S: 220 mx.example.net").lose("client", "EHLO a.example\r\n").dialogue("S: 250-mx", "S: 250 STARTTLS", "C: NOOP", "S: 250 ok")
    yield "something was lost before", talk.client("STARTTLS\r\nRSET\r\n").dialogue("S: 220 go").tls(data=WORK), {"must_not": [COMMAND]}
    yield "an honest upgrade", smtp().dialogue("C: STARTTLS", "S: 220 go").tls(data=WORK), {"only": {}}


def response():
    yield "a forged answer behind the go-ahead", smtp().client("STARTTLS\r\n").server("220 go\r\n250 ok\r\n").tls(data=WORK), {
        "only": {RESPONSE: "critical"}, "says": {RESPONSE: ["8 more bytes", "250", "220", "TLS came up"]}, "evidence": {RESPONSE: {"side": "server", "text": "250"}}, "session": {"mailtls.verdict": "tampered"}}
    yield "forged mailbox data", imap(server="192.0.2.95").client("a STARTTLS\r\n").server("a OK go\r\n* 9 EXISTS\r\n").tls(data=WORK), {"only": {RESPONSE: "critical"}, "says": {RESPONSE: ["EXISTS", "192.0.2.95"]}}
    yield "a word that is no answer", smtp().client("STARTTLS\r\n").server("220 go\r\nhello there\r\n").tls(data=WORK), {"only": {RESPONSE: "high"}, "says": {RESPONSE: ["13 more bytes"]}}
    yield "an error behind the go-ahead", smtp().client("STARTTLS\r\n").server("220 go\r\n454 or rather not\r\n").fin("client"), {"only": {RESPONSE: "high"}, "says": {RESPONSE: ["454"]}}
    # Not when.
    yield "a go-ahead of two lines", smtp().client("STARTTLS\r\n").server("220-really\r\n220 go\r\n").tls(data=WORK), {"only": {}}
    yield "IMAP lines in front of it", imap().client("a STARTTLS\r\n").server("* OK wait\r\na OK go\r\n").tls(data=WORK), {"only": {}}
    yield "a server that gives up", smtp().dialogue("C: STARTTLS", "S: 220 go").wait(90).dialogue("S: 421 timeout").fin("server"), {"only": {}}
    yield "an answer to the hello", smtp().dialogue("C: STARTTLS", "S: 220 go").client(tlsbytes.client_hello(tlsbytes.TLS12, [0xC02F])).dialogue("S: 500 what?"), {"only": {}}
    yield "a part of the server's is lost", smtp().dialogue("C: STARTTLS", "S: 220 go").lose("server", "x" * 9).dialogue("S: 250 ok"), {"only": {}}


def preauth():
    yield "PREAUTH, and the client hangs up", imap("* PREAUTH imap.example.net at your service").fin("client"), {"only": {PREAUTH: "high"}, "says": {PREAUTH: ["PREAUTH", "Expected was OK", "192.0.2.25:143"]}}
    yield "and the client goes on", leaves(imap("* PREAUTH hello", client="198.51.100.96").dialogue("C: a SELECT INBOX", "S: a OK")), {
        "only": {PREAUTH: "critical"}, "says": {PREAUTH: ["with SELECT", "198.51.100.96", "2 lines"]}, "evidence": {PREAUTH: {"side": "client", "text": "SELECT"}}}
    yield "both ends are this machine", imap("* PREAUTH hello", client="127.0.0.1", server="127.0.0.1", client_port=50001).fin("client"), {"only": {PREAUTH: "info"}}
    yield "an ordinary greeting", leaves(imap()), {"only": {}}


def data():
    yield "EXISTS before a login", leaves(imap().dialogue("S: * 3 EXISTS", "S: * 1 RECENT")), {"only": {DATA: "high"}, "says": {DATA: ["EXISTS, RECENT", "2 kind", "192.0.2.25"]}, "evidence": {DATA: {"side": "server", "text": "EXISTS"}}}
    yield "a list of folders", leaves(imap(server="192.0.2.97").dialogue('S: * LIST () "/" INBOX')), {"only": {DATA: "high"}, "says": {DATA: ["LIST", "192.0.2.97"]}}
    # Not when.
    yield "after a login", leaves(imap().dialogue("C: a LOGIN u SECRET", "S: a OK in", "C: b SELECT INBOX", "S: * 3 EXISTS", "S: b OK")), {"only": {}}
    yield "while logging in", leaves(imap().dialogue("C: a LOGIN u SECRET", "S: * 3 EXISTS", "S: a OK in")), {"only": {}}
    yield "the login may be lost", leaves(imap().lose("server", "a OK in\r\n").dialogue("S: * 3 EXISTS")), {"only": {}}
    yield "the server's side alone", leaves(imap().dialogue("S: * 3 EXISTS", "S: * 1 RECENT")).only("server"), {"only": {}}
    yield "after PREAUTH", leaves(imap("* PREAUTH hello").dialogue("S: * 3 EXISTS")), {"must_not": [DATA]}


def alert():
    yield "an alert", leaves(imap().dialogue("S: * OK [ALERT] maintenance tonight")), {"only": {ALERT: "low"}, "says": {ALERT: ["19 characters", "192.0.2.25"]}}
    yield "with a web address", leaves(imap(server="192.0.2.98").dialogue("S: * OK [ALERT] log in at http://phish.example/now please")), {
        "only": {ALERT: "medium", TEXT: "low"}, "says": {ALERT: ["web address", "192.0.2.98", "!phish"], TEXT: ["phish.example", "!now"]}}
    yield "after a login", leaves(imap().dialogue("C: a LOGIN u SECRET", "S: a OK in", "S: * OK [ALERT] see http://example.org/")), {"only": {}}
    talk = imap().lose("client", "a LOGIN u SECRET\r\n").lose("server", "a OK in\r\n").dialogue("S: * OK hm", "S: * OK [ALERT] see http://example.org/")
    yield "the login may be lost before an alert", leaves(talk), {"only": {}}


def referral():
    yield "a referral", leaves(imap().dialogue("C: a LOGIN u SECRET", "S: a NO [REFERRAL imap://u@evil.example/] elsewhere")), {"only": {REFERRAL: "high"}, "says": {REFERRAL: ["evil.example", "192.0.2.25", "!u@"]}}
    yield "another one", leaves(imap(server="192.0.2.99").dialogue("S: * OK [REFERRAL imap://other.example/] elsewhere")), {"only": {REFERRAL: "high"}, "says": {REFERRAL: ["other.example", "192.0.2.99"]}}
    yield "after the login", leaves(imap().dialogue("C: a LOGIN u SECRET", "S: a OK in", "C: b SELECT x", "S: b NO [REFERRAL imap://other.example/x] there")), {"only": {}}
    talk = imap().lose("client", "a LOGIN u SECRET\r\n").lose("server", "a OK in\r\n").dialogue("S: * OK hm", "S: * OK [REFERRAL imap://other.example/] there")
    yield "the login may be lost before a referral", leaves(talk), {"only": {}}


def text():
    yield "a web address between relays", Talk().dialogue("S: 554 blocked, see http://lists.example.org/q?ip=1"), {"only": {TEXT: "info"}, "says": {TEXT: ["lists.example.org", "192.0.2.25", "!q?ip"]}}
    yield "and for people", Talk(port=110, server="192.0.2.100").dialogue("S: +OK see https://help.example.net/"), {"only": {TEXT: "low"}, "says": {TEXT: ["help.example.net", "192.0.2.100"]}}
    yield "a long text", Talk(port=110).dialogue("S: +OK " + "words " * 40), {"only": {TEXT: "info"}, "says": {TEXT: ["240 characters"]}}
    yield "a short one", Talk(port=110).dialogue("S: +OK " + "words " * 20), {"only": {}}
