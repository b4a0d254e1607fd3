#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""EVE, CEF, LEEF and OCSF say of each finding what ECS says of it, event for event, and whatever bytes are on the wire they
arrive as valid records: read back by strict readers (siem_lines.py, json), in the order and number of the ECS findings.
"""
import json
import os
import sys
import tempfile
from datetime import datetime

import dialogues
import siem_lines
from harness import Checks, arguments, get, name_of, pcapio, root, run, trust
from json_schema import violations
from test_utf8 import HOSTILE, dialogues_with, tls_with

MORE = {
    "delimiters": b"|\\=^ cs1=x\\|msg=y externalId=z|rt=1 cnt=9^eventCount=7\\n<134>1 - - [a@1 b=\"c\"] \t",
    "64 KiB": b"a" * 65536,
    "nul": b"mx\0.example\0.org",
}
CEF_SEVERITY = {"info": 1, "low": 3, "medium": 5, "high": 8, "critical": 10}
EVE_PRIORITY = {"info": 3, "low": 3, "medium": 2, "high": 1, "critical": 1}
OCSF_SEVERITY = {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
EVE_TOP = {
    "timestamp": str, "flow_id": int, "in_iface": str, "pcap_filename": str, "pcap_cnt": int, "event_type": str, "vlan": list,
    "src_ip": str, "src_port": int, "dest_ip": str, "dest_port": int, "proto": str, "ip_v": int, "app_proto": str,
    "app_proto_orig": str, "community_id": str, "host": str, "tls": dict, "alert": dict, "flow": dict, "stats": dict,
}  # fmt: skip
OCSF_MUST = "activity_id category_uid class_uid metadata severity_id time type_uid finding_info".split()
LONG = 1023


def ms(text):
    """Of the program's times: milliseconds since 1970, cut."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return int(datetime.fromisoformat(whole + "+00:00").timestamp()) * 1000 + int(fraction[:3])


def cut(text, most=LONG):
    data = text.encode()
    if len(data) > most:
        data = data[:most]
        while True:
            try:
                data.decode()
                break
            except UnicodeDecodeError:
                data = data[:-1]
    return data.decode()


def one_line(text):
    return text.replace("\u2028", "\ufffd").replace("\u2029", "\ufffd")


def shown(event):
    """What every format must say of a finding; texts as long as they may be."""
    finding = event["mailtls"]["finding"]
    return {
        "rule": event["rule"]["id"], "name": event["rule"]["name"], "id": event["event"]["id"], "uid": finding["uid"],
        "session": finding["session_id"], "community": event["network"]["community_id"], "severity": finding["severity"],
        "confidence": finding["confidence"], "attribution": finding["attribution"], "count": finding["count"],
        "ms": ms(event["@timestamp"]), "src": event["source"]["ip"], "spt": event["source"]["port"],
        "dst": event["destination"]["ip"], "dpt": event["destination"]["port"], "explanation": finding["explanation"],
        "fix": finding.get("fix", ""),
    }  # fmt: skip


def compare_cef(line, e):
    fields, pairs = siem_lines.cef(line)
    six = ":" in e["src"]
    return {
        "header": (fields[1:3] + fields[4:], ["starttap", "starttap", e["rule"], e["name"], str(CEF_SEVERITY[e["severity"]])]),
        "src": (pairs.get("c6a2" if six else "src"), e["src"]), "dst": (pairs.get("c6a3" if six else "dst"), e["dst"]),
        "ports": (pairs.get("spt", "") + " " + pairs.get("dpt", ""), f"{e['spt']} {e['dpt']}"),
        "rt": (pairs.get("rt"), str(e["ms"])), "externalId": (pairs.get("externalId"), e["id"]), "cnt": (pairs.get("cnt"), str(e["count"])),
        "cs1": (pairs.get("cs1"), e["community"]), "cs2": (pairs.get("cs2"), e["session"]), "cs3": (pairs.get("cs3"), e["uid"]),
        "labels": ([k for k in pairs if k[:2] in ("cs", "cn", "c6") and k != "cnt" and k[-5:] != "Label" and k + "Label" not in pairs], []),
        "cn1": (pairs.get("cn1"), str(e["confidence"])), "reason": (pairs.get("reason"), e["attribution"]),
        "msg": (pairs.get("msg"), one_line(cut(e["explanation"]))), "cs6": (pairs.get("cs6", ""), one_line(cut(e["fix"]))),
    }  # fmt: skip


def compare_leef(line, e):
    fields, pairs = siem_lines.leef(line)
    safe = lambda text: one_line(cut(text)).replace("^", "_")  # noqa: E731
    return {
        "header": (fields[1:3] + fields[4:], ["starttap", "starttap", e["rule"], "^"]),
        "ends": ([pairs.get(k) for k in ("src", "srcPort", "dst", "dstPort")], [e["src"], str(e["spt"]), e["dst"], str(e["dpt"])]),
        "devTime": (pairs.get("devTime"), str(e["ms"])), "eventUid": (pairs.get("eventUid"), e["id"]),
        "eventCount": (pairs.get("eventCount"), str(e["count"])), "sev": (pairs.get("sev"), str(CEF_SEVERITY[e["severity"]])),
        "ids": ([pairs.get(k) for k in ("communityId", "sessionId", "findingUid")], [e["community"], e["session"], e["uid"]]),
        "msg": (pairs.get("msg"), safe(e["explanation"])), "fix": (pairs.get("fix", ""), safe(e["fix"])),
        "cat": (pairs.get("cat"), safe(e["name"])),
    }  # fmt: skip


def compare_eve(line, e):
    event = json.loads(line.decode("utf-8"))
    alert, meta = event["alert"], event["alert"]["metadata"]
    return {
        "ends": ([event[k] for k in ("src_ip", "src_port", "dest_ip", "dest_port")], [e["src"], e["spt"], e["dst"], e["dpt"]]),
        "time": (ms(event["timestamp"].removesuffix("+0000") + "Z"), e["ms"]), "community_id": (event["community_id"], e["community"]),
        "signature": (alert["signature"], f"starttap {e['rule']}: {e['name']}"), "severity": (alert["severity"], EVE_PRIORITY[e["severity"]]),
        "number": (1900000 < alert["signature_id"] < 1950000, True), "words": (alert["category"] != "", True),
        "metadata": ([meta[k] for k in ("starttap_event_id", "starttap_count", "starttap_finding_uid", "starttap_session_id", "explanation")],
                     [[e["id"]], [str(e["count"])], [e["uid"]], [e["session"]], [e["explanation"]]]),
    }  # fmt: skip


def compare_ocsf(line, e):
    event = json.loads(line.decode("utf-8"))
    evidence, info = event["evidences"][0], event["finding_info"]
    told_again = event["unmapped"]["update"] > 0
    return {
        "must": ([k for k in OCSF_MUST if k not in event], []), "class": ([event["class_uid"], event["category_uid"]], [2004, 2]),
        "activity": ([event["activity_id"], event["type_uid"]], [2, 200402] if told_again else [1, 200401]),
        "severity": (event["severity_id"], OCSF_SEVERITY[e["severity"]]), "time": (event["time"], e["ms"]), "count": (event["count"], e["count"]),
        "ids": ([event["metadata"]["uid"], info["uid"], evidence["connection_info"]["community_uid"]], [e["id"], e["uid"], e["community"]]),
        "product": (bool(event["metadata"]["product"] and event["metadata"]["version"]), True),
        "texts": ([info["title"], info["desc"], event.get("remediation", {}).get("desc", "")], [e["name"], e["explanation"], e["fix"]]),
        "ends": ([evidence["src_endpoint"], evidence["dst_endpoint"]], [{"ip": e["src"], "port": e["spt"]}, {"ip": e["dst"], "port": e["dpt"]}]),
    }  # fmt: skip


COMPARE = {"cef": compare_cef, "leef": compare_leef, "eve": compare_eve, "ocsf": compare_ocsf}


def lines_of(checks, label, options, path, words, form):
    process = run(options.program, "-r", path, "-q", "--all-tls", "--min-severity", "info", "--format", form, *words)
    checks.check(f"{label}: status", process.returncode == 0, f"{process.returncode} {process.stderr[-300:]!r}")
    checks.check(f"{label}: whole lines", process.stdout == b"" or process.stdout.endswith(b"\n"))
    return process.stdout.split(b"\n")[:-1]


def check_eve(checks, label, lines, sessions):
    """The closed top level, and a tls or flow line for each session. Returns the alerts."""
    alerts, kinds, ids = [], {"tls": 0, "flow": 0, "alert": 0, "stats": 0}, set()
    for line in lines:
        event = json.loads(line.decode("utf-8"))
        kinds[event["event_type"]] += 1
        wrong = [k for k, v in event.items() if not isinstance(v, EVE_TOP.get(k, ()))]
        checks.check(f"{label}: only fields of EVE", not wrong, f"{wrong} in {line[:300]!r}")
        checks.check(f"{label}: an object of its type", event["event_type"] in event)
        if "flow_id" in event:
            checks.check(f"{label}: flow_id", 0 <= event["flow_id"] < 2**51, str(event["flow_id"]))
            ids.add(event["flow_id"])
        if event["event_type"] == "alert":
            alerts.append(line)
    said = [s for s in sessions if s["mailtls"].get("tls", {}).get("client") or s.get("tls", {}).get("version")]
    checks.check(f"{label}: a flow each", kinds["flow"] == len(sessions), f"{kinds} {len(sessions)}")
    checks.check(f"{label}: a tls each", kinds["tls"] == len(said), f"{kinds} {len(said)}")
    checks.check(f"{label}: one flow_id each", len(ids) == len({s["mailtls"]["session"]["id"] for s in sessions}))
    return alerts


def check(checks, options, label, path, words=()):
    ecs = [json.loads(line) for line in lines_of(checks, label + " ecs", options, path, words, "ecs")]
    findings = [e for e in ecs if e["event"]["dataset"] == "mailtls.finding"]
    sessions = [e for e in ecs if e["event"]["dataset"] == "mailtls.session" and not get(e, "mailtls.open")]
    for form, compare in COMPARE.items():
        name = f"{label} {form}"
        lines = lines_of(checks, name, options, path, words, form)
        if form == "eve":
            lines = check_eve(checks, name, lines, sessions)
        checks.check(f"{name}: as many findings", len(lines) == len(findings), f"{len(lines)}, not {len(findings)}")
        for line, event in zip(lines, findings):
            try:
                compared = compare(line, shown(event))
            except (ValueError, KeyError) as error:
                checks.check(f"{name}: valid", False, f"{error!r} in {line[:400]!r}")
                continue
            for field, (got, want) in compared.items():
                checks.check(f"{name}: {field}", got == want, f"{got!r:.300}, not {want!r:.300}")
    return findings


def check_capped(checks, options, schema, capture):
    """Cut to a receiver's limit an event is still one by the schema, and says what is not in it."""
    label = name_of(capture)
    every = run(options.program, "-q", "-r", capture, *trust(capture), "--all-tls").stdout.splitlines()
    for most in (8000, 4000, 2048, 1500):
        cut = run(options.program, "-q", "-r", capture, *trust(capture), "--all-tls", "-o", f"-?max_bytes={most}").stdout.splitlines()
        checks.check(f"{label} {most}: all are there", len(cut) == len(every))
        for line, whole in zip(cut, every):
            event, was = json.loads(line), json.loads(whole)
            wrong = violations(schema, event)
            checks.check(f"{label} {most}: by the schema", not wrong, "; ".join(wrong[:3]))
            checks.check(f"{label} {most}: fits", len(line) <= most, str(len(line)))
            checks.check(f"{label} {most}: is said", ("truncated" in event["mailtls"]) == (len(whole) > most) and (len(whole) > most or line == whole))
            checks.check(f"{label} {most}: the same event", event["event"]["id"] == was["event"]["id"])
            checks.check(f"{label} {most}: more than that it was", most < 2048 or event["mailtls"].get("truncated") != ["all"], f"{len(whole)}")


def main():
    options = arguments(__doc__)
    checks = Checks()
    with open(os.path.join(root, "src", "event", "schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    for capture in options.captures:
        check(checks, options, name_of(capture), capture, trust(capture))
        check_capped(checks, options, schema, capture)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "hostile.pcap")
        found = 0
        for kind, hostile in {**HOSTILE, **MORE}.items():
            segments = []
            for number, (port, lines) in enumerate({**dialogues_with(hostile), **tls_with(hostile)}.values()):
                parts = [(side, data[at : at + 8000]) for side, data in lines for at in range(0, len(data), 8000)]
                segments += dialogues.session(port, parts, number)
            pcapio.write(path, dialogues.capture(segments))
            sensor = hostile.replace(b"\0", b"").decode("utf-8", "replace")[:300]
            found += len(check(checks, options, kind, path, ["--set", f"sensor.name={sensor}"] if kind in ("delimiters", "separators") else []))
        checks.check("hostile captures have findings", found > 50, str(found))

        again = [("S", b"220 mx.example.org ESMTP\r\n"), ("C", b"EHLO c|=^\r\n"), ("S", b"250 mx.example.org\r\n"),
                 ("C", b"AUTH PLAIN AHUAU0VDUkVU\r\n"), ("S", b"235 ok\r\n")]  # fmt: skip
        segments = [s for number in range(5) for s in dialogues.session(587, again, number)]
        pcapio.write(path, dialogues.capture(segments))
        counts = [get(e, "mailtls.finding.count") for e in check(checks, options, "repeated", path, ["--set", "findings.interval=1h"])]
        checks.check("a count is told", 5 in counts, str(counts))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
