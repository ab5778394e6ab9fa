//! Errors of a run: the step, the package, what became of the data, and the cause from the crate that knows it.

use tipple_destination::DestinationError;
use tipple_pipeline::{Cause, LockedSchema, PlanError, RunError, Step};

use crate::exit::Exit;

use super::{Diagnostic, codes, data, destination, nearest, package, quoted, schema, source};

/// Changes of a locked schema that are listed; the others are counted.
const CHANGES_SHOWN_MAX: usize = 10;

/// The error for people.
pub fn from_run(error: &RunError, pipeline: &str) -> Diagnostic {
    let diagnostic = from_cause(&error.cause);
    let mut place = format!("pipeline `{pipeline}`");
    if let Some(step) = error.step {
        place.push_str(&format!(" · step {}", step.as_str()));
    }
    if let Some(load_id) = &error.load_id {
        place.push_str(&format!(" · package {load_id}"));
    }
    let diagnostic = match error.cause {
        Cause::Locked(_) => diagnostic.next(format!("tipple schema pin {pipeline}")),
        _ => diagnostic,
    };
    let diagnostic = diagnostic.with_first("run", place);
    let diagnostic = match &error.cause {
        // A table that was changed by hand shows in the statements first.
        Cause::Destination(DestinationError::FollowUp { .. } | DestinationError::Job { .. }) => {
            diagnostic.next(format!(
                "tipple doctor {pipeline}   compares the tables with the schema"
            ))
        }
        _ => diagnostic,
    };
    if error.package_pending {
        let diagnostic = match error.packages_loaded {
            0 => diagnostic,
            1 => diagnostic
                .exiting(Exit::Pending)
                .with("data", "an earlier package was loaded"),
            count => diagnostic
                .exiting(Exit::Pending)
                .with("data", format!("{count} earlier packages were loaded")),
        };
        return diagnostic
            .with(
                "data",
                "the package is kept; nothing of it is visible at the destination",
            )
            .help("run again to load it")
            .next(format!(
                "tipple pipeline {pipeline} abort-packages   gives it up"
            ));
    }
    match error.step {
        Some(Step::Sync) => diagnostic.with("data", "nothing was changed"),
        Some(_) => diagnostic.with("data", "nothing was loaded; state and schema are as before"),
        None => diagnostic,
    }
}

/// The error for people, without the run around it.
pub fn from_cause(cause: &Cause) -> Diagnostic {
    match cause {
        Cause::Source(error) => source::from_source(error),
        Cause::Normalize(error) => data::from_normalize(error),
        Cause::Contract(violation) => data::from_contract(violation),
        Cause::Schema(error) => schema::from_schema(error),
        Cause::Hints(error) => {
            data::from_naming(&error.cause).with("where", format!("resource `{}`", error.resource))
        }
        Cause::Naming(error) => data::from_naming(error),
        Cause::Word(word) => Diagnostic::new(&codes::CONFIG_INVALID, word.to_string()),
        Cause::Destination(error) => destination::from_destination(error),
        Cause::Package(error) => package::from_package(error),
        Cause::State { place, cause } => {
            Diagnostic::new(&codes::PIPELINE_STATE, cause.to_string()).with("where", place.clone())
        }
        Cause::SchemaFileEdited { schema, path } => Diagnostic::new(
            &codes::SCHEMA_EDITED,
            format!("schema `{schema}` was edited by hand"),
        )
        .with("where", path.display().to_string())
        .with(
            "why",
            "its content does not give the hash that it was stored with",
        )
        .help("undo the edit, or take the schema from the destination with `sync`"),
        Cause::SchemaFile { path, cause } => {
            Diagnostic::new(&codes::SCHEMA_FILE, "a schema file cannot be imported")
                .with("where", path.display().to_string())
                .with("why", cause.to_string())
                .help("mend the file, or delete it: the next run writes it anew")
        }
        Cause::SchemaFileName {
            path,
            expected,
            found,
        } => Diagnostic::new(
            &codes::SCHEMA_FILE,
            format!("the schema file is that of `{found}`, not of `{expected}`"),
        )
        .with("where", path.display().to_string())
        .help(format!(
            "write `name: {expected}` in it, or rename the file"
        )),
        Cause::Locked(locked) => from_locked(locked),
        Cause::Plan(error) => from_plan(error),
        Cause::TimeZone(zone) => Diagnostic::new(&codes::CONFIG_INVALID, zone.to_string())
            .with("where", "environment variable `DLT_INTERVAL_TIMEZONE`")
            .help("write a name of the IANA database, for instance `Europe/Paris`"),
        Cause::UnknownResource {
            source_name,
            unknown,
            known,
        } => from_unknown_resource(source_name, unknown, known),
        Cause::NeverRan { pipeline } => Diagnostic::new(
            &codes::PIPELINE_NEVER_RAN,
            format!("pipeline `{pipeline}` has not run yet"),
        ),
        Cause::Pending { pipeline, count } => {
            let what = format!("pipeline `{pipeline}` has {count} pending package(s)");
            Diagnostic::new(&codes::PIPELINE_PENDING, what)
                .help("load them with the next run, or give them up")
                .next(format!("tipple pipeline {pipeline} abort-packages"))
        }
        Cause::Interrupted => Diagnostic::new(&codes::PIPELINE_INTERRUPTED, "interrupted"),
        Cause::Internal(message) => Diagnostic::new(&codes::INTERNAL_BUG, message.clone())
            .help("this is a mistake in tipple: please report it with the message"),
    }
}

fn from_unknown_resource(source: &str, unknown: &[String], known: &[String]) -> Diagnostic {
    let what = format!("the source `{source}` has no resource {}", quoted(unknown));
    let diagnostic =
        Diagnostic::new(&codes::PIPELINE_UNKNOWN_RESOURCE, what).with("known", quoted(known));
    unknown.iter().fold(diagnostic, |diagnostic, word| {
        match nearest(word, known.iter().map(String::as_str)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        }
    })
}

fn from_locked(locked: &LockedSchema) -> Diagnostic {
    let what = format!("the run would change the locked schema `{}`", locked.schema);
    let diagnostic = Diagnostic::new(&codes::SCHEMA_LOCKED, what);
    let changes = locked.changes.iter().take(CHANGES_SHOWN_MAX);
    let diagnostic = changes.fold(diagnostic, |d, change| d.with("change", change));
    let diagnostic = match locked.changes.len().saturating_sub(CHANGES_SHOWN_MAX) {
        0 => diagnostic,
        rest => diagnostic.with("change", format!("and {rest} more")),
    };
    diagnostic.help("if they are wanted, run once without `--locked` and pin the schema again")
}

fn from_plan(error: &PlanError) -> Diagnostic {
    const ANEW: &str = "make a new plan, read it, and apply that one";
    match error {
        PlanError::Moved { differences } => {
            let what = "the destination has moved since the plan was made";
            let diagnostic = Diagnostic::new(&codes::PLAN_STALE, what);
            let told = differences
                .iter()
                .fold(diagnostic, |d, why| d.with("why", why));
            told.help(ANEW)
        }
        PlanError::Elsewhere {
            what,
            planned,
            found,
        } => Diagnostic::new(
            &codes::PLAN_STALE,
            format!("the plan is for another {what}"),
        )
        .with("plan", planned)
        .with("here", found)
        .help("name the destination of the plan with `--destination`, or make a new plan"),
        PlanError::Form { .. } => Diagnostic::new(&codes::PLAN_STALE, error.to_string()).help(ANEW),
    }
}
