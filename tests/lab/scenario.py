# SPDX-License-Identifier: Apache-2.0
"""A scenario: one short TOML file that says who talks to whom through what, and what starttap must and must not report.

Read and checked here, so that a misspelt key is found before anything starts. README.md explains every key.
"""
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "scenarios"
TAPS = ("client", "server", "both", "mirror", "mirror-twice", "client-half", "server-half", "lossy")
KEYS = {"shows", "short", "taps", "tunnel", "dns", "lose", "settle", "starttap", "server", "middle", "client", "expect"}
SERVER_KEYS = {"kind", "host", "ports", "implicit", "certificate", "settings", "sasl", "arguments", "script", "scripts",
               "late", "ip6"}
CLIENT_KEYS = {"kind", "host", "arguments", "settings", "say", "script", "fails", "times", "pause", "timeout", "meanwhile",
               "messages"}
# What a session with nothing wrong has none of, as "@healthy" among what must be absent.
HEALTHY = ["cert.*>=low", "auth.cleartext", "auth.before_starttls", "auth.login_*", "auth.bruteforce_*", "tls.alert",
           "starttls.not_offered", "starttls.offered_not_used", "tls.downgrade.*", "inject.*", "mitm.*"]
EXPECT_KEYS = {"tap", "sessions", "findings", "absent", "may", "waits", "any_order"}


class BadScenario(Exception):
    pass


@dataclass
class Scenario:
    name: str
    shows: str
    short: bool
    taps: list
    servers: list
    middles: list
    clients: list
    expects: list
    tunnel: str = ""
    dns: list = field(default_factory=list)
    lose: dict = field(default_factory=dict)
    settle: float = 0.3
    starttap: list = field(default_factory=list)

    def expect(self, tap):
        """What is expected at a tap: the block with its name, else the one for every tap."""
        for block in self.expects:
            if block.get("tap", "") == tap:
                return block
        for block in self.expects:
            if "tap" not in block:
                return block
        return None


def check(name, table, allowed):
    unknown = set(table) - allowed
    if unknown:
        raise BadScenario(f"{name}: unknown key {', '.join(sorted(unknown))}")


def load(path):
    name = path.stem
    try:
        table = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise BadScenario(f"{path}: {error}") from error
    check(name, table, KEYS)
    middles = table.get("middle", [])
    middles = middles if isinstance(middles, list) else [middles]
    taps = table.get("taps", ["client", "server"] if middles else ["client"])
    for tap in taps:
        if tap not in TAPS:
            raise BadScenario(f"{name}: no tap is called {tap}")
    for server in table.get("server", []):
        check(name, server, SERVER_KEYS)
    for client in table.get("client", []):
        check(name, client, CLIENT_KEYS)
    for block in table.get("expect", []):
        check(name, block, EXPECT_KEYS)
        if "@healthy" in block.get("absent", []):
            block["absent"] = HEALTHY + [rule for rule in block["absent"] if rule != "@healthy"]
        if block.get("tap", taps[0]) not in taps:
            raise BadScenario(f"{name}: expects something of a tap that is not there, {block['tap']}")
    if "shows" not in table or not table.get("expect"):
        raise BadScenario(f"{name}: needs shows and expect")
    return Scenario(name, table["shows"], table.get("short", False), taps, table.get("server", []), middles,
                    table.get("client", []), table["expect"], table.get("tunnel", ""), table.get("dns", []),
                    table.get("lose", {}), table.get("settle", 0.3), table.get("starttap", []))


def load_all(names=(), short=False):
    """The scenarios asked for, in order of their names."""
    if names:
        paths = [FOLDER / f"{Path(name).stem}.toml" for name in names]
        for path in paths:
            if not path.exists():
                raise BadScenario(f"there is no scenario {path.stem}")
    else:
        paths = sorted(FOLDER.glob("*.toml"))
    loaded = [load(path) for path in paths]
    return [scenario for scenario in loaded if scenario.short or not short]
