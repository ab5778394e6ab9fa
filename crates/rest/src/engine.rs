//! Reads a REST source: sequences run as tasks, their pages come out in dlt's order, one after another.
//!
//! The executor lives here and nowhere else; whoever runs a pipeline sees a synchronous reader. Steps and cursors of a
//! resource run when a page comes out, in order, so that children see what the cursor has kept and the state is that of
//! an undisturbed run (spec/rest-api.md §§13, 19). Start with [`RestSource`].

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use tipple_source::{
    Body, Cursor, JointPage, JointReader, JointRequest, JointSource, Page, Place, ReadRequest,
    Resource as _, ResourceSpec, Rows as SeedRows, SourceError,
};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::auth::Authenticator;
use crate::checkpoint::{Journal, hash};
use crate::cursors::{OwnCursors, members_of, values_of};
use crate::error::Failure;
use crate::generator::{Children, Generator, Raw};
use crate::http::{Client, Sender};
use crate::model::{Auth, Origin, PageRule, RestConfig, RestResource, Seed};
use crate::schedule::{Node, Order, Schedule, Step};
use crate::sequence::{FromParent, Lane, Shared, Taking, Wired};
use crate::steps::Steps;

/// Tasks do little but wait and scan; more threads would take them from the normaliser.
const THREADS: usize = 2;

/// How often a waiting reader looks whether the user has asked to stop.
const STOP_CHECKED_EVERY: Duration = Duration::from_millis(50);

/// How long requests under way may take to end after the user has asked to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A REST source that is ready to be read.
pub struct RestSource {
    config: Arc<RestConfig>,
    name: String,
    stop: Arc<AtomicBool>,
    keeps_checkpoints: bool,
    is_deterministic: bool,
    order: Order,
}

impl RestSource {
    /// The source called `name` with this configuration. Reading ends with an error soon after `stop` is set.
    pub fn new(name: impl Into<String>, config: RestConfig, stop: Arc<AtomicBool>) -> Self {
        for secret in &config.secrets {
            tipple_config::hide(secret.expose());
        }
        RestSource {
            config: Arc::new(config),
            name: name.into(),
            stop,
            keeps_checkpoints: true,
            is_deterministic: false,
            order: Order::default(),
        }
    }

    /// Lets generators of pages take turns in another way: `extract.next_item_mode` and `extract.max_parallel_items`.
    pub fn in_order(mut self, is_fifo: bool, generators_max: usize) -> Self {
        self.order = Order {
            is_fifo,
            generators_max,
        };
        self
    }

    /// Lets the pages of resources that are `parallelized` come in the order of all others, not as they are done:
    /// `extract.deterministic`.
    pub fn deterministic(mut self) -> Self {
        self.is_deterministic = true;
        self
    }

    /// Keeps nothing for an interrupted run to go on from.
    pub fn without_checkpoints(mut self) -> Self {
        self.keeps_checkpoints = false;
        self
    }

    fn journal(&self, request: &JointRequest) -> Option<Journal> {
        let folder = request
            .checkpoint_dir
            .as_ref()
            .filter(|_| self.keeps_checkpoints)?;
        // Debug output shows no secrets; two configurations that differ only in these read the same.
        let identity = format!(
            "{} {} {:?} {:?} {:?}",
            env!("CARGO_PKG_VERSION"),
            request.epoch,
            self.config.resources,
            request.wanted,
            request.states
        );
        let identity = format!("{:016x}", hash(&identity));
        let headers = self.config.resources.iter().filter_map(cursor_header);
        Journal::open(folder, &self.name, &identity, headers.collect())
    }
}

/// Header that a paginator reads.
fn cursor_header(resource: &RestResource) -> Option<String> {
    let Origin::Endpoint(endpoint) = &resource.origin else {
        return None;
    };
    match &endpoint.paginator.as_ref()?.rule {
        PageRule::HeaderCursor { header, .. } => Some(header.clone()),
        _ => None,
    }
}

impl JointSource for RestSource {
    fn specs(&self) -> Vec<&ResourceSpec> {
        self.config
            .resources
            .iter()
            .map(|resource| &resource.spec)
            .collect()
    }

    fn open(&self, request: JointRequest) -> Result<Box<dyn JointReader>, SourceError> {
        let place = format!("source `{}`", self.name);
        let client = Client::new(&self.config.http).map_err(|failure| failure.at(&place))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .thread_name("tipple-rest")
            .build()
            .map_err(|cause| SourceError::Io {
                origin: self.name.clone(),
                cause,
            })?;
        let journal = self.journal(&request);
        let shared = Shared::new(
            client,
            self.config.http.clone(),
            journal,
            Taking {
                is_on_demand: request.page_limit.is_some(),
                is_deterministic: self.is_deterministic,
            },
        );
        tell_kept(&shared, &self.name);
        let reader = Reader::new(self, runtime, Arc::new(shared), &request)?;
        Ok(Box::new(reader))
    }
}

fn tell_kept(shared: &Shared, name: &str) {
    let kept = shared.journal.as_ref().map_or(0, Journal::kept_count);
    if kept > 0 {
        shared.warn(format!(
            "source `{name}`: an earlier run was interrupted; {kept} answers that it had read were used again. \
             `--no-checkpoints` asks for everything anew"
        ));
    }
}

/// A resource while it is read.
struct Reading {
    /// Nothing for a seed.
    wired: Option<Arc<Wired>>,
    cursor: Option<Cursor>,
    /// Cursors of the parent rows that were seen, by key.
    own_cursors: IndexMap<Arc<str>, Cursor>,
    page_count: u64,
}

impl Reading {
    /// The cursor of a page; its key is that of the parent row that it belongs to.
    fn cursor_of(&mut self, key: Option<Arc<str>>) -> Result<Option<&mut Cursor>, SourceError> {
        let maker = self
            .wired
            .as_ref()
            .and_then(|wired| wired.own_cursors.as_ref());
        let (Some(maker), Some(key)) = (maker, key) else {
            return Ok(self.cursor.as_mut());
        };
        if !self.own_cursors.contains_key(&key)
            && let Some(cursor) = maker.start(&key)?
        {
            self.own_cursors.insert(Arc::clone(&key), cursor);
        }
        Ok(self.own_cursors.get_mut(&key))
    }

    /// What the cursors want to remember, as members of the state of the resource.
    fn state(&self) -> Option<Map<String, Json>> {
        let Some(cursor) = &self.cursor else {
            let cursors = self.own_cursors.iter();
            return members_of(cursors.map(|(key, cursor)| (&**key, cursor)));
        };
        cursor.state()?;
        let mut members = Map::new();
        cursor.write_state(&mut members);
        Some(members)
    }
}

/// A page whose rows are final: what is emitted, and what children read.
#[derive(Debug, Clone)]
struct Final {
    page: Page,
    byte_count: u64,
}

struct Reader {
    config: Arc<RestConfig>,
    schedule: Schedule<Arc<Final>>,
    readings: Vec<Reading>,
    /// Before the runtime: tasks end before it does.
    generators: HashMap<usize, (usize, Generator)>,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    tell_stop: watch::Sender<bool>,
    page_limit: Option<u64>,
    is_over: bool,
    runtime: Runtime,
}

impl Reader {
    fn new(
        source: &RestSource,
        runtime: Runtime,
        shared: Arc<Shared>,
        request: &JointRequest,
    ) -> Result<Self, SourceError> {
        let config = Arc::clone(&source.config);
        let (tell_stop, stop) = watch::channel(false);
        let mut auths: HashMap<Arc<[Auth]>, Arc<Authenticator>> = HashMap::new();
        let mut readings = Vec::with_capacity(config.resources.len());
        for (index, resource) in config.resources.iter().enumerate() {
            let state = request.states.get(index).cloned().unwrap_or_default();
            let sender = Sender {
                resource: Arc::from(resource.spec.name.as_str()),
                notify: Arc::clone(&request.notify),
                stop: stop.clone(),
            };
            readings.push(reading(resource, &state, sender, &mut auths)?);
        }
        Ok(Reader {
            schedule: Schedule::new(&nodes(&config, &request.wanted), source.order),
            config,
            readings,
            generators: HashMap::new(),
            shared,
            stop: Arc::clone(&source.stop),
            tell_stop,
            page_limit: request.page_limit,
            is_over: false,
            runtime,
        })
    }

    fn start(
        &mut self,
        generator: usize,
        resource: usize,
        page: Option<&Arc<Final>>,
    ) -> Result<(), SourceError> {
        let _inside = self.runtime.enter();
        let description = &self.config.resources[resource];
        let started = match (&self.readings[resource].wired, &description.origin) {
            (Some(wired), _) => match (&description.parent, page) {
                (Some(link), Some(page)) => {
                    let rows = rows_of(&page.page);
                    Generator::Children(Children::start(&self.shared, wired, link.clone(), rows))
                }
                _ => Generator::Root(Lane::start(&self.shared, wired, FromParent::default())),
            },
            (None, Origin::Seed(seed)) => Generator::Seed(open_seed(&description.spec, seed)?),
            (None, Origin::Endpoint(_)) => return Ok(()),
        };
        self.generators.insert(generator, (resource, started));
        Ok(())
    }

    /// Asks a generator until it has a page with rows that are kept; tells the schedule what came.
    fn ask(&mut self, generator: usize) -> Result<(), SourceError> {
        let Some((resource, _)) = self.generators.get(&generator) else {
            self.schedule.answer(None);
            return Ok(());
        };
        let resource = *resource;
        let raw = match self.is_enough(resource) {
            true => None,
            false => self.take(generator)?,
        };
        let Some(raw) = raw else {
            self.generators.remove(&generator);
            self.schedule.answer(None);
            return Ok(());
        };
        self.readings[resource].page_count += 1;
        if let Some(page) = self.finish(resource, raw)? {
            self.schedule.answer(Some(Arc::new(page)));
        }
        Ok(())
    }

    fn is_enough(&self, resource: usize) -> bool {
        let reading = &self.readings[resource];
        // dlt closes generators early only where no parent feeds them.
        let is_root = self.config.resources[resource].parent.is_none();
        let is_done = is_root && reading.cursor.as_ref().is_some_and(Cursor::is_done);
        is_done
            || self
                .page_limit
                .is_some_and(|limit| reading.page_count >= limit)
    }

    fn take(&mut self, generator: usize) -> Result<Option<Raw>, SourceError> {
        let Some((_, generator)) = self.generators.get_mut(&generator) else {
            return Ok(None);
        };
        let stop = &self.stop;
        let asked_to_stop = async {
            while !stop.load(Ordering::Relaxed) {
                tokio::time::sleep(STOP_CHECKED_EVERY).await;
            }
        };
        let taken = self.runtime.block_on(async {
            tokio::select! {
                biased;
                page = generator.next() => page.transpose(),
                () = asked_to_stop => Ok(None),
            }
        });
        if stop.load(Ordering::Relaxed) {
            self.settle();
            return Err(self.interrupted());
        }
        taken
    }

    fn interrupted(&self) -> SourceError {
        SourceError::interrupted(match self.shared.journal {
            Some(_) => "what was read is kept for a day: run again to go on where it stopped",
            None => "run again to start the reading over",
        })
    }

    /// Lets the requests under way end, so that their answers are kept.
    fn settle(&self) {
        self.tell_stop.send_replace(true);
        self.runtime.block_on(self.shared.settled(STOP_PATIENCE));
    }

    /// Steps and cursor; nothing when no row of the page is kept.
    fn finish(&mut self, resource: usize, raw: Raw) -> Result<Option<Final>, SourceError> {
        let steps = &self.config.resources[resource].steps;
        let byte_count = raw.byte_count as u64;
        let place = Place {
            origin: raw.origin,
            page: raw.number,
            line: 0,
            byte_offset: 0,
        };
        let (text, count) = match steps.is_empty() {
            true => (raw.rows.text, raw.rows.count),
            false => {
                let name = &self.config.resources[resource].spec.name;
                let shown = format!("resource `{name}` · page {} · {}", place.page, place.origin);
                apply_steps(steps, &raw.rows.text, &shown)?
            }
        };
        if count == 0 && raw.rows.count > 0 {
            return Ok(None);
        }
        let page = Page {
            body: Body::Json(text),
            place,
            item_count: Some(count),
        };
        let kept = match self.readings[resource].cursor_of(raw.cursor_key)? {
            Some(cursor) => cursor.filter(page)?,
            None => Some(page),
        };
        Ok(kept.map(|page| Final { page, byte_count }))
    }

    fn next(&mut self) -> Result<Option<JointPage>, SourceError> {
        loop {
            match self.schedule.step() {
                Step::End => return Ok(None),
                Step::Start {
                    generator,
                    resource,
                    page,
                } => self.start(generator, resource, page.as_ref())?,
                Step::Ask { generator } => self.ask(generator)?,
                Step::Emit { resource, page } => {
                    let page = Arc::unwrap_or_clone(page);
                    return Ok(Some(JointPage {
                        resource,
                        page: page.page,
                        byte_count: page.byte_count,
                    }));
                }
            }
        }
    }
}

impl JointReader for Reader {
    fn next_page(&mut self) -> Result<Option<JointPage>, SourceError> {
        if self.is_over {
            return Ok(None);
        }
        let result = self.next();
        self.is_over = !matches!(result, Ok(Some(_)));
        if let (Err(error), Some(journal)) = (&result, &self.shared.journal)
            && is_passing(error)
        {
            journal.leave();
        }
        result
    }

    fn states(&self) -> Vec<(usize, Map<String, Json>)> {
        let readings = self.readings.iter().enumerate();
        readings
            .filter_map(|(index, reading)| Some((index, reading.state()?)))
            .collect()
    }

    fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = self.shared.take_warnings();
        for reading in &mut self.readings {
            let own = reading.own_cursors.values_mut();
            let cursors = reading.cursor.iter_mut().chain(own);
            warnings.extend(cursors.flat_map(Cursor::take_warnings));
        }
        warnings
    }

    fn sealed(&mut self) {
        // The journal removes itself when nobody may go on from it.
    }
}

/// Errors that another run need not meet: it may go on from what was read.
fn is_passing(error: &SourceError) -> bool {
    let code = error.code();
    code == "pipeline.interrupted"
        || (code.starts_with("source.http.") && code != "source.http.not_json")
}

/// Rows after the steps of their resource, and their number.
fn apply_steps(steps: &Steps, text: &Bytes, place: &str) -> Result<(Bytes, u64), SourceError> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let stepped = steps.apply(text).map_err(|error| {
        let failure = Failure::Answer {
            code: "source.rest.expression",
            reason: error.to_string(),
            help: error.help().to_owned(),
        };
        failure.at(place)
    })?;
    Ok((Bytes::from(stepped.text), stepped.row_count as u64))
}

fn rows_of(page: &Page) -> Bytes {
    match &page.body {
        Body::Json(text) => text.clone(),
        Body::Arrow(_) => Bytes::new(),
    }
}

fn nodes(config: &RestConfig, wanted: &[usize]) -> Vec<Node> {
    // A resource that is named on the command line is wanted even if it is not selected in the file.
    let is_named = wanted.len() < config.resources.len();
    let resources = config.resources.iter().enumerate();
    resources
        .map(|(index, resource)| Node {
            parent: resource.parent.as_ref().map(|link| link.resource),
            is_wanted: wanted.contains(&index) && (resource.is_selected || is_named),
        })
        .collect()
}

fn reading(
    resource: &RestResource,
    state: &Map<String, Json>,
    sender: Sender,
    auths: &mut HashMap<Arc<[Auth]>, Arc<Authenticator>>,
) -> Result<Reading, SourceError> {
    let Origin::Endpoint(endpoint) = &resource.origin else {
        return Ok(Reading {
            wired: None,
            cursor: Cursor::start(&resource.spec, state)?,
            own_cursors: IndexMap::new(),
            page_count: 0,
        });
    };
    let (spec, convert) = (&resource.spec, endpoint.convert.as_ref());
    let has_own_cursors = resource
        .parent
        .as_ref()
        .is_some_and(|link| link.has_own_cursors);
    let own_cursors = has_own_cursors.then(|| OwnCursors::new(spec, convert, state));
    let cursor = match &own_cursors {
        Some(_) => None,
        None => Cursor::start(spec, state)?,
    };
    let auth = auths
        .entry(Arc::clone(&endpoint.auth))
        .or_insert_with(|| Arc::new(Authenticator::new(Arc::clone(&endpoint.auth))));
    let is_ordered = resource
        .spec
        .incremental
        .as_ref()
        .is_some_and(|incremental| incremental.row_order.is_some());
    let wired = Wired {
        name: Arc::clone(&sender.resource),
        endpoint: (**endpoint).clone(),
        auth: Arc::clone(auth),
        cursor: values_of(spec, convert, cursor.as_ref())?,
        own_cursors,
        sender,
        is_root: resource.parent.is_none(),
        is_parallel: resource.is_parallel,
        is_on_demand: is_ordered && resource.parent.is_none(),
        has_told_path: AtomicBool::new(false),
        has_matched: AtomicBool::new(false),
        has_told_rule: AtomicBool::new(false),
    };
    Ok(Reading {
        wired: Some(Arc::new(wired)),
        cursor,
        own_cursors: IndexMap::new(),
        page_count: 0,
    })
}

fn open_seed(
    spec: &ResourceSpec,
    seed: &Seed,
) -> Result<Box<dyn tipple_source::PageReader>, SourceError> {
    match seed {
        Seed::Rows(text) => {
            let rows = SeedRows::new(spec.clone(), "rows", vec![Body::Json(text.clone())]);
            rows.open(&ReadRequest::default())
        }
        Seed::File(path) => crate::seed::open(spec, path),
    }
}
