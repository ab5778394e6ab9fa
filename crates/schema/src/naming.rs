//! Naming conventions: the rules that make identifiers legal and stable in a destination.
//!
//! The rules are dlt's, odd corners included, because a name that differs by one underscore is another column. They are
//! written as single passes over characters instead of the regular expressions that define them: a wide source brings
//! 100,000 keys, and each passes here once. Start with [`Naming::identifier`] and [`Naming::path`]
//! (spec/normalize.md §6).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regex::Regex;
use sha3::Shake128;
use sha3::digest::{ExtendableOutput, Update, XofReader};

/// Characters of the tag that stands for the cut part of a shortened name.
const TAG_LENGTH: usize = 6;

/// Longest identifier that S3 Tables takes.
const S3_TABLES_LENGTH_MAX: usize = 255;

/// Decimal digits of all scripts, as `\d` means it in the rules.
static DECIMAL_DIGIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d").ok());

/// A name that a convention refuses, or a convention that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamingError {
    /// Nothing but white space.
    #[error("an identifier is blank")]
    Blank,
    /// No convention of this name is built in.
    #[error(
        "`{0}` is not a naming convention that tipple knows ({known}); conventions written in Python cannot be used",
        known = NamingKind::ALL.map(NamingKind::as_str).join(", ")
    )]
    UnknownConvention(String),
    /// The destination allows fewer characters than a shortened name needs.
    #[error("names of at most {max_length} characters are too short: {TAG_LENGTH} are needed")]
    LengthTooSmall {
        /// Characters that the destination allows.
        max_length: usize,
    },
    /// The destination allows longer names than the convention.
    #[error(
        "naming convention `s3_tables` allows at most {S3_TABLES_LENGTH_MAX} characters, \
         but the destination has {max_length}"
    )]
    LengthTooLarge {
        /// Characters that the destination allows.
        max_length: usize,
    },
}

/// The naming conventions that are built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NamingKind {
    /// Lower-case words joined by underscores; the default.
    SnakeCase,
    /// Names as they are, case kept, line breaks and quotes replaced.
    Direct,
    /// Names as they are, case kept, for DuckDB and the like.
    DuckCase,
    /// ASCII letters, digits and underscores, case kept.
    SqlCsV1,
    /// As [`NamingKind::SqlCsV1`], in lower case.
    SqlCiV1,
    /// As [`NamingKind::SnakeCase`] with the limits of S3 Tables.
    S3Tables,
}

impl NamingKind {
    /// All conventions.
    pub const ALL: [NamingKind; 6] = [
        NamingKind::SnakeCase,
        NamingKind::Direct,
        NamingKind::DuckCase,
        NamingKind::SqlCsV1,
        NamingKind::SqlCiV1,
        NamingKind::S3Tables,
    ];

    /// The word that stands for the convention in configuration and schema documents.
    pub fn as_str(self) -> &'static str {
        match self {
            NamingKind::SnakeCase => "snake_case",
            NamingKind::Direct => "direct",
            NamingKind::DuckCase => "duck_case",
            NamingKind::SqlCsV1 => "sql_cs_v1",
            NamingKind::SqlCiV1 => "sql_ci_v1",
            NamingKind::S3Tables => "s3_tables",
        }
    }
}

impl fmt::Display for NamingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NamingKind {
    type Err = NamingError;

    /// Reads a short name, or the import path that dlt stores for the same convention.
    fn from_str(name: &str) -> Result<Self, NamingError> {
        let short = name
            .strip_prefix("dlt.common.normalizers.naming.")
            .or_else(|| name.strip_prefix("dlt.common.normalizers.names."))
            .map_or(name, |rest| {
                rest.strip_suffix(".NamingConvention").unwrap_or(rest)
            });
        NamingKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == short)
            .ok_or_else(|| NamingError::UnknownConvention(name.to_owned()))
    }
}

/// A naming convention with the length limit of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Naming {
    kind: NamingKind,
    max_length: Option<usize>,
}

impl Naming {
    /// A convention whose names have at most `max_length` characters; `None` or 0 for no limit.
    ///
    /// # Errors
    /// [`NamingError::LengthTooSmall`], [`NamingError::LengthTooLarge`] when the convention cannot keep the limit.
    pub fn new(kind: NamingKind, max_length: Option<usize>) -> Result<Self, NamingError> {
        let max_length = max_length.filter(|length| *length > 0);
        match max_length {
            Some(max_length) if max_length < TAG_LENGTH => {
                Err(NamingError::LengthTooSmall { max_length })
            }
            Some(max_length)
                if kind == NamingKind::S3Tables && max_length > S3_TABLES_LENGTH_MAX =>
            {
                Err(NamingError::LengthTooLarge { max_length })
            }
            None if kind == NamingKind::S3Tables => Ok(Naming {
                kind,
                max_length: Some(S3_TABLES_LENGTH_MAX),
            }),
            max_length => Ok(Naming { kind, max_length }),
        }
    }

    /// The convention called `name`, see [`NamingKind::from_str`] and [`Naming::new`].
    ///
    /// # Errors
    /// [`NamingError::UnknownConvention`] and those of [`Naming::new`].
    pub fn from_name(name: &str, max_length: Option<usize>) -> Result<Self, NamingError> {
        Naming::new(name.parse()?, max_length)
    }

    /// Which convention it is.
    pub fn kind(&self) -> NamingKind {
        self.kind
    }

    /// Characters that a name may have; `None` for no limit.
    pub fn max_length(&self) -> Option<usize> {
        self.max_length
    }

    /// Text between the parts of a path.
    pub fn separator(&self) -> &'static str {
        match self.kind {
            NamingKind::Direct => "▶",
            _ => "__",
        }
    }

    /// True when two names that differ in case only are different names.
    pub fn is_case_sensitive(&self) -> bool {
        matches!(
            self.kind,
            NamingKind::Direct | NamingKind::DuckCase | NamingKind::SqlCsV1
        )
    }

    /// Normalizes one name, without looking for separators in it.
    ///
    /// # Errors
    /// [`NamingError::Blank`] when the name is empty or white space.
    pub fn identifier(&self, name: &str) -> Result<String, NamingError> {
        let name = trim(name);
        if name.is_empty() {
            return Err(NamingError::Blank);
        }
        Ok(self.normalize(name))
    }

    /// Normalizes the name of a table, dataset or schema.
    ///
    /// # Errors
    /// [`NamingError::Blank`] when the name is empty or white space.
    pub fn table_identifier(&self, name: &str) -> Result<String, NamingError> {
        self.identifier(name)
            .map(|name| self.without_table_prefix(name))
    }

    /// Normalizes each part of a path and shortens the whole; a blank path is the empty text.
    ///
    /// # Errors
    /// None today: blank parts are left out. Callers treat a refusal as they treat that of
    /// [`Naming::identifier`].
    pub fn path(&self, path: &str) -> Result<String, NamingError> {
        let parts: Vec<String> = self
            .break_path(path)
            .map(|part| self.normalize(trim(part)))
            .collect();
        Ok(self.shorten(self.join(&parts), path))
    }

    /// Normalizes each part of the path of a table and shortens the whole.
    ///
    /// # Errors
    /// As [`Naming::path`].
    pub fn table_path(&self, path: &str) -> Result<String, NamingError> {
        let parts: Vec<String> = self
            .break_path(path)
            .map(|part| self.without_table_prefix(self.normalize(trim(part))))
            .collect();
        Ok(self.shorten(self.join(&parts), path))
    }

    /// Joins parts that are already normalized and shortens the whole.
    ///
    /// # Errors
    /// [`NamingError::Blank`] when there are no parts.
    pub fn fragments<S: AsRef<str>>(&self, parts: &[S]) -> Result<String, NamingError> {
        if parts.is_empty() {
            return Err(NamingError::Blank);
        }
        let path = self.join(parts);
        Ok(match self.max_length {
            Some(max_length) => shorten(path.clone(), &path, max_length),
            None => path,
        })
    }

    /// Joins parts by the separator, neither normalized nor shortened; blank parts are left out.
    pub fn join<S: AsRef<str>>(&self, parts: &[S]) -> String {
        let parts = parts
            .iter()
            .map(AsRef::as_ref)
            .filter(|part| !trim(part).is_empty());
        parts.collect::<Vec<_>>().join(self.separator())
    }

    /// Parts of a path that are not blank.
    pub fn break_path<'a>(&self, path: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        path.split(self.separator())
            .filter(|part| !trim(part).is_empty())
    }

    /// Beginning of the names of system tables under this convention.
    pub fn system_prefix(&self) -> &'static str {
        match self.kind {
            NamingKind::S3Tables => "dlt",
            _ => "_dlt",
        }
    }

    /// Normalizes and shortens a trimmed name that is not empty.
    fn normalize(&self, name: &str) -> String {
        let normalized = match self.kind {
            NamingKind::SnakeCase | NamingKind::S3Tables => snake_case(name),
            NamingKind::Direct => replace_any(name, &['\n', '\r', '\'', '"', '▶']).into_owned(),
            NamingKind::DuckCase => contract(&replace_any(name, &['\n', '\r', '"'])),
            NamingKind::SqlCsV1 | NamingKind::SqlCiV1 => sql_case(name),
        };
        let shortened = self.shorten(normalized, name);
        match self.kind {
            NamingKind::SqlCiV1 => shortened.to_lowercase(),
            _ => shortened,
        }
    }

    fn shorten(&self, normalized: String, original: &str) -> String {
        match self.max_length {
            Some(max_length) => shorten(normalized, original, max_length),
            None => normalized,
        }
    }

    /// S3 Tables refuses names that begin with an underscore.
    fn without_table_prefix(&self, name: String) -> String {
        match self.kind {
            NamingKind::S3Tables => name.trim_start_matches('_').to_owned(),
            _ => name,
        }
    }
}

impl fmt::Display for Naming {
    /// Name, case rule and limit, for instance `snake_case_ci_63`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let case = if self.is_case_sensitive() { "cs" } else { "ci" };
        write!(f, "{}_{case}", self.kind)?;
        self.max_length
            .map_or(Ok(()), |max_length| write!(f, "_{max_length}"))
    }
}

/// Trims white space as Python does, which counts the four separator controls too.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c))
}

/// True for the decimal digits of all scripts, as Python's `\d` counts them.
pub fn is_decimal_digit(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    // `is_numeric` is a cheap superset of the decimal digits.
    c.is_numeric()
        && DECIMAL_DIGIT
            .as_ref()
            .is_some_and(|digit| digit.is_match(c.encode_utf8(&mut [0; 4])))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || is_decimal_digit(c)
}

/// Replaces every run of characters other than letters, digits and `_` by one `_`.
fn reduce(name: impl Iterator<Item = char>) -> Vec<char> {
    let mut reduced = Vec::new();
    let mut is_in_run = false;
    for c in name {
        let is_legal = is_word(c);
        if is_legal {
            reduced.push(c);
        } else if !is_in_run {
            reduced.push('_');
        }
        is_in_run = !is_legal;
    }
    reduced
}

fn replace_any<'a>(name: &'a str, characters: &[char]) -> Cow<'a, str> {
    if name.contains(characters) {
        name.replace(characters, "_").into()
    } else {
        name.into()
    }
}

/// Makes one underscore of each run of underscores.
fn contract(name: &str) -> String {
    let mut contracted = String::with_capacity(name.len());
    for c in name.chars() {
        if c != '_' || !contracted.ends_with('_') {
            contracted.push(c);
        }
    }
    contracted
}

/// Stands for characters that mean something in names.
fn translate(c: char) -> char {
    match c {
        '+' | '*' => 'x',
        '-' => '_',
        '@' => 'a',
        '|' => 'l',
        other => other,
    }
}

/// True when a word begins at `index` of a name in camel case.
fn is_word_start(name: &[char], index: usize) -> bool {
    if index == 0 || !name[index].is_ascii_uppercase() {
        return false;
    }
    let before = name[index - 1];
    let is_before_lower = name.get(index + 1).is_some_and(char::is_ascii_lowercase);
    (before != '_' && is_before_lower) || before.is_ascii_lowercase() || before.is_ascii_digit()
}

fn snake_case(name: &str) -> String {
    let reduced = reduce(name.chars().map(translate));
    let mut words = String::with_capacity(name.len() + 4);
    if reduced.first().copied().is_some_and(is_decimal_digit) {
        words.push('_');
    }
    for (index, c) in reduced.iter().enumerate() {
        if is_word_start(&reduced, index) {
            words.push('_');
        }
        words.push(c.to_ascii_lowercase());
    }
    // Each trailing underscore becomes an `x`, so that no path has an ambiguous separator.
    let stem_length = words.trim_end_matches('_').len();
    let trailing_count = words.len() - stem_length;
    words.truncate(stem_length);
    words.extend(std::iter::repeat_n('x', trailing_count));
    contract(&words)
}

fn sql_case(name: &str) -> String {
    let reduced = reduce(name.chars());
    let mut normalized = String::with_capacity(name.len() + 1);
    if reduced.first().copied().is_some_and(is_decimal_digit) {
        normalized.push('_');
    }
    normalized.extend(reduced);
    if normalized != "_" {
        normalized.truncate(normalized.trim_end_matches('_').len());
    }
    contract(&normalized)
}

/// Replaces the middle of a name that is too long by a tag of the original.
fn shorten(normalized: String, original: &str, max_length: usize) -> String {
    // Bytes are never fewer than characters.
    if normalized.len() <= max_length {
        return normalized;
    }
    let length = normalized.chars().count();
    if length <= max_length {
        return normalized;
    }
    let kept = max_length - TAG_LENGTH;
    let head: String = normalized.chars().take(kept.div_ceil(2)).collect();
    let tail = normalized.chars().skip(length - kept / 2);
    head.chars()
        .chain(tag(original).chars())
        .chain(tail)
        .collect()
}

fn tag(original: &str) -> String {
    let mut hash = Shake128::default();
    hash.update(original.as_bytes());
    let mut digest = [0_u8; 4];
    hash.finalize_xof().read(&mut digest);
    STANDARD_NO_PAD
        .encode(digest)
        .replace('/', "a")
        .replace('+', "b")
        .to_ascii_lowercase()
}
