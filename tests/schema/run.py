#!/usr/bin/env python3
"""Holds the JSON API to its own description: starts a real `serve` on a fresh directory with the demo's banks, and lets
schemathesis make requests of `/v1/openapi.json`, as a bank, as the operator and as a validator.

    python3 tests/schema/run.py [--feiqian target/debug/feiqian] [--required] [schemathesis options…]

What is checked, and what is left out and why, stands in schemathesis.toml beside this file. Exits with 1 where an answer is
not as described; says that it skips, and exits with 0, where schemathesis can't be had, unless it is `--required`. Needs
nothing but Python 3.10; never calls another host than the loopback one that it has started.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
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
[webhooks]
private_hosts = ["127.0.0.1"]
# Where nothing listens: what is registered there is told nothing, and says why.
registered = { BNKEXXAAXXX = ["http://127.0.0.1:9/"] }
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


def strangers(key):
    """Headers that prove nobody: none, wrong schemes, the right key cut, longer, changed or said twice, signatures of no form."""
    other = "1" if key[-1] != "1" else "2"
    said = ["", "Bearer", "Bearer ", "Bearer x", key, f"Basic {key}", f"Token {key}", f"Bearer {key[:-1]}", f"Bearer {key}x"]
    said += [f"Bearer {key[:-1]}{other}", f"Bearer {key} {key}", f"Bearer {key},", f"Bearer {key.swapcase()}", "Bearer \u00e9"]
    yield {}
    yield from ({"Authorization": text} for text in said)
    signed_by = 'sig=("@method" "@target-uri");created=1;keyid="x";alg="ed25519"'
    for signature in ["", "sig", "sig=:AAAA:", "sig=:" + "A" * 86 + "==:"]:
        yield {"Signature-Input": signed_by, "Signature": signature}
        yield {"Signature": signature}


def refuses_strangers(address, key):
    """Asks every operation of the description as nobody; True where each answers 401 and says how to prove who is asking.

    schemathesis' `ignored_auth` tries an operation again without its key and with a random one, once it has answered 2xx; this
    asks all, whatever they answer to others, with what only looks like a key."""
    place = urllib.parse.urlsplit(address)
    with urllib.request.urlopen(f"{address}/openapi.json", timeout=PATIENCE_S) as answer:
        paths = json.load(answer)["paths"]
    asked, wrong = 0, []
    for path, methods in paths.items():
        for method, operation in methods.items():
            kinds = list(operation.get("requestBody", {}).get("content", {}))
            for heads in strangers(key):
                connection = http.client.HTTPConnection(place.netloc, timeout=PATIENCE_S)
                body = b"{}" if kinds else None
                heads = {**heads, **({"Content-Type": kinds[0]} if kinds else {})}
                heads = {name: value.encode("utf-8") for name, value in heads.items()}
                connection.request(method.upper(), re.sub(r"{.*?}", "1", path), body, heads)
                answer = connection.getresponse()
                content = answer.read()
                is_problem = answer.getheader("Content-Type") == "application/problem+json"
                if answer.status != 401 or not answer.getheader("WWW-Authenticate") or not is_problem:
                    wrong.append(f"{method} {path} with {heads}: {answer.status} {content[:200]}")
                connection.close()
                asked += 1
    print(f"{asked} requests of nobody, {len(wrong)} not refused", *wrong[:10], sep="\n")
    return asked > 0 and not wrong


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
        knows_nobody = refuses_strangers(address, keys["bank"])
        failed = [] if knows_nobody else ["nobody"]
        failed += [
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
