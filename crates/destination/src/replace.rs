//! Replacing tables by what was staged (spec/load.md §5.2).

use crate::capabilities::ReplaceStrategy;
use crate::context::PlanContext;
use crate::names::Target;
use crate::statement::{Statement, StatementKind};
use crate::table::LoadTable;

/// Statements that make the tables of `chain` equal to the staged ones.
pub(crate) fn plan_replace(
    context: &PlanContext<'_>,
    strategy: ReplaceStrategy,
    chain: &[LoadTable],
) -> Vec<Statement> {
    let is_cloned =
        strategy == ReplaceStrategy::StagingOptimized && context.capabilities().clone_table;
    chain
        .iter()
        .flat_map(|table| match (strategy, is_cloned) {
            (_, true) => clone_table(context, table),
            (ReplaceStrategy::StagingOptimized, false) => move_table(context, table),
            _ => copy_rows(context, table),
        })
        .collect()
}

fn copy_rows(context: &PlanContext<'_>, table: &LoadTable) -> Vec<Statement> {
    let columns: Vec<String> = table
        .column_names()
        .map(|name| context.dialect.quote(name))
        .collect();
    let columns = columns.join(", ");
    let insert = format!(
        "INSERT INTO {}({columns}) SELECT {columns} FROM {}",
        context.qualified(Target::Final, &table.name),
        context.qualified(Target::Staging, &table.name)
    );
    let truncate = context
        .dialect
        .truncate(&context.at(Target::Final, &table.name));
    vec![
        Statement::new(
            StatementKind::Truncate,
            &table.name,
            truncate,
            "the table is replaced",
        ),
        Statement::new(
            StatementKind::Insert,
            &table.name,
            insert,
            "staged rows take the place",
        ),
    ]
}

fn clone_table(context: &PlanContext<'_>, table: &LoadTable) -> Vec<Statement> {
    let drop = context
        .dialect
        .drop_table(&context.at(Target::Final, &table.name));
    let clone = format!(
        "CREATE TABLE {} CLONE {}",
        context.qualified(Target::Final, &table.name),
        context.qualified(Target::Staging, &table.name)
    );
    vec![
        Statement::new(
            StatementKind::DropTable,
            &table.name,
            drop,
            "the table is replaced",
        ),
        Statement::new(
            StatementKind::CreateTable,
            &table.name,
            clone,
            "by the staged table",
        ),
    ]
}

/// The staged table becomes the final one, and a new empty one takes its place.
fn move_table(context: &PlanContext<'_>, table: &LoadTable) -> Vec<Statement> {
    let dialect = context.dialect;
    let (at, staged) = (
        context.at(Target::Final, &table.name),
        context.at(Target::Staging, &table.name),
    );
    let dataset = dialect.qualified_dataset(at.catalog.as_deref(), &at.dataset);
    let (at_name, staged_name) = (dialect.qualified(&at), dialect.qualified(&staged));
    let statement = |kind, sql: String, why| Statement::new(kind, &table.name, sql, why);
    vec![
        statement(
            StatementKind::DropTable,
            dialect.drop_table(&at),
            "the table is replaced",
        ),
        statement(
            StatementKind::AlterTable,
            format!("ALTER TABLE {staged_name} SET SCHEMA {dataset}"),
            "by the staged table",
        ),
        statement(
            StatementKind::CreateTable,
            format!("CREATE TABLE {staged_name} (LIKE {at_name} INCLUDING ALL)"),
            "the next load needs a staging table",
        ),
    ]
}
