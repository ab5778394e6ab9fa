//! The `Link` header (RFC 8288), as far as pagination needs it: several links in one or more headers, each with a list of
//! relations that is compared without case (spec/rest-api.md §10.3).

/// Target of the first link that has this relation.
pub(crate) fn find<'a>(header: &'a str, rel: &str) -> Option<&'a str> {
    let mut rest = header;
    while let Some(open) = rest.find('<') {
        let close = open + rest[open..].find('>')?;
        let target = rest[open + 1..close].trim();
        let (params, after) = split_at(&rest[close + 1..], b',');
        if has_rel(params, rel) {
            return Some(target).filter(|target| !target.is_empty());
        }
        rest = after;
    }
    None
}

/// What comes before and after the first `separator` that is not quoted.
fn split_at(text: &str, separator: u8) -> (&str, &str) {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ if byte == separator && !is_quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

fn has_rel(mut params: &str, rel: &str) -> bool {
    while !params.is_empty() {
        let (param, rest) = split_at(params, b';');
        params = rest;
        let Some((name, value)) = param.split_once('=') else {
            continue;
        };
        // Only the first `rel` of a link counts (RFC 8288 §3.3).
        if name.trim().eq_ignore_ascii_case("rel") {
            let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
            return relations.any(|known| known.eq_ignore_ascii_case(rel));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn relations_are_lists_without_case() {
        assert_eq!(
            find(r#"<https://h/?p=2>; rel="next""#, "next"),
            Some("https://h/?p=2")
        );
        assert_eq!(
            find(r#"</a>; rel="prev", </b>; rel="Next last""#, "next"),
            Some("/b")
        );
        assert_eq!(
            find("</a>; title=\"x, <y>; rel=next\", </b>;rel=next", "next"),
            Some("/b")
        );
        assert_eq!(find(r#"</a>; rel="nextpage""#, "next"), None);
        assert_eq!(find(r#"</a>; rel=prev; rel=next"#, "next"), None);
        assert_eq!(find(r#"<>; rel="next""#, "next"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>()) {
            let _ = find(&text, "next");
        }

        #[test]
        fn a_link_among_others_is_found(
            before in prop::collection::vec("[a-z0-9/?=,;]{1,12}", 0..4),
            target in "[a-z0-9/?=&,;]{1,20}",
        ) {
            let mut parts: Vec<String> = before.iter()
                .map(|target| format!("<{target}>; rel=\"prev\"; title=\"a, b\"")).collect();
            parts.push(format!("<{target}>; title=\"c; d\"; rel=\"last next\""));
            let header = parts.join(", ");
            prop_assert_eq!(find(&header, "next"), Some(target.as_str()));
        }
    }
}
