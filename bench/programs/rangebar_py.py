"""Times rangebar-py on one day's archive: `rangebar_py.py ZIP DBPS`; run by ../peers.ts. Imports are not timed."""

import io
import json
import sys
import time
import zipfile

import polars as pl
from rangebar import process_trades_polars

path, dbps = sys.argv[1], int(sys.argv[2])
started = time.perf_counter()
with zipfile.ZipFile(path) as archive:
    text = archive.read(archive.namelist()[0])
columns = ["agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "timestamp", "is_buyer_maker", "best_match"]
# Only what the package takes is parsed into a column.
trades = pl.read_csv(
    io.BytesIO(text),
    has_header=False,
    new_columns=columns,
    schema_overrides={"is_buyer_maker": pl.String},
).select(
    "timestamp",
    "price",
    "quantity",
    (pl.col("is_buyer_maker").str.to_lowercase() == "true").alias("is_buyer_maker"),
)
bars = process_trades_polars(trades, dbps)
seconds = time.perf_counter() - started
print(json.dumps({"trades": trades.height, "bars": len(bars), "seconds": seconds}))
