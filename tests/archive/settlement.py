"""The settlement's numbers from an archive, with SQL alone: `settlement.py ARCHIVE CYCLE` prints them as JSON.

Net positions of the cycle by participant and currency, in minor units, once from `transfers` with `outcomes` and once from
`positions`; and whether every block that is in has all of its rows.
"""

import json
import sys

import duckdb

archive, cycle = sys.argv[1], int(sys.argv[2])
db = duckdb.connect()
for table in ["transfers", "outcomes", "positions", "blocks"]:
    files = f"{archive}/{table}/**/*.parquet"
    db.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)")

FROM_TRANSFERS = """
    WITH moved AS (
        SELECT t.currency, t.debtor_participant AS debtor, t.creditor_participant AS creditor, o.amount_minor AS amount
        FROM transfers t JOIN outcomes o USING (sequence)
        WHERE o.outcome = 'cleared' AND t.cycle = ? AND t.debtor_participant <> t.creditor_participant)
    SELECT participant, currency, sum(amount)::HUGEINT FROM (
        SELECT creditor AS participant, currency, amount::HUGEINT AS amount FROM moved
        UNION ALL SELECT debtor, currency, -(amount::HUGEINT) FROM moved)
    GROUP BY ALL ORDER BY ALL"""
FROM_POSITIONS = """
    SELECT participant, currency, sum(net_minor)::HUGEINT FROM positions WHERE cycle = ?
    GROUP BY ALL ORDER BY ALL"""
INCOMPLETE = """
    SELECT count(*) FROM blocks b WHERE b.transfers_size <> b.count
        OR b.count < (SELECT count(*) FROM transfers t WHERE t.block = b.height)
        OR (SELECT count(*) FROM transfers t WHERE t.block = b.height)
            <> (SELECT count(*) FROM outcomes o WHERE o.block = b.height)"""


def nets(query):
    rows = db.execute(query, [cycle]).fetchall()
    return {f"{participant} {currency}": str(net) for participant, currency, net in rows}


def one(query):
    return db.execute(query).fetchone()[0]


print(json.dumps({
    "transfers": nets(FROM_TRANSFERS),
    "positions": nets(FROM_POSITIONS),
    "blocks": one("SELECT count(*) FROM blocks"),
    "incomplete_blocks": one(INCOMPLETE),
    "rows": one("SELECT count(*) FROM transfers"),
    "sequences": one("SELECT count(DISTINCT sequence) FROM transfers"),
    "uetr": str(one("SELECT min(uetr) FROM transfers")),
    "types": {name: kind for name, kind, *_ in db.execute("DESCRIBE transfers").fetchall()},
}))
