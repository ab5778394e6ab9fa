//! SQL conditions written by users, with placeholders in braces as Python's `str.format` has them.

/// Fills the placeholders of `template` with `value(name)`; `{{` and `}}` are braces.
///
/// # Errors
/// A text for people: a brace that is not closed, or a placeholder that is not in `known`.
pub(super) fn expand(
    template: &str,
    known: &[&str],
    value: impl Fn(&str) -> String,
) -> Result<String, String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let (brace, after) = (&rest[at..=at], &rest[at + 1..]);
        if let Some(after) = after.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
            continue;
        }
        let end = after.find('}').filter(|_| brace == "{").ok_or_else(|| {
            format!("`{brace}` stands alone; a literal brace is written `{brace}{brace}`")
        })?;
        let name = &after[..end];
        if !known.contains(&name) {
            return Err(unknown(name, known));
        }
        out.push_str(&value(name));
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Checks a condition without filling it.
pub(crate) fn check_condition(template: &str, known: &[&str]) -> Result<(), String> {
    expand(template, known, |_| String::new()).map(|_| ())
}

fn unknown(name: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return format!("it takes no placeholders, but has `{{{name}}}`");
    }
    let known: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
    format!(
        "placeholder `{{{name}}}` is unknown; known are {}",
        known.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Result<String, String> {
        expand(template, &["table"], |name| name.to_uppercase())
    }

    #[test]
    fn placeholders_are_filled_and_doubled_braces_are_braces() {
        assert_eq!(
            filled("{table}.a = '{{x}}'").as_deref(),
            Ok("TABLE.a = '{x}'")
        );
    }

    #[test]
    fn a_condition_without_braces_stays() {
        assert_eq!(filled("a > 1").as_deref(), Ok("a > 1"));
    }

    #[test]
    fn unknown_and_broken_placeholders_are_errors() {
        for template in ["{other}", "{}", "{table.x}", "a } b", "{table", "{"] {
            assert!(filled(template).is_err(), "{template}");
        }
    }
}
