#!/usr/bin/env python3
"""Holds the JSON API to its own description: starts a real `serve` on a fresh directory with the demo's banks, and lets
schemathesis make requests of `/v1/openapi.json`, as a bank, as the operator and as a validator.

    python3 tests/schema/run.py [--feiqian target/debug/feiqian] [--required] [schemathesis options…]

What is checked, and what is left out and why, stands in schemathesis.toml beside this file. Exits with 1 where an answer is
not as described; says that it skips, and exits with 0, where schemathesis can't be had, unless it is `--required`. Needs
nothing but Python 3.10; never calls another host than the loopback one that it has started.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path
from string import Template

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
# The bank that calls: it has two currencies, so that it can trade.
BANK = "BNKEXXAAXXX"
SEED = 20
# Seconds for a start, a stop or a small command on a busy machine.
PATIENCE_S = 60

CONFIGURATION = """\
[engine]
seal_interval_ms = 20
segment_bytes = 8388608
snapshot_blocks = 5
[http]
listen = "127.0.0.1:0"
[wire]
listen = "127.0.0.1:0"
[api]
listen = "127.0.0.1:0"
identities = "identities.toml"
"""

# Who calls: a name, the participant that it acts for, its roles, and requests for each route and phase at the most.
CALLERS = [
    ("bank", BANK, ["submitter", "viewer"], 25),
    ("operator", None, ["operator", "auditor"], 8),
    ("validator", None, ["validator"], 4),
]


def schemathesis():
    """The path of the program; None where it can't be had."""
    venv = TARGET / "venv"
    program = venv / "bin" / "schemathesis"
    try:
        if not (venv / "bin" / "pip").exists():
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
        install = [venv / "bin" / "pip", "install", "-q", "-r", HERE / "requirements.txt"]
        subprocess.run(install, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return program


class House:
    """A data directory of its own with the demo's banks, and the program run on it."""

    def __init__(self, program):
        self.program = program.resolve()
        self.root = TARGET / "schema" / str(os.getpid())
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        banks = (REPOSITORY / "config/demo/participants.toml").read_text()
        (self.root / "participants.toml").write_text(banks.replace("hosted_accounts = 1250", "hosted_accounts = 2"))
        (self.root / "feiqian.toml").write_text(CONFIGURATION)
        self.run("init", "--participants", "participants.toml")

    def command(self, *arguments):
        return [self.program, "--json", "--data", "data", "--config", "feiqian.toml", *arguments]

    def run(self, *arguments):
        done = subprocess.run(
            self.command(*arguments), cwd=self.root, check=True, timeout=PATIENCE_S, stdout=subprocess.PIPE, text=True
        )
        return json.loads(done.stdout)

    def trade(self):
        """A day's business, so that requests meet something; gives the ids that the requests may name."""
        paid, kept, held, queued = (str(uuid.UUID(int=n, version=4)) for n in (1, 2, 3, 4))
        rate = ["EUR/USD", "1.08", "1.10", "--size", "1000000.00", "--valid", "3600"]
        self.run("fx", "publish", *rate, *signed("BNKBXXAA"))
        self.run("pay", "BNKEXXAA/EUR", "BNKBXXAA/EUR", "12.50", "--uetr", paid)
        self.run("cycle", "close")
        self.run("cycle", "settle")
        self.run("pay", "BNKBXXAA/EUR", "BNKEXXAA/EUR", "20.00", "--uetr", kept)
        self.run("pay", "BNKEXXAA/EUR", "BNKBXXAA/EUR", "30.00", "--uetr", held, "--hold")
        self.run("pay", "BNKEXXAA/EUR", "BNKBXXAA/EUR", "40.00", "--uetr", queued, "--queue", "--after", "3600")
        asked = ["EUR/USD", "--provider", "BNKBXXAA", "--pay", "10.00", "--valid", "3600"]
        quote = self.run("fx", "quote", *asked, *signed("BNKEXXAA"))
        return {"PAID": paid, "RECEIVED": kept, "HELD": held, "QUEUED": queued, "QUOTE": quote["quote"]}

    def know(self, callers):
        """Names the callers in the file of identities; gives the API key of each."""
        text, keys = "", {}
        for name, participant, roles, _ in callers:
            made = self.run("keys", "api", *roles)
            keys[name] = made["api_key"]
            text += f'[[caller]]\nname = "{name}"\nroles = {json.dumps(roles)}\n'
            text += f'participant = "{participant}"\n' if participant else ""
            text += made["entry"]
        (self.root / "data/identities.toml").write_text(text)
        return keys

    def serve(self):
        """Starts the server; gives its process and the address of the API."""
        with (self.root / "serve.log").open("w") as log:
            process = subprocess.Popen(
                self.command("serve"), cwd=self.root, stdout=subprocess.PIPE, stderr=log, text=True
            )
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"serve ended at its start: {(self.root / 'serve.log').read_text()}")
        return process, json.loads(line)["api"]


def signed(bic):
    """Under the TEST KEY of this bank of the demo."""
    return "--as", bic, "--test-key"


def ask(address, key, path, body):
    """Posts JSON; gives the answer's."""
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}{path}", json.dumps(body).encode(), head)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def scanned(address, key):
    """A QR code and a token of the bank's, as they are scanned."""
    amount = {"amount": "2.50", "currency": "EUR"}
    shop = {"name": "TEA HOUSE", "city": "LYON", "country": "FR"}
    code = ask(address, key, "/codes", {"creditor": f"{BANK}/EUR", **shop})
    token = ask(address, key, "/tokens", {"debtor": f"{BANK}/EUR", "limit": amount, "expires_s": 3600})
    return {"CODE": code["payload"], "TOKEN": token["payload"]}


def stop(process):
    """Ends the server by its id; True where it had lived so long and ends well."""
    lived = process.poll() is None
    process.terminate()
    try:
        return process.wait(PATIENCE_S) == 0 and lived
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def check(program, house, address, known, examples, options):
    """One run for one caller; True where every answer was as described."""
    settings = house.root / "schemathesis.toml"
    settings.write_text(Template((HERE / "schemathesis.toml").read_text()).substitute(known))
    command = [program, "--config-file", settings, "run", f"{address}/openapi.json"]
    command += ["--seed", str(SEED), "--max-examples", str(examples), *options]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, cwd=house.root, env=environment, check=False).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--feiqian", type=Path, default=TARGET / "debug" / "feiqian", help="the program")
    parser.add_argument("--required", action="store_true", help="fail where schemathesis can't be had")
    arguments, options = parser.parse_known_args()
    program = schemathesis()
    if program is None:
        print("skipped: schemathesis could not be installed from tests/schema/requirements.txt into target/venv")
        return 1 if arguments.required else 0
    if not arguments.feiqian.is_file():
        parser.error(f"{arguments.feiqian} is not there: cargo build")
    house = House(arguments.feiqian)
    # So that the server is stopped too where this is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    known = house.trade()
    keys = house.know(CALLERS)
    process, address = house.serve()
    begun = time.monotonic()
    try:
        known |= scanned(address, keys["bank"])
        failed = [
            name
            for name, _, _, examples in CALLERS
            if not check(program, house, address, {**known, "API_KEY": keys[name]}, examples, options)
        ]
    finally:
        ended_well = stop(process)
    print(f"the API against its description: {time.monotonic() - begun:.0f} s, seed {SEED}")
    if failed or not ended_well:
        print(f"failed as {failed}, serve ended well: {ended_well}; left in {house.root}")
        return 1
    shutil.rmtree(house.root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
