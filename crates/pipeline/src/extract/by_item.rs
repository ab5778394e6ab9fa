//! Items of one resource that go to several tables, named after their fields.
//!
//! As in dlt, each table gets the hints of the resource when its first item appears, and the items of a table keep their
//! order; tables do not see one another.

use std::borrow::Cow;

use tipple_source::{Body, Page, ResourceSpec, SourceError};

use super::Run;
use crate::error::{AtStep, RunError};
use crate::report::Step;

impl Run<'_> {
    /// A page by table: the whole of it without a name when the resource has one table.
    pub(super) fn by_table(
        &mut self,
        resource: usize,
        page: Page,
    ) -> Result<Vec<(Option<String>, Page)>, RunError> {
        let spec = &self.specs[resource];
        let Some(template) = &spec.table_by_item else {
            return Ok(vec![(None, page)]);
        };
        let Body::Json(text) = &page.body else {
            return Err(RunError::at(Step::Extract, no_columns(spec)));
        };
        let pieces = template
            .pieces(&spec.name, text, &page.place)
            .at(Step::Extract)?;
        let pieces = pieces.into_iter().map(|piece| {
            let page = Page {
                body: Body::Json(piece.text),
                place: piece.place,
                item_count: Some(piece.item_count),
            };
            (Some(piece.table), page)
        });
        Ok(pieces.collect())
    }
}

/// The hints of a resource for one of its tables.
pub(super) fn of_table<'s>(spec: &'s ResourceSpec, table: Option<&str>) -> Cow<'s, ResourceSpec> {
    match table {
        None => Cow::Borrowed(spec),
        Some(table) => Cow::Owned(ResourceSpec {
            table_name: Some(table.to_owned()),
            ..spec.clone()
        }),
    }
}

fn no_columns(spec: &ResourceSpec) -> SourceError {
    SourceError::Other {
        code: "source.table_name",
        message: format!(
            "resource `{}`: its rows come as columns (Parquet), which cannot be sent to tables one by one",
            spec.name
        ),
        help: vec![
            "give the resource a plain `table_name`, or read the data as JSON or CSV".to_owned(),
        ],
        cause: None,
    }
}
