//! A connection to the server, set up for what it is for.

use std::sync::Arc;
use std::time::Duration;

use tipple_destination::Result;
use tokio_postgres::config::{ChannelBinding, SslMode as DriverSslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};

use crate::failure::Failure;
use crate::settings::{PostgresSettings, SslMode};
use crate::tls;

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whatever the user may.
    Write,
    /// Read.
    Read,
}

/// A session that is logged in. Its connection is driven by a task of the runtime that opened it.
pub(crate) struct Session {
    pub client: Client,
    settings: Arc<PostgresSettings>,
}

impl Session {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Settings of TLS that cannot be used, a server that is not there, a login that is refused.
    pub async fn open(settings: &Arc<PostgresSettings>, access: Access) -> Result<Self> {
        let location = settings.location();
        let session = Session {
            client: connect(settings).await?,
            settings: Arc::clone(settings),
        };
        session
            .set_up(access)
            .await
            .map_err(|failure| failure.opening(&location))?;
        Ok(session)
    }

    /// Address without secrets.
    pub fn location(&self) -> String {
        self.settings.location()
    }

    /// Name of the database.
    pub fn database(&self) -> &str {
        &self.settings.database
    }

    /// Name of the user.
    pub fn username(&self) -> &str {
        &self.settings.username
    }

    async fn set_up(&self, access: Access) -> Result<(), Failure> {
        let mut sql = "SET DateStyle = 'ISO'; SET standard_conforming_strings = on;".to_owned();
        if let Some(zone) = &self.settings.session_timezone {
            sql.push_str(&format!("SET TimeZone = '{}';", zone.replace('\'', "''")));
        }
        if access == Access::Read {
            sql.push_str("SET default_transaction_read_only = on;");
        }
        self.client.batch_execute(&sql).await?;
        // Ends the work of a process that is gone, also in the middle of a long statement; servers before 14 and some
        // systems do not know it and go on without.
        let _ = self
            .client
            .batch_execute("SET client_connection_check_interval = '5s'")
            .await;
        Ok(())
    }
}

async fn connect(settings: &PostgresSettings) -> Result<Client> {
    let location = settings.location();
    let opening = |failure: Failure| failure.opening(&location);
    let config = config(settings);
    if settings.is_local() || settings.ssl_mode == SslMode::Disable {
        return plainly(settings, &config).await.map_err(opening);
    }
    let connector = tls::connector(settings)?;
    if settings.ssl_mode == SslMode::Allow {
        // libpq tries without TLS first and takes a refusal for the wish for TLS.
        let mut plain = config.clone();
        plain.ssl_mode(DriverSslMode::Disable);
        match plainly(settings, &plain).await {
            Err(failure) if failure.code().is_some_and(|code| code.starts_with("28")) => {}
            other => return other.map_err(opening),
        }
    }
    let connecting = within(settings, config.connect(connector));
    let (client, connection) = connecting.await.map_err(opening)?;
    drive(connection);
    Ok(client)
}

async fn plainly(settings: &PostgresSettings, config: &Config) -> Result<Client, Failure> {
    let (client, connection) = within(settings, config.connect(NoTls)).await?;
    drive(connection);
    Ok(client)
}

/// The driver limits each address; a server that accepts and stays silent is limited here.
async fn within<T>(
    settings: &PostgresSettings,
    connecting: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Failure> {
    let limit = settings.connect_timeout;
    if limit.is_zero() {
        return Ok(connecting.await?);
    }
    match tokio::time::timeout(limit, connecting).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err(Failure::TimedOut(limit.as_secs())),
    }
}

/// Runs the connection until its client is dropped; the server then rolls back whatever was open.
fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) {
    tokio::spawn(async move {
        // Who waits for an answer gets the error, too.
        let _ = connection.await;
    });
}

fn config(settings: &PostgresSettings) -> Config {
    let mut config = Config::new();
    // A text that begins with a slash is the folder of a socket.
    config
        .host(&settings.host)
        .port(settings.port)
        .dbname(&settings.database)
        .user(&settings.username)
        .application_name(&settings.application_name)
        .keepalives_idle(Duration::from_secs(60));
    if let Some(password) = &settings.password {
        config.password(password.expose());
    }
    if let Some(options) = &settings.options {
        config.options(options);
    }
    if settings.is_read_write_required {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    config.ssl_mode(match settings.ssl_mode {
        SslMode::Disable => DriverSslMode::Disable,
        SslMode::Prefer => DriverSslMode::Prefer,
        _ => DriverSslMode::Require,
    });
    if settings.is_local() {
        config.ssl_mode(DriverSslMode::Disable);
    }
    config.channel_binding(match settings.channel_binding {
        None => ChannelBinding::Prefer,
        Some(true) => ChannelBinding::Require,
        Some(false) => ChannelBinding::Disable,
    });
    config
}
