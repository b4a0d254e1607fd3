# SPDX-License-Identifier: Apache-2.0
"""Trigger tests of plugins/modes, and what only looks like it."""
from conversation import Talk, tlsbytes

HELLO = dict(ciphers=[0xC02F, 0xC030], sni="mx.example.net")


def hello(**more):
    return tlsbytes.client_hello(**more) if more else tlsbytes.client_hello()


def hello_meets_greeting(port, greeting, *later, **more):
    talk = Talk(port=port, **more).client(hello()).server(greeting)
    for line in later:
        talk.server(line)
    return talk


def tls_on_starttls_port():
    talk = hello_meets_greeting(587, "220 mx.example.net ESMTP Postfix\r\n", "221 2.7.0 Error: I can break rules, too. Goodbye.\r\n")
    yield "TLS mode on 587", talk.fin("server"), {
        "only": {"mode.tls_on_starttls_port": "low"},
        "says": {"mode.tls_on_starttls_port": ["587", "198.51.100.10", "mx.example.net", "220", "TLS 1.2", "221"]},
        "fix": {"mode.tls_on_starttls_port": ["STARTTLS", "to 465", "The Bat!", "Outlook", "Thunderbird", "smtpd_tls_wrappermode"]},
        "attribution": {"mode.tls_on_starttls_port": "misconfiguration"}, "session": {"mailtls.verdict": "failed"},
        "evidence": {"mode.tls_on_starttls_port": {"side": "client", "text": "ClientHello"}},
    }  # fmt: skip
    yield "TLS mode on 143", hello_meets_greeting(143, "* OK imap.example.net Dovecot ready\r\n", server="192.0.2.143"), {
        "only": {"mode.tls_on_starttls_port": "low"}, "says": {"mode.tls_on_starttls_port": ["143", "* OK"]}, "fix": {"mode.tls_on_starttls_port": ["993"]}}  # fmt: skip
    yield "TLS mode on 110", hello_meets_greeting(110, "+OK ready\r\n"), {"only": {"mode.tls_on_starttls_port": "low"}, "says": {"mode.tls_on_starttls_port": ["+OK"]}}
    yield "TLS mode on 143 by IPv6", hello_meets_greeting(143, "* OK ready\r\n", client="2001:db8::10", server="2001:db8::143"), {
        "only": {"mode.tls_on_starttls_port": "low"}, "says": {"mode.tls_on_starttls_port": ["[2001:db8::143]:143"]}}  # fmt: skip
    yield "TLS mode on 4190", hello_meets_greeting(4190, '"IMPLEMENTATION" "x"\r\n"SIEVE" "fileinto"\r\nOK\r\n'), {"only": {"mode.tls_on_starttls_port": "low"}}
    talk = Talk(port=587).dialogue("S: 220 mx ESMTP", "C: EHLO a", "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go").tls()
    yield "STARTTLS as it should be", talk, {"only": {}}
    talk = Talk(port=587).dialogue("S: 220 mx ESMTP", "C: EHLO a", "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go").client(hello()).dialogue("S: 454 TLS not available")
    yield "text behind STARTTLS is another story", talk, {"only": {}}
    talk = Talk(port=587).dialogue("S: 220 mx ESMTP").lose("client", "EHLO a\r\n").dialogue("S: 250-mx", "S: 250 STARTTLS")
    talk.lose("client", "STARTTLS\r\n").lose("server", "220 go\r\n").client(hello()).dialogue("S: 454 TLS not available")
    yield "the request for TLS is not in the capture", talk, {"only": {}}
    talk = Talk(port=587).lose("server", "220 mx ESMTP\r\n").lose("client", "EHLO a\r\n").lose("server", "250 STARTTLS\r\n").lose("client", "STARTTLS\r\n").lose("server", "220\r\n")
    yield "nothing before the hello is in the capture", talk.client(hello()).dialogue("S: 454 4.7.0 TLS not available"), {"only": {}}
    yield "a hello without an answer", Talk(port=587).client(hello()), {"only": {}}


def implicit_tls():
    yield "TLS from the first byte on 587", Talk(port=587).tls(max="TLSv1.2"), {
        "only": {"mode.implicit_tls_on_starttls_port": "info"}, "says": {"mode.implicit_tls_on_starttls_port": ["587", "TLS 1.2"]}}  # fmt: skip
    yield "TLS from the first byte on 143", Talk(port=143).tls(), {"only": {"mode.implicit_tls_on_starttls_port": "info"}, "says": {"mode.implicit_tls_on_starttls_port": ["143", "TLS 1.3"]}}
    talk = Talk(port=587).lose("server", "220 mx ESMTP\r\n").lose("client", "EHLO a\r\n").lose("server", "250 STARTTLS\r\n").lose("client", "STARTTLS\r\n").lose("server", "220\r\n").tls()
    yield "what went before is not in the capture", talk, {"only": {}}
    yield "that did not come up", Talk(port=587).tls_by_hand(stop="server_hello"), {"only": {}}
    yield "on 465 it belongs there", Talk(port=465).tls(), {"only": {}}


def plaintext_on_implicit_port():
    yield "EHLO to 465, and nothing comes back", Talk(port=465).client("EHLO pc.example.org\r\n").wait(1).fin("server"), {
        "only": {"mode.plaintext_on_implicit_port": "low"}, "says": {"mode.plaintext_on_implicit_port": ["465", "EHLO", "sent no word of text.", "!0 bytes"]},
        "fix": {"mode.plaintext_on_implicit_port": ["SSL/TLS", "Secure to dedicated port (TLS)", "587", "!password"]}}  # fmt: skip
    talk = Talk(port=993, server="192.0.2.93").client("a1 LOGIN joe canary\r\n").server(bytes.fromhex("15030100020246")).fin("server")
    yield "a login to 993, answered by an alert", talk, {
        "only": {"mode.plaintext_on_implicit_port": "medium"}, "says": {"mode.plaintext_on_implicit_port": ["993", "the command LOGIN", "only 7 bytes", "!canary"]}, "fix": {"mode.plaintext_on_implicit_port": ["Change the password"]}}  # fmt: skip
    yield "POP3 to 995", Talk(port=995).client("USER joe\r\n").wait(1).client("PASS canary\r\n").fin("server"), {"only": {"mode.plaintext_on_implicit_port": "medium"}}
    talk = Talk(port=465).client("EHLO pc.example.org\r\n").server("220 mx.example.net ESMTP\r\n250 mx\r\n").dialogue("C: QUIT", "S: 221")
    yield "a server that greets after all", talk, {"must_not": ["mode.plaintext_on_implicit_port"]}
    yield "the server is not in the capture", Talk(port=465).client("EHLO pc.example.org\r\n").wait(1).only("client"), {"only": {}}
    yield "EHLO first on 587 is only impatience", Talk(port=587).client("EHLO pc.example.org\r\n").dialogue("S: 220 mx ESMTP", "S: 250 mx", "C: QUIT", "S: 221"), {"only": {}}


def deadlock():
    yield "465, both wait", Talk(port=465).wait(60).fin("client"), {
        "only": {"mode.deadlock": "low"}, "says": {"mode.deadlock": ["465", "60 seconds", "client closed", "STARTTLS"]}, "confidence": {"mode.deadlock": 70},
        "fix": {"mode.deadlock": ["SSL/TLS", "587", "The Bat!"]}, "session": {"mailtls.findings": ["mode.deadlock"]}}  # fmt: skip
    yield "587, the server never greets", Talk(port=587).wait(31).fin("server"), {
        "only": {"mode.deadlock": "low"}, "says": {"mode.deadlock": ["587", "31 seconds", "server closed", "greet first"]}, "confidence": {"mode.deadlock": 40}}  # fmt: skip
    yield "a reset after a while", Talk(port=993).wait(12).rst("client"), {"only": {"mode.deadlock": "low"}}
    yield "a health check", Talk(port=465).wait(0.5).fin("client"), {"only": {}}
    yield "a late greeting", Talk(port=25).wait(15).dialogue("S: 220 mx.example.net ESMTP", "C: QUIT", "S: 221"), {"only": {}}
    yield "the capture ended before", Talk(port=465).wait(60).ack("client").no_fin(), {"only": {}}
    yield "a port where nobody has to speak", Talk(port=8465).wait(60).fin("client"), {"only": {}}
    yield "one side only", Talk(port=465).wait(60).fin("client").only("client"), {"only": {}}


def clear_service():
    talk = Talk(port=465).dialogue("S: 220 mx.example.net ESMTP Postfix", "C: EHLO a", "S: 250-mx.example.net", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go").tls()
    yield "SMTP with STARTTLS on 465", talk, {
        "only": {"mode.clear_service_on_implicit_port": "medium"}, "says": {"mode.clear_service_on_implicit_port": ["465", "220", "STARTTLS"]},
        "fix": {"mode.clear_service_on_implicit_port": ["587", "smtpd_tls_wrappermode"]}}  # fmt: skip
    yield "a TLS client meets it", hello_meets_greeting(993, "* OK imap ready\r\n"), {
        "session": {"mailtls.verdict": "failed"},
        "only": {"mode.clear_service_on_implicit_port": "medium"}, "says": {"mode.clear_service_on_implicit_port": ["993", "ServerHello"]}}  # fmt: skip
    yield "the server alone is seen", Talk(port=995).dialogue("S: +OK ready", "C: QUIT", "S: +OK").only("server"), {"only": {"mode.clear_service_on_implicit_port": "medium"}}
    yield "a port for greetings", Talk(port=110).dialogue("S: +OK ready", "C: QUIT", "S: +OK"), {"only": {}}


def http():
    request = "GET / HTTP/1.1\r\nHost: mx.example.net\r\n\r\n"
    yield "a browser on 25", Talk(port=25).dialogue("S: 220 mx.example.net ESMTP").client(request).dialogue("S: 221 2.7.0 bye"), {
        "only": {"mode.http_on_mail_port": "low"}, "says": {"mode.http_on_mail_port": ["GET", "mx.example.net", "221"]}, "evidence": {"mode.http_on_mail_port": {"text": "GET"}}}  # fmt: skip
    talk = Talk(port=25).dialogue("S: 220 mx.example.net ESMTP").client("POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO evil\r\nMAIL FROM:<a@example.org>\r\n").dialogue("S: 500 what")
    yield "mail commands inside a request", talk, {"only": {"mode.http_on_mail_port": "medium"}, "says": {"mode.http_on_mail_port": ["POST", "misused"]}}
    talk = Talk(port=587).client(request).server("HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n")
    yield "a web server on 587", talk, {"only": {"mode.http_on_mail_port": "low"}, "says": {"mode.http_on_mail_port": ["HTTP", "587"]}, "session": {"mailtls.mode": "foreign"}}
    talk = Talk(port=25).dialogue("S: 220 mx ESMTP").lose("client", "EHLO a\r\n").dialogue("S: 250 mx", "C: GET / HTTP/1.1", "S: 500 what")
    yield "GET as the first line that is seen", talk, {"only": {}}
    yield "GET in a message, the capture begins there", Talk(port=25, midstream=True).dialogue("C: GET / HTTP/1.1", "C: .", "S: 250 ok", "C: QUIT", "S: 221"), {"only": {}}
    talk = Talk(port=8080).client("CONNECT mx.example.net:25 HTTP/1.0\r\n\r\n").lose("server", "HTTP/1.0 200 Connection established\r\n\r\n")
    yield "a proxy whose answer is missing", talk.dialogue("S: 220 mx ESMTP", "C: EHLO a", "S: 250 mx", "C: QUIT", "S: 221"), {"must_not": ["mode.http_on_mail_port"]}
    yield "SSH on 25 is not HTTP", Talk(port=25).server("SSH-2.0-OpenSSH_9.2\r\n").client("SSH-2.0-OpenSSH_9.2\r\n"), {"only": {}}
    yield "GET inside a dialogue", Talk(port=25).dialogue("S: 220 mx.example.net ESMTP", "C: EHLO a", "S: 250 mx", "C: GET / HTTP/1.1", "S: 500 what", "C: QUIT", "S: 221"), {"only": {}}


def other_port():
    mail = ("S: 220 mx.example.net ESMTP", "C: EHLO a", "S: 250-mx", "S: 250 STARTTLS", "C: QUIT", "S: 221")
    yield "SMTP on 8025", Talk(port=8025).dialogue(*mail), {"only": {"mode.mail_on_other_port": "info"}, "says": {"mode.mail_on_other_port": ["8025", "SMTP", "220"]}}
    yield "IMAP on 1143", Talk(port=1143).dialogue("S: * OK [CAPABILITY IMAP4rev1] x", "C: a LOGOUT", "S: a OK"), {"only": {"mode.mail_on_other_port": "info"}, "says": {"mode.mail_on_other_port": ["1143", "IMAP"]}}
    yield "SMTP on 25", Talk(port=25).dialogue(*mail), {"only": {}}
    listed = ["--set", "policy.mail_ports=25,587"]
    yield "a list without it", Talk(port=2525).dialogue(*mail), {
        "only": {"mode.mail_on_other_port": "low"}, "args": listed, "says": {"mode.mail_on_other_port": ["policy.mail_ports", "2525"]}, "attribution": {"mode.mail_on_other_port": "policy"}}  # fmt: skip
    yield "a list with it", Talk(port=8025).dialogue(*mail), {"only": {}, "args": ["--set", "policy.mail_ports=8025"]}


def web_tls():
    yield "h2 on 993", Talk(port=993).tls(max="TLSv1.2", alpn=["h2", "http/1.1"], server_alpn=["h2"]), {
        "only": {"mode.tls_other_protocol": "info"}, "says": {"mode.tls_other_protocol": ["h2", "993", "chose h2"]}}  # fmt: skip
    yield "www on 465", Talk(port=465, server_name="www.example.net").tls(), {"only": {"mode.tls_other_protocol": "info"}, "says": {"mode.tls_other_protocol": ["www.example.net", "465"]}}
    yield "imap on 993", Talk(port=993).tls(alpn=["imap"], server_alpn=["imap"]), {"only": {}}


def cases():
    for group in (tls_on_starttls_port, implicit_tls, plaintext_on_implicit_port, deadlock, clear_service, http, other_port, web_tls):
        yield from group()
