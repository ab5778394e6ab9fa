"""dlt and tipple load the same REST configuration from the same mock, three runs with changed data between them.

`interop_rest.py [WORDS…]`: all checks, or those with one of the words in their name. Wants TIPPLE_BIN, TIPPLE_JUDGE,
MOCKAPI_BIN and FIXTURES.
"""
import copy
import json
import os
import subprocess
import sys
import time
import traceback
import urllib.request

HERE = os.getcwd()
TIPPLE, JUDGE, MOCKAPI = (os.environ[name] for name in ("TIPPLE_BIN", "TIPPLE_JUDGE", "MOCKAPI_BIN"))
FIXTURES = os.environ["FIXTURES"]
PIPELINE, SOURCE, DATASET = "turns", "rest_shop", "rest_shop_data"

os.environ.update(
    DLT_DATA_DIR=os.path.join(HERE, "data"),
    DLT_PROJECT_DIR=HERE,
    RUNTIME__DLTHUB_TELEMETRY="false",
    RUNTIME__LOG_LEVEL="CRITICAL",
)
import dlt
import yaml
from dlt.sources.rest_api import rest_api_source


# What every case loads: configuration of the mock, configuration of the source, changes after the first and second run.
CASES = {}


def case(name, resources, client=None, defaults=None, changes=((), ()), scenario="small"):
    document = {"client": {"base_url": "", **(client or {})}, "resources": resources}
    if defaults:
        document["resource_defaults"] = defaults
    CASES[name] = {"document": document, "changes": changes, "scenario": scenario}


AT = "2025-06-01T00:00:00+00:00"
LATER = "2025-07-01T00:00:00+00:00"

# ── Pixlee ──
PIXLEE = {
    "base_url": "/api/v2",
    "auth": {"type": "api_key", "name": "api_key", "api_key": "mock-key", "location": "query"},
    "paginator": {"type": "page_number", "base_page": 1, "total_path": None, "has_more_path": "next"},
}
IGNORE_404 = {"response_actions": [{"status_code": 404, "action": "ignore"}]}
PIXLEE_CHANGES = (
    [
        {"resource": "albums", "from": 3, "to": 9, "set": {"title": "changed", "cover": {"url": "x"}}, "at": AT},
        {"resource": "album_photos", "from": 64, "to": 67, "set": {"like_count": 99, "ai_labels": [{"name": "shoe"}]}, "at": AT},
        {"resource": "media", "from": 2, "to": 5, "set": {"photo_title": "new"}, "at": AT},
        {"resource": "media", "add": 7},
        {"resource": "tags", "add": 2},
    ],
    [
        {"resource": "albums", "from": 5, "delete": True},
        {"resource": "albums", "from": 10, "to": 14, "retype": {"field": "num_photos", "to": "text"}, "at": LATER},
        {"resource": "media", "from": 20, "to": 24, "retype": {"field": "like_count", "to": "float"}, "at": LATER},
        {"resource": "media", "from": 30, "to": 33, "drop_field": "photo_title", "at": LATER},
    ],
)
PHOTOS = {
    "name": "album_photos",
    "primary_key": "album_photo_id",
    "include_from_parent": ["title"],
    "endpoint": {
        "path": "albums/{resources.albums.id}/photos",
        "params": {"sort": '{{"recency":true,"asc":true}}'},
        **IGNORE_404,
    },
}
PIXLEE_RESOURCES = [
    {"name": "albums", "primary_key": "id"},
    PHOTOS,
    {"name": "media", "primary_key": "album_photo_id"},
    {"name": "tags", "primary_key": "id"},
    {"name": "categories", "primary_key": "id"},
    {"name": "statistics", "write_disposition": "replace"},
]
for disposition in ("append", "merge"):
    case(
        f"pixlee, {disposition}",
        PIXLEE_RESOURCES,
        PIXLEE,
        {"write_disposition": disposition, "endpoint": {"data_selector": "data", "params": {"per_page": 17}}},
        PIXLEE_CHANGES,
    )
case(
    "pixlee, incremental",
    [
        {
            "name": "media",
            "primary_key": "album_photo_id",
            "endpoint": {"path": "media", "incremental": {"cursor_path": "updated_at", "initial_value": 0}},
        }
    ],
    PIXLEE,
    {"write_disposition": "merge", "endpoint": {"data_selector": "data", "params": {"per_page": 10}}},
    PIXLEE_CHANGES,
)
for folder, name in (("pixlee", "pixlee"), ("api-video", "api.video")):
    with open(os.path.join(FIXTURES, folder, "source.yaml")) as file:
        fixture = yaml.safe_load(file)
    fixture["client"]["base_url"] = "/api/v2" if folder == "pixlee" else ""
    case(
        f"{name}, fixtures",
        fixture["resources"],
        fixture["client"],
        fixture["resource_defaults"],
        scenario="fixtures",
    )

# ── api.video ──
API_VIDEO = {
    "auth": {"type": "http_basic", "username": "mock-key", "password": ""},
    "paginator": {
        "type": "page_number",
        "base_page": 1,
        "page_param": "currentPage",
        "total_path": "pagination.pagesTotal",
    },
}
WHOLE = {"data_selector": "$", "paginator": "single_page", **IGNORE_404}
VIDEO_CHANGES = (
    [
        {"resource": "videos", "from": 10, "to": 20, "set": {"title": "changed"}, "at": AT},
        {"resource": "videos", "from": 30, "to": 33, "set": {"aiSummary": {"state": "done", "scores": [1, 2.5]}}, "at": AT},
        {"resource": "videos", "add": 5},
        {"resource": "videos", "from": 40, "to": 60, "retype": {"field": "metadata.value", "to": "int"}, "at": AT},
        {"resource": "summaries", "from": 0, "to": 4, "set": {"origin": "api"}, "at": AT},
        {"resource": "players", "add": 1},
    ],
    [
        {"resource": "videos", "from": 3, "delete": True},
        {"resource": "videos", "from": 70, "to": 75, "drop_field": "description", "at": LATER},
        {"resource": "videos", "from": 80, "to": 82, "set": {"tags": []}, "at": LATER},
        {"resource": "live_streams", "from": 1, "to": 5, "set": {"restreams": [{"name": "only"}]}, "at": LATER},
    ],
)
VIDEO_RESOURCES = [
    {"name": "videos", "primary_key": "videoId", "endpoint": {"path": "videos", "params": {"sortBy": "updatedAt", "sortOrder": "asc"}}},
    {"name": "discarded_videos", "primary_key": "videoId", "endpoint": "discarded/videos"},
    {
        "name": "video_status",
        "primary_key": "_videos_videoId",
        "include_from_parent": ["videoId"],
        "endpoint": {"path": "videos/{resources.videos.videoId}/status", **WHOLE},
    },
    {
        "name": "captions",
        "primary_key": ["_videos_videoId", "srclang"],
        "include_from_parent": ["videoId"],
        "endpoint": "videos/{resources.videos.videoId}/captions",
    },
    {"name": "summaries", "primary_key": "summaryId"},
    {
        "name": "summary_source",
        "primary_key": "_summaries_summaryId",
        "include_from_parent": ["summaryId"],
        "endpoint": {"path": "summaries/{resources.summaries.summaryId}/source", **WHOLE},
    },
    {"name": "players", "primary_key": "playerId"},
    {"name": "live_streams", "primary_key": "liveStreamId", "endpoint": "live-streams"},
    {"name": "tags", "primary_key": "value"},
    {"name": "webhooks", "primary_key": "webhookId"},
    {"name": "upload_tokens", "primary_key": "token", "endpoint": "upload-tokens"},
    {"name": "metrics_play_count", "write_disposition": "replace", "endpoint": {"path": "data/metrics/play/count", **WHOLE}},
    {"name": "timeseries_play", "write_disposition": "replace", "endpoint": "data/timeseries/play"},
]
for disposition in ("append", "merge"):
    case(
        f"api.video, {disposition}",
        VIDEO_RESOURCES,
        API_VIDEO,
        {"write_disposition": disposition, "endpoint": {"data_selector": "data", "params": {"pageSize": 25}}},
        VIDEO_CHANGES,
    )
for order in ("asc", "desc"):
    case(
        f"api.video, incremental {order}",
        [
            {
                "name": "videos",
                "primary_key": "videoId",
                "endpoint": {
                    "path": "videos",
                    "params": {"sortBy": "updatedAt", "sortOrder": order},
                    "incremental": {
                        "cursor_path": "updatedAt",
                        "initial_value": "2025-01-01T00:10:00+00:00",
                        **({"row_order": "desc"} if order == "desc" else {}),
                    },
                },
            },
            {
                "name": "video_status",
                "primary_key": "_videos_videoId",
                "include_from_parent": ["videoId", "title"],
                "endpoint": {"path": "videos/{resources.videos.videoId}/status", **WHOLE},
            },
        ],
        API_VIDEO,
        {"write_disposition": "merge", "endpoint": {"data_selector": "data", "params": {"pageSize": 20}}},
        VIDEO_CHANGES,
    )
case(
    "api.video, admin",
    [
        {"name": "projects", "primary_key": "project_id"},
        {
            "name": "projects_api_keys",
            "primary_key": "api_key_id",
            "include_from_parent": ["name"],
            "endpoint": "projects/{resources.projects.project_id}/api-keys",
        },
    ],
    {
        "base_url": "/admin",
        "auth": {"type": "http_basic", "username": "mock-admin-key", "password": ""},
        "paginator": {"type": "json_link", "next_url_path": "links[?(@.rel=='next')].href"},
    },
    {"write_disposition": "merge", "endpoint": {"data_selector": "items", "params": {"page_size": 10}}},
    ([{"resource": "projects", "add": 3}], [{"resource": "projects", "from": 1, "delete": True}]),
)

# ── Generic area ──
ROW_CHANGES = (
    [
        {"resource": "rows", "from": 1, "to": 4, "set": {"name": "changed", "extra": {"deep": [1, 2]}}, "at": AT},
        {"resource": "rows", "add": 3},
        {"resource": "events", "from": 2, "to": 5, "set": {"kind": "return"}, "at": AT},
        {"resource": "events", "add": 6},
        {"resource": "parents", "add": 1},
        {"resource": "children", "from": 64, "set": {"label": "changed", "tags": ["a", "b"]}},
    ],
    [
        {"resource": "rows", "from": 0, "delete": True},
        {"resource": "rows", "from": 2, "to": 5, "retype": {"field": "score", "to": "text"}},
        {"resource": "events", "from": 7, "to": 9, "retype": {"field": "details.value", "to": "float"}, "at": LATER},
        {"resource": "parents", "from": 0, "delete": True},
    ],
)
ROWS = {"rows": 11, "page_size": 3}


def rows(name, path, paginator, **endpoint):
    params = endpoint.pop("params", ROWS)
    return {"name": name, "endpoint": {"path": path, "params": params, "paginator": paginator, **endpoint}}


DATA = {"data_selector": "data"}
case(
    "generic, links",
    [
        rows("header_link", "header-link", "header_link"),
        rows("json_link", "json-link", "json_link", **DATA),
        rows("json_link_relative", "json-link-relative", {"type": "json_link", "next_url_path": "next"}, **DATA),
        rows("json_link_hal", "json-link-hal", {"type": "json_link", "next_url_path": "_links.next.href"}, **DATA),
    ],
    {"base_url": "/g"},
    {"primary_key": "id", "write_disposition": "merge"},
    ROW_CHANGES,
)
case(
    "generic, cursors",
    [
        rows("header_cursor", "header-cursor", {"type": "header_cursor", "cursor_key": "next", "cursor_param": "cursor"}),
        rows("cursor", "cursor", {"type": "cursor", "cursor_param": "cursor"}, **DATA),
        rows("cursor_next", "cursor-next", {"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"}, **DATA),
        rows("cursor_number", "cursor-number", {"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"}, **DATA),
        rows(
            "cursor_has_more",
            "cursor-has-more",
            {"type": "cursor", "cursor_path": "next", "cursor_param": "cursor", "has_more_path": "has_more"},
            **DATA,
        ),
        rows(
            "cursor_body",
            "cursor-body",
            {"type": "cursor", "cursor_path": "next", "cursor_body_path": "page.cursor"},
            method="POST",
            json={"query": {"text": "x"}},
            **DATA,
        ),
    ],
    {"base_url": "/g"},
    {"write_disposition": "append"},
    ROW_CHANGES,
)
case(
    "generic, numbers",
    [
        rows("offset", "offset", {"type": "offset", "limit": 4}, **DATA),
        rows("offset_maximum", "offset", {"type": "offset", "limit": 4, "total_path": None, "maximum_offset": 8}, **DATA),
        rows("offset_endless", "total-missing", {"type": "offset", "limit": 4, "total_path": None}, **DATA),
        rows("offset_text", "total-string", {"type": "offset", "limit": 4}, **DATA),
        rows(
            "offset_body",
            "offset-body",
            {"type": "offset", "limit": 4, "offset_body_path": "page.offset", "limit_body_path": "page.limit"},
            method="POST",
            json={"query": "x"},
            **DATA,
        ),
        rows("page", "page", {"type": "page_number", "base_page": 1}, **DATA),
        rows("page_zero", "page-zero", {"type": "page_number"}, **DATA),
        rows("page_maximum", "page", {"type": "page_number", "base_page": 1, "total_path": None, "maximum_page": 3}, **DATA),
        rows("page_endless", "total-missing", {"type": "page_number", "base_page": 1, "total_path": None}, **DATA),
        rows("has_more", "has-more-string", {"type": "page_number", "base_page": 1, "total_path": None, "has_more_path": "has_more"}, **DATA),
        rows(
            "search",
            "search",
            {"type": "page_number", "base_page": 1, "page_body_path": "page"},
            method="POST",
            json={"query": {"text": "x"}},
            **DATA,
        ),
    ],
    {"base_url": "/g"},
    {"write_disposition": "replace"},
    ROW_CHANGES,
)
case(
    "generic, shapes",
    [
        {"name": "list_root", "endpoint": {"path": "list-root", "paginator": "single_page"}},
        {"name": "object", "endpoint": {"path": "object", "paginator": "single_page"}},
        {"name": "object_with_list", "endpoint": {"path": "object-with-list", "paginator": "single_page"}},
        {"name": "deep_list", "endpoint": {"path": "deep-list", "paginator": "single_page"}},
        {"name": "odd_keys", "endpoint": {"path": "odd-keys", "paginator": "single_page", "data_selector": "data"}},
        {"name": "numbers", "endpoint": {"path": "numbers", "paginator": "single_page", "data_selector": "$"}},
        {"name": "scalars", "endpoint": {"path": "scalars", "paginator": "single_page", "data_selector": "$"}},
        {"name": "gzip", "endpoint": {"path": "gzip", "paginator": "single_page", "data_selector": "$"}},
        {"name": "deflate", "endpoint": {"path": "deflate", "paginator": "single_page", "data_selector": "$"}},
        {"name": "redirected", "endpoint": {"path": "redirect/3", "paginator": "single_page", "data_selector": "$"}},
    ],
    {"base_url": "/g"},
)
FAMILY = [
    {"name": "parents", "endpoint": {"path": "parents", "params": {"page_size": 2}}},
    {
        "name": "children",
        "primary_key": "cid",
        "include_from_parent": ["id", "name"],
        "endpoint": {"path": "parents/{resources.parents.id}/children", "params": {"children": 3, "page_size": 2}},
    },
    {
        "name": "toys",
        "primary_key": ["_children_cid", "toy"],
        "include_from_parent": ["cid", "_parents_id"],
        "endpoint": {
            "path": "parents/{resources.children._parents_id}/children/{resources.children.cid}/toys",
            "params": {"children": 2},
        },
    },
]
for disposition in ("append", "merge"):
    case(
        f"generic, family, {disposition}",
        FAMILY,
        {"base_url": "/g", "paginator": {"type": "page_number", "base_page": 1}},
        {"primary_key": "id", "write_disposition": disposition, "endpoint": DATA},
        ROW_CHANGES,
    )
case(
    "generic, family by resolve",
    [
        {"name": "parents", "endpoint": {"path": "parents"}},
        {
            "name": "children",
            "include_from_parent": ["id"],
            "endpoint": {
                "path": "parents/{parent}/children",
                "params": {"parent": {"type": "resolve", "resource": "parents", "field": "id"}},
            },
        },
    ],
    {"base_url": "/g", "paginator": {"type": "page_number", "base_page": 1}},
    {"write_disposition": "append", "endpoint": DATA},
    ROW_CHANGES,
)
case(
    "generic, incremental parameter",
    [
        {
            "name": "events",
            "primary_key": "id",
            "endpoint": {
                "path": "events",
                "params": {
                    "page_size": 4,
                    "since": {"type": "incremental", "cursor_path": "updated_at", "initial_value": "2025-01-01T00:00:00+00:00"},
                },
            },
        },
        {
            "name": "events_by_placeholder",
            "primary_key": "id",
            "endpoint": {
                "path": "events",
                "params": {"page_size": 4, "order": "none", "since": "{incremental.start_value}"},
                "incremental": {"cursor_path": "updated_at", "initial_value": "2025-01-01T00:03:00+00:00"},
            },
        },
        {
            "name": "events_by_number",
            "write_disposition": "append",
            "endpoint": {
                "path": "events",
                "params": {"page_size": 4, "by": "seq"},
                "incremental": {"cursor_path": "seq", "initial_value": 3, "start_param": "since"},
            },
        },
    ],
    {"base_url": "/g", "paginator": {"type": "page_number", "base_page": 1}},
    {"write_disposition": "merge", "endpoint": DATA},
    ROW_CHANGES,
)
case(
    "generic, detection",
    [
        {"name": "header_link", "endpoint": {"path": "header-link", "params": ROWS}},
        {"name": "json_link", "endpoint": {"path": "json-link", "params": ROWS}},
        {"name": "hal", "endpoint": {"path": "json-link-hal", "params": ROWS}},
        {"name": "cursor", "endpoint": {"path": "cursor", "params": ROWS}},
    ],
    {"base_url": "/g"},
    {"write_disposition": "append"},
    ROW_CHANGES,
)
case(
    "generic, one table of many",
    [
        {"name": name, "table_name": "everything", "endpoint": {"path": path, "params": {"page_size": 2, **params}}}
        for name, path, params in (
            ("parents", "parents", {}),
            ("toys", "parents/1/children/5/toys", {"children": 5}),
            ("events", "events", {"order": "none"}),
            ("rows", "page", {"rows": 5}),
        )
    ],
    {"base_url": "/g", "paginator": {"type": "page_number", "base_page": 1}},
    {"write_disposition": "append", "endpoint": DATA},
    (
        [
            {"resource": "rows", "from": 0, "to": 3, "retype": {"field": "score", "to": "text"}},
            {"resource": "parents", "from": 2, "to": 4, "retype": {"field": "id", "to": "float"}},
            {"resource": "events", "from": 0, "to": 9, "retype": {"field": "id", "to": "text"}},
        ],
        [{"resource": "rows", "from": 0, "to": 5, "set": {"owner": "nobody", "labels": [{"a": 1}]}}],
    ),
)
case(
    "generic, children of children of pages",
    [
        {
            "name": "parents",
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"path": "parents", "params": {"rows": 9, "page_size": 2}},
        },
        {
            "name": "children",
            "table_name": "both",
            "include_from_parent": ["updated_at"],
            "endpoint": {"path": "parents/{resources.parents.id}/children", "params": {"children": 5, "page_size": 2}},
        },
        {
            "name": "twins",
            "table_name": "both",
            "endpoint": {"path": "parents/{resources.parents.id}/children", "params": {"children": 3, "page_size": 1}},
        },
        {
            "name": "toys",
            "table_name": "both",
            "endpoint": {"path": "parents/1/children/{resources.children.cid}/toys", "params": {"children": 2, "page_size": 1}},
        },
    ],
    {"base_url": "/g", "paginator": {"type": "page_number", "base_page": 1}},
    {"write_disposition": "append", "endpoint": DATA},
    (
        [
            {"resource": "children", "from": 60, "to": 200, "retype": {"field": "price", "to": "text"}},
            {"resource": "toys", "from": 0, "to": 9000, "set": {"price": "cheap"}},
        ],
        [{"resource": "children", "from": 100, "to": 300, "retype": {"field": "label", "to": "int"}}],
    ),
)
case(
    "generic, oauth",
    [{"name": "data", "endpoint": {"path": "oauth/data", "params": ROWS, **DATA}}],
    {
        "base_url": "/g",
        "paginator": {"type": "page_number", "base_page": 1},
        "auth": {
            "type": "oauth2_client_credentials",
            "access_token_url": "$BASE/g/oauth/token",
            "client_id": "mock-client",
            "client_secret": "mock-secret",
        },
    },
    {"write_disposition": "merge", "primary_key": "id"},
    ROW_CHANGES,
)
case(
    "generic, what is sent",
    [
        {"name": "parents", "selected": False, "endpoint": {"path": "parents", "params": {"page_size": 3}}},
        {
            "name": "query",
            "endpoint": {
                "path": "echo",
                "paginator": "single_page",
                "data_selector": "$[0].query",
                "params": {"a": "b c", "list": [1, "ü"], "flag": True, "number": 1.5, "braces": "{{x}}", "text": "100%&+="},
            },
        },
        {
            "name": "of_parents",
            "include_from_parent": ["name", "owner"],
            "endpoint": {
                "path": "echo",
                "method": "POST",
                "paginator": "single_page",
                "data_selector": "$[0].body",
                "params": {"mix": "a-{resources.parents.id}-b", "active": "{resources.parents.active}"},
                "json": {
                    "ids": ["{resources.parents.id}"],
                    "score": "{resources.parents.score}",
                    "active": "{resources.parents.active}",
                    "text": "x{resources.parents.id}",
                    "owner": "{resources.parents.owner}",
                    "nothing": None,
                },
            },
        },
        {
            "name": "of_header",
            "endpoint": {
                "path": "echo",
                "paginator": "single_page",
                "data_selector": "$[0].headers['x-parent']",
                "headers": {"X-Parent": "p{resources.parents.id}"},
            },
        },
        {"name": "elsewhere", "endpoint": {"path": "$BASE/g/list-root", "paginator": "single_page"}},
    ],
    {"base_url": "/g", "headers": {"X-Team": "blue"}, "paginator": {"type": "page_number", "base_page": 1}},
    {"write_disposition": "append", "endpoint": {}},
    ROW_CHANGES,
)
case(
    "generic, selectors",
    [
        {"name": name, "endpoint": {"path": "page", "params": ROWS, "data_selector": selector, "paginator": {"type": "page_number", "base_page": 1}}}
        for name, selector in (
            ("owners", "data[*].owner"),
            ("ids", "data[*].id"),
            ("cities", "$..city"),
            ("first", "data[0]"),
            ("slice", "data[1:3]"),
            ("active", "data[?(@.active == true)]"),
            ("labels", "data[*].labels"),
            ("whole", "$"),
        )
    ],
    {"base_url": "/g"},
    {"write_disposition": "append"},
    ROW_CHANGES,
)
case(
    "generic, hints",
    [
        {
            "name": "rows",
            "primary_key": "id",
            "columns": {"score": {"data_type": "decimal"}, "later": {"data_type": "date"}, "name": {"data_type": "text", "nullable": False}},
            "endpoint": {"path": "page", "params": ROWS},
        },
        {
            "name": "flat",
            "max_table_nesting": 0,
            "table_name": "level_zero",
            "endpoint": {"path": "page", "params": ROWS},
        },
        {
            "name": "upserted",
            "primary_key": "id",
            "write_disposition": {"disposition": "merge", "strategy": "upsert"},
            "endpoint": {"path": "page", "params": ROWS},
        },
        {
            "name": "history",
            "write_disposition": {"disposition": "merge", "strategy": "scd2"},
            "endpoint": {"path": "page", "params": ROWS},
        },
        {
            "name": "replaced",
            "write_disposition": "replace",
            "merge_key": "id",
            "schema_contract": {"columns": "discard_value"},
            "endpoint": {"path": "page", "params": ROWS},
        },
        {
            "name": "events",
            "primary_key": "id",
            "endpoint": {
                "path": "events",
                "params": {"page_size": 7},
                "incremental": {
                    "cursor_path": "updated_at",
                    "initial_value": "2025-01-01T00:02:00+00:00",
                    "lag": 300,
                    "row_order": "asc",
                    "start_param": "since",
                    "end_param": "until",
                },
            },
        },
    ],
    {"base_url": "/g", "paginator": {"type": "page_number", "base_page": 1}},
    {"write_disposition": "merge", "endpoint": DATA},
    ROW_CHANGES,
)
case(
    "generic, actions",
    [
        rows("items", "page", {"type": "page_number", "base_page": 1}, **DATA),
        {"name": "gone", "endpoint": {"path": "status/404", "paginator": "single_page", **IGNORE_404}},
        {
            "name": "content",
            "endpoint": {
                "path": "page",
                "params": {"page_size": 2},
                "paginator": {"type": "page_number", "base_page": 1},
                **DATA,
                "response_actions": [{"content": '"page":2', "action": "ignore"}],
            },
        },
    ],
    {"base_url": "/g"},
    {"write_disposition": "append"},
    ROW_CHANGES,
)


class Mock:
    """The mock server, as a process."""

    def __init__(self, scenario):
        self.process = subprocess.Popen(
            [MOCKAPI, "--scenario", scenario, "--fixtures", FIXTURES], stdout=subprocess.PIPE, text=True
        )
        self.url = "http://" + self.process.stdout.readline().split()[1]

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), method="POST")
        urllib.request.urlopen(request).read()

    def lines(self):
        """The requests since the last reset."""
        log = json.load(urllib.request.urlopen(self.url + "/__log"))
        return [f"{entry['method']} {entry['path']}?{entry['query']} {compact(entry['body'])}" for entry in log]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def compact(body):
    """A body without the blanks of JSON: dlt sends them, tipple does not, since signatures are made of compact JSON."""
    try:
        return json.dumps(json.loads(body), separators=(",", ":"))
    except ValueError:
        return body


class Place:
    """A database and a working folder."""

    def __init__(self, name):
        self.folder = os.path.join(HERE, name)
        os.makedirs(self.folder)
        self.database = os.path.join(self.folder, "data.duckdb")
        self.pipelines = os.path.join(self.folder, "pipelines")

    def dlt(self, document):
        pipeline = dlt.pipeline(
            PIPELINE,
            pipelines_dir=self.pipelines,
            destination=dlt.destinations.duckdb(self.database),
            dataset_name=DATASET,
        )
        pipeline.run(rest_api_source(copy.deepcopy(document), name=SOURCE))

    def tipple(self, document):
        path = os.path.join(self.folder, "pipeline.json")
        with open(path, "w") as file:
            json.dump({"version": 1, "pipeline": PIPELINE, "source": SOURCE, "dataset": DATASET, **document}, file, indent=1)
        run([TIPPLE, "run", path, "--destination", "duckdb:" + self.database, "--pipelines-dir", self.pipelines])

    def dump(self):
        return run([JUDGE, "dump", self.database, DATASET])


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(command[:2])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def resolved(value, url):
    """The configuration with the address of the mock in it."""
    if isinstance(value, dict):
        found = {key: resolved(item, url) for key, item in value.items()}
        if "base_url" in found:
            found["base_url"] = url + found["base_url"]
        return found
    if isinstance(value, list):
        return [resolved(item, url) for item in value]
    return value.replace("$BASE", url) if isinstance(value, str) else value


def take_turns(folder, case, mock, turns):
    place = Place(folder)
    requests = []
    mock.post("/__reset", {})
    document = resolved(case["document"], mock.url)
    for number, turn in enumerate(turns):
        before = len(mock.lines())
        getattr(place, turn)(document)
        requests.append(mock.lines()[before:])
        for change in case["changes"][number] if number < 2 else ():
            mock.post("/__control/mutate", change)
    return place, requests


def same(place, reference):
    for name, text in (("expected", reference), ("actual", place.dump())):
        with open(os.path.join(place.folder, name + ".json"), "w") as file:
            file.write(text)
    files = [os.path.join(place.folder, name + ".json") for name in ("expected", "actual")]
    done = subprocess.run([JUDGE, "compare", *files], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stdout)


def same_requests(actual, expected):
    for number, (ours, theirs) in enumerate(zip(actual, expected), 1):
        extra, missing = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
        if extra or missing or len(ours) != len(theirs):
            raise AssertionError(f"requests of run {number}: {len(ours)} instead of {len(theirs)}; extra {extra[:5]}, missing {missing[:5]}")


def check(name, case, passed):
    mock = Mock(case["scenario"])
    folder = "".join(letter if letter.isalnum() else "-" for letter in name)
    try:
        place, requests = take_turns(folder + "-dlt", case, mock, ["dlt"] * 3)
        reference = place.dump()
        passed(f"{name}: dlt alone ({sum(map(len, requests))} requests)", None)
        for turns in (["tipple"] * 3, ["dlt", "tipple", "dlt"]):
            label = f"{name}: {', '.join(turns)}"
            try:
                place, ours = take_turns(f"{folder}-{'-'.join(turns)}", case, mock, turns)
                same(place, reference)
                if "detection" not in name:
                    same_requests(ours, requests)
                passed(label, None)
            except Exception as error:
                passed(label, error)
    finally:
        mock.stop()


def main():
    counts = {True: 0, False: 0}

    def passed(label, error):
        counts[error is None] += 1
        print("FAILED" if error else "ok    ", label, flush=True)
        if error:
            text = str(error) if isinstance(error, AssertionError) and str(error) else "".join(traceback.format_exception(error))
            print("\n".join("       " + line for line in text.splitlines()[:20]), flush=True)

    for name, case in CASES.items():
        if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
            continue
        try:
            check(name, case, passed)
        except Exception as error:
            passed(name, error)
    print(f"{counts[True]} passed, {counts[False]} failed")
    sys.exit(1 if counts[False] or not counts[True] else 0)


main()
