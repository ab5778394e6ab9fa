//! The last guard against secrets in outputs: texts are searched for every secret value of this process.
//!
//! Types keep secrets from being printed by accident, but a server can send one back in an error body and a library can
//! put a URL into its message. Whoever makes a text for people or for disk from such parts passes it through [`redact`].
//! Values are known from [`hide`] on; they are looked for as they are, percent-encoded, form-encoded, escaped as JSON and
//! in base64 (spec/rest-api.md §17).

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Shorter values would be found inside ordinary words.
const SECRET_BYTES_MIN: usize = 4;

/// What is shown instead.
pub const HIDDEN: &str = "***";

/// Longest first, so that a value that contains another is replaced as a whole.
static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Makes `secret` unprintable for [`redact`] from now on.
pub fn hide(secret: &str) {
    if secret.len() < SECRET_BYTES_MIN {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    for form in forms(secret) {
        if !known.contains(&form) {
            known.push(form);
        }
    }
    known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
}

/// The text with every known secret replaced by three stars.
pub fn redact(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let mut text = Cow::Borrowed(text);
    for secret in known.iter() {
        if text.contains(secret.as_str()) {
            text = Cow::Owned(text.replace(secret.as_str(), HIDDEN));
        }
    }
    text
}

/// How a value can look inside a text.
fn forms(secret: &str) -> Vec<String> {
    let percent = encoded(secret, "%20", false);
    let lower = encoded(secret, "%20", true);
    let form = encoded(secret, "+", false);
    let quoted = serde_json::Value::from(secret).to_string();
    let escaped = quoted[1..quoted.len() - 1].to_owned();
    let base64 = STANDARD.encode(secret);
    // The padding is left out: it may be there or not, and the rest is enough to be found.
    let base64 = base64.trim_end_matches('=').to_owned();
    let url_safe = URL_SAFE_NO_PAD.encode(secret);
    let mut forms = vec![secret.to_owned()];
    for form in [percent, lower, form, escaped, base64, url_safe] {
        if form.len() >= SECRET_BYTES_MIN && !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

fn encoded(text: &str, blank: &str, is_lower: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push_str(blank),
            _ if is_lower => out.push_str(&format!("%{byte:02x}")),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_value_is_found_in_every_form() {
        let secret = "cänary/4711 \"x\"+redact";
        hide(secret);
        for form in forms(secret) {
            let text = format!("before {form} after");
            assert_eq!(redact(&text), "before *** after", "{form}");
        }
    }

    #[test]
    fn a_short_value_is_not_looked_for() {
        hide("abc");
        assert!(matches!(redact("an abc of secrets"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_longer_of_two_values_goes_first() {
        hide("canary-nested");
        hide("canary-nested-longer");
        assert_eq!(redact("<canary-nested-longer>"), "<***>");
    }
}
