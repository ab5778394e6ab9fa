//! The files that `tipple init` writes and adds to.

use std::path::{Path, PathBuf};

use tipple_config::Secret;

use crate::diagnostics::{Diagnostic, codes};

/// Lines of `.gitignore`.
const IGNORED: [&str; 7] = [
    "secrets.toml",
    "*.secrets.toml",
    ".dlt/state",
    ".dlt/data",
    ".dlt/profile-name",
    "*.duckdb",
    "*.wal",
];

const CONFIG: &str = "# Settings that are no secrets. See `tipple config explain KEY` for where a setting is looked for.\n\n[runtime]\nlog_level = \"WARNING\"\n";

/// One secret of `secrets.toml`.
pub struct SecretLine {
    /// Dotted path: section and key.
    pub path: String,
    /// The value, when it is known.
    pub value: Option<Secret<String>>,
    /// What to paste, in the words of the service.
    pub title: String,
}

/// Files of a project folder.
pub struct Files {
    folder: PathBuf,
    told: Vec<String>,
}

impl Files {
    /// Files below `folder`.
    pub fn new(folder: &Path) -> Self {
        Files {
            folder: folder.to_owned(),
            told: Vec::new(),
        }
    }

    /// What was done, one line a file.
    pub fn told(&self) -> &[String] {
        &self.told
    }

    /// True when there is such a file.
    pub fn exists(&self, name: &str) -> bool {
        self.folder.join(name).exists()
    }

    /// Writes a file, over an old one too.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, name: &str, text: &str, about: &str) -> Result<(), Diagnostic> {
        let path = self.folder.join(name);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, text));
        written.map_err(|error| failed(&path, &error))?;
        self.told
            .push(format!("Created {name:<24} {about}").trim_end().to_owned());
        Ok(())
    }

    /// `.dlt/config.toml`, when there is none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn config(&mut self) -> Result<(), Diagnostic> {
        match self.exists(".dlt/config.toml") {
            true => Ok(()),
            false => self.write(".dlt/config.toml", CONFIG, ""),
        }
    }

    /// Adds secrets that are not there yet to `.dlt/secrets.toml`, readable by the user only.
    ///
    /// # Errors
    /// The file cannot be read or written, or is no TOML.
    pub fn secrets(&mut self, lines: &[SecretLine]) -> Result<(), Diagnostic> {
        let name = ".dlt/secrets.toml";
        let path = self.folder.join(name);
        let is_new = !path.exists();
        let mut text = match is_new {
            true => "# Secrets. Keep this file out of version control.\n".to_owned(),
            false => std::fs::read_to_string(&path).map_err(|error| failed(&path, &error))?,
        };
        let mut added = Vec::new();
        for line in lines {
            if add_secret(&mut text, line) {
                added.push(line);
            }
        }
        if !is_new && added.is_empty() {
            return Ok(());
        }
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| write_private(&path, &text));
        written.map_err(|error| failed(&path, &error))?;
        let word = if is_new { "Created" } else { "Updated" };
        let open: Vec<String> = added
            .iter()
            .filter(|line| line.value.is_none())
            .map(|line| format!("{} ({})", line.path, line.title))
            .collect();
        let about = match open.is_empty() {
            true => String::new(),
            false => format!("fill in {}", open.join(", ")),
        };
        self.told
            .push(format!("{word} {name:<24} {about}").trim_end().to_owned());
        Ok(())
    }

    /// Adds lines to `.gitignore`.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn ignore(&mut self) -> Result<(), Diagnostic> {
        let path = self.folder.join(".gitignore");
        let mut text = match path.exists() {
            true => std::fs::read_to_string(&path).map_err(|error| failed(&path, &error))?,
            false => String::new(),
        };
        let known: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        let missing: Vec<&str> = IGNORED
            .into_iter()
            .filter(|line| !known.iter().any(|k| k == line))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        missing.iter().for_each(|line| text.extend([*line, "\n"]));
        std::fs::write(&path, text).map_err(|error| failed(&path, &error))?;
        self.told.push(format!(
            "Updated {:<24} {} lines",
            ".gitignore",
            missing.len()
        ));
        Ok(())
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(
        &codes::USAGE_FILE,
        format!("cannot write `{}`", path.display()),
    )
    .with("why", error.to_string())
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}

/// Adds a secret under its section. False when it is there already.
fn add_secret(text: &mut String, line: &SecretLine) -> bool {
    let (section, key) = line.path.rsplit_once('.').unwrap_or(("", &line.path));
    let header = format!("[{section}]");
    let value = match &line.value {
        Some(value) => value.expose().clone(),
        None => format!("<paste your {}>", line.title),
    };
    // A TOML basic string is written like one of JSON.
    let entry = format!("{key} = {}\n", serde_json::Value::from(value));
    let Some(at) = text.lines().position(|line| line.trim() == header) else {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("\n{header}\n{entry}"));
        return true;
    };
    let lines: Vec<&str> = text.lines().collect();
    let end = lines[at + 1..]
        .iter()
        .position(|line| line.trim_start().starts_with('['))
        .map_or(lines.len(), |n| at + 1 + n);
    let is_there = lines[at + 1..end].iter().any(|line| {
        line.split('=')
            .next()
            .is_some_and(|name| name.trim() == key)
    });
    if is_there {
        return false;
    }
    let mut new: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    new.insert(at + 1, entry);
    *text = new.concat();
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_added_once_and_in_its_section() {
        let line = |path: &str| SecretLine {
            path: path.to_owned(),
            value: None,
            title: "key".to_owned(),
        };
        let mut text = "[sources.a]\nx = 1\n[other]\n".to_owned();
        assert!(add_secret(&mut text, &line("sources.a.api_key")));
        assert!(!add_secret(&mut text, &line("sources.a.api_key")));
        assert!(add_secret(&mut text, &line("sources.b.api_key")));
        assert_eq!(
            text,
            "[sources.a]\napi_key = \"<paste your key>\"\nx = 1\n[other]\n\n[sources.b]\napi_key = \"<paste your key>\"\n"
        );
    }
}
