//! All settings of a project: read once, asked many times.
//!
//! Remembers which values were used and from where, for the run document, and what a person should be warned of.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::environment::Environment;
use crate::error::{ConfigError, Missing, ProviderFiles, Trace, Tried, Warning, coercion};
use crate::lookup::{Scope, dotted_key, pipelines};
use crate::places::{Places, PlacesRequest};
use crate::provider::{CONFIG_TOML, Found, Probe, Provider, SECRETS_TOML, TomlFiles};
use crate::secret::{Secret, hidden};
use crate::value::{Kind, is_placeholder, is_unfilled, read_untyped};

/// The settings of a project.
#[derive(Debug)]
pub struct Settings {
    places: Places,
    providers: [Provider; 3],
    used: Mutex<IndexMap<String, UsedValue>>,
    warnings: Mutex<Vec<Warning>>,
}

/// A setting that was used, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedValue {
    /// Key.
    pub key: String,
    /// Sections under which it was found.
    pub sections: Vec<String>,
    /// Provider.
    pub provider: &'static str,
    /// File or variable.
    pub location: String,
    /// True for a secret.
    pub is_secret: bool,
}

/// Every place of a setting, in order, and what won.
#[derive(Clone)]
pub struct Explanation {
    /// Places in the order in which they are tried, those after the winner too.
    pub tried: Vec<Tried>,
    /// Index of the winner in `tried`.
    pub winner: Option<usize>,
    value: Option<Value>,
    is_secret: bool,
}

impl std::fmt::Debug for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Explanation")
            .field("tried", &self.tried)
            .finish_non_exhaustive()
    }
}

impl Explanation {
    /// The value as it may be shown: JSON text, or `set (29 characters)` for a secret; `None` if there is none.
    pub fn shown(&self) -> Option<String> {
        let value = self.value.as_ref()?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        Some(if self.is_secret {
            hidden(&text)
        } else {
            value.to_string()
        })
    }
}

/// A value that was found, with the place.
struct Hit {
    found: Found,
    provider: usize,
    key: String,
    sections: Vec<String>,
}

impl Settings {
    /// Reads the settings of a project.
    ///
    /// # Errors
    /// A file that is no TOML or cannot be read.
    pub fn load(request: &PlacesRequest, environment: Environment) -> Result<Self, ConfigError> {
        let places = Places::find(request, &environment);
        let mut warnings = Vec::new();
        if places.ignores_xdg(&environment) {
            warnings.push(Warning::XdgIgnored {
                used: places.global_dir.clone(),
            });
        }
        let secrets = TomlFiles::read(SECRETS_TOML, &places)?;
        warnings.extend(
            secrets
                .present()
                .filter(|path| is_readable_by_others(path))
                .map(|path| Warning::ReadableSecrets {
                    path: path.to_owned(),
                }),
        );
        let config = TomlFiles::read(CONFIG_TOML, &places)?;
        let has_data_dir = environment.get("DLT_DATA_DIR").is_some();
        let has_local_dir = environment.get("DLT_LOCAL_DIR").is_some();
        let providers = [
            Provider::Environment(environment),
            Provider::File(secrets),
            Provider::File(config),
        ];
        let mut settings = Settings {
            places,
            providers,
            used: Mutex::default(),
            warnings: Mutex::new(warnings),
        };
        settings.place_workspace(has_data_dir, has_local_dir)?;
        Ok(settings)
    }

    /// A workspace can move its directories by settings.
    fn place_workspace(&mut self, has_data: bool, has_local: bool) -> Result<(), ConfigError> {
        if self.places.profile.is_none() {
            return Ok(());
        }
        let scope = Scope::new(["workspace"]).within("settings");
        let dir = |key: &str| -> Result<Option<PathBuf>, ConfigError> {
            Ok(self
                .text(&scope, key)?
                .map(|dir| self.places.project_dir.join(dir)))
        };
        let (data_dir, local_dir) = (dir("working_dir")?, dir("local_dir")?);
        if let Some(data_dir) = data_dir.filter(|_| !has_data) {
            self.places.data_dir = data_dir;
        }
        if let Some(local_dir) = local_dir.filter(|_| !has_local) {
            self.places.local_dir = local_dir;
        }
        Ok(())
    }

    /// A variable of the environment that dlt reads by its own name and not as a setting (spec/config.md §1).
    pub fn variable(&self, name: &str) -> Option<&str> {
        let environments = self.providers.iter().filter_map(|provider| match provider {
            Provider::Environment(environment) => Some(environment),
            _ => None,
        });
        environments
            .filter_map(|environment| environment.get(name))
            .find(|value| !value.is_empty())
    }

    /// Directories and profile.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The value of a setting in the type wanted, and the places that were looked at.
    pub(crate) fn find_kind(
        &self,
        scope: &Scope,
        key: &str,
        kind: &Kind,
        is_secret: bool,
    ) -> Result<(Option<Value>, Vec<Tried>), ConfigError> {
        let (hit, tried) = self.look(scope, key, is_secret)?;
        let Some(hit) = hit else {
            return Ok((None, tried));
        };
        let provider = self.providers[hit.provider].name();
        let (full_key, location) = (hit.key.clone(), hit.found.location.clone());
        if is_secret && is_unfilled(&hit.found.value) {
            return Err(ConfigError::Unfilled {
                key: full_key,
                location,
            });
        }
        self.note_use(key, &hit, is_secret);
        let value = kind
            .coerce(hit.found.value)
            .ok_or_else(|| coercion(key, kind, provider, &full_key, &location))?;
        Ok((Some(value), tried))
    }

    /// dlt's order: with the pipeline name through all providers, then without it.
    fn look(
        &self,
        scope: &Scope,
        key: &str,
        is_secret: bool,
    ) -> Result<(Option<Hit>, Vec<Tried>), ConfigError> {
        let paths = scope.paths();
        let mut tried = Vec::new();
        for pipeline in pipelines(scope) {
            for (index, provider) in self.providers.iter().enumerate() {
                if provider.is_empty() {
                    continue;
                }
                for path in &paths {
                    let probe = Probe {
                        pipeline,
                        path,
                        key,
                    };
                    let found = provider.get(&probe, is_secret);
                    let place = place(provider, &probe, found.as_ref());
                    if !is_secret || provider.holds_secrets() {
                        tried.push(place.clone());
                    } else if found.is_some() {
                        return Err(ConfigError::NotSecret {
                            provider: place.provider,
                            key: place.key,
                        });
                    }
                    if let Some(found) = found {
                        let sections = sections(pipeline, path);
                        let hit = Hit {
                            found,
                            provider: index,
                            key: place.key,
                            sections,
                        };
                        return Ok((Some(hit), tried));
                    }
                }
            }
        }
        Ok((None, tried))
    }

    /// Every place of a setting in order, and the winner. Does not count as use.
    pub fn explain(&self, scope: &Scope, key: &str, is_secret: bool) -> Explanation {
        let mut explanation = Explanation {
            tried: Vec::new(),
            winner: None,
            value: None,
            is_secret,
        };
        for pipeline in pipelines(scope) {
            for provider in &self.providers {
                for path in &scope.paths() {
                    let probe = Probe {
                        pipeline,
                        path,
                        key,
                    };
                    let found = provider.get(&probe, is_secret);
                    explanation
                        .tried
                        .push(place(provider, &probe, found.as_ref()));
                    if let Some(found) = found
                        && explanation.winner.is_none()
                    {
                        explanation.winner = Some(explanation.tried.len() - 1);
                        explanation.is_secret |= is_secret_place(provider, key);
                        explanation.value = Some(found.value);
                    }
                }
            }
        }
        explanation
    }

    /// A text.
    ///
    /// # Errors
    /// A value of another type.
    pub fn text(&self, scope: &Scope, key: &str) -> Result<Option<String>, ConfigError> {
        let value = self.find_kind(scope, key, &Kind::Text, false)?.0;
        Ok(value.and_then(|value| value.as_str().map(str::to_owned)))
    }

    /// One of a few words.
    ///
    /// # Errors
    /// Another word.
    pub fn choice(
        &self,
        scope: &Scope,
        key: &str,
        words: &'static [&'static str],
    ) -> Result<Option<String>, ConfigError> {
        let value = self.find_kind(scope, key, &Kind::Choice(words), false)?.0;
        Ok(value.and_then(|value| value.as_str().map(str::to_owned)))
    }

    /// A bool.
    ///
    /// # Errors
    /// A value of another type.
    pub fn bool(&self, scope: &Scope, key: &str) -> Result<Option<bool>, ConfigError> {
        Ok(self
            .find_kind(scope, key, &Kind::Bool, false)?
            .0
            .and_then(|value| value.as_bool()))
    }

    /// A whole number.
    ///
    /// # Errors
    /// A value of another type.
    pub fn int(&self, scope: &Scope, key: &str) -> Result<Option<i64>, ConfigError> {
        Ok(self
            .find_kind(scope, key, &Kind::Int, false)?
            .0
            .and_then(|value| value.as_i64()))
    }

    /// A number.
    ///
    /// # Errors
    /// A value of another type.
    pub fn float(&self, scope: &Scope, key: &str) -> Result<Option<f64>, ConfigError> {
        Ok(self
            .find_kind(scope, key, &Kind::Float, false)?
            .0
            .and_then(|value| value.as_f64()))
    }

    /// A list.
    ///
    /// # Errors
    /// A value of another type.
    pub fn list(&self, scope: &Scope, key: &str) -> Result<Option<Vec<Value>>, ConfigError> {
        let value = self.find_kind(scope, key, &Kind::List, false)?.0;
        Ok(value.and_then(|value| value.as_array().cloned()))
    }

    /// An object.
    ///
    /// # Errors
    /// A value of another type.
    pub fn object(
        &self,
        scope: &Scope,
        key: &str,
    ) -> Result<Option<Map<String, Value>>, ConfigError> {
        let value = self.find_kind(scope, key, &Kind::Object, false)?.0;
        Ok(value.and_then(|value| value.as_object().cloned()))
    }

    /// A value of any type, as it comes.
    ///
    /// # Errors
    /// None for a plain setting; secrets in `config.toml`.
    pub fn any(&self, scope: &Scope, key: &str) -> Result<Option<Value>, ConfigError> {
        Ok(self.find_kind(scope, key, &Kind::Any, false)?.0)
    }

    /// A secret text.
    ///
    /// # Errors
    /// [`ConfigError::NotSecret`] if it stands in `config.toml`; a placeholder.
    pub fn secret(&self, scope: &Scope, key: &str) -> Result<Option<Secret<String>>, ConfigError> {
        let value = self.find_kind(scope, key, &Kind::Text, true)?.0;
        Ok(value.and_then(|value| value.as_str().map(|text| Secret::new(text.to_owned()))))
    }

    /// A value by its whole dotted path; no section is dropped, untyped text is read as what it looks like.
    ///
    /// # Errors
    /// None for a path that is not there.
    pub fn direct(&self, path: &str) -> Result<Option<Value>, ConfigError> {
        Ok(self
            .direct_found(path, false)
            .map(|found| read_untyped(found.value)))
    }

    /// A secret text by its whole dotted path, looked for in secret places only.
    ///
    /// # Errors
    /// A placeholder of `init`.
    pub fn direct_secret(&self, path: &str) -> Result<Option<Secret<String>>, ConfigError> {
        let Some(found) = self.direct_found(path, true) else {
            return Ok(None);
        };
        if is_unfilled(&found.value) {
            return Err(ConfigError::Unfilled {
                key: path.to_owned(),
                location: found.location,
            });
        }
        let text = Kind::Text.coerce(found.value);
        Ok(text.and_then(|text| text.as_str().map(|text| Secret::new(text.to_owned()))))
    }

    fn direct_found(&self, path: &str, is_secret: bool) -> Option<Found> {
        let mut sections: Vec<String> = path.split('.').map(str::to_owned).collect();
        let key = sections.pop()?;
        let probe = Probe {
            pipeline: None,
            path: &sections,
            key: &key,
        };
        self.providers
            .iter()
            .enumerate()
            .find_map(|(index, provider)| {
                if is_secret && !provider.holds_secrets() {
                    return None;
                }
                let found = provider.get(&probe, is_secret)?;
                let hit = Hit {
                    found: found.clone(),
                    provider: index,
                    key: provider.key(&probe),
                    sections: sections.clone(),
                };
                self.note_use(&key, &hit, is_secret);
                Some(found)
            })
    }

    /// The error for required settings that were looked for one by one.
    pub fn missing(&self, spec: &str, scope: &Scope, keys: &[(&str, bool)]) -> ConfigError {
        let fields = keys.iter().map(|(key, is_secret)| {
            let tried = self
                .look(scope, key, *is_secret)
                .map_or_else(|_| Vec::new(), |look| look.1);
            ((*key).to_owned(), Trace::Tried(tried))
        });
        let missing = Missing {
            spec: spec.to_owned(),
            fields: fields.collect(),
            ..Missing::default()
        };
        self.with_files(missing).into()
    }

    /// Adds where values come from.
    pub(crate) fn with_files(&self, missing: Missing) -> Missing {
        Missing {
            profile: self.places.profile.clone(),
            providers: self.files(),
            ..missing
        }
    }

    /// The files of each provider, read and not there.
    pub fn files(&self) -> Vec<ProviderFiles> {
        let files = self.providers.iter().map(|provider| match provider {
            Provider::Environment(_) => ProviderFiles {
                name: provider.name().to_owned(),
                is_empty: provider.is_empty(),
                ..ProviderFiles::default()
            },
            Provider::File(files) => ProviderFiles {
                name: provider.name().to_owned(),
                present: files.present().map(ToOwned::to_owned).collect(),
                absent: files.absent().to_vec(),
                is_empty: provider.is_empty(),
            },
        });
        files.collect()
    }

    /// Settings used so far, one entry per key and sections, without values.
    pub fn used(&self) -> Vec<UsedValue> {
        locked(&self.used).values().cloned().collect()
    }

    /// What a person should be told, each once. Empties the list.
    pub fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut *locked(&self.warnings))
    }

    fn note_use(&self, key: &str, hit: &Hit, is_secret: bool) {
        let provider = &self.providers[hit.provider];
        if is_placeholder(&hit.found.value) {
            let locations = match provider {
                Provider::Environment(_) => Vec::new(),
                Provider::File(files) => files.present().map(ToOwned::to_owned).collect(),
            };
            let warning = Warning::Placeholder {
                key: hit.key.clone(),
                provider: provider.name(),
                locations,
            };
            let mut warnings = locked(&self.warnings);
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        let used = UsedValue {
            key: key.to_owned(),
            sections: hit.sections.clone(),
            provider: provider.name(),
            location: hit.found.location.clone(),
            is_secret,
        };
        locked(&self.used).insert(dotted_key(None, &hit.sections, key), used);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(provider: &Provider, probe: &Probe<'_>, found: Option<&Found>) -> Tried {
    Tried {
        provider: provider.name(),
        key: provider.key(probe),
        location: found
            .map(|found| found.location.clone())
            .unwrap_or_default(),
        is_found: found.is_some(),
    }
}

fn sections(pipeline: Option<&str>, path: &[String]) -> Vec<String> {
    pipeline
        .map(str::to_owned)
        .into_iter()
        .chain(path.iter().cloned())
        .collect()
}

/// True if a value found there is shown as a secret though nobody said that it is one.
fn is_secret_place(provider: &Provider, key: &str) -> bool {
    const WORDS: [&str; 7] = [
        "secret",
        "password",
        "token",
        "key",
        "credentials",
        "passphrase",
        "dsn",
    ];
    provider.name() == SECRETS_TOML || WORDS.iter().any(|word| key.to_lowercase().contains(word))
}

#[cfg(unix)]
fn is_readable_by_others(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &std::path::Path) -> bool {
    false
}
