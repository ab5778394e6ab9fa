//! Programs in the language of jq (spec/rest-api.md §21.4).
//!
//! A program is compiled when the configuration is checked and may then run on many threads. It sees one value and
//! nothing else: no environment, no files, no further inputs. Numbers keep their digits. Without the feature `expr-jq`
//! every program is refused with a message.

use std::fmt;
use std::sync::Arc;

use tipple_json::{Value, parse_value, write_compact};

/// Outputs of one input.
const OUTPUTS_MAX: usize = 100_000;

/// Levels of lists and objects in an output.
const DEPTH_MAX: usize = 100;

/// A compiled program.
#[derive(Clone)]
pub struct Jq {
    text: Arc<str>,
    program: Arc<engine::Program>,
}

/// A program that cannot be compiled or has failed on a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JqError {
    /// It is not in the language.
    #[error("`{program}` is no jq program: {reason}")]
    Syntax {
        /// The program.
        program: String,
        /// What is wrong.
        reason: String,
    },
    /// It has failed on a value.
    #[error("the jq program `{program}` failed: {reason}")]
    Failed {
        /// The program.
        program: String,
        /// Its own words.
        reason: String,
    },
}

impl Jq {
    /// Compiles a program.
    ///
    /// # Errors
    /// [`JqError::Syntax`].
    pub fn compile(text: &str) -> Result<Self, JqError> {
        let program = engine::Program::compile(text).map_err(|reason| JqError::Syntax {
            program: text.to_owned(),
            reason,
        })?;
        Ok(Jq {
            text: Arc::from(text),
            program: Arc::new(program),
        })
    }

    /// The program as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Outputs for the JSON text `input`, as compact JSON texts.
    ///
    /// # Errors
    /// [`JqError::Failed`].
    pub fn run_text(&self, input: &str) -> Result<Vec<String>, JqError> {
        self.program.run(input).map_err(|reason| JqError::Failed {
            program: self.text.to_string(),
            reason,
        })
    }

    /// Outputs for a value.
    ///
    /// # Errors
    /// [`JqError::Failed`].
    pub fn run(&self, input: &Value) -> Result<Vec<Value>, JqError> {
        let mut text = String::new();
        write_compact(input, &mut text);
        let outputs = self.run_text(&text)?;
        let read = |text: &String| {
            parse_value(text.as_bytes()).map_err(|error| JqError::Failed {
                program: self.text.to_string(),
                reason: error.to_string(),
            })
        };
        outputs.iter().map(read).collect()
    }

    /// The first output for a value; null without any.
    ///
    /// # Errors
    /// [`JqError::Failed`].
    pub fn first(&self, input: &Value) -> Result<Value, JqError> {
        Ok(self.run(input)?.into_iter().next().unwrap_or(Value::Null))
    }
}

impl fmt::Debug for Jq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jq").field(&self.text).finish()
    }
}

#[cfg(feature = "expr-jq")]
mod engine {
    use jaq_core::data::JustLut;
    use jaq_core::load::{Arena, Error as LoadError, File, Loader};
    use jaq_core::{Compiler, Ctx, Native, Vars, unwrap_valr};
    use jaq_json::{Num, Val, read};
    use tipple_json::text::{write_float, write_string};

    use super::{DEPTH_MAX, OUTPUTS_MAX};

    /// Functions that reach out of the program.
    const FORBIDDEN: [&str; 8] = [
        "env",
        "input",
        "inputs",
        "input_line_number",
        "halt",
        "halt_error",
        "debug",
        "stderr",
    ];

    type Data = JustLut<Val>;

    pub struct Program(jaq_core::compile::Filter<Native<Data>>);

    impl Program {
        pub fn compile(text: &str) -> Result<Self, String> {
            let defs = jaq_core::defs()
                .chain(jaq_std::defs())
                .chain(jaq_json::defs());
            let functions = jaq_core::funs::<Data>()
                .chain(jaq_std::funs())
                .chain(jaq_json::funs());
            let functions = functions.filter(|function| !FORBIDDEN.contains(&function.0));
            let arena = Arena::default();
            let file = File {
                code: text,
                path: (),
            };
            let modules = Loader::new(defs.filter(|def| !FORBIDDEN.contains(&def.name)))
                .load(&arena, file)
                .map_err(|errors| load_error(&errors))?;
            let filter = Compiler::default()
                .with_funs(functions)
                .compile(modules)
                .map_err(|errors| compile_error(&errors))?;
            Ok(Program(filter))
        }

        pub fn run(&self, input: &str) -> Result<Vec<String>, String> {
            let input = read::parse_single(input.as_bytes()).map_err(|error| error.to_string())?;
            let context = Ctx::<Data>::new(&self.0.lut, Vars::new([]));
            let mut outputs = Vec::new();
            for output in self.0.id.run((context, input)).map(unwrap_valr) {
                let output = output.map_err(|error| error.to_string())?;
                if outputs.len() == OUTPUTS_MAX {
                    return Err(format!("more than {OUTPUTS_MAX} outputs for one row"));
                }
                let mut text = String::new();
                write(&output, 0, &mut text)?;
                outputs.push(text);
            }
            Ok(outputs)
        }
    }

    fn load_error(errors: &jaq_core::load::Errors<&str, ()>) -> String {
        let first = errors.first().map(|(_, error)| match error {
            LoadError::Lex(errors) => errors
                .first()
                .map(|(expected, at)| format!("{} is expected before `{at}`", expected.as_str())),
            LoadError::Parse(errors) => {
                errors
                    .first()
                    .map(|(expected, found)| match found.is_empty() {
                        true => format!("{} is expected at the end", expected.as_str()),
                        false => format!("{} is expected instead of `{found}`", expected.as_str()),
                    })
            }
            LoadError::Io(_) => Some("other files cannot be included".to_owned()),
        });
        first
            .flatten()
            .unwrap_or_else(|| "it cannot be read".to_owned())
    }

    fn compile_error(errors: &jaq_core::compile::Errors<&str, ()>) -> String {
        let first = errors.iter().flat_map(|(_, errors)| errors).next();
        first.map_or_else(
            || "it cannot be compiled".to_owned(),
            |(name, kind)| format!("there is no {} `{name}`", kind.as_str()),
        )
    }

    fn write(value: &Val, depth: usize, out: &mut String) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("an output has more than {DEPTH_MAX} levels"));
        }
        match value {
            Val::Null => out.push_str("null"),
            Val::Bool(word) => out.push_str(if *word { "true" } else { "false" }),
            Val::Num(number) => write_number(number, out),
            Val::TStr(text) | Val::BStr(text) => {
                write_string(&String::from_utf8_lossy(text), out);
            }
            Val::Arr(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write(element, depth + 1, out)?;
                }
                out.push(']');
            }
            Val::Obj(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    match key {
                        Val::TStr(_) | Val::BStr(_) => write(key, depth + 1, out)?,
                        _ => return Err("a key of an object is no text".to_owned()),
                    }
                    out.push(':');
                    write(value, depth + 1, out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }

    fn write_number(number: &Num, out: &mut String) {
        match number {
            Num::Float(float) if float.is_nan() => out.push_str("null"),
            Num::Float(float) => write_float(float.clamp(f64::MIN, f64::MAX), out),
            exact => out.push_str(&exact.to_string()),
        }
    }
}

#[cfg(not(feature = "expr-jq"))]
mod engine {
    pub enum Program {}

    impl Program {
        pub fn compile(_: &str) -> Result<Self, String> {
            Err("this program was built without jq; use the built-in steps".to_owned())
        }

        pub fn run(&self, _: &str) -> Result<Vec<String>, String> {
            match *self {}
        }
    }
}

#[cfg(test)]
#[cfg(feature = "expr-jq")]
mod tests {
    use super::*;

    #[track_caller]
    fn check(program: &str, input: &str, expected: &[&str]) {
        let program = Jq::compile(program).unwrap();
        assert_eq!(program.run_text(input).unwrap(), expected);
    }

    #[test]
    fn programs_filter_map_and_multiply() {
        check(".id > 5", r#"{"id":6}"#, &["true"]);
        check(
            "del(.email) | .title |= ascii_downcase",
            r#"{"email":1,"title":"AB"}"#,
            &[r#"{"title":"ab"}"#],
        );
        check(
            ". as $p | .tags[] | {id: $p.id, tag: .}",
            r#"{"id":1,"tags":["a","b"]}"#,
            &[r#"{"id":1,"tag":"a"}"#, r#"{"id":1,"tag":"b"}"#],
        );
        check("empty", "1", &[]);
    }

    #[test]
    fn numbers_keep_their_digits() {
        check(
            ".",
            r#"{"b":1.50,"a":18446744073709551615,"c":1e3,"d":0.1}"#,
            &[r#"{"b":1.50,"a":18446744073709551615,"c":1e3,"d":0.1}"#],
        );
        check(".a + 1", r#"{"a":9007199254740993}"#, &["9007199254740994"]);
    }

    #[test]
    fn a_program_is_sent_to_other_threads() {
        fn takes<T: Send + Sync>(_: T) {}
        takes(Jq::compile(".").unwrap());
    }

    #[test]
    fn mistakes_are_told_when_compiled_and_failures_when_run() {
        let compile = |text: &str| Jq::compile(text).unwrap_err().to_string();
        let run = |text: &str| {
            Jq::compile(text)
                .unwrap()
                .run_text("{\"a\":[1]}")
                .unwrap_err()
                .to_string()
        };
        let all = [
            compile(".a |"),
            compile("foo(1)"),
            compile("env"),
            compile("input"),
            compile("\"a"),
            run(".a.b"),
            run("error(\"no\")"),
            run("range(200000)"),
            run("reduce range(200) as $i (.; [.])"),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        `.a |` is no jq program: term is expected at the end
        `foo(1)` is no jq program: there is no filter `foo`
        `env` is no jq program: there is no filter `env`
        `input` is no jq program: there is no filter `input`
        `"a` is no jq program: closing quote is expected before ``
        the jq program `.a.b` failed: cannot index [1] with "b"
        the jq program `error("no")` failed: "no"
        the jq program `range(200000)` failed: more than 100000 outputs for one row
        the jq program `reduce range(200) as $i (.; [.])` failed: an output has more than 100 levels
        "#);
    }
}
