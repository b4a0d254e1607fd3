# SPDX-License-Identifier: Apache-2.0
"""Secrets that are made up, cross the lab's wires and must never come out of the program; CANARIES.txt lists them for tests.

Scenarios name them in braces, as {password}. The same values as in samples/CANARIES.txt where they mean the same.
"""
import base64
import hashlib
import hmac

VALUES = {
    "user": "canary-user-hollyhock",
    "password": "Canary-Passw0rd-Larkspur",
    "wrong_password": "Canary-Wr0ng-Delphinium",
    "token": "canary-token-ya29.Wisteria-Columbine",
    "sender": "canary-sender-marigold@example.org",
    "recipient": "canary-recipient-periwinkle@example.org",
    "subject": "canary-subject-snapdragon",
    "body": "canary-body-foxglove and nothing else",
    "script": "canary-sieve-gentian",
}
KINDS = {"sender": "address", "recipient": "address", "subject": "content", "body": "content", "script": "content",
         "wrong_password": "password"}


def encoded(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def tokens():
    """What mechanisms make of them on the wire, where it does not depend on a challenge."""
    v = VALUES
    return {
        "plain": encoded(f"\0{v['user']}\0{v['password']}"),
        "plain_wrong": encoded(f"\0{v['user']}\0{v['wrong_password']}"),
        "xoauth2": encoded(f"user={v['user']}\x01auth=Bearer {v['token']}\x01\x01"),
        "oauthbearer": encoded(f"n,a={v['user']},\x01auth=Bearer {v['token']}\x01\x01"),
        "scram": encoded(f"n,,n={v['user']},r=fyko+d2lbbFgONRv9qkxdawL"),
        "user64": encoded(v["user"]),
        "password64": encoded(v["password"]),
        "cram": encoded(v["user"] + " " + hmac.new(v["password"].encode(), b"<1896.697170952@mx.example.org>",
                                                   hashlib.md5).hexdigest()),
        "apop": hashlib.md5(b"<1896.697170952@mail.example.org>" + v["password"].encode()).hexdigest(),
    }


def leaks(output):
    """The canaries that stand in an output, in clear, in hexadecimal or as mechanisms encode them."""
    forms = {value: value for value in tokens().values()}
    for value in VALUES.values():
        forms.update({value: value, value.encode().hex(): value, encoded(value).rstrip("="): value})
    return sorted({value for form, value in forms.items() if form in output})


def listing():
    lines = ["# What must never come out of the program: found in the lab's captures, and made up for them (canaries.py).",
             "# kind  value"]
    lines += [f"{KINDS.get(name, name)} {value}" for name, value in VALUES.items()]
    lines += [f"token {value}" for value in tokens().values()]
    return "\n".join(lines) + "\n"


def fill(text, places):
    """The text with {name} replaced by canaries and places; other braces stay."""
    for name, value in {**tokens(), **VALUES, **places}.items():
        text = text.replace("{" + name + "}", str(value))
    return text
