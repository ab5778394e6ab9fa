//! The judges: golden vectors and oracle cases, run by the testkit's program.

use crate::failure::Failure;
use crate::lab;
use crate::toolbox::{Toolbox, run};

/// `cargo xtask golden [DIR…]`.
pub fn golden(arguments: &[String]) -> Result<(), Failure> {
    judge("golden", arguments)
}

/// `cargo xtask oracle [DIR…] [--destination KIND] [--keep OUT] [--threads N] [--page-rows N]`.
pub fn oracle(arguments: &[String]) -> Result<(), Failure> {
    judge("oracle", arguments)
}

fn judge(what: &str, arguments: &[String]) -> Result<(), Failure> {
    let toolbox = Toolbox::new()?;
    let judge = toolbox.judge()?;
    let here = std::env::current_dir().map_err(|cause| Failure::Other(cause.to_string()))?;
    let mut command = toolbox.program(judge);
    if arguments.iter().any(|argument| argument == "postgres") {
        command.envs(lab::up()?.variables());
    }
    command
        .current_dir(here)
        .env("TIPPLE_FIXTURES", toolbox.root.join("fixtures"));
    run(command.arg(what).args(arguments))
}
