//! What a destination says it has: tables, columns, stored schemas, states, receipts.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use indexmap::IndexMap;

use crate::capabilities::Capabilities;

/// Largest document that is unpacked, in bytes; a stored text that claims more is refused.
const DOCUMENT_BYTES_MAX: u64 = 1 << 30;

/// A column as the destination reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredColumn {
    /// Name as stored.
    pub name: String,
    /// Type in the words of the destination.
    pub column_type: String,
    /// False when the column is NOT NULL.
    pub nullable: bool,
}

/// Tables of one dataset, only those that were asked for and exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// True when the dataset is there.
    pub exists: bool,
    /// Columns by table, in the order of the destination.
    pub tables: IndexMap<String, Vec<StoredColumn>>,
}

impl Catalog {
    /// Columns of `table`, however the destination has spelled its name; nothing when it is not there.
    pub fn table(&self, capabilities: &Capabilities, table: &str) -> Option<&[StoredColumn]> {
        let wanted = capabilities.fold(table);
        let mut tables = self.tables.iter();
        tables
            .find(|(name, columns)| capabilities.fold(name) == wanted && !columns.is_empty())
            .map(|(_, columns)| columns.as_slice())
    }

    /// As [`Catalog::table`], to be changed.
    pub(crate) fn table_mut(
        &mut self,
        capabilities: &Capabilities,
        table: &str,
    ) -> Option<&mut Vec<StoredColumn>> {
        let wanted = capabilities.fold(table);
        let mut tables = self.tables.iter_mut();
        tables
            .find(|(name, _)| capabilities.fold(name) == wanted)
            .map(|(_, columns)| columns)
    }
}

/// Newest row of the table of schema versions.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSchema {
    /// Name of the schema.
    pub name: String,
    /// Number of the version.
    pub version: i64,
    /// Version of the form of the document.
    pub engine_version: i64,
    /// Hash of the content.
    pub version_hash: String,
    /// Microseconds since 1970-01-01 UTC.
    pub inserted_at: i64,
    /// The document as JSON text, unpacked.
    pub document: String,
}

/// Newest row of the table of pipeline states whose load is complete.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredState {
    /// Number of the version.
    pub version: i64,
    /// Version of the form of the document.
    pub engine_version: i64,
    /// Name of the pipeline.
    pub pipeline_name: String,
    /// The document as JSON text with typed values, unpacked.
    pub document: String,
    /// Microseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// The load that brought it.
    pub load_id: String,
}

/// What a commit did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Rows that each job brought, by job id.
    pub rows: IndexMap<String, u64>,
    /// True when the load was complete before: nothing was done.
    pub was_complete: bool,
}

/// Base64 of the zlib form of `document`, as dlt stores states and long schemas.
pub fn pack_document(document: &str) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to a vector cannot fail; an empty result would be seen by every reader.
    let packed = encoder
        .write_all(document.as_bytes())
        .and_then(|()| encoder.finish());
    STANDARD.encode(packed.unwrap_or_default())
}

/// The document in a stored text, whether packed or plain.
///
/// # Errors
/// A text for people when the packed form is damaged or unpacks to more than a gibibyte.
pub fn unpack_document(text: &str) -> Result<String, String> {
    let Ok(packed) = STANDARD.decode(text) else {
        return Ok(text.to_owned());
    };
    let mut document = String::new();
    ZlibDecoder::new(packed.as_slice())
        .take(DOCUMENT_BYTES_MAX)
        .read_to_string(&mut document)
        .map_err(|error| format!("the packed document is damaged: {error}"))?;
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_document_reads_back() {
        let document = r#"{"version":1,"name":"é"}"#;
        assert_eq!(
            unpack_document(&pack_document(document)).as_deref(),
            Ok(document)
        );
    }

    #[test]
    fn a_plain_document_is_taken_as_it_is() {
        assert_eq!(unpack_document(r#"{"a":1}"#).as_deref(), Ok(r#"{"a":1}"#));
    }

    #[test]
    fn a_damaged_document_is_an_error() {
        assert!(unpack_document("AAAA").is_err());
    }
}
