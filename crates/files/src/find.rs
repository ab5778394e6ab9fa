//! Finds the files that a path or pattern means.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tipple_source::SourceError;

/// Path that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// One file that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it is; `-` for standard input.
    pub path: PathBuf,
    /// The path as messages and states name it.
    pub name: String,
    /// Size in bytes; 0 for standard input.
    pub size: u64,
    /// When it was changed last.
    pub modified: SystemTime,
}

impl FileEntry {
    /// True for standard input.
    pub fn is_stdin(&self) -> bool {
        self.name == STDIN
    }

    fn stdin() -> Self {
        let name = STDIN.to_owned();
        FileEntry {
            path: PathBuf::from(STDIN),
            name,
            size: 0,
            modified: SystemTime::UNIX_EPOCH,
        }
    }

    fn at(path: PathBuf) -> Result<Self, SourceError> {
        let name = path.to_string_lossy().into_owned();
        let metadata = std::fs::metadata(&path).map_err(|cause| SourceError::Io {
            origin: name.clone(),
            cause,
        })?;
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(FileEntry {
            path,
            name,
            size: metadata.len(),
            modified,
        })
    }
}

/// All files that `patterns` mean: pattern by pattern, sorted by name within each, none twice.
pub(crate) fn find(
    resource: &str,
    patterns: &[String],
    base: &Path,
) -> Result<Vec<FileEntry>, SourceError> {
    let mut found: Vec<FileEntry> = Vec::new();
    for pattern in patterns {
        for entry in find_one(resource, pattern, base)? {
            if !found.iter().any(|known| known.path == entry.path) {
                found.push(entry);
            }
        }
    }
    Ok(found)
}

fn find_one(resource: &str, pattern: &str, base: &Path) -> Result<Vec<FileEntry>, SourceError> {
    if pattern == STDIN {
        return Ok(vec![FileEntry::stdin()]);
    }
    refuse_url(resource, pattern)?;
    let full = base.join(pattern);
    // A name may hold brackets: a file that is there is meant as it stands.
    if full.is_file() {
        return Ok(vec![FileEntry::at(full)?]);
    }
    if full.is_dir() {
        return Err(is_folder(resource, pattern));
    }
    let paths = matches(resource, base, pattern)?;
    if paths.is_empty() {
        let pattern = full.to_string_lossy().into_owned();
        return Err(SourceError::NoFile {
            resource: resource.to_owned(),
            pattern,
        });
    }
    paths.into_iter().map(FileEntry::at).collect()
}

fn matches(resource: &str, base: &Path, pattern: &str) -> Result<Vec<PathBuf>, SourceError> {
    let refused = |reason: String| SourceError::Other {
        code: "source.file.pattern",
        message: format!("`{pattern}` of resource `{resource}` cannot be followed: {reason}"),
        help: vec!["patterns may hold `*`, `?`, `[…]` and `**`".to_owned()],
        cause: None,
    };
    let full = if Path::new(pattern).is_absolute() {
        pattern.to_owned()
    } else {
        let base = glob::Pattern::escape(&base.to_string_lossy());
        if base.is_empty() {
            pattern.to_owned()
        } else {
            format!("{base}/{pattern}")
        }
    };
    let options = glob::MatchOptions {
        require_literal_separator: true,
        ..Default::default()
    };
    let found = glob::glob_with(&full, options).map_err(|error| refused(error.to_string()))?;
    let mut paths = Vec::new();
    for path in found {
        let path = path.map_err(|error| refused(error.to_string()))?;
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_folder(resource: &str, pattern: &str) -> SourceError {
    SourceError::Other {
        code: "source.file.folder",
        message: format!("`{pattern}` of resource `{resource}` is a folder"),
        help: vec![format!(
            "name the files in it: `{}/*.jsonl`",
            pattern.trim_end_matches('/')
        )],
        cause: None,
    }
}

fn refuse_url(resource: &str, pattern: &str) -> Result<(), SourceError> {
    let Some((scheme, _)) = pattern.split_once("://") else {
        return Ok(());
    };
    Err(SourceError::Other {
        code: "source.file.scheme",
        message: format!(
            "`{scheme}://` of resource `{resource}` cannot be read: only local files and `-` (standard input) can"
        ),
        help: vec!["copy the files to a local folder, or pipe them into `-`".to_owned()],
        cause: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&str]) -> Result<Vec<String>, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "b.jsonl",
            "a.jsonl",
            "x/c.jsonl",
            "odd[1].jsonl",
            "x/y/d.jsonl",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        }
        let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
        let found = find("r", &patterns, folder.path())?;
        let relative = |entry: &FileEntry| {
            let path = entry
                .path
                .strip_prefix(folder.path())
                .unwrap_or(&entry.path);
            path.to_string_lossy().into_owned()
        };
        Ok(found.iter().map(relative).collect())
    }

    #[test]
    fn files_come_sorted_and_once() {
        assert_eq!(
            names(&["*.jsonl"]).unwrap(),
            ["a.jsonl", "b.jsonl", "odd[1].jsonl"]
        );
        assert_eq!(
            names(&["b.jsonl", "[ab].jsonl"]).unwrap(),
            ["b.jsonl", "a.jsonl"]
        );
        assert_eq!(
            names(&["**/c.jsonl", "x/**/*.jsonl"]).unwrap(),
            ["x/c.jsonl", "x/y/d.jsonl"]
        );
        assert_eq!(names(&["odd[1].jsonl"]).unwrap(), ["odd[1].jsonl"]);
        assert_eq!(names(&["-"]).unwrap(), ["-"]);
    }

    #[test]
    fn what_is_not_there_is_an_error_with_help() {
        assert_eq!(
            names(&["z*.jsonl"]).unwrap_err().code(),
            "source.file.missing"
        );
        assert_eq!(names(&["x"]).unwrap_err().code(), "source.file.folder");
        assert_eq!(
            names(&["s3://b/x"]).unwrap_err().code(),
            "source.file.scheme"
        );
    }
}
