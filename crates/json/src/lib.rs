//! Byte-level JSON: scanner, exact numbers, lazy paths, ISO times, canonical text, SHAKE-128 lanes.
//!
//! This is the only crate that looks at the bytes of JSON text. It does no I/O and knows no schema. General JSON
//! libraries build values that would be thrown away at once; here values go from text to where they are needed.
//! Start with [`Scanner`] for the text, [`parse_value`] and [`Value`] for the tree.

mod error;
pub mod iso;
mod number;
mod parse;
mod path;
mod scan;
pub mod shake;
mod string;
pub mod text;
mod value;

pub use error::{DEPTH_MAX, JsonError, JsonErrorKind, Place, locate};
pub use number::Number;
pub use parse::parse_value;
pub use path::{Condition, JsonPath, PathError, PathStep};
pub use scan::{Kind, Scanner, text_of};
pub use string::RawText;
pub use text::{float_text, plain_text, python_repr, rewrite_compact, write_compact, write_sorted};
pub use value::{Timestamp, Value};
