//! Extract and normalize in one pass: pages in, sealed package out.
//!
//! Pages go from the source through the cursor into the normaliser, batches from the normaliser into job files; nothing
//! waits for the end of anything but the seal. Resources are read one after another, those that share a table page by
//! page in turn, as dlt reads them; first pages are fetched for all before anything is normalised, so that the hints of
//! every resource are known first. Start with [`extract`].

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use tipple_destination::ColumnChanges;
use tipple_normalize::{
    ColumnCause, NormalizeError, Normalized, Normalizer, Rules, SinkError, TableBatch,
};
use tipple_package::{LoadIds, Package, PackageError, PackageStore, PackageWriter};
use tipple_schema::{Naming, Schema, state_table};
use tipple_source::{
    Body, Cursor, Disposition, Page, PageReader, Place, ReadRequest, Reading, Resource,
    ResourceSpec, Source, SourceError, TypeChange,
};

use crate::declare::{Declarations, Declared};
use crate::error::{AtStep, Cause, RunError};
use crate::events::{Event, Events};
use crate::lock::{self, Lock};
use crate::options::RunOptions;
use crate::prepare::{Prepared, specs_of};
use crate::refresh::Refreshed;
use crate::report::{NewColumn, ResourceReport, RunReport, Step};
use crate::state::PipelineState;
use crate::state_package::{seal_state, state_row};
use crate::sync::Identity;
use crate::time::{iso, now_micros};
use crate::widen::{FOLDED, LargeNumbers, Stored, Widened, folded_entry, widen};
use crate::workdir::WorkDir;

mod by_item;
mod joint;

/// What extraction works on.
pub(crate) struct Extraction<'a> {
    pub workdir: &'a WorkDir,
    pub store: &'a PackageStore,
    pub load_id: String,
    /// Gives the ids of further packages.
    pub load_ids: &'a LoadIds,
    pub naming: Naming,
    pub identity: &'a Identity,
    pub events: &'a Events,
    /// Where a changed state goes.
    pub state_row: StateRow,
    pub allow_identifier_change: bool,
    pub stored: &'a dyn Stored,
    pub options: &'a RunOptions,
}

/// Where a changed state is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StateRow {
    /// In the package of the default schema, whatever schema was read.
    InDefaultSchema,
    /// In the package that changes the state, as when tables are dropped.
    InPackage,
    /// Only in the working folder.
    Nowhere,
}

/// Makes the rules for the package of a load id.
pub(crate) type NewRules<'a> = dyn Fn(&str) -> Rules + 'a;

/// What extraction gave.
pub(crate) struct Extracted {
    /// In the order of loading; none when there is nothing to load.
    pub packages: Vec<Package>,
    /// Schema after normalize.
    pub schema: Schema,
    /// State after extract.
    pub state: PipelineState,
    /// Schema before extract.
    pub before: Schema,
    /// Where each new column came from.
    pub causes: Vec<ColumnCause>,
    /// What a refresh does to tables that are there.
    pub refreshed: Refreshed,
    /// Columns that the locked schema renames or drops.
    pub changes: ColumnChanges,
}

/// One resource while it is read.
struct Stream {
    resource: usize,
    reader: Box<dyn PageReader>,
    cursor: Option<Cursor>,
    /// Fetched before anything is normalised.
    first: Option<Page>,
    is_done: bool,
    pages: u64,
}

/// Reads a source to the end and seals a package; keeps nothing when it fails.
///
/// # Errors
/// Those of extract and normalize, each with its step.
pub(crate) fn extract(
    extraction: &Extraction<'_>,
    new_rules: &NewRules<'_>,
    source: &Source,
    prepared: Prepared,
    report: &mut RunReport,
) -> Result<Extracted, RunError> {
    let mut run = Run::begin(extraction, new_rules, source, prepared, report)?;
    let mut joint = match &source.reading {
        Reading::Separate(resources) => {
            run.open_streams(resources)?;
            run.read_all()?;
            None
        }
        Reading::Joint(source) => Some(run.read_jointly(source.as_ref())?),
    };
    run.empty_replaced()?;
    let extracted = run.finish()?;
    if let Some(reader) = &mut joint {
        reader.sealed();
    }
    Ok(extracted)
}

struct Run<'a> {
    extraction: &'a Extraction<'a>,
    new_rules: &'a NewRules<'a>,
    source: &'a Source,
    report: &'a mut RunReport,
    state: PipelineState,
    declarations: Declarations,
    normalizer: Normalizer,
    writer: Option<PackageWriter>,
    package_state: Map<String, Value>,
    /// Hints of all resources, with the contract of this run.
    specs: Vec<ResourceSpec>,
    streams: Vec<Stream>,
    /// Resources that were read, in their order.
    was_read: Vec<usize>,
    /// Tables that got items.
    filled: Vec<String>,
    /// The schema before the run, for the report.
    before: Schema,
    /// Columns with values that a double cannot hold; absent when nothing may widen.
    large: Option<LargeNumbers>,
}

impl<'a> Run<'a> {
    fn begin(
        extraction: &'a Extraction<'a>,
        new_rules: &'a NewRules<'a>,
        source: &'a Source,
        prepared: Prepared,
        report: &'a mut RunReport,
    ) -> Result<Self, RunError> {
        let Prepared {
            schema,
            state,
            package_state,
            warnings,
        } = prepared;
        report.warnings.extend(warnings);
        let specs = specs_of(source, extraction.options);
        let rules = new_rules(&extraction.load_id);
        let declarations = Declarations::new(schema.clone(), &rules);
        let normalizer = Normalizer::new(schema.clone(), rules).at(Step::Normalize)?;
        let mut run = Run {
            extraction,
            new_rules,
            source,
            report,
            state,
            before: schema.clone(),
            declarations,
            normalizer,
            writer: None,
            package_state,
            large: may_widen(&specs).then(LargeNumbers::default),
            specs,
            streams: Vec::new(),
            was_read: Vec::new(),
            filled: Vec::new(),
        };
        run.open_package()?;
        run.reset_states();
        Ok(run)
    }

    fn open_package(&mut self) -> Result<(), RunError> {
        if self.extraction.options.dry_run {
            return Ok(());
        }
        let document = self.declarations.schema.to_document();
        let writer = self
            .extraction
            .store
            .create(&self.extraction.load_id, &document)
            .at(Step::Extract)?;
        let snapshot = self.extraction.workdir.snapshot().at(Step::Extract)?;
        writer.keep_for_restore(&snapshot).at(Step::Extract)?;
        self.writer = Some(writer);
        Ok(())
    }

    fn reset_states(&mut self) {
        let source = self.source.spec.name.clone();
        for resource in self.selected() {
            let spec = &self.specs[resource];
            if spec.resets_state() {
                self.state.reset_resource(&source, &spec.name);
            }
        }
    }

    /// Opens all selected resources and fetches the first page of each.
    fn open_streams(&mut self, resources: &[Box<dyn Resource>]) -> Result<(), RunError> {
        for index in self.selected() {
            let stream = self
                .open_stream(index, resources[index].as_ref())
                .at(Step::Extract)?;
            self.streams.push(stream);
            self.was_read.push(index);
        }
        for index in 0..self.streams.len() {
            let page = self.next_page(index)?;
            self.streams[index].first = page;
        }
        Ok(())
    }

    fn selected(&self) -> Vec<usize> {
        let wanted = &self.extraction.options.resources;
        let is_wanted =
            |index: &usize| wanted.is_empty() || wanted.contains(&self.specs[*index].name);
        (0..self.specs.len()).filter(is_wanted).collect()
    }

    fn page_limit(&self) -> Option<u64> {
        let options = self.extraction.options;
        if options.dry_run && !options.reads_all {
            Some(1)
        } else {
            self.extraction.options.limit
        }
    }

    fn open_stream(&mut self, index: usize, resource: &dyn Resource) -> Result<Stream, Cause> {
        let spec = &self.specs[index];
        let source = &self.source.spec.name;
        let state = self
            .state
            .resource(source, &spec.name)
            .cloned()
            .unwrap_or_default();
        let cursor = Cursor::start(spec, &state)?;
        let request = ReadRequest {
            state,
            start_value: cursor.as_ref().and_then(Cursor::start_value),
            end_value: cursor.as_ref().and_then(Cursor::end_value),
            page_limit: self.page_limit(),
        };
        let reader = resource.open(&request)?;
        Ok(Stream {
            resource: index,
            reader,
            cursor,
            first: None,
            is_done: false,
            pages: 0,
        })
    }

    /// The next page of a stream of which the cursor keeps rows; nothing at its end or limit.
    fn next_page(&mut self, index: usize) -> Result<Option<Page>, RunError> {
        if let Some(page) = self.streams[index].first.take() {
            return Ok(Some(page));
        }
        while let Some(page) = self.read_page(index)? {
            let kept = match &mut self.streams[index].cursor {
                Some(cursor) => cursor.filter(page).at(Step::Extract)?,
                None => Some(page),
            };
            if let Some(page) = kept {
                self.count_items(self.streams[index].resource, &page);
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    fn read_page(&mut self, index: usize) -> Result<Option<Page>, RunError> {
        let limit = self.page_limit();
        let stream = &mut self.streams[index];
        let is_enough = stream.cursor.as_ref().is_some_and(Cursor::is_done)
            || limit.is_some_and(|limit| stream.pages >= limit);
        if stream.is_done || is_enough {
            return Ok(None);
        }
        let page = stream.reader.next_page().at(Step::Extract)?;
        stream.pages += u64::from(page.is_some());
        stream.is_done = page.is_none();
        let resource = stream.resource;
        if let Some(page) = &page {
            self.count_page(resource, page.body.byte_count() as u64);
        }
        Ok(page)
    }

    fn counts(&mut self, resource: usize) -> &mut ResourceReport {
        let name = &self.specs[resource].name;
        self.report.resources.entry(name.clone()).or_default()
    }

    fn count_page(&mut self, resource: usize, bytes: u64) {
        let counts = self.counts(resource);
        counts.pages += 1;
        counts.bytes += bytes;
    }

    fn count_items(&mut self, resource: usize, page: &Page) {
        let rows = page.item_count.unwrap_or_default();
        self.counts(resource).items += rows;
        self.extraction.events.send(Event::PageRead {
            resource: self.specs[resource].name.clone(),
            rows,
            bytes: page.body.byte_count() as u64,
        });
    }

    fn read_all(&mut self) -> Result<(), RunError> {
        self.declare_all()?;
        for group in self.groups()? {
            self.read_group(&group)?;
        }
        Ok(())
    }

    /// Takes the hints of every resource that has a page.
    fn declare_all(&mut self) -> Result<(), RunError> {
        for index in 0..self.streams.len() {
            if let Some(page) = &self.streams[index].first {
                let page = page.clone();
                self.declare_page(self.streams[index].resource, &page)?;
            }
        }
        Ok(())
    }

    fn declare_page(&mut self, resource: usize, page: &Page) -> Result<(), RunError> {
        for (table, page) in self.by_table(resource, page.clone())? {
            self.declare(resource, table.as_deref(), &page.body)?;
        }
        Ok(())
    }

    /// Takes the hints of a resource for its table, or for the one that its items have named.
    fn declare(
        &mut self,
        resource: usize,
        table: Option<&str>,
        body: &Body,
    ) -> Result<Declared, RunError> {
        let spec = by_item::of_table(&self.specs[resource], table);
        let declared = self.declarations.declare(&spec, body).at(Step::Extract)?;
        for table in &declared.tables {
            self.normalizer
                .declare(table.clone())
                .map_err(declare_error)?;
        }
        Ok(declared)
    }

    /// Streams by table, in the order in which tables appear.
    fn groups(&self) -> Result<Vec<Vec<usize>>, RunError> {
        let mut groups: IndexMap<String, Vec<usize>> = IndexMap::new();
        for (index, stream) in self.streams.iter().enumerate() {
            let spec = &self.specs[stream.resource];
            let table = self.declarations.table_name(spec).at(Step::Extract)?;
            groups.entry(table).or_default().push(index);
        }
        Ok(groups.into_values().collect())
    }

    /// Reads streams in turn, one page each, until all have ended.
    fn read_group(&mut self, group: &[usize]) -> Result<(), RunError> {
        let mut open = group.to_vec();
        while !open.is_empty() {
            let mut still_open = Vec::with_capacity(open.len());
            for index in open {
                if let Some(page) = self.next_page(index)? {
                    self.take_page(self.streams[index].resource, page)?;
                    still_open.push(index);
                }
            }
            open = still_open;
        }
        for index in group {
            self.keep_state(*index);
        }
        Ok(())
    }

    fn take_page(&mut self, resource: usize, page: Page) -> Result<(), RunError> {
        for (table, page) in self.by_table(resource, page)? {
            self.take_rows(resource, table.as_deref(), page)?;
        }
        Ok(())
    }

    fn take_rows(
        &mut self,
        resource: usize,
        table: Option<&str>,
        page: Page,
    ) -> Result<(), RunError> {
        let declared = self.declare(resource, table, &page.body)?;
        if declared.is_filtered {
            return Ok(());
        }
        if !has_items(&page.body) {
            return Ok(());
        }
        if !self.filled.contains(&declared.table) {
            self.filled.push(declared.table.clone());
        }
        self.normalize(&declared.table, page.body, &page.place)
    }

    fn normalize(&mut self, table: &str, body: Body, place: &Place) -> Result<(), RunError> {
        let mut sink = Sink {
            writer: &mut self.writer,
            large: self.large.as_mut(),
        };
        let place = place_of(place);
        let mut take = |batch| sink.take(batch);
        let result = match body {
            Body::Json(text) => self.normalizer.push_json(table, &text, &place, &mut take),
            Body::Arrow(batch) => {
                let none = HashMap::new();
                let filtered = self
                    .declarations
                    .filtered_columns
                    .get(table)
                    .unwrap_or(&none);
                self.normalizer
                    .push_arrow(table, &batch, filtered, &mut take)
            }
        };
        result.map_err(normalize_error)
    }

    /// What a stream wants to remember goes into the state.
    fn keep_state(&mut self, index: usize) {
        let stream = &mut self.streams[index];
        let own = stream.reader.state();
        let name = &self.specs[stream.resource].name;
        if let Some(cursor) = &mut stream.cursor {
            self.report.warnings.extend(cursor.take_warnings());
            if cursor.state().is_some() {
                cursor.write_state(self.state.resource_mut(&self.source.spec.name, name));
            }
        }
        if !own.is_empty() {
            self.state
                .resource_mut(&self.source.spec.name, name)
                .extend(own);
        }
    }

    /// A replaced resource that gave nothing still empties its tables (spec/normalize.md §7.2).
    fn empty_replaced(&mut self) -> Result<(), RunError> {
        for resource in self.selected() {
            let spec = self.specs[resource].clone();
            if spec.disposition() != Disposition::Replace {
                continue;
            }
            for table in self.root_tables_of(&spec.name) {
                if !self.filled.contains(&table) {
                    self.touch_replaced(&table)?;
                }
            }
        }
        Ok(())
    }

    fn root_tables_of(&self, resource: &str) -> Vec<String> {
        let tables = self.declarations.schema.tables.values();
        tables
            .filter(|table| table.parent.is_none() && table.has_seen_data())
            .filter(|table| table.text_hint("resource") == Some(resource))
            .map(|table| table.name.clone())
            .collect()
    }

    fn touch_replaced(&mut self, table: &str) -> Result<(), RunError> {
        let mut partial = tipple_schema::Table::new(table);
        partial
            .hints
            .insert("write_disposition".to_owned(), json!("replace"));
        self.declarations
            .schema
            .update_table_hints(partial.clone())
            .at(Step::Extract)?;
        self.normalizer.declare(partial).map_err(declare_error)?;
        self.normalizer.touch(table);
        Ok(())
    }

    fn finish(mut self) -> Result<Extracted, RunError> {
        let default_schema = self.finish_state()?;
        let tables = self.tables_of_resources();
        let Run {
            extraction,
            new_rules,
            report,
            mut state,
            declarations,
            normalizer,
            mut writer,
            mut package_state,
            before,
            mut large,
            ..
        } = self;
        let refreshed = Refreshed::read(&package_state);
        let changes = lock::changes_of(&package_state);
        let mut extracted_schema = declarations.schema;
        extracted_schema.bump();
        if writer.is_some() {
            let offered = extraction.workdir.offer_import(&mut extracted_schema);
            offered.at(Step::Extract)?;
        }
        let mut sink = Sink {
            writer: &mut writer,
            large: large.as_mut(),
        };
        let mut normalized = normalizer
            .finish(&mut |batch| sink.take(batch))
            .map_err(normalize_error)?;
        if let Some(large) = &large {
            let widened = widen(&mut normalized, &before, large, extraction.stored);
            let widened = widened.at(Step::Normalize)?;
            report.warnings.extend(widened.iter().map(Widened::note));
            if !widened.is_empty() {
                package_state.insert(FOLDED.to_owned(), folded_entry(&widened));
            }
        }
        let schema = continue_versions(&normalized.schema, &extracted_schema);
        describe(report, &columns_by_table(&before), &normalized);
        check_lock(extraction.options.locked.as_ref(), &schema)?;
        count_items(report, &tables, &normalized);
        let mut packages = Vec::new();
        let workdir = extraction.workdir;
        if let Some(writer) = writer {
            packages.extend(seal(writer, &normalized, &schema, &state, package_state)?);
            let stored = match packages.is_empty() {
                false => &schema,
                true => &extracted_schema,
            };
            // Sealed after the rows that it tells of, so that no crash stores a cursor without them.
            if let Some(default) = default_schema {
                let sealed = seal_state(extraction, new_rules, default, &mut state)?;
                workdir.save_schema(&sealed.schema).at(Step::Normalize)?;
                packages.extend(sealed.package);
                report.rows.extend(sealed.rows);
            }
            workdir.save_schema(stored).at(Step::Normalize)?;
            workdir.save_state(&state).at(Step::Normalize)?;
        }
        Ok(Extracted {
            packages,
            schema,
            state,
            before,
            causes: normalized.causes,
            refreshed,
            changes,
        })
    }

    /// Resource and root table of everything that was read and has one table.
    fn tables_of_resources(&self) -> Vec<(String, String)> {
        let specs = self.was_read.iter().map(|index| &self.specs[*index]);
        specs
            .filter(|spec| spec.table_by_item.is_none())
            .filter_map(|spec| Some((spec.name.clone(), self.declarations.table_name(spec).ok()?)))
            .collect()
    }

    /// Brings the state up to date and, if it changed, into the state table. Gives the default schema when the row
    /// belongs into a package of that one.
    fn finish_state(&mut self) -> Result<Option<Schema>, RunError> {
        let schema_name = self.declarations.schema.name.clone();
        if self.state.text("default_schema_name").is_none() {
            self.state.set("default_schema_name", json!(schema_name));
        }
        let workdir = self.extraction.workdir;
        let mut schemas = workdir.schema_names().at(Step::Extract)?;
        if !schemas.contains(&schema_name) {
            schemas.push(schema_name.clone());
            schemas.sort();
        }
        self.extraction.identity.write(&mut self.state, &schemas);
        self.state.bump();
        if self.extraction.state_row == StateRow::Nowhere || !self.state.must_extract() {
            return Ok(None);
        }
        let default = self.state.text("default_schema_name").unwrap_or_default();
        if self.extraction.state_row == StateRow::InDefaultSchema
            && default != schema_name
            && let Some(default) = workdir.load_schema(default).at(Step::Extract)?
        {
            return Ok(Some(default));
        }
        self.extract_state().map(|()| None)
    }

    fn extract_state(&mut self) -> Result<(), RunError> {
        let table = state_table()
            .normalized(&self.extraction.naming)
            .at(Step::Extract)?;
        self.declarations
            .schema
            .update_table_hints(table.clone())
            .at(Step::Extract)?;
        self.normalizer
            .declare(table.clone())
            .map_err(declare_error)?;
        let row = state_row(&self.state, &self.extraction.load_id);
        self.package_state
            .insert("pipeline_state".to_owned(), row.clone());
        self.normalize(
            &table.name,
            Body::Json(Bytes::from(row.to_string())),
            &Place::start_of("pipeline state"),
        )?;
        self.state.mark_extracted(&iso(now_micros()));
        Ok(())
    }
}

fn may_widen(specs: &[ResourceSpec]) -> bool {
    let mut changes = specs.iter().map(|spec| spec.hints.on_type_change);
    changes.any(|change| change == Some(TypeChange::Widen))
}

/// Refuses what a locked schema does not have.
fn check_lock(locked: Option<&Lock>, schema: &Schema) -> Result<(), RunError> {
    let Some(locked) = locked else {
        return Ok(());
    };
    let changes = lock::beyond(&locked.schema, schema);
    match changes.is_empty() {
        true => Ok(()),
        false => Err(RunError::at(
            Step::Normalize,
            Cause::Locked(lock::LockedSchema {
                schema: schema.name.clone(),
                changes,
            }),
        )),
    }
}

/// Batches into job files; into nothing in a dry run.
pub(crate) struct Sink<'a> {
    pub writer: &'a mut Option<PackageWriter>,
    /// Is told of the values, where somebody wants to know.
    pub large: Option<&'a mut LargeNumbers>,
}

impl Sink<'_> {
    pub fn take(&mut self, batch: TableBatch) -> Result<(), SinkError> {
        if let Some(large) = &mut self.large {
            large.look(&batch.table, &batch.batch);
        }
        let Some(writer) = self.writer else {
            return Ok(());
        };
        Ok(writer.write(&batch.table, &batch.batch)?)
    }
}

fn place_of(place: &Place) -> tipple_normalize::Place {
    tipple_normalize::Place {
        origin: place.origin.clone(),
        page: place.page,
        line: place.line,
        byte_offset: place.byte_offset,
    }
}

fn has_items(body: &Body) -> bool {
    match body {
        Body::Json(text) => text.iter().any(|byte| !byte.is_ascii_whitespace()),
        Body::Arrow(_) => true,
    }
}

fn columns_by_table(schema: &Schema) -> IndexMap<String, Vec<String>> {
    let complete = |table: &tipple_schema::Table| {
        table
            .complete_columns()
            .map(|column| column.name.clone())
            .collect()
    };
    schema
        .tables
        .iter()
        .map(|(name, table)| (name.clone(), complete(table)))
        .collect()
}

/// The schema after normalize, its version counted on from the one after extract (spec/schema.md §2).
pub(crate) fn continue_versions(normalized: &Schema, extracted: &Schema) -> Schema {
    let mut schema = normalized.clone();
    schema.version = extracted.version;
    schema.version_hash.clone_from(&extracted.version_hash);
    schema
        .previous_hashes
        .clone_from(&extracted.previous_hashes);
    schema
        .imported_version_hash
        .clone_from(&extracted.imported_version_hash);
    schema.bump();
    schema
}

/// Seals the package, or removes it when it would do nothing.
pub(crate) fn seal(
    mut writer: PackageWriter,
    normalized: &Normalized,
    schema: &Schema,
    state: &PipelineState,
    entries: Map<String, Value>,
) -> Result<Option<Package>, RunError> {
    let changes_tables = entries.contains_key("dropped_tables")
        || entries.contains_key("truncated_tables")
        || entries.contains_key(lock::CHANGES);
    for (key, value) in entries {
        writer.state_mut().set(&key, value);
    }
    for (table, _) in normalized.rows.iter().filter(|(_, rows)| **rows == 0) {
        writer
            .touch(table, Arc::new(arrow_schema::Schema::empty()))
            .at(Step::Normalize)?;
    }
    // Lets a later run take over the state even when this process dies before it is written beside the package.
    writer
        .state_mut()
        .set(LOCAL_STATE, Value::String(state.to_json()));
    if !writer.has_jobs() && !changes_tables {
        writer.discard().at(Step::Normalize)?;
        return Ok(None);
    }
    let updates = normalized
        .updates
        .iter()
        .map(|(name, table)| (name.clone(), Value::Object(table.to_properties())));
    let updates = Value::Object(updates.collect());
    writer
        .seal(&schema.to_document(), &updates)
        .at(Step::Normalize)
        .map(Some)
}

/// Key of the package state that holds the text of `state.json` after the package was made.
pub(crate) const LOCAL_STATE: &str = "tipple_local_state";

/// Tells what is new in the report.
fn describe(
    report: &mut RunReport,
    before: &IndexMap<String, Vec<String>>,
    normalized: &Normalized,
) {
    report.rows = normalized.rows.clone();
    report.null_only = normalized.null_only.clone();
    for (name, table) in &normalized.schema.tables {
        if tipple_destination::is_system_table(name) {
            continue;
        }
        let known = before.get(name).filter(|columns| !columns.is_empty());
        if known.is_none() && table.complete_columns().next().is_some() {
            report.new_tables.push(name.clone());
        }
        for column in table.complete_columns() {
            let is_known = known.is_some_and(|known| known.contains(&column.name));
            let is_system = column.name.to_lowercase().starts_with("_dlt_");
            if !is_known && !is_system {
                let is_variant = column.has("variant");
                let column = NewColumn::new(name, &column.name, column.data_type, is_variant);
                report.new_columns.push(column);
            }
        }
    }
}

/// Readers of text do not count items; the rows of the root table tell.
fn count_items(report: &mut RunReport, tables: &[(String, String)], normalized: &Normalized) {
    for (resource, table) in tables {
        if let Some(counts) = report.resources.get_mut(resource)
            && counts.items == 0
        {
            counts.items = normalized.rows.get(table).copied().unwrap_or_default();
        }
    }
}

/// Errors about the text of items belong to extract, as in dlt, the others to normalize.
pub(crate) fn normalize_error(error: NormalizeError) -> RunError {
    let error = match error {
        NormalizeError::Sink(sink) => match sink.downcast::<PackageError>() {
            Ok(error) => return RunError::at(Step::Normalize, *error),
            Err(sink) => NormalizeError::Sink(sink),
        },
        NormalizeError::Json {
            place,
            error,
            line,
            column,
            excerpt,
        } => {
            let error = SourceError::Malformed {
                format: "JSON",
                place: Place {
                    origin: place.origin,
                    page: place.page,
                    line,
                    byte_offset: place.byte_offset + error.at as u64,
                },
                column,
                reason: error.kind.to_string(),
                excerpt,
            };
            return RunError::at(Step::Extract, error);
        }
        error => error,
    };
    let step = if error.is_extract() {
        Step::Extract
    } else {
        Step::Normalize
    };
    RunError::at(step, error)
}

/// Items that were pushed before are done first when a table is declared, so their errors can come out here.
fn declare_error(error: NormalizeError) -> RunError {
    match error {
        NormalizeError::Row { .. } | NormalizeError::Json { .. } => normalize_error(error),
        error => RunError::at(Step::Extract, error),
    }
}
