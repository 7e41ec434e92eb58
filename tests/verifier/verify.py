#!/usr/bin/env python3
"""A second verifier of Feiqian's proofs, written from engine/proof/FORMAT.md alone; shares no code with the engine.

    verify.py --key HEX [--chain HEX] FILE     checks one proof, binary or JSON; exit 0 if it holds, 1 if not
    verify.py --vectors FILE                   checks a file of vectors; exit 0 if it agrees with every one
"""
import argparse, base64, hashlib, json, re, struct, sys
from blake3 import blake3
from nacl import exceptions, signing

class Refused(Exception): pass
def need(holds, why):
    if not holds:
        raise Refused(why)
def le(data, signed=False): return int.from_bytes(data, "little", signed=signed)
def keyed(domain, data):
    return blake3(data, key=blake3(b"", derive_key_context="feiqian 2026 " + domain).digest()).digest()
def tree_root(domain, row):
    while len(row) > 1:
        row = [keyed(domain, row[i] + row[i + 1]) if i + 1 < len(row) else row[i] for i in range(0, len(row), 2)]
    return row[0] if row else keyed(domain, b"")
def climb(join, node, fn, sn, path):
    """The roots that a path leads to, of the older and of the whole tree: RFC 9162, 2.1.3.2 and 2.1.4.2."""
    old = new = node
    for sibling in path:
        need(sn != 0, "path too long")
        is_right = fn & 1 or fn == sn
        old, new = join(sibling + old) if is_right else old, join(sibling + new if is_right else new + sibling)
        while is_right and not fn & 1:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "path too short")
    return old, new
def check_path(domain, leaf, index, tree, path):
    need(index < tree["size"], "index beyond the tree")
    roots = climb(lambda pair: keyed(domain, pair), leaf, index, tree["size"] - 1, path)
    need(roots[1] == tree["root"], "path does not lead to the root")

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
SMALL_ORDER_Y = (0, 1, P - 1, 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826,
                 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7)
def is_sound(point): return le(point) % 2**255 < P and le(point) % 2**255 not in SMALL_ORDER_Y
def check_signature(key, message, signature, why):
    need(is_sound(key) and is_sound(signature[:32]) and le(signature[32:]) < L, why + ": not canonical, or weak")
    try:
        signing.VerifyKey(key).verify(message, signature)
    except (exceptions.CryptoError, ValueError) as error:
        raise Refused(why) from error

# The fields of FORMAT.md: h and t are so many bytes, u and i numbers, z zeros, a word alone is a constant, path a
# list with a length u8; what has a star is a list with a length u32 within the bounds, b* the bytes themselves.
TEXT = """
root = root:h32 size:u8
header = FQBLOCK1 chain_id:h16 height:u8 previous:h32 first_sequence:u8 count:u8 timestamp:u8 cycle:u8 totals:h32 \
 transfers:root positions:root accounts:root config:root journal_head:h32
account_leaf = salt:h16 handle:u8 slot:u4 currency:u2 state:u1 kind:u1 balance:i16 reserved:u8 credit_line:u8 \
 last_posting:u8 z56
position_leaf = salt:h16 bic:t11 z1 currency:u2 z2 slot:u4 z4 count:u8 debits:u16 credits:u16 position:i16 cycle:u8 \
 unsettled:i16 cap:u8 transfers_root:h32 z32
config_part = index:u8 salt:h16 entry:b*1-1024 path:path
own_transfer = salt:h16 record:h128
obligation_part = currency:u2 debtor:u4 creditor:u4 amount:u16
receipt = header:header signature:h64 index:u8 salt:h16 record:h128 path:path details:b*0-65536
position = header:header signature:h64 leaf:position_leaf path:path closing:config_part*0-1
completeness = position:position transfers:own_transfer*0-4294967295
balance = header:header signature:h64 leaf:account_leaf path:path
consistency = headers:header*2-65536 signature:h64
head = size:u8 root:h32 signature:h64
log_consistency = chain_id:h16 old:head new:head path:path
settlement = header:header signature:h64 closing:config_part obligation:obligation_part positions:position_leaf*1-262144
participant = \x02 bic:t11 state:u1 name:b*0-140 key:b*32-32
cycle = \x04 number:u8 state:u1 first_block:u8 end_block:u8
own_cycle = \x04 number:u8 state:u1 first_block:u8 end_block:u8 scope:u2
signed_batch = receipt:receipt participant:config_part batch_id:u16 place:u4 batch_signature:h64 records:h128*1-8190
"""
LAYOUTS = {of: [word.rpartition(":")[::2] for word in words.split()]
           for of, words in (line.split(" = ") for line in TEXT.strip().splitlines())}
MAGICS = dict(zip(b"FQRCPT01 FQPOSN01 FQCOMP01 FQBALN01 FQCONS01 FQLOGC01 FQSETL01 FQSIGN01".split(),
              "receipt position completeness balance consistency log_consistency settlement signed_batch".split()))

def constant(word): return bytes(int(word[1:])) if word[0] == "z" else word.encode()

class Binary:
    def __init__(self, data):
        self.data, self.at = data, 0
    def take(self, n):
        need(self.at + n <= len(self.data), "the file ends too early")
        self.at += n
        return self.data[self.at - n:self.at]
    def count(self, bounds):
        count, (low, high) = le(self.take(4)), map(int, bounds.split("-"))
        need(low <= count <= high, "a list out of bounds")
        return count
    def item(self, item):
        of, star, bounds = item.partition("*")
        if star:
            return self.take(self.count(bounds)) if of == "b" else [self.item(of) for _ in range(self.count(bounds))]
        if of == "path":
            return [self.take(32) for _ in range(self.take(1)[0])]
        if of not in LAYOUTS:
            data = self.take(int(of[1:]))
            need(of[0] != "t" or re.fullmatch(rb"[A-Z0-9]+", data), "characters that no BIC has")
            return le(data, of[0] == "i") if of[0] in "ui" else data
        start, value = self.at, {}
        for name, part in LAYOUTS[of]:
            value[name] = self.item(part) if name else self.take(len(constant(part)))
            need(name or value[name] == constant(part), "a constant differs")
        return {**value, "bytes": self.data[start:self.at]}

def whole(of, data):
    binary = Binary(data)
    value = binary.item(of)
    need(binary.at == len(data), "bytes behind the end")
    return value
def once(pairs): return dict(pairs) if len(dict(pairs)) == len(pairs) else None  # which no layout takes
def pack(item, value):
    of, star, _ = item.partition("*")
    if of == "path" or star and of != "b":
        need(isinstance(value, list) and (star or len(value) < 256), "not a list")
        part, width = (of, 4) if star else ("h32", 1)
        return len(value).to_bytes(width, "little") + b"".join(pack(part, each) for each in value)
    if of in LAYOUTS:
        names = [name for name, _ in LAYOUTS[of] if name]
        need(isinstance(value, dict) and sorted(value) == sorted(names), "members missing or unknown")
        return b"".join(pack(part, value[name]) if name else constant(part) for name, part in LAYOUTS[of])
    need(isinstance(value, str) and value.isascii(), "not a plain string")
    if of[0] in "ui":
        need(re.fullmatch(r"0|-?[1-9][0-9]{0,38}", value), "not a decimal number in its one form")
        low, high = (-2**127, 2**127) if of[0] == "i" else (0, 256**int(of[1:]))
        need(low <= int(value) < high, "a number beyond its width")
        return int(value).to_bytes(int(of[1:]), "little", signed=of[0] == "i")
    data = value.encode() if of[0] == "t" else bytes.fromhex(value) if re.fullmatch(r"([0-9a-f]{2})*", value) else None
    need(data is not None and (star or len(data) == int(of[1:])), "not hexadecimal, or of another length")
    return (struct.pack("<I", len(data)) if star else b"") + data

def read(data):
    if data[:8] in MAGICS:
        return MAGICS[data[:8]], whole(MAGICS[data[:8]], data[8:])
    try:
        need(b"\\" not in data, "an escape")
        value = json.loads(data.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Refused("no magic of a proof, and no JSON") from error
    kind = value.pop("kind", None) if isinstance(value, dict) else None
    magics = [magic for magic, name in MAGICS.items() if name == kind] or need(False, "unknown kind")
    return read(magics[0] + pack(kind, value))

def check_chain(header, chain):
    need(header["count"] == header["transfers"]["size"], "count is not the size of the transfers")
    need(not chain or header["chain_id"] == chain, "another chain")
def check_block(header, signature, key, chain):
    check_chain(header, chain)
    message = b"feiqian block header v1\n" + keyed("block header", header["bytes"])
    check_signature(key, message, signature, "the header's signature")
    return header
def transfer_leaf(part): return keyed("transfer leaf", part["salt"] + part["record"] + bytes(48))
def check_config(part, header):
    leaf = keyed("config leaf", part["salt"] + part["entry"])
    check_path("config node", leaf, part["index"], header["config"], part["path"])
def read_cycle(entry): return whole("own_cycle" if len(entry) == 28 else "cycle", entry)
def check_closing(part, header, currency):
    cycle = read_cycle(part["entry"])
    of_currency = cycle["scope"] == currency if "scope" in cycle else cycle["number"] == header["cycle"]
    need(of_currency and cycle["state"] == 2 and cycle["first_block"] <= header["height"]
         and cycle["end_block"] == header["height"] + 1, "the cycle did not end with this block")
    check_config(part, header)
    return cycle["number"]

def check_receipt(v, key, chain):
    header, record = check_block(v["header"], v["signature"], key, chain), v["record"]
    need(v["index"] < header["count"], "index beyond the block")
    need(le(record[104:112]) == header["first_sequence"] + v["index"], "another sequence")
    need(not v["details"] or keyed("payment details", v["details"]) == record[72:104], "other details")
    check_path("transfer node", transfer_leaf(v), v["index"], header["transfers"], v["path"])
def check_position(v, key, chain):
    header, leaf = check_block(v["header"], v["signature"], key, chain), v["leaf"]
    cycles = [read_cycle(part["entry"]) for part in v["closing"]]
    is_own = leaf["cycle"] != header["cycle"]  # then the entry of a cycle of this currency alone is needed
    need(not is_own or [(leaf["cycle"], leaf["currency"])] == [(own["number"], own.get("scope")) for own in cycles],
         "another cycle")
    check_path("position node", keyed("position leaf", leaf["bytes"]), leaf["slot"], header["positions"], v["path"])
    for part, cycle in zip(v["closing"], cycles):
        if is_own and cycle["state"] == 1:
            check_config(part, header)
        else:
            need(check_closing(part, header, leaf["currency"]) == leaf["cycle"], "another cycle ended")

def check_completeness(v, key, chain):
    check_position(v["position"], key, chain)
    header, leaf, records = v["position"]["header"], v["position"]["leaf"], [own["record"] for own in v["transfers"]]
    need(len(records) == leaf["count"], "another number of transfers")
    places = [-1] + [le(record[104:112]) - header["first_sequence"] for record in records] + [header["count"]]
    need(all(one < two for one, two in zip(places, places[1:])), "a sequence out of place")
    cleared = [record for record in records if record[120] == 1]
    need(all(le(record[40:42]) == leaf["currency"] for record in cleared), "another currency")
    need(leaf["debits"] + leaf["credits"] <= sum(le(record[32:40]) for record in cleared), "sums beyond what cleared")
    need(tree_root("participant node", list(map(transfer_leaf, v["transfers"]))) == leaf["transfers_root"], "root")

def check_balance(v, key, chain):
    header, leaf = check_block(v["header"], v["signature"], key, chain), v["leaf"]
    check_path("account node", keyed("account leaf", leaf["bytes"]), leaf["handle"], header["accounts"], v["path"])
def check_consistency(v, key, chain):
    check_block(v["headers"][-1], v["signature"], key, chain)
    for one, two in zip(v["headers"], v["headers"][1:]):
        check_chain(one, two["chain_id"])
        need(two["height"] == one["height"] + 1 and two["cycle"] >= one["cycle"], "not the next height or cycle")
        need(two["first_sequence"] == one["first_sequence"] + one["count"], "a sequence is missing")
        need(two["previous"] == keyed("block header", one["bytes"]), "not the header before")

def check_log_consistency(v, key, chain):
    need(not chain or v["chain_id"] == chain, "another chain")
    old, new, path = v["old"], v["new"], v["path"]
    for head in (old, new):
        lines = "feiqian/" + v["chain_id"].hex(), str(head["size"]), base64.b64encode(head["root"]).decode(), ""
        check_signature(key, "\n".join(lines).encode(), head["signature"], "a checkpoint's signature")
    size, is_whole = old["size"], old["size"] & (old["size"] - 1) == 0
    need(0 < size <= new["size"] and bool(path) == (size < new["size"]), "sizes or path out of bounds")
    start, path = (old["root"], path) if is_whole or not path else (path[0], path[1:])
    shift = (size ^ (size - 1)).bit_length() - 1 if path else new["size"].bit_length()
    join = lambda pair: hashlib.sha256(b"\1" + pair).digest()
    roots = climb(join, start, (size - 1) >> shift, (new["size"] - 1) >> shift, path)
    need(roots == (old["root"], new["root"]), "the later log does not begin with the older one")

def obligations(leaves, currency):
    nets = [(leaf["slot"], leaf["position"]) for leaf in leaves if leaf["currency"] == currency]
    owes, claims = ([[slot, abs(net)] for slot, net in nets if sign * net > 0] for sign in (-1, 1))
    need(sum(row[1] for row in owes) == sum(row[1] for row in claims) < 2**128, "positions do not sum to zero")
    while owes:
        amount = min(owes[0][1], claims[0][1])
        yield {"currency": currency, "debtor": owes[0][0], "creditor": claims[0][0], "amount": amount}
        for side in (owes, claims):
            side[0][1] -= amount
            del side[:side[0][1] == 0]

def check_settlement(v, key, chain):
    header, leaves = check_block(v["header"], v["signature"], key, chain), v["positions"]
    cycle = check_closing(v["closing"], header, v["obligation"]["currency"])
    need(len(leaves) == header["positions"]["size"]
         and all(leaf["slot"] == slot for slot, leaf in enumerate(leaves)), "other positions, slots or cycles")
    cycles = {(leaf["currency"], leaf["cycle"]) for leaf in leaves} | {(v["obligation"]["currency"], cycle)}
    need(len(cycles) == len({currency for currency, _ in cycles}), "other positions, slots or cycles")
    rows = b""
    for currency in sorted({leaf["currency"] for leaf in leaves}):
        own = [leaf for leaf in leaves if leaf["currency"] == currency]
        debits, credits = (sum(leaf[side] for leaf in own) for side in ("debits", "credits"))
        need(debits == credits < 2**128, "debits and credits differ")
        rows += struct.pack("<H", currency) + 2 * debits.to_bytes(16, "little")
    need(keyed("block totals", rows) == header["totals"], "other totals")
    follow = obligations(leaves, v["obligation"]["currency"])
    need(any(each.items() <= v["obligation"].items() for each in follow), "the obligation does not follow")
    root = tree_root("position node", [keyed("position leaf", leaf["bytes"]) for leaf in leaves])
    need(root == header["positions"]["root"], "not the block's positions")

def check_signed_batch(v, key, chain):
    receipt, records = v["receipt"], v["records"]
    check_receipt(receipt, key, chain)
    submitted, record = (records[v["place"]:] or [b""])[0], receipt["record"]
    need(submitted[:104] + submitted[122:] == record[:104] + record[122:], "not the batch's record")
    signer = whole("participant", v["participant"]["entry"])["key"]
    check_config(v["participant"], receipt["header"])
    batch = v["batch_id"].to_bytes(16, "little") + keyed("signed batch", b"".join(records))
    message = b"feiqian message v1\n" + struct.pack("<Q", 16) + b"feiqian batch v1" + receipt["header"]["chain_id"]
    check_signature(signer, message + batch, v["batch_signature"], "the batch's signature")

def outcome(data, key, chain):
    try:
        need(is_sound(key), "the operator's key is weak or not canonical")
        kind, value = read(data)
        globals()["check_" + kind](value, key, chain)
        return "yes", kind
    except Refused as refusal:
        return "no", str(refusal)

def check_vectors(vectors):
    wrong = 0
    for vector in vectors:
        data = vector["json"].encode() if "json" in vector else bytes.fromhex(vector["file"])
        valid, said = outcome(data, bytes.fromhex(vector["key"]), bytes.fromhex(vector["chain"]))
        if valid != vector["valid"]:
            wrong += 1
            print(f"{vector['name']}: {vector['valid']} there, {valid} here: {said}")
    print(f"{len(vectors)} vectors, {wrong} disagreements")
    return wrong > 0

def main():
    parser = argparse.ArgumentParser(description="verifies Feiqian's proofs")
    for name, what in ("--key", "the operator's public key, 64 digits"), ("--chain", "the chain id, 32 digits"):
        parser.add_argument(name, default="", help=what)
    parser.add_argument("--vectors", action="store_true", help="FILE holds vectors")
    parser.add_argument("file", type=argparse.FileType("rb"))
    options = parser.parse_args()
    if options.vectors:
        return check_vectors(json.load(options.file))
    if not re.fullmatch(r"[0-9a-f]{64},([0-9a-f]{32})?", options.key + "," + options.chain):
        parser.error("--key takes 64 and --chain 32 lower-case hexadecimal digits")
    valid, said = outcome(options.file.read(), bytes.fromhex(options.key), bytes.fromhex(options.chain))
    print("VERIFIED:" if valid == "yes" else "REFUSED:", said)
    return valid == "no"

sys.exit(main())
