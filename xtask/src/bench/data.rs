//! Deterministic input files.
//!
//! The main one looks like commerce orders from an API, about 560 bytes a record: scalars, ISO timestamps, an object two
//! levels deep, a child list with a nested object, a list of scalars, absent and null fields. The others are hostile on
//! purpose. Files are kept and not made twice.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::random::Random;
use crate::failure::Failure;

const WORDS: [&str; 15] = [
    "amber", "basalt", "cedar", "delta", "ember", "fjord", "garnet", "hazel", "indigo", "jasper",
    "krill", "lotus", "maple", "nectar", "onyx",
];

/// How the records of a file are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One record a line.
    Lines,
    /// One JSON array.
    Array,
}

/// A file of orders, made if it is not there.
pub fn orders(folder: &Path, count: u64, framing: Framing) -> Result<PathBuf, Failure> {
    let name = match framing {
        Framing::Lines => format!("orders-{count}.jsonl"),
        Framing::Array => format!("orders-{count}.json"),
    };
    let mut random = Random::new(7);
    make(&folder.join(name), count, framing, |i, line| {
        order(&mut random, i, line)
    })
}

/// Writes `count` records to `path`, by way of a temporary name.
fn make(
    path: &Path,
    count: u64,
    framing: Framing,
    mut record: impl FnMut(u64, &mut String),
) -> Result<PathBuf, Failure> {
    if path.exists() {
        return Ok(path.to_owned());
    }
    let partial = path.with_extension("partial");
    let file = File::create(&partial).map_err(Failure::file("create", &partial))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let mut line = String::new();
    for i in 0..count {
        line.clear();
        if framing == Framing::Array {
            line.push_str(if i == 0 { "[" } else { "," });
        }
        record(i, &mut line);
        line.push('\n');
        out.write_all(line.as_bytes())
            .map_err(Failure::file("write", &partial))?;
    }
    let end: &[u8] = if framing == Framing::Array {
        b"]\n"
    } else {
        b""
    };
    out.write_all(end)
        .and_then(|()| out.flush())
        .map_err(Failure::file("write", &partial))?;
    fs::rename(&partial, path).map_err(Failure::file("rename", &partial))?;
    Ok(path.to_owned())
}

/// Writing to a String cannot fail.
macro_rules! put {
    ($out:expr, $($arguments:tt)*) => {
        let _ = write!($out, $($arguments)*);
    };
}

fn order(random: &mut Random, i: u64, out: &mut String) {
    put!(out, r#"{{"id":{i},"uuid":"{:032x}","#, random.bits_128());
    let (month, day, hour, minute) = (1 + i % 12, 1 + i % 28, i % 24, i % 60);
    let (second, millisecond) = ((i * 7) % 60, i % 1000);
    put!(
        out,
        r#""created_at":"2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z","#
    );
    put!(
        out,
        r#""status":"{}","#,
        random.choice(&["paid", "open", "void", "refunded"])
    );
    put!(out, r#""total":{},"#, cents(random.unit() * 1000.0));
    put!(out, r#""quantity":{},"#, random.range(1, 50));
    put!(out, r#""is_gift":{},"#, random.unit() < 0.1);
    customer(random, i, out);
    out.push_str(r#""tags":["#);
    for tag in 0..i % 4 {
        put!(out, r#"{}"{}""#, comma(tag), random.choice(&WORDS));
    }
    out.push_str(r#"],"items":["#);
    for item in 0..1 + i % 3 {
        out.push_str(comma(item));
        order_item(random, out);
    }
    out.push_str(r#"],"note":"#);
    if i.is_multiple_of(5) {
        out.push('"');
        for word in 0..12 {
            put!(
                out,
                "{}{}",
                if word > 0 { " " } else { "" },
                random.choice(&WORDS)
            );
        }
        out.push('"');
    } else {
        out.push_str("null");
    }
    if i.is_multiple_of(7) {
        let code = random.choice(&WORDS).to_uppercase();
        put!(
            out,
            r#","coupon":{{"code":"{code}","percent":{}}}"#,
            random.range(5, 50)
        );
    }
    out.push('}');
}

fn customer(random: &mut Random, i: u64, out: &mut String) {
    put!(out, r#""customer":{{"id":{},"#, random.range(1, 100_000));
    let (first, last) = (random.choice(&WORDS), random.choice(&WORDS));
    put!(out, r#""email":"{first}.{last}{}@example.com","#, i % 9973);
    put!(out, r#""address":{{"city":"{}","#, random.choice(&WORDS));
    put!(out, r#""zip":"{:05}","#, random.range(0, 99_999));
    let (lat, lon) = (random.uniform(-90.0, 90.0), random.uniform(-180.0, 180.0));
    put!(
        out,
        r#""geo":{{"lat":{},"lon":{}}}}}}},"#,
        float(lat),
        float(lon)
    );
}

fn order_item(random: &mut Random, out: &mut String) {
    put!(out, r#"{{"sku":"SKU-{:06}","#, random.range(0, 999_999));
    put!(out, r#""qty":{},"#, random.range(1, 9));
    put!(out, r#""price":{},"#, cents(random.unit() * 100.0));
    put!(
        out,
        r#""attributes":{{"color":"{}","#,
        random.choice(&WORDS)
    );
    put!(out, r#""weight_g":{}}}}}"#, random.range(1, 5000));
}

fn comma(i: u64) -> &'static str {
    if i > 0 { "," } else { "" }
}

/// As Python prints `round(value, 2)`.
fn cents(value: f64) -> String {
    let rounded = format!("{value:.2}");
    let shorter = rounded.strip_suffix('0').unwrap_or(&rounded);
    shorter.to_owned()
}

/// As Python prints a float of everyday size.
fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    match scientific.split_once("e-") {
        Some((mantissa, exponent)) if exponent.parse().is_ok_and(|exponent: u32| exponent > 4) => {
            format!("{mantissa}e-{exponent:0>2}")
        }
        _ => {
            let text = value.to_string();
            if text.contains('.') {
                text
            } else {
                format!("{text}.0")
            }
        }
    }
}

/// A hostile shape: its name and how a record is written.
pub struct Shape {
    /// Name for the table of results.
    pub name: &'static str,
    /// Records in the file.
    pub count: u64,
    record: fn(&mut Random, u64, &mut String),
}

impl Shape {
    /// The file of this shape, made if it is not there.
    pub fn file(&self, folder: &Path) -> Result<PathBuf, Failure> {
        let mut random = Random::new(11);
        let path = folder.join(format!("{}-{}.jsonl", self.name, self.count));
        make(&path, self.count, Framing::Lines, |i, line| {
            (self.record)(&mut random, i, line)
        })
    }
}

/// Shapes that break the habits of a fast path.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "new-keys",
        count: 5_000,
        record: new_keys,
    },
    Shape {
        name: "ten-new-keys",
        count: 1_900,
        record: ten_new_keys,
    },
    Shape {
        name: "colliding",
        count: 60_000,
        record: colliding,
    },
    Shape {
        name: "deep-lists",
        count: 20_000,
        record: deep_lists,
    },
    Shape {
        name: "deep-objects",
        count: 40_000,
        record: deep_objects,
    },
    Shape {
        name: "long-strings",
        count: 4_000,
        record: long_strings,
    },
    Shape {
        name: "escapes",
        count: 60_000,
        record: escapes,
    },
    Shape {
        name: "big-integers",
        count: 80_000,
        record: big_integers,
    },
    Shape {
        name: "wide",
        count: 3_000,
        record: wide,
    },
    Shape {
        name: "shuffled-keys",
        count: 80_000,
        record: shuffled_keys,
    },
    Shape {
        name: "mixed-types",
        count: 150_000,
        record: mixed_types,
    },
    Shape {
        name: "sparse",
        count: 80_000,
        record: sparse,
    },
    Shape {
        name: "unicode",
        count: 60_000,
        record: unicode,
    },
    Shape {
        name: "scalar-lists",
        count: 20_000,
        record: scalar_lists,
    },
    Shape {
        name: "timestamps",
        count: 80_000,
        record: timestamps,
    },
    Shape {
        name: "tiny",
        count: 800_000,
        record: tiny,
    },
];

/// Every record brings a key that nobody has seen.
fn new_keys(random: &mut Random, i: u64, out: &mut String) {
    put!(
        out,
        r#"{{"id":{i},"k{i}":{},"text":"{:0500}"}}"#,
        random.range(0, 1000),
        i
    );
}

/// Nothing but keys that nobody has seen: the table gets 19,000 columns and a hole in nearly every cell.
fn ten_new_keys(_: &mut Random, i: u64, out: &mut String) {
    put!(out, r#"{{"id":{i}"#);
    for key in 0..10 {
        put!(out, r#","k{}":"some text value {key}""#, i * 10 + key);
    }
    out.push('}');
}

/// Keys, and paths of nested objects and lists, that become the same name.
fn colliding(_: &mut Random, i: u64, out: &mut String) {
    put!(
        out,
        r#"{{"aB":{i},"a_b":{i},"a":{{"b":1}},"o":{{"x":[1]}},"O":{{"x":[2,3]}}}}"#
    );
}

fn deep_lists(random: &mut Random, i: u64, out: &mut String) {
    put!(out, r#"{{"id":{i},"a":["#);
    for outer in 0..4 {
        put!(
            out,
            r#"{}{{"n":{outer},"b":[[{},{}],[{}]],"c":[{{"d":[{{"e":{i}}}]}}]}}"#,
            comma(outer),
            random.range(0, 9),
            random.range(0, 9),
            random.range(0, 9)
        );
    }
    out.push_str("]}");
}

fn deep_objects(random: &mut Random, i: u64, out: &mut String) {
    put!(out, r#"{{"id":{i}"#);
    for level in 0..20 {
        put!(
            out,
            r#","level_{level}":{{"value":{}"#,
            random.range(0, 1000)
        );
    }
    out.push_str(&"}".repeat(21));
}

fn long_strings(random: &mut Random, i: u64, out: &mut String) {
    put!(out, r#"{{"id":{i},"body":""#);
    for _ in 0..1500 {
        put!(out, "{} ", random.choice(&WORDS));
    }
    out.push_str("\"}");
}

fn escapes(random: &mut Random, i: u64, out: &mut String) {
    put!(
        out,
        r#"{{"id":{i},"path":"C:\\dir\\{}","quote":"he said \"{}\"\n\tand left","#,
        random.choice(&WORDS),
        random.choice(&WORDS)
    );
    put!(
        out,
        r#""unicode":"\u00e9\u4e2d\ud83d\ude00 {}","slash":"a\/b\/c"}}"#,
        random.choice(&WORDS)
    );
}

fn big_integers(random: &mut Random, i: u64, out: &mut String) {
    let wide = random.bits_128();
    let (a, b) = ((wide >> 65) as u64, (wide & (u128::MAX >> 65)) as i64);
    put!(
        out,
        r#"{{"id":{i},"a":{a},"b":-{b},"c":{},"d":{}}}"#,
        i64::MAX - i as i64,
        i64::MIN + i as i64
    );
}

fn wide(random: &mut Random, i: u64, out: &mut String) {
    put!(out, r#"{{"id":{i}"#);
    for column in 0..500 {
        put!(out, r#","column_{column}":{}"#, random.range(0, 100_000));
    }
    out.push('}');
}

fn shuffled_keys(random: &mut Random, i: u64, out: &mut String) {
    let mut keys: Vec<u32> = (0..12).collect();
    for at in (1..keys.len()).rev() {
        keys.swap(at, random.range(0, at as u32 + 1) as usize);
    }
    put!(out, r#"{{"id":{i}"#);
    for key in keys {
        put!(out, r#","key_number_{key}":{}"#, random.range(0, 1000));
    }
    out.push('}');
}

fn mixed_types(random: &mut Random, i: u64, out: &mut String) {
    let value = match random.range(0, 5) {
        0 => format!("{i}"),
        1 => "\"text\"".to_owned(),
        2 => "1.5".to_owned(),
        3 => "true".to_owned(),
        _ => "null".to_owned(),
    };
    put!(out, r#"{{"id":{i},"value":{value},"other":{value}}}"#);
}

fn sparse(random: &mut Random, i: u64, out: &mut String) {
    put!(out, r#"{{"id":{i}"#);
    for column in 0..60 {
        if random.range(0, 6) == 0 {
            put!(out, r#","field_{column}":"{}""#, random.choice(&WORDS));
        }
    }
    out.push('}');
}

fn unicode(random: &mut Random, i: u64, out: &mut String) {
    put!(
        out,
        r#"{{"id":{i},"名前":"日本語のテキスト{}","ключ":"значение {i}","emoji":"😀🎉🚀","é":"{}é"}}"#,
        random.choice(&WORDS),
        random.choice(&WORDS)
    );
}

fn scalar_lists(random: &mut Random, i: u64, out: &mut String) {
    put!(out, r#"{{"id":{i},"values":["#);
    for position in 0..60 {
        put!(out, "{}{}", comma(position), random.range(0, 100_000));
    }
    out.push_str("]}");
}

fn timestamps(random: &mut Random, i: u64, out: &mut String) {
    put!(out, r#"{{"id":{i}"#);
    for column in ["created", "updated", "seen"] {
        let (day, hour) = (1 + random.range(0, 28), random.range(0, 24));
        put!(
            out,
            r#","{column}_at":"2026-03-{day:02}T{hour:02}:00:00.123456+02:00""#
        );
    }
    out.push('}');
}

fn tiny(_random: &mut Random, i: u64, out: &mut String) {
    put!(out, r#"{{"a":{i}}}"#);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_the_same_for_ever() {
        let mut random = Random::new(7);
        let mut lines = String::new();
        for i in 0..400 {
            order(&mut random, i, &mut lines);
            lines.push('\n');
        }
        assert_eq!(lines, include_str!("../../../fixtures/orders/orders.jsonl"));
    }

    #[test]
    fn floats_are_printed_as_python_does() {
        assert_eq!(
            [float(-0.00005), float(0.5), float(-0.0001), float(90.0)],
            ["-5e-05", "0.5", "-0.0001", "90.0"]
        );
        assert_eq!(
            [cents(12.504), cents(3.0), cents(0.129)],
            ["12.5", "3.0", "0.13"]
        );
    }
}
