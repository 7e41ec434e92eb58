#!/usr/bin/env python3
"""Writes the shared vectors (`../shared/data` beside the repository, or where FEIQIAN_DATA says) into the corpora of
the fuzz targets: merchants' payloads as they are and without their CRC, consumers' as base64 and as bytes."""
import base64
import json
import os
import pathlib

here = pathlib.Path(__file__).resolve().parent
data = pathlib.Path(os.environ.get("FEIQIAN_DATA", here / "../../../../shared/data"))
counts = {"merchant": 0, "consumer": 0}
for target in counts:
    (here / "corpus" / target).mkdir(parents=True, exist_ok=True)


def write(target: str, name: str, content: bytes) -> None:
    (here / "corpus" / target / name).write_bytes(content)
    counts[target] += 1


for file in sorted((data / "emvqr/vectors").glob("*.json")):
    vector = json.loads(file.read_text())
    payload = vector["payload"].encode()
    if vector["kind"] == "mpm":
        write("merchant", file.stem, payload)
        if payload[-8:-4] == b"6304":
            write("merchant", f"{file.stem}.body", payload[:-8])
    else:
        write("consumer", file.stem, payload)
        if vector["valid"]:
            write("consumer", f"{file.stem}.bytes", base64.b64decode(payload))
for target, count in counts.items():
    print(f"{count} files in {here / 'corpus' / target}")
