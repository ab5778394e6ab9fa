//! JSON documents whose items are chosen by a path that cannot be walked in a stream.

use bytes::Bytes;
use tipple_json::{JsonPath, Kind, Scanner};
use tipple_source::{Place, SourceError};

use crate::input::Input;
use crate::jsonl::BOM;
use crate::{Chunk, Chunks, Content, ITEM_BYTES_MAX};

pub(crate) struct WholeChunks {
    input: Option<Input>,
    path: JsonPath,
}

impl WholeChunks {
    pub fn new(input: Input, path: JsonPath) -> Self {
        WholeChunks {
            input: Some(input),
            path,
        }
    }

    /// All items of all documents in `text`, one per line.
    fn select(&self, text: &str) -> Result<String, tipple_json::JsonError> {
        let mut items = String::new();
        let mut scanner = Scanner::new(text);
        loop {
            scanner.skip_blanks();
            if scanner.peek().is_none() {
                return Ok(items);
            }
            let start = scanner.at();
            let document = scanner.skip_value()?;
            let found = self
                .path
                .find_all(document)
                .map_err(|error| error.shifted(start))?;
            match &found[..] {
                // A single list that was meant as a whole holds the items.
                [list] if list.starts_with('[') => add_elements(list, &mut items)?,
                _ => found.iter().for_each(|item| add_item(item, &mut items)),
            }
        }
    }
}

fn add_item(item: &str, items: &mut String) {
    items.push_str(item);
    items.push('\n');
}

fn add_elements(list: &str, items: &mut String) -> Result<(), tipple_json::JsonError> {
    let mut scanner = Scanner::new(list);
    debug_assert_eq!(scanner.kind()?, Kind::List);
    let mut has_more = scanner.opens(b']');
    while has_more {
        add_item(scanner.skip_value()?, items);
        has_more = scanner.has_more(b']')?;
    }
    Ok(())
}

impl Chunks for WholeChunks {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let Some(mut input) = self.input.take() else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        if input.fill(&mut bytes, ITEM_BYTES_MAX)? == ITEM_BYTES_MAX {
            return Err(SourceError::Other {
                code: "source.file.document_too_long",
                message: format!(
                    "`{}` is longer than {} MiB, and the selector `{}` needs the whole document at once",
                    input.name,
                    ITEM_BYTES_MAX >> 20,
                    self.path
                ),
                help: vec![
                    "a plain path to a list, such as `data.items`, reads documents of any size"
                        .to_owned(),
                ],
                cause: None,
            });
        }
        let text = bytes.strip_prefix(BOM).unwrap_or(&bytes);
        let place = Place::start_of(input.name.as_str());
        let items = tipple_json::text_of(text).and_then(|text| self.select(text));
        let items = items.map_err(|error| SourceError::malformed_json(text, &place, &error))?;
        Ok(Some(Chunk {
            content: Content::Json(Bytes::from(items)),
            line: 0,
            byte_offset: 0,
        }))
    }
}
