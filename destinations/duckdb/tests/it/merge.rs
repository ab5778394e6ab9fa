//! What each merge strategy leaves in the tables.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use serde_json::json;
use tipple_destination::{Destination as _, LoadJob};
use tipple_destination_duckdb::DuckDb;
use tipple_schema::Table;

use crate::support::{Shop, job, schema, table};

const CHILD: &str = "value text\n_dlt_root_id text! root_key\n_dlt_parent_id text! parent_key\n\
    _dlt_list_idx bigint!\n_dlt_id text! unique row_key";

fn root(columns: &str, strategy: &str) -> Table {
    let columns = format!("{columns}\n_dlt_id text! unique row_key");
    let mut root = table("o", None, "merge", &columns);
    root.hints
        .insert("x-merge-strategy".into(), json!(strategy));
    root
}

/// A column of numbers, flags or texts from words; `-` is null.
fn column(kind: &str, words: &[&str]) -> ArrayRef {
    let words = || words.iter().map(|word| (*word != "-").then_some(*word));
    match kind {
        "bigint" => Arc::new(
            words()
                .map(|w| w.map(|w| w.parse().unwrap()))
                .collect::<Int64Array>(),
        ),
        "bool" => Arc::new(
            words()
                .map(|w| w.map(|w| w == "true"))
                .collect::<BooleanArray>(),
        ),
        _ => Arc::new(words().collect::<StringArray>()),
    }
}

/// Rows of table `o`, one a line, in the order of its columns; scd2 times are left out.
fn rows(table: &Table, lines: &str) -> LoadJob {
    let lines: Vec<Vec<&str>> = lines
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect();
    let columns = table
        .columns
        .values()
        .filter(|column| !column.name.starts_with("_dlt_valid"));
    let columns = columns.enumerate().map(|(i, c)| {
        let words: Vec<&str> = lines.iter().map(|line| line[i]).collect();
        (
            c.name.as_str(),
            column(c.data_type.unwrap().as_str(), &words),
        )
    });
    job(&table.name, columns.collect())
}

/// Children as `value root index`; the row id is made of root and index.
fn children(lines: &str) -> LoadJob {
    let full: Vec<String> = lines
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .map(|words| {
            format!(
                "{} {r} {r} {i} {r}_{i}",
                words[0],
                r = words[1],
                i = words[2]
            )
        })
        .collect();
    rows(&table("o__t", Some("o"), "", CHILD), &full.join("\n"))
}

async fn contents(shop: &Shop<'_>) -> String {
    let columns = "* EXCLUDE (_dlt_id)";
    let roots = shop
        .rows(&format!("SELECT {columns} FROM ds.o ORDER BY ALL"))
        .await;
    if !shop.schema.tables.contains_key("o__t") {
        return roots;
    }
    let t = shop
        .rows("SELECT value, _dlt_root_id FROM ds.o__t ORDER BY ALL")
        .await;
    format!("{roots}\n-- o__t\n{t}")
}

#[tokio::test]
async fn delete_insert_keeps_the_newest_row_of_each_key_unless_it_is_marked_as_deleted() {
    let duckdb = DuckDb::in_memory();
    let o = root(
        "id bigint primary_key\nat bigint dedup_sort=desc\ndel bool hard_delete",
        "delete-insert",
    );
    let shop = Shop::new(
        &duckdb,
        schema([o.clone(), table("o__t", Some("o"), "", CHILD)]),
    );
    let first = rows(
        &o,
        "1 1 - r1a\n1 3 - r1b\n1 2 - r1c\n2 1 - r2\n3 1 true r3\n5 1 false r5",
    );
    shop.load(
        "1.1",
        vec![first, children("a r1a 0\nb r1b 0\nc r2 0\nd r5 0")],
    )
    .await
    .unwrap();
    insta::assert_snapshot!(contents(&shop).await, @r"
    1 | 3 | ∅
    2 | 1 | ∅
    5 | 1 | false
    -- o__t
    b | r1b
    c | r2
    d | r5
    ");
    let second = rows(&o, "1 4 true r1d\n2 2 - r2b\n4 1 - r4\n5 2 true r5b");
    shop.load("1.2", vec![second, children("e r4 0\nf r1d 0")])
        .await
        .unwrap();
    insta::assert_snapshot!(contents(&shop).await, @r"
    2 | 2 | ∅
    4 | 1 | ∅
    -- o__t
    e | r4
    ");
}

#[tokio::test]
async fn the_first_staged_row_of_a_key_wins_however_many_there_are() {
    let duckdb = DuckDb::in_memory();
    let o = root("id bigint primary_key\nv bigint", "delete-insert");
    let shop = Shop::new(&duckdb, schema([o]));
    let count = 400_000;
    let jobs = job(
        "o",
        vec![
            (
                "id",
                Arc::new(Int64Array::from_iter_values((0..count).map(|i| i % 1000))),
            ),
            ("v", Arc::new(Int64Array::from_iter_values(0..count))),
            (
                "_dlt_id",
                Arc::new(StringArray::from_iter_values(
                    (0..count).map(|i| i.to_string()),
                )),
            ),
        ],
    );
    shop.load("1.1", vec![jobs]).await.unwrap();
    let sql = "SELECT count(*), count(*) FILTER (WHERE v = id) FROM ds.o";
    assert_eq!(shop.rows(sql).await, "1000 | 1000");
}

#[tokio::test]
async fn rows_are_deleted_by_primary_key_or_merge_key() {
    let duckdb = DuckDb::in_memory();
    let o = root("id bigint primary_key\nday text merge_key", "delete-insert");
    let shop = Shop::new(&duckdb, schema([o.clone()]));
    shop.load("1.1", vec![rows(&o, "1 mon a\n2 mon b\n3 tue c\n4 - d")])
        .await
        .unwrap();
    shop.load("1.2", vec![rows(&o, "5 mon e\n3 wed f\n6 - g")])
        .await
        .unwrap();
    insta::assert_snapshot!(contents(&shop).await, @r"
    3 | wed
    4 | ∅
    5 | mon
    6 | ∅
    ");
}

#[tokio::test]
async fn conditions_choose_rows_on_both_sides() {
    let duckdb = DuckDb::in_memory();
    let mut o = root("id bigint primary_key\nv bigint", "delete-insert");
    o.hints
        .insert("x-merge-source-filter".into(), json!("v > 0"));
    o.hints
        .insert("x-merge-destination-scope".into(), json!("{table}.id < 10"));
    let shop = Shop::new(
        &duckdb,
        schema([o.clone(), table("o__t", Some("o"), "", CHILD)]),
    );
    let first = rows(&o, "1 1 r1\n2 0 r2\n20 1 r20");
    shop.load("1.1", vec![first, children("a r1 0\nb r2 0\nc r20 0")])
        .await
        .unwrap();
    let second = rows(&o, "3 1 r3\n4 0 r4");
    shop.load("1.2", vec![second, children("d r3 0\ne r4 0")])
        .await
        .unwrap();
    insta::assert_snapshot!(contents(&shop).await, @r"
    3 | 1
    20 | 1
    -- o__t
    c | r20
    d | r3
    ");
}

#[tokio::test]
async fn upsert_changes_adds_and_deletes() {
    let duckdb = DuckDb::in_memory();
    let o = root(
        "id bigint primary_key\nv text\ndel bool hard_delete",
        "upsert",
    );
    let shop = Shop::new(
        &duckdb,
        schema([o.clone(), table("o__t", Some("o"), "", CHILD)]),
    );
    let first = rows(&o, "1 a - r1\n2 b - r2");
    shop.load("1.1", vec![first, children("x r1 0\ny r1 1\nz r2 0")])
        .await
        .unwrap();
    // Key 9 is marked as deleted and was never there: dlt inserts it.
    let second = rows(&o, "1 A - r1\n2 b true r2\n3 c - r3\n9 n true r9");
    shop.load("1.2", vec![second, children("X r1 0\nw r3 0")])
        .await
        .unwrap();
    insta::assert_snapshot!(contents(&shop).await, @r"
    1 | A | ∅
    3 | c | ∅
    9 | n | true
    -- o__t
    X | r1
    w | r3
    ");
}

#[tokio::test]
async fn insert_only_never_changes_what_is_there() {
    let duckdb = DuckDb::in_memory();
    let o = root("id bigint primary_key\nv text", "insert-only");
    let shop = Shop::new(
        &duckdb,
        schema([o.clone(), table("o__t", Some("o"), "", CHILD)]),
    );
    shop.load("1.1", vec![rows(&o, "1 a r1"), children("x r1 0")])
        .await
        .unwrap();
    let second = rows(&o, "1 A r1\n2 b r2");
    shop.load("1.2", vec![second, children("X r1 0\nnew r1 1\nz r2 0")])
        .await
        .unwrap();
    insta::assert_snapshot!(contents(&shop).await, @r"
    1 | a
    2 | b
    -- o__t
    new | r1
    x | r1
    z | r2
    ");
}

#[tokio::test]
async fn cdc_deletes_what_is_absent_from_loaded_partitions() {
    let duckdb = DuckDb::in_memory();
    let o = root("id bigint primary_key\npart text merge_key\nv text", "cdc");
    let shop = Shop::new(
        &duckdb,
        schema([o.clone(), table("o__t", Some("o"), "", CHILD)]),
    );
    let first = rows(&o, "1 x a r1\n2 x b r2\n3 y c r3");
    shop.load("1.1", vec![first, children("a r1 0\nb r2 0\nc r3 0")])
        .await
        .unwrap();
    shop.load("1.2", vec![rows(&o, "1 x A r1"), children("a2 r1 0")])
        .await
        .unwrap();
    insta::assert_snapshot!(contents(&shop).await, @r"
    1 | x | A
    3 | y | c
    -- o__t
    a2 | r1
    c | r3
    ");
}

#[tokio::test]
async fn scd2_keeps_a_history() {
    let duckdb = DuckDb::in_memory();
    let columns = "_dlt_valid_from timestamp x-valid-from\n_dlt_valid_to timestamp x-valid-to\n\
        id bigint\nv text\n_dlt_id text! unique row_key x-row-version";
    let mut o = table("o", None, "merge", columns);
    o.hints.insert("x-merge-strategy".into(), json!("scd2"));
    let shop = Shop::new(
        &duckdb,
        schema([o.clone(), table("o__t", Some("o"), "", CHILD)]),
    );
    for (load, lines, child) in [
        ("1", "1 A h1A\n2 B h2B", "a h1A 0\nb h2B 0"),
        ("2", "1 X h1X\n2 B h2B", "x h1X 0\nb h2B 0"),
        ("3", "1 A h1A", "a h1A 0"),
    ] {
        shop.load(load, vec![rows(&o, lines), children(child)])
            .await
            .unwrap();
    }
    let sql = "SELECT id, v, (_dlt_valid_to IS NULL)::VARCHAR FROM ds.o ORDER BY ALL";
    insta::assert_snapshot!(shop.rows(sql).await, @r"
    1 | A | false
    1 | A | true
    1 | X | false
    2 | B | false
    ");
    let children = shop.rows("SELECT value FROM ds.o__t ORDER BY ALL").await;
    assert_eq!(children, "a\nb\nx");
}

#[tokio::test]
async fn a_merge_that_fails_leaves_the_tables_as_they_were() {
    let duckdb = DuckDb::in_memory();
    let o = root("id bigint primary_key\nv text", "upsert");
    let shop = Shop::new(&duckdb, schema([o.clone()]));
    shop.load("1.1", vec![rows(&o, "1 a r1")]).await.unwrap();
    let error = shop
        .load("1.2", vec![rows(&o, "1 b r1\n1 c r1")])
        .await
        .unwrap_err();
    assert_eq!(error.code(), "destination.follow_up");
    assert_eq!(contents(&shop).await, "1 | a");
    assert_eq!(shop.rows("SELECT load_id FROM ds._dlt_loads").await, "1.1");
    assert_eq!(shop.rows("SELECT v FROM ds_staging.o").await, "a");
}

#[tokio::test]
async fn a_dataset_may_be_called_like_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let duckdb = DuckDb::at(folder.path().join("ds.duckdb"));
    let o = root("id bigint primary_key\nv text", "delete-insert");
    let shop = Shop::new(&duckdb, schema([o.clone()]));
    assert_eq!(duckdb.dataset_names("ds").catalog.as_deref(), Some("ds"));
    shop.load("1.1", vec![rows(&o, "1 a r1")]).await.unwrap();
    shop.load("1.2", vec![rows(&o, "1 b r1\n2 c r2")])
        .await
        .unwrap();
    assert_eq!(
        shop.rows("SELECT v FROM ds.ds.o ORDER BY ALL").await,
        "b\nc"
    );
}
