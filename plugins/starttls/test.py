# SPDX-License-Identifier: Apache-2.0
"""Cases of plugins/starttls: each rule with what fires it, what looks like it and must not, and other values."""
from conversation import Talk, pki, tlsbytes

MESSAGE = ("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>")
REQUIRED = ["--set", "policy.require_tls=[192.0.2.0/24]"]


def smtp(*capabilities, port=25, software="ESMTP Postfix", verb="EHLO", helo="out.example.org", **how):
    """Greeting and list; the first line of the list is the host."""
    talk = Talk(port=port, **how)
    talk.dialogue(f"S: 220 mx.example.net {software}", f"C: {verb} {helo}")
    lines = ["mx.example.net", *capabilities]
    return talk.dialogue(*[f"S: 250{'-' if i + 1 < len(lines) else ' '}{line}" for i, line in enumerate(lines)])


def imap(*capabilities, port=143, **how):
    return Talk(port=port, server_name="imap.example.net", **how).dialogue(
        "S: * OK imap.example.net Dovecot ready", "C: a CAPABILITY", "S: * CAPABILITY IMAP4rev1 " + " ".join(capabilities), "S: a OK done")


def pop3(*capabilities, port=110, **how):
    talk = Talk(port=port, **how).dialogue("S: +OK pop.example.net ready", "C: CAPA", "S: +OK list follows")
    return talk.dialogue(*["S: " + line for line in capabilities], "S: .")


def sieve(*capabilities, **how):
    lines = ['"IMPLEMENTATION" "Dovecot Pigeonhole"', '"SIEVE" "fileinto"', *capabilities]
    return Talk(port=4190, **how).dialogue(*["S: " + line for line in lines], 'S: OK "ready"')


def delivers(talk):
    for command in MESSAGE:
        talk.dialogue("C: " + command, "S: 250 ok")
    return talk.dialogue("C: DATA", "S: 354 go", "C: Subject: x", "C: ", "C: words", "C: .", "S: 250 queued", "C: QUIT", "S: 221 bye")


def logs_in(talk):
    return talk.dialogue("C: AUTH PLAIN AHUAU0VDUkVU", "S: 235 welcome", "C: QUIT", "S: 221 bye")


def accepted(*capabilities, **how):
    """STARTTLS was offered, asked for and accepted."""
    return smtp(*(capabilities or ("STARTTLS",)), **how).dialogue("C: STARTTLS", "S: 220 ready")


def hello():
    return tlsbytes.client_hello(tlsbytes.TLS12, [0xC02F, 0xC030, 0x009C])


def cases():
    yield from upgraded()
    yield from not_offered()
    yield from offered_not_used()
    yield from accepted_unadvertised()
    yield from offer_malformed()
    yield from required_by_server()
    yield from helo_only()
    yield from refused()
    yield from handshake_failed()
    yield from client_aborted()
    yield from server_closed()
    yield from plaintext()
    yield from pipelined()
    yield from client_left()


def upgraded():
    yield "SMTP is upgraded to TLS 1.3", accepted().tls(data=[("client", 300), ("server", 300)] * 3), {
        "only": {"starttls.upgraded": "info"}, "session": {"mailtls.verdict": "protected"}, "confidence": {"starttls.upgraded": 99},
        "says": {"starttls.upgraded": ["198.51.100.10", "192.0.2.25:25", "TLS 1.3"]}, "evidence": {"starttls.upgraded": {"side": "client"}}}
    yield "IMAP is upgraded to TLS 1.2", imap("STARTTLS", "LOGINDISABLED").dialogue("C: b STARTTLS", "S: b OK go").tls(
        max="TLSv1.2", data=[("client", 300), ("server", 300)] * 3), {"only": {"starttls.upgraded": "info"}, "says": {"starttls.upgraded": ["TLS 1.2", ":143"]}}
    yield "POP3 is upgraded", pop3("UIDL", "STLS").dialogue("C: STLS", "S: +OK go").tls(data=[("client", 300), ("server", 300)] * 3), {
        "only": {"starttls.upgraded": "info"}, "says": {"starttls.upgraded": ["STLS"]}}
    yield "ManageSieve is upgraded", sieve('"STARTTLS"').dialogue("C: STARTTLS", 'S: OK "go"').tls(data=[("client", 300), ("server", 300)] * 3), {
        "only": {"starttls.upgraded": "info"}}
    yield "the server's side alone (upgraded)", accepted().tls(max="TLSv1.2", data=[("client", 300), ("server", 300)]).only("server"), {
        "only": {"starttls.upgraded": "info"}, "confidence": {"starttls.upgraded": (60, 80)}}
    yield "TLS from the first byte is no upgrade", Talk(port=465).tls(data=[("client", 300), ("server", 300)] * 3), {"only": {}}
    yield "the capture ends in the handshake (upgraded)", accepted().tls_by_hand(stop="server_hello").no_fin(), {"only": {}}


def not_offered():
    yield "a relay without STARTTLS takes a message", delivers(smtp("PIPELINING", "SIZE 1000")), {
        "only": {"starttls.not_offered": "low"}, "session": {"mailtls.verdict": "exposed"}, "tlsrpt": {"starttls.not_offered": "starttls-not-supported"},
        "says": {"starttls.not_offered": ["PIPELINING, SIZE 1000", "2 in all", "MAIL", "192.0.2.25:25"]},
        "fix": {"starttls.not_offered": ["smtpd_tls_security_level", "!tls_advertise_hosts"]}}
    yield "the same by Exim: another text", smtp("8BITMIME", software="ESMTP Exim 4.96", server="192.0.2.77").dialogue("C: QUIT", "S: 221 bye"), {
        "only": {"starttls.not_offered": "low"}, "says": {"starttls.not_offered": ["8BITMIME", "192.0.2.77", "!MAIL", "!PIPELINING"]},
        "fix": {"starttls.not_offered": ["tls_advertise_hosts", "!smtpd_tls"]}}
    yield "a list with nothing in it", smtp().dialogue("C: QUIT", "S: 221 bye"), {"only": {"starttls.not_offered": "low"}, "says": {"starttls.not_offered": ["0 in all"]}}
    yield "submission that invites passwords", smtp("AUTH PLAIN LOGIN", port=587).dialogue("C: QUIT", "S: 221 bye"), {
        "only": {"starttls.not_offered": "medium"}, "says": {"starttls.not_offered": ["PLAIN"]}}
    yield "and gets one", logs_in(smtp("AUTH PLAIN LOGIN", port=587)), {"only": {"starttls.not_offered": "high"}, "says": {"starttls.not_offered": ["by PLAIN", "!SECRET"]}}
    yield "submission without logins", smtp("PIPELINING", port=587).dialogue("C: QUIT", "S: 221 bye"), {"only": {"starttls.not_offered": "low"}}
    yield "a password on a relay (not offered)", logs_in(smtp("AUTH PLAIN")), {"only": {"starttls.not_offered": "medium"}}
    yield "a policy wants TLS (not offered)", delivers(smtp("SIZE")), {"only": {"starttls.not_offered": "medium"}, "args": REQUIRED}
    yield "IMAP without STARTTLS", imap("IDLE").dialogue("C: b LOGIN u SECRET", "S: b OK in", "C: c LOGOUT", "S: * BYE", "S: c OK"), {"only": {"starttls.not_offered": "high"}}
    yield "IMAP, LOGINDISABLED", imap("LOGINDISABLED").dialogue("C: c LOGOUT", "S: * BYE", "S: c OK"), {"only": {"starttls.not_offered": "low"}}
    yield "POP3 without STLS", pop3("USER", "TOP").dialogue("C: QUIT", "S: +OK"), {"only": {"starttls.not_offered": "medium"}, "says": {"starttls.not_offered": ["STLS is not"]}}
    yield "ManageSieve without STARTTLS", sieve('"SASL" "PLAIN"').dialogue("C: LOGOUT", "S: OK"), {"only": {"starttls.not_offered": "medium"}}
    yield "the server's side alone (not offered)", smtp("SIZE").dialogue("C: QUIT", "S: 221 bye").only("server"), {"only": {"starttls.not_offered": "low"}}
    # Not when.
    yield "a line of the list is lost", Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example", "S: 250-mx.example.net").lose(
        "server", "250-STARTTLS\r\n").dialogue("S: 250 SIZE", "C: QUIT", "S: 221 bye"), {"must_not": ["starttls.*"]}
    yield "the list has no end", Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example", "S: 250-mx.example.net", "S: 250-SIZE"), {"only": {}}
    lost = Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example").lose("server", "250-mx\r\n250 STARTTLS\r\n").dialogue("C: NOOP", "S: 250 ok", "C: NOOP", "S: 250 ok", "C: EHLO a.example", "S: 250-mx", "S: 250 SIZE")
    yield "an earlier list is lost", lost.dialogue("C: QUIT", "S: 221 bye"), {"must_not": ["starttls.*"]}
    yield "the capture ends behind the list", smtp("SIZE").no_fin(), {"only": {}}
    yield "EHLO is refused", Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example", "S: 502 what?", "C: QUIT", "S: 221 bye"), {"only": {}}
    yield "the server is busy", Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example", "S: 421 later"), {"only": {}}
    yield "POP3 without CAPA", Talk(port=110).dialogue("S: +OK", "C: USER u", "S: +OK", "C: PASS SECRET", "S: +OK", "C: QUIT", "S: +OK"), {"only": {}}
    yield "a list after the login", Talk(port=143).dialogue(
        "S: * OK hi", "C: a LOGIN u SECRET", "S: a OK [CAPABILITY IMAP4rev1 IDLE] in", "C: b CAPABILITY", "S: * CAPABILITY IMAP4rev1 IDLE", "S: b OK"), {"must_not": ["starttls.*"]}
    yield "a masked word in the list", smtp("XXXXXXXA").dialogue("C: QUIT", "S: 221 bye"), {"must_not": ["starttls.not_offered"]}
    yield "an altered word in the list", smtp("STARTTLX").dialogue("C: QUIT", "S: 221 bye"), {"must_not": ["starttls.not_offered"]}
    yield "a second list has it", smtp("SIZE").dialogue("C: EHLO again.example", "S: 250-mx", "S: 250 STARTTLS", "C: QUIT", "S: 221 bye"), {"only": {}}
    yield "the capture began in the middle", smtp("SIZE", midstream=True).dialogue("C: QUIT", "S: 221 bye"), {"must_not": ["starttls.offered_not_used"]}


def offered_not_used():
    yield "a relay sends in clear", delivers(smtp("STARTTLS")), {
        "only": {"starttls.offered_not_used": "low"}, "says": {"starttls.offered_not_used": ["198.51.100.10", "out.example.org", "with MAIL", "!by PLAIN"]},
        "evidence": {"starttls.offered_not_used": {"side": "client", "text": "MAIL"}}, "fix": {"starttls.offered_not_used": ["smtp_tls_security_level", "198.51.100.10"]}}
    yield "submission with a password", logs_in(smtp("STARTTLS", "AUTH PLAIN", port=587, client="198.51.100.33")), {
        "only": {"starttls.offered_not_used": "high"}, "says": {"starttls.offered_not_used": ["198.51.100.33", "readably (PLAIN)", "!SECRET"]}, "fix": {"starttls.offered_not_used": ["port 587", "port 465", "!lmtp_"]}}
    yield "submission with a message", delivers(smtp("STARTTLS", port=587)), {"only": {"starttls.offered_not_used": "high"}}
    yield "a password on a relay (offered not used)", logs_in(smtp("STARTTLS", "AUTH PLAIN")), {"only": {"starttls.offered_not_used": "medium"}}
    yield "nothing was given away", smtp("STARTTLS", port=587).dialogue("C: MAIL FROM:<a@example.org>", "S: 550 no", "C: QUIT", "S: 221 bye"), {"only": {"starttls.offered_not_used": "low"}}
    yield "a policy wants TLS (offered not used)", delivers(smtp("STARTTLS")), {"only": {"starttls.offered_not_used": "medium"}, "args": REQUIRED}
    yield "IMAP", imap("STARTTLS").dialogue("C: b LOGIN u SECRET", "S: b OK in", "C: c LOGOUT", "S: * BYE", "S: c OK"), {"only": {"starttls.offered_not_used": "high"}}
    yield "POP3", pop3("STLS", "USER").dialogue("C: USER u", "S: +OK", "C: PASS SECRET", "S: +OK", "C: QUIT", "S: +OK"), {"only": {"starttls.offered_not_used": "high"}}
    yield "beside the client or not, it is only as seen here", delivers(smtp("STARTTLS", server="192.0.2.87")), {
        "says": {"starttls.offered_not_used": ["as far as it is seen here", "a device between 198.51.100.10 and here"]}}
    yield "IMAP's command LOGIN", imap("STARTTLS", "AUTH=PLAIN").dialogue("C: b LOGIN u SECRET", "S: b OK in"), {
        "says": {"starttls.offered_not_used": ["(the command LOGIN)", "!LOGIN-COMMAND"]}, "fix": {"starttls.offered_not_used": ["143", "993"]}}
    yield "LMTP: it is the delivering server's setting", delivers(Talk(port=24).dialogue("S: 220 lmtp.example.net LMTP Dovecot", "C: LHLO out.example.org",
        "S: 250-lmtp.example.net", "S: 250 STARTTLS")), {
        "only": {"starttls.offered_not_used": "low"}, "fix": {"starttls.offered_not_used": ["lmtp_tls_security_level", "!993", "!ssl = required", "!smtp_"]}}
    yield "ManageSieve has one port", sieve('"SASL" "PLAIN"', '"STARTTLS"').dialogue('C: AUTHENTICATE "PLAIN" "AHUAcA=="', "S: OK", "C: LOGOUT", "S: OK"), {
        "fix": {"starttls.offered_not_used": ["port 4190", "!993", "!465"]}}
    yield "IMAP's command LOGIN, not offered", imap("AUTH=PLAIN").dialogue("C: b LOGOUT", "S: * BYE", "S: b OK"), {
        "says": {"starttls.not_offered": ["(PLAIN)", "takes the command LOGIN", "!LOGIN-COMMAND"]}}
    yield "IMAP's command LOGIN alone, not offered", imap("IDLE").dialogue("C: b LOGOUT", "S: * BYE", "S: b OK"), {
        "says": {"starttls.not_offered": ["passwords, with the command LOGIN", "!LOGIN-COMMAND"]}}
    # Not when.
    talk = Talk().dialogue("S: 220 mx.example.net ESMTP", "C: EHLO a.example").server("250-mx.example.net\r\n250 STARTTLS\r\n")
    yield "two copies of the list differ", delivers(talk.again("server", -34, "250-mx.example.net\r\n250 XXXXXXXA\r\n", ttl=40)), {
        "must_not": ["starttls.offered_not_used", "starttls.not_offered"]}
    yield "a health check", smtp("STARTTLS").dialogue("C: NOOP", "S: 250 ok", "C: QUIT", "S: 221 bye"), {"only": {}}
    yield "an IMAP health check", imap("STARTTLS").dialogue("C: b LOGOUT", "S: * BYE", "S: b OK"), {"only": {}}
    yield "refused, then upgraded", smtp("STARTTLS", port=587).dialogue("C: MAIL FROM:<a@example.org>", "S: 530 5.7.0 Must issue a STARTTLS command first", "C: STARTTLS", "S: 220 go").tls(
        data=[("client", 300), ("server", 300)] * 3), {"only": {"starttls.upgraded": "info", "starttls.required_by_server": "info"}}
    yield "both ends are this machine", delivers(smtp("STARTTLS", client="127.0.0.1", server="127.0.0.1", client_port=50000)), {"must_not": ["starttls.offered_not_used"]}
    yield "the request was overwritten", delivers(smtp("STARTTLS").dialogue("C: XXXXXXXX", "S: 500 what?")), {"must_not": ["starttls.offered_not_used"]}
    yield "something of the client is lost", smtp("STARTTLS").lose("client", "NOOP\r\n").dialogue("S: 250 ok", "C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<b@example.net>", "S: 250 ok"), {"only": {}}
    yield "the request was altered", delivers(smtp("STARTTLS").dialogue("C: STARTTLX", "S: 500 what?")), {"must_not": ["starttls.offered_not_used"]}
    yield "the client's side alone (offered not used)", delivers(smtp("STARTTLS")).only("client"), {"only": {}}
    yield "the server's side alone (offered not used)", delivers(smtp("STARTTLS")).only("server"), {"only": {}}
    yield "it gave itself away, then asked", logs_in(smtp("STARTTLS", "AUTH PLAIN", port=587)).dialogue("C: STARTTLS", "S: 220 go"), {"must": {"starttls.offered_not_used": "high"}}


def accepted_unadvertised():
    yield "it is not in the list, and works", smtp("PIPELINING", "SIZE 9").dialogue("C: STARTTLS", "S: 220 go").tls(data=[("client", 300), ("server", 300)] * 3), {
        "only": {"starttls.accepted_unadvertised": "medium", "starttls.upgraded": "info"}, "confidence": {"starttls.accepted_unadvertised": 50},
        "attribution": {"starttls.accepted_unadvertised": "unknown"}, "says": {"starttls.accepted_unadvertised": ["PIPELINING, SIZE 9", "220", "TLS 1.3"]}}
    yield "POP3 with another list", pop3("TOP", "UIDL", server="192.0.2.110").dialogue("C: STLS", "S: +OK go").tls(max="TLSv1.2", data=[("client", 300), ("server", 300)] * 3), {
        "only": {"starttls.accepted_unadvertised": "medium", "starttls.upgraded": "info"}, "says": {"starttls.accepted_unadvertised": ["TOP, UIDL", "+OK", "TLS 1.2", "192.0.2.110"]}}
    # Not when.
    yield "nobody asked for a list", Talk(port=110).dialogue("S: +OK", "C: STLS", "S: +OK go").tls(data=[("client", 300), ("server", 300)] * 3), {"only": {"starttls.upgraded": "info"}}
    yield "only HELO", Talk().dialogue("S: 220 mx.example.net", "C: HELO a.example", "S: 250 mx", "C: STARTTLS", "S: 220 go").tls(data=[("client", 300), ("server", 300)] * 3), {
        "must_not": ["starttls.accepted_unadvertised"]}
    yield "accepted, and TLS did not come up", smtp("SIZE").dialogue("C: STARTTLS", "S: 220 go").fin("client"), {"must_not": ["starttls.accepted_unadvertised"]}
    lost = Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example").lose("server", "250-mx\r\n250 STARTTLS\r\n").dialogue("C: NOOP", "S: 250 ok", "C: NOOP", "S: 250 ok", "C: EHLO a.example", "S: 250-mx", "S: 250 SIZE")
    yield "TLS was refused by the client", smtp("SIZE").dialogue("C: STARTTLS", "S: 220 go").tls(max="TLSv1.2", reject="unknown_ca"), {"must_not": ["starttls.accepted_unadvertised"]}
    yield "an earlier list is lost, and TLS comes up", lost.dialogue("C: STARTTLS", "S: 220 go").tls(data=[("client", 300), ("server", 300)] * 3), {"must_not": ["starttls.accepted_unadvertised"]}
    yield "an earlier list had it", smtp("STARTTLS").dialogue("C: EHLO b.example", "S: 250-mx", "S: 250 SIZE", "C: STARTTLS", "S: 220 go").tls(
        data=[("client", 300), ("server", 300)] * 3), {"only": {"starttls.upgraded": "info"}}


def offer_malformed():
    talk = Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example", "S: 250-STARTTLS", "S: 250 SIZE", "C: QUIT", "S: 221 bye")
    yield "on the first line", talk, {"only": {"starttls.offer_malformed": "low"}, "says": {"starttls.offer_malformed": ["first line", "EHLO", "198.51.100.10"]}}
    yield "with something behind it", smtp("STARTTLS now", server="192.0.2.80").dialogue("C: QUIT", "S: 221 bye"), {
        "only": {"starttls.offer_malformed": "low"}, "says": {"starttls.offer_malformed": ["behind the word", "192.0.2.80"]}}
    lost = Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example").lose("server", "250-mx.example.net\r\n").dialogue("S: 250-DSN", "S: 250-STARTTLS", "S: 250 SIZE")
    yield "the first line is lost", lost.dialogue("C: QUIT", "S: 221 bye"), {"only": {}}
    yield "in lower case it is sound", smtp("starttls").dialogue("C: QUIT", "S: 221 bye"), {"only": {}}


def required_by_server():
    must = "S: 530 5.7.0 Must issue a STARTTLS command first"
    yield "530, and the client gives up", smtp("STARTTLS", port=587).dialogue("C: MAIL FROM:<a@example.org>", must, "C: QUIT", "S: 221 bye"), {
        "only": {"starttls.required_by_server": "low", "starttls.offered_not_used": "low"}, "attribution": {"starttls.required_by_server": "policy"},
        "says": {"starttls.required_by_server": ["530", "MAIL", "out.example.org", "did not ask for encryption", "192.0.2.25:587"]},
        "fix": {"starttls.required_by_server": ["STARTTLS on this port", "smtpd_tls_security_level"]}, "session": {"mailtls.verdict": "failed"}}
    yield "538 to a login", smtp("STARTTLS", "AUTH LOGIN", port=587).dialogue("C: AUTH LOGIN", "S: 538 5.7.11 Encryption required", "C: QUIT", "S: 221 bye"), {
        "must": {"starttls.required_by_server": "low"}, "says": {"starttls.required_by_server": ["538", "AUTH"]}}
    yield "IMAP PRIVACYREQUIRED", imap("STARTTLS", "LOGINDISABLED").dialogue("C: b LOGIN u SECRET", "S: b NO [PRIVACYREQUIRED] no", "C: c LOGOUT", "S: * BYE", "S: c OK"), {
        "must": {"starttls.required_by_server": "info"}, "says": {"starttls.required_by_server": ["PRIVACYREQUIRED", "LOGIN"]}}
    yield "Sieve ENCRYPT-NEEDED", sieve('"STARTTLS"').dialogue('C: AUTHENTICATE "PLAIN"', 'S: NO (ENCRYPT-NEEDED) "no"', "C: LOGOUT", "S: OK"), {
        "must": {"starttls.required_by_server": "low"}}
    # Not when.
    yield "530 wants a login", smtp("AUTH PLAIN", port=587).dialogue("C: MAIL FROM:<a@example.org>", "S: 530 5.7.0 Authentication required", "C: QUIT", "S: 221 bye"), {
        "must_not": ["starttls.required_by_server"]}
    yield "free text alone", smtp("STARTTLS", port=587).dialogue("C: MAIL FROM:<a@example.org>", "S: 550 please use STARTTLS", "C: QUIT", "S: 221 bye"), {
        "must_not": ["starttls.required_by_server"]}
    yield "530, and the capture ends", smtp("STARTTLS", port=587).dialogue("C: MAIL FROM:<a@example.org>", must).no_fin(), {"must": {"starttls.required_by_server": "info"}}


def helo_only():
    yield "HELO and a message", delivers(smtp(verb="HELO")), {"only": {"starttls.helo_only": "info"}, "says": {"starttls.helo_only": ["HELO out.example.org", "with MAIL"]}}
    yield "EHLO was refused", Talk(client="198.51.100.44").dialogue("S: 220 mx.example.net", "C: EHLO a.example", "S: 500 what?", "C: HELO a.example", "S: 250 mx", "C: QUIT", "S: 221 bye"), {
        "only": {"starttls.helo_only": "info"}, "says": {"starttls.helo_only": ["refused EHLO with 500", "198.51.100.44", "HELO a.example"]}, "tlsrpt": {"starttls.helo_only": "starttls-not-supported"}}
    yield "EHLO may come yet", smtp(verb="HELO").no_fin(), {"only": {}}
    lost = smtp(verb="HELO").lose("client", "EHLO a.example\r\n").lose("server", "250-mx\r\n250 STARTTLS\r\n")
    yield "EHLO may be lost", lost.dialogue("C: NOOP", "S: 250 ok", "C: QUIT", "S: 221 bye"), {"only": {}}
    yield "EHLO later", smtp(verb="HELO").dialogue("C: EHLO a.example", "S: 250-mx", "S: 250 STARTTLS", "C: QUIT", "S: 221 bye"), {"only": {}}


def refused():
    yield "454, and the client leaves", smtp("STARTTLS").dialogue("C: STARTTLS", "S: 454 4.7.0 TLS not available due to local problem", "C: QUIT", "S: 221 bye"), {
        "only": {"starttls.refused": "medium"}, "tlsrpt": {"starttls.refused": "starttls-not-supported"}, "attribution": {"starttls.refused": "unknown"},
        "says": {"starttls.refused": ["454", "220", "server's side", "without encryption", "!MAIL"]}, "fix": {"starttls.refused": ["certificate and key", "smtpd_client_new_tls"]}}
    yield "454, and it goes on in clear", delivers(smtp("STARTTLS", server="192.0.2.81").dialogue("C: STARTTLS", "S: 454 later")), {
        "only": {"starttls.refused": "high"}, "says": {"starttls.refused": ["in clear with MAIL", "192.0.2.81", "1 message crossed readably"]}}
    yield "500 to what was on offer", smtp("STARTTLS").dialogue("C: STARTTLS", "S: 500 5.5.1 unknown", "C: QUIT", "S: 221 bye"), {
        "only": {"starttls.refused": "high"}, "says": {"starttls.refused": ["500", "changed on the way"]}, "fix": {"starttls.refused": ["another network"]}}
    yield "502", smtp("STARTTLS").dialogue("C: STARTTLS", "S: 502 no", "C: QUIT", "S: 221 bye"), {"only": {"starttls.refused": "high"}}
    yield "554, it believes in TLS", smtp("STARTTLS").dialogue("C: STARTTLS", "S: 554 5.5.1 Error: TLS already active", "C: QUIT", "S: 221 bye"), {
        "only": {"starttls.refused": "medium"}, "says": {"starttls.refused": ["554", "encrypted already"]}}
    yield "421", smtp("STARTTLS").dialogue("C: STARTTLS", "S: 421 bye"), {"only": {"starttls.refused": "medium"}, "says": {"starttls.refused": ["421", "closing"]}}
    yield "503", smtp("STARTTLS").dialogue("C: STARTTLS", "S: 503 sequence", "C: QUIT", "S: 221 bye"), {"only": {"starttls.refused": "medium"}, "says": {"starttls.refused": ["503", "wrong time"]}}
    yield "501 without parameters", smtp("STARTTLS").dialogue("C: STARTTLS", "S: 501 syntax", "C: QUIT", "S: 221 bye"), {"only": {"starttls.refused": "medium"}, "says": {"starttls.refused": ["501", "ill-formed"]}}
    yield "IMAP NO", imap("STARTTLS").dialogue("C: b STARTTLS", "S: b NO not now", "C: c LOGOUT", "S: * BYE", "S: c OK"), {"only": {"starttls.refused": "medium"}, "says": {"starttls.refused": ["NO"]}}
    yield "POP3 -ERR and a password", pop3("STLS", "USER").dialogue("C: STLS", "S: -ERR no", "C: USER u", "S: +OK", "C: PASS SECRET", "S: +OK", "C: QUIT", "S: +OK"), {
        "only": {"starttls.refused": "high"}, "says": {"starttls.refused": ["-ERR", "STLS", "by USER", "!SECRET"]}}
    yield "a policy wants TLS (refused)", smtp("STARTTLS").dialogue("C: STARTTLS", "S: 454 later", "C: QUIT", "S: 221 bye"), {"only": {"starttls.refused": "high"}, "args": REQUIRED}
    yield "a further list does not take the offer back", smtp("STARTTLS").dialogue("C: STARTTLS", "S: 454 later", "C: EHLO a.example", "S: 250-mx", "S: 250 SIZE", "C: QUIT", "S: 221 bye"), {
        "must": {"starttls.refused": "medium"}, "must_not": ["starttls.not_offered"]}
    # Not when.
    yield "parameters are not allowed", smtp("STARTTLS").dialogue("C: STARTTLS now", "S: 501 no parameters", "C: QUIT", "S: 221 bye"), {"only": {}}
    yield "nothing was on offer", smtp("SIZE").dialogue("C: STARTTLS", "S: 502 no", "C: QUIT", "S: 221 bye"), {"only": {"starttls.not_offered": "low"}}
    yield "refused once, then it works", smtp("STARTTLS").dialogue("C: STARTTLS", "S: 454 later", "C: STARTTLS", "S: 220 go").tls(data=[("client", 300), ("server", 300)] * 3), {
        "only": {"starttls.refused": "low", "starttls.upgraded": "info"}}


def handshake_failed():
    failed = "starttls.handshake_failed"
    yield "the client knows no such authority", accepted().tls(max="TLSv1.2", reject="unknown_ca"), {
        "only": {failed: "medium"}, "says": {failed: ["unknown_ca", "48", "ServerHelloDone", "TLS 1.2", "mx.example.net", "client's side"]}, "tlsrpt": {failed: "certificate-not-trusted"},
        "evidence": {failed: {"side": "client", "text": "Alert"}}, "session": {"mailtls.verdict": "failed"}}
    yield "its clock or the certificate is old", accepted().tls(max="TLSv1.2", reject="certificate_expired"), {"only": {failed: "medium"}, "tlsrpt": {failed: "certificate-expired"}, "says": {failed: ["45"]}}
    yield "no version in common", accepted(server="192.0.2.82").tls(client_max="TLSv1", client_min="TLSv1", server_min="TLSv1.2", server_max="TLSv1.3"), {
        "only": {failed: "medium"}, "says": {failed: ["protocol_version", "192.0.2.82", "TLS 1.0", "server's side"]}, "tlsrpt": {failed: "validation-failure"}}
    yield "the client leaves behind the certificate", accepted().tls_by_hand(stop="server_done").fin("client"), {
        "only": {failed: "medium"}, "says": {failed: ["ServerHelloDone", "client closed"]}}
    yield "the server leaves", accepted().tls_by_hand(stop="server_hello").rst("server"), {"only": {failed: "medium"}, "says": {failed: ["ServerHello", "server closed"]}}
    yield "no answer at all", accepted().client(hello()).wait(20).fin("client"), {"only": {failed: "medium"}, "says": {failed: ["no TLS message came back", "TLS 1.2", "20 s after"]}}
    yield "it does not wait for the answer", accepted(server="192.0.2.86").client(hello()).fin("client"), {"only": {failed: "medium"}, "says": {failed: ["ClientHello the client closed", "192.0.2.86"]}}
    by_hand = lambda code, side="server", **how: getattr(accepted(**how).client(hello()), side)(tlsbytes.alert(code)).fin(side)  # noqa: E731
    yield "the server failed by itself", by_hand(80), {"only": {failed: "medium"}, "says": {failed: ["internal_error", "it failed itself", "nothing of the client's was refused"]},
        "fix": {failed: ["server's log", "!TLS 1.2", "!suites"]}}
    yield "the server found no suite", by_hand(40), {"says": {failed: ["does not suffice", "!itself", "3 cipher suites"]}, "fix": {failed: ["Alert 40", "TLS 1.2"]}}
    yield "the server dislikes a value", by_hand(47), {"says": {failed: ["illegal_parameter", "!suffice", "!itself"]}, "fix": {failed: ["!TLS 1.2", "!server's log"]}}
    yield "the client dislikes a value", by_hand(47, "client"), {"says": {failed: ["illegal_parameter", "!about the server's certificate", "!itself"]}, "fix": {failed: ["!intermediate", "!its names"]}}
    yield "the client failed by itself", by_hand(80, "client"), {"says": {failed: ["says that it failed itself"]}, "fix": {failed: ["client's log"]}}
    yield "the client dislikes the certificate", accepted().tls(max="TLSv1.2", reject="unknown_ca"), {
        "says": {failed: ["about the server's certificate"]}, "fix": {failed: ["Alert 48", "intermediate"]}}
    scsv = tlsbytes.client_hello(tlsbytes.TLS12, [0xC02F, 0x00FF, 0x5600])
    yield "signals are no suites", accepted().client(scsv).server(tlsbytes.alert(70)).fin("server"), {"says": {failed: ["with 1 cipher suites"]}}
    yield "both fall silent", [accepted().tls_by_hand(stop="server_hello").no_fin(), smtp("STARTTLS", number=40)], {"must": {failed: "medium"}, "says": {failed: ["ServerHello", "silent"]},
        "args": ["--set", "flow.idle_timeout=60s"]}
    yield "a policy wants TLS (handshake failed)", accepted().tls(max="TLSv1.2", reject="unknown_ca"), {"only": {failed: "high"}, "args": REQUIRED}
    # Not when.
    yield "a part of the server's hello is lost", accepted().client(hello()).lose("server", tlsbytes.record(22, b"\2\0\0\x46" + bytes(70))).fin("client"), {"must_not": ["starttls.*"]}
    yield "the capture ends in between (handshake failed)", accepted().tls_by_hand(stop="certificate").no_fin(), {"only": {}}
    yield "TLS without having asked", smtp("STARTTLS").client(hello()).fin("client"), {"must_not": [failed]}
    yield "it came up", accepted().tls(data=[("client", 300), ("server", 300)] * 3), {"must_not": [failed]}


def client_aborted():
    aborted = "starttls.client_aborted"
    yield "it closes", accepted().fin("client"), {"only": {aborted: "low"}, "says": {aborted: ["220", "out.example.org", "closed the connection"]}}
    yield "it resets", accepted(client="198.51.100.45").rst("client"), {"only": {aborted: "low"}, "says": {aborted: ["reset", "198.51.100.45"]}}
    yield "it says QUIT", accepted().dialogue("C: QUIT", "S: 221 bye").fin("server"), {"only": {aborted: "low"}, "says": {aborted: ["QUIT"]}}
    yield "it sends an alert", accepted().client(tlsbytes.alert(80)).fin("client"), {"only": {aborted: "low"}, "says": {aborted: ["internal_error", "80"]}}
    yield "it is silent for a minute", accepted().wait(90).dialogue("S: 421 timeout").fin("server"), {"only": {aborted: "low"}, "says": {aborted: ["nothing came", "in 90 s"]}}
    yield "a policy wants TLS (client aborted)", accepted().fin("client"), {"only": {aborted: "medium"}, "args": REQUIRED}
    # Not when.
    yield "the capture ends at once (client aborted)", accepted().no_fin(), {"only": {}}
    yield "its last packets are not in the capture", [accepted().no_fin(), smtp("STARTTLS", number=1)], {"must_not": [aborted]}
    yield "its hello is lost", accepted().lose("client", hello()).fin("client"), {"only": {}}
    yield "it sends what nobody knows", accepted().client(b"\x80\x01\x02\x03\xff\xfe\xfd\xfc").fin("client"), {"only": {}}


def server_closed():
    closed = "starttls.server_closed"
    yield "behind the hello", accepted().client(hello()).fin("server"), {
        "only": {closed: "medium"}, "says": {closed: ["220", "ClientHello", "FIN"]}, "tlsrpt": {closed: "validation-failure"}, "evidence": {closed: {"side": "server", "text": "FIN"}}}
    yield "before the hello", accepted(server="192.0.2.83").rst("server"), {"only": {closed: "medium"}, "says": {closed: ["192.0.2.83", "RST", "before the client had begun"]}}
    yield "reset from elsewhere", accepted().client(hello()).rst("server", ttl=249), {"only": {closed: "medium"}, "says": {closed: ["249", "57", "device"]}, "attribution": {closed: "unknown"}}
    eof = accepted(server="192.0.2.88").fin("server")
    yield "the client's hello and alert come behind the end", eof.client(hello()).client(tlsbytes.alert(50)).wait(1).fin("client"), {
        "only": {closed: "high"}, "args": REQUIRED, "says": {closed: ["192.0.2.88", "device in between", "!nothing newer"]}, "evidence": {closed: {"side": "server", "text": "FIN"}}}
    yield "the client's alert alone comes behind the end", accepted().client(hello()).fin("server").client(tlsbytes.alert(50)).wait(1).fin("client"), {"only": {closed: "high"}, "args": REQUIRED}
    old = tlsbytes.client_hello(0x0302, [0x002F])
    yield "the client is old", accepted().client(old).fin("server"), {"says": {closed: ["nothing newer than TLS 1.1", "takes nothing below TLS 1.2"]}}
    yield "a policy wants TLS (server closed)", accepted().client(hello()).fin("server"), {"only": {closed: "high"}, "args": REQUIRED}
    # Not when.
    yield "the client closed first", accepted().client(hello()).fin("client"), {"must_not": [closed]}
    yield "the client had said QUIT", accepted().dialogue("C: QUIT", "S: 221 bye").fin("server"), {"must_not": [closed]}
    yield "the client had sent an alert", accepted().client(tlsbytes.alert(80)).fin("server"), {"only": {"starttls.client_aborted": "low"}}
    yield "its hello and its alert come before the end", accepted().client(hello()).client(tlsbytes.alert(90)).wait(1).fin("server"), {"must_not": [closed]}
    yield "the client was silent", accepted().wait(90).fin("server"), {"must_not": [closed]}
    yield "the server's answer is lost", accepted().client(hello()).lose("server", tlsbytes.alert(40)).fin("server"), {"only": {}}
    yield "it sent an alert", accepted().client(hello()).server(tlsbytes.alert(40)).fin("server"), {"must_not": [closed]}


def plaintext():
    reply, after = "starttls.plaintext_reply_to_clienthello", "starttls.plaintext_after_accept"
    yield "the hello is answered in text", accepted().client(hello()).dialogue("S: 500 what is that?").fin("client"), {
        "only": {reply: "medium"}, "says": {reply: ["220", "500", "ClientHello"]}, "evidence": {reply: {"side": "server", "text": "500"}}}
    yield "another answer", accepted(server="192.0.2.84").client(hello()).dialogue("S: 454 no TLS here").fin("server"), {"only": {reply: "medium"}, "says": {reply: ["454", "192.0.2.84"]}}
    yield "a policy wants TLS (plaintext)", accepted().client(hello()).dialogue("S: 500 what?").fin("client"), {"only": {reply: "high"}, "args": REQUIRED}
    yield "421 to the hello", accepted().client(hello()).dialogue("S: 421 bye").fin("server"), {"only": {reply: "medium"}, "says": {reply: ["421"]}}
    yield "an answer to an alert", accepted().client(tlsbytes.alert(80)).dialogue("S: 500 what?").fin("client"), {"only": {"starttls.client_aborted": "low"}}
    yield "the text crossed the hello", accepted().send("server", "454 no\r\n").send("client", hello(), acked=False).fin("client"), {"must_not": [reply]}
    yield "a part of the answer is lost", accepted().client(hello()).lose("server", b"\x16\3\3\0\4").dialogue("S: 500 what?").fin("client"), {"must_not": [reply]}

    yield "a message in clear after the go-ahead", delivers(accepted()), {"must": {after: "critical"}, "says": {after: ["with MAIL", "1 message followed readably"]}, "session": {"mailtls.verdict": "exposed"},
        "must_not": ["starttls.client_aborted", "starttls.server_closed"], "confidence": {after: 95}, "evidence": {after: {"side": "client", "text": "MAIL"}}}
    yield "only EHLO", accepted(client="198.51.100.46").dialogue("C: EHLO a.example", "S: 250 mx", "C: QUIT", "S: 221 bye"), {"must": {after: "high"}, "says": {after: ["EHLO", "198.51.100.46"]}}
    yield "behind a failed handshake", delivers(accepted().client(hello()).server(tlsbytes.alert(40))), {"must": {after: "critical", "starttls.handshake_failed": "high"}, "says": {after: ["begun"]}}
    yield "only QUIT", accepted().dialogue("C: QUIT", "S: 221 bye"), {"must_not": [after]}
    yield "TLS may be in what is lost", accepted().lose("client", hello()).dialogue("C: EHLO a.example", "S: 250 mx", "C: QUIT", "S: 221 bye"), {"must_not": [after]}


def pipelined():
    talk = smtp("STARTTLS")
    yield "a hello without waiting", talk.client(b"STARTTLS\r\n" + hello()).dialogue("S: 220 go").fin("client"), {"must": {"starttls.pipelined": "low"}, "says": {"starttls.pipelined": ["198.51.100.10", "byte 32", "220"]}}
    talk = imap("STARTTLS", server="192.0.2.85")
    yield "IMAP too", talk.client(b"b STARTTLS\r\n" + hello()).dialogue("S: b OK go").fin("client"), {"must": {"starttls.pipelined": "low"}, "says": {"starttls.pipelined": ["192.0.2.85", "OK"]}}
    yield "it waited", accepted().client(hello()).fin("client"), {"must_not": ["starttls.pipelined"]}


def client_left():
    left = "tls.client_left_after_handshake"
    yield "QUIT under TLS 1.2", accepted().tls(max="TLSv1.2", data=[("client", 6), ("server", 15)]).fin("client"), {
        "only": {left: "low", "starttls.upgraded": "info"}, "confidence": {left: (1, 50)}, "says": {left: ["TLS 1.2", "within two seconds", "in 1 record,", "certificate is CN=", "names mx.example.net"]}}
    yield "QUIT under TLS 1.3", accepted(client="198.51.100.47").tls(data=[("client", 6), ("server", 15)]).fin("client"), {"only": {left: "low", "starttls.upgraded": "info"}, "confidence": {left: (1, 50)},
        "says": {left: ["TLS 1.3", "198.51.100.47"]}}
    yield "EHLO and QUIT", accepted().tls(data=[("client", 20), ("server", 90), ("client", 6), ("server", 15)]).fin("client"), {"only": {left: "low", "starttls.upgraded": "info"}}
    yield "a probe", accepted().tls(max="TLSv1.2", data=[]).fin("client"), {"only": {left: "low", "starttls.upgraded": "info"}, "confidence": {left: (1, 30)}}
    yield "LOGOUT under TLS", Talk(port=993).tls(max="TLSv1.2", data=[("server", 60), ("client", 12), ("server", 40)]).fin("client"), {"only": {left: "low"}}
    # Not when.
    yield "a POP3 poll", Talk(port=995).tls(data=[("server", 30), ("client", 8), ("server", 5), ("client", 9), ("server", 9), ("client", 6), ("server", 12), ("client", 6), ("server", 15)]).fin("client"), {"only": {}}
    yield "a login that is refused", Talk(port=993).tls(data=[("server", 60), ("client", 30), ("server", 50), ("client", 12), ("server", 30)]).fin("client"), {"only": {}}
    yield "a short message", accepted().tls(data=[("client", 20), ("server", 90), ("client", 70), ("server", 40), ("client", 240), ("server", 20), ("client", 6), ("server", 15)]).fin("client"), {"only": {"starttls.upgraded": "info"}}
    yield "it said a lot at once", accepted().tls(data=[("client", 700), ("server", 20), ("client", 6), ("server", 15)]).fin("client"), {"only": {"starttls.upgraded": "info"}}
    yield "what it said may be lost", accepted().tls(max="TLSv1.2", data=[("client", 6), ("server", 15)], close=()).lose("client", "x" * 400).fin("client"), {"must_not": [left]}
    yield "it stayed for a while", accepted().tls(data=[("client", 6), ("server", 15)], close=()).wait(5).fin("client"), {"only": {"starttls.upgraded": "info"}}
    yield "the server closed at once", Talk(port=465).tls(max="TLSv1.2", data=[], close=()).fin("server"), {"only": {}}
    yield "the capture ends (client left)", accepted().tls(data=[("client", 6), ("server", 15)]).no_fin(), {"only": {"starttls.upgraded": "info"}}
