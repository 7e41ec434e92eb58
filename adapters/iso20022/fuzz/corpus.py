#!/usr/bin/env python3
"""Copies the fixtures, and of the shared samples (`../shared/data` beside the repository, or where FEIQIAN_DATA says) all XML
files of at most 64 KiB, into the corpus of the fuzz target."""
import os
import pathlib

here = pathlib.Path(__file__).resolve().parent
data = pathlib.Path(os.environ.get("FEIQIAN_DATA", here / "../../../../shared/data"))
corpus = here / "corpus" / "message"
corpus.mkdir(parents=True, exist_ok=True)
count = 0
for folder in [here.parent / "tests/fixtures", data / "iso20022/samples"]:
    for file in sorted(folder.rglob("*.xml")):
        if file.stat().st_size <= 65_536:
            (corpus / "-".join(file.relative_to(folder).parts)).write_bytes(file.read_bytes())
            count += 1
print(f"{count} files in {corpus}")
