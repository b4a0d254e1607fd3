# SPDX-License-Identifier: Apache-2.0
"""Strict readers of CEF (version 0) and LEEF 2.0, written from their specifications and knowing nothing of starttap.

Each takes one line without its newline and returns (header fields, pairs); what breaks the format raises ValueError.
"""
import re

KEY = re.compile(r"[A-Za-z0-9_.]+\Z")


def header(text, count):
    """The first `count` fields between bars, unescaped, and what is left."""
    fields, field, i = [], "", 0
    while len(fields) < count:
        if i >= len(text):
            raise ValueError(f"{len(fields)} fields of a header, not {count}")
        c = text[i]
        if c == "\\":
            if text[i + 1 : i + 2] not in ("\\", "|"):
                raise ValueError(f"a backslash before {text[i + 1 : i + 2]!r} in the header")
            field += text[i + 1]
            i += 1
        elif c == "|":
            fields.append(field)
            field = ""
        else:
            field += c
        i += 1
    return fields, text[i:]


def whole(text):
    for c in text:
        if ord(c) < 0x20 or ord(c) == 0x7F or c in "\u0085\u2028\u2029":
            raise ValueError(f"{c!r} may end a line somewhere")


def cef(line):
    text = line.decode("utf-8")
    whole(text)
    fields, rest = header(text, 7)
    if fields[0] != "CEF:0":
        raise ValueError(f"begins with {fields[0]!r}")
    if not re.fullmatch(r"10|[0-9]", fields[6]):
        raise ValueError(f"severity {fields[6]!r}")
    # An equals sign that is not escaped ends a key, which begins behind the last blank before it.
    starts = []
    i = 0
    while i < len(rest):
        if rest[i] == "\\":
            if rest[i + 1 : i + 2] not in ("\\", "=", "n", "r"):
                raise ValueError(f"a backslash before {rest[i + 1 : i + 2]!r}")
            i += 1
        elif rest[i] == "=":
            begin = rest.rfind(" ", 0, i) + 1
            if not KEY.match(rest[begin:i]):
                raise ValueError(f"key {rest[begin:i]!r}")
            starts.append((begin, i))
        i += 1
    if not starts or starts[0][0] != 0:
        raise ValueError("the extension does not begin with a key")
    pairs = {}
    for n, (begin, equals) in enumerate(starts):
        end = starts[n + 1][0] - 1 if n + 1 < len(starts) else len(rest)
        key = rest[begin:equals]
        if key in pairs:
            raise ValueError(f"{key} twice")
        pairs[key] = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), rest[equals + 1 : end])
    return fields, pairs


def leef(line):
    text = line.decode("utf-8")
    whole(text)
    fields = text.split("|", 6)
    if len(fields) != 7 or fields[0] != "LEEF:2.0":
        raise ValueError(f"header {fields[:1]!r}, {len(fields)} fields")
    rest = fields.pop()
    between = fields[5]
    if re.fullmatch(r"0?x[0-9A-Fa-f]{1,4}", between):
        between = chr(int(between.split("x")[1], 16))
    if len(between) != 1:
        raise ValueError(f"delimiter {between!r}")
    pairs = {}
    for pair in rest.split(between):
        key, equals, value = pair.partition("=")
        if not equals or not KEY.match(key) or key in pairs:
            raise ValueError(f"pair {pair!r}")
        pairs[key] = value
    return fields, pairs
