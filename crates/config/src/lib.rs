//! Settings and secrets: where they are looked for, in which order, and what is said when they are missing.
//!
//! A project that runs with dlt runs here without a changed file: environment variables, `secrets.toml`, `config.toml`,
//! profiles and the dropping of sections are dlt's (spec/config.md). Everything is read once; after that a look-up is a
//! function of values. Secrets travel as [`Secret`]; [`redact()`] finds those that got into a text all the same. Start with [`Settings`] and [`Scope`].

mod connection;
mod environment;
mod error;
mod lookup;
mod places;
mod provider;
pub mod redact;
mod run_settings;
mod secret;
mod settings;
mod spec;
mod value;

pub use connection::{ConnectionString, NotAConnectionString};
pub use environment::Environment;
pub use error::{ConfigError, Missing, MovedSettings, ProviderFiles, Trace, Tried, Warning};
pub use lookup::{Scope, environment_keys};
pub use places::{PROFILES_BUILT_IN, Places, PlacesRequest};
pub use provider::{CONFIG_TOML, ENVIRONMENT, SECRETS_TOML};
pub use redact::{HIDDEN, hide, redact};
pub use run_settings::{
    DestinationSettings, ExtractSettings, LoadSettings, NormalizeSettings, PipelineSettings,
    RunSettings, RuntimeSettings, SchemaSettings,
};
pub use secret::Secret;
pub use settings::{Explanation, Settings, UsedValue};
pub use spec::{Field, ReadNative, Resolved, Spec};
pub use value::Kind;
