//! Hashes by which rows at the start of the range are recognized (golden `dedup.jsonl`).
//!
//! SHAKE-128 over canonical JSON. A moment enters as whole microseconds since 1970, so that one instant has one hash in
//! whatever zone it is written. State from before dlt 1.29 has longer hashes over ISO text; they are still recognized.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha3::Shake128;
use sha3::digest::{ExtendableOutput, Update, XofReader};
use tipple_json::{Timestamp, Value, iso};

const HASH_BYTES: usize = 9;
const LEGACY_HASH_BYTES: usize = 15;

/// Hash of a key value or row whose typed values are decoded.
pub(super) fn dedup_hash(mut value: Value, is_legacy: bool) -> String {
    rewrite_moments(&mut value, is_legacy);
    let mut text = String::new();
    tipple_json::write_sorted(&value, &mut text);
    digest(
        &text,
        if is_legacy {
            LEGACY_HASH_BYTES
        } else {
            HASH_BYTES
        },
    )
}

fn rewrite_moments(value: &mut Value, is_legacy: bool) {
    match value {
        Value::Timestamp(moment) if is_legacy => *value = Value::Text(legacy_text(moment)),
        Value::Timestamp(moment) => *value = Value::Int(moment.micros),
        Value::List(elements) => elements
            .iter_mut()
            .for_each(|e| rewrite_moments(e, is_legacy)),
        Value::Object(members) => {
            members
                .iter_mut()
                .for_each(|(_, member)| rewrite_moments(member, is_legacy));
        }
        _ => {}
    }
}

fn legacy_text(moment: &Timestamp) -> String {
    let text = iso::timestamp_text(*moment);
    match text.strip_suffix("+00:00") {
        Some(start) => format!("{start}Z"),
        None => text,
    }
}

fn digest(text: &str, byte_count: usize) -> String {
    let mut hasher = Shake128::default();
    hasher.update(text.as_bytes());
    let mut bytes = vec![0; byte_count];
    hasher.finalize_xof().read(&mut bytes);
    STANDARD_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    /// `{"$datetime": …}` and the like as marked text.
    fn marked(value: &Json) -> Json {
        match value {
            Json::Object(map) if map.len() == 1 => {
                let marks = [
                    ("$decimal", '\u{F026}'),
                    ("$datetime", '\u{F027}'),
                    ("$date", '\u{F028}'),
                ];
                let mark = marks
                    .iter()
                    .find_map(|(key, mark)| Some((map.get(*key)?, mark)));
                match mark {
                    Some((text, mark)) => json!(format!("{mark}{}", text.as_str().unwrap())),
                    None => map
                        .iter()
                        .map(|(key, member)| (key.clone(), marked(member)))
                        .collect(),
                }
            }
            other => other.clone(),
        }
    }

    fn hash_of(value: &Json, is_legacy: bool) -> String {
        let value = tipple_json::parse_value(marked(value).to_string().as_bytes()).unwrap();
        dedup_hash(super::super::typed::decode(value), is_legacy)
    }

    #[test]
    fn hashes_are_those_of_the_golden_file() {
        let golden = include_str!("../../../../fixtures/golden/dedup.jsonl");
        for line in golden.lines() {
            let case: Json = serde_json::from_str(line).unwrap();
            assert_eq!(
                hash_of(&case["value"], false),
                case["out"].as_str().unwrap(),
                "{line}"
            );
        }
    }

    #[test]
    fn hashes_of_older_state_are_recognized() {
        assert_eq!(hash_of(&json!(1), true).len(), 20);
        let at_utc = json!({"$datetime": "2024-01-02T03:04:05+00:00"});
        assert_eq!(
            hash_of(&at_utc, true),
            hash_of(&json!("2024-01-02T03:04:05Z"), true)
        );
    }
}
