//! Statements through the guard.

use proptest::prelude::*;

use crate::{Guard, Refusal};

const HARMLESS: &str = include_str!("../../../fixtures/query/harmless.sql");
const HOSTILE: &str = include_str!("../../../fixtures/query/hostile.sql");

fn guard() -> Guard {
    Guard::new("shop", ["orders", "orders__items", "_dlt_loads"])
}

fn statements(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.starts_with("--") && !line.trim().is_empty())
}

#[test]
fn harmless_queries_pass_and_what_is_written_anew_passes_again() {
    for sql in statements(HARMLESS) {
        let checked = guard()
            .check(sql)
            .unwrap_or_else(|refusal| panic!("{sql}\n  {refusal}"));
        let again = guard()
            .check(&checked.sql)
            .unwrap_or_else(|refusal| panic!("{}\n  {refusal}", checked.sql));
        assert_eq!(again.sql, checked.sql, "written anew from: {sql}");
    }
}

#[test]
fn every_hostile_statement_is_refused_for_its_own_reason() {
    let mut told = String::new();
    for sql in statements(HOSTILE) {
        match guard().check(sql) {
            Ok(checked) => panic!("was let through: {sql}\n  as: {}", checked.sql),
            Err(refusal) => told.push_str(&format!("{sql}\n    {refusal}\n")),
        }
    }
    insta::assert_snapshot!("hostile", told);
}

#[test]
fn the_dialect_of_postgres_opens_no_hole() {
    let guard = guard().in_dialect("postgres");
    for sql in statements(HOSTILE) {
        assert!(guard.check(sql).is_err(), "was let through: {sql}");
    }
    for sql in [
        "select pg_terminate_backend(1)",
        "select query_to_xml('select * from other.t', true, true, '')",
        "select * from pg_catalog.pg_authid",
        "select ts_stat('select v from other.t')",
        "select lowrite(1, 'x')",
        "do $$ begin perform 1; end $$",
        "copy orders to program 'sh'",
        "set role postgres",
        "select 1 into x",
        "select * from orders for update",
    ] {
        assert!(guard.check(sql).is_err(), "was let through: {sql}");
    }
    for sql in [
        "select raw->'a'->>'b', id::text from orders where note ~* '^x' and raw @> '{\"a\": 1}'",
        "select distinct on (id) id, at at time zone 'UTC' from orders order by id, at desc",
        "select count(*) filter (where total > 1), string_agg(note, ',' order by id) from orders",
    ] {
        let checked = guard.check(sql);
        assert!(checked.is_ok(), "{sql}: {checked:?}");
    }
}

#[test]
fn the_tables_that_are_read_are_told() {
    let checked = guard()
        .check("with x as (select * from Orders) select * from x, shop._dlt_loads")
        .unwrap();
    assert_eq!(checked.tables, ["_dlt_loads", "orders"]);
    assert!(checked.is_query);
}

#[test]
fn tables_of_the_dataset_get_their_full_name_and_nothing_else_does() {
    let sql = "with x as (select id from Orders o join orders__items using (id)), orders__items as (select 1 as n) \
               select x.id, orders.id from x, orders, orders__items, unnest([1]) u, range(3) r where exists (from shop._dlt_loads)";
    insta::assert_snapshot!(guard().in_catalog(Some("f".to_owned())).check(sql).unwrap().sql, @r#"WITH x AS (SELECT id FROM "f"."shop"."orders" o JOIN "f"."shop"."orders__items" USING(id)), orders__items AS (SELECT 1 AS n) SELECT x.id, orders.id FROM x, "f"."shop"."orders", orders__items, unnest([1]) u, range(3) r WHERE EXISTS (FROM "f"."shop"."_dlt_loads")"#);
}

#[test]
fn a_misspelt_table_gets_the_nearest_name() {
    let refusal = guard().check("select * from ordrs").unwrap_err();
    let Refusal::UnknownTable { nearest, .. } = refusal else {
        panic!("{refusal:?}")
    };
    assert_eq!(nearest.as_deref(), Some("orders"));
}

#[test]
fn an_empty_text_is_told_apart() {
    assert_eq!(guard().check(" -- nothing\n"), Err(Refusal::Empty));
}

#[test]
fn a_very_long_chain_of_operators_does_not_overflow_the_stack() {
    let long = format!("select 1{}", "+1".repeat(4_900));
    assert!(guard().check(&long).is_ok());
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!("select {}1{}", "(".repeat(1_000), ")".repeat(1_000));
    assert!(matches!(guard().check(&deep), Err(Refusal::Syntax { .. })));
}

#[test]
fn a_text_beyond_the_limit_is_refused() {
    let long = format!("select '{}'", "x".repeat(2 << 20));
    assert!(matches!(guard().check(&long), Err(Refusal::TooLong { .. })));
    let many = format!("select 1{}", "+1".repeat(50_000));
    assert!(matches!(
        guard().check(&many),
        Err(Refusal::ManyTokens { .. })
    ));
}

proptest! {
    /// Whatever is put around a file name in FROM, it never passes.
    #[test]
    fn a_file_name_in_quotes_never_passes(
        before in "(select \\* from|from|select 1 union select \\* from|with x as \\(select 1\\) select \\* from x,)",
        quote in "['\"]",
        name in "[a-z/._*]{1,12}\\.(csv|parquet|json|duckdb)",
    ) {
        let sql = format!("{before} {quote}{name}{quote}");
        prop_assert!(guard().check(&sql).is_err(), "{sql}");
    }

    /// No text makes the guard panic.
    #[test]
    fn no_text_breaks_the_guard(sql in "(select|from|with|as|\\(|\\)|,|'|\"|orders|\\*| |1|;|--|/\\*|\\$\\$){0,30}") {
        let _ = guard().check(&sql);
    }
}
