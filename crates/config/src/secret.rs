//! A value that cannot be printed by accident.

use std::fmt;

/// A secret value: no `Display`, no serialization, `Debug` shows three stars.
///
/// The value leaves only through [`Secret::expose`], so that every place that uses it can be found by its name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Secret(value)
    }

    /// The value, for the service that it belongs to.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value, for the service that it belongs to.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl Secret<String> {
    /// What may be said about it: `set (29 characters)`.
    pub fn hint(&self) -> String {
        hidden(&self.0)
    }
}

/// What may be said about a secret text.
pub(crate) fn hidden(text: &str) -> String {
    format!("set ({} characters)", text.chars().count())
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Secret(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_stars() {
        let secret = Secret::new("canary-4711".to_owned());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "*** Some(***)");
        assert_eq!(secret.hint(), "set (11 characters)");
        assert_eq!(secret.expose(), "canary-4711");
    }
}
