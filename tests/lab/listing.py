# SPDX-License-Identifier: Apache-2.0
"""The table of recordings: a README.md beside them, a row a scenario, with packages, versions and the banners in the captures."""
import json
import re

from taps import pcapio

HEAD = """# Recordings of the lab

Made by `tests/lab/run`; every scenario is a file in `tests/lab/scenarios`. `ca.pem` is the authority that plays a public one,
`keys.log` beside a capture opens its TLS 1.3, `clients.log` is what the clients said, `CANARIES.txt` lists the made-up
secrets that cross in clear.

| scenario | what it shows | taps | packages | banner |
|---|---|---|---|---|
"""
GREETING = re.compile(rb'(?:220[ -]|\+OK|\* OK|\* PREAUTH|554 |"IMPLEMENTATION")[\x20-\x7e]*(?=\r\n)')
FRAMES = 60


def banner(folder, taps):
    """The first line of the first greeting in clear, if there was one."""
    for path in sorted(folder.glob(f"{taps[0]}.pcap*")):
        for frame in pcapio.read(path)[1][:FRAMES]:
            found = GREETING.search(frame.data)
            if found:
                return found.group().decode()[:70].replace("|", "\\|")
    return ""


def write(out):
    rows = []
    for facts_file in sorted(out.glob("*/facts.json")):
        facts = json.loads(facts_file.read_text())
        if "banner" not in facts:
            facts["banner"] = banner(facts_file.parent, facts["taps"])
            facts_file.write_text(json.dumps(facts, indent=1) + "\n")
        packages = ", ".join(facts["packages"] + facts["middle"])
        rows.append(f"| `{facts_file.parent.name}` | {facts['shows']} | {', '.join(facts['taps'])} | {packages} | "
                    f"{'`' + facts['banner'] + '`' if facts['banner'] else ''} |\n")
    (out / "README.md").write_text(HEAD + "".join(rows))
