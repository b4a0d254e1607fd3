# SPDX-License-Identifier: Apache-2.0
"""One scenario from start to end: namespaces, servers, what is in the middle, taps, clients, and all of it gone again."""
import json
import shlex
import subprocess
import threading
import time
from pathlib import Path

import clients
import clients_mta
import dns
import packages
import servers
import servers_other
from canaries import fill
from spaces import SERVERS, LabError, LeftOut, Spaces, tail, wait_until
from taps import Taps

HERE = Path(__file__).parent
CLIENT_KINDS = {
    "swaks": clients.swaks, "s_client": clients.s_client, "gnutls-cli": clients.gnutls_cli, "tstclnt": clients.tstclnt,
    "curl": clients.curl, "python": clients.python, "java": clients.java, "script": clients.script, "msmtp": clients.msmtp,
    "mutt": clients.mutt, "fetchmail": clients.fetchmail, "program": clients.program, "wait": clients.wait,
    "postfix": clients_mta.postfix, "exim": clients_mta.exim,
}
CLIENT_PACKAGES = {"s_client": "openssl", "gnutls-cli": "gnutls-bin", "tstclnt": "libnss3-tools", "python": "python3",
                   "script": "python3", "java": "openjdk-17-jre-headless", "exim": "exim4-daemon-heavy", "program": "", "wait": ""}


def record(scenario, number, work, folder, pki, halt, watch=None):
    with Spaces(number, work, scenario.tunnel, bool(scenario.dns)) as spaces:
        spaces.typists = []
        start_servers(scenario, spaces, pki)
        start_middles(scenario, spaces, pki)
        said = []
        with Taps(spaces, scenario, folder, watch):
            time.sleep(0.1)
            for process, typing in spaces.typists:
                type_in(process, typing)
            run_clients(scenario, spaces, pki, folder, said, halt)
            time.sleep(scenario.settle)
        note(scenario, folder, said)
    if halt.is_set():
        raise LabError("interrupted")  # what was recorded is not whole
    keys = folder / "keys.log"
    if keys.exists() and not keys.stat().st_size:
        keys.unlink()


def start_servers(scenario, spaces, pki):
    if scenario.dns:
        process = spaces.start("server", "dns.example.org", ["python3", HERE / "dns.py", SERVERS["dns"],
                                                             json.dumps(dns.records(scenario.dns, pki))])
        wait_until(lambda: "ready" in process.log.read_text(), "dns.py does not start")
    for position, table in enumerate(scenario.servers):
        if table["kind"] not in servers_other.KINDS:
            raise LabError(f"no server is called {table['kind']}")
        servers_other.KINDS[table["kind"]](servers.Place(spaces, pki, table, position))


def start_middles(scenario, spaces, pki):
    """A program of middleboxes/ says `ready` when traffic may begin."""
    for table in scenario.middles:
        words = [fill(str(word), {"pki": pki.folder, "work": spaces.work, **SERVERS}) for word in table.get("arguments", [])]
        program = HERE / "middleboxes" / table["program"]
        process = spaces.start("middle", "middle.example.org", ["python3", "-u", program, *words])

        def ready(process=process, program=program):
            if process.poll() is not None:
                raise LabError(f"{program.name} ended: {tail(process.log)}")
            return "ready" in process.log.read_text().split()
        wait_until(ready, f"{program.name} does not get ready: {tail(process.log)}")


def type_in(process, typing):
    """What a test server sends by hand: when its first client is there is a matter of the scenario's pauses."""
    typist = subprocess.Popen(["bash", "-c", typing], stdout=process.stdin, stdin=subprocess.DEVNULL)
    threading.Thread(target=typist.wait, daemon=True).start()


def run_clients(scenario, spaces, pki, folder, said, halt):
    threads = []
    for position, table in enumerate(scenario.clients):
        if halt.is_set():
            return
        if table["kind"] not in CLIENT_KINDS:
            raise LabError(f"no client is called {table['kind']}")
        clients.be_host(spaces, table.get("host", "client"))
        for turn in range(table.get("times", 1)):
            caller = clients.Caller(spaces, pki, table, folder, f"{position}-{turn}")
            if table.get("meanwhile"):
                threads.append(threading.Thread(target=one_client, args=(caller, table, said)))
                threads[-1].start()
            else:
                one_client(caller, table, said)
            time.sleep(table.get("pause", 0.1))
    for thread in threads:
        thread.join()
    for line in said:
        if isinstance(line["problem"], LeftOut):
            raise line["problem"]
        if line["problem"]:
            raise LabError(line["problem"])


def one_client(caller, table, said):
    kind = table["kind"]
    try:
        status, output = CLIENT_KINDS[kind](caller)
        text = output.decode(errors="replace")
        fails = table.get("fails", False)
        right = fails == "any" or (status is not None and bool(status) == bool(fails))
        problem = "" if right else f"the client {kind} ended with status {status}: {text[-700:]}"
    except (LabError, OSError, subprocess.CalledProcessError) as error:
        status, text, problem = None, "", error if isinstance(error, LeftOut) else f"the client {kind}: {error}"
    said.append({"kind": kind, "status": status, "output": text, "problem": problem})


def note(scenario, folder, said):
    """What README rows are made of, and what the clients said: proof of what the capture shows."""
    with open(folder / "clients.log", "w", encoding="utf-8") as log:
        for line in said:
            log.write(f"== {line['kind']}, status {line['status']}\n{line['output']}\n")
    kinds = {servers_other.PACKAGES[table["kind"]] for table in scenario.servers}
    kinds |= {CLIENT_PACKAGES.get(table["kind"], table["kind"]) for table in scenario.clients}
    for table in scenario.clients:
        if table["kind"] == "program":
            words = table["arguments"] if isinstance(table["arguments"], list) else shlex.split(table["arguments"])
            kinds.add("openssl" if words[0] == "openssl" else words[0])
    facts = {"shows": scenario.shows, "taps": scenario.taps, "packages": sorted(packages.version(k) for k in kinds if k),
             "middle": [table["program"] for table in scenario.middles]}
    (folder / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")
