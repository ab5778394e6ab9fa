//! Connection strings: `postgresql://user:password@host:5432/database?key=value`.
//!
//! Read as dlt reads them (SQLAlchemy's rules): the password ends at the first `@`, user and password are percent-
//! decoded, the database is not.

use std::fmt;

use serde_json::{Map, Value};

use crate::secret::Secret;

/// Parts of a connection string.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    /// What stands before `://`, for instance `postgresql` or `postgresql+psycopg`.
    pub driver: String,
    /// User.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Secret<String>>,
    /// Host, without the brackets of an IPv6 address.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Database, as written; for a file its path.
    pub database: Option<String>,
    /// Parameters after `?`, in order; a name may come twice.
    pub query: Vec<(String, String)>,
}

/// Text that is no connection string. Does not hold the text, which may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a connection string (`driver://username:password@host:port/database`): {why}")]
pub struct NotAConnectionString {
    /// What is wrong with it.
    pub why: &'static str,
}

impl ConnectionString {
    /// Reads a connection string.
    ///
    /// # Errors
    /// [`NotAConnectionString`] without `://`, with a strange driver name, or with a port that is no number.
    pub fn parse(text: &str) -> Result<Self, NotAConnectionString> {
        let fail = |why| NotAConnectionString { why };
        let (driver, rest) = text
            .split_once("://")
            .ok_or_else(|| fail("`://` is missing"))?;
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '+';
        if driver.is_empty() || !driver.chars().all(is_word) {
            return Err(fail("the driver before `://` is not a word"));
        }
        // The user first: a password may hold `?` and `/`.
        let (user, rest) = split_user(rest);
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, parse_query(query)),
            None => (rest, Vec::new()),
        };
        let (address, database) = match rest.split_once('/') {
            Some((address, database)) => (address, Some(database.to_owned())),
            None => (rest, None),
        };
        let (host, port) = split_address(address);
        let port = match port.filter(|port| !port.is_empty()) {
            Some(port) => Some(port.parse().map_err(|_| fail("the port is not a number"))?),
            None => None,
        };
        let (username, password) = user.unwrap_or((None, None));
        Ok(ConnectionString {
            driver: driver.to_owned(),
            username,
            password: password.map(Secret::new),
            host: host.map(str::to_owned),
            port,
            database,
            query,
        })
    }

    /// The parts as fields of a credentials configuration: `username`, `password`, `host`, `port`, `database`,
    /// `query`, and each parameter under its own name. Parts that are absent or empty are left out.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            value.map(|value| fields.insert(name.to_owned(), value));
        };
        let text = |text: &Option<String>| {
            text.clone()
                .filter(|text| !text.is_empty())
                .map(Value::String)
        };
        for (name, value) in &self.query {
            put(name, Some(value.clone().into()));
        }
        put("drivername", Some(self.driver.clone().into()));
        put("username", text(&self.username));
        put(
            "password",
            text(&self.password.clone().map(Secret::into_exposed)),
        );
        put("host", text(&self.host));
        put("port", self.port.map(Value::from));
        put("database", text(&self.database));
        if !self.query.is_empty() {
            let query = self
                .query
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into()));
            put("query", Some(Value::Object(query.collect())));
        }
        fields
    }
}

type User = (Option<String>, Option<String>);

/// User and password before the first `@` that can end them, and what follows.
fn split_user(text: &str) -> (Option<User>, &str) {
    let Some((before, after)) = text.split_once('@') else {
        return (None, text);
    };
    match before.split_once(':') {
        _ if before
            .split(':')
            .next()
            .is_some_and(|user| user.contains('/')) =>
        {
            (None, text)
        }
        Some((user, password)) => (Some((Some(decode(user)), Some(decode(password)))), after),
        None => (Some((Some(decode(before)), None)), after),
    }
}

fn split_address(address: &str) -> (Option<&str>, Option<&str>) {
    let (host, port) = match address
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    (Some(host).filter(|host| !host.is_empty()), port)
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            (
                decode(&name.replace('+', " ")),
                decode(&value.replace('+', " ")),
            )
        })
        .collect()
}

/// Undoes percent encoding; what is not encoded stays.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Without password and parameters, which often hold secrets.
impl fmt::Display for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.driver)?;
        if let Some(username) = &self.username {
            write!(
                f,
                "{username}{}@",
                if self.password.is_some() { ":***" } else { "" }
            )?;
        }
        match &self.host {
            Some(host) if host.contains(':') => write!(f, "[{host}]")?,
            Some(host) => f.write_str(host)?,
            None => {}
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match &self.database {
            Some(database) => write!(f, "/{database}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionString({self})")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str, password: Option<&str>) {
        let parsed = ConnectionString::parse(text).unwrap();
        assert_eq!(parsed.to_string(), shown);
        assert_eq!(
            parsed
                .password
                .as_ref()
                .map(|secret| secret.expose().as_str()),
            password
        );
    }

    #[test]
    fn parts_are_read_as_dlt_reads_them() {
        check(
            "postgresql://u:p@h:5/d",
            "postgresql://u:***@h:5/d",
            Some("p"),
        );
        check(
            "postgresql+psycopg://us%40er:p%2Fw+x@h:5/d%20b",
            "postgresql+psycopg://us@er:***@h:5/d%20b",
            Some("p/w+x"),
        );
        check(
            "postgresql://u@[::1]:5/db?a=1&a=2&b=%20c+d",
            "postgresql://u@[::1]:5/db",
            None,
        );
        check(
            "duckdb:////tmp/a@b/m.duckdb",
            "duckdb:////tmp/a@b/m.duckdb",
            None,
        );
        check("duckdb:///m.duckdb", "duckdb:///m.duckdb", None);
        check("postgresql://h", "postgresql://h", None);
    }

    #[test]
    fn parameters_become_fields_too() {
        let parsed = ConnectionString::parse("snowflake://u:p@h/d?warehouse=w&role=r%20s").unwrap();
        let fields = Value::Object(parsed.fields());
        assert_eq!(
            fields,
            serde_json::json!({
                "warehouse": "w", "role": "r s", "drivername": "snowflake", "username": "u",
                "password": "p", "host": "h", "database": "d",
                "query": {"warehouse": "w", "role": "r s"}
            })
        );
    }

    #[test]
    fn other_text_is_refused_without_being_repeated() {
        for text in ["canary", "a b://h", "postgresql://h:canary/d"] {
            let error = ConnectionString::parse(text).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            if let Ok(parsed) = ConnectionString::parse(&text) {
                let shown = format!("{parsed} {parsed:?}");
                let password = parsed.password.map(Secret::into_exposed).unwrap_or_default();
                let leak = format!(":{password}@");
                prop_assert!(password.len() < 8 || !shown.contains(&leak));
            }
        }
    }
}
