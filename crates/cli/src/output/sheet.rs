//! Rows of named columns in every form: aligned text, Markdown, CSV, JSON, JSON lines, YAML.

use std::borrow::Cow;

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr as _;

use crate::args::OutputForm;
use tipple_schema::yaml;

/// Side to which a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

#[derive(Debug)]
struct Heading {
    title: Cow<'static, str>,
    key: Cow<'static, str>,
    align: Align,
}

/// A table that is small enough to be held.
///
/// Each cell is a value for programs and a text for people; they differ where people want `2 min ago`.
#[derive(Debug, Default)]
pub struct Sheet {
    headings: Vec<Heading>,
    rows: Vec<Vec<(String, Value)>>,
}

impl Sheet {
    /// A sheet with columns of (title for people, key for programs, side).
    pub fn new(columns: &[(&'static str, &'static str, Align)]) -> Self {
        let heading = |&(title, key, align): &(&'static str, &'static str, Align)| Heading {
            title: title.into(),
            key: key.into(),
            align,
        };
        Sheet {
            headings: columns.iter().map(heading).collect(),
            rows: Vec::new(),
        }
    }

    /// A sheet whose columns come from a query. Programs see a repeated name as `name_2`, `name_3`.
    pub fn of_columns(columns: impl Iterator<Item = (String, Align)>) -> Self {
        let mut headings: Vec<Heading> = Vec::new();
        for (name, align) in columns {
            let same = headings
                .iter()
                .filter(|heading| heading.title == name)
                .count();
            let key = if same == 0 {
                name.clone()
            } else {
                format!("{name}_{}", same + 1)
            };
            headings.push(Heading {
                title: name.into(),
                key: key.into(),
                align,
            });
        }
        Sheet {
            headings,
            rows: Vec::new(),
        }
    }

    /// Number of rows.
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Adds a row of (text for people, value for programs), one pair per column.
    pub fn push(&mut self, row: Vec<(String, Value)>) {
        self.rows.push(row);
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The whole sheet with a line end.
    pub fn render(&self, form: OutputForm) -> String {
        match form {
            OutputForm::Table => self.aligned(),
            OutputForm::Md => self.markdown(),
            OutputForm::Csv => self.csv(),
            OutputForm::Json => format!("{:#}\n", Value::Array(self.objects().collect())),
            OutputForm::Jsonl => self.objects().map(|object| format!("{object}\n")).collect(),
            OutputForm::Yaml => yaml::to_text(&Value::Array(self.objects().collect())),
        }
    }

    fn objects(&self) -> impl Iterator<Item = Value> {
        self.rows.iter().map(|row| {
            let members = self.headings.iter().zip(row);
            Value::Object(
                members
                    .map(|(heading, (_, value))| (heading.key.to_string(), value.clone()))
                    .collect::<Map<_, _>>(),
            )
        })
    }

    fn aligned(&self) -> String {
        let titles: Vec<&str> = self
            .headings
            .iter()
            .map(|heading| &*heading.title)
            .collect();
        let texts: Vec<Vec<&str>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(|(text, _)| text.as_str()).collect())
            .collect();
        let aligns: Vec<Align> = self.headings.iter().map(|heading| heading.align).collect();
        align_columns(std::iter::once(&titles).chain(&texts), &aligns)
    }

    fn markdown(&self) -> String {
        let mut text = String::new();
        let titles = self
            .headings
            .iter()
            .map(|heading| heading.title.to_string());
        text.push_str(&markdown_row(titles));
        let rules = self.headings.iter().map(|heading| match heading.align {
            Align::Left => "---".to_owned(),
            Align::Right => "---:".to_owned(),
        });
        text.push_str(&markdown_row(rules));
        for row in &self.rows {
            text.push_str(&markdown_row(
                row.iter().map(|(cell, _)| cell.replace('|', "\\|")),
            ));
        }
        text
    }

    fn csv(&self) -> String {
        let mut text = csv_row(self.headings.iter().map(|heading| heading.key.to_string()));
        for row in &self.rows {
            text.push_str(&csv_row(row.iter().map(|(_, value)| plain(value))));
        }
        text
    }
}

/// Text of a JSON value without quotes, empty for null.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn markdown_row(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// One line of CSV.
pub fn csv_row(cells: impl Iterator<Item = String>) -> String {
    let quoted = cells.map(|cell| {
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    let mut line = quoted.collect::<Vec<_>>().join(",");
    line.push('\n');
    line
}

/// Lines of cells that stand below each other, two blanks between columns.
pub fn align_columns<'a>(
    lines: impl Iterator<Item = &'a Vec<&'a str>> + Clone,
    aligns: &[Align],
) -> String {
    let mut widths = vec![0; aligns.len()];
    for line in lines.clone() {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for line in lines {
        let mut written = String::new();
        for ((cell, width), align) in line.iter().zip(&widths).zip(aligns) {
            let gap = " ".repeat(width - cell.width());
            match align {
                Align::Left => written.extend([*cell, &gap, "  "]),
                Align::Right => written.extend([&*gap, *cell, "  "]),
            }
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new(&[
            ("NAME", "name", Align::Left),
            ("ROWS", "rows", Align::Right),
        ]);
        sheet.push(vec![
            ("größe|1".to_owned(), json!("größe|1")),
            ("1,234".to_owned(), json!(1234)),
        ]);
        sheet.push(vec![
            ("a, \"b\"".to_owned(), json!("a, \"b\"")),
            ("-".to_owned(), json!(null)),
        ]);
        sheet
    }

    #[test]
    fn every_form_holds_the_same_rows() {
        let forms = [
            OutputForm::Table,
            OutputForm::Md,
            OutputForm::Csv,
            OutputForm::Jsonl,
            OutputForm::Yaml,
        ];
        let text: Vec<String> = forms.into_iter().map(|form| sheet().render(form)).collect();
        insta::assert_snapshot!(text.join("\n"), @r#"
        NAME      ROWS
        größe|1  1,234
        a, "b"       -

        | NAME | ROWS |
        | --- | ---: |
        | größe\|1 | 1,234 |
        | a, "b" | - |

        name,rows
        größe|1,1234
        "a, ""b""",

        {"name":"größe|1","rows":1234}
        {"name":"a, \"b\"","rows":null}

        - name: größe|1
          rows: 1234
        - name: 'a, "b"'
          rows: null
        "#);
    }
}
