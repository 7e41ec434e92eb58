#!/usr/bin/env python3
"""Writes headers of right form into the corpus of the fuzz target, a line each as it takes them: what a signature covers, the
signature, the body's digest, an API key, a date, and the body."""
import base64
import hashlib
import pathlib

corpus = pathlib.Path(__file__).resolve().parent / "corpus" / "headers"
corpus.mkdir(parents=True, exist_ok=True)
body = b'{"debtor":"1"}'
digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
covered = ['"@method" "@target-uri" "content-digest"', '"@method" "@authority" "@path" "@query" "content-digest"',
           '"@method" "@target-uri" "content-digest" "date"', '"@method";req "@target-uri"', '']
parameters = ['created=1799999999;keyid="a";nonce="n-1"', 'created=1799999999;expires=1800000001;keyid="a";nonce="n";alg="ed25519"',
              'keyid="b";created=1799999999;nonce="n"', 'created=1;keyid="a"']
signature = base64.b64encode(bytes(range(64))).decode()
key = "Bearer fq_" + "0" * 16 + "_" + "1" * 64
count = 0
for parts in covered:
    for named in parameters:
        for shown in ("", key):
            lines = [f"sig1=({parts});{named}", f"sig1=:{signature}:", f"sha-256=:{digest}:", shown,
                     "Mon, 16 Mar 2026 08:00:00 GMT"]
            (corpus / f"{count}").write_bytes("\n".join(lines).encode() + b"\n" + body)
            count += 1
print(f"{count} files in {corpus}")
