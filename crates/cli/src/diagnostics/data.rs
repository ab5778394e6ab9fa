//! Errors between items and tables: contracts, names, keys, values that do not fit.

use tipple_normalize::{NormalizeError, RowError};
use tipple_schema::{ContractViolation, NamingError};

use super::{Diagnostic, codes, quoted, schema, shortened};

/// The error for people.
pub fn from_normalize(error: &NormalizeError) -> Diagnostic {
    let diagnostic = match error {
        NormalizeError::Row { place, error } => {
            from_row(error).with_first("where", place.to_string())
        }
        NormalizeError::UnboundColumn {
            schema,
            table,
            columns,
        } => {
            let what = format!(
                "{} of `{table}` must have values and got none",
                quoted(columns)
            );
            Diagnostic::new(&codes::DATA_UNBOUND_COLUMN, what)
                .with("where", format!("schema `{schema}`"))
                .with("why", "a key or a column that is not nullable has no data type before the first value")
                .help("check the spelling of the key, or give the column a `data_type`")
        }
        NormalizeError::Arrow { table, message } => Diagnostic::new(
            &codes::DATA_ARROW,
            format!("the rows for table `{table}` cannot be taken over"),
        )
        .with("why", message.clone()),
        NormalizeError::Contract(violation) => from_contract(violation),
        NormalizeError::Schema(error) => schema::from_schema(error),
        NormalizeError::Name(error) => from_naming(error),
        other => Diagnostic::new(&codes::DATA_FAILED, other.to_string()),
    };
    diagnostic.caused_by(error)
}

fn from_row(error: &RowError) -> Diagnostic {
    match error {
        RowError::Null { table, column } => Diagnostic::new(
            &codes::DATA_NULL,
            format!("`{table}.{column}` must have a value and has none"),
        )
        .with(
            "why",
            "the column is a key or its hint says `nullable: false`",
        )
        .help("leave out such rows, or take the key or the hint away"),
        RowError::Misfit {
            table,
            column,
            from,
            to,
            value,
        } => Diagnostic::new(
            &codes::DATA_MISFIT,
            format!("a {from} does not fit `{table}.{column}`, which is {to}"),
        )
        .with("value", shortened(value)),
        RowError::KeyMissing { table, column } => Diagnostic::new(
            &codes::DATA_KEY_MISSING,
            format!("a row of `{table}` has no `{column}`"),
        )
        .with("why", "the merge makes the row's id from its key")
        .help("check the spelling of the key, or leave out such rows"),
        RowError::Contract { violation, .. } => from_contract(violation),
        RowError::TooManyColumns {
            table,
            limit,
            column,
            path,
        } => {
            let what = format!("table `{table}` would get more than {limit} columns");
            Diagnostic::new(&codes::DATA_TOO_MANY_COLUMNS, what)
                .with("where", format!("`{path}`, which would be column `{column}`"))
                .with("why", "keys of an object seem to be data")
                .help(format!("keep the object as it is: `columns: {{ {column}: {{ data_type: json }} }}` for the object that holds it"))
        }
        RowError::Name { key, error } => {
            from_naming(error).with("key", shortened(&format!("{key:?}")))
        }
        RowError::Schema(error) => schema::from_schema(error),
        other => Diagnostic::new(&codes::DATA_FAILED, other.to_string()),
    }
}

/// A change that a frozen contract forbids.
pub fn from_contract(violation: &ContractViolation) -> Diagnostic {
    let ContractViolation {
        schema,
        table,
        column,
        entity,
        mode,
        reason,
        row,
        ..
    } = violation;
    let what = match column {
        Some(column) => format!("column `{table}.{column}` does not fit the contract"),
        None => format!("table `{table}` does not fit the contract"),
    };
    let diagnostic = Diagnostic::new(&codes::DATA_CONTRACT, what)
        .with("where", format!("schema `{schema}` · table `{table}`"))
        .with(
            "why",
            format!("the contract is `{entity}: {mode}`. {}", reason.trim()),
        );
    let diagnostic = match row.is_empty() {
        true => diagnostic,
        false => diagnostic.with("row", shortened(row)),
    };
    diagnostic
        .help(format!(
            "to accept the change:   `schema_contract: {{ {entity}: evolve }}`"
        ))
        .help(format!(
            "to drop such rows:      `schema_contract: {{ {entity}: discard_row }}`"
        ))
        .help(format!(
            "to drop such values:    `schema_contract: {{ {entity}: discard_value }}`"
        ))
}

/// A name or a naming convention that cannot be used.
pub fn from_naming(error: &NamingError) -> Diagnostic {
    let code = match error {
        NamingError::Blank => &codes::DATA_NAME,
        _ => &codes::SCHEMA_NAMING,
    };
    Diagnostic::new(code, error.to_string())
}
