//! Paths of files in a bucket, from a template with placeholders (spec/destinations.md §4.7).
//!
//! A template is checked once, then filled for each job file. The part of it up to the table name and one character
//! more is the prefix by which files of a table are found again, so it must not hold what changes from file to file.
//! Start with [`Layout`].

use std::fmt;

use crate::moment::civil;

/// Placeholders with a value of the job or package.
const NAMES: [&str; 10] = [
    "schema_name",
    "table_name",
    "load_id",
    "file_id",
    "ext",
    "curr_date",
    "timestamp",
    "timestamp_ms",
    "load_package_timestamp",
    "load_package_timestamp_ms",
];
/// Placeholders with a part of the current time.
const TIME_PARTS: [&str; 23] = [
    "YYYY", "YY", "Y", "MMMM", "MMM", "MM", "M", "DD", "D", "HH", "H", "mm", "m", "dddd", "ddd",
    "dd", "d", "ss", "s", "SSSS", "SSS", "SS", "S",
];
const QUARTER: &str = "Q";

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Placeholders that nobody fills.
    #[error(
        "layout `{layout}` has unknown placeholders {}; known are {}",
        braced(unknown),
        braced(known)
    )]
    UnknownPlaceholders {
        /// The template.
        layout: String,
        /// Those that are unknown.
        unknown: Vec<String>,
        /// Those that are known.
        known: Vec<String>,
    },
    /// Files of one table could not be found again.
    #[error("the files of one table cannot be told from others by layout `{layout}`: {why}")]
    NoTablePrefix {
        /// The template.
        layout: String,
        /// The rule that was broken.
        why: String,
    },
    /// A job file with another name than `TABLE.FILEID.RETRY.FORMAT`, with `.gz` or without.
    #[error("`{name}` is no name of a job file")]
    JobFileName {
        /// The name.
        name: String,
    },
}

fn braced(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("`{{{name}}}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What fills a template, all times in microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy)]
pub struct LayoutValues<'a> {
    /// Name of the schema.
    pub schema_name: &'a str,
    /// Names the package.
    pub load_id: &'a str,
    /// When the package was made.
    pub package_created_at: i64,
    /// The current time; the template's parts of a time are parts of this one.
    pub now: i64,
}

/// A checked template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// As the user wrote it.
    text: String,
    parts: Vec<Part>,
    /// Placeholders of the user's own, with their values.
    extra: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(String),
}

/// `{table_name}/{load_id}.{file_id}.{ext}`
pub const DEFAULT_LAYOUT: &str = "{table_name}/{load_id}.{file_id}.{ext}";

impl Layout {
    /// Checks a template; `{ext}` is added at the end if it is missing. `extra` are the user's own placeholders.
    ///
    /// # Errors
    /// [`LayoutError::UnknownPlaceholders`] with all of them.
    pub fn parse(text: &str, extra: &[(String, String)]) -> Result<Self, LayoutError> {
        let mut parts = split(text);
        let known = |name: &String| {
            NAMES.contains(&name.as_str())
                || TIME_PARTS.contains(&name.as_str())
                || name == QUARTER
                || extra.iter().any(|(own, _)| own == name)
        };
        let unknown: Vec<String> = placeholders(&parts)
            .filter(|n| !known(n))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            let standard = NAMES.iter().chain(&TIME_PARTS).chain([&QUARTER]);
            let known = standard.map(|name| (*name).to_owned());
            return Err(LayoutError::UnknownPlaceholders {
                layout: text.to_owned(),
                unknown,
                known: known
                    .chain(extra.iter().map(|(own, _)| own.clone()))
                    .collect(),
            });
        }
        add_extension(&mut parts);
        Ok(Layout {
            text: text.to_owned(),
            parts,
            extra: extra.to_vec(),
        })
    }

    /// Path of a job file, relative to the folder of the dataset.
    ///
    /// # Errors
    /// [`LayoutError::JobFileName`] when `file_name` is not that of a job file.
    pub fn path(&self, file_name: &str, values: &LayoutValues<'_>) -> Result<String, LayoutError> {
        let file = JobFileName::parse(file_name)?;
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Placeholder(name) => path.push_str(&self.fill(name, &file, values)),
            }
        }
        Ok(path)
    }

    fn fill(&self, name: &str, file: &JobFileName<'_>, values: &LayoutValues<'_>) -> String {
        let seconds = |micros: i64| micros.div_euclid(1_000_000).to_string();
        let millis = |micros: i64| micros.div_euclid(1000).to_string();
        match name {
            "schema_name" => values.schema_name.to_owned(),
            "table_name" => file.table.to_owned(),
            "load_id" => values.load_id.to_owned(),
            "file_id" => file.file_id.to_owned(),
            "ext" => file.extension.to_owned(),
            "timestamp" => seconds(values.now),
            "timestamp_ms" => millis(values.now),
            "load_package_timestamp" => seconds(values.package_created_at),
            "load_package_timestamp_ms" => millis(values.package_created_at),
            _ => match self.extra.iter().find(|(own, _)| own == name) {
                Some((_, value)) => value.clone(),
                None => Clock::at(values.now).part(name),
            },
        }
    }

    /// The beginning of all paths of one table: the template up to the table name and one character more.
    ///
    /// # Errors
    /// [`LayoutError::NoTablePrefix`] when something else than the schema name stands before the table name, or nothing
    /// separates it from what follows.
    pub fn table_prefix(&self) -> Result<String, LayoutError> {
        table_prefix(&self.text)
    }
}

/// [`Layout::table_prefix`] of a template whose placeholders were not checked.
///
/// # Errors
/// As there.
pub fn table_prefix(layout: &str) -> Result<String, LayoutError> {
    let error = |why: &str| LayoutError::NoTablePrefix {
        layout: layout.to_owned(),
        why: why.to_owned(),
    };
    let mut parts = split(layout);
    add_extension(&mut parts);
    let mut prefix = String::new();
    let mut rest = parts.iter();
    for part in rest.by_ref() {
        match part {
            Part::Text(text) => prefix.push_str(text),
            Part::Placeholder(name) => prefix.push_str(&format!("{{{name}}}")),
        }
        match part {
            Part::Placeholder(name) if name == "table_name" => break,
            Part::Placeholder(name) if name != "schema_name" => {
                return Err(error(
                    "only `{schema_name}` may stand before `{table_name}`",
                ));
            }
            _ => {}
        }
    }
    match rest.next() {
        Some(Part::Text(text)) => prefix.extend(text.chars().next()),
        Some(Part::Placeholder(_)) => {
            return Err(error("a separator must follow `{table_name}`"));
        }
        None => return Err(error("it has no `{table_name}`")),
    }
    Ok(prefix)
}

fn split(layout: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = layout;
    while let Some(start) = rest.find('{') {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        if start > 0 {
            parts.push(Part::Text(rest[..start].to_owned()));
        }
        parts.push(Part::Placeholder(
            rest[start + 1..start + length].to_owned(),
        ));
        rest = &rest[start + length + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    parts
}

fn placeholders(parts: &[Part]) -> impl Iterator<Item = &String> {
    parts.iter().filter_map(|part| match part {
        Part::Placeholder(name) => Some(name),
        Part::Text(_) => None,
    })
}

fn add_extension(parts: &mut Vec<Part>) {
    if placeholders(parts).all(|name| name != "ext") {
        parts.push(Part::Text(".".to_owned()));
        parts.push(Part::Placeholder("ext".to_owned()));
    }
}

struct JobFileName<'a> {
    table: &'a str,
    file_id: &'a str,
    extension: &'a str,
}

impl<'a> JobFileName<'a> {
    fn parse(name: &'a str) -> Result<Self, LayoutError> {
        let parts: Vec<&str> = name.splitn(4, '.').collect();
        match parts.as_slice() {
            [table, file_id, retry, extension]
                if retry.parse::<u32>().is_ok()
                    && !extension.trim_end_matches(".gz").contains('.') =>
            {
                Ok(JobFileName {
                    table,
                    file_id,
                    extension,
                })
            }
            _ => Err(LayoutError::JobFileName {
                name: name.to_owned(),
            }),
        }
    }
}

/// A time in UTC by its parts.
struct Clock {
    year: i64,
    month: i64,
    day: i64,
    /// 0 is Monday.
    weekday: i64,
    /// Within the day.
    micros: i64,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

impl Clock {
    fn at(micros: i64) -> Clock {
        let days = micros.div_euclid(86_400_000_000);
        let (year, month, day) = civil(days);
        // 1970-01-01 was a Thursday.
        let weekday = (days + 3).rem_euclid(7);
        Clock {
            year,
            month,
            day,
            weekday,
            micros: micros.rem_euclid(86_400_000_000),
        }
    }

    fn part(&self, name: &str) -> String {
        let Clock {
            year,
            month,
            day,
            weekday,
            micros,
        } = *self;
        let (hour, minute) = (micros / 3_600_000_000, micros / 60_000_000 % 60);
        let (second, fraction) = (micros / 1_000_000 % 60, micros % 1_000_000);
        let month_name = MONTHS[(month - 1) as usize % 12];
        let day_name = DAYS[weekday as usize % 7];
        match name {
            "curr_date" => format!("{year:04}-{month:02}-{day:02}"),
            "YYYY" => format!("{year:04}"),
            "YY" => format!("{:02}", year % 100),
            "Y" => year.to_string(),
            "MMMM" => month_name.to_owned(),
            "MMM" => month_name[..3].to_owned(),
            "MM" => format!("{month:02}"),
            "M" => month.to_string(),
            "DD" => format!("{day:02}"),
            "D" => day.to_string(),
            "HH" => format!("{hour:02}"),
            "H" => hour.to_string(),
            "mm" => format!("{minute:02}"),
            "m" => minute.to_string(),
            "dddd" => day_name.to_owned(),
            "ddd" => day_name[..3].to_owned(),
            "dd" => day_name[..2].to_owned(),
            "d" => ((weekday + 1) % 7).to_string(),
            "ss" => format!("{second:02}"),
            "s" => second.to_string(),
            "SSSS" => format!("{:04}", fraction / 100),
            "SSS" => format!("{:03}", fraction / 1000),
            "SS" => format!("{:02}", fraction / 10_000),
            "S" => (fraction / 100_000).to_string(),
            _ => ((month - 1) / 3 + 1).to_string(),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
