//! Real dlt and tipple take turns on one pipeline.
//!
//! The Python program in `interop.py` loads the same rows three times for every way of writing: by dlt alone, by dlt and
//! tipple in turn, and the other way round; then the datasets are dumped and compared, hashes included. It also lets dlt
//! attach to a working folder that tipple left. `interop_rest.py` does it with REST configurations against the mock server,
//! whose data changes between the runs, and compares the requests as well.

use std::fs;

use crate::failure::Failure;
use crate::python::DLT;
use crate::toolbox::{self, Profile, Toolbox};

const PROGRAM: &str = include_str!("interop.py");
const REST_PROGRAM: &str = include_str!("interop_rest.py");

/// `cargo xtask interop [rest] [WORDS…]`: all scenarios, or those with one of the words in their name.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [first, words @ ..] if first == "rest" => take_turns("interop-rest", REST_PROGRAM, words),
        words => take_turns("interop", PROGRAM, words),
    }
}

fn take_turns(name: &str, text: &str, words: &[String]) -> Result<(), Failure> {
    let toolbox = Toolbox::new()?;
    let (tipple, judge) = (toolbox.tipple(Profile::Dev)?, toolbox.judge()?);
    let python = DLT.python()?;
    let folder = toolbox.work_folder(name)?;
    fs::remove_dir_all(&folder).map_err(Failure::file("remove", &folder))?;
    fs::create_dir_all(&folder).map_err(Failure::file("create", &folder))?;
    let program = folder.join("interop.py");
    fs::write(&program, text).map_err(Failure::file("write", &program))?;
    let mut command = toolbox.program(python);
    command
        .env("TIPPLE_BIN", tipple)
        .env("TIPPLE_JUDGE", judge)
        .env("MOCKAPI_BIN", toolbox.target.join("debug/mockapi"))
        .env("FIXTURES", toolbox.root.join("fixtures"))
        .current_dir(&folder);
    toolbox::run(command.arg(program).args(words))
}
