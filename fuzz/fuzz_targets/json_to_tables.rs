//! Any bytes as items: no panic, and the fast path gives what the reference gives, whatever the pages are.
#![no_main]

use arrow_array::RecordBatch;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tipple_normalize::{NormalizeError, Normalizer, Place, RandomIds, Rules, TableBatch};
use tipple_schema::{Naming, Schema};

/// The same ids in the same order for every normaliser.
struct Counter(u8);

impl RandomIds for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 = self.0.wrapping_add(1);
        bytes.fill(self.0);
    }
}

/// Schema document and batches, or the error, as text.
type Outcome = Result<(String, Vec<(String, RecordBatch)>), String>;

fn normalized(pages: &[Bytes], by_reference: bool) -> Outcome {
    let run = || -> Result<(String, Vec<(String, RecordBatch)>), NormalizeError> {
        let schema = Schema::new("fuzz", "snake_case").expect("a plain name");
        let naming = Naming::from_name("snake_case", Some(63)).expect("a known convention");
        let mut normalizer = Normalizer::new(schema, Rules::new(naming, "1", Box::new(Counter(0))))?;
        if by_reference {
            normalizer.use_reference_only();
        }
        let mut batches = Vec::new();
        let mut sink = |batch: TableBatch| {
            batches.push((batch.table, batch.batch));
            Ok(())
        };
        for page in pages {
            normalizer.push_json("t", page, &Place::start_of("fuzz"), &mut sink)?;
        }
        let schema = normalizer.finish(&mut sink)?.schema;
        Ok((schema.to_document().to_string(), batches))
    };
    run().map_err(|error| error.to_string())
}

fuzz_target!(|data: &[u8]| {
    let whole = [Bytes::copy_from_slice(data)];
    let (fast, reference) = (normalized(&whole, false), normalized(&whole, true));
    assert_eq!(fast, reference);
    let pages: Vec<Bytes> =
        data.split(|byte| *byte == b'\n').map(Bytes::copy_from_slice).collect();
    let cut = normalized(&pages, false);
    // A line end inside of an item cuts it, and the place of an error depends on the pages.
    if let (Ok(cut), Ok(fast)) = (cut, fast) {
        assert_eq!(cut, fast);
    }
});
