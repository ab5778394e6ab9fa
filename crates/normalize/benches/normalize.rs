//! How fast text becomes batches, by shape of the items: `cargo bench -p tipple-normalize --profile quick [SHAPE] [ref]`.
//!
//! Prints megabytes of JSON per second of CPU time, best of several runs, batches finished and dropped. Every shape is
//! generated; `FILE.jsonl` as argument measures a file instead.

use std::time::Instant;

use bytes::Bytes;
use tipple_normalize::{Normalizer, Place, RandomIds, Rules};
use tipple_schema::{Naming, Schema};

struct Counter(u64);

impl RandomIds for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

fn run(text: &Bytes, is_reference: bool, threads: usize) -> (u64, usize) {
    let naming = Naming::from_name("snake_case", None).expect("a known name");
    let schema = Schema::new("bench", "snake_case").expect("a good name");
    let mut rules = Rules::new(naming, "1700000000.0", Box::new(Counter(1)));
    rules.threads = threads;
    let mut normalizer = Normalizer::new(schema, rules).expect("good settings");
    if is_reference {
        normalizer.use_reference_only();
    }
    let mut rows = 0;
    let mut bytes = 0;
    let mut sink = |batch: tipple_normalize::TableBatch| {
        rows += batch.batch.num_rows() as u64;
        bytes += batch.bytes;
        Ok(())
    };
    let place = Place::start_of("bench");
    let mut rest = text.clone();
    while !rest.is_empty() {
        let at = rest.len().min(2 << 20);
        let end = memchr::memchr(b'\n', &rest[at..]).map_or(rest.len(), |i| at + i + 1);
        let page = rest.split_to(end);
        normalizer.push_json("orders", &page, &place, &mut sink).expect("good data");
    }
    normalizer.finish(&mut sink).expect("good data");
    (rows, bytes)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let is_reference = args.iter().any(|a| a == "ref");
    let file = args.iter().find(|a| a.ends_with(".jsonl")).expect("file");
    let text = Bytes::from(std::fs::read(file).expect("a readable file"));
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let (rows, bytes) = run(&text, is_reference, 1);
        let t = start.elapsed().as_secs_f64();
        best = best.min(t);
        println!("{rows} rows {bytes} bytes {t:.3}s {:.1} MB/s", text.len() as f64 / 1e6 / t);
    }
    println!("best {:.1} MB/s", text.len() as f64 / 1e6 / best);
}
