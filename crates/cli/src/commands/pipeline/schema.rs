//! `tipple pipeline NAME schema`: the stored schema.

use clap::Args;
use tipple_pipeline::PipelineInfo;
use tipple_schema::Schema as StoredSchema;

use super::super::Outcome;
use super::super::schema::{Form, print};
use crate::diagnostics::{Diagnostic, codes, nearest, pipeline, quoted};
use crate::exit::Exit;
use crate::output::Terminal;
use crate::project::Project;

/// Arguments of `tipple pipeline schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Pipeline
    name: String,
    /// Schema, when the pipeline has several
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    #[command(flatten)]
    form: Form,
}

impl Schema {
    /// Prints the schema.
    pub fn run(self, project: &Project, terminal: &Terminal) -> Outcome {
        let workdir = project.workdir(&self.name)?;
        let info = PipelineInfo::read(&workdir).map_err(|cause| pipeline::from_cause(&cause))?;
        let default = info
            .state
            .as_ref()
            .and_then(|state| state.text("default_schema_name"))
            .map(str::to_owned);
        print(
            self.choose(&info.schemas, default.as_deref())?,
            &self.form,
            terminal,
        )?;
        Ok(Exit::Done)
    }

    fn choose<'a>(
        &self,
        schemas: &'a [StoredSchema],
        default: Option<&str>,
    ) -> Result<&'a StoredSchema, Diagnostic> {
        let wanted = self.schema.as_deref().or(default);
        let found = schemas
            .iter()
            .find(|schema| wanted.is_none_or(|wanted| schema.name == wanted));
        found.ok_or_else(|| {
            let names: Vec<&str> = schemas.iter().map(|schema| schema.name.as_str()).collect();
            let Some(wanted) = wanted.filter(|_| !names.is_empty()) else {
                return Diagnostic::new(
                    &codes::PIPELINE_NEVER_RAN,
                    format!("pipeline `{}` has no schema yet", self.name),
                );
            };
            let what = format!("pipeline `{}` has no schema `{wanted}`", self.name);
            let diagnostic =
                Diagnostic::new(&codes::SCHEMA_NOT_FOUND, what).with("known", quoted(&names));
            match nearest(wanted, names.iter().copied()) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic,
            }
        })
    }
}
