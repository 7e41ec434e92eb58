#!/usr/bin/env python3
"""A second verifier of Feiqian's proofs, written from engine/proof/FORMAT.md alone.

    verify.py --key HEX [--chain HEX] FILE     checks one proof, binary or JSON; exit 0 if it holds, 1 if not
    verify.py --vectors FILE                   checks a file of vectors; exit 0 if it agrees with every one

Needs the packages of requirements.txt. Shares no code with the engine.
"""
import argparse
import json
import re
import struct
import sys

from blake3 import blake3
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

class Refused(Exception):
    """The proof is refused, and why."""

def need(holds, why):
    if not holds:
        raise Refused(why)

# -- hashes and trees

def keyed(domain, data):
    return blake3(data, key=blake3(b"", derive_key_context="feiqian 2026 " + domain).digest()).digest()

def tree_root(domain, row):
    if not row:
        return keyed(domain, b"")
    while len(row) > 1:
        pairs = [keyed(domain, row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) - len(row) % 2:]
    return row[0]

def check_path(domain, leaf, index, tree, path):
    """RFC 9162, 2.1.3.2."""
    need(index < tree["size"], "index beyond the tree")
    fn, sn, node = index, tree["size"] - 1, leaf
    for sibling in path:
        need(sn != 0, "path too long")
        if fn & 1 or fn == sn:
            node = keyed(domain, sibling + node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = keyed(domain, node + sibling)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and node == tree["root"], "path does not lead to the root")

# -- signatures

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
SMALL_ORDER = {bytes.fromhex(text) for text in (
    "01" + "00" * 31, "ec" + "ff" * 30 + "7f", "00" * 32, "00" * 31 + "80",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")}

def is_sound(point):
    """The one encoding of a point that is not of small order, if it is a point at all."""
    y, sign = int.from_bytes(point, "little") & (2**255 - 1), point[31] >> 7
    return y < P and not (sign and y in (1, P - 1)) and point not in SMALL_ORDER

def check_signature(key, message, signature, why):
    need(is_sound(key) and is_sound(signature[:32]), why + ": weak or not canonical")
    need(int.from_bytes(signature[32:], "little") < L, why + ": S is not reduced")
    try:
        VerifyKey(key).verify(message, signature)
    except (BadSignatureError, ValueError) as error:
        raise Refused(why) from error

# -- layouts: (name, item); bytes and int widths as in FORMAT.md

def hexes(n): return ("hex", n)
def many(of, low=0, high=2**32 - 1): return ("many", of, low, high)

U8, U16, U32, U64, U128, I128 = (("int", width) for width in (1, 2, 4, 8, 16, -16))
PATH, BIC = ("path", 32), ("bic", 11)
ROOT = [("root", hexes(32)), ("size", U64)]
HEADER = [("", b"FQBLOCK1"), ("chain_id", hexes(16)), ("height", U64), ("previous", hexes(32)),
          ("first_sequence", U64), ("count", U64), ("timestamp", U64), ("cycle", U64), ("totals", hexes(32)),
          ("transfers", ROOT), ("positions", ROOT), ("accounts", ROOT), ("config", ROOT), ("journal_head", hexes(32))]
SIGNED = [("header", HEADER), ("signature", hexes(64))]
ACCOUNT = [("salt", hexes(16)), ("handle", U64), ("slot", U32), ("currency", U16), ("state", U8), ("kind", U8),
           ("balance", I128), ("reserved", U64), ("credit_line", U64), ("last_posting", U64), ("", bytes(56))]
LEAF = [("salt", hexes(16)), ("bic", BIC), ("", bytes(1)), ("currency", U16), ("", bytes(2)), ("slot", U32),
        ("", bytes(4)), ("count", U64), ("debits", U128), ("credits", U128), ("position", I128), ("cycle", U64),
        ("unsettled", I128), ("cap", U64), ("transfers_root", hexes(32)), ("", bytes(32))]
CONFIG = [("index", U64), ("salt", hexes(16)), ("entry", ("bytes", 0, 1, 1024)), ("path", PATH)]
OWN = [("salt", hexes(16)), ("record", hexes(128))]
RECEIPT = SIGNED + [("index", U64), ("salt", hexes(16)), ("record", hexes(128)), ("path", PATH),
                    ("details", ("bytes", 0, 0, 65536))]
POSITION = SIGNED + [("leaf", LEAF), ("path", PATH), ("closing", many(CONFIG, 0, 1))]
KINDS = {
    "receipt": (b"FQRCPT01", RECEIPT),
    "position": (b"FQPOSN01", POSITION),
    "completeness": (b"FQCOMP01", [("position", POSITION), ("transfers", many(OWN))]),
    "balance": (b"FQBALN01", SIGNED + [("leaf", ACCOUNT), ("path", PATH)]),
    "consistency": (b"FQCONS01", [("headers", many(HEADER, 2, 65536)), ("signature", hexes(64))]),
    "settlement": (b"FQSETL01", SIGNED + [
        ("closing", CONFIG),
        ("obligation", [("currency", U16), ("debtor", U32), ("creditor", U32), ("amount", U128)]),
        ("positions", many(LEAF, 1, 262144))]),
    "signed_batch": (b"FQSIGN01", [
        ("receipt", RECEIPT), ("participant", CONFIG), ("batch_id", U128), ("place", U32),
        ("batch_signature", hexes(64)), ("records", many(hexes(128), 1, 8190))]),
}

class Binary:
    """Reads a file front to back."""
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        need(self.at + n <= len(self.data), "the file ends too early")
        self.at += n
        return self.data[self.at - n:self.at]

    def count(self, low, high):
        count = int.from_bytes(self.take(4), "little")
        need(low <= count <= high, "a list out of bounds")
        return count

    def end(self, value):
        need(self.at == len(self.data), "bytes behind the end")
        return value

    def item(self, item):
        if isinstance(item, list):
            start, value = self.at, {}
            for name, part in item:
                if isinstance(part, bytes):
                    need(self.take(len(part)) == part, "a constant differs")
                else:
                    value[name] = self.item(part)
            return {**value, "bytes": self.data[start:self.at]}
        kind, of, *bounds = item
        if kind == "int":
            return int.from_bytes(self.take(abs(of)), "little", signed=of < 0)
        if kind == "path":
            return [self.take(of) for _ in range(self.take(1)[0])]
        if kind == "bytes":
            return self.take(self.count(*bounds))
        if kind == "many":
            return [self.item(of) for _ in range(self.count(*bounds))]
        return self.take(of)

def pack(item, value):
    """The bytes of a parsed JSON value."""
    if isinstance(item, list):
        names = [name for name, part in item if not isinstance(part, bytes)]
        need(isinstance(value, dict) and sorted(value) == sorted(names), "members missing or unknown")
        return b"".join(part if isinstance(part, bytes) else pack(part, value[name]) for name, part in item)
    kind, of = item[:2]
    if kind in ("many", "path"):
        need(isinstance(value, list) and (kind == "many" or len(value) < 256), "not a list")
        part = of if kind == "many" else ("hex", of)
        return len(value).to_bytes(4 if kind == "many" else 1, "little") + b"".join(pack(part, v) for v in value)
    need(isinstance(value, str) and value.isascii(), "not a plain string")
    if kind == "int":
        need(re.fullmatch(r"0|-?[1-9][0-9]{0,38}", value), "not a decimal number in its one form")
        try:
            return int(value).to_bytes(abs(of), "little", signed=of < 0)
        except OverflowError as error:
            raise Refused("a number beyond its width") from error
    if kind == "bic":
        need(len(value) == of, "not a BIC")
        return value.encode()
    need(re.fullmatch(r"([0-9a-f]{2})*", value), "not lower-case hexadecimal")
    need(kind == "bytes" or len(value) == 2 * of, "bytes of another length")
    return (struct.pack("<I", len(value) // 2) if kind == "bytes" else b"") + bytes.fromhex(value)

def members_once(pairs):
    need(len(dict(pairs)) == len(pairs), "a member stands twice")
    return dict(pairs)

def read(data):
    """(kind, fields) of a file or of a JSON text."""
    for kind, (magic, fields) in KINDS.items():
        if data[:8] == magic:
            binary = Binary(data[8:])
            return kind, binary.end(binary.item(fields))
    try:
        text = data.decode()
        need("\\" not in text, "an escape")
        value = json.loads(text, object_pairs_hook=members_once)
    except (ValueError, RecursionError) as error:
        raise Refused("no magic of a proof, and no JSON") from error
    kind = value.pop("kind", None) if isinstance(value, dict) else None
    need(isinstance(kind, str) and kind in KINDS, "unknown kind")
    return read(KINDS[kind][0] + pack(KINDS[kind][1], value))

# -- checks; the steps are those of FORMAT.md

def check_chain(header, chain):
    need(header["count"] == header["transfers"]["size"], "count is not the size of the transfers")
    need(not chain or header["chain_id"] == chain, "another chain")

def check_header(key, header, signature):
    digest = keyed("block header", header["bytes"])
    check_signature(key, b"feiqian block header v1\n" + digest, signature, "header's signature")

def transfer_leaf(part):
    return keyed("transfer leaf", part["salt"] + part["record"] + bytes(48))

def position_leaf(leaf):
    need(re.fullmatch(rb"[A-Z0-9]{11}", leaf["bic"]), "characters that no BIC has")
    return keyed("position leaf", leaf["bytes"])

def short_path(path):
    need(len(path) <= 64, "path too long")
    return path

def check_config(part, header):
    leaf = keyed("config leaf", part["salt"] + part["entry"])
    check_path("config node", leaf, part["index"], header["config"], short_path(part["path"]))

def check_closing(part, header):
    need(len(part["entry"]) == 26 and part["entry"][0] == 4, "not a cycle's entry")
    number, state, first, end = struct.unpack("<QBQQ", part["entry"][1:])
    need(number == header["cycle"] and state == 2, "not the cycle, or not closed")
    need(first <= header["height"] and end == header["height"] + 1, "the cycle did not end with this block")

def check_receipt(v, key, chain):
    header, record = v["header"], v["record"]
    check_chain(header, chain)
    need(v["index"] < header["count"], "index beyond the block")
    need(int.from_bytes(record[104:112], "little") == header["first_sequence"] + v["index"], "another sequence")
    need(not v["details"] or keyed("payment details", v["details"]) == record[72:104], "other details")
    check_path("transfer node", transfer_leaf(v), v["index"], header["transfers"], short_path(v["path"]))
    check_header(key, header, v["signature"])

def check_position(v, key, chain):
    header, leaf = v["header"], v["leaf"]
    check_chain(header, chain)
    need(leaf["cycle"] == header["cycle"], "another cycle")
    check_path("position node", position_leaf(leaf), leaf["slot"], header["positions"], short_path(v["path"]))
    for part in v["closing"]:
        check_closing(part, header)
        check_config(part, header)
    check_header(key, header, v["signature"])

def check_completeness(v, key, chain):
    header, leaf = v["position"]["header"], v["position"]["leaf"]
    need(len(v["transfers"]) == leaf["count"], "another number of transfers")
    last, cleared = -1, 0
    for record in (part["record"] for part in v["transfers"]):
        place = int.from_bytes(record[104:112], "little") - header["first_sequence"]
        need(last < place < header["count"], "a sequence out of place")
        last = place
        if record[120] == 1:
            need(int.from_bytes(record[40:42], "little") == leaf["currency"], "another currency")
            cleared += int.from_bytes(record[32:40], "little")
    need(leaf["debits"] + leaf["credits"] <= cleared, "sums beyond what was cleared")
    root = tree_root("participant node", [transfer_leaf(part) for part in v["transfers"]])
    need(root == leaf["transfers_root"], "not the participant's transfers")
    check_position(v["position"], key, chain)

def check_balance(v, key, chain):
    header, leaf = v["header"], v["leaf"]
    check_chain(header, chain)
    digest = keyed("account leaf", leaf["bytes"])
    check_path("account node", digest, leaf["handle"], header["accounts"], short_path(v["path"]))
    check_header(key, header, v["signature"])

def check_consistency(v, key, chain):
    check_chain(v["headers"][-1], chain)
    for one, two in zip(v["headers"], v["headers"][1:]):
        check_chain(one, two["chain_id"])
        need(two["height"] == one["height"] + 1, "a height is missing")
        need(two["first_sequence"] == one["first_sequence"] + one["count"], "a sequence is missing")
        need(two["cycle"] >= one["cycle"], "the cycle goes back")
        need(two["previous"] == keyed("block header", one["bytes"]), "not the header before")
    check_header(key, v["headers"][-1], v["signature"])

def obligations(leaves, currency):
    nets = [(leaf["slot"], leaf["position"]) for leaf in leaves if leaf["currency"] == currency]
    need(sum(net for _, net in nets) == 0, "positions do not sum to zero")
    owes, claims = ([[slot, abs(net)] for slot, net in nets if sign * net > 0] for sign in (-1, 1))
    while owes:
        amount = min(owes[0][1], claims[0][1])
        yield {"currency": currency, "debtor": owes[0][0], "creditor": claims[0][0], "amount": amount}
        for side in (owes, claims):
            side[0][1] -= amount
            if side[0][1] == 0:
                side.pop(0)

def check_settlement(v, key, chain):
    header, leaves = v["header"], v["positions"]
    check_chain(header, chain)
    check_closing(v["closing"], header)
    need(len(leaves) == header["positions"]["size"], "another number of positions")
    sums = {}
    for slot, leaf in enumerate(leaves):
        need(leaf["slot"] == slot and leaf["cycle"] == header["cycle"], "another slot or cycle")
        debits, credits = sums.get(leaf["currency"], (0, 0))
        sums[leaf["currency"]] = (debits + leaf["debits"], credits + leaf["credits"])
    need(all(d == c < 2**128 for d, c in sums.values()), "debits and credits differ")
    rows = [struct.pack("<H", row[0]) + b"".join(n.to_bytes(16, "little") for n in row[1]) for row in sorted(sums.items())]
    need(keyed("block totals", b"".join(rows)) == header["totals"], "other totals")
    claimed = {name: number for name, number in v["obligation"].items() if name != "bytes"}
    need(claimed in obligations(leaves, claimed["currency"]), "the obligation does not follow")
    check_config(v["closing"], header)
    root = tree_root("position node", [position_leaf(leaf) for leaf in leaves])
    need(root == header["positions"]["root"], "not the block's positions")
    check_header(key, header, v["signature"])

def participant_key(entry):
    need(entry[:1] == b"\x02" and re.fullmatch(rb"[A-Z0-9]{11}", entry[1:12]), "not a participant's entry")
    binary = Binary(entry[13:])
    binary.take(binary.count(0, 140))
    key = binary.end(binary.take(binary.count(32, 32)))
    need(is_sound(key), "no usable key")
    return key

def check_signed_batch(v, key, chain):
    receipt, records = v["receipt"], v["records"]
    need(v["place"] < len(records), "no such place in the batch")
    submitted, record = records[v["place"]], receipt["record"]
    need(submitted[:104] + submitted[122:] == record[:104] + record[122:], "not the batch's record")
    signer = participant_key(v["participant"]["entry"])
    check_config(v["participant"], receipt["header"])
    check_receipt(receipt, key, chain)
    signed = receipt["header"]["chain_id"] + v["batch_id"].to_bytes(16, "little") + keyed("signed batch", b"".join(records))
    context = b"feiqian batch v1"
    message = b"feiqian message v1\n" + struct.pack("<Q", len(context)) + context + signed
    check_signature(signer, message, v["batch_signature"], "batch's signature")

def verify(data, key, chain):
    """The kind of a proof that holds; Refused for any other."""
    need(is_sound(key), "the operator's key is weak or not canonical")
    kind, value = read(data)
    globals()["check_" + kind](value, key, chain)
    return kind

def check_vectors(path):
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    wrong = 0
    for at, vector in enumerate(vectors):
        data = vector["json"].encode() if "json" in vector else bytes.fromhex(vector["file"])
        try:
            verify(data, bytes.fromhex(vector["key"]), bytes.fromhex(vector["chain"]))
            valid, why = "yes", ""
        except Refused as refusal:
            valid, why = "no", str(refusal)
        if valid != vector["valid"]:
            wrong += 1
            print(f"vector {at}, {vector['name']}: {valid} here, {vector['valid']} there {why}")
    print(f"{len(vectors)} vectors, {wrong} disagreements")
    return 1 if wrong else 0

def main():
    parser = argparse.ArgumentParser(description="verifies Feiqian's proofs")
    parser.add_argument("--key", help="the operator's public key, 64 hexadecimal digits")
    parser.add_argument("--chain", default="", help="the chain id that is expected, 32 hexadecimal digits")
    parser.add_argument("--vectors", action="store_true", help="FILE holds vectors")
    parser.add_argument("file")
    options = parser.parse_args()
    if options.vectors:
        return check_vectors(options.file)
    if not re.fullmatch(r"[0-9a-f]{64}", options.key or "") or not re.fullmatch(r"([0-9a-f]{32})?", options.chain):
        parser.error("--key takes 64 and --chain 32 lower-case hexadecimal digits")
    try:
        with open(options.file, "rb") as file:
            kind = verify(file.read(), bytes.fromhex(options.key), bytes.fromhex(options.chain))
    except Refused as refusal:
        print(f"REFUSED: {refusal}")
        return 1
    print(f"VERIFIED: {kind}")
    return 0

if __name__ == "__main__":
    sys.exit(main())
