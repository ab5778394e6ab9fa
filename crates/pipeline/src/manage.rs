//! Changing what a pipeline has loaded or remembers, without new data: drop, abort, look.
//!
//! A drop is a run without resources: the tables leave the schema, the state is stored again, and the load package says
//! what is dropped at the destination (spec/load.md §8). Everything that changes can be planned first.

use serde_json::{Map, Value};
use tipple_package::{AbortPlan, PackageState};
use tipple_schema::Schema;
use tipple_source::{Source, SourceSpec};

use crate::error::{AtStep, Cause, RunError};
use crate::options::RunOptions;
use crate::pipeline::Pipeline;
use crate::prepare::Prepared;
use crate::refresh::{Forgotten, Selection, forget};
use crate::report::{RunReport, Step};
use crate::state::PipelineState;

/// What to drop.
#[derive(Debug, Clone, Default)]
pub struct DropRequest {
    /// Schema to drop from; the default one when absent.
    pub schema: Option<String>,
    /// Resources by name or `re:` pattern.
    pub resources: Vec<String>,
    /// All resources.
    pub drop_all: bool,
    /// Keys of the source state to remove as well.
    pub state_keys: Vec<String>,
    /// Leave the tables.
    pub state_only: bool,
}

/// What a working folder holds.
#[derive(Debug, Clone)]
pub struct PipelineInfo {
    /// State, if the pipeline ever ran.
    pub state: Option<PipelineState>,
    /// Stored schemas by name.
    pub schemas: Vec<Schema>,
    /// Load ids of the packages that wait, oldest first.
    pub pending: Vec<String>,
    /// Load ids of the packages that are loaded, oldest first.
    pub loaded: Vec<String>,
}

impl PipelineInfo {
    /// Looks into a working folder; makes and changes nothing.
    ///
    /// # Errors
    /// A document that cannot be read.
    pub fn read(workdir: &crate::workdir::WorkDir) -> Result<Self, Cause> {
        let store = tipple_package::PackageStore::view(workdir.root());
        let mut schemas = Vec::new();
        for name in workdir.schema_names()? {
            schemas.extend(workdir.load_schema(&name)?);
        }
        Ok(PipelineInfo {
            state: workdir.load_state()?,
            schemas,
            pending: store.list(PackageState::Normalized)?,
            loaded: store.list(PackageState::Loaded)?,
        })
    }
}

impl Pipeline {
    /// What would be dropped.
    ///
    /// # Errors
    /// The pipeline never ran, or the schema does not exist.
    pub fn plan_drop(&self, request: &DropRequest) -> Result<Forgotten, RunError> {
        self.prepare_drop(request)
            .map(|(forgotten, _)| forgotten)
            .map_err(RunError::request)
    }

    /// Drops tables and state, here and at the destination.
    ///
    /// # Errors
    /// Packages are pending, the pipeline never ran, or the destination refuses.
    pub fn drop_resources(&mut self, request: &DropRequest) -> Result<RunReport, RunError> {
        let pending = self
            .packages()
            .list(PackageState::Normalized)
            .at(Step::Load)?;
        if !pending.is_empty() {
            let pipeline = self.name().to_owned();
            return Err(RunError::request(Cause::Pending {
                pipeline,
                count: pending.len(),
            }));
        }
        self.update_from_destination()?;
        let (forgotten, prepared) = self.prepare_drop(request).map_err(RunError::request)?;
        if forgotten.is_empty() {
            return Ok(self.new_report());
        }
        let source = Source::separate(SourceSpec::named(&prepared.schema.name), Vec::new());
        self.run_prepared(&source, prepared, &RunOptions::default())
    }

    fn prepare_drop(&self, request: &DropRequest) -> Result<(Forgotten, Prepared), Cause> {
        let mut state = self
            .workdir()
            .load_state()?
            .ok_or_else(|| self.never_ran())?;
        let default = state.text("default_schema_name").map(str::to_owned);
        let name = request
            .schema
            .clone()
            .or(default)
            .ok_or_else(|| self.never_ran())?;
        let mut schema = self
            .workdir()
            .load_schema(&name)?
            .ok_or_else(|| self.never_ran())?;
        let selection = match request.drop_all {
            true => Selection::All,
            false => Selection::Named(request.resources.clone()),
        };
        let mut forgotten = forget(&mut schema, &mut state, &selection, request.state_only)?;
        if request.state_only {
            forgotten.tables.clear();
            forgotten.tables_with_data.clear();
        }
        forgotten.state_paths = state.remove_source_keys(&name, &request.state_keys);
        let mut package_state = Map::new();
        if !forgotten.tables_with_data.is_empty() {
            let tables = Value::Array(forgotten.tables_with_data.clone());
            package_state.insert("dropped_tables".to_owned(), tables);
        }
        state.force_extract();
        schema.bump();
        Ok((
            forgotten,
            Prepared {
                schema,
                state,
                package_state,
                warnings: Vec::new(),
            },
        ))
    }

    fn never_ran(&self) -> Cause {
        Cause::NeverRan {
            pipeline: self.name().to_owned(),
        }
    }

    /// What giving up the oldest pending package would do; nothing without one.
    ///
    /// # Errors
    /// The packages cannot be read.
    pub fn plan_abort(&self) -> Result<Option<AbortPlan>, RunError> {
        self.packages().plan_abort(None).map_err(RunError::request)
    }

    /// Gives up what is pending: state and schemas go back to what they were before it was extracted.
    ///
    /// # Errors
    /// The working folder cannot be written.
    pub fn abort_packages(&mut self) -> Result<Option<AbortPlan>, RunError> {
        let Some(plan) = self.plan_abort()? else {
            return Ok(None);
        };
        self.packages().abort(&plan).map_err(RunError::request)?;
        Ok(Some(plan))
    }
}
