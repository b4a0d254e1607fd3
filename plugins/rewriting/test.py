# SPDX-License-Identifier: Apache-2.0
"""Cases of plugins/rewriting: masks, near misses, filters and copies that differ, and their honest twins."""
from conversation import Talk

REQUIRED = ["--set", "policy.require_tls=[192.0.2.0/24]"]
MASKED = "starttls.masked_capability"
BANNER = "starttls.masked_banner"
COMMAND = "starttls.masked_command"
ALTERED = "starttls.altered_keyword"
FILTER = "mitm.middlebox_esmtp_filter"
CONFLICT = "mitm.payload_conflict"
STARS = "220 ****************************************************"


def smtp(*capabilities, banner="220 mx.example.net ESMTP Postfix", **how):
    lines = ["mx.example.net", *capabilities]
    talk = Talk(**how).dialogue("S: " + banner, "C: EHLO out.example.org")
    return talk.dialogue(*[f"S: 250{'-' if i + 1 < len(lines) else ' '}{line}" for i, line in enumerate(lines)])


def leaves(talk):
    return talk.dialogue("C: QUIT", "S: 221 bye")


def delivers(talk):
    return leaves(talk.dialogue("C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<b@example.net>", "S: 250 ok", "C: DATA", "S: 354 go", "C: Subject: x", "C: ", "C: words", "C: .", "S: 250 queued"))


def cases():
    yield from masked_capability()
    yield from masked_banner()
    yield from masked_command()
    yield from altered_offer()
    yield from altered_command()
    yield from esmtp_filter()
    yield from payload_conflict()


def masked_capability():
    yield "Cisco's XXXXXXXA in the list", leaves(smtp("SIZE 1000", "XXXXXXXA")), {
        "only": {MASKED: "high"}, "session": {"mailtls.verdict": "tampered"}, "tlsrpt": {MASKED: "starttls-not-supported"}, "attribution": {MASKED: "unknown"},
        "confidence": {MASKED: 99}, "says": {MASKED: ["XXXXXXXA", "STARTTLS", "8 letters", "60 %"]}, "fix": {MASKED: ["no inspect esmtp", "allow-tls", "198.51.100.10"]},
        "evidence": {MASKED: {"side": "server", "text": "XXXXXXXA"}}}
    yield "and the mail goes in clear", delivers(smtp("XXXXXXXA", server="192.0.2.90")), {"only": {MASKED: "critical"}, "says": {MASKED: ["with MAIL", "192.0.2.90", "1 message crossed readably"]}}
    yield "and the client tries all the same", leaves(smtp("XXXXXXXA").dialogue("C: STARTTLS", "S: 500 #5.5.1 command not recognized")), {
        "must": {MASKED: "high"}, "says": {MASKED: ["95 %", "refused with 500"]}}
    yield "a word of another length", leaves(smtp("XXXXXXXXXX")), {"only": {MASKED: "high"}, "says": {MASKED: ["XXXXXXXXXX", "None of them has the length"]}}
    yield "STARTTLS is there all the same", leaves(smtp("XXXXXXXA", "STARTTLS")), {"only": {MASKED: "medium"}, "says": {MASKED: ["still there", "XXXXXXXA"]}}
    yield "asterisks are no sign of Cisco", leaves(smtp("********")), {"only": {MASKED: "high"}, "fix": {MASKED: ["!no inspect esmtp"]}}
    yield "several words", leaves(smtp("XXXA", "XXXXXXXXB", "XXXXXXXC")), {"only": {MASKED: "high"}, "says": {MASKED: ["XXXA, XXXXXXXXB, XXXXXXXC"]}}
    yield "a policy wants TLS, one word is masked", leaves(smtp("XXXXXXXA")), {"only": {MASKED: "critical"}, "args": REQUIRED}
    yield "POP3's STLS masked", Talk(port=110).dialogue("S: +OK hi", "C: CAPA", "S: +OK", "S: TOP", "S: XXXX", "S: .", "C: QUIT", "S: +OK"), {"only": {MASKED: "high"}, "says": {MASKED: ["STLS", "4 letters"]}}
    # Not when.
    yield "private words that begin with X", leaves(smtp("XCLIENT NAME", "XFORWARD NAME", "X-EXPS GSSAPI", "XEXCH50", "STARTTLS")), {"only": {}}
    yield "two letters X", leaves(smtp("XX", "STARTTLS")), {"only": {}}


def masked_banner():
    yield "a greeting of asterisks", leaves(smtp("SIZE", banner=STARS)), {
        "only": {BANNER: "medium"}, "confidence": {BANNER: 90}, "says": {BANNER: ["220 and 52 asterisks", "192.0.2.25"]}, "fix": {BANNER: ["no mask-banner"]}, "session": {"mailtls.verdict": "tampered"}}
    yield "as old devices do it", leaves(smtp("STARTTLS", banner="220 *****2******0*****200**********", server="192.0.2.91")), {"only": {BANNER: "medium"}, "says": {BANNER: ["26 asterisks", "192.0.2.91"]}}
    # Not when.
    yield "few asterisks", leaves(smtp("SIZE", banner="220 *******")), {"only": {}}
    yield "decorated with asterisks", leaves(smtp("SIZE", banner="220 ********** mx.example.net **********")), {"only": {}}
    yield "asterisks that refuse", Talk().dialogue("S: 554 **********************"), {"only": {}}


def masked_command():
    yield "eight X where STARTTLS should be", leaves(smtp("STARTTLS").dialogue("C: XXXXXXXX", "S: 500 #5.5.1 command not recognized")), {
        "only": {COMMAND: "high"}, "confidence": {COMMAND: 90}, "says": {COMMAND: ["XXXXXXXX", "STARTTLS", "8 letters", "500"]}, "fix": {COMMAND: ["allow-tls"]},
        "evidence": {COMMAND: {"side": "client", "text": "XXXXXXXX"}}}
    yield "and then in clear", delivers(smtp("STARTTLS", client="198.51.100.90").dialogue("C: XXXXXXXX", "S: 502 no")), {"only": {COMMAND: "critical"}, "says": {COMMAND: ["502", "with MAIL", "198.51.100.90"]}}
    yield "another command, in lower case", leaves(smtp("STARTTLS").dialogue("C: xxxx", "S: 500 what?")), {"only": {COMMAND: "high"}, "says": {COMMAND: ["xxxx", "4 letters", "another command"]}}
    yield "whole here, quoted as X", leaves(smtp("STARTTLS").dialogue("C: STARTTLS", "S: 500 unrecognized command: XXXXXXXX")), {
        "only": {COMMAND: "high"}, "confidence": {COMMAND: 60}, "says": {COMMAND: ["quoting XXXXXXXX", "500"]}}
    yield "a policy wants TLS, the command is masked", leaves(smtp("STARTTLS").dialogue("C: XXXXXXXX", "S: 500 what?")), {"only": {COMMAND: "critical"}, "args": REQUIRED}
    # Not when.
    yield "a fuzzer", leaves(smtp("STARTTLS").dialogue("C: AAAA", "S: 500 ?", "C: XXXXXXXX", "S: 500 ?", "C: FOO", "S: 500 ?", "C: BAR", "S: 500 ?")), {"only": {}}
    yield "most of a fuzzer is lost", leaves(smtp("STARTTLS").dialogue("C: XXXXXXXX", "S: 500 ?").lose("client", "A\r\nB\r\nC\r\n").dialogue("S: 500 ?")), {"only": {}}
    yield "the capture ends behind the command", smtp("STARTTLS").dialogue("C: XXXXXXXX", "S: 500 ?").no_fin(), {"only": {}}
    yield "it was understood", leaves(smtp("STARTTLS").dialogue("C: XXXX", "S: 250 done")), {"only": {}}
    yield "XCLIENT is a command", leaves(smtp("XCLIENT NAME").dialogue("C: XCLIENT NAME=x", "S: 500 no")), {"only": {}}
    yield "refused without a quotation", leaves(smtp("STARTTLS").dialogue("C: STARTTLS", "S: 500 5.5.1 unrecognized command")), {"only": {}}


def altered_offer():
    yield "STARTTLX in the list", leaves(smtp("SIZE", "STARTTLX")), {"only": {ALTERED: "high"}, "says": {ALTERED: ["STARTTLX", "STARTTLS", "53 54 41 52 54 54 4c 58"]},
        "evidence": {ALTERED: {"side": "server", "text": "STARTTLX"}}, "session": {"mailtls.verdict": "tampered"}}
    yield "XTARTTLS, and the mail goes in clear", delivers(smtp("XTARTTLS", server="192.0.2.92")), {"only": {ALTERED: "critical"}, "says": {ALTERED: ["XTARTTLS", "192.0.2.92", "with MAIL"]}}
    yield "STLX in POP3's list", Talk(port=110).dialogue("S: +OK hi", "C: CAPA", "S: +OK", "S: STLX", "S: .", "C: QUIT", "S: +OK"), {"only": {ALTERED: "high"}, "says": {ALTERED: ["STLS is expected"]}}
    yield "a zero byte in it", leaves(Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example").server("250-mx\r\n250 START\0TLS\r\n")), {"only": {ALTERED: "high"}, "says": {ALTERED: ["53 54 41 52 54 ?? 54 4c 53"]}}
    # Not when.
    yield "the word is there too", leaves(smtp("STARTTLX", "STARTTLS")), {"only": {}}
    yield "it is there in a later list", leaves(smtp("STARTTLX").dialogue("C: EHLO b.example", "S: 250-mx", "S: 250 STARTTLS")), {"only": {}}
    yield "it may be in what is lost", leaves(Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example", "S: 250-mx", "S: 250-STARTTLX").lose("server", "250-STARTTLS\r\n").dialogue("S: 250-DSN", "S: 250 SIZE")), {"only": {}}
    yield "the capture ends behind the list", smtp("STARTTLX").no_fin(), {"only": {}}
    yield "words that are not near", leaves(smtp("STARTUP", "STARTUP1", "RESTARTS")), {"only": {}}


def altered_command():
    yield "STARTTLZ as a command", leaves(smtp("STARTTLS").dialogue("C: STARTTLZ", "S: 500 what?")), {"only": {ALTERED: "high"}, "says": {ALTERED: ["STARTTLZ", "53 54 41 52 54 54 4c 5a", "500"]},
        "evidence": {ALTERED: {"side": "client", "text": "STARTTLZ"}}}
    yield "and then in clear, another way", delivers(smtp("STARTTLS", client="198.51.100.92").dialogue("C: STBRTTLS", "S: 502 no")), {"only": {ALTERED: "critical"}, "says": {ALTERED: ["STBRTTLS", "502", "198.51.100.92"]}}
    yield "list and command", leaves(smtp("STARTTLX").dialogue("C: STARTTLX", "S: 500 what?")), {"only": {ALTERED: "high"}, "count": {ALTERED: 2}}
    # Not when.
    yield "a slip of the fingers", leaves(smtp("STARTTLS").dialogue("C: STARTLTS", "S: 500 what?", "C: STARTTLS", "S: 220 go")), {"only": {}}
    yield "the second try may be lost", leaves(smtp("STARTTLS").dialogue("C: STARTTLZ", "S: 500 what?").lose("client", "STARTTLS\r\n").dialogue("S: 454 later")), {"must_not": [ALTERED]}
    yield "the capture ends behind the near miss", smtp("STARTTLS").dialogue("C: STARTTLZ", "S: 500 what?").no_fin(), {"only": {}}
    yield "a fuzzer near STARTTLS", leaves(smtp("STARTTLS").dialogue("C: STARTTLA", "S: 500 ?", "C: STARTTLB", "S: 500 ?", "C: AAAA", "S: 500 ?", "C: BBBB", "S: 500 ?")), {"only": {}}


def esmtp_filter():
    yield "banner and list", leaves(smtp("XXXXXXXA", banner=STARS)), {"only": {FILTER: "medium", BANNER: "medium", MASKED: "high"}, "says": {FILTER: ["2 of its signs", "52 asterisks", "XXXXXXXA", "Cisco"]},
        "fix": {FILTER: ["inspect esmtp"]}}
    yield "list and command, no banner", leaves(smtp("XXXXXXXB", server="192.0.2.93").dialogue("C: XXXXXXXX", "S: 500 what?")), {
        "only": {FILTER: "medium", MASKED: "high", COMMAND: "high"}, "says": {FILTER: ["XXXXXXXB", "XXXXXXXX", "192.0.2.93", "!asterisks"]}}
    talk = Talk().dialogue("S: " + STARS, "C: EHLO a.example", "S: 500 what?", "C: HELO a.example", "S: 250 mx")
    yield "banner, and EHLO is unknown", leaves(talk), {"only": {FILTER: "medium", BANNER: "medium"}, "says": {FILTER: ["refused with 500", "52 asterisks"]}}
    yield "banner, and EHLO was made NOOP", leaves(smtp(banner=STARS)), {"only": {FILTER: "medium", BANNER: "medium"}, "says": {FILTER: ["0 extensions"]}}
    # Not when.
    talk = Talk(port=110).dialogue("S: +OK hi", "C: CAPA", "S: +OK", "S: XXXX", "S: .", "C: XXXX", "S: -ERR what?", "C: QUIT", "S: +OK")
    yield "POP3 has no ESMTP", talk, {"only": {MASKED: "high", COMMAND: "high"}}
    talk = smtp("SIZE", banner=STARS).dialogue("C: XXXX", "S: 500 ?", "C: A", "S: 500 ?", "C: B", "S: 500 ?", "C: C", "S: 500 ?")
    yield "a fuzzer behind a masked banner", leaves(talk), {"only": {BANNER: "medium"}}
    yield "EHLO is unknown, the banner is whole", leaves(Talk().dialogue("S: 220 mx.example.net", "C: EHLO a.example", "S: 500 what?", "C: HELO a.example", "S: 250 mx")), {"only": {}}
    yield "a list with nothing in it", leaves(smtp()), {"only": {}}


def payload_conflict():
    talk = Talk().dialogue("S: 220 mx.example.net ESMTP", "C: EHLO a.example")
    talk.server("250-mx.example.net\r\n250 STARTTLS\r\n")
    yield "the list is sent again with another word", leaves(talk.again("server", -34, "250-mx.example.net\r\n250 XXXXXXXA\r\n", ttl=40)), {
        "must": {CONFLICT: "critical"}, "confidence": {CONFLICT: 99}, "says": {CONFLICT: ["192.0.2.25:25) sent to", "TTL 57 and 40", "offset"]}, "evidence": {CONFLICT: {"side": "server", "kind": "copy"}},
        "session": {"mailtls.verdict": "tampered"}}
    talk = smtp("STARTTLS", client="198.51.100.93").client("STARTTLS\r\n")
    yield "the command is sent again with another word", leaves(talk.again("client", -10, "XXXXXXXX\r\n").dialogue("S: 500 what?")), {
        "must": {CONFLICT: "critical"}, "says": {CONFLICT: ["198.51.100.93 sent to", "!TTL 63"]}, "evidence": {CONFLICT: {"side": "client"}}}
    # Not when.
    talk = smtp("STARTTLS").client("STARTTLS\r\n")
    yield "sent again as it was", leaves(talk.again("client", -10, "STARTTLS\r\n").dialogue("S: 454 later")), {"only": {}}
    talk = smtp("STARTTLS").client("NOOP\r\n")
    yield "a wrong checksum", leaves(talk.again("client", -6, "XXXX\r\n", bad_checksum=True).dialogue("S: 250 ok")), {"only": {}}
    talk = smtp("STARTTLS").client("NOOP\r\n")
    yield "a keep-alive probe", leaves(talk.again("client", -1, "\0").dialogue("S: 250 ok")), {"only": {}}
    talk = smtp("STARTTLS").client("NOOP\r\n")
    yield "a minute later", leaves(talk.wait(60).again("client", -6, "XXXX\r\n").dialogue("S: 250 ok")), {"only": {}}
    talk = smtp("STARTTLS").dialogue("C: STARTTLS", "S: 220 go").client(bytes([22, 3, 1, 0, 5, 1, 0, 0, 1, 3]))
    yield "bytes that are no text", talk.again("client", -10, bytes([22, 3, 1, 0, 5, 1, 0, 0, 1, 4])), {"must_not": [CONFLICT]}
