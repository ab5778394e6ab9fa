//! Merge by deleting what matches and inserting what was staged.

use super::{Chain, Result};
use crate::statement::StatementKind;
use crate::table::LoadTable;

/// What decides which staged rows are inserted.
struct Choice {
    primary_keys: Vec<String>,
    /// Condition on rows that are not marked as deleted.
    kept: Option<String>,
    /// SELECT of the row keys of the chosen roots.
    chosen: Option<String>,
}

pub(super) fn plan(chain: &mut Chain<'_>) -> Result<()> {
    let primary_keys = chain.keys("primary_key");
    let merge_keys = chain.keys("merge_key");
    if let Some(scope) = chain.scope.clone() {
        delete_scope(chain, &scope)?;
    } else if !primary_keys.is_empty() || !merge_keys.is_empty() {
        delete_matches(chain, &[primary_keys.as_slice(), &merge_keys])?;
    }
    let kept = chain.hard_delete(false, "");
    let mut choice = Choice {
        primary_keys,
        kept,
        chosen: None,
    };
    let has_choice = !choice.primary_keys.is_empty() || choice.kept.is_some();
    if !chain.children.is_empty() && has_choice {
        choose_roots(chain, &mut choice)?;
    }
    insert(chain, chain.root, &choice)?;
    for table in chain.children {
        insert(chain, table, &choice)?;
    }
    chain.drop_temporary();
    Ok(())
}

fn delete_scope(chain: &mut Chain<'_>, scope: &str) -> Result<()> {
    let root = chain.table(chain.root);
    for table in chain.children {
        let (row_key, root_key) = (chain.row_key(chain.root)?, chain.root_key(table)?);
        let condition = format!("{root_key} IN (SELECT {row_key} FROM {root} WHERE {scope})");
        let why = "children of root rows in the scope are replaced";
        // The user's condition may hold a subquery.
        chain.delete_where(table, &condition, &[root_key], true, why);
    }
    let sql = format!("DELETE FROM {root} WHERE {scope}");
    chain.push(
        StatementKind::Delete,
        &chain.root.name,
        sql,
        "rows in the scope are replaced",
    );
    Ok(())
}

/// Conditions on root rows, called `row`, that share a key with a staged row that takes part; a root row that fulfils any
/// of them is replaced. One subquery for each kind of key, because an OR inside of one would compare every row with
/// every staged row.
fn matches(chain: &Chain<'_>, row: &str, kinds: &[&[String]]) -> Vec<String> {
    let staged = chain.staged(chain.root);
    let exists = |keys: &&[String]| {
        let equal: Vec<String> = keys
            .iter()
            .map(|key| format!("{row}.{key} = s.{key}"))
            .collect();
        let mut condition = equal.join(" AND ");
        if let Some(filter) = &chain.source_filter {
            condition.push_str(&format!(" AND ({filter})"));
        }
        format!("EXISTS (SELECT 1 FROM {staged} AS s WHERE {condition})")
    };
    let kinds = kinds.iter().filter(|keys| !keys.is_empty());
    let conditions: Vec<String> = kinds.map(exists).collect();
    match chain.context.capabilities().subqueries_with_or {
        true => vec![conditions.join(" OR ")],
        false => conditions,
    }
}

fn delete_matches(chain: &mut Chain<'_>, kinds: &[&[String]]) -> Result<()> {
    let root = chain.root;
    let why = "rows with a staged key are replaced";
    let table = chain.table(root);
    if chain.children.is_empty() {
        let (row, from) = match chain.context.capabilities().delete_alias {
            true => ("d".to_owned(), format!("{table} AS d")),
            false => (chain.qualifier(root), table),
        };
        for condition in matches(chain, &row, kinds) {
            let sql = format!("DELETE FROM {from} WHERE {condition}");
            chain.push(StatementKind::Delete, &root.name, sql, why);
        }
        return Ok(());
    }
    let row_key = chain.row_key(root)?;
    let selects: Vec<String> = matches(chain, "d", kinds)
        .iter()
        .map(|condition| format!("SELECT d.{row_key} FROM {table} AS d WHERE {condition}"))
        .collect();
    let selects = selects.join(" UNION ALL ");
    let deleted = chain.list("delete", selects, "root rows with a staged key");
    for table in chain.children {
        let root_key = chain.root_key(table)?;
        let of_children = "rows of replaced roots are replaced";
        delete_listed(chain, table, root_key, &deleted, of_children);
    }
    // The root comes last: its rows tell which children go.
    delete_listed(chain, root, row_key, &deleted, why);
    Ok(())
}

fn delete_listed(chain: &mut Chain<'_>, table: &LoadTable, key: String, list: &str, why: &str) {
    let is_nested = !chain.context.capabilities().temporary_tables;
    let condition = format!("{key} IN ({list})");
    chain.delete_where(table, &condition, &[key], is_nested, why);
}

fn choose_roots(chain: &mut Chain<'_>, choice: &mut Choice) -> Result<()> {
    let row_key = chain.row_key(chain.root)?;
    let condition = choice.kept.as_deref().unwrap_or("1 = 1");
    let mut inner = vec![row_key.clone()];
    if let Some(column) = chain.root.first_with("hard_delete") {
        inner.push(chain.quote(&column.name));
    }
    let staged = chain.staged(chain.root);
    let select = match choice.primary_keys.is_empty() || is_deduplicated(chain) {
        true => format!("SELECT {row_key} FROM {staged} WHERE {condition}"),
        false => {
            let order = root_order(chain)?;
            let keys = &choice.primary_keys;
            first_per_key(
                &staged,
                keys,
                &order,
                std::slice::from_ref(&row_key),
                &inner,
                condition,
            )
        }
    };
    let why = "the staged root row of each key that is kept";
    choice.chosen = Some(chain.list("insert", select, why));
    Ok(())
}

fn is_deduplicated(chain: &Chain<'_>) -> bool {
    chain.root.has("x-stage-data-deduplicated")
}

/// Order of staged roots within one key: by the `dedup_sort` column, and always by position last, so that the first
/// staged row wins where the destination knows positions. Where several statements choose again, the row key decides,
/// so that all of them choose the same row.
fn root_order(chain: &Chain<'_>) -> Result<String> {
    let dialect = chain.context.dialect;
    let chooses_again =
        !chain.context.capabilities().temporary_tables && !chain.children.is_empty();
    let last = match dialect.row_position() {
        Some(position) => Some(position.to_owned()),
        None if chooses_again => Some(chain.row_key(chain.root)?),
        None => None,
    };
    let by_column = chain.root.first_with("dedup_sort").map(|column| {
        let direction = column.text_hint("dedup_sort").unwrap_or("asc");
        format!("{} {}", chain.quote(&column.name), direction.to_uppercase())
    });
    Ok(match (by_column, last) {
        (Some(by_column), Some(last)) => format!("{by_column}, {last}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => dialect.any_order().to_owned(),
    })
}

/// `SELECT` of the first row of each key, of which only those that fulfil `condition`.
fn first_per_key(
    table: &str,
    keys: &[String],
    order: &str,
    columns: &[String],
    inner: &[String],
    condition: &str,
) -> String {
    format!(
        "SELECT {columns} FROM (SELECT ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {order}) \
         AS _dlt_dedup_rn, {inner} FROM {table}) AS _dlt_dedup_numbered \
         WHERE _dlt_dedup_rn = 1 AND ({condition})",
        columns = columns.join(", "),
        keys = keys.join(", "),
        inner = inner.join(", "),
    )
}

fn insert(chain: &mut Chain<'_>, table: &LoadTable, choice: &Choice) -> Result<()> {
    let condition = insert_condition(chain, table, choice)?;
    let (columns, staged) = (chain.columns(table), chain.staged(table));
    let any = chain.context.dialect.any_order();
    let plain = || {
        format!(
            "SELECT {} FROM {staged} WHERE {condition}",
            columns.join(", ")
        )
    };
    let select = if is_deduplicated(chain) {
        plain()
    } else if table.is_child() {
        let row_key = [chain.row_key(table)?];
        first_per_key(&staged, &row_key, any, &columns, &columns, &condition)
    } else if chain.children.is_empty() && !choice.primary_keys.is_empty() {
        let order = root_order(chain)?;
        first_per_key(
            &staged,
            &choice.primary_keys,
            &order,
            &columns,
            &columns,
            &condition,
        )
    } else {
        plain()
    };
    let sql = format!(
        "INSERT INTO {}({}) {select}",
        chain.table(table),
        columns.join(", ")
    );
    chain.push(
        StatementKind::Insert,
        &table.name,
        sql,
        "staged rows come in",
    );
    Ok(())
}

fn insert_condition(chain: &Chain<'_>, table: &LoadTable, choice: &Choice) -> Result<String> {
    let chosen = choice
        .chosen
        .as_ref()
        .filter(|_| table.is_child() || !choice.primary_keys.is_empty());
    let key = match table.is_child() {
        true if chosen.is_some() || chain.source_filter.is_some() => chain.root_key(table)?,
        false if chosen.is_some() => chain.row_key(table)?,
        _ => String::new(),
    };
    let mut condition = match (chosen, &choice.kept) {
        (Some(chosen), _) => format!("{key} IN ({chosen})"),
        (None, Some(kept)) if !table.is_child() => kept.clone(),
        (None, _) => "1 = 1".to_owned(),
    };
    match &chain.source_filter {
        Some(_) if table.is_child() => {
            let roots = chain.staged_root_keys(&chain.row_key(chain.root)?);
            condition.push_str(&format!(" AND {key} IN ({roots})"));
        }
        Some(filter) => condition.push_str(&format!(" AND ({filter})")),
        None => {}
    }
    Ok(condition)
}
