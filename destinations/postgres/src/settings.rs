//! Settings of a Postgres destination and the forms in which users write them (spec/destinations.md §4.2).
//!
//! dlt hands its fields and the parameters of its connection string to libpq, so the words here are libpq's. Start with
//! [`PostgresSettings::parse`]; [`fields_of`] takes connection strings apart.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use tipple_config::{ConnectionString, Secret};
use tipple_destination::{DestinationError, Result};

/// Fields of the credentials, and what libpq calls them where that differs.
pub const FIELDS: [&str; 16] = [
    "host",
    "port",
    "database",
    "username",
    "password",
    "connect_timeout",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "channel_binding",
    "application_name",
    "options",
    "client_encoding",
    "session_timezone",
    "target_session_attrs",
];

/// Fields that say nothing here: what a connection string leaves behind.
const IGNORED: [&str; 2] = ["drivername", "query"];

/// Names of fields in connection strings of libpq.
const LIBPQ_NAMES: [(&str, &str); 3] = [
    ("dbname", "database"),
    ("user", "username"),
    ("hostaddr", "host"),
];

/// What the connection demands of TLS, in libpq's words and meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// Without TLS, and with it if the server insists.
    Allow,
    /// With TLS if the server has it; its certificate is not looked at.
    Prefer,
    /// Only with TLS; the certificate is looked at only when `sslrootcert` is given.
    Require,
    /// Only with TLS and a certificate of a known authority.
    VerifyCa,
    /// As `verify-ca`, and the certificate must be for the host.
    VerifyFull,
}

impl SslMode {
    const WORDS: [(&str, SslMode); 6] = [
        ("disable", SslMode::Disable),
        ("allow", SslMode::Allow),
        ("prefer", SslMode::Prefer),
        ("require", SslMode::Require),
        ("verify-ca", SslMode::VerifyCa),
        ("verify-full", SslMode::VerifyFull),
    ];
}

/// Settings of a Postgres destination, complete.
#[derive(Clone)]
pub struct PostgresSettings {
    /// Name of the destination: `postgres` unless the user gave another.
    pub name: String,
    /// Host, or the folder of a Unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database.
    pub database: String,
    /// User.
    pub username: String,
    /// Password; absent where the server does not ask for one.
    pub password: Option<Secret<String>>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// Demands on TLS.
    pub ssl_mode: SslMode,
    /// Certificates of authorities that are trusted, PEM; those of the system when absent.
    pub ssl_root_cert: Option<PathBuf>,
    /// Certificate of the client, PEM.
    pub ssl_cert: Option<PathBuf>,
    /// Key of that certificate, PEM, unencrypted.
    pub ssl_key: Option<PathBuf>,
    /// Whether the login must be bound to the TLS connection; absent means where both sides can.
    pub channel_binding: Option<bool>,
    /// Name of the program in the server's list of sessions.
    pub application_name: String,
    /// Options for the server process, for instance `-c statement_timeout=60000`.
    pub options: Option<String>,
    /// Time zone of each session; absent leaves the server's choice.
    pub session_timezone: Option<String>,
    /// Refuse servers that cannot be written.
    pub is_read_write_required: bool,
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("name", &self.name)
            .field("location", &self.location())
            .finish_non_exhaustive()
    }
}

impl PostgresSettings {
    /// Reads the fields of `credentials` for the destination `name`.
    ///
    /// # Errors
    /// [`DestinationError::Settings`] for a missing or unknown field or a value that cannot be used.
    pub fn parse(name: &str, credentials: &Map<String, Value>) -> Result<Self> {
        let reader = Reader { name, credentials };
        reader.check_names()?;
        let settings = PostgresSettings {
            name: name.to_owned(),
            host: reader.required("host")?,
            port: reader.number("port")?.unwrap_or(5432),
            database: reader.required("database")?,
            username: reader.required("username")?,
            password: reader.text("password")?.map(Secret::new),
            connect_timeout: Duration::from_secs(u64::from(
                reader.number("connect_timeout")?.unwrap_or(15),
            )),
            ssl_mode: reader.ssl_mode()?,
            ssl_root_cert: reader.text("sslrootcert")?.map(PathBuf::from),
            ssl_cert: reader.text("sslcert")?.map(PathBuf::from),
            ssl_key: reader.text("sslkey")?.map(PathBuf::from),
            channel_binding: reader.channel_binding()?,
            application_name: reader
                .text("application_name")?
                .unwrap_or_else(|| "tipple".to_owned()),
            options: reader.text("options")?,
            session_timezone: match credentials.get("session_timezone") {
                None => Some("UTC".to_owned()),
                Some(_) => reader.text("session_timezone")?,
            },
            is_read_write_required: reader.is_read_write_required()?,
        };
        reader.check_encoding()?;
        reader.check_certificate(&settings)?;
        Ok(settings)
    }

    /// Address without password and parameters.
    pub fn location(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        format!(
            "postgresql://{}@{host}:{}/{}",
            self.username, self.port, self.database
        )
    }

    /// True when the host is the folder of a Unix socket, where TLS has no meaning.
    pub fn is_local(&self) -> bool {
        self.host.starts_with('/')
    }
}

/// Fields of a connection string: a URL, or libpq's `key=value` pairs.
///
/// # Errors
/// What is wrong with it, without repeating any of it.
pub fn fields_of(text: &str) -> Result<Map<String, Value>, String> {
    let fields = match text.contains("://") {
        true => url_fields(text)?,
        false => pairs(text)?,
    };
    let renamed = fields.into_iter().map(|(name, value)| {
        let known = LIBPQ_NAMES.iter().find(|(libpq, _)| *libpq == name);
        (
            known.map_or(name.clone(), |(_, ours)| (*ours).to_owned()),
            value,
        )
    });
    Ok(renamed.collect())
}

fn url_fields(text: &str) -> Result<Map<String, Value>, String> {
    let parsed = ConnectionString::parse(text).map_err(|error| error.to_string())?;
    let scheme = parsed.driver.split('+').next().unwrap_or_default();
    if !["postgres", "postgresql"].contains(&scheme) {
        return Err(
            "it is no address of Postgres: write postgresql://user:password@host:5432/database"
                .to_owned(),
        );
    }
    Ok(parsed.fields())
}

/// `key=value` pairs as libpq reads them: values in single quotes may hold blanks, a backslash protects the next character.
fn pairs(text: &str) -> Result<Map<String, Value>, String> {
    let mut fields = Map::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or_else(not_pairs)?;
        let key = key.trim();
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(not_pairs());
        }
        let (value, after) = pair_value(after.trim_start())?;
        fields.insert(key.to_owned(), Value::String(value));
        rest = after.trim_start();
    }
    match fields.is_empty() {
        true => Err(not_pairs()),
        false => Ok(fields),
    }
}

fn not_pairs() -> String {
    "it is no connection string: write postgresql://user:password@host:5432/database or \
     host=… dbname=… user=… password=…"
        .to_owned()
}

fn pair_value(text: &str) -> Result<(String, &str), String> {
    let (is_quoted, text) = match text.strip_prefix('\'') {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, protected)| protected)),
            '\'' if is_quoted => return Ok((value, &text[at + 1..])),
            blank if !is_quoted && blank.is_whitespace() => return Ok((value, &text[at..])),
            other => value.push(other),
        }
    }
    match is_quoted {
        true => Err("it is no connection string: a quote is not closed".to_owned()),
        false => Ok((value, "")),
    }
}

struct Reader<'a> {
    name: &'a str,
    credentials: &'a Map<String, Value>,
}

impl Reader<'_> {
    fn error(&self, field: &str, why: impl Into<String>) -> DestinationError {
        DestinationError::Settings {
            destination: self.name.to_owned(),
            field: format!("credentials.{field}"),
            why: why.into(),
        }
    }

    fn check_names(&self) -> Result<()> {
        let is_known =
            |name: &&String| FIELDS.contains(&name.as_str()) || IGNORED.contains(&name.as_str());
        match self.credentials.keys().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(unknown) => {
                let why = format!("the field is unknown; known are {}", FIELDS.join(", "));
                Err(self.error(unknown, why))
            }
        }
    }

    /// A text that is neither missing nor empty; numbers and flags are taken for their text.
    fn text(&self, field: &str) -> Result<Option<String>> {
        match self.credentials.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            Some(_) => Err(self.error(field, "text is expected")),
        }
    }

    fn required(&self, field: &str) -> Result<String> {
        let why = "it is missing; set it, or give `credentials` as postgresql://user:password@host:5432/database";
        self.text(field)?.ok_or_else(|| self.error(field, why))
    }

    fn number(&self, field: &str) -> Result<Option<u16>> {
        let text = self.text(field)?;
        let number = text.map(|text| text.parse::<u16>()).transpose();
        number.map_err(|_| self.error(field, "a whole number up to 65535 is expected"))
    }

    fn choice<T: Copy>(&self, field: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(self.error(field, format!("one of {} is expected", known.join(", "))))
            }
        }
    }

    fn ssl_mode(&self) -> Result<SslMode> {
        Ok(self
            .choice("sslmode", &SslMode::WORDS)?
            .unwrap_or(SslMode::Prefer))
    }

    fn channel_binding(&self) -> Result<Option<bool>> {
        let words = [
            ("disable", Some(false)),
            ("prefer", None),
            ("require", Some(true)),
        ];
        Ok(self.choice("channel_binding", &words)?.flatten())
    }

    fn is_read_write_required(&self) -> Result<bool> {
        let words = [("any", false), ("read-write", true)];
        Ok(self
            .choice("target_session_attrs", &words)?
            .unwrap_or_default())
    }

    fn check_encoding(&self) -> Result<()> {
        let encoding = self.text("client_encoding")?.unwrap_or_default();
        let plain = encoding.replace(['-', '_'], "").to_lowercase();
        match ["", "utf8", "unicode", "auto"].contains(&plain.as_str()) {
            true => Ok(()),
            false => Err(self.error("client_encoding", "rows are sent as utf8; leave it out")),
        }
    }

    fn check_certificate(&self, settings: &PostgresSettings) -> Result<()> {
        match (&settings.ssl_cert, &settings.ssl_key) {
            (Some(_), None) => {
                Err(self.error("sslkey", "`sslcert` needs the key of the certificate"))
            }
            (None, Some(_)) => {
                Err(self.error("sslcert", "`sslkey` needs the certificate of the key"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn read(text: &str) -> PostgresSettings {
        PostgresSettings::parse("postgres", &fields_of(text).unwrap()).unwrap()
    }

    fn told(credentials: Value) -> String {
        let Value::Object(fields) = credentials else {
            return String::new();
        };
        match PostgresSettings::parse("warehouse", &fields) {
            Ok(settings) => settings.location(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn urls_and_pairs_mean_the_same() {
        for text in [
            "postgresql://loader:p%40ss@db:5433/shop?sslmode=require&connect_timeout=3",
            "postgres://loader:p%40ss@db:5433/shop?sslmode=require&connect_timeout=3",
            "postgresql+psycopg2://loader:p%40ss@db:5433/shop?sslmode=require&connect_timeout=3",
            "host=db port=5433 user=loader password=p@ss dbname=shop sslmode=require connect_timeout=3",
            "user = 'loader' password='p@ss'  host=db dbname = shop port=5433 connect_timeout=3 sslmode=require ",
        ] {
            let settings = read(text);
            assert_eq!(
                settings.location(),
                "postgresql://loader@db:5433/shop",
                "{text}"
            );
            assert_eq!(
                settings.password.map(Secret::into_exposed).as_deref(),
                Some("p@ss")
            );
            assert_eq!(settings.ssl_mode, SslMode::Require);
            assert_eq!(settings.connect_timeout, Duration::from_secs(3));
        }
    }

    #[test]
    fn quotes_and_backslashes_protect() {
        let settings = read(r"host=/run/pg user='a b' dbname=d\ e password='it\'s \\'");
        assert_eq!(settings.username, "a b");
        assert_eq!(settings.database, "d e");
        assert_eq!(
            settings.password.map(Secret::into_exposed).as_deref(),
            Some(r"it's \")
        );
        assert!(
            PostgresSettings {
                password: None,
                ..read("host=/run/pg user=a dbname=d")
            }
            .is_local()
        );
    }

    #[test]
    fn what_is_no_connection_string_is_not_repeated() {
        for text in [
            "canary",
            "=canary",
            "host='canary",
            "mysql://u:canary@h/d",
            "canary key=x",
        ] {
            let why = fields_of(text).unwrap_err();
            assert!(!why.contains("canary"), "{why}");
        }
    }

    #[test]
    fn wrong_fields_say_what_is_expected() {
        insta::assert_snapshot!(told(json!({"host": "h", "username": "u"})), @"setting `credentials.database` of destination `warehouse` is not usable: it is missing; set it, or give `credentials` as postgresql://user:password@host:5432/database");
        insta::assert_snapshot!(told(json!({"hots": "h"})), @"setting `credentials.hots` of destination `warehouse` is not usable: the field is unknown; known are host, port, database, username, password, connect_timeout, sslmode, sslrootcert, sslcert, sslkey, channel_binding, application_name, options, client_encoding, session_timezone, target_session_attrs");
        insta::assert_snapshot!(told(json!({"host": "h", "database": "d", "username": "u", "sslmode": "yes"})), @"setting `credentials.sslmode` of destination `warehouse` is not usable: one of disable, allow, prefer, require, verify-ca, verify-full is expected");
        insta::assert_snapshot!(told(json!({"host": "h", "database": "d", "username": "u", "sslcert": "c.pem"})), @"setting `credentials.sslkey` of destination `warehouse` is not usable: `sslcert` needs the key of the certificate");
    }

    #[test]
    fn passwords_stay_out_of_debug_output() {
        let settings = read("postgresql://u:canary@h/d");
        assert!(!format!("{settings:?}").contains("canary"));
        assert!(!settings.location().contains("canary"));
    }
}
