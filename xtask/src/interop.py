"""dlt and tipple take turns on one pipeline; what is left must be what dlt alone leaves.

`interop.py [WORDS…]`: all checks, or those with one of the words in their name. Wants TIPPLE_BIN and TIPPLE_JUDGE.
"""
import copy
import json
import os
import subprocess
import sys
import traceback

HERE = os.getcwd()
TIPPLE, JUDGE = os.environ["TIPPLE_BIN"], os.environ["TIPPLE_JUDGE"]
PIPELINE, SOURCE, DATASET = "turns", "shop", "shop_data"

os.environ.update(
    DLT_DATA_DIR=os.path.join(HERE, "data"),
    DLT_PROJECT_DIR=HERE,
    RUNTIME__DLTHUB_TELEMETRY="false",
    RUNTIME__LOG_LEVEL="CRITICAL",
)
import dlt


def order(number, state, items, updated):
    return {"id": number, "state": state, "updated": updated, "items": [{"sku": sku, "qty": 1} for sku in items]}


# Three loads for every scenario: hints of the resource, and the rows of each load.
ROWS = [
    [order(1, "open", ["a", "b"], 1), order(2, "open", [], 2)],
    [order(2, "paid", ["c"], 3), order(3, "open", ["d"], 3), {**order(4, "open", [], 4), "note": "new column"}],
    [order(1, "paid", ["a"], 5), order(3, "open", ["d"], 3), order(5, "open", ["e", "f"], 5)],
]
SCENARIOS = {
    "append": {},
    "replace": {"write_disposition": "replace"},
    "merge": {"write_disposition": "merge", "primary_key": "id"},
    "upsert": {"write_disposition": {"disposition": "merge", "strategy": "upsert"}, "primary_key": "id"},
    "scd2": {"write_disposition": {"disposition": "merge", "strategy": "scd2"}},
    "incremental": {"primary_key": "id", "incremental": {"cursor_path": "updated", "initial_value": 1}},
}


class Place:
    """A database and a working folder."""

    def __init__(self, name):
        self.folder = os.path.join(HERE, name)
        os.makedirs(self.folder)
        self.database = os.path.join(self.folder, "data.duckdb")
        self.machine = 0

    def pipelines(self):
        return os.path.join(self.folder, f"pipelines{self.machine}")

    def dlt(self, hints, rows):
        hints = copy.deepcopy(hints)
        cursor = hints.pop("incremental", None)
        resource = dlt.resource(lambda: iter([rows]), name="orders", **hints)()
        if cursor:
            resource.apply_hints(incremental=dlt.sources.incremental(**cursor))
        source = dlt.source(lambda: [resource], name=SOURCE)()
        pipeline = dlt.pipeline(
            PIPELINE,
            pipelines_dir=self.pipelines(),
            destination=dlt.destinations.duckdb(self.database),
            dataset_name=DATASET,
        )
        pipeline.run(source)

    def tipple(self, hints, rows):
        document = {
            "version": 1,
            "pipeline": PIPELINE,
            "source": SOURCE,
            "dataset": DATASET,
            "rows": {"resources": [{"name": "orders", **hints, "rows": rows}]},
        }
        path = os.path.join(self.folder, "pipeline.json")
        with open(path, "w") as file:
            json.dump(document, file)
        run([TIPPLE, "run", path, "--destination", "duckdb:" + self.database, "--pipelines-dir", self.pipelines()])

    def dump(self):
        return run([JUDGE, "dump", self.database, DATASET])


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(command[:2])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def take_turns(name, hints, turns, moves):
    place = Place(name)
    for turn, rows in zip(turns, ROWS):
        getattr(place, turn)(hints, rows)
        place.machine += moves
    return place


def same(place, reference):
    for name, text in (("expected", reference), ("actual", place.dump())):
        with open(os.path.join(place.folder, name + ".json"), "w") as file:
            file.write(text)
    files = [os.path.join(place.folder, name + ".json") for name in ("expected", "actual")]
    done = subprocess.run([JUDGE, "compare", *files], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stdout)


def attach(hints):
    """dlt reads what tipple alone left: working folder, schema, dataset."""
    place = take_turns("attach", hints, ["tipple"] * 3, 0)
    os.environ["DESTINATION__DUCKDB__CREDENTIALS"] = place.database
    try:
        pipeline = dlt.attach(PIPELINE, pipelines_dir=place.pipelines())
        assert pipeline.default_schema_name == SOURCE, pipeline.default_schema_name
        columns = pipeline.default_schema.tables["orders__items"]["columns"]
        assert list(columns)[:2] == ["sku", "qty"], list(columns)
        dataset = pipeline.dataset()
        frame = dataset["orders"].df()
        assert sorted(frame["id"]) == [1, 2, 3, 4, 5], sorted(frame["id"])
        assert len(dataset("SELECT * FROM orders__items").df()) == 5
        assert not pipeline.has_pending_data
    finally:
        del os.environ["DESTINATION__DUCKDB__CREDENTIALS"]


def checks():
    for name, hints in SCENARIOS.items():
        reference = []

        def expected(name=name, hints=hints, reference=reference):
            if not reference:
                reference.append(take_turns(f"{name}-dlt", hints, ["dlt"] * 3, 0).dump())
            return reference[0]

        for turns in (["dlt", "tipple", "dlt"], ["tipple", "dlt", "tipple"], ["tipple"] * 3):
            for moves in (0, 1):
                label = f"{name}: {', '.join(turns)}" + (", each on a new machine" if moves else "")
                folder = f"{name}-{'-'.join(turns)}-{moves}"

                def check(hints=hints, turns=turns, moves=moves, folder=folder, expected=expected):
                    same(take_turns(folder, hints, turns, moves), expected())

                yield label, check
    yield "attach: dlt reads the working folder of tipple", lambda: attach(SCENARIOS["merge"])


def main():
    passed, failed = 0, 0
    for label, check in checks():
        if sys.argv[1:] and not any(word in label for word in sys.argv[1:]):
            continue
        try:
            check()
            passed += 1
            print("ok    ", label, flush=True)
        except Exception as error:
            failed += 1
            print("FAILED", label, flush=True)
            text = str(error) if isinstance(error, AssertionError) and str(error) else traceback.format_exc()
            print("\n".join("       " + line for line in text.splitlines()[:20]), flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
