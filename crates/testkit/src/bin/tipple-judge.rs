//! Command line of the judges; `cargo xtask` calls it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tipple_testkit::case::{Case, RunShape, StoreKind, find_cases, judge};
use tipple_testkit::golden::judge_folder;

/// Failures of one golden file that are shown.
const SHOWN_MAX: usize = 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((command, rest)) if command == "golden" => golden(rest),
        Some((command, rest)) if command == "oracle" => oracle(rest),
        Some((command, rest)) if command == "dump" => dump(rest),
        Some((command, rest)) if command == "compare" => compare(rest),
        _ => Err("usage: tipple-judge golden|oracle|dump|compare …".to_owned()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("tipple-judge: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Folder of fixtures: that of the checkout when started by xtask.
#[expect(
    clippy::disallowed_methods,
    reason = "names a folder for the judge, not a setting"
)]
fn fixtures(name: &str) -> PathBuf {
    let root = std::env::var_os("TIPPLE_FIXTURES").unwrap_or_else(|| "fixtures".into());
    Path::new(&root).join(name)
}

/// `golden [DIR…]`: golden vectors, one line a file.
fn golden(folders: &[String]) -> Result<bool, String> {
    let mut folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    if folders.is_empty() {
        folders.push(fixtures("golden"));
    }
    let (mut passed, mut failed) = (0, 0);
    for folder in folders {
        for file in judge_folder(&folder).map_err(|error| error.to_string())? {
            if file.is_unknown {
                println!("{:14} skipped: there is no rule for it", file.name);
                continue;
            }
            println!(
                "{:14} {:5} passed, {} failed",
                file.name,
                file.passed,
                file.failures.len()
            );
            for (number, problem) in file.failures.iter().take(SHOWN_MAX) {
                println!("  line {number}: {problem}");
            }
            passed += file.passed;
            failed += file.failures.len();
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0 && passed > 0)
}

/// `dump FILE DATASET`: the canonical dump.
fn dump(arguments: &[String]) -> Result<bool, String> {
    let [file, dataset] = arguments else {
        return Err("usage: dump FILE DATASET".to_owned());
    };
    let dump = tipple_testkit::dump::dump_file(Path::new(file), dataset);
    println!("{:#}", dump.map_err(|error| error.to_string())?);
    Ok(true)
}

/// `compare EXPECTED ACTUAL`: differences of two dumps.
fn compare(arguments: &[String]) -> Result<bool, String> {
    let [expected, actual] = arguments else {
        return Err("usage: compare EXPECTED ACTUAL".to_owned());
    };
    let read = |path: &String| {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
    };
    let scope = tipple_testkit::compare::Scope::default();
    let lines = tipple_testkit::compare::differences(&read(expected)?, &read(actual)?, scope);
    for line in lines.iter().take(20) {
        println!("  {line}");
    }
    println!(
        "{}",
        if lines.is_empty() {
            "PASS"
        } else {
            "DIFFERENT"
        }
    );
    Ok(lines.is_empty())
}

/// Options of `oracle`.
#[derive(Default)]
struct OracleOptions {
    folders: Vec<PathBuf>,
    keep: Option<PathBuf>,
    shape: RunShape,
    store: StoreKind,
    differences_max: usize,
}

fn oracle_options(arguments: &[String]) -> Result<OracleOptions, String> {
    let mut options = OracleOptions {
        differences_max: 3,
        ..OracleOptions::default()
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .ok_or_else(|| format!("{argument} needs a value"))
        };
        let number = |text: &String| {
            text.parse::<usize>()
                .map_err(|_| format!("{text} is no number"))
        };
        match argument.as_str() {
            "--destination" => options.store = store(value()?)?,
            "--keep" => options.keep = Some(value()?.into()),
            "--threads" => options.shape.threads = Some(number(value()?)?),
            "--page-rows" => options.shape.page_rows = Some(number(value()?)?),
            "--max" => options.differences_max = number(value()?)?,
            folder => options.folders.push(folder.into()),
        }
    }
    if options.folders.is_empty() {
        options.folders.push(fixtures("oracle"));
    }
    Ok(options)
}

/// The store of a destination's kind; a server is where the variable says.
fn store(kind: &str) -> Result<StoreKind, String> {
    match kind {
        "duckdb" => Ok(StoreKind::DuckDb),
        "postgres" => {
            let url = std::env::var("TIPPLE_TEST_POSTGRES_URL");
            url.map(StoreKind::Postgres).map_err(|_| {
                "TIPPLE_TEST_POSTGRES_URL is not set: eval \"$(cargo xtask lab up postgres)\""
                    .to_owned()
            })
        }
        other => Err(format!("cases cannot be judged over `{other}`")),
    }
}

/// `oracle [DIR…] [--destination KIND] [--keep OUT] [--threads N] [--page-rows N] [--max N]`: performs cases, one line a case.
fn oracle(arguments: &[String]) -> Result<bool, String> {
    let options = oracle_options(arguments)?;
    let scratch = std::env::temp_dir().join(format!("tipple-oracle-{}", std::process::id()));
    let out = options.keep.clone().unwrap_or_else(|| scratch.clone());
    let (mut passed, mut failed) = (0, 0);
    for folder in &options.folders {
        for path in find_cases(folder).map_err(|error| error.to_string())? {
            if judge_case(&path, &out, &options)? {
                passed += 1
            } else {
                failed += 1
            }
        }
    }
    if options.keep.is_none() {
        let _ = std::fs::remove_dir_all(&scratch);
    }
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

fn judge_case(path: &Path, out: &Path, options: &OracleOptions) -> Result<bool, String> {
    let case = Case::read(path).map_err(|error| error.to_string())?;
    let folder = out.join(&case.name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    let differences = match judge(&case, &folder, options.shape, &options.store) {
        Ok(differences) => differences,
        Err(error) => vec![error.to_string()],
    };
    if differences.is_empty() {
        println!("PASS {}", case.name);
        return Ok(true);
    }
    println!("FAIL {} ({} differences)", case.name, differences.len());
    for difference in differences.iter().take(options.differences_max) {
        println!("  {difference}");
    }
    Ok(false)
}
