#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab's own judgement, without recording anything: a wrong expectation is found, a right one is not, secrets are seen.

Needs neither root nor a capture; run by hand or by CTest.
"""
import fnmatch
import importlib.machinery
import importlib.util
import re
import struct
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import canaries  # noqa: E402
import records  # noqa: E402
import scenario as scenarios  # noqa: E402
import taps  # noqa: E402

# Rules that look at several sessions or at DNS; their texts come with their detectors.
LATER = {"starttls.plaintext_fallback", "starttls.stripped", "starttls.suspected_stripped", "starttls.support_lost",
         "tls.downgrade.version_dance", "tls.version.server_regression", "tls.version.client_regression", "cert.issuer_changed",
         "cert.key_changed", "mitm.tcp_fingerprint_shift", "policy.dane_mismatch", "policy.dane_violation", "policy.dane_*"}


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, str(HERE / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


check, compare_runs, compare_live = script("check"), script("compare_runs"), script("compare_live")
SESSION = {"@timestamp": "2026-01-01T00:00:00.000000Z", "source": {"ip": "198.51.100.10", "port": 40000}, "message": "smtp",
           "mailtls": {"mode": "starttls", "tls": {"alerts": [{"code": 48, "side": "client", "encrypted": False}]},
                       "notes": ["starttls.upgraded"], "capture": {"sides": "both", "first_frame": 1}, "session": {"id": "a"}}}


class Scenarios(unittest.TestCase):
    def test_all_files_are_read_and_the_short_set_is_short(self):
        everything = scenarios.load_all()
        self.assertGreaterEqual(len(everything), 80)
        self.assertGreaterEqual(sum(one.short for one in everything), 20)
        self.assertLessEqual(sum(one.short for one in everything), 30)

    def test_unknown_keys_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "wrong.toml"
            path.write_text('shows = "x"\n[[client]]\nkind = "swaks"\nargument = "no"\n[[expect]]\n')
            with self.assertRaises(scenarios.BadScenario):
                scenarios.load(path)

    def test_rules_are_known(self):
        known = set(LATER)
        for file in (records.ROOT / "src" / "data" / "findings").glob("*.txt"):
            known.update(re.findall(r"^\[([a-z0-9_.]+)\]", file.read_text(), re.M))
        if known == LATER:
            self.skipTest("no texts of findings in this tree")
        for one in scenarios.load_all():
            for block in one.expects:
                for word in (word for key in ("findings", "absent", "may", "waits") for word in block.get(key, [])):
                    rule, _, severity = word.partition(">=")
                    self.assertTrue(fnmatch.filter(known, rule) or rule in LATER, f"{one.name}: {rule}")
                    self.assertIn(severity or "low", records.SEVERITIES, one.name)


class Judgement(unittest.TestCase):
    def test_fields(self):
        self.assertTrue(check.same("starttls", "starttls"))
        self.assertFalse(check.same("mixed", "starttls"))
        self.assertTrue(check.same("Exim 4.96", "~Exim"))
        self.assertFalse(check.same(None, "~"))
        self.assertTrue(check.same(None, "-"))
        self.assertFalse(check.same(False, "-"))
        self.assertTrue(check.same(["a", "b"], ["b"]))
        self.assertFalse(check.same(["a"], ["b"]))

    def test_sessions(self):
        right = {"sessions": [{"mailtls.mode": "starttls", "mailtls.tls.alerts.0.code": 48}]}
        self.assertEqual(list(check.compare_sessions([SESSION], right)), [])
        for wrong in ({"mailtls.mode": "mixed"}, {"mailtls.tls.alerts.1.code": 48}, {"mailtls.nothing": True}):
            self.assertEqual(len(list(check.compare_sessions([SESSION], {"sessions": [wrong]}))), 1)
        self.assertEqual(len(list(check.compare_sessions([SESSION, SESSION], right))), 1)

    def test_findings(self):
        found = {"starttls.refused": "high", "tls.alert": "medium", "tls.sni.missing": "info"}
        good = {"findings": ["starttls.refused>=medium", "tls.sni.missing"], "may": ["tls.alert"], "absent": ["mitm.*"]}
        self.assertEqual(list(check.compare_findings(found, good)), [])
        for wrong in ({**good, "may": []}, {**good, "absent": ["tls.sni.*"]}, {**good, "findings": ["inject.*"]},
                      {**good, "findings": ["starttls.refused>=critical"]}):
            self.assertTrue(list(check.compare_findings(found, wrong)), wrong)

    def test_severities_of_what_must_be_absent(self):
        found = {"cert.name_mismatch": "info"}
        self.assertEqual(list(check.compare_findings(found, {"absent": ["cert.*>=low"]})), [])
        self.assertTrue(list(check.compare_findings(found, {"absent": ["cert.*"]})))
        self.assertTrue(list(check.compare_findings({"cert.name_mismatch": "low"}, {"absent": ["cert.*>=low"]})))

    def test_what_waits_is_no_error_until_it_is_found(self):
        block = {"findings": ["tls.alert"], "waits": ["starttls.plaintext_fallback>=medium"]}
        found = {"tls.alert": "medium"}
        for severity, still in ((None, True), ("low", True), ("medium", False), ("high", False)):
            seen = {**found, **({"starttls.plaintext_fallback": severity} if severity else {})}
            self.assertEqual(check.waiting(seen, block), ["starttls.plaintext_fallback"] if still else [], severity)
            self.assertEqual(bool(list(check.compare_findings(seen, block))), not still, severity)

    def test_a_finding_written_again_counts_as_it_was_last(self):
        def finding(severity, number):
            return {"event": {"id": str(number)}, "rule": {"id": "tls.alert"},
                    "mailtls": {"finding": {"uid": "u", "severity": severity, "update": number}}}
        last = records.latest([finding("low", 0), finding("high", 1)])
        self.assertEqual(records.observed([SESSION], last), {"starttls.upgraded": "info", "tls.alert": "high"})


class Secrets(unittest.TestCase):
    def test_each_form_is_seen(self):
        for value in (*canaries.VALUES.values(), *canaries.tokens().values()):
            self.assertTrue(canaries.leaks(f'{{"x":"{value}"}}'), value)
        self.assertTrue(canaries.leaks(canaries.VALUES["password"].encode().hex()))
        self.assertFalse(canaries.leaks('{"host":"client.example.org","mechanism":"PLAIN"}'))


class TwoRuns(unittest.TestCase):
    def test_chance_is_taken_out_and_facts_are_not(self):
        other = {**SESSION, "@timestamp": "2027-01-01T00:00:00.000000Z", "source": {"ip": "198.51.100.10", "port": 50000}}
        self.assertEqual(compare_runs.normal(SESSION), compare_runs.normal(other))
        changed = {**SESSION, "mailtls": {**SESSION["mailtls"], "mode": "mixed"}}
        self.assertNotEqual(compare_runs.normal(SESSION), compare_runs.normal(changed))


class Live(unittest.TestCase):
    def test_the_place_of_capture_is_taken_out_and_facts_are_not(self):
        def finding(file, frame, offset, code):
            return {"rule": {"id": "auth.cleartext"}, "source": {"port": 40000}, "mailtls": {"finding": {
                "evidence": [{"file": file, "frame": frame, "offset": offset}], "values": [{"name": "code", "value": code}]}}}
        here, there = finding("mc", 7, 12, "235"), finding("client.pcap", 8, 12, "")
        self.assertEqual(compare_live.normal(here), compare_live.normal(there))
        self.assertNotEqual(compare_live.normal(here), compare_live.normal(finding("mc", 7, 13, "235")))
        other = {**SESSION, "source": {"ip": "198.51.100.10", "port": 50000}}
        self.assertNotEqual(compare_live.normal(SESSION), compare_live.normal(other))


def frame(client, payload):
    addresses = bytes((198, 51, 100, 10)), bytes((192, 0, 2, 25))
    source, target = addresses if client else addresses[::-1]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0) + source + target
    return bytes(12) + b"\x08\x00" + ip + bytes(12) + b"\x50\x10" + bytes(6) + payload


class Losses(unittest.TestCase):
    def test_frames_with_data_are_counted_for_each_side(self):
        made = [frame(False, b""), frame(False, b"one"), frame(True, b"two"), frame(False, b"three"), frame(False, b"four")]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tap.pcap"
            for what, kept in (({"server": [2]}, [0, 1, 2, 4]), ({"client": [1]}, [0, 1, 3, 4]), ({"after": 2}, [0, 1])):
                path.write_bytes(taps.pcapio.pcap(1, [taps.pcapio.Frame(n, data) for n, data in enumerate(made)]))
                taps.lose(path, what)
                self.assertEqual([f.data for f in taps.pcapio.read(path)[1]], [made[n] for n in kept], what)


if __name__ == "__main__":
    unittest.main()
