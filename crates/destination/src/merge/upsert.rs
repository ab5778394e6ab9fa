//! Merge by updating what is there and inserting what is not: `upsert`, `insert-only`, `cdc`.

use super::{Chain, Result};
use crate::statement::StatementKind;
use crate::table::LoadTable;

/// Which of the three strategies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Update and insert.
    Upsert,
    /// Insert new keys only.
    InsertOnly,
    /// Delete what is absent, then upsert.
    Cdc,
}

/// Columns that say nothing about whether a row changed.
const IDENTITY_HINTS: [&str; 5] = [
    "primary_key",
    "row_key",
    "parent_key",
    "root_key",
    "hard_delete",
];

pub(super) fn plan(chain: &mut Chain<'_>, mode: Mode) -> Result<()> {
    if mode == Mode::Cdc {
        delete_absent(chain)?;
    }
    merge_root(chain, mode);
    for table in chain.children {
        merge_child(chain, table, mode)?;
        if mode != Mode::InsertOnly {
            delete_orphans(chain, table)?;
        }
    }
    Ok(())
}

/// Rows that the staged snapshot does not have any more; children first, while their roots still tell who they are.
fn delete_absent(chain: &mut Chain<'_>) -> Result<()> {
    let mut absent = chain.absent(&chain.keys("primary_key"));
    if let Some(partition) = chain.partition() {
        absent = format!("{absent} AND {partition}");
    }
    let root = chain.table(chain.root);
    for table in chain.children {
        let (row_key, root_key) = (chain.row_key(chain.root)?, chain.root_key(table)?);
        let condition = format!("{root_key} IN (SELECT {row_key} FROM {root} WHERE {absent})");
        let why = "their root is not in the snapshot";
        chain.delete_where(table, &condition, &[root_key], true, why);
    }
    let (keys, is_nested) = (chain.keys("primary_key"), chain.source_filter.is_some());
    let why = "not in the snapshot any more";
    chain.delete_where(chain.root, &absent, &keys, is_nested, why);
    Ok(())
}

fn merge_root(chain: &mut Chain<'_>, mode: Mode) {
    let root = chain.root;
    let on: Vec<String> = chain
        .keys("primary_key")
        .iter()
        .map(|key| format!("d.{key} = s.{key}"))
        .collect();
    let mut clauses = Vec::new();
    if mode != Mode::InsertOnly {
        if let Some(deleted) = chain.hard_delete(true, "s.") {
            clauses.push(format!("WHEN MATCHED AND {deleted} THEN DELETE"));
        }
        clauses.push(update_clause(chain, root));
    }
    let kept = chain.hard_delete(false, "s.").filter(|_| mode == Mode::Cdc);
    clauses.push(insert_clause(chain, root, kept.as_deref()));
    let sql = format!(
        "MERGE INTO {} AS d USING {} AS s ON {} {}",
        chain.table(root),
        root_source(chain, mode),
        on.join(" AND "),
        clauses.join(" ")
    );
    let why = match mode {
        Mode::InsertOnly => "rows with new keys come in",
        Mode::Upsert | Mode::Cdc => "rows with known keys change, rows with new keys come in",
    };
    chain.push(StatementKind::Merge, &root.name, sql, why);
}

/// The staged root rows that take part.
fn root_source(chain: &Chain<'_>, mode: Mode) -> String {
    let staged = chain.staged(chain.root);
    let kept = chain
        .hard_delete(false, "")
        .filter(|_| mode == Mode::InsertOnly);
    let filter = chain
        .source_filter
        .as_ref()
        .map(|filter| format!("({filter})"));
    let conditions: Vec<String> = [kept, filter].into_iter().flatten().collect();
    match conditions.is_empty() {
        true => staged,
        false => format!(
            "(SELECT * FROM {staged} WHERE {})",
            conditions.join(" AND ")
        ),
    }
}

fn update_clause(chain: &Chain<'_>, table: &LoadTable) -> String {
    let changes: Vec<String> = chain
        .columns(table)
        .iter()
        .map(|name| format!("{name} = s.{name}"))
        .collect();
    let when = match changed(chain, table) {
        Some(changed) => format!("WHEN MATCHED AND ({changed})"),
        None => "WHEN MATCHED".to_owned(),
    };
    format!("{when} THEN UPDATE SET {}", changes.join(", "))
}

fn insert_clause(chain: &Chain<'_>, table: &LoadTable, condition: Option<&str>) -> String {
    let columns = chain.columns(table);
    let values: Vec<String> = columns.iter().map(|name| format!("s.{name}")).collect();
    let when = match condition {
        Some(condition) => format!("WHEN NOT MATCHED AND ({condition})"),
        None => "WHEN NOT MATCHED".to_owned(),
    };
    format!(
        "{when} THEN INSERT ({}) VALUES ({})",
        columns.join(", "),
        values.join(", ")
    )
}

/// Condition that a staged row differs from the one that is there; nothing when rows are always updated.
fn changed(chain: &Chain<'_>, table: &LoadTable) -> Option<String> {
    if !chain.root.has("x-merge-skip-unchanged-rows") {
        return None;
    }
    if let Some(version) = table.first_with("x-row-version") {
        let name = chain.quote(&version.name);
        return Some(format!("s.{name} <> d.{name}"));
    }
    let load_id = &chain.context.names.row_load_id;
    let differs: Vec<String> = table
        .columns
        .values()
        .filter(|column| !column.name.eq_ignore_ascii_case(load_id))
        .filter(|column| !IDENTITY_HINTS.iter().any(|hint| column.has(hint)))
        .map(|column| {
            let name = chain.quote(&column.name);
            let side = |alias| {
                let dialect = chain.context.dialect;
                dialect.comparable(column, format!("{alias}.{name}"))
            };
            format!("({} IS DISTINCT FROM {})", side("s"), side("d"))
        })
        .collect();
    (!differs.is_empty()).then(|| differs.join(" OR "))
}

fn merge_child(chain: &mut Chain<'_>, table: &LoadTable, mode: Mode) -> Result<()> {
    let row_key = chain.row_key(table)?;
    let staged = chain.staged(table);
    let source = match &chain.source_filter {
        Some(_) => {
            let roots = chain.staged_root_keys(&chain.row_key(chain.root)?);
            let root_key = chain.root_key(table)?;
            format!("(SELECT * FROM {staged} WHERE {root_key} IN ({roots}))")
        }
        None => staged,
    };
    let mut clauses = Vec::new();
    if mode != Mode::InsertOnly {
        clauses.push(update_clause(chain, table));
    }
    clauses.push(insert_clause(chain, table, None));
    let sql = format!(
        "MERGE INTO {} AS d USING {source} AS s ON d.{row_key} = s.{row_key} {}",
        chain.table(table),
        clauses.join(" ")
    );
    chain.push(
        StatementKind::Merge,
        &table.name,
        sql,
        "children follow their roots",
    );
    Ok(())
}

/// Children of staged roots that were not staged themselves, and all children of roots marked as deleted.
fn delete_orphans(chain: &mut Chain<'_>, table: &LoadTable) -> Result<()> {
    let root_row_key = chain.row_key(chain.root)?;
    let (row_key, root_key) = (chain.row_key(table)?, chain.root_key(table)?);
    let staged = chain.staged(table);
    let roots = chain.staged_root_keys(&root_row_key);
    let is_nested = chain.source_filter.is_some();
    let left =
        format!("{root_key} IN ({roots}) AND {row_key} NOT IN (SELECT {row_key} FROM {staged})");
    let why = "elements that left their list";
    chain.delete_where(table, &left, &[row_key], is_nested, why);
    if let Some(deleted) = chain.hard_delete(true, "") {
        let mut roots = format!(
            "SELECT {root_row_key} FROM {} WHERE {deleted}",
            chain.staged(chain.root)
        );
        if let Some(filter) = &chain.source_filter {
            roots.push_str(&format!(" AND ({filter})"));
        }
        let condition = format!("{root_key} IN ({roots})");
        let why = "their root is marked as deleted";
        chain.delete_where(table, &condition, &[root_key], is_nested, why);
    }
    Ok(())
}
