//! Refusals of the guard on SQL.

use tipple_query::Refusal;

use super::{Diagnostic, codes, shortened};

/// The refusal for people.
pub fn from_refusal(refusal: &Refusal, sql: &str) -> Diagnostic {
    let one_line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let code = match refusal.word() {
        "syntax" => &codes::QUERY_SYNTAX,
        "unknown_table" => &codes::QUERY_UNKNOWN_TABLE,
        _ => &codes::QUERY_REFUSED,
    };
    let diagnostic = Diagnostic::new(code, refusal.to_string()).with("query", shortened(&one_line));
    match refusal {
        Refusal::UnknownTable {
            nearest: Some(nearest),
            ..
        } => diagnostic.help(format!("did you mean `{nearest}`?")),
        Refusal::UnknownTable { .. } => diagnostic.help("only tables of the dataset can be read"),
        Refusal::TableFunction { .. } => {
            diagnostic.help("in FROM only `unnest`, `generate_series` and `range` may be called")
        }
        Refusal::NotAQuery { .. } => {
            diagnostic.help("write one SELECT, WITH, VALUES, EXPLAIN or DESCRIBE")
        }
        Refusal::ManyStatements { .. } => diagnostic.help("run them one by one"),
        _ => diagnostic,
    }
}
