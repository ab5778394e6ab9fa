//! What a run has done, in words.
//!
//! The last lines keep the form that dlt documents, because scripts look for them (spec/workbench.md §3.5).

use indexmap::IndexMap;
use tipple_pipeline::{NewColumn, RunReport, Step};

use crate::output::{Align, align_columns, human};

/// New columns that are named; the others are counted.
const COLUMNS_NAMED_MAX: usize = 12;

/// The whole summary with a line end.
pub fn text(report: &RunReport) -> String {
    let mut text = String::new();
    push_input(report, &mut text);
    push_rows(report, &mut text);
    push_schema(report, &mut text);
    push_costs(report, &mut text);
    text.push_str(&load_lines(report));
    text
}

/// What a dry run would have done.
pub fn dry_text(report: &RunReport, has_statements: bool) -> String {
    let mut text = String::new();
    push_input(report, &mut text);
    for (table, columns) in new_columns_by_table(report) {
        let is_new = report.new_tables.contains(&table);
        text.push_str(&format!(
            "{} {table}\n",
            if is_new { "+ table" } else { "~ table" }
        ));
        for column in columns {
            let variant = if column.is_variant {
                "  takes what does not fit"
            } else {
                ""
            };
            text.push_str(&format!(
                "    + {}  {}{variant}\n",
                column.column, column.data_type
            ));
        }
    }
    if has_statements {
        report.planned.iter().for_each(|statement| {
            text.push_str(&format!("{};\n", statement.trim_end_matches(';')))
        });
    } else if !report.planned.is_empty() {
        let statements = human::counted(report.planned.len() as u64, "statement", "statements");
        text.push_str(&format!(
            "{statements} would change the destination; -v prints them\n"
        ));
    }
    text.push_str("Dry run: nothing was loaded, nothing was kept\n");
    text
}

fn new_columns_by_table(report: &RunReport) -> IndexMap<String, Vec<&NewColumn>> {
    let mut tables: IndexMap<String, Vec<&NewColumn>> = report
        .new_tables
        .iter()
        .map(|table| (table.clone(), Vec::new()))
        .collect();
    for column in &report.new_columns {
        tables.entry(column.table.clone()).or_default().push(column);
    }
    tables
}

fn push_input(report: &RunReport, text: &mut String) {
    for (name, resource) in &report.resources {
        let items = human::counted(resource.items, "item", "items");
        let pages = human::counted(resource.pages, "page", "pages");
        text.push_str(&format!(
            "Read {name}: {items} in {pages}, {}\n",
            human::bytes(resource.bytes)
        ));
    }
}

fn push_rows(report: &RunReport, text: &mut String) {
    let rows: Vec<(&str, String)> = report
        .rows
        .iter()
        .filter(|(table, _)| !is_system(table))
        .map(|(table, rows)| (table.as_str(), human::count(*rows)))
        .collect();
    if rows.is_empty() {
        return;
    }
    text.push_str("Rows\n");
    let lines: Vec<Vec<&str>> = rows
        .iter()
        .map(|(table, rows)| vec!["", *table, rows.as_str()])
        .collect();
    text.push_str(&align_columns(
        lines.iter(),
        &[Align::Left, Align::Left, Align::Right],
    ));
}

fn is_system(table: &str) -> bool {
    table.to_lowercase().starts_with("_dlt_")
}

fn push_schema(report: &RunReport, text: &mut String) {
    let mut line = |label: &str, names: &[String]| {
        if !names.is_empty() {
            text.push_str(&format!("{label}: {}\n", listed(names)));
        }
    };
    let full =
        |column: &NewColumn| format!("{}.{} {}", column.table, column.column, column.data_type);
    let in_old = |column: &&NewColumn| !report.new_tables.contains(&column.table);
    line("New tables", &report.new_tables);
    let added: Vec<String> = report
        .new_columns
        .iter()
        .filter(in_old)
        .filter(|c| !c.is_variant)
        .map(full)
        .collect();
    line("New columns", &added);
    let variants: Vec<String> = report
        .new_columns
        .iter()
        .filter(|c| c.is_variant)
        .map(full)
        .collect();
    line(
        "Variants, for values that do not fit their column",
        &variants,
    );
    let nulls: Vec<String> = report
        .null_only
        .iter()
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    line("Only null so far, without a column", &nulls);
    let rejected: Vec<String> = report
        .rejected
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(table, count)| format!("{table} {count}"))
        .collect();
    line("Left out by a contract", &rejected);
}

fn listed(names: &[String]) -> String {
    match names.len() {
        count if count > COLUMNS_NAMED_MAX => {
            format!(
                "{} and {} more",
                names[..COLUMNS_NAMED_MAX].join(", "),
                count - COLUMNS_NAMED_MAX
            )
        }
        _ => names.join(", "),
    }
}

fn push_costs(report: &RunReport, text: &mut String) {
    let steps = report
        .steps
        .iter()
        .map(|step| format!("{} {}", step.step.as_str(), human::seconds(step.seconds)));
    let steps: Vec<String> = steps.collect();
    let memory = match report.peak_memory_bytes {
        0 => String::new(),
        bytes => format!("; peak memory {}", human::bytes(bytes)),
    };
    if !steps.is_empty() {
        text.push_str(&format!("Steps: {}{memory}\n", steps.join(", ")));
    }
}

/// The documented lines.
fn load_lines(report: &RunReport) -> String {
    let seconds: f64 = report
        .steps
        .iter()
        .filter(|step| step.step == Step::Load)
        .map(|step| step.seconds)
        // The sum of nothing would be -0.0, and be shown like that.
        .fold(0.0, |sum, seconds: f64| sum + seconds);
    let RunReport {
        pipeline_name,
        destination_name,
        destination_type,
        dataset_name,
        location,
        packages,
        ..
    } = report;
    let loaded = packages.iter().filter(|package| package.is_loaded).count();
    let mut text = format!(
        "Pipeline {pipeline_name} load step completed in {seconds:.2} seconds\n\
         {loaded} load package(s) were loaded to destination {destination_name} and into dataset {dataset_name}\n\
         The {destination_type} destination used {location} location to store data\n"
    );
    for package in packages {
        let state = match package.is_loaded {
            true => "LOADED",
            false => "NORMALIZED and NOT YET LOADED to the destination",
        };
        let failed = match package.failed_jobs {
            0 => "no failed jobs".to_owned(),
            count => format!("{count} FAILED job(s)!"),
        };
        text.push_str(&format!(
            "Load package {} is {state} and contains {failed}\n",
            package.load_id
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use tipple_pipeline::{PackageReport, ResourceReport, StepReport};
    use tipple_schema::DataType;

    use super::*;

    fn report() -> RunReport {
        let column = |table, column, is_variant| {
            NewColumn::new(table, column, Some(DataType::Text), is_variant)
        };
        RunReport {
            pipeline_name: "shop".to_owned(),
            destination_name: "duckdb".to_owned(),
            destination_type: "duckdb".to_owned(),
            dataset_name: "shop_dataset".to_owned(),
            location: "duckdb:///shop.duckdb".to_owned(),
            packages: vec![PackageReport {
                load_id: "1772446447.212931".to_owned(),
                schema_name: "shop".to_owned(),
                is_loaded: true,
                failed_jobs: 0,
                jobs: 2,
                bytes: 1_000,
            }],
            resources: IndexMap::from([(
                "orders".to_owned(),
                ResourceReport {
                    items: 1_234,
                    pages: 2,
                    bytes: 5_600_000,
                    ..ResourceReport::default()
                },
            )]),
            rows: IndexMap::from([
                ("orders".to_owned(), 1_234),
                ("orders__items".to_owned(), 30),
                ("_dlt_pipeline_state".to_owned(), 1),
            ]),
            new_tables: vec!["orders__items".to_owned()],
            new_columns: vec![
                column("orders", "note", false),
                column("orders", "amount__v_text", true),
                column("orders__items", "sku", false),
            ],
            null_only: vec![("orders".to_owned(), "gone".to_owned())],
            rejected: IndexMap::from([("orders".to_owned(), 3)]),
            steps: vec![
                StepReport {
                    step: Step::Extract,
                    seconds: 0.41,
                },
                StepReport {
                    step: Step::Load,
                    seconds: 0.15,
                },
            ],
            peak_memory_bytes: 61_000_000,
            planned: vec!["ALTER TABLE orders ADD COLUMN note VARCHAR".to_owned()],
            ..RunReport::default()
        }
    }

    #[test]
    fn a_run_tells_everything_and_ends_with_the_documented_lines() {
        insta::assert_snapshot!(text(&report()), @r"
        Read orders: 1,234 items in 2 pages, 5.6 MB
        Rows
          orders         1,234
          orders__items     30
        New tables: orders__items
        New columns: orders.note text
        Variants, for values that do not fit their column: orders.amount__v_text text
        Only null so far, without a column: orders.gone
        Left out by a contract: orders 3
        Steps: extract 0.41 s, load 0.15 s; peak memory 61.0 MB
        Pipeline shop load step completed in 0.15 seconds
        1 load package(s) were loaded to destination duckdb and into dataset shop_dataset
        The duckdb destination used duckdb:///shop.duckdb location to store data
        Load package 1772446447.212931 is LOADED and contains no failed jobs
        ");
    }

    #[test]
    fn a_dry_run_tells_what_it_would_create() {
        insta::assert_snapshot!(dry_text(&report(), true), @r"
        Read orders: 1,234 items in 2 pages, 5.6 MB
        + table orders__items
            + sku  text
        ~ table orders
            + note  text
            + amount__v_text  text  takes what does not fit
        ALTER TABLE orders ADD COLUMN note VARCHAR;
        Dry run: nothing was loaded, nothing was kept
        ");
    }

    #[test]
    fn a_run_without_data_has_no_package_line() {
        let text = text(&RunReport::default());
        assert!(text.contains("0 load package(s) were loaded"), "{text}");
        assert!(!text.contains("Load package"), "{text}");
    }
}
