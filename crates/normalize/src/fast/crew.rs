//! Threads that walk over chunks.
//!
//! A thread owns what it writes to and shares only the plan, which does not change. It stops at the first surprise. A
//! panic counts as a surprise before the first item: the chunk is done again where the reference is, and if the panic
//! comes again, it comes to the caller. Start with [`Crew::send`].

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tipple_json::Scanner;

use super::memory::{Memory, Slate};
use super::plan::Plan;
use super::sequence::{Piece, Position};
use super::walk::Walker;
use crate::batches::{Filled, Stamp};
use crate::identity::{self, SeededIds};

/// A chunk to be walked over.
pub(crate) struct Job {
    /// The text.
    pub pieces: Arc<[Piece]>,
    /// What is known.
    pub plan: Arc<Plan>,
    /// Where to write; without rows.
    pub slate: Slate,
    /// Ids of root rows.
    pub random: SeededIds,
    /// Load id and names of system columns.
    pub stamp: Arc<Stamp>,
    /// Bytes of column data at which a batch is cut.
    pub batch_bytes_max: usize,
}

/// A chunk that was walked over.
pub(crate) struct Done {
    /// The text.
    pub pieces: Arc<[Piece]>,
    /// Batches that are finished.
    pub batches: Vec<Vec<Filled>>,
    /// Values that went to variant slots: table, slot.
    pub variants: Vec<(u32, u32)>,
    /// Rows before the position in `rest` that are in no batch yet.
    pub slate: Slate,
    /// Goes on from here.
    pub random: SeededIds,
    /// Where a surprise was; `None` when there was none.
    pub rest: Option<Position>,
}

/// Some threads, with the chunks that they have.
pub(crate) struct Crew {
    /// Taken away to end the threads.
    jobs: Option<Sender<(u64, Job)>>,
    results: Receiver<(u64, Done)>,
    /// Results that came before their turn.
    early: BTreeMap<u64, Done>,
    sent: u64,
    taken: u64,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// So many threads; fewer when the system refuses some.
    pub fn new(size: usize) -> Self {
        let (jobs, queue) = channel();
        let (report, results) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let start = |index: usize| {
            let (queue, report) = (Arc::clone(&queue), report.clone());
            let thread = std::thread::Builder::new().name(format!("normalize-{index}"));
            thread.spawn(move || work(&queue, &report)).ok()
        };
        let threads = (0..size).filter_map(start).collect();
        Crew {
            jobs: Some(jobs),
            results,
            early: BTreeMap::new(),
            sent: 0,
            taken: 0,
            threads,
        }
    }

    /// Number of threads.
    pub fn size(&self) -> usize {
        self.threads.len()
    }

    /// Gives a chunk to the next thread that is free.
    pub fn send(&mut self, job: Job) {
        let number = self.sent;
        self.sent += 1;
        let lost = match &self.jobs {
            Some(jobs) if !self.threads.is_empty() => jobs.send((number, job)).err().map(|e| e.0.1),
            _ => Some(job),
        };
        if let Some(job) = lost {
            self.early.insert(number, untouched(job));
        }
    }

    /// The next result in order. Waits for it when more than `open_max` chunks are open.
    pub fn next(&mut self, open_max: usize) -> Option<Done> {
        if self.sent == self.taken {
            return None;
        }
        while !self.early.contains_key(&self.taken) {
            let must_wait = self.sent - self.taken > open_max as u64;
            let result = if must_wait {
                self.results.recv().ok()
            } else {
                self.results.try_recv().ok()
            };
            let (number, done) = result?;
            self.early.insert(number, done);
        }
        self.taken += 1;
        self.early.remove(&(self.taken - 1))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // Threads catch their panics.
            let _ = thread.join();
        }
    }
}

/// The life of a thread.
fn work(queue: &Mutex<Receiver<(u64, Job)>>, report: &Sender<(u64, Done)>) {
    let mut memory = Memory::default();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, job)) = next else { return };
        let (pieces, random, id_bytes) = (
            Arc::clone(&job.pieces),
            job.random.clone(),
            job.slate.tables.id_bytes(),
        );
        let done = catch_unwind(AssertUnwindSafe(|| walk(job, &mut memory))).unwrap_or_else(|_| {
            memory = Memory::default();
            left(pieces, Slate::new(id_bytes), random)
        });
        if report.send((number, done)).is_err() {
            return;
        }
    }
}

fn untouched(job: Job) -> Done {
    left(job.pieces, job.slate, job.random)
}

/// A chunk of which nothing was done.
fn left(pieces: Arc<[Piece]>, slate: Slate, random: SeededIds) -> Done {
    let at = pieces.first().map_or(0, |piece| piece.start);
    let rest = Some(Position {
        at,
        ..Position::default()
    });
    Done {
        pieces,
        batches: Vec::new(),
        variants: Vec::new(),
        slate,
        random,
        rest,
    }
}

/// Walks over a chunk up to the first surprise.
fn walk(job: Job, memory: &mut Memory) -> Done {
    let Job {
        pieces,
        plan,
        slate,
        random,
        stamp,
        batch_bytes_max,
    } = job;
    let mut walk = Walk {
        plan: &plan,
        stamp: &stamp,
        batch_bytes_max,
        memory,
        done: left(Arc::clone(&pieces), slate, random),
    };
    walk.memory.fit(&plan);
    walk.done.slate.fit(&plan);
    for (index, piece) in pieces.iter().enumerate() {
        walk.done.rest = walk.piece(piece).map(|(at, item)| Position {
            piece: index,
            at,
            item,
        });
        if walk.done.rest.is_some() {
            return walk.done;
        }
    }
    walk.finish_batch();
    walk.done
}

/// A chunk that is being walked over.
struct Walk<'j> {
    plan: &'j Plan,
    stamp: &'j Stamp,
    batch_bytes_max: usize,
    memory: &'j mut Memory,
    done: Done,
}

impl Walk<'_> {
    /// Walks over a piece; gives offset and number of the item with a surprise.
    fn piece(&mut self, piece: &Piece) -> Option<(usize, u64)> {
        let Ok(text) = piece.text() else {
            return Some((piece.start, 0));
        };
        let mut scanner = Scanner::new(text);
        let mut item = 0;
        loop {
            scanner.skip_separators();
            scanner.peek()?;
            let start = scanner.at();
            let Some(end) = self.item(scanner, &piece.page.root_table) else {
                return Some((piece.start + start, item));
            };
            scanner = Scanner::starting_at(text, end);
            item += 1;
            if self.done.slate.tables.bytes() >= self.batch_bytes_max {
                self.finish_batch();
            }
        }
    }

    /// Walks over an item and gives the offset behind it; `None` when there was a surprise and nothing is left of it.
    fn item(&mut self, scanner: Scanner<'_>, root_table: &str) -> Option<usize> {
        let slate = &mut self.done.slate;
        slate.set_mark();
        self.memory.variants.clear();
        let Ok(end) = Walker::new(self.plan, self.memory, slate, scanner).item(root_table) else {
            slate.take_back();
            return None;
        };
        self.done.variants.append(&mut self.memory.variants);
        Some(end)
    }

    /// Makes a batch of the rows so far.
    fn finish_batch(&mut self) {
        let Done {
            slate,
            random,
            batches,
            ..
        } = &mut self.done;
        if slate.tables.row_count() > 0 {
            identity::make_all(&mut slate.tables, random);
            batches.push(self.stamp.fill(&mut slate.tables));
        }
    }
}
