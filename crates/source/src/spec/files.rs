//! What a user says about the files of a resource: where they are and how to read them.

use std::path::Path;

use super::collect;
use crate::error::SourceError;
use crate::fields::{Fields, Problems};
use serde_json::Value;

/// How the items lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON value per line.
    Jsonl,
    /// A JSON document: a list of items, one item, or several values one after another.
    Json,
    /// Records of text.
    Csv,
    /// Apache Parquet.
    Parquet,
}

const FORMATS: [(&str, Format); 6] = [
    ("jsonl", Format::Jsonl),
    ("ndjson", Format::Jsonl),
    ("json", Format::Json),
    ("csv", Format::Csv),
    ("tsv", Format::Csv),
    ("parquet", Format::Parquet),
];

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one or several members.
    Gzip,
    /// Zstandard.
    Zstd,
}

const COMPRESSIONS: [(&str, Compression); 5] = [
    ("none", Compression::None),
    ("gzip", Compression::Gzip),
    ("gz", Compression::Gzip),
    ("zstd", Compression::Zstd),
    ("zst", Compression::Zstd),
];

/// Files of one resource.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileSpec {
    /// Paths and patterns; `-` is standard input. Relative ones are meant from the folder of the document.
    pub paths: Vec<String>,
    /// How to read them; guessed from the name when absent.
    pub format: Option<Format>,
    /// How they are compressed; found out from the first bytes when absent.
    pub compression: Option<Compression>,
    /// Where the items are in a JSON document.
    pub selector: Option<String>,
    /// Character between the fields of a CSV record; guessed from the first line when absent.
    pub delimiter: Option<u8>,
    /// Whether the first CSV record holds the names of the columns.
    pub has_header: Option<bool>,
    /// Names of the CSV columns, instead of or without a header.
    pub column_names: Vec<String>,
    /// Leave all CSV values as text.
    pub is_all_text: bool,
}

impl FileSpec {
    /// Keys of a resource that are read here; all others belong to its hints.
    pub const KEYS: [&'static str; 8] = [
        "path",
        "format",
        "compression",
        "selector",
        "delimiter",
        "header",
        "column_names",
        "all_text",
    ];

    /// The files at `path`, everything else guessed.
    pub fn at(path: impl Into<String>) -> Self {
        FileSpec {
            paths: vec![path.into()],
            ..FileSpec::default()
        }
    }

    /// Reads the members [`FileSpec::KEYS`] of a resource; other members are passed over.
    ///
    /// # Errors
    /// [`SourceError::Spec`] with all mistakes.
    pub fn from_value(value: &Value, origin: &str) -> Result<Self, SourceError> {
        collect(origin, |problems| FileSpec::read(value, "", problems))
    }

    /// The same for a reader that collects the mistakes of a whole document; `path` leads to `value`.
    pub fn read(value: &Value, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(value, path, problems)?;
        let paths = fields.texts("path", problems);
        if paths.as_ref().is_none_or(Vec::is_empty) && !value["path"].is_array() {
            let help = "name the files: `path: data/orders-*.jsonl.gz`";
            problems.add_with_help(path, "the resource has no `path`", help);
        }
        let spec = FileSpec {
            paths: paths.unwrap_or_default(),
            format: fields.word("format", &FORMATS, problems),
            compression: fields.word("compression", &COMPRESSIONS, problems),
            selector: fields.text("selector", problems),
            delimiter: read_delimiter(&mut fields, problems),
            has_header: fields.bool("header", problems),
            column_names: fields.texts("column_names", problems).unwrap_or_default(),
            is_all_text: fields.bool("all_text", problems).unwrap_or(false),
        };
        if let Some(Err(error)) = spec
            .selector
            .as_ref()
            .map(|s| s.parse::<tipple_json::JsonPath>())
        {
            problems.add(fields.path_of("selector"), error.to_string());
        }
        Some(spec)
    }
}

fn read_delimiter(fields: &mut Fields, problems: &mut Problems) -> Option<u8> {
    let text = fields.text("delimiter", problems)?;
    match text.as_str() {
        "\\t" | "tab" => Some(b'\t'),
        _ if text.len() == 1 => Some(text.as_bytes()[0]),
        _ => {
            let help = "write `;`, `|`, `tab` or another single character";
            let message = format!("the delimiter `{text}` is not one ASCII character");
            problems.add_with_help(fields.path_of("delimiter"), message, help);
            None
        }
    }
}

impl Format {
    /// What the name of a file says about its format.
    pub fn of_name(name: &str) -> Option<Format> {
        let name = name.to_ascii_lowercase();
        let stem = [".gz", ".zst", ".zstd"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let extension = Path::new(stem.unwrap_or(&name)).extension()?.to_str()?;
        match extension {
            "pq" => Some(Format::Parquet),
            _ => FORMATS
                .iter()
                .find(|(word, _)| *word == extension)
                .map(|(_, format)| *format),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_tell_the_format() {
        for (name, format) in [
            ("a.jsonl", Some(Format::Jsonl)),
            ("a.b/x.NDJSON.GZ", Some(Format::Jsonl)),
            ("x.json.zst", Some(Format::Json)),
            ("x.tsv", Some(Format::Csv)),
            ("x.pq", Some(Format::Parquet)),
            ("x.gz", None),
            ("x", None),
        ] {
            assert_eq!(Format::of_name(name), format, "{name}");
        }
    }

    #[test]
    fn mistakes_are_all_told() {
        let value = json!({"format": "jsonk", "delimiter": "ab", "selector": "a..", "name": "x"});
        let error = FileSpec::from_value(&value, "f.yaml").unwrap_err();
        insta::assert_snapshot!(error, @r"
        `f.yaml` has 4 mistakes
          the resource has no `path`
          `format`: `jsonk` is not known here; did you mean `jsonl`? (one of `jsonl`, `ndjson`, `json`, `csv`, `tsv`, `parquet`)
          `delimiter`: the delimiter `ab` is not one ASCII character
          `selector`: `a..` is not a path: a name is expected at character 4
        ");
    }
}
