//! `cargo xtask conformance`: what every destination must do, as a table of checks and destinations.
//!
//! The checks are tests of the destination crates (`tests/conformance.rs`). Each writes how it ended to a file; this
//! command reads the files, so that what is not possible somewhere is seen with its reason and what left no result counts
//! as failed. Start with [`run`].

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::lab;
use crate::toolbox::{Toolbox, is_there, root, run as run_command};

/// Variable with the folder for results; the suite reads it.
const RESULTS: &str = "TIPPLE_CONFORMANCE_RESULTS";

/// File with the list of checks beside the results.
const LIST: &str = "_list";

/// Name, area and promise of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    name: String,
    area: String,
    what: String,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Passed,
    NotPossible(String),
    Failed(String),
}

/// One destination with its results by check.
struct Column {
    destination: String,
    checks: Vec<Check>,
    verdicts: BTreeMap<String, Verdict>,
}

/// `cargo xtask conformance [--destination NAME]…`.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let destinations = wanted(arguments, &with_suite(&root()?)?)?;
    let toolbox = Toolbox::new()?;
    let folder = toolbox.work_folder("conformance")?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Failure::file("empty", &folder))?;
    }
    // A failed check is told by its result; without any result the tests could not be built.
    let tests = run_tests(&toolbox, &folder, &destinations);
    let mut columns = Vec::new();
    for destination in destinations {
        columns.push(read_column(&folder, destination)?);
    }
    if columns.iter().all(|column| column.checks.is_empty()) {
        tests?;
    }
    print!("{}", table(&columns));
    let count = |is: fn(&Verdict) -> bool| -> usize {
        let verdicts = columns.iter().flat_map(|column| column.verdicts.values());
        verdicts.filter(|verdict| is(verdict)).count()
    };
    let passed = count(|verdict| *verdict == Verdict::Passed);
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    let not_possible = count(|verdict| matches!(verdict, Verdict::NotPossible(_)));
    println!("{passed} passed, {failed} failed, {not_possible} not possible");
    match (failed, passed) {
        (0, 1..) => Ok(()),
        (0, 0) => Err(Failure::Other("no check ran".to_owned())),
        _ => Err(Failure::Other(format!("{failed} checks failed"))),
    }
}

/// Destinations whose crate has the suite.
fn with_suite(root: &Path) -> Result<Vec<String>, Failure> {
    let folder = root.join("destinations");
    let entries = fs::read_dir(&folder).map_err(Failure::file("read", &folder))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Failure::file("read", &folder))?;
        if entry.path().join("tests/conformance.rs").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The destinations that were asked for, all without a wish.
fn wanted(arguments: &[String], known: &[String]) -> Result<Vec<String>, Failure> {
    let mut wanted = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let name = match word.as_str() {
            "--destination" => words.next(),
            _ => None,
        };
        let name = name.filter(|name| known.contains(name));
        wanted.push(name.cloned().ok_or_else(|| {
            let known = known.join(", ");
            Failure::Other(format!(
                "`{word}`: give --destination and one of these: {known}"
            ))
        })?);
    }
    Ok(if wanted.is_empty() {
        known.to_vec()
    } else {
        wanted
    })
}

fn run_tests(toolbox: &Toolbox, results: &Path, destinations: &[String]) -> Result<(), Failure> {
    let mut tests = if is_there("cargo", &["nextest", "--version"]) {
        let packages = destinations.iter();
        let packages = packages.map(|name| format!("package(tipple-destination-{name})"));
        let filter = packages.collect::<Vec<_>>().join(" | ");
        let mut tests = toolbox.cargo(&["nextest", "run", "--workspace", "--test", "conformance"]);
        tests.args(["--no-fail-fast", "-E", &filter]);
        tests
    } else {
        toolbox.cargo(&[
            "test",
            "--workspace",
            "--test",
            "conformance",
            "--no-fail-fast",
        ])
    };
    match lab::postgres()? {
        Some(server) => {
            tests.envs(server.variables());
        }
        None => eprintln!("PostgreSQL is not installed; its checks are not possible here"),
    }
    run_command(tests.args(toolbox.features()).env(RESULTS, results))
}

fn read_column(folder: &Path, destination: String) -> Result<Column, Failure> {
    let folder = folder.join(&destination);
    let list = folder.join(LIST);
    let checks = match list.exists() {
        true => parse_list(&fs::read_to_string(&list).map_err(Failure::file("read", &list))?),
        false => Vec::new(),
    };
    let mut verdicts = BTreeMap::new();
    for check in &checks {
        let text = fs::read_to_string(folder.join(&check.name));
        let verdict = text.map_or_else(
            |_| Verdict::Failed("it left no result".to_owned()),
            |text| parse_verdict(&text),
        );
        verdicts.insert(check.name.clone(), verdict);
    }
    if checks.is_empty() {
        let missing = Verdict::Failed("no check has left a result".to_owned());
        verdicts.insert("all checks".to_owned(), missing);
    }
    Ok(Column {
        destination,
        checks,
        verdicts,
    })
}

fn parse_list(text: &str) -> Vec<Check> {
    let fields = text.lines().map(|line| line.split('\t').map(str::to_owned));
    fields
        .filter_map(|mut fields| {
            Some(Check {
                name: fields.next()?,
                area: fields.next()?,
                what: fields.next()?,
            })
        })
        .collect()
}

fn parse_verdict(text: &str) -> Verdict {
    match text.split_once('\n') {
        None if text == "passed" => Verdict::Passed,
        Some(("not possible", reason)) => Verdict::NotPossible(reason.to_owned()),
        Some(("failed", why)) => Verdict::Failed(why.to_owned()),
        _ => Verdict::Failed(format!("its result cannot be read: {text}")),
    }
}

/// The matrix, one line a check, with reasons and failures under it.
fn table(columns: &[Column]) -> String {
    let mut lines = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    let mut area = "";
    let checks = columns.iter().map(|column| &column.checks);
    let checks = checks.max_by_key(|checks| checks.len());
    for check in checks.into_iter().flatten() {
        if check.area != area {
            area = &check.area;
            let names = columns
                .iter()
                .map(|column| format!("{:<14}", column.destination));
            lines.push(format!("\n{area:<38}{}", names.collect::<String>()));
        }
        let cells = columns.iter().map(|column| {
            let verdict = column.verdicts.get(&check.name);
            format!(
                "{:<14}",
                cell(verdict, &column.destination, check, &mut notes)
            )
        });
        let cells: String = cells.collect();
        lines.push(format!("  {:<36}{cells}{}", check.name, check.what));
    }
    let missing = columns.iter().filter(|column| column.checks.is_empty());
    notes.extend(
        missing.map(|column| format!("{}: no check has left a result", column.destination)),
    );
    lines.push(String::new());
    lines.extend(notes);
    lines.join("\n") + "\n"
}

fn cell(
    verdict: Option<&Verdict>,
    destination: &str,
    check: &Check,
    notes: &mut Vec<String>,
) -> String {
    let (word, note) = match verdict {
        Some(Verdict::Passed) => return "pass".to_owned(),
        Some(Verdict::NotPossible(reason)) => ("no", format!("not possible here: {reason}")),
        Some(Verdict::Failed(why)) => ("FAIL", why.clone()),
        None => ("FAIL", "it left no result".to_owned()),
    };
    let number = notes.len() + 1;
    notes.push(format!("[{number}] {destination}, {}: {note}", check.name));
    format!("{word} [{number}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(destination: &str, results: &[(&str, &str)]) -> Column {
        let list = "a\ttypes\tfirst promise\nb\ttypes\tsecond promise\n";
        let verdicts = results
            .iter()
            .map(|(name, text)| ((*name).to_owned(), parse_verdict(text)));
        Column {
            destination: destination.to_owned(),
            checks: parse_list(list),
            verdicts: verdicts.collect(),
        }
    }

    #[test]
    fn the_table_shows_what_passed_failed_and_is_not_possible() {
        let columns = [
            column(
                "duckdb",
                &[("a", "passed"), ("b", "not possible\nno such type")],
            ),
            column("postgres", &[("a", "failed\n1 is not 2")]),
        ];
        let expected = [
            "",
            "types                                 duckdb        postgres      ",
            "  a                                   pass          FAIL [1]      first promise",
            "  b                                   no [2]        FAIL [3]      second promise",
            "",
            "[1] postgres, a: 1 is not 2",
            "[2] duckdb, b: not possible here: no such type",
            "[3] postgres, b: it left no result",
            "",
        ];
        assert_eq!(table(&columns), expected.join("\n"));
    }

    #[test]
    fn destinations_are_chosen_by_name() {
        let known = ["duckdb".to_owned(), "postgres".to_owned()];
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(wanted(&[], &known).unwrap_or_default(), known);
        let one = wanted(&words(&["--destination", "postgres"]), &known).unwrap_or_default();
        assert_eq!(one, ["postgres"]);
        for wrong in [
            &["--destination", "oracle"][..],
            &["postgres"],
            &["--destination"],
        ] {
            assert!(wanted(&words(wrong), &known).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_result_that_cannot_be_read_has_failed() {
        assert!(matches!(parse_verdict("pass"), Verdict::Failed(_)));
        assert!(matches!(parse_verdict(""), Verdict::Failed(_)));
    }
}
