//! What can be wrong with a schema document or with a change to a schema.
//!
//! Texts name schema, table and column, because the user knows those and not the call that failed. Start with
//! [`SchemaError`].

use crate::{NamingError, NamingKind};

/// A schema document that cannot be used, or a change that a schema refuses.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The document is not what a schema looks like.
    #[error("the schema document{} is damaged: {problem}", of_schema(schema))]
    Damaged {
        /// Name of the schema, empty when the document has none.
        schema: String,
        /// What is missing or of the wrong form.
        problem: String,
    },
    /// A newer program has written the document.
    #[error(
        "schema `{schema}` was stored by engine {found}, but this program reads engines up to {known}: \
         a newer version of tipple or dlt has loaded this dataset"
    )]
    EngineTooNew {
        /// Name of the schema.
        schema: String,
        /// Engine of the document.
        found: i64,
        /// Newest engine that this program reads.
        known: i64,
    },
    /// A column has a type that does not exist.
    #[error("schema `{schema}`: column `{table}.{column}` has the unknown data type `{data_type}`")]
    UnknownDataType {
        /// Name of the schema.
        schema: String,
        /// Table of the column.
        table: String,
        /// The column.
        column: String,
        /// What the document says.
        data_type: String,
    },
    /// A table names a parent that the schema does not have.
    #[error(
        "In schema `{schema}`: Parent table `{parent}` for `{table}` was not found in the schema"
    )]
    ParentNotFound {
        /// Name of the schema.
        schema: String,
        /// The table.
        table: String,
        /// Its missing parent.
        parent: String,
    },
    /// A table is not in the schema.
    #[error("In schema `{schema}`: Table not found: `{table}`")]
    TableNotFound {
        /// Name of the schema.
        schema: String,
        /// The table.
        table: String,
    },
    /// A property of a table cannot be changed to another value.
    #[error(
        "In schema `{schema}`: Cannot merge partial tables into table `{table}` due to property `{property}` with \
         different values: `{old}` != `{new}`"
    )]
    TableConflict {
        /// Name of the schema.
        schema: String,
        /// The table.
        table: String,
        /// Property in question.
        property: &'static str,
        /// Value in the schema.
        old: String,
        /// Value that was to be merged.
        new: String,
    },
    /// A complete column was to get another type.
    #[error(
        "In schema `{schema}`: Cannot coerce type `{new}` to `{old}` in table `{table}` column `{column}`"
    )]
    TypeConflict {
        /// Name of the schema.
        schema: String,
        /// Table of the column.
        table: String,
        /// The column.
        column: String,
        /// Type in the schema.
        old: crate::DataType,
        /// Type that was to be merged.
        new: crate::DataType,
    },
    /// Tables to be dropped have children that would stay.
    #[error(
        "In schema `{schema}`: dropping `{table}` would leave its nested table `{orphan}` behind; \
         drop the whole chain"
    )]
    Orphaned {
        /// Name of the schema.
        schema: String,
        /// Table to be dropped.
        table: String,
        /// Its child that would stay.
        orphan: String,
    },
    /// A new naming convention would rename what has been loaded.
    #[error(
        "In schema `{schema}`: changing the naming convention from `{from}` to `{to}` would change identifiers of \
         table `{table}`, which already received data: {problem}. Set \
         `schema.allow_identifier_change_on_table_with_data` to allow it; old tables and columns stay as they are"
    )]
    IdentifiersFrozen {
        /// Name of the schema.
        schema: String,
        /// Table with data; `-` for the schema as a whole.
        table: String,
        /// Convention of the schema.
        from: NamingKind,
        /// Convention that was asked for.
        to: NamingKind,
        /// What would be renamed.
        problem: String,
    },
    /// A name that cannot be that of a schema.
    #[error(
        "`{0}` cannot be the name of a schema or source: use letters, digits and underscores, not beginning with a \
         digit, at most 64 characters"
    )]
    InvalidName(String),
    /// A pattern in the settings or filters that is no regular expression of this program.
    #[error("schema `{schema}`: the pattern `{pattern}` of {place} cannot be used: {problem}")]
    Pattern {
        /// Name of the schema.
        schema: String,
        /// Where the pattern stands.
        place: String,
        /// The pattern as written.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A word that is no contract mode, or an entity that contracts do not know.
    #[error("`{word}` is no part of a schema contract: {problem}")]
    Contract {
        /// What was found.
        word: String,
        /// What is allowed.
        problem: String,
    },
    /// A name that the convention refuses, or a convention that does not exist.
    #[error("schema `{schema}`: {cause}")]
    Naming {
        /// Name of the schema.
        schema: String,
        /// What the convention says.
        cause: NamingError,
    },
}

fn of_schema(name: &str) -> String {
    if name.is_empty() {
        String::new()
    } else {
        format!(" `{name}`")
    }
}
