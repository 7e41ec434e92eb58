"""Makes the corpus of `message` from the shared vectors: a byte that names the table, then the message."""

import json
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
DATA = pathlib.Path(os.environ.get("FEIQIAN_DATA", HERE / "../../../../shared/data"))
# Table and bytes of header, of the dialects that are built in.
TABLES = {
    "ascii-hexbitmap": (0, 0),
    "cups": (2, 46),
    "cups-nohdr": (2, 0),
    "pos-bcd": (3, 11),
    "pos-bcd-nohdr": (3, 0),
}

corpus = HERE / "corpus" / "message"
corpus.mkdir(parents=True, exist_ok=True)
for path in sorted((DATA / "iso8583/vectors").glob("*.json")):
    vector = json.loads(path.read_text(encoding="utf-8"))
    if vector.get("dialect") in TABLES:
        table, header = TABLES[vector["dialect"]]
        message = bytes.fromhex(vector["hex"])[header:]
        (corpus / path.stem).write_bytes(bytes([table]) + message)
