//! The walk over the parsed statement: every kind of node is on a list, and what is on no list is refused.
//!
//! The parser's visitor guarantees that no node is left out; the lists here say which nodes are harmless. Structs are
//! taken apart field by field, so that a newer parser with a new clause does not compile until the clause was judged.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, Ident, InTarget, ObjectName, Query, Select, SelectFlavor, SetExpr, Statement,
    TableFactor, Value, ValueWithSpan, Visit, Visitor, visit_relations_mut,
};

use crate::functions::{is_function_allowed, is_table_function_allowed};
use crate::guard::Guard;
use crate::refusal::Refusal;
use crate::scope::Scopes;

/// For each name of a relation in the order of the walk: the table of the dataset that it means; nothing for the names of
/// common table expressions and functions.
pub(crate) type Relations = Vec<Option<String>>;

/// Checks a statement and tells what its relations mean.
pub(crate) fn check(guard: &Guard, statement: &Statement) -> Result<Relations, Refusal> {
    let mut walk = Walk {
        guard,
        scopes: Scopes::default(),
        meant: None,
        relations: Vec::new(),
    };
    match statement.visit(&mut walk) {
        ControlFlow::Continue(()) => Ok(walk.relations),
        ControlFlow::Break(refusal) => Err(refusal),
    }
}

/// Writes every table of the dataset with its full name, so that nothing depends on a search path.
pub(crate) fn qualify(statement: &mut Statement, prefix: &[&str], relations: &Relations) {
    let mut relations = relations.iter();
    let _: ControlFlow<()> = visit_relations_mut(statement, |name| {
        if let Some(Some(table)) = relations.next() {
            let names = prefix.iter().copied().chain([table.as_str()]);
            *name = ObjectName::from(
                names
                    .map(|name| Ident::with_quote('"', name))
                    .collect::<Vec<_>>(),
            );
        }
        ControlFlow::Continue(())
    });
}

struct Walk<'a> {
    guard: &'a Guard,
    scopes: Scopes,
    /// What the next relation means, once its surroundings were judged.
    meant: Option<String>,
    relations: Relations,
}

type Step = ControlFlow<Refusal>;

fn flow(result: Result<(), Refusal>) -> Step {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(refusal) => ControlFlow::Break(refusal),
    }
}

fn refuse_if(condition: bool, construct: &str) -> Result<(), Refusal> {
    if condition {
        Err(Refusal::construct(construct))
    } else {
        Ok(())
    }
}

impl Visitor for Walk<'_> {
    type Break = Refusal;

    fn pre_visit_statement(&mut self, statement: &Statement) -> Step {
        flow(self.statement(statement))
    }

    fn pre_visit_query(&mut self, query: &Query) -> Step {
        self.scopes.enter(query);
        flow(check_query(query))
    }

    fn post_visit_query(&mut self, query: &Query) -> Step {
        self.scopes.leave(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> Step {
        flow(check_select(select))
    }

    fn pre_visit_relation(&mut self, _: &ObjectName) -> Step {
        self.relations.push(self.meant.take());
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Step {
        flow(self.table_factor(factor))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Step {
        flow(check_expr(expr))
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> Step {
        flow(check_value(&value.value))
    }
}

impl Walk<'_> {
    fn statement(&mut self, statement: &Statement) -> Result<(), Refusal> {
        match statement {
            Statement::Query(_) => Ok(()),
            Statement::Explain {
                statement: inner,
                options,
                ..
            } => {
                refuse_if(options.is_some(), "`EXPLAIN` with options")?;
                match **inner {
                    Statement::Query(_) => Ok(()),
                    _ => Err(not_a_query(inner)),
                }
            }
            Statement::ExplainTable { table_name, .. } => self.relation(table_name),
            other => Err(not_a_query(other)),
        }
    }

    fn table_factor(&mut self, factor: &TableFactor) -> Result<(), Refusal> {
        match factor {
            TableFactor::Table {
                name,
                alias: _,
                args,
                with_hints,
                version,
                with_ordinality: _,
                partitions,
                json_path,
                sample: _,
                index_directives,
                inheritance,
            } => {
                refuse_if(version.is_some(), "a table version")?;
                let has_extras = !with_hints.is_empty()
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || !index_directives.is_empty()
                    || inheritance.is_some();
                refuse_if(has_extras, "a table with hints")?;
                match args {
                    None => self.relation(name),
                    Some(args) => {
                        refuse_if(args.settings.is_some(), "a table function with settings")?;
                        table_function(name)
                    }
                }
            }
            TableFactor::Function { name, .. } => table_function(name),
            TableFactor::TableFunction {
                expr: Expr::Function(function),
                ..
            } => table_function(&function.name),
            TableFactor::Derived { .. }
            | TableFactor::UNNEST { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. } => Ok(()),
            other => Err(Refusal::construct(format!(
                "`{}` in FROM",
                shortened(&other.to_string())
            ))),
        }
    }

    fn relation(&mut self, name: &ObjectName) -> Result<(), Refusal> {
        let mut parts = Vec::with_capacity(name.0.len());
        for part in &name.0 {
            let ident = part
                .as_ident()
                .ok_or_else(|| self.guard.unknown(&name.to_string()))?;
            refuse_if(ident.quote_style == Some('\''), "a text as a table")?;
            parts.push(ident.value.as_str());
        }
        let (schema, table) = match parts.as_slice() {
            [table] if self.scopes.sees(table) => return Ok(()),
            [table] => (None, *table),
            [schema, table] => (Some(*schema), *table),
            _ => return Err(self.guard.unknown(&name.to_string())),
        };
        match self.guard.table(schema, table) {
            Some(known) => {
                self.meant = Some(known.to_owned());
                Ok(())
            }
            None => Err(self.guard.unknown(&name.to_string())),
        }
    }
}

fn not_a_query(statement: &Statement) -> Refusal {
    let text = statement.to_string();
    let words: Vec<&str> = text.split_whitespace().take(3).collect();
    Refusal::NotAQuery {
        statement: shortened(&words.join(" ")),
    }
}

fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn check_query(query: &Query) -> Result<(), Refusal> {
    let Query {
        with: _,
        body,
        order_by: _,
        limit_clause: _,
        fetch: _,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    refuse_if(!locks.is_empty(), "`FOR UPDATE` and `FOR SHARE`")?;
    refuse_if(for_clause.is_some(), "`FOR XML` and `FOR JSON`")?;
    refuse_if(settings.is_some(), "`SETTINGS`")?;
    refuse_if(format_clause.is_some(), "`FORMAT`")?;
    refuse_if(!pipe_operators.is_empty(), "`|>`")?;
    check_body(body)
}

fn check_body(body: &SetExpr) -> Result<(), Refusal> {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => Ok(()),
        SetExpr::SetOperation { left, right, .. } => {
            check_body(left)?;
            check_body(right)
        }
        SetExpr::Insert(statement)
        | SetExpr::Update(statement)
        | SetExpr::Delete(statement)
        | SetExpr::Merge(statement) => Err(not_a_query(statement)),
        SetExpr::Table(_) => Err(Refusal::construct("`TABLE name` as a query")),
    }
}

fn check_select(select: &Select) -> Result<(), Refusal> {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude: _,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify: _,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    match flavor {
        SelectFlavor::Standard | SelectFlavor::FromFirst | SelectFlavor::FromFirstNoSelect => (),
    }
    refuse_if(into.is_some(), "`SELECT INTO`")?;
    refuse_if(
        !optimizer_hints.is_empty() || select_modifiers.is_some(),
        "an optimizer hint",
    )?;
    refuse_if(top.is_some(), "`TOP`")?;
    refuse_if(!lateral_views.is_empty(), "`LATERAL VIEW`")?;
    refuse_if(prewhere.is_some(), "`PREWHERE`")?;
    refuse_if(!connect_by.is_empty(), "`CONNECT BY`")?;
    let has_hive_parts = !cluster_by.is_empty() || !distribute_by.is_empty() || !sort_by.is_empty();
    refuse_if(
        has_hive_parts,
        "`CLUSTER BY`, `DISTRIBUTE BY` and `SORT BY`",
    )?;
    refuse_if(value_table_mode.is_some(), "`SELECT AS`")
}

fn table_function(name: &ObjectName) -> Result<(), Refusal> {
    match plain_name(name) {
        Some(plain) if is_table_function_allowed(plain) => Ok(()),
        _ => Err(Refusal::TableFunction {
            function: name.to_string(),
        }),
    }
}

/// The name of a function that is written without a schema.
fn plain_name(name: &ObjectName) -> Option<&str> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|ident| ident.value.as_str()),
        _ => None,
    }
}

/// Judges a call by its last name, because DuckDB also reads `value.function()` as a call.
fn check_function(function: &Function) -> Result<(), Refusal> {
    let last = function.name.0.last().and_then(|part| part.as_ident());
    match last {
        Some(ident) if is_function_allowed(&ident.value) => Ok(()),
        _ => Err(Refusal::Function {
            function: function.name.to_string(),
        }),
    }
}

fn check_value(value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Number(..)
        | Value::SingleQuotedString(_)
        | Value::DollarQuotedString(_)
        | Value::EscapedStringLiteral(_)
        | Value::SingleQuotedByteStringLiteral(_)
        | Value::HexStringLiteral(_)
        | Value::DoubleQuotedString(_)
        | Value::Boolean(_)
        | Value::Null => Ok(()),
        other => Err(Refusal::construct(format!(
            "the value `{}`",
            shortened(&other.to_string())
        ))),
    }
}

fn check_expr(expr: &Expr) -> Result<(), Refusal> {
    match expr {
        Expr::Function(function) => check_function(function),
        Expr::In {
            target: InTarget::List(_) | InTarget::Subquery(_),
            ..
        } => Ok(()),
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::CompoundFieldAccess { .. }
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::Between { .. }
        | Expr::BinaryOp { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::SimilarTo { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. }
        | Expr::UnaryOp { .. }
        | Expr::Cast { .. }
        | Expr::AtTimeZone { .. }
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Overlay { .. }
        | Expr::Collate { .. }
        | Expr::Nested(_)
        | Expr::Value(_)
        | Expr::TypedString(_)
        | Expr::Case { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::GroupingSets(_)
        | Expr::Cube(_)
        | Expr::Rollup(_)
        | Expr::Tuple(_)
        | Expr::Struct { .. }
        | Expr::Named { .. }
        | Expr::Dictionary(_)
        | Expr::Map(_)
        | Expr::Array(_)
        | Expr::Interval(_)
        | Expr::Wildcard(_)
        | Expr::QualifiedWildcard(..)
        | Expr::Lambda(_) => Ok(()),
        other => Err(Refusal::construct(format!(
            "`{}`",
            shortened(&other.to_string())
        ))),
    }
}
