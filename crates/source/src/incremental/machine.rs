//! The rule of the cursor: which row is kept, what is remembered (spec/load.md §6.2).
//!
//! One machine serves rows of every form; whoever reads rows hands over a value and a way to hash the row. Hashes are
//! asked for only at the edge of the range. Rows that stand at the newest value are reported back, so that the caller can
//! hash them once per page instead of whenever the newest value moves.

use std::cmp::Ordering;
use std::collections::HashSet;

use indexmap::IndexSet;
use tipple_json::Timestamp;

use super::error::CursorError;
use super::value::CursorValue;
use crate::spec::{IncrementalSpec, LastValue, RangeEdge, RowOrder};

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Left out.
    Drop,
    /// Kept.
    Keep,
    /// Kept; it stands at the newest value and must be remembered.
    KeepAtNewest,
    /// Kept; it is the new newest value: forget the rows remembered so far, remember this one.
    KeepAsNewest,
}

/// Characters of a hash written before dlt 1.29.
const LEGACY_HASH_CHARS: usize = 20;

#[derive(Debug)]
pub(super) struct Machine {
    /// What `compare` says of a newer value against an older one.
    newer: Ordering,
    pub start: Option<CursorValue<'static>>,
    pub end: Option<CursorValue<'static>>,
    pub newest: Option<CursorValue<'static>>,
    is_start_open: bool,
    is_end_open: bool,
    row_order: Option<RowOrder>,
    /// Whether rows at the start are told apart by hashes.
    pub is_deduplicating: bool,
    start_hashes: HashSet<String>,
    is_start_legacy: bool,
    /// Hashes of rows at the newest value.
    pub hashes: IndexSet<String>,
    is_legacy: bool,
    has_seen_data: bool,
    /// The order of rows promises that nothing more can come.
    pub is_done: bool,
    pub warnings: Vec<String>,
}

impl Machine {
    pub fn new(
        spec: &IncrementalSpec,
        start: Option<CursorValue<'static>>,
        hashes: IndexSet<String>,
        is_deduplicating: bool,
    ) -> Self {
        let is_legacy = hashes.iter().any(|hash| hash.len() == LEGACY_HASH_CHARS);
        Machine {
            newer: match spec.last_value_func {
                LastValue::Max => Ordering::Greater,
                LastValue::Min => Ordering::Less,
            },
            newest: start.clone(),
            start,
            end: spec.end_value.as_ref().and_then(CursorValue::from_json),
            is_start_open: spec.range_start == RangeEdge::Open,
            is_end_open: spec.range_end == RangeEdge::Open,
            row_order: spec.row_order,
            is_deduplicating,
            start_hashes: hashes.iter().cloned().collect(),
            is_start_legacy: is_legacy,
            hashes,
            is_legacy,
            has_seen_data: false,
            is_done: false,
            warnings: Vec::new(),
        }
    }

    /// True when hashes of newest rows must have the form from before dlt 1.29.
    pub fn is_legacy(&self) -> bool {
        self.is_legacy
    }

    /// How `a` stands to `b` along the cursor: `Greater` means newer.
    pub fn order(&self, a: &CursorValue, b: &CursorValue) -> Option<Ordering> {
        let order = a.compare(b)?;
        Some(if self.newer == Ordering::Greater {
            order
        } else {
            order.reverse()
        })
    }

    /// Decides on a row with the value `value`. `hash` gives the hash of the row, in the old form if asked for.
    pub fn judge(
        &mut self,
        value: CursorValue,
        hash: impl FnOnce(bool) -> Result<String, CursorError>,
    ) -> Result<Verdict, CursorError> {
        if let CursorValue::Unordered(kind) = value {
            return Err(CursorError::Unordered { kind });
        }
        if !self.has_seen_data {
            self.adapt_zone(&value);
        }
        if self.is_beyond_end(&value)? {
            self.is_done |= self.row_order == Some(RowOrder::Ascending);
            return Ok(Verdict::Drop);
        }
        self.has_seen_data = true;
        let order = match &self.newest {
            None => Ordering::Greater,
            Some(newest) => self
                .order(&value, newest)
                .ok_or_else(|| CursorError::incomparable("start value", newest, &value))?,
        };
        if order == Ordering::Greater {
            self.newest = Some(value.into_owned());
            self.hashes.clear();
            self.is_legacy = false;
            return Ok(Verdict::KeepAsNewest);
        }
        if !self.is_kept_at_start(&value, hash)? {
            self.is_done |= self.row_order == Some(RowOrder::Descending);
            return Ok(Verdict::Drop);
        }
        Ok(if order == Ordering::Equal {
            Verdict::KeepAtNewest
        } else {
            Verdict::Keep
        })
    }

    fn is_beyond_end(&self, value: &CursorValue) -> Result<bool, CursorError> {
        let Some(end) = &self.end else {
            return Ok(false);
        };
        let order = self
            .order(value, end)
            .ok_or_else(|| CursorError::incomparable("end value", end, value))?;
        Ok(order == Ordering::Greater || (order == Ordering::Equal && self.is_end_open))
    }

    /// Whether a row that is not newer than all others is inside the range. Such a row can be compared with the start,
    /// because the newest value was the start once.
    fn is_kept_at_start(
        &self,
        value: &CursorValue,
        hash: impl FnOnce(bool) -> Result<String, CursorError>,
    ) -> Result<bool, CursorError> {
        let Some(start) = &self.start else {
            return Ok(true);
        };
        match self.order(value, start) {
            Some(Ordering::Greater) => Ok(true),
            Some(Ordering::Equal) if self.is_start_open => Ok(false),
            Some(Ordering::Equal) if self.is_deduplicating => {
                if self.start_hashes.is_empty() {
                    return Ok(true);
                }
                Ok(!self.start_hashes.contains(&hash(self.is_start_legacy)?))
            }
            Some(Ordering::Equal) => Ok(true),
            Some(Ordering::Less) => Ok(false),
            None => Err(CursorError::incomparable("start value", start, value)),
        }
    }

    /// The start and end follow the data: with a zone if it has one, without if it has none.
    fn adapt_zone(&mut self, value: &CursorValue) {
        let CursorValue::Timestamp(row) = value else {
            return;
        };
        let mut changed = Vec::new();
        if let Some(CursorValue::Timestamp(start)) = &self.start
            && let Some(adapted) = adapted(start, row)
        {
            changed.push(("start value", *start));
            self.start = Some(CursorValue::Timestamp(adapted));
            self.newest = self.start.clone();
        }
        if let Some(CursorValue::Timestamp(end)) = &self.end
            && let Some(adapted) = adapted(end, row)
        {
            changed.push(("end value", *end));
            self.end = Some(CursorValue::Timestamp(adapted));
        }
        for (name, moment) in changed {
            let moment = CursorValue::Timestamp(moment);
            self.warnings.push(format!(
                "the {name} `{moment}` of the cursor and the value `{value}` of the data differ in having a time zone; \
                 the {name} follows the data and is read as UTC"
            ));
        }
    }
}

/// `moment` with a zone exactly when `row` has one; `None` when it is so already.
fn adapted(moment: &Timestamp, row: &Timestamp) -> Option<Timestamp> {
    if moment.is_aware() == row.is_aware() {
        return None;
    }
    // Without a zone the number counts from the wall clock, which stands for UTC: the number stays.
    Some(Timestamp {
        micros: moment.micros,
        offset_seconds: row.offset_seconds,
    })
}
