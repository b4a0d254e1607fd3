# SPDX-License-Identifier: Apache-2.0
"""Trigger tests of plugins/visibility, and what only looks like it."""
from conversation import Talk

OPENING = ("S: 220 mx.example.net ESMTP Postfix", "C: EHLO pc.example.org", "S: 250-mx.example.net", "S: 250 PIPELINING")


def cases():
    talk = Talk(port=25).dialogue(*OPENING, "C: TURN", "S: 250 ok")
    yield "TURN: roles change", talk, {"only": {"proto.desync": "info"}, "says": {"proto.desync": ["mx.example.net", "2 lines", "server"]}, "session": {"mailtls.notes": ["proto.desync"]}}
    yield "an ordinary dialogue", Talk(port=25).dialogue(*OPENING, "C: QUIT", "S: 221"), {"only": {}}
    yield "STARTTLS", Talk(port=25).dialogue(*OPENING[:3], "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go").tls(), {"only": {}}

    yield "a line of 5000 bytes", Talk(port=25).dialogue(*OPENING, "C: MAIL FROM:<" + 5000 * "a" + ">", "S: 500 no", "C: QUIT", "S: 221"), {
        "only": {"proto.line_overflow": "info"}, "says": {"proto.line_overflow": ["client", "4096", "byte 21"]}}  # fmt: skip
    talk = Talk(port=25).dialogue(*OPENING[:2])
    for _ in range(300):
        talk.dialogue("S: 250-X")
    yield "a reply of 301 lines", talk.dialogue("S: 250 X", "C: QUIT", "S: 221"), {"only": {"proto.line_overflow": "info"}, "says": {"proto.line_overflow": ["server"]}}
    talk = Talk(port=25).dialogue(*OPENING, "C: MAIL FROM:<a@example.org>", "S: 250", "C: RCPT TO:<b@example.net>", "S: 250", "C: DATA", "S: 354")
    yield "long lines of a message", talk.dialogue("C: " + 9000 * "a", "C: .", "S: 250", "C: QUIT", "S: 221"), {"only": {}}

    talk = Talk(port=25).dialogue(*OPENING).lose("server", "250 HELP\r\n").dialogue("C: QUIT", "S: 221")
    yield "a hole on the server's side", talk, {"only": {"proto.gap": "info"}, "says": {"proto.gap": ["of the server", "gaps 1"]}, "count": {"proto.gap": 1}}
    talk = Talk(port=25).dialogue(*OPENING).lose("client", "NOOP\r\n").dialogue("S: 250").lose("server", "250 x\r\n").dialogue("C: QUIT", "S: 221")
    yield "holes on both sides", talk, {"only": {"proto.gap": "info"}, "count": {"proto.gap": 2}}
    yield "one direction only", Talk(port=25).dialogue(*OPENING, "C: QUIT", "S: 221").only("server"), {"only": {"proto.gap": "info"}, "says": {"proto.gap": ["Of the client no packet", "0 bytes"]}}
    yield "closed early", Talk(port=25).dialogue(*OPENING).rst("client"), {"only": {}}
