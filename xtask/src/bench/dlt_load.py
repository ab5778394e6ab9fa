"""Real dlt on a JSONL file of orders: `dlt_load.py FILE DATABASE [FORMAT]`. DATABASE is a DuckDB file or the URL of Postgres.

Pages are parsed by orjson outside dlt. FORMAT is the loader file format; without it dlt takes its default.
"""
import os
import sys
import tempfile

path, database = sys.argv[1], sys.argv[2]
file_format = sys.argv[3] if len(sys.argv) > 3 else None
work = tempfile.mkdtemp(prefix="dlt", dir=os.getcwd())
os.environ.update(
    DLT_DATA_DIR=work,
    DLT_PROJECT_DIR=work,
    RUNTIME__DLTHUB_TELEMETRY="false",
    LOAD__WORKERS="4",
    NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS="100000",
    EXTRACT__DATA_WRITER__FILE_MAX_ITEMS="100000",
)

import dlt
import orjson


@dlt.resource(name="orders", write_disposition="replace")
def orders():
    page = []
    with open(path, "rb") as lines:
        for line in lines:
            page.append(orjson.loads(line))
            if len(page) == 5000:
                yield page
                page = []
    if page:
        yield page


kind = dlt.destinations.postgres if "://" in database else dlt.destinations.duckdb
pipeline = dlt.pipeline(
    "bench",
    destination=kind(database),
    dataset_name="bench_data",
    pipelines_dir=work,
)
pipeline.run(orders(), **({"loader_file_format": file_format} if file_format else {}))
