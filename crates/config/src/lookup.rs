//! Under which keys a setting is looked for, most specific first (spec/config.md §2).
//!
//! Pure: sections and a key in, keys out. Which provider has a value is decided elsewhere.

/// Top-level section in which section and name may be the same thing.
const COMPACT_SECTION: &str = "sources";

/// What is being configured: the sections around a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    sections: Vec<String>,
    embedded: Vec<String>,
    fixed: Option<String>,
    pipeline: Option<String>,
}

impl Scope {
    /// Sections from the outside in, for instance `["sources", "pixlee", "pixlee_source"]`; they are dropped from the
    /// right, one by one.
    pub fn new<S: AsRef<str>>(sections: impl IntoIterator<Item = S>) -> Self {
        let sections = sections
            .into_iter()
            .map(|section| section.as_ref().to_owned())
            .collect();
        Scope {
            sections,
            ..Scope::default()
        }
    }

    /// One section that is never dropped, for instance `runtime`.
    pub fn fixed(section: &str) -> Self {
        Scope {
            fixed: Some(section.to_owned()),
            ..Scope::default()
        }
    }

    /// A source: section (module) and name.
    pub fn source(section: &str, name: &str) -> Self {
        Scope::new(["sources", section, name])
    }

    /// A destination by its configured name.
    pub fn destination(name: &str) -> Self {
        Scope::new(["destination", name])
    }

    /// The same, looked for under the name of the pipeline first.
    #[must_use]
    pub fn in_pipeline(self, name: &str) -> Self {
        Scope {
            pipeline: Some(name.to_owned()),
            ..self
        }
    }

    /// A configuration in the field `field` of this one, for instance `credentials`.
    #[must_use]
    pub fn within(mut self, field: &str) -> Self {
        if self.embedded.is_empty() {
            self.embedded.extend(self.fixed.take());
        }
        self.embedded.push(field.to_owned());
        self
    }

    pub(crate) fn pipeline(&self) -> Option<&str> {
        self.pipeline.as_deref()
    }

    /// The sections tried, most specific first, without the pipeline name.
    pub(crate) fn paths(&self) -> Vec<Vec<String>> {
        let (embedded, last) = self.innermost();
        let mut rest: Vec<String> = self.sections.iter().chain(&embedded).cloned().collect();
        let mut paths = Vec::new();
        loop {
            paths.push(rest.iter().chain(&last).cloned().collect());
            if rest.pop().is_none() {
                break;
            }
        }
        if let [top, section, name, ..] = self.sections.as_slice()
            && top == COMPACT_SECTION
            && section != name
        {
            let compact: Vec<String> = [top, name]
                .into_iter()
                .chain(&embedded)
                .chain(&last)
                .cloned()
                .collect();
            if !paths.contains(&compact) {
                paths.insert(2.min(paths.len()), compact);
            }
        }
        paths
    }

    /// The embedded sections that can be dropped, and the one that cannot.
    fn innermost(&self) -> (Vec<String>, Option<String>) {
        let is_named = |section: &&String| !section.starts_with('_');
        let Some((last, outer)) = self.embedded.split_last() else {
            return (Vec::new(), self.fixed.clone());
        };
        let last = if is_named(&last) {
            Some(last.clone())
        } else {
            self.fixed.clone()
        };
        (outer.iter().filter(is_named).cloned().collect(), last)
    }

    /// The place of a whole object that could be given instead of this configuration: its scope and key.
    pub(crate) fn whole(&self) -> Option<(Scope, String)> {
        let (embedded, last) = self.innermost();
        let scope = Scope {
            embedded,
            fixed: None,
            ..self.clone()
        };
        last.map(|key| (scope, key))
    }
}

/// Names of environment variables tried for a key, in order.
pub fn environment_keys(scope: &Scope, key: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for pipeline in pipelines(scope) {
        keys.extend(
            scope
                .paths()
                .iter()
                .map(|path| environment_key(pipeline, path, key)),
        );
    }
    keys
}

/// The pipeline names to be put in front: the active one, then none.
pub(crate) fn pipelines(scope: &Scope) -> impl Iterator<Item = Option<&str>> {
    scope.pipeline().map(Some).into_iter().chain([None])
}

/// Name of an environment variable.
pub(crate) fn environment_key(pipeline: Option<&str>, path: &[String], key: &str) -> String {
    join(pipeline, path, key, "__").to_uppercase()
}

/// Dotted key in a TOML document.
pub(crate) fn dotted_key(pipeline: Option<&str>, path: &[String], key: &str) -> String {
    join(pipeline, path, key, ".")
}

fn join(pipeline: Option<&str>, path: &[String], key: &str, separator: &str) -> String {
    let parts = pipeline
        .into_iter()
        .chain(path.iter().map(String::as_str))
        .chain([key]);
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(separator)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use serde_json::Value;

    use super::*;

    fn words(value: &Value) -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one.as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn keys_are_tried_in_dlts_order() {
        let golden = include_str!("../../../fixtures/golden/config_lookup.jsonl");
        for line in golden.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let mut scope = Scope::new(words(&case["sections"]));
            scope.fixed = case["config_section"].as_str().map(str::to_owned);
            scope.embedded = words(&case["embedded"]);
            scope.pipeline = case["pipeline"].as_str().map(str::to_owned);
            let found = environment_keys(&scope, case["key"].as_str().unwrap());
            assert_eq!(found, words(&case["env_keys_in_order"]), "{line}");
        }
        assert_eq!(golden.lines().count(), 8);
    }

    #[test]
    fn a_field_with_a_leading_underscore_adds_no_section() {
        let scope = Scope::fixed("load").within("_storage");
        assert_eq!(environment_keys(&scope, "k"), ["LOAD__K", "K"]);
    }

    #[test]
    fn a_whole_object_stands_at_its_own_key() {
        let scope = Scope::destination("postgres").within("credentials");
        let (outer, key) = scope.whole().unwrap();
        assert_eq!(
            environment_keys(&outer, &key),
            [
                "DESTINATION__POSTGRES__CREDENTIALS",
                "DESTINATION__CREDENTIALS",
                "CREDENTIALS"
            ]
        );
    }
}
