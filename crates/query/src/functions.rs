//! Which functions may be called.
//!
//! In FROM only a short list is allowed, because table functions are how engines reach files, catalogs and settings. In
//! expressions there are about a thousand harmless functions, so the list is of those that are not: they read settings or
//! files, change something, or wait. Whole families are refused by their prefix, so that a newer engine does not open a
//! hole with a new member.

/// Table functions that make rows from their arguments only.
const TABLE_FUNCTIONS: [&str; 3] = ["unnest", "generate_series", "range"];

/// Beginnings of function names that reach beyond the rows of the query.
const REFUSED_PREFIXES: [&str; 30] = [
    "__",
    "read_",
    "scan_",
    "sniff_",
    "write_",
    "copy_",
    "load_",
    "install_",
    "attach_",
    "detach_",
    "import_",
    "export_",
    "pragma_",
    "duckdb_",
    "parquet_",
    "http",
    "inet_",
    "lo_",
    "dblink",
    "pg_",
    "postgres_fdw",
    "query_to_",
    "table_to_",
    "schema_to_",
    "database_to_",
    "cursor_to_",
    "crosstab",
    "sleep",
    "set_",
    "getenv",
];

/// Functions that reach beyond the rows of the query.
const REFUSED: [&str; 32] = [
    "get_env",
    "current_setting",
    "getvariable",
    "setseed",
    "nextval",
    "currval",
    "lastval",
    "setval",
    "query",
    "query_table",
    "which_secret",
    "glob",
    "system",
    "shell",
    "checkpoint",
    "force_checkpoint",
    "in_search_path",
    "invoke",
    "json_execute_serialized_sql",
    "from_substrait",
    "from_substrait_json",
    "xpath_table",
    "user_agent",
    "loread",
    "lowrite",
    "ts_stat",
    "ts_rewrite",
    "connectby",
    "current_query",
    "obj_description",
    "shobj_description",
    "col_description",
];

/// Names that begin like a refused family but only look at their arguments.
const HARMLESS: [&str; 3] = ["set_bit", "set_byte", "pg_typeof"];

/// True when the function may stand in FROM.
pub(crate) fn is_table_function_allowed(name: &str) -> bool {
    TABLE_FUNCTIONS
        .iter()
        .any(|allowed| name.eq_ignore_ascii_case(allowed))
}

/// True when the function may stand in an expression.
pub(crate) fn is_function_allowed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let refused = REFUSED.contains(&name.as_str())
        || REFUSED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix));
    !refused || HARMLESS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_functions_are_allowed() {
        for name in [
            "count",
            "lower",
            "json_extract_string",
            "date_trunc",
            "list_transform",
            "set_bit",
            "pg_typeof",
            "ANY_VALUE",
        ] {
            assert!(is_function_allowed(name), "{name}");
        }
    }

    #[test]
    fn functions_that_reach_outside_are_refused_in_any_case() {
        for name in [
            "getenv",
            "GETENV",
            "pg_sleep",
            "sleep_ms",
            "read_text",
            "current_setting",
            "nextval",
            "Query",
            "pg_terminate_backend",
            "pg_stat_file",
            "query_to_xml",
            "ts_stat",
        ] {
            assert!(!is_function_allowed(name), "{name}");
        }
    }

    #[test]
    fn only_three_table_functions_are_allowed() {
        assert!(is_table_function_allowed("UNNEST"));
        assert!(!is_table_function_allowed("read_csv"));
        assert!(!is_table_function_allowed("lower"));
    }
}
