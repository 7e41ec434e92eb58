#!/usr/bin/env python3
"""A second verifier of Feiqian's proofs, written from engine/proof/FORMAT.md alone; shares no code with the engine.
    verify.py --key HEX [--chain HEX] [--policy TOML] FILE   whether a proof, binary or JSON, holds; and what it states
    verify.py --vectors FILE                                 whether this agrees with every one of a file of vectors
"""
import argparse, base64, hashlib, io, json, re, struct, sys, tomllib, uuid
from blake3 import blake3
from nacl import exceptions, signing
class Refused(Exception): pass
def need(holds, why):
    if not holds: raise Refused(why)
def le(data, signed=False): return int.from_bytes(data, "little", signed=signed)
def keyed(domain, data):
    return blake3(data, key=blake3(b"", derive_key_context="feiqian 2026 " + domain).digest()).digest()
def tree_root(domain, row):
    while len(row) > 1:  # an odd last one moves up as it is
        row = [keyed(domain, row[i] + row[i + 1]) if i + 1 < len(row) else row[i] for i in range(0, len(row), 2)]
    return row[0] if row else keyed(domain, b"")
def climb(join, node, fn, sn, path):
    """The roots that a path leads to, of the older and of the whole tree: RFC 9162, 2.1.3.2 and 2.1.4.2."""
    old = new = node
    for sibling in path:
        need(sn != 0, "path too long")
        is_right = fn & 1 or fn == sn
        old, new = join(sibling + old) if is_right else old, join(sibling + new if is_right else new + sibling)
        while is_right and not fn & 1: fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "path too short")
    return old, new
def check_path(domain, leaf, index, tree, path):
    need(index < tree["size"], "index beyond the tree")
    roots = climb(lambda pair: keyed(domain, pair), leaf, index, tree["size"] - 1, path)
    need(roots[1] == tree["root"], "path does not lead to the root")
def check_signature(key, message, signature, why):
    try:  # libsodium refuses S not below the group's order, R and keys of small order, and keys that are not canonical
        signing.VerifyKey(key).verify(message, signature)
    except (exceptions.CryptoError, ValueError) as error:
        raise Refused(f"{why}: not by this key, or not canonical") from error
# The fields of FORMAT.md: h and t are so many bytes, u and i numbers, z zeros, a word alone is a constant, path a list
# with a length u8; a star makes a list with a length u32 within the bounds, b* the bytes themselves, p* a whole proof.
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
obligation = currency:u2 debtor:u4 creditor:u4 amount:u16
receipt/FQRCPT01 = header:header signature:h64 index:u8 salt:h16 record:h128 path:path details:b*0-65536
position/FQPOSN01 = header:header signature:h64 leaf:position_leaf path:path closing:config_part*0-1
completeness/FQCOMP01 = position:position transfers:own_transfer*0-4294967295
balance/FQBALN01 = header:header signature:h64 leaf:account_leaf path:path
consistency/FQCONS01 = headers:header*2-65536 signature:h64
head = size:u8 root:h32 signature:h64
log_consistency/FQLOGC01 = chain_id:h16 old:head new:head path:path
settlement/FQSETL01 = header:header signature:h64 closing:config_part obligation:obligation \
 positions:position_leaf*1-262144
participant = \x02 bic:t11 state:u1 name:b*0-140 key:b*32-32
cycle = \x04 number:u8 state:u1 first_block:u8 end_block:u8
own_cycle = \x04 number:u8 state:u1 first_block:u8 end_block:u8 scope:u2
signed_batch/FQSIGN01 = receipt:receipt participant:config_part batch_id:u16 place:u4 batch_signature:h64 \
 records:h128*1-8190
signed_batch_former_key/FQSIGN02 = before:header batch:signed_batch
cosignature = key:h32 time:u8 signature:h64
log_inclusion/FQLOGI01 = checkpoint:head path:path cosignatures:cosignature*0-64 proof:p*8-4294967295
"""
ROWS = [line.split(" = ") for line in TEXT.strip().splitlines()]
LAYOUTS = {of.split("/")[0]: [word.rpartition(":")[::2] for word in words.split()] for of, words in ROWS}
MAGICS = {of.split("/")[1].encode(): of.split("/")[0] for of, _ in ROWS if "/" in of}
def constant(word): return bytes(int(word[1:])) if word[0] == "z" else word.encode()
def take(file, n):
    data = file.read(n)
    need(len(data) == n, "the file ends too early")
    return data
def item(file, kind):
    of, star, bounds = kind.partition("*")
    if star:
        count, (low, high) = le(take(file, 4)), map(int, bounds.split("-"))
        need(low <= count <= high, "a list out of bounds")
        return take(file, count) if of in "bp" else [item(file, of) for _ in range(count)]
    if of == "path": return [take(file, 32) for _ in range(take(file, 1)[0])]
    if of not in LAYOUTS:
        data = take(file, int(of[1:]))
        need(of[0] != "t" or re.fullmatch(rb"[A-Z0-9]+", data), "characters that no BIC has")
        return le(data, of[0] == "i") if of[0] in "ui" else data
    start, value = file.tell(), {}
    for name, part in LAYOUTS[of]:
        value[name] = item(file, part) if name else take(file, len(constant(part)))
        need(name or value[name] == constant(part), "a constant differs")
    return {**value, "bytes": bytes(file.getbuffer()[start:file.tell()])}
def whole(of, data):
    value = item(file := io.BytesIO(data), of)
    need(not file.read(1), "bytes behind the end")
    return value
def once(pairs): return dict(pairs) if len(dict(pairs)) == len(pairs) else None  # which no layout takes
def pack(kind, value):
    of, star, _ = kind.partition("*")
    if of == "p": of, value = "b", file_of(value).hex()
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
        return int(value).to_bytes(int(of[1:]), "little", signed=of[0] == "i")
    data = value.encode() if of[0] == "t" else bytes.fromhex(value) if re.fullmatch(r"([0-9a-f]{2})*", value) else None
    need(data is not None and (star or len(data) == int(of[1:])), "not hexadecimal, or of another length")
    return (struct.pack("<I", len(data)) if star else b"") + data

def read(data):
    if data[:8] in MAGICS:
        return MAGICS[data[:8]], whole(MAGICS[data[:8]], data[8:])
    try:
        need(b"\\" not in data, "an escape")
        return read(file_of(json.loads(data.decode(), object_pairs_hook=once)))
    except (ValueError, RecursionError, OverflowError) as error:  # the last: a number beyond its width
        raise Refused("no magic of a proof, and no JSON of one") from error
def file_of(value):
    kind = value.pop("kind", None) if isinstance(value, dict) else None
    magics = [magic for magic, name in MAGICS.items() if name == kind] or need(False, "unknown kind")
    return magics[0] + pack(kind, value)
def block_of(v):
    return v["header"] if "header" in v else v["headers"][-1] if "headers" in v else block_of(
        next((v[part] for part in ("position", "receipt", "batch") if part in v), None) or need(False, "of no block"))
def check_chain(header, chain):
    need(header["count"] == header["transfers"]["size"], "count is not the size of the transfers")
    need(not chain or header["chain_id"] == chain, "another chain")
def check_block(header, signature, key, chain):
    check_chain(header, chain)
    check_signature(key, b"feiqian block header v1\n" + keyed("block header", header["bytes"]), signature, "header")
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
    need(v["index"] < header["count"] and le(record[104:112]) == header["first_sequence"] + v["index"], "sequence")
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
        check_config(part, header)
        need(is_own and cycle["state"] == 1 or check_closing(part, header, leaf["currency"]) == leaf["cycle"], "cycle")
def check_completeness(v, key, chain):
    check_position(v["position"], key, chain)
    header, leaf, records = v["position"]["header"], v["position"]["leaf"], [own["record"] for own in v["transfers"]]
    places = [-1] + [le(record[104:112]) - header["first_sequence"] for record in records] + [header["count"]]
    need(len(records) == leaf["count"] and places == sorted(set(places)), "another number, or a sequence out of place")
    cleared = [record for record in records if record[120] == 1]
    need(all(le(record[40:42]) == leaf["currency"] for record in cleared), "another currency")
    need(leaf["debits"] + leaf["credits"] <= sum(le(record[32:40]) for record in cleared), "sums beyond what cleared")
    need(tree_root("participant node", list(map(transfer_leaf, v["transfers"]))) == leaf["transfers_root"], "root")
def check_balance(v, key, chain):
    header, leaf = check_block(v["header"], v["signature"], key, chain), v["leaf"]
    check_path("account node", keyed("account leaf", leaf["bytes"]), leaf["handle"], header["accounts"], v["path"])
def check_consistency(v, key, chain):
    check_block(v["headers"][-1], v["signature"], key, chain)
    check_links(v["headers"])
def check_links(headers):
    for one, two in zip(headers, headers[1:]):
        check_chain(one, two["chain_id"])
        need(two["height"] == one["height"] + 1 and two["cycle"] >= one["cycle"], "not the next height or cycle")
        need(two["first_sequence"] == one["first_sequence"] + one["count"]
             and two["previous"] == keyed("block header", one["bytes"]), "not the header before")
def log_node(pair): return hashlib.sha256(b"\1" + pair).digest()
def check_checkpoint(head, chain_id, key):
    text = b"feiqian/%b\n%d\n%b\n" % (chain_id.hex().encode(), head["size"], base64.b64encode(head["root"]))
    check_signature(key, text, head["signature"], "a checkpoint's signature")
    return text
def check_log_inclusion(v, key, chain):
    kind, v["proof"] = read(v["proof"])
    header, head, lines = block_of(v["proof"]), v["checkpoint"], v["cosignatures"]
    globals()["check_" + kind](v["proof"], key, chain)
    leaf = hashlib.sha256(b"\0" + header["bytes"]).digest()
    roots = climb(log_node, leaf, header["height"] - 1, head["size"] - 1, v["path"])
    need(0 < header["height"] <= head["size"] and roots[1] == head["root"], "the block is not in the log")
    text = check_checkpoint(head, header["chain_id"], key)
    need(all(one["key"] < two["key"] for one, two in zip(lines, lines[1:])), "cosignatures out of order")
    for line in lines:
        need(line["time"] < 2**63, "a time that there is not")
        check_signature(line["key"], b"cosignature/v1\ntime %d\n%b" % (line["time"], text), line["signature"], "line")
def is_met(policy, groups, v):
    """Whether a proof that holds is cosigned by k of n keys of each group, as the policy says."""
    signers = {line["key"] for line in v.get("cosignatures", [])}
    keys = {group: {base64.b64decode(text.split("+", 2)[2])[1:] for text in groups[group]} for group in groups}
    parts = [part.split(" ") for part in policy.split(" and ")]  # each "group k of n"
    return all(len(keys[group]) == int(n) and len(keys[group] & signers) >= int(k) for group, k, _, n in parts)
def check_log_consistency(v, key, chain):
    need(not chain or v["chain_id"] == chain, "another chain")
    old, new, path, size = v["old"], v["new"], v["path"], v["old"]["size"]
    for head in (old, new): check_checkpoint(head, v["chain_id"], key)
    need(0 < size <= new["size"] and bool(path) == (size < new["size"]), "sizes or path out of bounds")
    start, path = (old["root"], path) if size & (size - 1) == 0 or not path else (path[0], path[1:])
    shift = (size ^ (size - 1)).bit_length() - 1 if path else new["size"].bit_length()
    roots = climb(log_node, start, (size - 1) >> shift, (new["size"] - 1) >> shift, path)
    need(roots == (old["root"], new["root"]), "the later log does not begin with the older one")
def check_settlement(v, key, chain):
    header, leaves, owed = check_block(v["header"], v["signature"], key, chain), v["positions"], v["obligation"]
    cycle = check_closing(v["closing"], header, owed["currency"])
    need([leaf["slot"] for leaf in leaves] == list(range(header["positions"]["size"])), "other positions or slots")
    cycles = {(leaf["currency"], leaf["cycle"]) for leaf in leaves} | {(owed["currency"], cycle)}
    need(len(cycles) == len(dict(cycles)), "two cycles of one currency")
    rows = b""
    for currency in sorted(dict(cycles)):
        own = [leaf for leaf in leaves if leaf["currency"] == currency]
        debits, credits = (sum(leaf[side] for leaf in own) for side in ("debits", "credits"))
        need(debits == credits < 2**128, "debits and credits differ")
        rows += struct.pack("<H", currency) + 2 * debits.to_bytes(16, "little")
    need(keyed("block totals", rows) == header["totals"], "other totals")
    # Laid end to end by slot, what all owe is as long as what all are owed; who pays whom is where the two overlap.
    parts = [[max(0, sign * leaf["position"]) * (leaf["currency"] == owed["currency"]) for leaf in leaves]
             for sign in (-1, 1)]
    sides = list(zip(parts, (owed["debtor"], owed["creditor"])))
    starts, ends = ([sum(part[:slot + more]) for part, slot in sides] for more in (0, 1))
    need(sum(parts[0]) == sum(parts[1]) < 2**128, "positions do not sum to zero")
    need(min(ends) - max(starts) == owed["amount"] > 0, "the obligation does not follow")
    root = tree_root("position node", [keyed("position leaf", leaf["bytes"]) for leaf in leaves])
    need(root == header["positions"]["root"], "not the block's positions")
def check_signed_batch_former_key(v, key, chain):
    check_links([v["before"], v["batch"]["receipt"]["header"]])
    check_signed_batch(v["batch"], key, chain, v["before"])
def check_signed_batch(v, key, chain, of_keys=None):
    receipt, records = v["receipt"], v["records"]
    check_receipt(receipt, key, chain)
    submitted, record = (records[v["place"]:] or [b""])[0], receipt["record"]
    need(submitted[:104] + submitted[122:] == record[:104] + record[122:], "not the batch's record")
    signer = whole("participant", v["participant"]["entry"])["key"]
    check_config(v["participant"], of_keys or receipt["header"])
    batch = v["batch_id"].to_bytes(16, "little") + keyed("signed batch", b"".join(records))
    message = b"feiqian message v1\n" + struct.pack("<Q", 16) + b"feiqian batch v1" + receipt["header"]["chain_id"]
    check_signature(signer, message + batch, v["batch_signature"], "the batch's signature")
OUTCOMES = "undecided cleared held voided rejected duplicate queued".split()  # of amounts, only those cleared moved
def told(v, of=""):
    """What a proof that holds states, a line for each part; amounts in minor units, currencies by their numbers."""
    said = [f"{name} {value if isinstance(value, int) else value.decode() if name == 'bic' else value.hex()}"
            for name, value in v.items() if isinstance(value, int) or name in ("bic", "chain_id", "root", "key")]
    if "record" in v:
        number = lambda at, width: le(v["record"][at:at + width])
        said = [f"transfer {uuid.UUID(int=number(0, 16))} {dict(enumerate(OUTCOMES)).get(number(120, 1), 'unknown')}",
                f"reason {number(121, 1)}, account {number(16, 8)} to {number(24, 8)}, amount {number(32, 8)}",
                f"currency {number(40, 2)}, sequence {number(104, 8)}, nanoseconds since 1970 {number(112, 8)}"]
    said += [f"of {entry[1:12].decode()}" for entry in [v.get("entry", b"")] if entry[:1] == b"\2"]
    said += [f"hash {keyed('block header', v['bytes']).hex()}"] * ("height" in v)
    yield from [of + ", ".join(said)] * (said != [])
    for name, part in v.items() if "height" not in v else ():
        for each in part if isinstance(part, list) else [part]:
            yield from told(each, name + ": ") if isinstance(each, dict) else ()
def outcome(data, key, chain):
    try:
        kind, value = read(data)
        globals()["check_" + kind](value, key, chain)
        return "yes", kind, value
    except Refused as refusal:
        return "no", str(refusal), {}
def agrees(vector):
    data = vector["json"].encode() if "json" in vector else bytes.fromhex(vector["file"])
    valid, _, value = outcome(data, bytes.fromhex(vector["key"]), bytes.fromhex(vector["chain"]))
    met = "policy" not in vector or is_met(vector["policy"], vector["groups"], value)
    return valid == vector["valid"] and met == (vector.get("witnessed") != "no")
def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("--key", "--chain"): parser.add_argument(name, type=bytes.fromhex, default=b"")
    for name in ("--policy", "file"): parser.add_argument(name, type=argparse.FileType("rb"))
    parser.add_argument("--vectors", action="store_true")
    options = parser.parse_args()
    if options.vectors:
        vectors = json.load(options.file)
        wrong = [vector["name"] for vector in vectors if not agrees(vector)]
        print(*wrong, f"{len(vectors)} vectors, {len(wrong)} disagreements", sep="\n")
        return bool(wrong)
    valid, said, value = outcome(options.file.read(), options.key, options.chain)
    met = not options.policy or valid == "yes" and is_met(**tomllib.load(options.policy), v=value)
    states = [*told(value), *["WITNESSED" if met else "not WITNESSED"] * bool(options.policy)]
    print(f"VERIFIED: {said}" if valid == "yes" else f"REFUSED: {said}", *states, sep="\n  ")
    return valid == "no" or not met
sys.exit(main())
