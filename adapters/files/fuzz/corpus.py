#!/usr/bin/env python3
"""Writes the shared tables (`../shared/data` beside the repository, or where FEIQIAN_DATA says) into the corpus of the fuzz
target: those that are not long, as they are and without their header, and lines of our own for what they do not have."""
import os
import pathlib

here = pathlib.Path(__file__).resolve().parent
data = pathlib.Path(os.environ.get("FEIQIAN_DATA", here / "../../../../shared/data"))
corpus = here / "corpus" / "csv"
corpus.mkdir(parents=True, exist_ok=True)
# A longer one has nothing new in its later lines.
BYTES_MAX = 16 * 1024

HEADER = b"debtor_agent,debtor_account,creditor_agent,creditor_account,amount,currency,uetr,end_to_end_id,purpose,remittance\n"
OWN = {
    "own-plain": b"BNKAXXAA,1,BNKBXXAA,2,1.00,EUR,,E2E-1,SALA,Rent\n",
    "own-id": b"BNKAXXAA,DE89370400440532013000,USABA:021040078,MBNO:4712,12.30,EUR,7a562c67-ca16-48ba-b074-65581be6f001,,,\n",
    "own-quoted": b'BNKAXXAA,1,BNKBXXAA,2,1.00,EUR,,"E,2","","say ""hello"""\r\n\r\n',
    "own-wrong": b"BNKAXXAA,DE88370400440532013000,BNKBXXAA,2,-1,XXX,no-id,,sala,\xc3\xa9\n",
    "own-broken": b'BNKAXXAA,"1,BNKBXXAA,2,1.00,EUR\n\xff\xfe\x00',
}
for name, lines in OWN.items():
    (corpus / name).write_bytes(HEADER + lines)
count = len(OWN)
for file in sorted((data / "other/csv").glob("*.csv")):
    content = file.read_bytes()[:BYTES_MAX]
    (corpus / file.stem).write_bytes(content)
    (corpus / f"{file.stem}.body").write_bytes(content.partition(b"\n")[2])
    count += 2
print(f"{count} files in {corpus}")
