//! Text as DuckDB tables hold it: dlt leaves NUL characters out of the literals it writes.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, LargeStringArray, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType};

/// The batch without NUL characters in text; the same one when there are none.
pub(crate) fn without_nul(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    if !batch.columns().iter().any(has_nul) {
        return Ok(batch);
    }
    let columns = batch.columns().iter().map(clean).collect();
    RecordBatch::try_new(batch.schema(), columns)
}

fn has_nul(column: &ArrayRef) -> bool {
    let bytes = match column.data_type() {
        DataType::Utf8 => used(
            column.as_string::<i32>().values(),
            column.as_string::<i32>().value_offsets(),
        ),
        DataType::LargeUtf8 => used(
            column.as_string::<i64>().values(),
            column.as_string::<i64>().value_offsets(),
        ),
        DataType::Utf8View => {
            return column
                .as_string_view()
                .iter()
                .flatten()
                .any(|text| text.contains('\0'));
        }
        _ => return false,
    };
    memchr::memchr(0, bytes).is_some()
}

/// The bytes that a slice of text uses of its buffer.
fn used<'b, O: arrow_array::OffsetSizeTrait>(values: &'b [u8], offsets: &[O]) -> &'b [u8] {
    match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => &values[first.as_usize()..last.as_usize()],
        _ => &[],
    }
}

fn clean(column: &ArrayRef) -> ArrayRef {
    if !has_nul(column) {
        return Arc::clone(column);
    }
    let strip = |text: Option<&str>| text.map(|text| text.replace('\0', ""));
    match column.data_type() {
        DataType::LargeUtf8 => Arc::new(
            column
                .as_string::<i64>()
                .iter()
                .map(strip)
                .collect::<LargeStringArray>(),
        ),
        DataType::Utf8View => Arc::new(
            column
                .as_string_view()
                .iter()
                .map(strip)
                .collect::<arrow_array::StringViewArray>(),
        ),
        _ => Arc::new(
            column
                .as_string::<i32>()
                .iter()
                .map(strip)
                .collect::<StringArray>(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_characters_go_and_everything_else_stays() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a\0b"), None, Some("c")]));
        let batch = RecordBatch::try_from_iter([("t", texts)]).unwrap();
        let cleaned = without_nul(batch.slice(0, 2)).unwrap();
        let texts = cleaned.column(0).as_string::<i32>();
        assert_eq!(texts.iter().collect::<Vec<_>>(), [Some("ab"), None]);
    }

    #[test]
    fn a_batch_without_nul_is_not_copied() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a\0b", "c"]));
        let batch = RecordBatch::try_from_iter([("t", texts)])
            .unwrap()
            .slice(1, 1);
        let cleaned = without_nul(batch.clone()).unwrap();
        assert!(
            cleaned
                .column(0)
                .to_data()
                .ptr_eq(&batch.column(0).to_data())
        );
    }
}
