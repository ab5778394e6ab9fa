//! Merge by deleting what matches and inserting what was staged.

use super::{Chain, Result};
use crate::statement::StatementKind;
use crate::table::LoadTable;

/// What decides which staged rows are inserted.
struct Choice {
    primary_keys: Vec<String>,
    /// Condition on rows that are not marked as deleted.
    kept: Option<String>,
    /// Temporary table with the row keys of the chosen roots.
    chosen: Option<String>,
}

pub(super) fn plan(chain: &mut Chain<'_>) -> Result<()> {
    let primary_keys = chain.keys("primary_key");
    let merge_keys = chain.keys("merge_key");
    let mut temporary = Vec::new();
    if let Some(scope) = chain.scope.clone() {
        delete_scope(chain, &scope)?;
    } else if !primary_keys.is_empty() || !merge_keys.is_empty() {
        delete_matches(chain, &primary_keys, &merge_keys, &mut temporary)?;
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
        temporary.extend(choice.chosen.clone());
    }
    insert(chain, chain.root, &choice)?;
    for table in chain.children {
        insert(chain, table, &choice)?;
    }
    for table in temporary {
        let sql = format!("DROP TABLE {table}");
        chain.push(
            StatementKind::DropTable,
            &chain.root.name,
            sql,
            "no longer needed",
        );
    }
    Ok(())
}

fn delete_scope(chain: &mut Chain<'_>, scope: &str) -> Result<()> {
    let root = chain.table(chain.root);
    for table in chain.children {
        let (row_key, root_key) = (chain.row_key(chain.root)?, chain.root_key(table)?);
        let sql = format!(
            "DELETE FROM {} WHERE {root_key} IN (SELECT {row_key} FROM {root} WHERE {scope})",
            chain.table(table)
        );
        let why = "children of root rows in the scope are replaced";
        chain.push(StatementKind::Delete, &table.name, sql, why);
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

/// `FROM … WHERE EXISTS …` over root rows that share a key with a staged row that takes part. One subquery for each kind
/// of key, because an OR inside of one would compare every row with every staged row.
fn matches(chain: &Chain<'_>, primary_keys: &[String], merge_keys: &[String]) -> String {
    let staged = chain.staged(chain.root);
    let exists = |keys: &[String]| {
        let equal: Vec<String> = keys
            .iter()
            .map(|key| format!("d.{key} = s.{key}"))
            .collect();
        let mut condition = equal.join(" AND ");
        if let Some(filter) = &chain.source_filter {
            condition.push_str(&format!(" AND ({filter})"));
        }
        format!("EXISTS (SELECT 1 FROM {staged} AS s WHERE {condition})")
    };
    let kinds = [primary_keys, merge_keys]
        .into_iter()
        .filter(|keys| !keys.is_empty());
    let conditions: Vec<String> = kinds.map(exists).collect();
    format!(
        "FROM {} AS d WHERE {}",
        chain.table(chain.root),
        conditions.join(" OR ")
    )
}

fn delete_matches(
    chain: &mut Chain<'_>,
    primary_keys: &[String],
    merge_keys: &[String],
    temporary: &mut Vec<String>,
) -> Result<()> {
    let matches = matches(chain, primary_keys, merge_keys);
    let root = chain.root;
    if chain.children.is_empty() {
        let why = "rows with a staged key are replaced";
        chain.push(
            StatementKind::Delete,
            &root.name,
            format!("DELETE {matches}"),
            why,
        );
        return Ok(());
    }
    let (row_key, deleted) = (chain.row_key(root)?, chain.temporary("delete"));
    let sql = format!("CREATE TEMPORARY TABLE {deleted} AS SELECT d.{row_key} {matches}");
    chain.push(
        StatementKind::TempTable,
        &root.name,
        sql,
        "root rows with a staged key",
    );
    let why = "rows of replaced roots are replaced";
    for table in chain.children {
        let root_key = chain.root_key(table)?;
        delete_listed(chain, table, &root_key, &deleted, why);
    }
    delete_listed(
        chain,
        root,
        &row_key,
        &deleted,
        "rows with a staged key are replaced",
    );
    temporary.push(deleted);
    Ok(())
}

fn delete_listed(chain: &mut Chain<'_>, table: &LoadTable, key: &str, list: &str, why: &str) {
    let sql = format!(
        "DELETE FROM {} WHERE {key} IN (SELECT * FROM {list})",
        chain.table(table)
    );
    chain.push(StatementKind::Delete, &table.name, sql, why);
}

fn choose_roots(chain: &mut Chain<'_>, choice: &mut Choice) -> Result<()> {
    let (row_key, chosen) = (chain.row_key(chain.root)?, chain.temporary("insert"));
    let condition = choice.kept.as_deref().unwrap_or("1 = 1");
    let mut inner = vec![row_key.clone()];
    if let Some(column) = chain.root.first_with("hard_delete") {
        inner.push(chain.quote(&column.name));
    }
    let staged = chain.staged(chain.root);
    let select = match choice.primary_keys.is_empty() || is_deduplicated(chain) {
        true => format!("SELECT {row_key} FROM {staged} WHERE {condition}"),
        false => {
            let order = root_order(chain);
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
    let sql = format!("CREATE TEMPORARY TABLE {chosen} AS {select}");
    let why = "the staged root row of each key that is kept";
    chain.push(StatementKind::TempTable, &chain.root.name, sql, why);
    choice.chosen = Some(chosen);
    Ok(())
}

fn is_deduplicated(chain: &Chain<'_>) -> bool {
    chain.root.has("x-stage-data-deduplicated")
}

/// Order of staged roots within one key: by the `dedup_sort` column, and always by position last, so that the first
/// staged row wins where the destination knows positions.
fn root_order(chain: &Chain<'_>) -> String {
    let any = chain.context.dialect.any_order();
    let Some(column) = chain.root.first_with("dedup_sort") else {
        return any.to_owned();
    };
    let direction = column
        .text_hint("dedup_sort")
        .unwrap_or("asc")
        .to_uppercase();
    let by_column = format!("{} {direction}", chain.quote(&column.name));
    match chain.context.dialect.row_position() {
        Some(position) => format!("{by_column}, {position}"),
        None => by_column,
    }
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
        let order = root_order(chain);
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
        (Some(chosen), _) => format!("{key} IN (SELECT * FROM {chosen})"),
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
