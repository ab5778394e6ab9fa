//! A pipeline: opened once, run many times.
//!
//! Puts the steps in order and owns what they share: the lock, the working folder, the destination. A run first takes
//! state from the destination, then loads what an earlier run left, and only without such leftovers reads the source
//! (spec/load.md §2). Start with [`Pipeline::run`].

use std::future::Future;
use std::sync::Arc;

use serde_json::json;
use tipple_destination::{Capabilities, Client, DatasetNames, PlanSettings, SystemNames};
use tipple_normalize::{Rules, TypeCaps, Zone};
use tipple_package::{LoadIds, Package, PackageStore, PipelineLock, Progress};
use tipple_schema::{Naming, Schema};
use tipple_source::Source;

use crate::error::{AtStep, Cause, RunError};
use crate::events::{Event, Events};
use crate::extract::{Extracted, Extraction, LOCAL_STATE, StateRow, extract};
use crate::ids::OsSeeded;
use crate::load::{LoadTarget, load_package, system_names};
use crate::observe::Watch;
use crate::options::{PipelineOptions, PipelineSettings, RunOptions};
use crate::plan::planned_statements;
use crate::prepare::{Prepared, prepare};
use crate::report::{RunReport, Step};
use crate::state::PipelineState;
use crate::sync::{Identity, sync, sync_with_nothing};
use crate::time::now_micros;
use crate::workdir::{Exchange, WorkDir};

/// A pipeline whose working folder this process holds.
#[derive(Debug)]
pub struct Pipeline {
    options: PipelineOptions,
    workdir: WorkDir,
    store: PackageStore,
    load_ids: LoadIds,
    naming: Naming,
    zone: Zone,
    identity: Identity,
    datasets: DatasetNames,
    runtime: tokio::runtime::Runtime,
    is_synced: bool,
    _lock: PipelineLock,
}

impl Pipeline {
    /// Takes the lock, makes the working folder, and settles what a crash has left.
    ///
    /// # Errors
    /// Another process holds the pipeline, the folder cannot be written, or the naming convention does not exist.
    pub fn open(options: PipelineOptions) -> Result<Self, RunError> {
        let root = options.pipelines_dir.join(&options.name);
        let lock = tipple_package::lock(&root).map_err(RunError::request)?;
        let workdir = WorkDir::open(root).map_err(RunError::request)?;
        let workdir = workdir.exchanging(Exchange {
            import: options.settings.import_schema_path.clone(),
            export: options.settings.export_schema_path.clone(),
        });
        let store = workdir.packages().map_err(RunError::request)?;
        store.recover().map_err(RunError::request)?;
        let naming = naming_of(&options).map_err(RunError::request)?;
        let zone = zone_of(&options.settings).map_err(RunError::request)?;
        let datasets = datasets_of(&options, &naming);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| RunError::request(Cause::Internal(error.to_string())))?;
        Ok(Pipeline {
            load_ids: store.load_ids().map_err(RunError::request)?,
            identity: identity_of(&options, &datasets),
            options,
            workdir,
            store,
            naming,
            zone,
            datasets,
            runtime,
            is_synced: false,
            _lock: lock,
        })
    }

    /// Name of the pipeline.
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// Names of the datasets that the pipeline writes.
    pub fn datasets(&self) -> &DatasetNames {
        &self.datasets
    }

    /// Naming convention of the pipeline.
    pub fn naming(&self) -> &Naming {
        &self.naming
    }

    /// The working folder.
    pub fn workdir(&self) -> &WorkDir {
        &self.workdir
    }

    /// The load packages.
    pub fn packages(&self) -> &PackageStore {
        &self.store
    }

    /// Reads a source and loads it. Packages of an earlier run are loaded instead when there are any.
    ///
    /// # Errors
    /// The step that failed, its package, and the cause. Nothing is kept of a failed extract or normalize; a package
    /// whose load failed waits for the next run.
    pub fn run(
        &mut self,
        source: &Source,
        options: &RunOptions,
        events: &Events,
    ) -> Result<RunReport, RunError> {
        check_resources(source, options).map_err(RunError::request)?;
        self.watched(events, |pipeline, report, watch| {
            pipeline.run_steps(source, options, report, watch, events)
        })
    }

    fn run_steps(
        &mut self,
        source: &Source,
        options: &RunOptions,
        report: &mut RunReport,
        watch: &mut Watch,
        events: &Events,
    ) -> Result<(), RunError> {
        self.sync_once(report, watch)?;
        let pending = self.pending().at(Step::Load)?;
        if !pending.is_empty() && !options.dry_run {
            report.loaded_pending = true;
            return self.load_all(pending, report, watch, events);
        }
        let extracted = self.extract(source, options, report, watch, events)?;
        if options.dry_run {
            report.planned = self.plan_dry(&extracted)?;
            return Ok(());
        }
        match extracted.packages.is_empty() {
            false => self.load_all(extracted.packages, report, watch, events),
            true => Ok(()),
        }
    }

    /// Name of the destination in the configuration.
    pub fn destination_name(&self) -> &str {
        self.options.destination.name()
    }

    /// Address of the destination without secrets.
    pub fn location(&self) -> String {
        self.options.destination.location()
    }

    /// Reads and normalizes a source without loading anything.
    ///
    /// # Errors
    /// As [`Pipeline::run`].
    pub(crate) fn extract_only(
        &mut self,
        source: &Source,
        options: &RunOptions,
        events: &Events,
    ) -> Result<(RunReport, Extracted), RunError> {
        check_resources(source, options).map_err(RunError::request)?;
        let mut kept = None;
        let report = self.watched(events, |pipeline, report, watch| {
            pipeline.sync_once(report, watch)?;
            kept = Some(pipeline.extract(source, options, report, watch, events)?);
            Ok(())
        })?;
        let extracted = kept.ok_or_else(|| {
            RunError::request(Cause::Internal("a run ended without a result".to_owned()))
        })?;
        Ok((report, extracted))
    }

    /// Does `work` as a run that events and a run document tell about.
    fn watched(
        &mut self,
        events: &Events,
        work: impl FnOnce(&mut Self, &mut RunReport, &mut Watch) -> Result<(), RunError>,
    ) -> Result<RunReport, RunError> {
        let mut report = self.new_report();
        let mut watch = Watch::begin(&self.options, &self.workdir, &report, events);
        let result = work(self, &mut report, &mut watch);
        watch.finish(&mut report, result.as_ref().err());
        result.map(|()| self.finish(report))
    }

    /// Loads the packages that an earlier run left.
    ///
    /// # Errors
    /// As [`Pipeline::run`].
    pub fn load_pending(&mut self, events: &Events) -> Result<RunReport, RunError> {
        self.watched(events, |pipeline, report, watch| {
            let pending = pipeline.pending().at(Step::Load)?;
            report.loaded_pending = !pending.is_empty();
            pipeline.load_all(pending, report, watch, events)
        })
    }

    /// Drops local state and takes everything from the destination.
    ///
    /// # Errors
    /// The destination cannot be reached or what is stored there cannot be read.
    pub fn sync(&mut self) -> Result<(), RunError> {
        self.workdir.forget().at(Step::Sync)?;
        self.sync_now().at(Step::Sync)
    }

    /// As [`Pipeline::sync`], but keeps what is newer here.
    pub(crate) fn update_from_destination(&mut self) -> Result<(), RunError> {
        self.sync_now().at(Step::Sync)
    }

    /// Runs from a schema and state that the caller has changed.
    pub(crate) fn run_prepared(
        &mut self,
        source: &Source,
        prepared: Prepared,
        options: &RunOptions,
    ) -> Result<RunReport, RunError> {
        let events = Events::new();
        self.watched(&events, |pipeline, report, watch| {
            let mut extraction = pipeline.extraction(options, &events);
            if extraction.state_row == StateRow::InDefaultSchema {
                extraction.state_row = StateRow::InPackage;
            }
            let extracted =
                pipeline.extract_prepared(&extraction, source, prepared, report, watch)?;
            pipeline.load_all(extracted.packages, report, watch, &events)
        })
    }

    pub(crate) fn new_report(&self) -> RunReport {
        let destination = &self.options.destination;
        RunReport {
            transaction_id: transaction_id(),
            pipeline_name: self.options.name.clone(),
            destination_name: destination.name().to_owned(),
            destination_type: destination.kind().to_owned(),
            dataset_name: self.datasets.dataset.clone(),
            location: destination.location(),
            ..RunReport::default()
        }
    }

    fn finish(&self, mut report: RunReport) -> RunReport {
        report.peak_memory_bytes = crate::memory::peak_bytes();
        report
    }

    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    fn system_names(&self) -> SystemNames {
        system_names(&self.naming)
    }

    /// A session at the destination.
    ///
    /// # Errors
    /// The destination cannot be reached.
    pub fn connect(&self) -> Result<Box<dyn Client>, Cause> {
        Ok(self.block_on(self.options.destination.connect(&self.datasets))?)
    }

    fn sync_once(&mut self, report: &mut RunReport, watch: &mut Watch) -> Result<(), RunError> {
        if self.is_synced || !self.options.settings.restore_from_destination {
            return Ok(());
        }
        watch.start(Step::Sync);
        self.sync_now().at(Step::Sync)?;
        self.is_synced = true;
        watch.done(report);
        Ok(())
    }

    fn sync_now(&self) -> Result<(), Cause> {
        let has_pending = !self.pending()?.is_empty();
        if !self.options.destination.is_there() {
            // Nothing is made before there is something to load.
            return sync_with_nothing(&self.workdir, &self.identity, has_pending);
        }
        let names = self.system_names();
        self.block_on(async {
            let mut client = self.options.destination.connect(&self.datasets).await?;
            sync(
                &self.workdir,
                client.as_mut(),
                &names,
                &self.identity,
                has_pending,
            )
            .await
        })
    }

    /// Sealed packages, oldest first; their state is taken over if this process died before it was written.
    fn pending(&self) -> Result<Vec<Package>, Cause> {
        let recovery = self.store.recover()?;
        let mut packages = Vec::new();
        for pending in recovery.pending {
            match pending.progress {
                Progress::NotBegun => {}
                Progress::Begun => pending.package.reset_jobs()?,
                Progress::Aborting => {
                    self.finish_abort(pending.package.load_id())?;
                    continue;
                }
            }
            pending.package.check()?;
            self.adopt(&pending.package)?;
            packages.push(pending.package);
        }
        Ok(packages)
    }

    /// Ends giving up a package that a crash has interrupted.
    fn finish_abort(&self, load_id: &str) -> Result<(), Cause> {
        if let Some(plan) = self.store.plan_abort(Some(load_id))? {
            self.store.abort(&plan)?;
        }
        Ok(())
    }

    /// Takes over schema and state of a sealed package when the working folder is behind.
    fn adopt(&self, package: &Package) -> Result<(), Cause> {
        let document = package.document_state()?;
        let Some(text) = document
            .get(LOCAL_STATE)
            .and_then(serde_json::Value::as_str)
        else {
            return Ok(());
        };
        let place = || package.load_id().to_owned();
        let state = PipelineState::from_json(text).map_err(|cause| Cause::State {
            place: place(),
            cause,
        })?;
        let local = self.workdir.load_state()?;
        if local
            .as_ref()
            .is_some_and(|local| !is_behind(local, &state))
        {
            return Ok(());
        }
        let schema = Schema::from_document(&package.schema()?)?;
        self.workdir.save_schema(&schema)?;
        self.workdir.save_state(&state)
    }

    fn extract(
        &self,
        source: &Source,
        options: &RunOptions,
        report: &mut RunReport,
        watch: &mut Watch,
        events: &Events,
    ) -> Result<Extracted, RunError> {
        let extraction = self.extraction(options, events);
        let prepared = prepare(&extraction, source).at(Step::Extract)?;
        self.extract_prepared(&extraction, source, prepared, report, watch)
    }

    fn extraction<'a>(&'a self, options: &'a RunOptions, events: &'a Events) -> Extraction<'a> {
        Extraction {
            workdir: &self.workdir,
            store: &self.store,
            load_id: self.load_ids.next_id(),
            load_ids: &self.load_ids,
            naming: self.naming,
            identity: &self.identity,
            events,
            state_row: match self.options.settings.restore_from_destination {
                true => StateRow::InDefaultSchema,
                false => StateRow::Nowhere,
            },
            allow_identifier_change: self.options.settings.allow_identifier_change,
            options,
        }
    }

    fn extract_prepared(
        &self,
        extraction: &Extraction<'_>,
        source: &Source,
        prepared: Prepared,
        report: &mut RunReport,
        watch: &mut Watch,
    ) -> Result<Extracted, RunError> {
        watch.start(Step::Extract);
        let new_rules = |load_id: &str| self.rules(load_id);
        let extracted = extract(extraction, &new_rules, source, prepared, report)?;
        report.first_run = extracted.state.is_first_run();
        watch.tell_tables(report);
        watch.done(report);
        Ok(extracted)
    }

    fn rules(&self, load_id: &str) -> Rules {
        let settings = &self.options.settings;
        let mut rules = Rules::new(self.naming, load_id, Box::new(OsSeeded::new()));
        rules.threads = match settings.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        rules.zone = self.zone.clone();
        rules.id_bytes = settings.row_id_bytes;
        rules.process_start = now_micros() as f64 / 1e6;
        rules.adds_id_to_arrow = settings.arrow_row_id;
        rules.adds_load_id_to_arrow = settings.arrow_load_id;
        rules.capabilities = type_caps(self.options.destination.capabilities());
        rules
    }

    pub(crate) fn load_target(&self) -> Result<LoadTarget, Cause> {
        let settings = &self.options.settings;
        let replace_strategy = settings
            .replace_strategy
            .as_deref()
            .map(str::parse)
            .transpose();
        Ok(LoadTarget {
            destination: Arc::clone(&self.options.destination),
            datasets: self.datasets.clone(),
            settings: PlanSettings {
                replace_strategy: replace_strategy
                    .map_err(|unknown: tipple_destination::UnknownWord| Cause::Word(unknown))?,
                create_indexes: settings.create_indexes,
                truncate_staging: settings.truncate_staging_dataset,
            },
            delete_completed_jobs: settings.delete_completed_jobs,
        })
    }

    /// Statements that would bring the destination to the schema of a dry run.
    fn plan_dry(&self, extracted: &Extracted) -> Result<Vec<String>, RunError> {
        let target = self.load_target().at(Step::Load)?;
        let statements = planned_statements(&target, &extracted.schema, &self.naming);
        self.block_on(statements).at(Step::Load)
    }

    fn load_all(
        &self,
        packages: Vec<Package>,
        report: &mut RunReport,
        watch: &mut Watch,
        events: &Events,
    ) -> Result<(), RunError> {
        watch.start(Step::Load);
        let target = self.load_target().at(Step::Load)?;
        for package in packages {
            let load_id = package.load_id().to_owned();
            let naming = self.package_naming(&package).at(Step::Load)?;
            let loaded = self.block_on(load_package(&target, package, &naming));
            let loaded = loaded.map_err(|cause| RunError {
                load_id: Some(load_id),
                packages_loaded: report.packages.len(),
                package_pending: true,
                ..RunError::at(Step::Load, cause)
            })?;
            report.warnings.extend(loaded.warnings);
            events.send(Event::PackageLoaded {
                load_id: loaded.report.load_id.clone(),
                rows: loaded.rows,
            });
            report.packages.push(loaded.report);
        }
        self.note_first_load().at(Step::Load)?;
        watch.done(report);
        Ok(())
    }

    /// A waiting package keeps the names it was made with, whatever the convention is now.
    fn package_naming(&self, package: &Package) -> Result<Naming, Cause> {
        let schema = Schema::from_document(&package.schema()?)?;
        let stored = schema
            .normalizers
            .get("names")
            .and_then(serde_json::Value::as_str);
        match stored {
            Some(name) => {
                Ok(Naming::from_name(name, self.naming.max_length()).map_err(Cause::Naming)?)
            }
            None => Ok(self.naming),
        }
    }

    fn note_first_load(&self) -> Result<(), Cause> {
        let Some(mut state) = self.workdir.load_state()? else {
            return Ok(());
        };
        if state.is_first_run() {
            state
                .local_mut()
                .insert("first_run".to_owned(), json!(false));
            self.workdir.save_state(&state)?;
        }
        Ok(())
    }
}

/// Whether `local` is older than `sealed`, or the same and does not know yet that it was put into the state table.
fn is_behind(local: &PipelineState, sealed: &PipelineState) -> bool {
    let is_same = local.version() == sealed.version();
    local.version() < sealed.version() || is_same && local.must_extract() && !sealed.must_extract()
}

/// Naming convention of a pipeline: its setting, else snake case, within the limits of the destination.
fn naming_of(options: &PipelineOptions) -> Result<Naming, Cause> {
    let capabilities = options.destination.capabilities();
    let known = capabilities
        .identifier_len_max
        .min(capabilities.column_identifier_len_max);
    let max_length = options.settings.max_identifier_length.unwrap_or(known);
    let name = options.settings.naming.as_deref().unwrap_or("snake_case");
    Ok(Naming::from_name(name, Some(max_length))?)
}

/// Zone of times without one (spec/normalize.md §5).
fn zone_of(settings: &PipelineSettings) -> Result<Zone, Cause> {
    let name = settings.time_zone.as_deref();
    Ok(name.map(Zone::from_name).transpose()?.unwrap_or_default())
}

impl PipelineOptions {
    /// Names of the datasets that a pipeline with these options writes.
    ///
    /// # Errors
    /// The naming convention does not exist.
    pub fn datasets(&self) -> Result<DatasetNames, RunError> {
        let naming = naming_of(self).map_err(RunError::request)?;
        Ok(datasets_of(self, &naming))
    }
}

fn datasets_of(options: &PipelineOptions, naming: &Naming) -> DatasetNames {
    let default = || format!("{}_dataset", options.name);
    let wanted = options.dataset_name.clone().unwrap_or_else(default);
    let wanted = match &options.settings.dataset_name_layout {
        Some(layout) => layout.replace("%s", &wanted),
        None => wanted,
    };
    let name = naming.table_identifier(&wanted).unwrap_or(wanted);
    let mut datasets = options.destination.dataset_names(&name);
    let staging = options.settings.staging_dataset_layout.replace("%s", &name);
    datasets.staging = naming.table_identifier(&staging).unwrap_or(staging);
    datasets
}

fn identity_of(options: &PipelineOptions, datasets: &DatasetNames) -> Identity {
    let destination = &options.destination;
    let is_renamed = destination.name() != destination.kind();
    Identity {
        pipeline: options.name.clone(),
        dataset: options
            .dataset_name
            .clone()
            .unwrap_or_else(|| datasets.dataset.clone()),
        destination_type: destination.type_path(),
        destination_name: is_renamed.then(|| destination.name().to_owned()),
    }
}

fn check_resources(source: &Source, options: &RunOptions) -> Result<(), Cause> {
    let known: Vec<String> = source
        .specs()
        .iter()
        .map(|spec| spec.name.clone())
        .collect();
    let unknown: Vec<String> = options
        .resources
        .iter()
        .filter(|name| !known.contains(name))
        .cloned()
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Cause::UnknownResource {
        source_name: source.spec.name.clone(),
        unknown,
        known,
    })
}

/// 32 hexadecimal digits that no other run has.
fn transaction_id() -> String {
    let mut bytes = [0; 16];
    crate::ids::os_random(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the normaliser must know of the destination's types.
fn type_caps(capabilities: &Capabilities) -> TypeCaps {
    let pair = |(precision, scale): (u32, u32)| (i64::from(precision), i64::from(scale));
    TypeCaps {
        timestamp_precision: i64::from(capabilities.timestamp_precision),
        timestamp_precision_max: i64::from(capabilities.timestamp_precision_max),
        has_naive_timestamps: capabilities.naive_timestamps,
        decimal_precision: pair(capabilities.decimal_precision),
        wei_precision: pair(capabilities.wei_precision),
        ..TypeCaps::default()
    }
}
