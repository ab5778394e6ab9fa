//! One helper for all tests: items in, tables as text out.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use serde_json::{Map, Value as Json};
use tipple_normalize::{
    NormalizeError, Normalized, Normalizer, Place, RandomIds, Rules, SinkError, TableBatch,
};
use tipple_schema::{Column, Schema, Table};

/// Root ids that count from one, so that tests can name them.
pub struct CountingIds(pub u64);

impl RandomIds for CountingIds {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        bytes.fill(0);
        let count = self.0.to_be_bytes();
        let len = bytes.len().min(count.len());
        let start = bytes.len() - len;
        bytes[start..].copy_from_slice(&count[count.len() - len..]);
    }
}

/// A load into the table `t` of the schema `s`.
pub struct Load {
    pub schema: Schema,
    pub table: Table,
    naming: String,
    max_length: Option<usize>,
    /// Shows ids, load ids and links.
    pub shows_system: bool,
    tune: Box<dyn Fn(&mut Rules)>,
}

impl Load {
    pub fn new() -> Self {
        Load::with_naming("snake_case", None)
    }

    pub fn with_naming(naming: &str, max_length: Option<usize>) -> Self {
        let mut table = Table::new("t");
        table
            .hints
            .insert("write_disposition".into(), "append".into());
        table.hints.insert("resource".into(), "t".into());
        Load {
            schema: Schema::new("s", naming).expect("a schema"),
            table,
            naming: naming.to_owned(),
            max_length,
            shows_system: false,
            tune: Box::new(|_| {}),
        }
    }

    /// Continues where an earlier load ended.
    pub fn continued(schema: Schema) -> Self {
        Load {
            table: schema.tables["t"].clone(),
            schema,
            ..Load::new()
        }
    }

    /// Sets a hint of the table `t`.
    pub fn hint(mut self, name: &str, value: Json) -> Self {
        self.table.hints.insert(name.into(), value);
        self
    }

    /// Declares a column of the table `t`.
    pub fn column(mut self, name: &str, properties: Json) -> Self {
        let properties: Map<String, Json> = properties.as_object().expect("an object").clone();
        self.table
            .columns
            .insert(name.into(), Column::from_properties(name, &properties));
        self
    }

    pub fn schema(mut self, change: impl FnOnce(&mut Schema)) -> Self {
        change(&mut self.schema);
        self
    }

    pub fn rules(mut self, tune: impl Fn(&mut Rules) + 'static) -> Self {
        self.tune = Box::new(tune);
        self
    }

    pub fn with_system(mut self) -> Self {
        self.shows_system = true;
        self
    }

    pub fn normalizer(&self) -> Result<Normalizer, NormalizeError> {
        let mut schema = self.schema.clone();
        schema.update_table_hints(self.table.clone())?;
        let naming = tipple_schema::Naming::from_name(&self.naming, self.max_length)?;
        let mut rules = Rules::new(naming, "1700000000.5", Box::new(CountingIds(0)));
        rules.process_start = 1_700_000_000.0;
        (self.tune)(&mut rules);
        Normalizer::new(schema, rules)
    }

    /// Normalizes `items` and gives what came out.
    pub fn run(&self, items: &str) -> Result<Outcome, NormalizeError> {
        let mut normalizer = self.normalizer()?;
        let mut batches = Vec::new();
        let mut sink = |batch: TableBatch| -> Result<(), SinkError> {
            batches.push(batch);
            Ok(())
        };
        let chunk = bytes::Bytes::from(items.to_owned());
        normalizer.push_json("t", &chunk, &Place::start_of("items"), &mut sink)?;
        let normalized = normalizer.finish(&mut sink)?;
        Ok(Outcome {
            normalized,
            batches,
        })
    }

    /// Normalizes `items`, compares the tables with `expected`, and gives what came out.
    #[track_caller]
    pub fn check(&self, items: &str, expected: &str) -> Outcome {
        let outcome = match self.run(items) {
            Ok(outcome) => outcome,
            Err(error) => panic!("{error}"),
        };
        outcome.assert_equals(self.shows_system, expected);
        outcome
    }

    /// Normalizes `items` and compares the error.
    #[track_caller]
    pub fn check_error(&self, items: &str, expected: &str) {
        match self.run(items) {
            Ok(outcome) => panic!("no error:\n{}", outcome.render(true)),
            Err(error) => assert_eq!(error.to_string(), expected),
        }
    }
}

pub struct Outcome {
    pub normalized: Normalized,
    pub batches: Vec<TableBatch>,
}

impl Outcome {
    /// All tables: name, columns with their types, rows.
    ///
    /// A dot stands for null. Without system columns, rows of child tables show in brackets the row of their parent and their position.
    pub fn render(&self, shows_system: bool) -> String {
        let mut out = String::new();
        let schema = &self.normalized.schema;
        let ids = self.row_numbers();
        for table in schema
            .tables
            .values()
            .filter(|table| !schema.is_system(&table.name))
        {
            let batches: Vec<&RecordBatch> = self
                .batches
                .iter()
                .filter(|b| b.table == table.name)
                .map(|b| &b.batch)
                .collect();
            let is_shown = |name: &str| shows_system || !name.starts_with("_dlt");
            let columns: Vec<&Column> = table
                .complete_columns()
                .filter(|column| is_shown(&column.name))
                .collect();
            let header: Vec<String> = columns
                .iter()
                .map(|c| format!("{} {}", c.name, c.data_type.expect("complete")))
                .collect();
            let _ = writeln!(out, "{}", table.name);
            if columns.is_empty() {
                continue;
            }
            let _ = writeln!(out, "{}", format!("  {}", header.join(" | ")).trim_end());
            for batch in batches {
                for row in 0..batch.num_rows() {
                    let link = if shows_system {
                        None
                    } else {
                        link(batch, row, &ids)
                    };
                    let link = link.unwrap_or_default();
                    let cells: Vec<String> = columns
                        .iter()
                        .map(|column| shown(batch, &column.name, row))
                        .collect();
                    let _ = writeln!(
                        out,
                        "{}",
                        format!("  {link}{}", cells.join(" | ")).trim_end()
                    );
                }
            }
        }
        out.trim_end().to_owned()
    }

    /// Compares the tables with all their columns.
    #[track_caller]
    pub fn assert_renders(&self, expected: &str) {
        self.assert_equals(true, expected);
    }

    /// Compares the tables without system columns.
    #[track_caller]
    pub fn assert_renders_data(&self, expected: &str) {
        self.assert_equals(false, expected);
    }

    #[track_caller]
    fn assert_equals(&self, shows_system: bool, expected: &str) {
        let shown = self.render(shows_system);
        let expected = dedent(expected);
        assert!(shown == expected, "expected:\n{expected}\nfound:\n{shown}");
    }

    fn row_numbers(&self) -> HashMap<String, usize> {
        let mut ids = HashMap::new();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for batch in &self.batches {
            for row in 0..batch.batch.num_rows() {
                let count = counts.entry(&batch.table).or_default();
                ids.insert(cell(&batch.batch, "_dlt_id", row), *count);
                *count += 1;
            }
        }
        ids
    }

    /// The value of a column in the first batch of a table.
    pub fn value(&self, table: &str, column: &str, row: usize) -> String {
        let batch = self
            .batches
            .iter()
            .find(|b| b.table == table)
            .expect("a batch");
        cell(&batch.batch, column, row)
    }
}

fn link(batch: &RecordBatch, row: usize, ids: &HashMap<String, usize>) -> Option<String> {
    let parent = cell(batch, "_dlt_parent_id", row);
    let index = cell(batch, "_dlt_list_idx", row);
    let parent = ids.get(&parent).map(ToString::to_string).unwrap_or(parent);
    if index.is_empty() {
        None
    } else {
        Some(format!("[{parent}.{index}] "))
    }
}

fn cell(batch: &RecordBatch, column: &str, row: usize) -> String {
    let Some(array) = batch.column_by_name(column) else {
        return String::new();
    };
    if array.is_null(row) {
        return String::new();
    }
    let options = FormatOptions::default();
    // The formatter knows no time zone by name.
    let array = match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let numbers = cast(array, &DataType::Int64).expect("numbers");
            cast(&numbers, &DataType::Timestamp(*unit, Some("+00:00".into()))).expect("times")
        }
        _ => Arc::clone(array),
    };
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).expect("a formatter");
    formatter.value(row).to_string()
}

/// A cell, with a dot for null.
fn shown(batch: &RecordBatch, column: &str, row: usize) -> String {
    match batch.column_by_name(column) {
        Some(array) if array.is_valid(row) => cell(batch, column, row),
        _ => "·".to_owned(),
    }
}

fn dedent(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let margin = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(indent)
        .min()
        .unwrap_or(0);
    let cut = |line: &&str| line.get(margin..).unwrap_or("").trim_end().to_owned();
    let lines = lines.iter().filter(|line| !line.trim().is_empty());
    lines.map(cut).collect::<Vec<_>>().join("\n")
}
