//! Environment variables and mounted secret files, as one value.
//!
//! Taken once at the start, so that configuration is a function of its input and tests need no real environment.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Where container platforms mount secrets.
const SECRETS_DIR: &str = "/run/secrets";

/// Variables of the process and the directory of mounted secrets.
#[derive(Clone)]
pub struct Environment {
    variables: HashMap<String, String>,
    secrets_dir: PathBuf,
    home: Option<PathBuf>,
    is_root: bool,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Any variable may hold a secret.
        f.debug_struct("Environment")
            .field("variables", &self.variables.len())
            .finish()
    }
}

impl Environment {
    /// The environment of this process. Variables that are not Unicode are left out.
    pub fn of_process() -> Self {
        let variables: HashMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Environment {
            home: std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            is_root: is_root(),
            variables,
            secrets_dir: PathBuf::from(SECRETS_DIR),
        }
    }

    /// An environment for tests: only these variables, this home directory, no root, no mounted secrets.
    pub fn of<const N: usize>(home: &Path, variables: [(&str, &str); N]) -> Self {
        Environment {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            secrets_dir: home.join("run-secrets"),
            home: Some(home.to_owned()),
            is_root: false,
        }
    }

    /// Sets a variable in this copy.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Looks for mounted secrets in another directory.
    #[must_use]
    pub fn with_secrets_dir(self, secrets_dir: &Path) -> Self {
        Environment {
            secrets_dir: secrets_dir.to_owned(),
            ..self
        }
    }

    /// As the user root, whose global directory is another.
    #[must_use]
    pub fn as_root(self) -> Self {
        Environment {
            is_root: true,
            ..self
        }
    }

    /// A variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Home directory.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    pub(crate) fn is_root(&self) -> bool {
        self.is_root
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }

    /// The mounted secret that stands for the variable `name`, with its file.
    pub(crate) fn mounted_secret(&self, name: &str) -> Option<(String, PathBuf)> {
        let file = name.to_lowercase().replace('_', "-");
        let mut path = self.secrets_dir.join(&file);
        if path.is_dir() {
            path.push(&file);
        }
        std::fs::read_to_string(&path).ok().map(|text| (text, path))
    }
}

#[cfg(target_os = "linux")]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(target_os = "linux"))]
fn is_root() -> bool {
    std::env::var("USER").is_ok_and(|user| user == "root")
}
