//! Ctrl-C: once asks the run to stop at the next page, twice stops the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::Exit;
use crate::output::print_error;

/// A flag that is set when the user asks to stop.
///
/// A system that cannot install the handler stops the process at once, as without it.
pub fn flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    let _ = ctrlc::set_handler(move || {
        if set.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted as i32);
        }
        print_error("stopping; Ctrl-C again stops at once\n");
    });
    stop
}
