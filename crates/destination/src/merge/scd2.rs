//! Merge that keeps a history: versions of a row with the time in which each was true.

use super::{Chain, Result, matched_rows};
use crate::moment::iso_utc;
use crate::statement::StatementKind;
use crate::table::LoadTable;
use crate::verify::Problem;

/// Quoted names and literals of a history.
struct History {
    from: String,
    to: String,
    hash: String,
    boundary: String,
    /// What `to` holds while a version is true.
    active: String,
    /// Condition on versions that are true.
    is_active: String,
}

pub(super) fn plan(chain: &mut Chain<'_>) -> Result<()> {
    let history = history(chain)?;
    retire(chain, &history);
    insert_roots(chain, &history);
    let row_key = match chain.root.first_with("row_key") {
        Some(column) => chain.quote(&column.name),
        None => history.hash.clone(),
    };
    // Without a root key, each level is filtered by the staged rows of the level above.
    let mut filters: Vec<(&str, String)> = Vec::new();
    if let Some(filter) = chain.source_filter.clone() {
        filters.push((&chain.root.name, filter));
    }
    for table in chain.children {
        insert_children(chain, table, &row_key, &mut filters)?;
    }
    Ok(())
}

fn history(chain: &Chain<'_>) -> Result<History> {
    let column = |hint: &'static str| {
        let missing = || Problem::HistoryColumn {
            table: chain.root.name.clone(),
            hint,
        };
        chain
            .root
            .first_with(hint)
            .map(|c| chain.quote(&c.name))
            .ok_or_else(missing)
    };
    let to = column("x-valid-to")?;
    let literal = |text: &str| chain.context.dialect.timestamp_literal(text);
    let boundary = match chain.root.text_hint("x-boundary-timestamp") {
        Some(text) => literal(text),
        None => literal(&iso_utc(chain.package.created_at)),
    };
    let active = chain.root.first_with("x-active-record-timestamp");
    let active = active.and_then(|c| c.text_hint("x-active-record-timestamp"));
    let (active, is_active) = match active.map(literal) {
        Some(active) => (active.clone(), format!("{to} = {active}")),
        None => ("NULL".to_owned(), format!("{to} IS NULL")),
    };
    let (from, hash) = (column("x-valid-from")?, column("x-row-version")?);
    Ok(History {
        from,
        to,
        hash,
        boundary,
        active,
        is_active,
    })
}

fn retire(chain: &mut Chain<'_>, history: &History) {
    let keys = std::slice::from_ref(&history.hash);
    let mut conditions = vec![chain.absent(keys), history.is_active.clone()];
    conditions.extend(chain.partition());
    let condition = conditions.join(" AND ");
    let table = chain.table(chain.root);
    let change = format!("SET {} = {}", history.to, history.boundary);
    let is_nested = chain.source_filter.is_some();
    let sql = match is_nested && !chain.context.capabilities().nested_subqueries {
        true => {
            let source = matched_rows(&table, &condition, keys);
            // Ended versions may have the hash of one that is true.
            let is_active = &history.is_active;
            format!(
                "MERGE INTO {table} AS d USING {source} AND d.{is_active} \
                 WHEN MATCHED THEN UPDATE {change}"
            )
        }
        false => format!("UPDATE {table} {change} WHERE {condition}"),
    };
    let why = "versions that were not staged again end";
    chain.push(StatementKind::Update, &chain.root.name, sql, why);
}

fn insert_roots(chain: &mut Chain<'_>, history: &History) {
    let History {
        from,
        to,
        hash,
        boundary,
        active,
        is_active,
    } = history;
    let table = chain.table(chain.root);
    let columns: Vec<String> = chain
        .columns(chain.root)
        .into_iter()
        .filter(|c| c != from && c != to)
        .collect();
    let columns = columns.join(", ");
    let mut sql = format!(
        "INSERT INTO {table} ({columns}, {from}, {to}) \
         SELECT {columns}, {boundary} AS {from}, {active} AS {to} FROM {} AS s \
         WHERE {hash} NOT IN (SELECT {hash} FROM {table} WHERE {is_active})",
        chain.staged(chain.root)
    );
    if let Some(filter) = &chain.source_filter {
        sql.push_str(&format!(" AND ({filter})"));
    }
    chain.push(
        StatementKind::Insert,
        &chain.root.name,
        sql,
        "new versions begin",
    );
}

fn insert_children<'a>(
    chain: &mut Chain<'a>,
    table: &'a LoadTable,
    root_row_key: &str,
    filters: &mut Vec<(&'a str, String)>,
) -> Result<()> {
    let row_key = chain.row_key(table)?;
    let (name, columns) = (chain.table(table), chain.columns(table).join(", "));
    let mut sql = format!(
        "INSERT INTO {name} ({columns}) SELECT {columns} FROM {} \
         WHERE {row_key} NOT IN (SELECT {row_key} FROM {name})",
        chain.staged(table)
    );
    if chain.source_filter.is_some() {
        let filter = child_filter(chain, table, root_row_key, filters)?;
        sql.push_str(&format!(" AND {filter}"));
        filters.push((&table.name, filter));
    }
    chain.push(
        StatementKind::Insert,
        &table.name,
        sql,
        "children of new versions come in",
    );
    Ok(())
}

/// Condition on staged children whose root takes part.
fn child_filter(
    chain: &Chain<'_>,
    table: &LoadTable,
    root_row_key: &str,
    filters: &[(&str, String)],
) -> Result<String> {
    if let Some(column) = table.first_with("root_key") {
        let roots = chain.staged_root_keys(root_row_key);
        return Ok(format!("{} IN ({roots})", chain.quote(&column.name)));
    }
    let no_key = || Problem::RootKey {
        table: table.name.clone(),
        root: chain.root.name.clone(),
        is_direct: false,
    };
    let is_parent = |candidate: &&LoadTable| Some(&candidate.name) == table.parent.as_ref();
    let tables = || std::iter::once(chain.root).chain(chain.children);
    let parent = tables().find(is_parent).ok_or_else(no_key)?;
    let parent_row_key = match parent.is_child() {
        true => chain.row_key(parent)?,
        false => root_row_key.to_owned(),
    };
    let parent_key = chain.quote(&table.first_with("parent_key").ok_or_else(no_key)?.name);
    let filter = filters
        .iter()
        .find(|(name, _)| *name == parent.name)
        .map(|(_, filter)| filter);
    Ok(format!(
        "{parent_key} IN (SELECT {parent_row_key} FROM {} WHERE {})",
        chain.staged(parent),
        filter.map_or("1 = 1", String::as_str)
    ))
}
