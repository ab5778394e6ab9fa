//! A mock server and what a reading of it gave.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};
use tipple_config::{Environment, PlacesRequest, RunSettings, Settings};
use tipple_mockapi::{Faults, MockApi, Options};
use tipple_rest::{RestSource, document};
use tipple_source::document::{Document, Syntax};
use tipple_source::{Body, JointRequest, JointSource as _, SourceError, SourceEvent};

/// The key of every mock; it must never be printed.
pub const KEY: &str = "canary-key-4711";

/// A server with its key.
pub struct Lab {
    pub mock: MockApi,
    pub checkpoints: Option<tempfile::TempDir>,
    pub stop: Arc<AtomicBool>,
    /// `extract.deterministic`
    pub is_deterministic: bool,
}

/// What a reading gave.
#[derive(Debug, Default)]
pub struct Reading {
    /// Name of the resource and rows of each page, in the order in which they came.
    pub pages: Vec<(String, Vec<Value>)>,
    pub warnings: Vec<String>,
    pub events: Vec<SourceEvent>,
    pub states: Vec<Map<String, Value>>,
    pub error: Option<SourceError>,
}

impl Lab {
    pub fn new() -> Self {
        Lab::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let options = Options {
            key: KEY.to_owned(),
            secret: "canary-secret-4711".to_owned(),
            ..options
        };
        Lab {
            mock: MockApi::start(options).unwrap(),
            checkpoints: None,
            stop: Arc::new(AtomicBool::new(false)),
            is_deterministic: false,
        }
    }

    pub fn faults(self, rules: &str) -> Self {
        self.mock
            .set_faults(Faults::parse(&format!("{{\"rules\":[{rules}]}}")).unwrap());
        self
    }

    /// The requests so far without their common beginning: `page=1`, or path and query outside of `/g/…`.
    pub fn queries(&self) -> String {
        let entries = self.mock.requests();
        let shown = entries.iter().map(|entry| match entry.body.is_empty() {
            true => entry.query.clone(),
            false => format!("{} {}", entry.query, entry.body).trim().to_owned(),
        });
        shown.collect::<Vec<_>>().join(" | ")
    }

    pub fn source(&self, text: &str) -> Result<RestSource, SourceError> {
        let nowhere = Path::new("/nowhere");
        let request = PlacesRequest {
            project_dir: Some(nowhere.to_owned()),
            profile: None,
        };
        let settings =
            Settings::load(&request, Environment::of(nowhere, [("CANARY", KEY)])).unwrap();
        let run = RunSettings::read(&settings, "lab", None).unwrap();
        let around = document::Surroundings {
            settings: &settings,
            runtime: &run.runtime,
            source: "lab",
            pipeline: "lab",
            folder: nowhere,
        };
        let document = Document::parse(text, "lab.yaml", Syntax::Yaml)?;
        let config = document::read(&document, &[], &around)?;
        let source = RestSource::new("lab", config, Arc::clone(&self.stop));
        Ok(match self.is_deterministic {
            true => source.deterministic(),
            false => source,
        })
    }

    /// Reads all resources; `states` are those that an earlier reading gave.
    pub fn read_with(
        &self,
        text: &str,
        states: &[Map<String, Value>],
        limit: Option<u64>,
    ) -> Reading {
        let source = match self.source(text) {
            Ok(source) => source,
            Err(error) => {
                return Reading {
                    error: Some(error),
                    ..Reading::default()
                };
            }
        };
        let names: Vec<String> = source
            .specs()
            .iter()
            .map(|spec| spec.name.clone())
            .collect();
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let request = JointRequest {
            wanted: (0..names.len()).collect(),
            states: states.to_vec(),
            epoch: String::new(),
            page_limit: limit,
            checkpoint_dir: self.checkpoints.as_ref().map(|dir| dir.path().to_owned()),
            notify: Arc::new(move |event| heard.lock().unwrap().push(event)),
        };
        let mut reading = Reading::default();
        match source.open(request) {
            Err(error) => reading.error = Some(error),
            Ok(mut reader) => {
                loop {
                    match reader.next_page() {
                        Ok(None) => break,
                        Ok(Some(page)) => {
                            let rows = rows_of(&page.page.body);
                            reading.pages.push((names[page.resource].clone(), rows));
                        }
                        Err(error) => {
                            reading.error = Some(error);
                            break;
                        }
                    }
                }
                reading.warnings = reader.take_warnings();
                reading.states = vec![Map::new(); names.len()];
                for (index, state) in reader.states() {
                    reading.states[index] = state;
                }
                if reading.error.is_none() {
                    reader.sealed();
                }
            }
        }
        reading.events = events.lock().unwrap().clone();
        reading.check_secrets();
        reading
    }

    pub fn read(&self, text: &str) -> Reading {
        self.read_with(text, &[], None)
    }

    /// Reads one resource of the generic area. `endpoint` are members of its endpoint, `http` of `client.http`.
    pub fn generic(&self, path: &str, endpoint: &str) -> Reading {
        self.read(&self.generic_text(path, endpoint, ""))
    }

    pub fn generic_text(&self, path: &str, endpoint: &str, http: &str) -> String {
        let base = self.mock.url();
        let comma = if endpoint.is_empty() { "" } else { ", " };
        format!(
            "client: {{base_url: \"{base}/g\", http: {{backoff_factor: 0.01{http}}}}}\n\
             resources:\n  - {{name: rows, endpoint: {{path: \"{path}\"{comma}{endpoint}}}}}\n"
        )
    }
}

impl Reading {
    /// Rows of one resource.
    pub fn rows(&self, resource: &str) -> Vec<Value> {
        let pages = self.pages.iter().filter(|(name, _)| name == resource);
        pages.flat_map(|(_, rows)| rows.clone()).collect()
    }

    pub fn count(&self, resource: &str) -> usize {
        assert!(self.error.is_none(), "{:?}", self.error);
        self.rows(resource).len()
    }

    /// The error as the user reads it, with the port taken out.
    pub fn shown_error(&self, lab: &Lab) -> String {
        let error = self.error.as_ref().expect("an error");
        let help = error.help().join("\n");
        let port = lab.mock.url().rsplit(':').next().unwrap().to_owned();
        format!("[{}] {error}\nhelp: {help}", error.code()).replace(&port, "PORT")
    }

    fn check_secrets(&self) {
        let shown = format!("{:?} {:?} {:?}", self.warnings, self.events, self.error);
        assert!(!shown.contains("canary"), "{shown}");
    }
}

fn rows_of(body: &Body) -> Vec<Value> {
    let Body::Json(text) = body else {
        panic!("not JSON")
    };
    let text = format!("[{}]", String::from_utf8_lossy(text).replace("}\n{", "},{"));
    serde_json::from_str(&text.replace("}\n]", "}]"))
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}
