#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every PromQL of dashboards/ in a real Prometheus that scrapes what the program wrote (metrics.file), and promtool on the rules.

The program runs twice, over a few samples and over all; a small HTTP server gives Prometheus the one file and then the other, as a
node_exporter would. So counters have grown by what is known. Counters of an output in trouble are added to those that the program wrote.
"""
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "program"))
import harness  # noqa: E402

FOLDER = os.path.join(harness.root, "dashboards", "prometheus")
LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
SIMPLE = re.compile(r"^(?:8 \* )?sum(?: by \((?P<by>[\w, ]+)\))? ?\((?P<rate>rate\()?(?P<metric>starttap_\w+)\{(?P<filter>[^}]*)\}(?:\[\w+\]\))?\)(?P<positive> > 0)?$")
OUTPUTS = """starttap_output_events_total{{output="kafka"}} {0}
starttap_output_dropped_events_total{{output="kafka"}} {1}
starttap_output_refused_events_total{{output="kafka"}} {1}
starttap_output_queue_events{{output="kafka"}} {2}
starttap_output_queue_bytes{{output="kafka"}} {3}
"""
WAIT = 60


class Metrics:
    """A file of metrics: (name, labels) -> value."""

    def __init__(self, program, captures, outputs):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "starttap.prom")
            harness.run(program, "-r", *captures, "--set", "metrics.file=" + path)
            with open(path, encoding="utf-8") as file:
                self.text = self.written = file.read()
        self.text += OUTPUTS.format(*outputs)
        self.values = {}
        for line in self.text.splitlines():
            match = LINE.match(line)
            if match and not line.startswith("#"):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
                self.values[match[1], tuple(sorted(labels.items()))] = float(match[3])

    def of(self, name, **labels):
        return sum(v for (n, own), v in self.values.items() if n == name and labels.items() <= dict(own).items())


class Prometheus:
    def __init__(self, folder, metrics):
        self.text = metrics.text
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = outer.text.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.target = f"127.0.0.1:{self.server.server_port}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n  - job_name: starttap\n"
                       f"    static_configs: [{{targets: ['{self.target}']}}]\n")
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def query(self, expression):
        """A list of (labels, value); None: Prometheus refuses the expression."""
        data = urllib.parse.urlencode({"query": expression}).encode()
        try:
            with urllib.request.urlopen(self.url + "/api/v1/query", data, timeout=10) as answer:
                result = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            return print(f"  {expression}: {error.read().decode()[:300]}")
        except OSError:
            return []
        return [({k: v for k, v in one["metric"].items() if k not in ("__name__", "job")}, float(one["value"][1])) for one in result]

    def until(self, expression):
        for _ in range(WAIT * 5):
            if self.query(expression):
                return True
            time.sleep(0.2)
        return False

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.server.shutdown()


def expected(match, before, after, instance):
    """What `sum by (…) (rate(metric{…}))` must give: labels -> whether it is more than 0."""
    want, chosen = {}, re.search(r'kind=~"([^"]+)"', match["filter"])
    names = [name.strip() for name in (match["by"] or "").split(",") if name.strip()]
    for (name, own), value in after.values.items():
        labels = dict(own, instance=instance)
        if name != match["metric"] or (chosen and labels["kind"] not in chosen[1].split("|")):
            continue
        key = tuple((n, labels[n]) for n in names)
        grown = value - before.values.get((name, own), 0) if match["rate"] else value
        want[key] = want.get(key, False) or grown > 0
    return {key: more for key, more in want.items() if more or not match["positive"]}


def special(before, after):
    """Title -> value of the panels whose expression is not a plain sum."""

    def grown(name):
        return after.of(name) - before.of(name)

    return {
        "Since the last packet": lambda v: v > time.time() - after.of("starttap_last_packet_timestamp_seconds") - 60,
        "Packets lost": lambda v: v == 0,
        "Connections in one direction": lambda v: 0.8 < v / (grown("starttap_flows_one_sided_total") / grown("starttap_flows_created_total")) < 1.2,
        "Running since": lambda v: 0 <= v < 3600,
        "Versions": lambda v: v == 1,
    }


def check_panels(checks, server, before, after):
    with open(os.path.join(harness.root, "dashboards", "grafana", "sensors.json"), encoding="utf-8") as file:
        board = json.load(file)
    one_value, count = special(before, after), 0
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
            got, match, name = server.query(expression), SIMPLE.match(expression), f'panel "{panel["title"]}" {target["refId"]}'
            count += 1
            if match:
                want = expected(match, before, after, server.target)
                by = [key.strip() for key in (match["by"] or "").split(",") if key.strip()]
                checks.equal(name, {tuple((n, labels.get(n)) for n in by): value > 0 for labels, value in got or []}, want)
                checks.check(f"{name} is not empty", want)
                for field in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                    checks.check(f"{name}: its legend's {field}", field in by)
            else:
                good = got and len(got) == 1 and panel["title"] in one_value and one_value[panel["title"]](got[0][1])
                checks.check(name, good, f"{expression}: {got}")
    checks.check("there are panels", count > 20)


def alerts():
    with open(os.path.join(FOLDER, "starttap.rules.yml"), encoding="utf-8") as file:
        text = file.read()
    for name, one, block in re.findall(r"- alert: (\w+)\n +expr: (?:([^|\n]+)|\|\n((?: {10,}.*\n)+))", text):
        yield name, one or block


def check_alerts(checks, server, names):
    for name, expression in alerts():
        got = server.query(expression)
        checks.check(f"alert {name}", got is not None and bool(got) == (name in names), f"{got}")


def documented():
    """The expressions of METRICS.md."""
    with open(os.path.join(harness.root, "dashboards", "METRICS.md"), encoding="utf-8") as file:
        text = file.read()
    return re.findall(r"^\| [^|`]+ \| `([^`]+)` \|$", text[text.index("Useful expressions"):], re.M)


def main():
    options = harness.arguments(__doc__, every=True)
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        print("SKIP: prometheus is not installed, so no PromQL was run")
        return 0
    checks = harness.Checks()
    for words in ["check", "rules", "starttap.rules.yml"], ["check", "config", "prometheus.yml"], ["test", "rules", "starttap.test.yml"]:
        done = subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True)
        checks.check("promtool " + " ".join(words), done.returncode == 0, done.stdout + done.stderr)
    names = {name for name, _ in alerts()}
    with open(os.path.join(FOLDER, "starttap.test.yml"), encoding="utf-8") as file:
        checks.equal("every alert has a test", set(re.findall(r"alertname: (\w+)", file.read())), names)

    healthy = [path for path in options.captures if harness.name_of(path) in ("smtp-exim-tls12", "imap-implicit-tls13")]
    before = Metrics(options.program, healthy, (10, 0, 0, 0))
    after = Metrics(options.program, options.captures, (200, 5, 7, 9000))
    lines = subprocess.run(["promtool", "check", "metrics"], input=after.written, capture_output=True, text=True)
    checks.check("promtool check metrics", lines.returncode == 0, lines.stdout + lines.stderr)
    with tempfile.TemporaryDirectory() as folder:
        server = Prometheus(folder, before)
        try:
            checks.check("Prometheus scrapes", server.until("count_over_time(starttap_capture_packets_total[1m]) >= 3"))
            server.text = after.text
            packets = after.of("starttap_capture_packets_total")
            checks.check("and again", server.until(f"count_over_time((starttap_capture_packets_total == {packets})[1m:1s]) >= 3"))
            check_panels(checks, server, before, after)
            check_alerts(checks, server, {"StarttapBlind", "MailTampered", "MailCriticalFindings", "MailTlsFails", "StarttapOutputDrops", "StarttapOutputRefused"})
            for expression in documented():
                checks.check(f"METRICS.md: {expression}", server.query(expression), "returns nothing")
            server.server.shutdown()
            server.server.server_close()
            gone = dict(alerts())["StarttapGone"]
            checks.check("a machine that does not answer", server.until(gone))
        finally:
            server.stop()
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
