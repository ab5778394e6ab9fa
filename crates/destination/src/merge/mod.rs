//! The statements that merge staged rows of a table chain into the tables (spec/load.md §5.3 to §5.7).
//!
//! One file per family of strategies. They share [`Chain`]: names of the chain's tables, its keys, the user's conditions
//! with their placeholders filled in, and the list of statements that grows. All statements of one chain belong to one
//! transaction; the rows are read from the staging dataset and never change there.

mod condition;
mod delete_insert;
mod scd2;
mod upsert;

use sha3::{Digest as _, Sha3_256};

pub(crate) use self::condition::check_condition;
use crate::capabilities::MergeStrategy;
use crate::context::PlanContext;
use crate::dialect::Literal;
use crate::names::Target;
use crate::statement::{Statement, StatementKind};
use crate::table::LoadTable;
use crate::verify::Problem;

type Result<T, E = Problem> = std::result::Result<T, E>;

/// Placeholders of `destination_scope`.
pub(crate) const SCOPE_PLACEHOLDERS: [&str; 2] = ["table", "staging_table"];

/// What a merge needs to know of its package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package<'a> {
    /// Names the package; makes names of temporary tables.
    pub load_id: &'a str,
    /// When it was made, in microseconds since 1970-01-01 UTC.
    pub created_at: i64,
}

/// Plans the merge of `chain`, root first.
pub(crate) fn plan_merge(
    context: &PlanContext<'_>,
    package: Package<'_>,
    chain: &[LoadTable],
) -> Result<Vec<Statement>> {
    let Some(root) = chain.first() else {
        return Ok(Vec::new());
    };
    let Some(strategy) = context.merge_strategy(root) else {
        return Err(Problem::MergeStrategy {
            table: root.name.clone(),
            wish: root.text_hint("x-merge-strategy").map(str::to_owned),
            known: context.capabilities().merge_strategies,
        });
    };
    let mut chain = Chain::new(context, package, root, &chain[1..], strategy)?;
    match strategy {
        MergeStrategy::DeleteInsert => delete_insert::plan(&mut chain)?,
        MergeStrategy::Upsert => upsert::plan(&mut chain, upsert::Mode::Upsert)?,
        MergeStrategy::InsertOnly => upsert::plan(&mut chain, upsert::Mode::InsertOnly)?,
        MergeStrategy::Cdc => upsert::plan(&mut chain, upsert::Mode::Cdc)?,
        MergeStrategy::Scd2 => scd2::plan(&mut chain)?,
    }
    Ok(chain.statements)
}

/// A table chain in the middle of being planned.
pub(super) struct Chain<'a> {
    context: &'a PlanContext<'a>,
    package: Package<'a>,
    root: &'a LoadTable,
    children: &'a [LoadTable],
    /// Condition on staged root rows, parenthesized by its users.
    source_filter: Option<String>,
    /// Condition on rows of the root table that takes the place of keys.
    scope: Option<String>,
    statements: Vec<Statement>,
    /// Names of temporary tables that the statements have made.
    temporary: Vec<String>,
}

impl<'a> Chain<'a> {
    fn new(
        context: &'a PlanContext<'a>,
        package: Package<'a>,
        root: &'a LoadTable,
        children: &'a [LoadTable],
        strategy: MergeStrategy,
    ) -> Result<Self> {
        let mut chain = Chain {
            context,
            package,
            root,
            children,
            source_filter: None,
            scope: None,
            statements: Vec::new(),
            temporary: Vec::new(),
        };
        if strategy != MergeStrategy::InsertOnly {
            chain.source_filter = chain.condition("x-merge-source-filter", "source_filter", &[])?;
        }
        if !matches!(strategy, MergeStrategy::InsertOnly | MergeStrategy::Upsert) {
            chain.scope = chain.condition(
                "x-merge-destination-scope",
                "destination_scope",
                &SCOPE_PLACEHOLDERS,
            )?;
        }
        Ok(chain)
    }

    fn condition(
        &self,
        hint: &str,
        option: &'static str,
        placeholders: &[&str],
    ) -> Result<Option<String>> {
        let Some(template) = self.root.text_hint(hint) else {
            return Ok(None);
        };
        let (table, staged) = (self.table(self.root), self.staged(self.root));
        let value = |name: &str| match name {
            "table" => table.clone(),
            _ => staged.clone(),
        };
        condition::expand(template, placeholders, value)
            .map(Some)
            .map_err(|why| Problem::Condition {
                table: self.root.name.clone(),
                option,
                condition: template.to_owned(),
                why,
            })
    }

    fn push(&mut self, kind: StatementKind, table: &str, sql: String, why: &str) {
        self.statements.push(Statement::new(kind, table, sql, why));
    }

    /// Deletes rows of `table` that fulfil `condition`. `keys` are columns of the table that tell these rows from others;
    /// `is_nested` says that the condition has a subquery that holds another one.
    fn delete_where(
        &mut self,
        table: &LoadTable,
        condition: &str,
        keys: &[String],
        is_nested: bool,
        why: &str,
    ) {
        let name = self.table(table);
        let sql = match is_nested && !self.context.capabilities().nested_subqueries {
            true => {
                let source = matched_rows(&name, condition, keys);
                format!("MERGE INTO {name} AS d USING {source} WHEN MATCHED THEN DELETE")
            }
            false => format!("DELETE FROM {name} WHERE {condition}"),
        };
        self.push(StatementKind::Delete, &table.name, sql, why);
    }

    /// Rows that later statements look up, as a SELECT of one column: of a temporary table that is made here, or
    /// `select` itself where the destination has none.
    fn list(&mut self, operation: &str, select: String, why: &str) -> String {
        if !self.context.capabilities().temporary_tables {
            return select;
        }
        let name = self.temporary(operation);
        let sql = format!("CREATE TEMPORARY TABLE {name} AS {select}");
        self.push(StatementKind::TempTable, &self.root.name, sql, why);
        let list = format!("SELECT * FROM {name}");
        self.temporary.push(name);
        list
    }

    fn drop_temporary(&mut self) {
        for name in std::mem::take(&mut self.temporary) {
            let sql = format!("DROP TABLE {name}");
            let why = "no longer needed";
            self.push(StatementKind::DropTable, &self.root.name, sql, why);
        }
    }

    fn quote(&self, name: &str) -> String {
        self.context.dialect.quote(name)
    }

    fn table(&self, table: &LoadTable) -> String {
        self.context.qualified(Target::Final, &table.name)
    }

    fn qualifier(&self, table: &LoadTable) -> String {
        let at = self.context.at(Target::Final, &table.name);
        self.context.dialect.column_qualifier(&at)
    }

    fn staged(&self, table: &LoadTable) -> String {
        self.context.qualified(Target::Staging, &table.name)
    }

    /// Quoted names of the root's columns with the key hint `hint`.
    fn keys(&self, hint: &str) -> Vec<String> {
        self.root
            .columns_with(hint)
            .into_iter()
            .map(|name| self.quote(name))
            .collect()
    }

    /// Quoted names of all columns of `table`.
    fn columns(&self, table: &LoadTable) -> Vec<String> {
        table.column_names().map(|name| self.quote(name)).collect()
    }

    /// Quoted name of the column that identifies a row: marked as row key, else unique, else the only primary key.
    fn row_key(&self, table: &LoadTable) -> Result<String> {
        let marked = table
            .first_with("row_key")
            .or_else(|| table.first_with("unique"));
        if let Some(column) = marked {
            return Ok(self.quote(&column.name));
        }
        match table.columns_with("primary_key").as_slice() {
            [only] => Ok(self.quote(only)),
            keys => Err(Problem::RowKey {
                table: table.name.clone(),
                primary_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            }),
        }
    }

    /// Quoted name of the column that leads to the root row: the root key, or the parent key of a direct child.
    fn root_key(&self, table: &LoadTable) -> Result<String> {
        let is_direct = table.parent.as_deref() == Some(&self.root.name);
        let parent_key = || table.first_with("parent_key").filter(|_| is_direct);
        match table.first_with("root_key").or_else(parent_key) {
            Some(column) => Ok(self.quote(&column.name)),
            None => Err(Problem::RootKey {
                table: table.name.clone(),
                root: self.root.name.clone(),
                is_direct,
            }),
        }
    }

    /// `SELECT` of the row keys of the staged roots that take part.
    fn staged_root_keys(&self, row_key: &str) -> String {
        let select = format!("SELECT {row_key} FROM {}", self.staged(self.root));
        match &self.source_filter {
            Some(filter) => format!("{select} WHERE {filter}"),
            None => select,
        }
    }

    /// The hard delete column of the root as a condition on deleted or kept rows; `alias` such as `s.` stands before it.
    fn hard_delete(&self, is_deleted: bool, alias: &str) -> Option<String> {
        let column = self.root.first_with("hard_delete")?;
        let name = format!("{alias}{}", self.quote(&column.name));
        let is_bool = column.data_type == Some(tipple_schema::DataType::Bool);
        let literal = |value| self.context.dialect.literal(&Literal::Bool(value));
        Some(match (is_deleted, is_bool) {
            (true, false) => format!("{name} IS NOT NULL"),
            (true, true) => format!("{name} = {}", literal(true)),
            (false, false) => format!("{name} IS NULL"),
            (false, true) => format!("({name} IS NULL OR {name} = {})", literal(false)),
        })
    }

    /// Name of a temporary table, different for each package and table and cut to what the destination takes.
    fn temporary(&self, operation: &str) -> String {
        let name = &self.root.name;
        let mut hash = Sha3_256::new();
        for part in [self.package.load_id, "\0", name, "\0", operation] {
            hash.update(part.as_bytes());
        }
        let tag: String = hash
            .finalize()
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let suffix = format!("_{operation}_{tag}");
        let length_max = self
            .context
            .capabilities()
            .identifier_len_max
            .saturating_sub(suffix.len());
        let start: String = name.chars().take(length_max).collect();
        self.quote(&format!("{start}{suffix}"))
    }

    /// Condition that selects rows of the root table that the staged rows do not bring.
    fn absent(&self, columns: &[String]) -> String {
        let staged = self.staged(self.root);
        if let [column] = columns {
            return format!("{column} NOT IN ({})", self.staged_root_keys(column));
        }
        let source = match &self.source_filter {
            Some(filter) => format!("(SELECT * FROM {staged} WHERE {filter})"),
            None => staged,
        };
        // The changed table has no alias, so its name stands before its columns.
        let table = self.qualifier(self.root);
        let on: Vec<String> = columns
            .iter()
            .map(|column| format!("s.{column} = {table}.{column}"))
            .collect();
        format!(
            "NOT EXISTS (SELECT 1 FROM {source} AS s WHERE {})",
            on.join(" AND ")
        )
    }

    /// Condition that limits deleting and retiring: the scope, or the merge keys that were staged; nothing for all rows.
    fn partition(&self) -> Option<String> {
        if let Some(scope) = &self.scope {
            return Some(scope.clone());
        }
        let keys = self.keys("merge_key");
        let key = match keys.as_slice() {
            [] => return None,
            [key] => key.clone(),
            keys => self.context.dialect.concatenation(keys),
        };
        Some(format!("{key} IN ({})", self.staged_root_keys(&key)))
    }
}

/// Source and condition of a MERGE that changes the rows of `table` that fulfil `condition`: their keys, each once.
fn matched_rows(table: &str, condition: &str, keys: &[String]) -> String {
    let on: Vec<String> = keys
        .iter()
        .map(|key| format!("d.{key} = k.{key}"))
        .collect();
    format!(
        "(SELECT DISTINCT {} FROM {table} WHERE {condition}) AS k ON {}",
        keys.join(", "),
        on.join(" AND ")
    )
}
