//! What can be wrong with settings: missing, unreadable, of another type, in the wrong file.

use std::fmt;
use std::io;
use std::path::PathBuf;

use indexmap::IndexMap;

use crate::value::Kind;

/// Failure to find or read a setting. Never holds the value of a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Required settings were not found; all of them.
    #[error("{0}")]
    Missing(Box<Missing>),
    /// A secret in a file that is no place for secrets.
    #[error(
        "Provider `{provider}` cannot hold secret values but key `{key}` with secret value is present"
    )]
    NotSecret {
        /// Provider.
        provider: &'static str,
        /// Full key.
        key: String,
    },
    /// A value that cannot be converted to the type that is wanted. The value is not kept, it may be secret.
    #[error("Configured value for field `{field}` cannot be coerced into type `{wanted}`")]
    Coercion {
        /// Setting.
        field: Box<str>,
        /// Type in dlt's words.
        wanted: Box<str>,
        /// What may be written instead.
        help: Box<str>,
        /// Provider of the value.
        provider: &'static str,
        /// Full key in that provider.
        key: Box<str>,
        /// File or variable.
        location: Box<str>,
    },
    /// A placeholder of `init` was not filled in.
    #[error("`{key}` still has the placeholder of `init` (in {location})")]
    Unfilled {
        /// Full key.
        key: String,
        /// File or variable.
        location: String,
    },
    /// Text that stands for a whole configuration and cannot be read.
    #[error(
        "the value of `{key}` for `{spec}` cannot be read: {why} (the value may be secret and is not shown)"
    )]
    Native {
        /// Configuration.
        spec: String,
        /// Full key.
        key: String,
        /// What is wrong, without the value.
        why: String,
    },
    /// A settings file is no TOML.
    #[error("`{}` line {line}, column {column}: {why}", path.display())]
    Toml {
        /// File.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong, without the text of the line.
        why: String,
    },
    /// A settings file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Settings that do not go together.
    #[error("{why}")]
    Invalid {
        /// Setting.
        field: String,
        /// Rule that was broken.
        why: String,
    },
}

/// One place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Provider.
    pub provider: &'static str,
    /// Key as the provider calls it.
    pub key: String,
    /// File or variable of the value; empty if there is none.
    pub location: String,
    /// True if it has a value.
    pub is_found: bool,
}

/// Why one field is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trace {
    /// Looked for everywhere.
    Tried(Vec<Tried>),
    /// A configuration of its own, of which fields are missing.
    Nested(Box<Missing>),
}

/// Required settings that were not found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Name of the configuration.
    pub spec: String,
    /// Missing fields, each with the places looked at.
    pub fields: IndexMap<String, Trace>,
    /// Fields that were found.
    pub resolved: Vec<String>,
    /// Profile, in a workspace.
    pub profile: Option<String>,
    /// The files of each provider.
    pub providers: Vec<ProviderFiles>,
    /// Settings directory of the last good run, if it was another.
    pub moved: Option<MovedSettings>,
}

/// Files of a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderFiles {
    /// Provider.
    pub name: String,
    /// Files that were read.
    pub present: Vec<PathBuf>,
    /// Files that are not there.
    pub absent: Vec<PathBuf>,
    /// True if there is no value at all.
    pub is_empty: bool,
}

/// The last good run of a pipeline used another settings directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedSettings {
    /// Pipeline.
    pub pipeline: String,
    /// Settings directory then.
    pub then: PathBuf,
    /// Settings directory now.
    pub now: PathBuf,
}

impl Missing {
    /// Names of all missing fields, nested ones as `credentials.password`.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (field, trace) in &self.fields {
            match trace {
                Trace::Tried(_) => names.push(field.clone()),
                Trace::Nested(nested) => {
                    names.extend(nested.names().iter().map(|name| format!("{field}.{name}")));
                }
            }
        }
        names
    }

    fn quoted_fields(&self) -> String {
        let names: Vec<String> = self.fields.keys().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    }

    /// The traces of all fields, as lines.
    fn traces(&self) -> String {
        let mut text = String::new();
        for (field, trace) in &self.fields {
            match trace {
                Trace::Tried(tried) => push_tried(&mut text, field, tried),
                Trace::Nested(nested) => push_nested(&mut text, field, nested),
            }
        }
        if !self.resolved.is_empty() {
            let names: Vec<String> = self
                .resolved
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            text.push_str(&format!(
                "NOTE: following fields in `{}` got resolved: {}\n",
                self.spec,
                names.join(", ")
            ));
        }
        text
    }
}

fn push_tried(text: &mut String, field: &str, tried: &[Tried]) {
    if tried.is_empty() {
        return;
    }
    text.push_str(&format!(
        "for field `{field}` the following (config provider, key) were tried in order:\n"
    ));
    for place in tried {
        text.push_str(&format!("  ({}, {})\n", place.provider, place.key));
    }
}

fn push_nested(text: &mut String, field: &str, nested: &Missing) {
    text.push_str(&format!(
        "field `{field}` is itself a configuration `{}` with missing field(s): {}\n",
        nested.spec,
        nested.quoted_fields()
    ));
    for line in nested.traces().split_inclusive('\n') {
        let is_blank = line.trim().is_empty();
        text.push_str(if is_blank { "" } else { "  " });
        text.push_str(line);
    }
    text.push('\n');
}

impl fmt::Display for ProviderFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.present.is_empty() {
            writeln!(f, "Provider `{}` loaded values from locations:", self.name)?;
            self.present
                .iter()
                .try_for_each(|path| writeln!(f, "\t- {}", path.display()))?;
        }
        if !self.absent.is_empty() {
            writeln!(
                f,
                "Provider `{}` probed but not found the following locations:",
                self.name
            )?;
            self.absent
                .iter()
                .try_for_each(|path| writeln!(f, "\t- {}", path.display()))?;
        }
        if self.is_empty {
            writeln!(
                f,
                "WARNING: provider `{}` is empty. Locations (i.e., files) are missing or empty.",
                self.name
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, spec, fields) = (self.fields.len(), &self.spec, self.quoted_fields());
        writeln!(
            f,
            "Missing {count} field(s) in configuration `{spec}`: {fields}"
        )?;
        f.write_str(&self.traces())?;
        if let Some(profile) = &self.profile {
            write!(f, "\nActive profile: `{profile}`\n")?;
        }
        self.providers
            .iter()
            .try_for_each(|provider| write!(f, "{provider}"))?;
        writeln!(f)?;
        if let Some(moved) = &self.moved {
            writeln!(
                f,
                "WARNING: Active pipeline `{}` used `{}` directory to read config and secrets for the last \
                 successful run. Different directory `{}` is used now which may be the reason for configuration \
                 not resolving.",
                moved.pipeline,
                moved.then.display(),
                moved.now.display()
            )?;
        }
        f.write_str("Learn more: tipple explain config.missing\n")
    }
}

/// The error for a value of another type.
pub(crate) fn coercion(
    field: &str,
    kind: &Kind,
    provider: &'static str,
    key: &str,
    location: &str,
) -> ConfigError {
    ConfigError::Coercion {
        field: field.into(),
        wanted: kind.name().into(),
        help: kind.help().into(),
        provider,
        key: key.into(),
        location: location.into(),
    }
}

impl From<Missing> for ConfigError {
    fn from(missing: Missing) -> Self {
        ConfigError::Missing(Box::new(missing))
    }
}

/// Something about the settings that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A placeholder of dlt's `init` is used as a value.
    Placeholder {
        /// Full key.
        key: String,
        /// Provider to adjust.
        provider: &'static str,
        /// Its files.
        locations: Vec<PathBuf>,
    },
    /// A file with secrets can be read by other users.
    ReadableSecrets {
        /// File.
        path: PathBuf,
    },
    /// `XDG_DATA_HOME` is set but does not count.
    XdgIgnored {
        /// Directory that is used instead.
        used: PathBuf,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Placeholder {
                key,
                provider,
                locations,
            } => {
                write!(
                    f,
                    "`{key}` has the placeholder that `init` writes; put the value into {provider}"
                )?;
                locations
                    .iter()
                    .try_for_each(|path| write!(f, "\n\t- {}", path.display()))
            }
            Warning::ReadableSecrets { path } => write!(
                f,
                "`{0}` can be read by other users; `chmod 600 {0}` closes it",
                path.display()
            ),
            Warning::XdgIgnored { used } => write!(
                f,
                "XDG_DATA_HOME is set but `{}` exists already and is used",
                used.display()
            ),
        }
    }
}
