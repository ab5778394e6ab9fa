"""Real dlt on a list of the mock server: `dlt_rest.py URL DATABASE`, parquet files."""
import os
import sys
import tempfile

url, database = sys.argv[1], sys.argv[2]
work = tempfile.mkdtemp(prefix="dlt", dir=os.path.dirname(os.path.abspath(database)))
os.environ.update(
    DLT_DATA_DIR=work,
    DLT_PROJECT_DIR=work,
    RUNTIME__DLTHUB_TELEMETRY="false",
    LOAD__WORKERS="4",
)

import dlt
from dlt.sources.rest_api import rest_api_source

source = rest_api_source(
    {
        "client": {
            "base_url": url,
            "auth": {"type": "http_basic", "username": "mock-key", "password": ""},
            "paginator": {
                "type": "page_number",
                "base_page": 1,
                "page_param": "currentPage",
                "total_path": "pagination.pagesTotal",
            },
        },
        "resources": [
            {
                "name": "videos",
                "write_disposition": "append",
                "endpoint": {"path": "videos", "data_selector": "data", "params": {"pageSize": 100}},
            }
        ],
    },
    name="api_video",
)
pipeline = dlt.pipeline(
    "bench",
    destination=dlt.destinations.duckdb(database),
    dataset_name="bench_data",
    pipelines_dir=work,
)
pipeline.run(source, loader_file_format="parquet")
