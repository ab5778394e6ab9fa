//! What a run is doing, on stderr: moving lines on a terminal, one line or one JSON object per event otherwise.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::thread::JoinHandle;
use tipple_pipeline::{Event, Events, Listener, Stamped, Step};

use crate::args::LogForm;
use crate::output::{Terminal, human, print_error};

/// Redraws per second.
const REDRAWS_PER_SECOND: u8 = 10;

/// Estimates below this are not worth a word.
const ESTIMATED_FROM_SECONDS: f64 = 10.0;

/// Shows the events of a run until the last sender is gone.
#[derive(Debug)]
pub struct Progress {
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts to show what `events` tells.
    pub fn start(events: &Events, terminal: &Terminal) -> Self {
        let display: Box<dyn FnMut(&Stamped) + Send> = match terminal.log_form() {
            LogForm::Json => Box::new(show_json),
            LogForm::Text if terminal.is_quiet() => return Progress { thread: None },
            LogForm::Text if terminal.has_live_display() => live_display(),
            LogForm::Text => {
                let is_verbose = terminal.verbose() > 0;
                let mut estimates = Estimates::default();
                Box::new(move |stamped: &Stamped| {
                    let left = estimates.take(&stamped.event, Instant::now());
                    show_line(&stamped.event, left, is_verbose);
                })
            }
        };
        let listener = events.listen();
        Progress {
            thread: std::thread::Builder::new()
                .spawn(move || listen(&listener, display))
                .ok(),
        }
    }

    /// Waits until everything was shown. The sender must be gone.
    pub fn finish(self) {
        if let Some(thread) = self.thread {
            let _ = thread.join();
        }
    }
}

fn listen(listener: &Listener, mut display: Box<dyn FnMut(&Stamped) + Send>) {
    while let Some(stamped) = listener.next_event() {
        display(&stamped);
    }
}

fn show_json(stamped: &Stamped) {
    if let Ok(line) = serde_json::to_string(stamped) {
        print_error(&format!("{line}\n"));
    }
}

fn show_line(event: &Event, left: Option<f64>, is_verbose: bool) {
    if let Some(mut line) = line(event, is_verbose) {
        if let Some(left) = left {
            line.push_str(&format!("; about {} left", human::about(left)));
        }
        print_error(&format!("{line}\n"));
    }
}

/// Pages of a resource, against the clock.
#[derive(Default)]
struct Pace {
    begun: Option<Instant>,
    pages: u64,
    /// Pages in all, when the source has told.
    expected: Option<u64>,
}

impl Pace {
    fn begin(&mut self, now: Instant) {
        self.begun.get_or_insert(now);
    }

    /// Seconds until the last page if it goes on as it went: waits that were are waits that will be. `wait` is how long
    /// nothing happens from now.
    fn left(&self, wait: f64, now: Instant) -> Option<f64> {
        let pages = self.expected?.checked_sub(self.pages)?;
        if pages == 0 || self.pages == 0 {
            return None;
        }
        let passed = now.duration_since(self.begun?).as_secs_f64() + wait;
        Some(passed / self.pages as f64 * pages as f64 + wait)
    }
}

/// Estimates for lines that tell of a wait.
#[derive(Default)]
struct Estimates {
    paces: IndexMap<String, Pace>,
}

impl Estimates {
    /// Takes in an event; how many seconds are left, if it is a wait and that can be told.
    fn take(&mut self, event: &Event, now: Instant) -> Option<f64> {
        let (Event::PageRead { resource, .. }
        | Event::PagesExpected { resource, .. }
        | Event::RequestRetried { resource, .. }
        | Event::Waiting { resource, .. }) = event
        else {
            return None;
        };
        let pace = self.paces.entry(resource.clone()).or_default();
        pace.begin(now);
        match event {
            Event::PageRead { .. } => pace.pages += 1,
            Event::PagesExpected { pages, .. } => pace.expected = Some(*pages),
            Event::RequestRetried { wait_seconds, .. } | Event::Waiting { wait_seconds, .. } => {
                let left = pace.left(*wait_seconds, now)?;
                return (left >= ESTIMATED_FROM_SECONDS).then_some(left);
            }
            _ => {}
        }
        None
    }
}

/// One line for people; nothing for events that the summary tells better.
fn line(event: &Event, is_verbose: bool) -> Option<String> {
    let rows = |count: &u64| human::counted(*count, "row", "rows");
    Some(match event {
        Event::PageRead {
            resource,
            rows,
            bytes,
        } if is_verbose => {
            format!(
                "extract    {resource}: page of {}, {}",
                human::counted(*rows, "item", "items"),
                human::bytes(*bytes)
            )
        }
        Event::RequestRetried {
            resource,
            wait_seconds,
            reason,
            ..
        } => {
            format!(
                "extract    {resource}: {reason}; trying again in {}",
                human::seconds(*wait_seconds)
            )
        }
        Event::Waiting {
            resource,
            wait_seconds,
            reason,
        } => {
            format!(
                "extract    {resource}: waiting {}: {reason}",
                human::seconds(*wait_seconds)
            )
        }
        Event::Note { resource, message } if is_verbose => {
            format!("extract    {resource}: {message}")
        }
        Event::ResourceFinished {
            resource,
            rows,
            bytes,
            pages,
        } => {
            let items = human::counted(*rows, "item", "items");
            let pages = human::counted(*pages, "page", "pages");
            format!(
                "extract    {resource}: {items} in {pages}, {}",
                human::bytes(*bytes)
            )
        }
        Event::TableNormalized { table, rows: count } => {
            format!("normalize  {table}: {}", rows(count))
        }
        Event::SchemaChanged {
            table,
            columns,
            is_new_table,
        } => {
            let columns = columns.join(", ");
            let word = if *is_new_table { "new table" } else { "new in" };
            format!("schema     {word} {table}: {columns}")
        }
        Event::JobFinished {
            table, rows: count, ..
        } if is_verbose => format!("load       {table}: {}", rows(count)),
        Event::JobRetried { table, message, .. } => {
            format!("load       {table}: trying again after: {message}")
        }
        Event::PackageLoaded {
            load_id,
            rows: count,
        } => format!("load       package {load_id}: {}", rows(count)),
        Event::StepFinished {
            step,
            seconds,
            is_ok,
        } => {
            let word = if *is_ok { "done" } else { "failed" };
            format!(
                "{:<10} {word} in {}",
                step.as_str(),
                human::seconds(*seconds)
            )
        }
        _ => return None,
    })
}

/// One moving line per step and per resource that is being read.
fn live_display() -> Box<dyn FnMut(&Stamped) + Send> {
    let lines =
        MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND));
    let mut live = Live {
        lines,
        step: None,
        resources: IndexMap::new(),
    };
    Box::new(move |stamped| live.show(&stamped.event))
}

struct Live {
    lines: MultiProgress,
    step: Option<ProgressBar>,
    resources: IndexMap<String, Resource>,
}

struct Resource {
    line: ProgressBar,
    counts: Counts,
}

/// What a resource has done so far.
#[derive(Default)]
struct Counts {
    items: u64,
    bytes: u64,
    pace: Pace,
    retries: u64,
    /// Until when nothing happens, and why.
    wait: Option<(Instant, String)>,
}

impl Counts {
    /// `orders  1,234 items  13 of 400 pages  410/s  2 retries  waiting 40 s: rate limited (429)  about 18 min left`.
    fn text(&self, name: &str, seconds: f64, now: Instant) -> String {
        let items = human::counted(self.items, "item", "items");
        let pages = match self.pace.expected {
            Some(expected) => format!(
                "{} of {}",
                human::count(self.pace.pages),
                human::counted(expected, "page", "pages")
            ),
            None => human::counted(self.pace.pages, "page", "pages"),
        };
        let rate = human::count((self.items as f64 / seconds.max(0.001)) as u64);
        let amount = human::bytes(self.bytes);
        let mut text = format!("  {name}  {items}  {pages}  {amount}  {rate}/s");
        if self.retries > 0 {
            let retries = human::counted(self.retries, "retry", "retries");
            text.push_str(&format!("  {retries}"));
        }
        let mut wait = 0.0;
        if let Some((until, reason)) = &self.wait
            && *until > now
        {
            wait = until.duration_since(now).as_secs_f64();
            let left = human::seconds(wait);
            text.push_str(&format!("  waiting {left}: {reason}"));
        }
        let left = self.pace.left(wait, now);
        if let Some(left) = left.filter(|left| *left >= ESTIMATED_FROM_SECONDS) {
            text.push_str(&format!("  about {} left", human::about(left)));
        }
        text
    }

    fn wait(&mut self, seconds: f64, reason: &str) {
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.wait = Some((Instant::now() + wait, reason.to_owned()));
    }
}

impl Live {
    fn show(&mut self, event: &Event) {
        match event {
            Event::StepStarted { step } => self.start(*step),
            Event::PageRead {
                resource,
                rows,
                bytes,
            } => self.change(resource, |counts| {
                counts.items += rows;
                counts.bytes += bytes;
                counts.pace.pages += 1;
                counts.wait = None;
            }),
            Event::RequestRetried {
                resource,
                wait_seconds,
                reason,
                ..
            } => self.change(resource, |counts| {
                counts.retries += 1;
                counts.wait(*wait_seconds, reason);
            }),
            Event::Waiting {
                resource,
                wait_seconds,
                reason,
            } => self.change(resource, |counts| counts.wait(*wait_seconds, reason)),
            Event::PagesExpected { resource, pages } => {
                self.change(resource, |counts| counts.pace.expected = Some(*pages));
            }
            Event::StepFinished { .. } => self.clear(),
            Event::RunFinished { .. } => {
                let _ = self.lines.clear();
            }
            _ => (),
        }
    }

    fn start(&mut self, step: Step) {
        self.clear();
        let line = self.new_line();
        line.set_message(step.as_str());
        self.step = Some(line);
    }

    fn clear(&mut self) {
        for line in self
            .step
            .take()
            .into_iter()
            .chain(self.resources.drain(..).map(|(_, resource)| resource.line))
        {
            line.finish_and_clear();
            self.lines.remove(&line);
        }
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Counts)) {
        if !self.resources.contains_key(name) {
            let resource = Resource {
                line: self.new_line(),
                counts: Counts::default(),
            };
            self.resources.insert(name.to_owned(), resource);
        }
        if let Some(Resource { line, counts }) = self.resources.get_mut(name) {
            counts.pace.begin(Instant::now());
            change(counts);
            let seconds = line.elapsed().as_secs_f64();
            line.set_message(counts.text(name, seconds, Instant::now()));
        }
    }

    fn new_line(&self) -> ProgressBar {
        let line = self.lines.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            line.set_style(style);
        }
        line.enable_steady_tick(Duration::from_millis(1_000 / u64::from(REDRAWS_PER_SECOND)));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_says_what_it_waits_for() {
        let now = Instant::now();
        let mut counts = Counts {
            items: 12_340,
            bytes: 2_000_000,
            pace: Pace {
                begun: now.checked_sub(Duration::from_secs(10)),
                pages: 124,
                expected: None,
            },
            ..Counts::default()
        };
        let plain = counts.text("videos", 10.0, now);
        counts.retries = 2;
        counts.wait = Some((
            now + Duration::from_secs(1_100),
            "rate limited (429)".to_owned(),
        ));
        let waiting = counts.text("videos", 10.0, now);
        counts.pace.expected = Some(200);
        let bounded = counts.text("videos", 10.0, now);
        counts.wait = None;
        counts.pace.expected = Some(1_240);
        let going = counts.text("videos", 10.0, now);
        insta::assert_snapshot!([plain, waiting, bounded, going].join("\n"), @r"
          videos  12,340 items  124 pages  2.0 MB  1,234/s
          videos  12,340 items  124 pages  2.0 MB  1,234/s  2 retries  waiting 18 min 20 s: rate limited (429)
          videos  12,340 items  124 of 200 pages  2.0 MB  1,234/s  2 retries  waiting 18 min 20 s: rate limited (429)  about 30 min left
          videos  12,340 items  124 of 1,240 pages  2.0 MB  1,234/s  2 retries  about 90 s left
        ");
    }

    #[test]
    fn a_wait_says_what_is_left_when_the_pages_are_known() {
        let mut estimates = Estimates::default();
        let begun = Instant::now();
        let resource = || "videos".to_owned();
        let page = Event::PageRead {
            resource: resource(),
            rows: 100,
            bytes: 1,
        };
        let wait = Event::RequestRetried {
            resource: resource(),
            attempt: 1,
            wait_seconds: 40.0,
            reason: "rate limited (429)".to_owned(),
        };
        assert_eq!(estimates.take(&page, begun), None);
        assert_eq!(estimates.take(&wait, begun), None, "no total is known");
        let expected = Event::PagesExpected {
            resource: resource(),
            pages: 11,
        };
        estimates.take(&expected, begun);
        let now = begun + Duration::from_secs(20);
        // One page took 60 s with its wait; ten are left, and the wait itself.
        assert_eq!(estimates.take(&wait, now), Some(640.0));
    }

    #[test]
    fn an_event_is_a_line() {
        let resource = || "orders".to_owned();
        let events = [
            Event::PageRead {
                resource: resource(),
                rows: 2,
                bytes: 120,
            },
            Event::ResourceFinished {
                resource: resource(),
                rows: 1,
                bytes: 1_200,
                pages: 1,
            },
            Event::SchemaChanged {
                table: resource(),
                columns: vec!["id".to_owned(), "at".to_owned()],
                is_new_table: true,
            },
            Event::TableNormalized {
                table: resource(),
                rows: 1_234,
            },
            Event::StepFinished {
                step: Step::Load,
                seconds: 0.151,
                is_ok: false,
            },
        ];
        let lines: Vec<String> = events
            .iter()
            .filter_map(|event| line(event, true))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        extract    orders: page of 2 items, 120 B
        extract    orders: 1 item in 1 page, 1.2 KB
        schema     new table orders: id, at
        normalize  orders: 1,234 rows
        load       failed in 0.15 s
        ");
    }
}
