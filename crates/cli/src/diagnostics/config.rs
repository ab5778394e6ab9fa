//! Errors of settings and secrets.

use tipple_config::{ConfigError, Missing, Trace, Tried};

use super::codes::{self, Code};
use super::{Diagnostic, quoted};

/// The error for people; values of secrets are never in it.
pub fn from_config(error: &ConfigError) -> Diagnostic {
    let diagnostic = match error {
        ConfigError::Missing(missing) => from_missing(missing),
        ConfigError::NotSecret { provider, key } => Diagnostic::new(
            code_of(error),
            format!("the secret `{key}` stands in `{provider}`"),
        )
        .with(
            "why",
            "secrets are read from the environment and from `secrets.toml` only",
        )
        .help(format!("move `{key}` to `.dlt/secrets.toml`")),
        ConfigError::Coercion {
            field,
            wanted,
            help,
            key,
            location,
            ..
        } => Diagnostic::new(code_of(error), format!("setting `{field}` is no {wanted}"))
            .with("where", place(key, location))
            .help(help.clone()),
        ConfigError::Unfilled { key, location } => Diagnostic::new(
            code_of(error),
            format!("the secret `{key}` still has a placeholder"),
        )
        .with("where", location.clone())
        .help("write the value in its place"),
        ConfigError::Native { spec, key, why } => {
            Diagnostic::new(code_of(error), format!("`{key}` cannot be read"))
                .with("where", spec.clone())
                .with(
                    "why",
                    format!("{why} (the value may be secret and is not shown)"),
                )
        }
        ConfigError::Toml {
            path,
            line,
            column,
            why,
        } => Diagnostic::new(code_of(error), format!("`{}` is no TOML", path.display()))
            .with("where", format!("line {line}, column {column}"))
            .with("why", why.clone()),
        ConfigError::Read { path, source } => {
            Diagnostic::new(code_of(error), format!("cannot read `{}`", path.display()))
                .with("why", source.to_string())
        }
        ConfigError::Invalid { why, .. } => Diagnostic::new(code_of(error), why.clone()),
    };
    diagnostic.caused_by(error)
}

fn code_of(error: &ConfigError) -> &'static Code {
    match error {
        ConfigError::Missing(_) => &codes::CONFIG_MISSING,
        ConfigError::NotSecret { .. } => &codes::CONFIG_SECRET_IN_CONFIG,
        ConfigError::Coercion { .. } => &codes::CONFIG_TYPE,
        ConfigError::Unfilled { .. } => &codes::CONFIG_PLACEHOLDER,
        ConfigError::Native { .. } => &codes::CONFIG_CONNECTION,
        ConfigError::Toml { .. } => &codes::CONFIG_FILE,
        ConfigError::Read { .. } => &codes::CONFIG_READ,
        ConfigError::Invalid { .. } => &codes::CONFIG_INVALID,
    }
}

fn place(key: &str, location: &str) -> String {
    if location.is_empty() {
        format!("`{key}`")
    } else {
        format!("`{key}` in {location}")
    }
}

fn from_missing(missing: &Missing) -> Diagnostic {
    let names = missing.names();
    let what = match names.as_slice() {
        [name] => format!("setting `{name}` is missing"),
        names => format!("{} settings are missing: {}", names.len(), quoted(names)),
    };
    let mut diagnostic = Diagnostic::new(&codes::CONFIG_MISSING, what);
    for (field, trace) in &missing.fields {
        diagnostic = add_trace(diagnostic, field, trace);
    }
    if let Some(profile) = &missing.profile {
        diagnostic = diagnostic.with("profile", profile.clone());
    }
    for provider in missing
        .providers
        .iter()
        .filter(|provider| provider.is_empty)
    {
        diagnostic = diagnostic.with(
            "empty",
            format!(
                "`{}` has no values: its files are missing or empty",
                provider.name
            ),
        );
    }
    if let Some(moved) = &missing.moved {
        let text = format!(
            "the last good run read `{}`, now it is `{}`",
            moved.then.display(),
            moved.now.display()
        );
        diagnostic = diagnostic.with("moved", text);
    }
    diagnostic
        .help("write each in one of the places named")
        .next("tipple config explain KEY")
}

fn add_trace(diagnostic: Diagnostic, field: &str, trace: &Trace) -> Diagnostic {
    match trace {
        Trace::Tried(tried) => diagnostic.with("tried", places(field, tried)),
        Trace::Nested(nested) => nested
            .fields
            .iter()
            .fold(diagnostic, |diagnostic, (inner, trace)| {
                add_trace(diagnostic, &format!("{field}.{inner}"), trace)
            }),
    }
}

/// Every place in order, one line each.
fn places(field: &str, tried: &[Tried]) -> String {
    let lines = tried
        .iter()
        .map(|place| format!("\n  {}  {}", place.provider, place.key));
    format!("{field}{}", lines.collect::<String>())
}
