//! What becomes of values on their way into a table.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    RecordBatch, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use tipple_destination::{DestinationError, ErrorKind, JobSource, LoadJob};

use crate::server::Server;
use crate::support::{Shop, ints, job, jobs_of, schema, table, texts};

/// Loads one column `c` of `kind` and gives what the table holds, or the error.
async fn load(kind: &str, values: ArrayRef) -> Option<String> {
    let server = Server::new()?;
    let columns = format!("c {kind}");
    let shop = Shop::new(
        &server.postgres,
        schema([table("t", None, "append", &columns)]),
    );
    Some(load_into(&shop, values).await)
}

async fn load_into(shop: &Shop<'_>, values: ArrayRef) -> String {
    match shop.load("1.1", vec![job("t", vec![("c", values)])]).await {
        Ok(_) => shop.rows("SELECT c::text FROM ds.t ORDER BY ctid").await,
        Err(error) => format!("{}: {error}", error.code()),
    }
}

async fn check(kind: &str, values: ArrayRef, expected: &str) {
    if let Some(held) = load(kind, values).await {
        assert_eq!(held, expected, "{kind}");
    }
}

#[tokio::test]
async fn values_keep_every_digit() {
    check(
        "bigint",
        ints([42, i64::MIN, i64::MAX]),
        "42\n-9223372036854775808\n9223372036854775807",
    )
    .await;
    check("bigint precision=16", ints([-7]), "-7").await;
    check("bigint precision=32", ints([70_000]), "70000").await;
    check(
        "double",
        Arc::new(Float64Array::from(vec![
            0.1,
            -1e300,
            f64::NAN,
            f64::INFINITY,
        ])),
        "0.1\n-1e+300\nNaN\nInfinity",
    )
    .await;
    check(
        "bool",
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        "true\n∅\nfalse",
    )
    .await;
    check("text", texts(["a\0b", "é|\t\n\\"]), "ab\né|\t\n\\").await;
    check(
        "json",
        texts([r#"{"b":1.50,"a":["x\u0000y"]}"#]),
        r#"{"a": ["xy"], "b": 1.50}"#,
    )
    .await;
    check(
        "binary",
        Arc::new(BinaryArray::from_vec(vec![b"\0\x01\xff"])),
        r"\x0001ff",
    )
    .await;
    check(
        "date",
        Arc::new(Date32Array::from(vec![19_724, -1])),
        "2024-01-02\n1969-12-31",
    )
    .await;
    check(
        "time",
        Arc::new(Time64MicrosecondArray::from(vec![3_723_500_000])),
        "01:02:03.5",
    )
    .await;
    check(
        "wei",
        texts(["1180591620717411303424", "1E+3"]),
        &format!("1180591620717411303424.{z}\n1000.{z}", z = "0".repeat(78)),
    )
    .await;
    check(
        "decimal",
        texts(["1.0000000005", "2"]),
        "1.000000001\n2.000000000",
    )
    .await;
}

#[tokio::test]
async fn decimals_are_exact_and_rounded_by_the_column() {
    let decimals = |units: Vec<i128>, scale| -> ArrayRef {
        Arc::new(
            Decimal128Array::from(units)
                .with_precision_and_scale(38, scale)
                .unwrap(),
        )
    };
    check(
        "decimal",
        decimals(vec![10_i128.pow(37) - 1, -5, 0], 9),
        "9999999999999999999999999999.999999999\n-0.000000005\n0.000000000",
    )
    .await;
    check(
        "decimal precision=10 scale=2",
        decimals(vec![1005], 3),
        "1.01",
    )
    .await;
}

#[tokio::test]
async fn times_keep_their_zone_and_their_precision() {
    let micros = || TimestampMicrosecondArray::from(vec![1_704_164_645_123_456, -1]);
    check(
        "timestamp",
        Arc::new(micros().with_timezone("UTC")),
        "2024-01-02 03:04:05.123456+00\n1969-12-31 23:59:59.999999+00",
    )
    .await;
    check(
        "timestamp timezone=false",
        Arc::new(micros()),
        "2024-01-02 03:04:05.123456\n1969-12-31 23:59:59.999999",
    )
    .await;
    check(
        "timestamp precision=3",
        Arc::new(micros().with_timezone("UTC")),
        "2024-01-02 03:04:05.123+00\n1970-01-01 00:00:00+00",
    )
    .await;
}

#[tokio::test]
async fn values_of_another_type_become_what_their_literals_would_become() {
    check("text", ints([1]), "1").await;
    check("bigint", texts(["42", " 7 "]), "42\n7").await;
    check("double", ints([3]), "3").await;
    check("decimal", ints([3]), "3.000000000").await;
    check("bigint", Arc::new(UInt64Array::from(vec![7])), "7").await;
    check(
        "bigint",
        Arc::new(Float64Array::from(vec![1.5, 2.5, -0.5])),
        "2\n3\n-1",
    )
    .await;
}

#[tokio::test]
async fn values_that_do_not_fit_fail_the_job() {
    let Some(bigint) = load("bigint", texts(["x"])).await else {
        return;
    };
    insta::assert_snapshot!(bigint, @r#"destination.job: job `t.1a2b3c4d5e` cannot be loaded into table `t`: invalid input syntax for type bigint: "x"; COPY t, line 1, column c: "x""#);
    insta::assert_snapshot!(load("bigint", Arc::new(UInt64Array::from(vec![u64::MAX]))).await.unwrap(), @"destination.job: job `t.1a2b3c4d5e` cannot be loaded into table `t`: column `c`: 18446744073709551615 is out of range for bigint");
    insta::assert_snapshot!(load("bigint precision=16", ints([70_000])).await.unwrap(), @"destination.job: job `t.1a2b3c4d5e` cannot be loaded into table `t`: column `c`: 70000 is out of range for smallint");
    insta::assert_snapshot!(load("text precision=2", texts(["abc"])).await.unwrap(), @"destination.job: job `t.1a2b3c4d5e` cannot be loaded into table `t`: value too long for type character varying(2); COPY t, line 1, column c");
    insta::assert_snapshot!(load("decimal precision=5 scale=2", texts(["1234.5"])).await.unwrap(), @"destination.job: job `t.1a2b3c4d5e` cannot be loaded into table `t`: numeric field overflow; A field with precision 5, scale 2 must round to an absolute value less than 10^3; COPY t, line 1, column c");
    insta::assert_snapshot!(load("text!", Arc::new(StringArray::from(vec![None::<&str>]))).await.unwrap(), @r#"destination.job: job `t.1a2b3c4d5e` cannot be loaded into table `t`: null value in column "c" of relation "t" violates not-null constraint; Failing row contains (null); COPY t, line 1"#);
    insta::assert_snapshot!(load("json", texts(["{"])).await.unwrap(), @"destination.job: job `t.1a2b3c4d5e` cannot be loaded into table `t`: invalid input syntax for type json; The input string ended unexpectedly; JSON data, line 1: {");
}

#[tokio::test]
async fn rows_keep_their_order_over_many_batches() {
    let Some(server) = Server::new() else {
        return;
    };
    let shop = Shop::new(
        &server.postgres,
        schema([table("t", None, "append", "n bigint")]),
    );
    let batch = |from: i64, to: i64| RecordBatch::try_from_iter([("n", ints(from..to))]).unwrap();
    let batches = (0..50)
        .map(|i| batch(i * 10_007, (i + 1) * 10_007))
        .collect();
    let receipt = shop.load("1.1", vec![jobs_of("t", batches)]).await.unwrap();
    assert_eq!(receipt.rows["t.1a2b3c4d5e"], 500_350);
    let sql = "SELECT count(*) FROM (SELECT n, row_number() OVER (ORDER BY ctid) - 1 AS i FROM ds.t) AS q WHERE n <> i";
    assert_eq!(shop.rows(sql).await, "0");
}

#[tokio::test]
async fn jobs_and_batches_may_differ_in_their_columns() {
    let Some(server) = Server::new() else {
        return;
    };
    let shop = Shop::new(
        &server.postgres,
        schema([table("t", None, "append", "a bigint\nb text")]),
    );
    let batch = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).unwrap();
    let mixed = vec![
        batch(vec![("a", ints([1]))]),
        batch(vec![("b", texts(["x"])), ("a", ints([2]))]),
        batch(vec![("a", texts(["3"]))]),
    ];
    let mut second = jobs_of("t", vec![batch(vec![("b", texts(["y"]))])]);
    second.id = "second".to_owned();
    let receipt = shop
        .load("1.1", vec![jobs_of("t", mixed), second])
        .await
        .unwrap();
    assert_eq!(
        shop.rows("SELECT a, b FROM ds.t ORDER BY ctid").await,
        "1 | ∅\n2 | x\n3 | ∅\n∅ | y"
    );
    assert_eq!(
        (receipt.rows["t.1a2b3c4d5e"], receipt.rows["second"]),
        (3, 1)
    );
}

#[tokio::test]
async fn a_job_whose_file_breaks_off_leaves_nothing_behind() {
    let Some(server) = Server::new() else {
        return;
    };
    let shop = Shop::new(
        &server.postgres,
        schema([table("t", None, "append", "n bigint")]),
    );
    let source = JobSource::new(|| {
        let batch = RecordBatch::try_from_iter([("n", ints([1]))]).unwrap();
        Ok(Box::new(
            [Ok(batch), Err("the file ends early".into())].into_iter(),
        ))
    });
    let broken = LoadJob {
        id: "t.x".into(),
        table: "t".into(),
        source: Some(source),
    };
    let good = job("t", vec![("n", ints([1]))]);
    let error = shop
        .load("1.1", vec![good.clone(), broken])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Terminal);
    assert!(
        matches!(&error, DestinationError::JobFile { cause, .. } if cause.to_string() == "the file ends early"),
        "{error}"
    );
    let counts = "SELECT (SELECT count(*) FROM ds.t), (SELECT count(*) FROM ds._dlt_loads)";
    assert_eq!(shop.rows(counts).await, "0 | 0");
    shop.load("1.1", vec![good]).await.unwrap();
    assert_eq!(shop.rows("SELECT n FROM ds.t").await, "1");
}

/// Loads into a column that was altered by hand to `stored`.
async fn load_into_altered(kind: &str, stored: &str, values: ArrayRef) -> Option<String> {
    let server = Server::new()?;
    let columns = format!("c {kind}");
    let shop = Shop::new(
        &server.postgres,
        schema([table("t", None, "append", &columns)]),
    );
    let mut client = shop.client().await;
    shop.migrate(client.as_mut()).await.unwrap();
    let alter = format!("ALTER TABLE ds.t ALTER COLUMN c TYPE {stored} USING c::text::{stored}");
    server.database.run(&alter).unwrap();
    Some(load_into(&shop, values).await)
}

#[tokio::test]
async fn a_column_of_another_type_takes_literals() {
    let times = TimestampMicrosecondArray::from(vec![1_704_164_645_000_006, 1_704_164_645_000_000]);
    let decimals = Decimal128Array::from(vec![1_500_000_000, 0]).with_precision_and_scale(38, 9);
    let cases: [(&str, &str, ArrayRef, &str); 7] = [
        (
            "text",
            "uuid",
            texts(["6ecd8c99-4036-403d-bf84-cf8400f67836"]),
            "6ecd8c99-4036-403d-bf84-cf8400f67836",
        ),
        (
            "timestamp",
            "text",
            Arc::new(times.with_timezone("UTC")),
            "2024-01-02T03:04:05.000006+00:00\n2024-01-02T03:04:05+00:00",
        ),
        ("decimal", "text", Arc::new(decimals.unwrap()), "1.5\n0"),
        (
            "double",
            "bigint",
            Arc::new(Float64Array::from(vec![1.5, 2.5, 1e3])),
            "2\n3\n1000",
        ),
        (
            "double",
            "numeric(10,2)",
            Arc::new(Float64Array::from(vec![1.005])),
            "1.01",
        ),
        (
            "bigint",
            "double precision",
            Arc::new(Int64Array::from(vec![12])),
            "12",
        ),
        ("text", "text[]", texts([r#"{a,"b c"}"#]), r#"{a,"b c"}"#),
    ];
    for (kind, stored, values, expected) in cases {
        if let Some(held) = load_into_altered(kind, stored, values).await {
            assert_eq!(held, expected, "{kind} into {stored}");
        }
    }
}
