//! How fast text becomes batches, by shape of the items.
//!
//! `cargo bench -p tipple-normalize --profile quick -- [SHAPE|FILE.jsonl]… [ref] [threads=N]`
//!
//! Prints megabytes of JSON per second, best of several runs, ids made and batches finished. With one thread the time is
//! CPU time, so that a busy machine does not matter; with more it is the time on the wall. `ref` takes the reference
//! alone. All shapes are made here; `orders` is what `gen.py` of the benchmarks makes, row for row in kind.

#![expect(clippy::expect_used, reason = "a benchmark that cannot start may stop")]

use std::fmt::Write;
use std::time::Instant;

use bytes::Bytes;
use tipple_normalize::{Normalizer, Place, RandomIds, Rules, TableBatch};
use tipple_schema::{Column, DataType, Naming, Schema, Table};

const SHAPE_BYTES: usize = 24 << 20;
const PAGE_BYTES: usize = 2 << 20;
const RUNS: usize = 5;

/// A generator of numbers that are always the same.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn word(&mut self) -> &'static str {
        const WORDS: [&str; 15] = [
            "amber", "basalt", "cedar", "delta", "ember", "fjord", "garnet", "hazel", "indigo",
            "jasper", "krill", "lotus", "maple", "nectar", "onyx",
        ];
        WORDS[self.below(15) as usize]
    }

    fn words(&mut self, count: u64) -> String {
        let words: Vec<&str> = (0..count).map(|_| self.word()).collect();
        words.join(" ")
    }

    fn fraction(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 31) as f64
    }
}

impl RandomIds for Numbers {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (self.next() >> 8) as u8;
        }
    }
}

/// Appends item `i` of a shape.
type Item = fn(u64, &mut Numbers, &mut String);

const SHAPES: [(&str, Item); 17] = [
    ("orders", orders),
    ("flat", flat),
    ("sparse", sparse),
    ("nested", nested),
    ("long_text", long_text),
    ("escapes", escapes),
    ("non_ascii", non_ascii),
    ("mixtures", mixtures),
    ("times", times),
    ("json_columns", json_columns),
    ("decimals", decimals),
    ("scalar_lists", scalar_lists),
    ("variants", variants),
    ("new_keys", new_keys),
    ("deep_lists", deep_lists),
    ("big_integers", big_integers),
    ("shuffled_keys", shuffled_keys),
];

fn orders(i: u64, n: &mut Numbers, out: &mut String) {
    let (month, day) = (1 + i % 12, 1 + i % 28);
    let (hour, minute, second) = (i % 24, i % 60, i * 7 % 60);
    let _ = write!(
        out,
        r#"{{"id":{i},"uuid":"{:016x}{:016x}","created_at":"2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z","status":"{}","total":{:.2},"quantity":{},"is_gift":{},"customer":{{"id":{},"email":"{}.{}{}@example.com","address":{{"city":"{}","zip":"{:05}","geo":{{"lat":{},"lon":{}}}}}}},"tags":["#,
        n.next() * n.next(),
        n.next() * n.next(),
        i % 1000,
        ["paid", "open", "void", "refunded"][n.below(4) as usize],
        n.fraction() * 1000.0,
        n.below(50),
        n.below(10) == 0,
        n.below(100_000),
        n.word(),
        n.word(),
        i % 9973,
        n.word(),
        n.below(99_999),
        n.fraction() * 180.0 - 90.0,
        n.fraction() * 360.0 - 180.0,
    );
    for k in 0..i % 4 {
        let _ = write!(out, "{}\"{}\"", if k > 0 { "," } else { "" }, n.word());
    }
    out.push_str("],\"items\":[");
    for k in 0..1 + i % 3 {
        let _ = write!(
            out,
            r#"{}{{"sku":"SKU-{:06}","qty":{},"price":{:.2},"attributes":{{"color":"{}","weight_g":{}}}}}"#,
            if k > 0 { "," } else { "" },
            n.below(999_999),
            n.below(9),
            n.fraction() * 100.0,
            n.word(),
            n.below(5000),
        );
    }
    let note = if !i.is_multiple_of(5) {
        "null".to_owned()
    } else {
        format!("\"{}\"", n.words(12))
    };
    let _ = write!(out, "],\"note\":{note}");
    if i.is_multiple_of(7) {
        let _ = write!(
            out,
            r#","coupon":{{"code":"{}","percent":{}}}"#,
            n.word(),
            n.below(50)
        );
    }
    out.push('}');
}

fn flat(i: u64, n: &mut Numbers, out: &mut String) {
    let _ = write!(out, "{{\"id\":{i}");
    for column in 0..8 {
        let (number, fraction, word) = (n.next(), n.fraction(), n.word());
        let _ = write!(
            out,
            r#","n{column}":{number},"f{column}":{fraction:.3},"s{column}":"{word}""#
        );
    }
    out.push('}');
}

fn sparse(i: u64, n: &mut Numbers, out: &mut String) {
    let _ = write!(out, "{{\"id\":{i}");
    for column in 0..200 {
        if n.below(10) < 3 {
            let _ = write!(out, r#","field_{column}":{}"#, n.below(1000));
        }
    }
    out.push('}');
}

fn nested(i: u64, n: &mut Numbers, out: &mut String) {
    let _ = write!(out, "{{\"id\":{i}");
    for outer in 0..6 {
        let _ = write!(out, ",\"part{outer}\":{{\"id\":{}", n.below(1000));
        for inner in 0..6 {
            let _ = write!(
                out,
                r#","sub{inner}":{{"url":"https://api.example.com/{}/{}","count":{},"flag":true}}"#,
                n.word(),
                n.word(),
                n.below(99)
            );
        }
        out.push('}');
    }
    out.push('}');
}

fn long_text(i: u64, n: &mut Numbers, out: &mut String) {
    let _ = write!(
        out,
        r#"{{"id":{i},"title":"{}","body":"{}"}}"#,
        n.words(8),
        n.words(1500)
    );
}

fn escapes(i: u64, n: &mut Numbers, out: &mut String) {
    let _ = write!(
        out,
        r#"{{"id":{i},"path":"C:\\{}\\{}","quote":"she said \"{}\" and\n\"{}\"","html":"\u003cb\u003e{}\u003c\/b\u003e"}}"#,
        n.word(),
        n.word(),
        n.words(4),
        n.words(4),
        n.words(6),
    );
}

fn non_ascii(i: u64, n: &mut Numbers, out: &mut String) {
    let _ = write!(
        out,
        r#"{{"id":{i},"name":"Zoë {} Müller","city":"São Paulo","text":"日本語のテキスト{}","emoji":"😀{}"}}"#,
        n.word(),
        n.word(),
        n.words(3),
    );
}

fn mixtures(i: u64, n: &mut Numbers, out: &mut String) {
    let double = if i.is_multiple_of(3) {
        "7".to_owned()
    } else {
        format!("{:.4}", n.fraction())
    };
    let text = match i % 4 {
        0 => n.below(1000).to_string(),
        1 => format!("{:.1}", n.fraction()),
        2 => "true".to_owned(),
        _ => format!("\"{}\"", n.word()),
    };
    let number = if i.is_multiple_of(2) {
        n.below(99).to_string()
    } else {
        format!("\"{}\"", n.below(99))
    };
    let whole = if i.is_multiple_of(2) {
        "5".to_owned()
    } else {
        "5.0".to_owned()
    };
    let flag = ["true", "false", "1", "\"yes\"", "null"][(i % 5) as usize];
    let seconds = if i.is_multiple_of(3) {
        "1700000000"
    } else {
        "\"2024-01-02T03:04:05Z\""
    };
    // The first rows fix the types.
    match i {
        0 => out.push_str(r#"{"id":0,"double":0.5,"text":"x","number":1,"whole":1,"flag":true,"at":"2024-01-01T00:00:00Z","maybe":1}"#),
        _ => {
            let _ = write!(
                out,
                r#"{{"id":{i},"double":{double},"text":{text},"number":{number},"whole":{whole},"flag":{flag},"at":{seconds}"#
            );
            out.push_str(if i.is_multiple_of(4) { ",\"maybe\":2}" } else { "}" });
        }
    }
}

fn times(i: u64, _: &mut Numbers, out: &mut String) {
    let (month, day, hour, minute) = (1 + i % 12, 1 + i % 28, i % 24, i % 60);
    let _ = write!(
        out,
        r#"{{"id":{i},"a":"2024-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z","b":"2024-{month:02}-{day:02} {hour:02}:{minute:02}:00.123456","c":"2024-{month:02}-{day:02}T{hour:02}:{minute:02}:00.5+02:00","d":"2024{month:02}{day:02}T{hour:02}{minute:02}00Z","e":"2024-{month:02}-{day:02}T{hour:02}:{minute:02}+0530"}}"#
    );
}

fn json_columns(i: u64, n: &mut Numbers, out: &mut String) {
    let _ = write!(
        out,
        r#"{{"id":{i},"payload":{{"kind": "{}", "values": [{}, {:.3}, null], "nested": {{"a": true, "b": "{}"}}}}}}"#,
        n.word(),
        n.below(1000),
        n.fraction(),
        n.words(5)
    );
}

fn decimals(i: u64, n: &mut Numbers, out: &mut String) {
    let _ = write!(
        out,
        r#"{{"id":{i},"amount":{:.2},"amount_text":"{:.4}","whole_amount":{}}}"#,
        n.fraction() * 1000.0,
        n.fraction() * 1000.0,
        n.below(1000)
    );
}

fn scalar_lists(i: u64, n: &mut Numbers, out: &mut String) {
    let _ = write!(out, "{{\"id\":{i},\"tags\":[");
    for k in 0..8 {
        let _ = write!(out, "{}\"{}\"", if k > 0 { "," } else { "" }, n.word());
    }
    out.push_str("],\"matrix\":[");
    for k in 0..3 {
        let _ = write!(
            out,
            "{}[{},{}]",
            if k > 0 { "," } else { "" },
            n.below(9),
            n.below(9)
        );
    }
    out.push_str("]}");
}

fn variants(i: u64, n: &mut Numbers, out: &mut String) {
    let value = match i % 3 {
        0 => n.below(1000).to_string(),
        1 => format!("\"{}\"", n.word()),
        _ => format!("{:.3}", n.fraction()),
    };
    let _ = write!(
        out,
        r#"{{"id":{i},"value":{value},"name":"{}"}}"#,
        n.words(3)
    );
}

fn new_keys(i: u64, n: &mut Numbers, out: &mut String) {
    // A map by id: ten keys of twenty thousand per item.
    let _ = write!(out, "{{\"id\":{i},\"by_id\":{{");
    for k in 0..10 {
        let comma = if k > 0 { "," } else { "" };
        let _ = write!(out, "{comma}\"u{k}{}\":{}", n.below(1_900), n.below(1000));
    }
    let _ = write!(out, "}},\"text\":\"{}\"}}", n.words(300));
}

fn deep_lists(i: u64, n: &mut Numbers, out: &mut String) {
    let depth = 1 + i % 12;
    let _ = write!(out, "{{\"id\":{i},\"l\":");
    (0..depth).for_each(|_| out.push('['));
    let _ = write!(out, "{},{{\"x\":{}}}", n.below(9), n.below(9));
    (0..depth).for_each(|_| out.push(']'));
    out.push('}');
}

fn big_integers(i: u64, n: &mut Numbers, out: &mut String) {
    let big = u64::MAX - n.next();
    let _ = write!(
        out,
        r#"{{"id":{i},"big":{big},"small":-{}}}"#,
        (1u64 << 62) + n.next()
    );
}

fn shuffled_keys(i: u64, n: &mut Numbers, out: &mut String) {
    let mut keys: Vec<u64> = (0..12).collect();
    for at in (1..keys.len()).rev() {
        keys.swap(at, n.below(at as u64 + 1) as usize);
    }
    let _ = write!(out, "{{\"id\":{i}");
    for key in keys {
        let _ = write!(out, ",\"key_{key}\":\"{}\"", n.word());
    }
    out.push('}');
}

fn made(item: Item) -> Bytes {
    let mut numbers = Numbers(7);
    let mut text = String::with_capacity(SHAPE_BYTES + (1 << 16));
    let mut i = 0;
    while text.len() < SHAPE_BYTES {
        item(i, &mut numbers, &mut text);
        text.push('\n');
        i += 1;
    }
    text.into()
}

fn declared() -> Table {
    let mut table = Table::new("orders");
    for (name, data_type) in [
        ("payload", DataType::Json),
        ("amount", DataType::Decimal),
        ("amount_text", DataType::Decimal),
        ("whole_amount", DataType::Decimal),
    ] {
        table
            .columns
            .insert(name.to_owned(), Column::new(name, data_type));
    }
    table
        .hints
        .insert("write_disposition".to_owned(), "append".into());
    table.hints.insert("resource".to_owned(), "orders".into());
    table
}

fn run(text: &Bytes, is_reference: bool, threads: usize) -> u64 {
    let naming = Naming::from_name("snake_case", None).expect("a known name");
    let schema = Schema::new("bench", "snake_case").expect("a good name");
    let mut rules = Rules::new(naming, "1700000000.0", Box::new(Numbers(1)));
    rules.threads = threads;
    let mut normalizer = Normalizer::new(schema, rules).expect("good settings");
    normalizer.declare(declared()).expect("a good table");
    if is_reference {
        normalizer.use_reference_only();
    }
    let mut rows = 0;
    let mut sink = |batch: TableBatch| {
        rows += batch.batch.num_rows() as u64;
        Ok(())
    };
    let place = Place::start_of("bench");
    let mut rest = text.clone();
    while !rest.is_empty() {
        let at = rest.len().min(PAGE_BYTES);
        let end = memchr::memchr(b'\n', &rest[at..]).map_or(rest.len(), |i| at + i + 1);
        let page = rest.split_to(end);
        normalizer
            .push_json("orders", &page, &place, &mut sink)
            .expect("good data");
    }
    normalizer.finish(&mut sink).expect("good data");
    rows
}

/// Seconds of CPU that this thread has used; 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: Option<f64> = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.unwrap_or(0.0) / 1e9
}

fn measure(name: &str, text: &Bytes, is_reference: bool, threads: usize) {
    let mut best = f64::MAX;
    let mut rows = 0;
    for _ in 0..RUNS {
        let (wall, cpu) = (Instant::now(), cpu_seconds());
        rows = run(text, is_reference, threads);
        let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        best = best.min(if threads == 1 && cpu > 0.0 { cpu } else { wall });
    }
    let megabytes = text.len() as f64 / 1e6;
    println!(
        "{name:16} {:7.1} MB/s  {rows:8} rows  {best:.3} s",
        megabytes / best
    );
}

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let is_reference = args.iter().any(|a| a == "ref");
    let threads = args
        .iter()
        .find_map(|a| a.strip_prefix("threads=")?.parse().ok())
        .unwrap_or(1);
    let names: Vec<&String> = args
        .iter()
        .filter(|a| *a != "ref" && !a.contains('='))
        .collect();
    for file in names.iter().filter(|name| name.ends_with(".jsonl")) {
        let text = std::fs::read(file).expect("a readable file").into();
        measure(file, &text, is_reference, threads);
    }
    for (name, item) in SHAPES {
        if names.is_empty() || names.iter().any(|wanted| *wanted == name) {
            measure(name, &made(item), is_reference, threads);
        }
    }
}
