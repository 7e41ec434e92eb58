#!/usr/bin/env python3
"""Writes bodies that routes take, and queries that they take, into the corpus of the fuzz target: each for every route, for
the first byte says which."""
import json
import pathlib

corpus = pathlib.Path(__file__).resolve().parent / "corpus" / "requests"
corpus.mkdir(parents=True, exist_ok=True)
money = {"amount": "12.50", "currency": "EUR"}
payment = {"uetr": "6a1f0c52-7d1e-4b63-9c55-0b8f3e2d7a11", "debtor": "BNKAXXAAXXX/EUR", "creditor": "BNKBXXAAXXX/EUR",
           "amount": money, "purpose": "SALA", "end_to_end_id": "E-1", "remittance": "tea",
           "queue": {"priority": "URGENT", "earliest_s": 1, "latest_s": 60}}
code = {"creditor": "BNKBXXAAXXX/EUR", "amount": money, "name": "TEA HOUSE", "city": "LYON", "country": "FR",
        "category": "5812", "reference": "R1", "expires_s": 60, "picture": "SVG"}
bodies = [payment, {"mode": "atomic", "transfers": [payment, payment]}, code, {"payload": "000201", "debtor": "1"},
          {"debtor": "1", "limit": money, "expires_s": 60}, {"uetr": payment["uetr"], "amount": money, "keep": True},
          {"original": payment["uetr"], "amount": money}, {"sell": "EUR", "buy": "USD", "pay": money, "valid_s": 60}]
queries = ["cursor=12&limit=5", "participant=BNKAXXAAXXX&cursor=", "account=1&block=3&format=json", "old=1&new=2",
           "message=camt.053&cycle=1&currency=EUR.1", "after=%31&after=2", "limit=+1&limit=0&x=%zz"]
texts = [json.dumps(body) for body in bodies] + queries
for at, text in enumerate(texts):
    for route in range(64):
        (corpus / f"{at}-{route}").write_bytes(bytes([route]) + text.encode())
print(f"{len(texts) * 64} files in {corpus}")
