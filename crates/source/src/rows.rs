//! Items that are in memory already: rows written in a pipeline file, and tests.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::error::SourceError;
use crate::page::{Body, Page, PageReader, Place, ReadRequest, Resource};
use crate::spec::ResourceSpec;

/// A resource whose pages are given.
#[derive(Debug, Clone)]
pub struct Rows {
    spec: ResourceSpec,
    origin: Arc<str>,
    pages: Arc<[Body]>,
}

impl Rows {
    /// A resource with these pages, each the values of one page; `origin` is named in messages.
    pub fn new(spec: ResourceSpec, origin: impl Into<Arc<str>>, pages: Vec<Body>) -> Self {
        Rows {
            spec,
            origin: origin.into(),
            pages: pages.into(),
        }
    }

    /// A resource whose pages are lists of JSON values.
    pub fn from_json(
        spec: ResourceSpec,
        origin: impl Into<Arc<str>>,
        pages: &[Vec<Value>],
    ) -> Self {
        let pages = pages
            .iter()
            .map(|page| Body::Json(lines_of(page)))
            .collect();
        Rows::new(spec, origin, pages)
    }
}

/// The values as JSON, one per line.
pub(crate) fn lines_of(values: &[Value]) -> Bytes {
    let mut text = String::new();
    for value in values {
        text.push_str(&value.to_string());
        text.push('\n');
    }
    Bytes::from(text)
}

impl Resource for Rows {
    fn spec(&self) -> &ResourceSpec {
        &self.spec
    }

    fn open(&self, _request: &ReadRequest) -> Result<Box<dyn PageReader>, SourceError> {
        let (origin, pages) = (self.origin.clone(), self.pages.clone());
        Ok(Box::new(RowsReader {
            origin,
            pages,
            next: 0,
        }))
    }
}

struct RowsReader {
    origin: Arc<str>,
    pages: Arc<[Body]>,
    next: usize,
}

impl PageReader for RowsReader {
    fn next_page(&mut self) -> Result<Option<Page>, SourceError> {
        let Some(body) = self.pages.get(self.next).cloned() else {
            return Ok(None);
        };
        self.next += 1;
        let origin = self.origin.clone();
        let place = Place {
            origin,
            page: self.next as u64,
            line: 0,
            byte_offset: 0,
        };
        Ok(Some(Page {
            body,
            place,
            item_count: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_page_comes_once_and_an_empty_page_is_still_a_page() {
        let pages = [vec![json!({"a": 1}), json!([2])], vec![]];
        let rows = Rows::from_json(ResourceSpec::named("t"), "rows", &pages);
        for _ in 0..2 {
            let mut reader = rows.open(&ReadRequest::default()).unwrap();
            let mut texts = Vec::new();
            while let Some(page) = reader.next_page().unwrap() {
                let Body::Json(text) = page.body else {
                    panic!("not JSON")
                };
                texts.push(String::from_utf8(text.to_vec()).unwrap());
            }
            assert_eq!(texts, ["{\"a\":1}\n[2]\n", ""]);
        }
    }
}
