#!/usr/bin/env python3
"""Writes each vector of ../tests/vectors.json into the corpus of the fuzz target."""
import json
import pathlib

here = pathlib.Path(__file__).parent
corpus = here / "corpus" / "proof"
corpus.mkdir(parents=True, exist_ok=True)
vectors = json.loads((here.parent / "tests" / "vectors.json").read_text())
for at, vector in enumerate(vectors):
    data = vector["json"].encode() if "json" in vector else bytes.fromhex(vector["file"])
    (corpus / f"vector-{at}").write_bytes(data)
print(f"{len(vectors)} files in {corpus}")
