//! The quick way from text to rows, for items that hold no surprise.
//!
//! There is one truth, the reference. The fast path knows a picture of it (a *plan*), walks over the text of an item with
//! it, and writes rows where the reference would write the same ones. At the first thing that the plan does not say, what
//! was written of the item is taken back and the reference does the item; afterwards the plan knows more. A property
//! test holds both to the same tables. Start with [`Engine::item`].

mod crew;
mod memory;
pub(crate) mod plan;
mod scalars;
mod sequence;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use tipple_json::{JsonError, Scanner};

use memory::Memory;
pub(crate) use memory::Slate;
use plan::Plan;
pub(crate) use sequence::{Page, Sequence};
use walk::Walker;

use crate::error::RowError;
use crate::reference::Reference;

/// Items that go straight to the reference after a row of surprises, at most.
const PAUSE_MAX: u32 = 64;
/// So many items without a surprise make it likely that a whole chunk has none.
const CALM_MIN: u32 = 32;
/// A plan of so many parts is worth going over for one item that the reference had to do.
const PARTS_PER_ITEM: usize = 256;

/// Why an item could not be normalized.
#[derive(Debug)]
pub(crate) enum ItemError {
    /// Its text is not JSON.
    Json(JsonError),
    /// Its rows are at fault.
    Row(RowError),
}

/// Decides item by item which way to go.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    is_stopped: bool,
    plan: Arc<Plan>,
    memory: Memory,
    /// Items that the reference did since the plan was made.
    asked: usize,
    /// Surprises in a row.
    streak: u32,
    /// Items that go straight to the reference.
    pause: u32,
    /// Items without a surprise in a row.
    calm: u32,
    /// Times that the plan was brought up to date.
    updates: u64,
}

impl Engine {
    /// Gives every item to the reference from now on.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Forgets the plan: the schema was changed from outside.
    pub fn forget(&mut self) {
        self.plan = Arc::default();
        self.asked = 1;
        self.calm = 0;
    }

    /// Normalizes the item at which `scanner` stands, and moves it behind the item.
    pub fn item(
        &mut self,
        reference: &mut Reference,
        slate: &mut Slate,
        scanner: &mut Scanner<'_>,
        root_table: &str,
    ) -> Result<(), ItemError> {
        let is_tried = self.pause == 0 && !self.is_stopped;
        self.pause = self.pause.saturating_sub(1);
        if is_tried && self.walk(reference, slate, scanner, root_table) {
            return Ok(());
        }
        let value = scanner.value().map_err(ItemError::Json)?;
        self.asked += 1;
        reference
            .row(&value, root_table, &mut slate.tables)
            .map_err(ItemError::Row)?;
        Ok(())
    }

    /// Tries the fast path; false when there was a surprise and nothing is left of it.
    fn walk(
        &mut self,
        reference: &mut Reference,
        slate: &mut Slate,
        scanner: &mut Scanner<'_>,
        root_table: &str,
    ) -> bool {
        self.renew(reference);
        self.memory.fit(&self.plan);
        slate.fit(&self.plan);
        slate.set_mark();
        self.memory.variants.clear();
        let walker = Walker::new(&self.plan, &mut self.memory, slate, scanner.clone());
        match walker.item(root_table) {
            Ok(end) => {
                *scanner = Scanner::starting_at(scanner.text(), end);
                self.streak = 0;
                self.calm = self.calm.saturating_add(1);
                for (table, slot) in &self.memory.variants {
                    reference.count_variant(*table, *slot);
                }
                true
            }
            Err(_) => {
                slate.take_back();
                self.calm = 0;
                self.pause = self.streak.min(PAUSE_MAX);
                self.streak = (self.streak * 2).clamp(1, PAUSE_MAX);
                false
            }
        }
    }

    /// True when surprises have become rare.
    pub fn is_calm(&self) -> bool {
        self.calm >= CALM_MIN && !self.is_stopped
    }

    /// The plan for another thread.
    pub fn plan(&mut self, reference: &mut Reference) -> Arc<Plan> {
        self.renew(reference);
        Arc::clone(&self.plan)
    }

    /// Brings the plan up to date when the reference has done enough items to have learnt something.
    fn renew(&mut self, reference: &mut Reference) {
        if self.asked * PARTS_PER_ITEM > self.plan.size() {
            self.asked = 0;
            self.updates += 1;
            let plan = Arc::make_mut(&mut self.plan);
            reference.update_plan(plan);
            plan.version = self.updates;
        }
    }
}
