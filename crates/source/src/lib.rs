//! Sources: what they are, how they are read, and what they remember.
//!
//! A *source* is a named group of *resources*; a resource is one stream of items that goes to one root table. Whoever
//! runs a pipeline pulls *pages* from a resource ([`PageReader::next_page`]) and hands them to the normaliser as they
//! came (sources whose resources feed one another give theirs tagged, [`JointReader`]): a page is a piece of JSON text or an Arrow batch and the place where it was found, never a tree of values.
//! What the user wishes for the tables is data ([`ResourceSpec`]), read from any document, with all mistakes reported at
//! once. Start with [`Resource`] for reading and [`ResourceSpec`] for hints.

pub mod document;
mod error;
pub mod fields;
mod incremental;
mod joint;
mod page;
mod pipeline_file;
mod rows;
mod runs;
mod spec;

pub use error::SourceError;
pub use fields::{Problem, nearest};
pub use incremental::{Cursor, CursorError, check_range, typed_value};
pub use joint::{JointPage, JointReader, JointRequest, JointSource, Notify, SourceEvent, silent};
pub use page::{Body, Page, PageReader, Place, ReadRequest, Reading, Resource, Source};
pub use pipeline_file::{Declared, FileBody, PipelineBody, PipelineFile};
pub use rows::Rows;
pub use spec::{
    Compression, Disposition, FileSpec, Format, IncrementalSpec, Key, LastValue, MissingValue,
    NestedHints, Piece, RangeEdge, ResourceSpec, RowOrder, SourceSpec, TableHints, TableTemplate,
    TemplateError, TypeChange, WriteDisposition, collect,
};
