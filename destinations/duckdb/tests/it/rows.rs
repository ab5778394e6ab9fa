//! What becomes of values on their way into a table.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Decimal128Array, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
use tipple_destination::{DestinationError, ErrorKind, JobSource, LoadJob};
use tipple_destination_duckdb::DuckDb;

use crate::support::{Shop, ints, job, jobs_of, schema, table, texts};

/// Loads one column `c` of `kind` and gives what the table holds, or the error.
async fn load(kind: &str, values: ArrayRef) -> String {
    let duckdb = DuckDb::in_memory();
    let shop = Shop::new(
        &duckdb,
        schema([table("t", None, "append", &format!("c {kind}"))]),
    );
    load_into(&shop, values).await
}

async fn load_into(shop: &Shop<'_>, values: ArrayRef) -> String {
    match shop.load("1.1", vec![job("t", vec![("c", values)])]).await {
        Ok(_) => shop.rows("SELECT c::VARCHAR FROM ds.t").await,
        Err(error) => format!("{}: {error}", error.code()),
    }
}

#[tokio::test]
async fn values_become_what_sql_literals_would_become() {
    assert_eq!(load("bigint", texts(["42", " 7 "])).await, "42\n7");
    assert_eq!(load("text", ints([1])).await, "1");
    assert_eq!(load("text", texts(["a\0b"])).await, "ab");
    assert_eq!(load("double", ints([3])).await, "3.0");
    assert_eq!(
        load("bigint", Arc::new(Float64Array::from(vec![1.5, 2.5]))).await,
        "2\n3"
    );
    assert_eq!(
        load("decimal", texts(["1.0000000005", "2"])).await,
        "1.000000001\n2.000000000"
    );
    assert_eq!(
        load("decimal precision=10 scale=2", texts(["1.005"])).await,
        "1.01"
    );
    let decimals = Decimal128Array::from(vec![1005])
        .with_precision_and_scale(10, 3)
        .unwrap();
    assert_eq!(
        load("decimal precision=10 scale=2", Arc::new(decimals)).await,
        "1.01"
    );
    assert_eq!(
        load("wei", texts(["1180591620717411303424"])).await,
        "1180591620717411303424"
    );
    assert_eq!(load("json", texts([r#"{"a":[1]}"#])).await, r#"{"a":[1]}"#);
    assert_eq!(load("date", texts(["2024-01-02"])).await, "2024-01-02");
    assert_eq!(load("time", texts(["01:02:03.5"])).await, "01:02:03.5");
    let micros = TimestampMicrosecondArray::from(vec![1_704_164_645_000_006]);
    let aware = micros.clone().with_timezone("UTC");
    assert_eq!(
        load("timestamp", Arc::new(aware)).await,
        "2024-01-02 03:04:05.000006+00"
    );
    assert_eq!(
        load("timestamp timezone=false", Arc::new(micros)).await,
        "2024-01-02 03:04:05.000006"
    );
    assert_eq!(
        load("bigint", Arc::new(UInt64Array::from(vec![7]))).await,
        "7"
    );
}

#[tokio::test]
async fn values_that_do_not_fit_fail_the_job() {
    insta::assert_snapshot!(load("bigint", texts(["x"])).await, @"destination.job: job `t.1a2b3c4d5e` cannot be loaded into table `t`: Conversion Error: Could not convert string 'x' to INT64 when casting from source column c");
    insta::assert_snapshot!(load("bigint", Arc::new(UInt64Array::from(vec![u64::MAX]))).await, @"destination.job: job `t.1a2b3c4d5e` cannot be loaded into table `t`: Conversion Error: Type UINT64 with value 18446744073709551615 can't be cast because the value is out of range for the destination type INT64 when casting from source column c");
    insta::assert_snapshot!(load("text!", Arc::new(StringArray::from(vec![None::<&str>]))).await, @r#"destination.job: job `t.1a2b3c4d5e` cannot be loaded into table `t`: Constraint Error: NOT NULL constraint failed: t.c"#);
}

#[tokio::test]
async fn rows_keep_their_order_over_many_batches_and_threads() {
    let duckdb = DuckDb::in_memory();
    let shop = Shop::new(&duckdb, schema([table("t", None, "append", "n bigint")]));
    let batch = |from: i64, to: i64| RecordBatch::try_from_iter([("n", ints(from..to))]).unwrap();
    let batches = (0..50)
        .map(|i| batch(i * 10_007, (i + 1) * 10_007))
        .collect();
    let receipt = shop.load("1.1", vec![jobs_of("t", batches)]).await.unwrap();
    assert_eq!(receipt.rows["t.1a2b3c4d5e"], 500_350);
    assert_eq!(
        shop.rows("SELECT count(*) FROM ds.t WHERE n <> rowid")
            .await,
        "0"
    );
}

#[tokio::test]
async fn jobs_and_batches_may_differ_in_their_columns() {
    let duckdb = DuckDb::in_memory();
    let shop = Shop::new(
        &duckdb,
        schema([table("t", None, "append", "a bigint\nb text")]),
    );
    let batch = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).unwrap();
    let mixed = vec![
        batch(vec![("a", ints([1]))]),
        batch(vec![("b", texts(["x"])), ("a", ints([2]))]),
        batch(vec![("a", ints([3]))]),
    ];
    let mut second = jobs_of("t", vec![batch(vec![("b", texts(["y"]))])]);
    second.id = "second".to_owned();
    let receipt = shop
        .load("1.1", vec![jobs_of("t", mixed), second])
        .await
        .unwrap();
    assert_eq!(
        shop.rows("SELECT a, b FROM ds.t").await,
        "1 | ∅\n2 | x\n3 | ∅\n∅ | y"
    );
    assert_eq!(
        (receipt.rows["t.1a2b3c4d5e"], receipt.rows["second"]),
        (3, 1)
    );
}

#[tokio::test]
async fn a_job_whose_file_breaks_off_leaves_nothing_behind() {
    let duckdb = DuckDb::in_memory();
    let shop = Shop::new(&duckdb, schema([table("t", None, "append", "n bigint")]));
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
    assert_eq!(error.code(), "destination.job_file");
    assert_eq!(error.kind(), ErrorKind::Terminal);
    assert!(
        matches!(&error, DestinationError::JobFile { cause, .. } if cause.to_string() == "the file ends early")
    );
    assert_eq!(
        shop.rows("SELECT (SELECT count(*) FROM ds.t), (SELECT count(*) FROM ds._dlt_loads)")
            .await,
        "0 | 0"
    );
    shop.load("1.1", vec![good]).await.unwrap();
    assert_eq!(shop.rows("SELECT n FROM ds.t").await, "1");
}

/// Loads into a column that was made as `stored` before the schema said otherwise.
async fn load_into_other(stored: &str, kind: &str, values: ArrayRef) -> String {
    let duckdb = DuckDb::in_memory();
    let mut shop = Shop::new(
        &duckdb,
        schema([table("t", None, "append", &format!("c {stored}"))]),
    );
    let mut client = shop.client().await;
    shop.migrate(client.as_mut()).await.unwrap();
    shop.schema = schema([table("t", None, "append", &format!("c {kind}"))]);
    shop.hash = "hash 2".to_owned();
    load_into(&shop, values).await
}

#[tokio::test]
async fn a_column_whose_type_changed_in_the_schema_alone_takes_literals() {
    let floats = || Arc::new(Float64Array::from(vec![1.5, 2.5, 1e3]));
    assert_eq!(
        load_into_other("bigint", "double", floats()).await,
        "2\n3\n1000"
    );
    let floats = Arc::new(Float64Array::from(vec![1.005]));
    assert_eq!(
        load_into_other("decimal precision=10 scale=2", "double", floats).await,
        "1.01"
    );
    let micros = vec![1_704_164_645_000_006, 1_704_164_645_000_000];
    let times = Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"));
    assert_eq!(
        load_into_other("text", "timestamp", times).await,
        "2024-01-02T03:04:05.000006+00:00\n2024-01-02T03:04:05+00:00"
    );
    let decimals = || {
        let values = Decimal128Array::from(vec![1_500_000_000, 0, 100_000_000_000]);
        Arc::new(values.with_precision_and_scale(38, 9).unwrap())
    };
    assert_eq!(
        load_into_other("json", "decimal", decimals()).await,
        "1.5\n0\n100"
    );
    assert_eq!(
        load_into_other("text", "decimal", decimals()).await,
        "1.5\n0\n100"
    );
    assert_eq!(load_into_other("bigint", "text", texts(["12"])).await, "12");
}
