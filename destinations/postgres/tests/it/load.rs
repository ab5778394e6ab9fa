//! Loads from the first one on, and what can be read back.

use tipple_destination::{Destination as _, SystemNames, Target};

use crate::server::Server;
use crate::support::{Shop, ints, job, schema, table, texts};

const COLOURS: &str = "id bigint\nname text\n_dlt_load_id text!\n_dlt_id text! unique row_key";

fn colours(ids: &[i64]) -> tipple_destination::LoadJob {
    let count = ids.len();
    let row_ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    job(
        "colours",
        vec![
            ("id", ints(ids.iter().copied())),
            ("name", texts(vec!["red"; count])),
            ("_dlt_load_id", texts(vec!["1"; count])),
            ("_dlt_id", texts(row_ids.iter().map(String::as_str))),
        ],
    )
}

#[tokio::test]
async fn appended_rows_and_their_receipt_are_there() {
    let Some(server) = Server::new() else {
        return;
    };
    let shop = Shop::new(
        &server.postgres,
        schema([table("colours", None, "append", COLOURS)]),
    );
    let receipt = shop.load("1.1", vec![colours(&[1, 2])]).await.unwrap();
    assert_eq!(receipt.rows["colours.1a2b3c4d5e"], 2);
    shop.load("1.2", vec![colours(&[3])]).await.unwrap();
    assert_eq!(
        shop.rows("SELECT id, name FROM ds.colours").await,
        "1 | red\n2 | red\n3 | red"
    );
    let loads = "SELECT load_id, schema_name, status, inserted_at::text, schema_version_hash FROM ds._dlt_loads";
    insta::assert_snapshot!(shop.rows(loads).await, @r"
    1.1 | shop | 0 | 2026-11-21 20:10:09.234917+00 | hash 1
    1.2 | shop | 0 | 2026-11-21 20:10:09.234917+00 | hash 1
    ");
    let mut client = shop.client().await;
    let names = SystemNames::default();
    assert!(client.has_receipt(&names, "1.2").await.unwrap());
    assert!(!client.has_receipt(&names, "1.3").await.unwrap());
    let stored = client
        .read_stored_schema(&names, Some("shop"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (stored.version_hash.as_str(), stored.document.as_str()),
        ("hash 1", "{}")
    );
    assert_eq!(stored.inserted_at, crate::support::NOW);
}

#[tokio::test]
async fn an_empty_database_has_nothing_and_that_is_no_error() {
    let Some(server) = Server::new() else {
        return;
    };
    let shop = Shop::new(&server.postgres, schema([]));
    let (mut client, names) = (shop.client().await, SystemNames::default());
    assert!(!client.dataset_exists(Target::Final).await.unwrap());
    assert!(
        !client
            .read_catalog(Target::Final, &[])
            .await
            .unwrap()
            .exists
    );
    assert!(
        !client
            .has_schema_version(Target::Final, &names, "x")
            .await
            .unwrap()
    );
    assert_eq!(client.read_stored_schema(&names, None).await.unwrap(), None);
    assert_eq!(client.read_state(&names, "shop").await.unwrap(), None);
    assert!(!client.has_receipt(&names, "1.1").await.unwrap());
}

#[tokio::test]
async fn the_same_load_twice_is_one() {
    let Some(server) = Server::new() else {
        return;
    };
    let shop = Shop::new(
        &server.postgres,
        schema([table("colours", None, "append", COLOURS)]),
    );
    shop.load("1.1", vec![colours(&[1])]).await.unwrap();
    let again = shop.load("1.1", vec![colours(&[1])]).await.unwrap();
    assert!(again.was_complete);
    assert_eq!(shop.rows("SELECT count(*) FROM ds.colours").await, "1");
}

#[tokio::test]
async fn replaced_tables_hold_only_the_new_rows() {
    let Some(server) = Server::new() else {
        return;
    };
    for strategy in [
        "truncate-and-insert",
        "insert-from-staging",
        "staging-optimized",
    ] {
        let mut shop = Shop::new(
            &server.postgres,
            schema([table("colours", None, "replace", COLOURS)]),
        );
        shop.settings.replace_strategy = Some(strategy.parse().unwrap());
        shop.hash = strategy.to_owned();
        for (load, ids) in [("1", &[1_i64, 2][..]), ("2", &[3]), ("3", &[4, 5])] {
            shop.load(&format!("{strategy} {load}"), vec![colours(ids)])
                .await
                .unwrap();
        }
        assert_eq!(
            shop.rows("SELECT id FROM ds.colours ORDER BY id").await,
            "4\n5",
            "{strategy}"
        );
    }
}

#[tokio::test]
async fn the_catalog_has_types_as_the_server_spells_them() {
    let Some(server) = Server::new() else {
        return;
    };
    let columns = "a bigint!\nb text precision=8\nc decimal\nd wei\ne timestamp precision=3\nf timestamp timezone=false\n\
                   g date\nh time\ni binary\nj json\nk double\nl bool\nm bigint precision=16";
    let shop = Shop::new(
        &server.postgres,
        schema([table("t", None, "append", columns)]),
    );
    let mut client = shop.client().await;
    shop.migrate(client.as_mut()).await.unwrap();
    let catalog = client.read_catalog(Target::Final, &["t"]).await.unwrap();
    let lines: Vec<String> = catalog.tables["t"]
        .iter()
        .map(|c| {
            format!(
                "{} {}{}",
                c.name,
                c.column_type,
                if c.nullable { "" } else { " NOT NULL" }
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    a bigint NOT NULL
    b character varying(8)
    c numeric(38,9)
    d numeric(156,78)
    e timestamp(3) with time zone
    f timestamp without time zone
    g date
    h time without time zone
    i bytea
    j jsonb
    k double precision
    l boolean
    m smallint
    ");
}

#[tokio::test]
async fn a_reader_cannot_write_and_sees_every_type() {
    let Some(server) = Server::new() else {
        return;
    };
    let shop = Shop::new(
        &server.postgres,
        schema([table("t", None, "append", "n bigint")]),
    );
    shop.load("1.1", vec![job("t", vec![("n", ints([1]))])])
        .await
        .unwrap();
    let mut client = server
        .postgres
        .connect_read_only(&shop.datasets)
        .await
        .unwrap();
    let refused = client
        .query("INSERT INTO ds.t VALUES (2) RETURNING n")
        .await
        .unwrap_err();
    let refused = refused
        .to_string()
        .replace(&server.postgres.location(), "[location]");
    insta::assert_snapshot!(refused, @"[location] cannot be written: cannot execute INSERT in a read-only transaction");
    let sql = "SELECT 1::int2 AS a, 2::int8 AS a, 1.5::float4, 'é'::text, NULL::text, true, 12345678.900::numeric, \
               '{\"a\": 1}'::jsonb, '\\x00ff'::bytea, '2024-01-02 03:04:05.5+00'::timestamptz, '2024-01-02'::date, \
               '01:02:03'::time, ARRAY[1,2], '6ecd8c99-4036-403d-bf84-cf8400f67836'::uuid, interval '1 day'";
    let batches = client.query(sql).await.unwrap();
    let shown: Vec<String> = batches[0]
        .columns()
        .iter()
        .zip(batches[0].schema().fields())
        .map(|(column, field)| format!("{} {}: {}", field.name(), field.data_type(), shown(column)))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    a Int64: 1
    a Int64: 2
    float4 Float64: 1.5
    text Utf8: é
    text Utf8: ∅
    ?column? Boolean: true
    numeric Decimal128(38, 3): 12345678.900
    jsonb Utf8: {"a": 1}
    bytea Binary: 00ff
    timestamptz Timestamp(µs, "UTC"): 2024-01-02T03:04:05.500Z
    date Date32: 2024-01-02
    time Time64(µs): 01:02:03
    array Utf8: {1,2}
    uuid Utf8: 6ecd8c99-4036-403d-bf84-cf8400f67836
    interval Utf8: 1 day
    "#);
    let empty = client
        .query("SELECT n FROM ds.t WHERE n > 1")
        .await
        .unwrap();
    assert_eq!(
        (
            empty[0].num_rows(),
            empty[0].schema().field(0).name().as_str()
        ),
        (0, "n")
    );
}

fn shown(column: &arrow_array::ArrayRef) -> String {
    use arrow_schema::{DataType, TimeUnit};
    let plain = match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        other => other.clone(),
    };
    let column = arrow_cast::cast(column, &plain).unwrap();
    let text = arrow_cast::display::array_value_to_string(&column, 0).unwrap();
    if text.is_empty() {
        "∅".to_owned()
    } else {
        text
    }
}

/// Rows that fill the queue between encoding and sending, whose ids are numbers below `ids`.
fn many(rows: i64, ids: i64) -> tipple_destination::LoadJob {
    let names = vec!["x".repeat(100); rows as usize];
    let row_ids: Vec<String> = (0..rows).map(|row| (row % ids).to_string()).collect();
    job(
        "colours",
        vec![
            ("id", ints(0..rows)),
            ("name", texts(names.iter().map(String::as_str))),
            ("_dlt_load_id", texts(vec!["1"; rows as usize])),
            ("_dlt_id", texts(row_ids.iter().map(String::as_str))),
        ],
    )
}

#[tokio::test]
async fn constraints_that_are_put_aside_for_many_rows_come_back() {
    let Some(server) = Server::new() else {
        return;
    };
    let shop = Shop::new(
        &server.postgres,
        schema([table("colours", None, "append", COLOURS)]),
    );
    let twice = shop.load("1.0", vec![many(60_000, 59_999)]).await;
    let error = twice.unwrap_err();
    assert_eq!(error.code(), "destination.job");
    let why = error.to_string();
    assert!(why.contains("Key (_dlt_id)=(0) is duplicated"), "{why}");
    assert_eq!(shop.rows("SELECT count(*) FROM ds.colours").await, "0");
    for load in ["1.1", "1.2"] {
        let constraints = "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'ds.colours'::regclass";
        assert_eq!(
            shop.rows(constraints).await,
            "colours__dlt_id_key | UNIQUE (_dlt_id)"
        );
        let receipt = shop.load(load, vec![many(60_000, 60_000)]).await;
        // The second load brings the same ids.
        assert_eq!(receipt.is_ok(), load == "1.1");
    }
    assert_eq!(shop.rows("SELECT count(*) FROM ds.colours").await, "60000");
}
