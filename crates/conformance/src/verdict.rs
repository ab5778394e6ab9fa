//! One check, what it needs, and how it ended.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

use tipple_destination::{Capabilities, MergeStrategy, ReplaceStrategy};

use crate::checks::CHECKS;
use crate::harness::Harness;
use crate::lab::Lab;

/// Variable with the folder that results are written to, for `cargo xtask conformance`.
const RESULTS: &str = "TIPPLE_CONFORMANCE_RESULTS";

/// Something that not every destination has.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// A merge strategy.
    Merge(MergeStrategy),
    /// A replace strategy.
    Replace(ReplaceStrategy),
    /// A group of statements can be rolled back.
    Transactions,
    /// Timestamps without a zone are kept as such.
    NaiveTimestamps,
    /// Timestamps with nine fraction digits.
    Nanoseconds,
    /// NUL characters in text.
    NulInText,
    /// Names that differ by case alone are different.
    CaseSensitive,
    /// Names that differ by case alone are the same.
    CaseInsensitive,
    /// Text of ten million characters.
    LongText,
}

impl Need {
    /// The reason why a destination with `capabilities` cannot do it; nothing if it can.
    fn lacking(self, capabilities: &Capabilities) -> Option<String> {
        let is_there = match self {
            Need::Merge(strategy) => capabilities.merge_strategies.contains(&strategy),
            Need::Replace(strategy) => capabilities.replace_strategies.contains(&strategy),
            Need::Transactions => capabilities.transactions,
            Need::NaiveTimestamps => capabilities.naive_timestamps,
            Need::Nanoseconds => capabilities.timestamp_precision_max >= 9,
            Need::NulInText => capabilities.nul_in_text,
            Need::CaseSensitive => capabilities.case_sensitive,
            Need::CaseInsensitive => !capabilities.case_sensitive,
            Need::LongText => capabilities.text_bytes_max > 10_000_000,
        };
        (!is_there).then(|| match self {
            Need::Merge(strategy) => format!("it has no merge strategy `{strategy}`"),
            Need::Replace(strategy) => format!("it has no replace strategy `{strategy}`"),
            Need::Transactions => "it has no transactions over several statements".to_owned(),
            Need::NaiveTimestamps => "its timestamps always have a time zone".to_owned(),
            Need::Nanoseconds => format!(
                "its timestamps have at most {} fraction digits",
                capabilities.timestamp_precision_max
            ),
            Need::NulInText => "its text cannot hold NUL".to_owned(),
            Need::CaseSensitive => "it takes upper and lower case as the same".to_owned(),
            Need::CaseInsensitive => "it tells upper and lower case apart".to_owned(),
            Need::LongText => format!("text has at most {} bytes", capabilities.text_bytes_max),
        })
    }
}

/// One promise.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Name of the test.
    pub name: &'static str,
    /// Group in the table of results.
    pub area: &'static str,
    /// What must hold.
    pub what: &'static str,
    /// What the destination must have for it.
    pub needs: &'static [Need],
    /// Panics when it does not hold.
    pub run: fn(&Lab),
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// The destination cannot do it, or is not there.
    NotPossible(String),
    /// It does not hold.
    Failed(String),
}

/// Runs the check `name` at a fresh place of `H`; `module` is the module of the tests (`module_path!()`). Says on standard error why a check is not possible.
///
/// # Panics
/// When the check fails; this is the test.
pub fn check<H: Harness>(name: &str, module: &str) {
    let check = CHECKS.iter().find(|check| check.name == name).unwrap();
    let tests = module.split_once("::").map_or("", |(_, path)| path);
    let lab = match possible::<H>(check, tests) {
        Ok(lab) => lab,
        Err(reason) => {
            eprintln!("{}: {name} is not possible here: {reason}", H::NAME);
            write_result(H::NAME, name, &Verdict::NotPossible(reason));
            return;
        }
    };
    // Until the end it has failed: a test that is killed must not look like one that never was.
    let pending = Verdict::Failed("it did not come to an end".to_owned());
    write_result(H::NAME, name, &pending);
    match catch_unwind(AssertUnwindSafe(|| (check.run)(&lab))) {
        Ok(()) => write_result(H::NAME, name, &Verdict::Passed),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            let failed = Verdict::Failed(text.unwrap_or_default());
            write_result(H::NAME, name, &failed);
            resume_unwind(panic);
        }
    }
}

fn possible<H: Harness>(check: &Check, tests: &str) -> Result<Lab, String> {
    let excluded = H::NOT_POSSIBLE.iter().find(|(name, _)| *name == check.name);
    if let Some((_, reason)) = excluded {
        return Err((*reason).to_owned());
    }
    let lab = Lab::new::<H>(tests)?;
    let capabilities = lab.destination().capabilities();
    let mut lacking = check
        .needs
        .iter()
        .filter_map(|need| need.lacking(capabilities));
    match lacking.next() {
        Some(reason) => Err(reason),
        None => Ok(lab),
    }
}

fn result_folder(destination: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os(RESULTS)?).join(destination);
    fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

fn write_result(destination: &str, name: &str, verdict: &Verdict) {
    let Some(folder) = result_folder(destination) else {
        return;
    };
    let text = match verdict {
        Verdict::Passed => "passed".to_owned(),
        Verdict::NotPossible(reason) => format!("not possible\n{reason}"),
        Verdict::Failed(why) => format!("failed\n{why}"),
    };
    fs::write(folder.join(name), text).unwrap();
}

/// Writes names, areas and promises of all checks for `cargo xtask conformance`, which misses those without a result.
///
/// # Panics
/// When a reason is given for a check that does not exist, or the file cannot be written.
pub fn write_list<H: Harness>() {
    for (name, _) in H::NOT_POSSIBLE {
        let is_known = CHECKS.iter().any(|check| check.name == *name);
        assert!(is_known, "there is no check `{name}`");
    }
    if let Some(folder) = result_folder(H::NAME) {
        let line = |check: &Check| format!("{}\t{}\t{}\n", check.name, check.area, check.what);
        let list: String = CHECKS.iter().map(line).collect();
        fs::write(folder.join("_list"), list).unwrap();
    }
}
