#!/usr/bin/env python3
"""Writes details of our own into the corpus of `details`, and into that of `csv` the shared tables (`../shared/data` beside the repository, or where FEIQIAN_DATA says) into the corpus of the fuzz
target: those that are not long, as they are and without their header, and lines of our own for what they do not have."""
import json
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

details = here / "corpus" / "details"
details.mkdir(parents=True, exist_ok=True)
bank = {"bic": "BNKAXXAAXXX", "member": ["USABA", "021040078"], "name": "Bank", "id": "529900T8BM49AURSDO55", "other": "1"}
side = {"name": "Anna", "bic": "CORPDEFFXXX", "id": "4711", "account": {"iban": "DE89370400440532013000"}, "agent": bank,
        "ultimate": "Mother"}
told = {"amount": "12.34", "currency": "USD"}
party = {"name": "Anna", "bic": "CORPDEFFXXX", "member": [None, "1"], "lei": "529900T8BM49AURSDO55", "organisation": "4711",
         "person": "P", "country": "DE", "town": "Bonn"}
below = {"debtor": party, "debtor_account": {"other": ["1", "BBAN"]}, "debtor_agent": bank, "ultimate_debtor": party,
         "initiating_party": party, "previous_agents": [bank], "intermediaries": [bank], "creditor_agent": bank,
         "creditor": party, "creditor_account": {"proxy": ["+33", "TELE"]}, "ultimate_creditor": party, "remittance": ["a"],
         "references": ["RF18539007547034"], "instructed_amount": told}
first = {"version": 1, "message_type": "pacs.008.001.08", "message_id": "M", "payment_information_id": "P", "debtor": side,
         "creditor": side, "instructing_agent": bank, "purpose": "SALA", "charge_bearer": "SHAR", "date": "2026-03-16",
         "remittance": ["one", "two"], "references": ["R"], "returns": "r", "reasons": ["AC04"], "end_to_end_id": "E"}
second = first | {"version": 2, "instructed_amount": told, "exchange_rate": "1.5", "charges": [{"amount": told, "agent": bank}],
                  "intermediaries": [bank], "underlying": below}
said = """Dbtr/PstlAdr
 StrtNm=a
 AdrLine=a line with
|a break
RmtInf/Strd
 RfrdDocAmt
  DuePyblAmt EUR=12.50
+
 CdtrRefInf
  Ref=RF18539007547034
CdtrAgtAcct
 Id
  IBAN=DE89370400440532013000
Tax
 Cdtr
  TaxId=1
"""
third = second | {"version": 3, "said": said}
for name, value in {"first": first, "second": second, "third": third, "least": {"version": 1}}.items():
    (details / name).write_text(json.dumps(value))
print(f"4 files in {details}")
