//! Parquet files as Arrow batches: they keep their shape and pass the normaliser by columns.

use std::fs::File;

use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::ParquetMetaData;
use tipple_source::SourceError;

use crate::find::FileEntry;
use crate::{Chunk, Chunks, Content};

/// Bytes of a batch, estimated from the sizes in the footer.
const BATCH_BYTES: i64 = 4 << 20;
const BATCH_ROWS: std::ops::RangeInclusive<usize> = 1_024..=131_072;

pub(crate) struct ParquetChunks {
    reader: ParquetRecordBatchReader,
    name: String,
}

impl ParquetChunks {
    pub fn open(entry: &FileEntry) -> Result<Self, SourceError> {
        if entry.is_stdin() {
            return Err(SourceError::Other {
                code: "source.file.parquet_stdin",
                message: "Parquet cannot be read from standard input: its index is at the end"
                    .to_owned(),
                help: vec!["write it into a file and name that".to_owned()],
                cause: None,
            });
        }
        let name = entry.name.clone();
        let file = File::open(&entry.path).map_err(|cause| SourceError::Io {
            origin: name.clone(),
            cause,
        })?;
        let failed = |error: parquet::errors::ParquetError| refused(&name, error.to_string());
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
        let batch_rows = batch_rows(builder.metadata());
        let reader = builder
            .with_batch_size(batch_rows)
            .build()
            .map_err(failed)?;
        Ok(ParquetChunks { reader, name })
    }
}

fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let groups = metadata.row_groups();
    let bytes: i64 = groups.iter().map(|group| group.total_byte_size()).sum();
    let rows: i64 = groups.iter().map(|group| group.num_rows()).sum();
    let fitting = BATCH_BYTES.saturating_mul(rows.max(1)) / bytes.max(1);
    (fitting as usize).clamp(*BATCH_ROWS.start(), *BATCH_ROWS.end())
}

fn refused(name: &str, reason: String) -> SourceError {
    SourceError::Other {
        code: "source.file.parquet",
        message: format!("`{name}` cannot be read as Parquet: {reason}"),
        help: vec!["if it is another format, say so: `format: jsonl`; if it was cut or damaged, fetch it again".to_owned()],
        cause: None,
    }
}

impl Chunks for ParquetChunks {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let Some(batch) = self.reader.next() else {
            return Ok(None);
        };
        let batch = batch.map_err(|error| refused(&self.name, error.to_string()))?;
        Ok(Some(Chunk {
            content: Content::Arrow(batch),
            line: 0,
            byte_offset: 0,
        }))
    }
}
