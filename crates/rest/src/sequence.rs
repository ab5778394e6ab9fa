//! One sequence of pages: from the first request to the last, as a task that may run ahead of whoever takes the pages.
//!
//! A task sends a request when its next page was asked for, or when the undelivered pages of the whole source are few
//! enough (a budget in bytes, spec/rest-api.md §19.5). Errors travel in the place of the page, so that whatever ran ahead
//! is reported in order. Start with [`Lane::start`].

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tipple_json::{JsonPath, Value};
use tipple_source::{SourceError, SourceEvent};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::auth::Authenticator;
use crate::checkpoint::Journal;
use crate::cursors::OwnCursors;
use crate::error::Failure;
use crate::fill::{CursorValues, FillError, Values};
use crate::http::{Answer, Call, Client, Sender, Verdict, shown_url};
use crate::model::{Action, ContentMatch, Endpoint, HttpPolicy, ResponseAction, Selector};
use crate::page::{self, Rows, Text};
use crate::paginate::detect::detect;
use crate::paginate::{Pager, Seen};
use crate::request;

/// Bytes of pages that wait to be taken, above which nothing is fetched ahead.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// How often it is looked whether all sequences have settled.
const SETTLED_CHECKED_EVERY: Duration = Duration::from_millis(5);

/// How pages are taken in this run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taking {
    /// Nothing is fetched before it is asked for: a limit of pages is in force.
    pub(crate) is_on_demand: bool,
    /// The order of pages does not depend on which answer comes first.
    pub(crate) is_deterministic: bool,
}

/// What all sequences of a source share.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) http: HttpPolicy,
    pub(crate) journal: Option<Journal>,
    pub(crate) taking: Taking,
    waiting_bytes: AtomicUsize,
    /// Sequences that ask for a page or read its answer.
    busy_count: AtomicUsize,
    changed: Notify,
    warnings: std::sync::Mutex<Vec<String>>,
}

impl Shared {
    pub(crate) fn new(
        client: Client,
        http: HttpPolicy,
        journal: Option<Journal>,
        taking: Taking,
    ) -> Self {
        Shared {
            client,
            http,
            journal,
            taking,
            waiting_bytes: AtomicUsize::new(0),
            busy_count: AtomicUsize::new(0),
            changed: Notify::new(),
            warnings: std::sync::Mutex::default(),
        }
    }

    pub(crate) fn warn(&self, message: String) {
        let message = tipple_config::redact(&message).into_owned();
        let mut warnings = self
            .warnings
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !warnings.contains(&message) {
            warnings.push(message);
        }
    }

    /// Waits until no sequence is at a page, but not longer than `patience`.
    pub(crate) async fn settled(&self, patience: Duration) {
        let settled = async {
            while self.busy_count.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(SETTLED_CHECKED_EVERY).await;
            }
        };
        let _ = tokio::time::timeout(patience, settled).await;
    }

    pub(crate) fn take_warnings(&self) -> Vec<String> {
        let mut warnings = self
            .warnings
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut *warnings)
    }
}

/// Counts a sequence as busy while it lives.
struct Busy(Arc<Shared>);

impl Busy {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.busy_count.fetch_add(1, Ordering::SeqCst);
        Busy(Arc::clone(shared))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy_count.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What all sequences of one resource share.
pub(crate) struct Wired {
    pub(crate) name: Arc<str>,
    pub(crate) endpoint: Endpoint,
    pub(crate) auth: Arc<Authenticator>,
    pub(crate) cursor: CursorValues,
    /// Instead of `cursor`, when each row of the parent has its own.
    pub(crate) own_cursors: Option<OwnCursors>,
    pub(crate) sender: Sender,
    /// It has no parent, so it has one sequence.
    pub(crate) is_root: bool,
    /// `parallelized`: pages of a root are fetched side by side when their number is known; those of a child come as
    /// they are done.
    pub(crate) is_parallel: bool,
    /// The cursor may end the reading after any page.
    pub(crate) is_on_demand: bool,
    /// Things are told once per resource.
    pub(crate) has_told_path: AtomicBool,
    pub(crate) has_matched: AtomicBool,
    pub(crate) has_told_rule: AtomicBool,
}

/// A page that a sequence gave.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) rows: Rows,
    /// Bytes of the answer.
    pub(crate) byte_count: usize,
    /// URL for messages.
    pub(crate) origin: Arc<str>,
    /// Number of the page in its sequence, from 1.
    pub(crate) number: u64,
}

type Delivery = Result<Fetched, SourceError>;

/// What a sequence gets from a row of the parent; nothing of it all for a root.
#[derive(Default)]
pub(crate) struct FromParent {
    /// Values of the fields of the link.
    pub(crate) values: Vec<Value>,
    /// Members that go into each row.
    pub(crate) included: String,
    /// Key of the cursor of this row, and what its placeholders stand for.
    pub(crate) cursor: Option<(Arc<str>, CursorValues)>,
}

/// The end of a sequence at which its pages are taken.
pub(crate) struct Lane {
    pages: mpsc::UnboundedReceiver<Delivery>,
    asked: Arc<AtomicU64>,
    /// The next page was asked for.
    is_asked: bool,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    /// Members that go into each row.
    pub(crate) included: String,
    /// Key of the cursor of its rows.
    pub(crate) cursor_key: Option<Arc<str>>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.task.abort();
        while let Ok(delivery) = self.pages.try_recv() {
            self.shared.release(&delivery);
        }
    }
}

impl Lane {
    /// Starts a sequence for a row of the parent. Must be called within the runtime.
    pub(crate) fn start(shared: &Arc<Shared>, wired: &Arc<Wired>, mut parent: FromParent) -> Self {
        let included = std::mem::take(&mut parent.included);
        let cursor_key = parent.cursor.as_ref().map(|(key, _)| Arc::clone(key));
        let (give, pages) = mpsc::unbounded_channel();
        let asked = Arc::new(AtomicU64::new(0));
        let sequence = Sequence {
            shared: Arc::clone(shared),
            wired: Arc::clone(wired),
            asked: Arc::clone(&asked),
            give,
            sent: 0,
            expected: None,
            ahead: VecDeque::new(),
        };
        Lane {
            pages,
            asked,
            is_asked: false,
            shared: Arc::clone(shared),
            task: tokio::spawn(sequence.run(parent)),
            included,
            cursor_key,
        }
    }

    /// The next page; nothing at the end.
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The next page when it is there; asks for it otherwise.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Delivery>> {
        if !self.is_asked {
            self.is_asked = true;
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.shared.changed.notify_waiters();
        }
        let delivery = ready!(self.pages.poll_recv(context));
        self.is_asked = false;
        if let Some(delivery) = &delivery {
            self.shared.release(delivery);
        }
        Poll::Ready(delivery)
    }
}

impl Shared {
    fn release(&self, delivery: &Delivery) {
        if let Ok(page) = delivery {
            self.waiting_bytes
                .fetch_sub(page.byte_count, Ordering::SeqCst);
            self.changed.notify_waiters();
        }
    }
}

/// The task of one sequence.
struct Sequence {
    shared: Arc<Shared>,
    wired: Arc<Wired>,
    /// Pages that were asked for.
    asked: Arc<AtomicU64>,
    give: mpsc::UnboundedSender<Delivery>,
    /// Pages that were given.
    sent: u64,
    /// Pages in all, as it was told last.
    expected: Option<u64>,
    /// Requests under way for pages after the next one.
    ahead: VecDeque<(u64, AbortOnDrop)>,
}

struct AbortOnDrop(JoinHandle<Result<Taken, Failure>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An answer and what the actions say about it.
struct Taken {
    answer: Answer,
    ruling: Ruling,
    /// It comes from the journal.
    is_kept: bool,
}

/// What the response actions say about an answer (§15).
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ruling {
    Use,
    Ignore,
    Skip,
    Raise,
    Repeat,
}

/// The walk through one sequence.
struct Walk {
    call: Call,
    pager: Option<Pager>,
    selector: Option<JsonPath>,
    number: u64,
}

impl Sequence {
    async fn run(mut self, parent: FromParent) {
        let place = format!("resource `{}`", self.wired.name);
        let mut walk = match self.begin(&parent) {
            Ok(Some(walk)) => walk,
            Ok(None) => return,
            Err(failure) => return self.deliver(Err(failure.at(&place))),
        };
        loop {
            self.wait_for_room().await;
            let shown = walk.call.shown();
            let place = format!("{place} · page {} · {shown}", walk.number);
            let busy = Busy::new(&self.shared);
            let result = self.page(&mut walk).await;
            drop(busy);
            match result {
                Err(failure) => {
                    let is_refused = matches!(
                        failure,
                        Failure::Status {
                            status: 400 | 404 | 422,
                            ..
                        }
                    );
                    let mut error = failure.at(&place);
                    if is_refused
                        && walk.number == 1
                        && walk.pager.as_ref().is_some_and(Pager::starts_at_page_zero)
                    {
                        error = error.with_help(
                            "pages are counted from 0 here; many APIs count from 1: `base_page: 1`",
                        );
                    }
                    return self.deliver(Err(error));
                }
                Ok((page, goes_on)) => {
                    if let Some(page) = page {
                        self.deliver(Ok(page));
                    }
                    if !goes_on || self.give.is_closed() {
                        return;
                    }
                }
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        if let Ok(page) = &delivery {
            self.shared
                .waiting_bytes
                .fetch_add(page.byte_count, Ordering::SeqCst);
        }
        self.sent += 1;
        if let Err(mpsc::error::SendError(delivery)) = self.give.send(delivery) {
            self.shared.release(&delivery);
        }
    }

    /// Waits until the next page was asked for, or may be fetched ahead.
    async fn wait_for_room(&self) {
        loop {
            let changed = self.shared.changed.notified();
            let is_asked = self.asked.load(Ordering::SeqCst) > self.sent;
            if is_asked || self.has_room() {
                return;
            }
            changed.await;
        }
    }

    fn has_room(&self) -> bool {
        let is_free = !self.shared.taking.is_on_demand && !self.wired.is_on_demand;
        is_free && self.shared.waiting_bytes.load(Ordering::SeqCst) < WAITING_BYTES_MAX
    }

    /// The first request; nothing when the row of the parent cannot have one.
    fn begin(&self, parent: &FromParent) -> Result<Option<Walk>, Failure> {
        let endpoint = &self.wired.endpoint;
        let own_cursor = parent.cursor.as_ref().map(|(_, values)| values);
        let values = Values {
            parent: &parent.values,
            cursor: own_cursor.unwrap_or(&self.wired.cursor),
            bools: self.shared.http.bool_params,
        };
        let filled = match endpoint.fill(&values) {
            Ok(filled) => filled,
            Err(FillError::ParentNull { .. }) if ignores_404(endpoint) => {
                self.shared.warn(format!(
                    "resource `{}`: rows of the parent have null where the path needs a value; they were passed over",
                    self.wired.name
                ));
                return Ok(None);
            }
            Err(error) => return Err(request::unfillable(&error)),
        };
        if filled.is_path_risky {
            self.shared.warn(format!(
                "resource `{}`: a value that goes into the path holds `?` or `#`, which changes the request; \
                 write `{{…:segment}}` to encode it",
                self.wired.name
            ));
        }
        let mut call = request::call(endpoint, filled)?;
        let pager = endpoint.paginator.as_ref().map(Pager::new);
        if let Some(pager) = &pager {
            pager.prepare(&mut call);
        }
        let selector = match &endpoint.selector {
            Selector::Path(path) => Some(path.clone()),
            Selector::Automatic => None,
        };
        Ok(Some(Walk {
            call,
            pager,
            selector,
            number: 1,
        }))
    }

    /// Fetches one page and prepares the next request; false at the end.
    async fn page(&mut self, walk: &mut Walk) -> Result<(Option<Fetched>, bool), Failure> {
        let fingerprint = walk.call.fingerprint();
        let mut taken = self.take(&walk.call, fingerprint).await?;
        if taken.ruling == Ruling::Ignore {
            self.keep(fingerprint, &taken);
            return Ok((None, false));
        }
        let read = match self.read(walk, &taken) {
            // Proxies cut bodies that have no length: one repetition, then it is final.
            Err(Failure::NotJson { .. }) => {
                taken = self.take_again(&walk.call).await?;
                self.read(walk, &taken)?
            }
            read => read?,
        };
        // Only what could be read is kept: a wrong answer must not come back in the next run.
        self.keep(fingerprint, &taken);
        Ok(read)
    }

    fn keep(&self, fingerprint: u64, taken: &Taken) {
        if let Some(journal) = self.shared.journal.as_ref().filter(|_| !taken.is_kept) {
            journal.keep(&self.wired.name, fingerprint, &taken.answer);
        }
    }

    async fn take_again(&self, call: &Call) -> Result<Taken, Failure> {
        (self.wired.sender.notify)(SourceEvent::Retrying {
            resource: Arc::clone(&self.wired.name),
            attempt: 1,
            wait: Duration::ZERO,
            reason: "the answer was no valid JSON".to_owned(),
        });
        send(
            Arc::clone(&self.shared),
            Arc::clone(&self.wired),
            call.clone(),
        )
        .await
    }

    /// Applies the programs of `response_actions` to the body.
    fn replaced(&self, answer: &Answer, body: Text) -> Result<Text, Failure> {
        let mut body = body;
        for action in &self.wired.endpoint.actions {
            let Action::Replace(program) = &action.action else {
                continue;
            };
            let Text::Json(text) = &body else { continue };
            if !applies(action, answer) {
                continue;
            }
            let input = std::str::from_utf8(text).unwrap_or_default();
            let outputs = program.run_text(input).map_err(|error| Failure::Answer {
                code: "source.rest.expression",
                reason: error.to_string(),
                help: "correct the program of `response_actions`".to_owned(),
            })?;
            let first = outputs
                .into_iter()
                .next()
                .unwrap_or_else(|| "null".to_owned());
            body = Text::Json(bytes::Bytes::from(first));
        }
        Ok(body)
    }

    fn read(&mut self, walk: &mut Walk, taken: &Taken) -> Result<(Option<Fetched>, bool), Failure> {
        let answer = &taken.answer;
        let origin: Arc<str> = Arc::from(shown_url(&walk.call.full_url()));
        let number = walk.number;
        let body = self.replaced(answer, page::text(answer))?;
        let (rows, goes_on) = match &body {
            Text::Empty => (Rows::none(), false),
            Text::Lines(text) => {
                let rows =
                    page::read_lines(text).map_err(|error| page::not_json(answer, &error))?;
                let seen = Seen {
                    answer,
                    body: "null",
                    values: &[],
                    is_empty: rows.count == 0,
                };
                let goes_on = self.advance(walk, seen, true, None)?;
                (rows, goes_on)
            }
            Text::Json(text) => self.read_json(walk, answer, text, number)?,
        };
        walk.number += 1;
        let page = Fetched {
            rows,
            byte_count: answer.body.len(),
            origin,
            number,
        };
        let is_used = taken.ruling != Ruling::Skip;
        Ok((is_used.then_some(page), goes_on))
    }

    fn read_json(
        &mut self,
        walk: &mut Walk,
        answer: &Answer,
        text: &bytes::Bytes,
        number: u64,
    ) -> Result<(Rows, bool), Failure> {
        let broken = |error: tipple_json::JsonError| page::not_json(answer, &error);
        // What is found out by the first answer needs all of it.
        let needs_tree = walk.selector.is_none() || walk.pager.is_none();
        let tree = needs_tree
            .then(|| page::tree(text))
            .transpose()
            .map_err(broken)?;
        if walk.selector.is_none()
            && let Some(tree) = &tree
        {
            walk.selector = Some(self.find_rows(tree));
        }
        let selector = walk.selector.clone().unwrap_or_else(JsonPath::root);
        let paths = walk.pager.as_ref().map(Pager::paths).unwrap_or_default();
        let (rows, values) = page::read(text, &selector, &paths).map_err(broken)?;
        self.check_match(&rows, text, &selector, number)?;
        let text = std::str::from_utf8(text).unwrap_or_default();
        let seen = Seen {
            answer,
            body: text,
            values: &values,
            is_empty: rows.count == 0,
        };
        let goes_on = self.advance(walk, seen, rows.is_list, tree.as_ref())?;
        Ok((rows, goes_on))
    }

    /// Lets the paginator write the next request; it is found out first when there is none. `tree` is the whole body then.
    fn advance(
        &mut self,
        walk: &mut Walk,
        seen: Seen<'_>,
        has_list: bool,
        tree: Option<&Value>,
    ) -> Result<bool, Failure> {
        if let Some(pager) = &mut walk.pager {
            let goes_on = pager.advance(seen, &mut walk.call)?;
            self.tell_expected(walk);
            self.fetch_ahead(walk, goes_on);
            return Ok(goes_on);
        }
        let mut pager = self.find_rule(seen.answer, tree.unwrap_or(&Value::Null), has_list);
        let paths: Vec<JsonPath> = pager.paths().into_iter().cloned().collect();
        let paths: Vec<&JsonPath> = paths.iter().collect();
        let values = JsonPath::find_each(&paths, seen.body).unwrap_or_default();
        let seen = Seen {
            values: &values,
            ..seen
        };
        let goes_on = pager.advance(seen, &mut walk.call)?;
        walk.pager = Some(pager);
        self.tell_expected(walk);
        Ok(goes_on)
    }

    /// Lets those who show progress know how many pages there will be.
    fn tell_expected(&mut self, walk: &Walk) {
        let expected = walk.pager.as_ref().and_then(Pager::pages_expected);
        if let Some(pages) = expected.filter(|_| self.wired.is_root && expected != self.expected) {
            self.expected = expected;
            (self.wired.sender.notify)(SourceEvent::Expected {
                resource: Arc::clone(&self.wired.name),
                pages,
            });
        }
    }

    fn find_rule(&self, answer: &Answer, tree: &Value, has_list: bool) -> Pager {
        let detected = detect(answer, tree, has_list, self.shared.http.detect);
        let name = &self.wired.name;
        if !self.wired.has_told_rule.swap(true, Ordering::Relaxed) {
            if let Some(message) = detected.note {
                (self.wired.sender.notify)(SourceEvent::Note {
                    resource: Arc::clone(name),
                    message,
                });
            }
            if let Some(warning) = detected.warning {
                self.shared.warn(format!("resource `{name}`: {warning}"));
            }
        }
        Pager::detected(detected.rule)
    }

    fn find_rows(&self, tree: &Value) -> JsonPath {
        let found = page::find(tree);
        if !self.wired.has_told_path.swap(true, Ordering::Relaxed) {
            let (name, path) = (&self.wired.name, found.path.text());
            (self.wired.sender.notify)(SourceEvent::Note {
                resource: Arc::clone(name),
                message: format!("rows are taken from `data_selector: {path}`"),
            });
            if found.is_doubtful {
                self.shared.warn(format!(
                    "resource `{name}`: the list at `{path}` is loaded, but the object around it looks like the row; \
                     if so, write `data_selector: \"$\"`"
                ));
            }
        }
        found.path
    }

    /// A selector that finds nothing on the first page would load nothing, silently (§9.1).
    fn check_match(
        &self,
        rows: &Rows,
        text: &bytes::Bytes,
        selector: &JsonPath,
        number: u64,
    ) -> Result<(), Failure> {
        let is_set = matches!(self.wired.endpoint.selector, Selector::Path(_));
        if rows.has_place() {
            self.wired.has_matched.store(true, Ordering::Relaxed);
        }
        if rows.has_place() || !is_set || number > 1 {
            return Ok(());
        }
        let tree = page::tree(text).unwrap_or(Value::Null);
        if let Some(said) = page::error_in(&tree) {
            return Err(Failure::Answer {
                code: "source.rest.error_body",
                reason: format!("its status says success, but {said}"),
                help: "the API reports errors in its answers: \
                       `response_actions: [{content: …, action: raise}]`, `retry` or `ignore` says what to do with them"
                    .to_owned(),
            });
        }
        if self.wired.has_matched.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.tell_no_match(rows.is_matched, &tree, selector)
    }

    fn tell_no_match(
        &self,
        is_null: bool,
        tree: &Value,
        selector: &JsonPath,
    ) -> Result<(), Failure> {
        let what = if is_null {
            "leads to null"
        } else {
            "finds nothing"
        };
        let keys = crate::paginate::keys_of_value(tree);
        let reason = format!(
            "`data_selector: {}` {what}; the answer has {keys}",
            selector.text()
        );
        let found = page::find(tree).path;
        let help = match found.keys().is_some_and(|keys| !keys.is_empty()) {
            true => format!("a list is at `data_selector: {}`", found.text()),
            false => "correct `data_selector`, or leave it out to have the rows found".to_owned(),
        };
        if self.shared.http.strict_selector {
            let code = "source.rest.selector";
            return Err(Failure::Answer { code, reason, help });
        }
        self.shared
            .warn(format!("resource `{}`: {reason}; {help}", self.wired.name));
        Ok(())
    }

    /// The answer to a request, perhaps one that is under way already.
    async fn take(&mut self, call: &Call, wanted: u64) -> Result<Taken, Failure> {
        while let Some((fingerprint, mut task)) = self.ahead.pop_front() {
            if fingerprint != wanted {
                self.ahead.clear();
                break;
            }
            if let Ok(taken) = (&mut task.0).await {
                return taken;
            }
        }
        fetch(
            Arc::clone(&self.shared),
            Arc::clone(&self.wired),
            call.clone(),
        )
        .await
    }

    /// Sends requests for pages whose number is known already (§19.5, prefetch).
    fn fetch_ahead(&mut self, walk: &Walk, goes_on: bool) {
        let is_allowed = self.wired.is_parallel && self.wired.is_root;
        let Some(pager) = walk.pager.as_ref().filter(|_| is_allowed) else {
            return;
        };
        if !goes_on || !self.has_room() {
            return;
        }
        let window = self.shared.http.max_concurrency;
        while self.ahead.len() < window {
            let Some(call) = pager.ahead(&walk.call, self.ahead.len() as u64) else {
                return;
            };
            let fingerprint = call.fingerprint();
            let work = fetch(Arc::clone(&self.shared), Arc::clone(&self.wired), call);
            self.ahead
                .push_back((fingerprint, AbortOnDrop(tokio::spawn(work))));
        }
    }
}

/// The answer to a request: the one that an interrupted run has kept, else a new one.
async fn fetch(shared: Arc<Shared>, wired: Arc<Wired>, call: Call) -> Result<Taken, Failure> {
    let kept = |journal: &Journal| journal.take(&wired.name, call.fingerprint(), &call.url);
    if let Some(answer) = shared.journal.as_ref().and_then(kept) {
        let ruling = rule(&wired.endpoint.actions, &answer);
        return Ok(Taken {
            answer,
            ruling,
            is_kept: true,
        });
    }
    send(shared, wired, call).await
}

async fn send(shared: Arc<Shared>, wired: Arc<Wired>, call: Call) -> Result<Taken, Failure> {
    let judge = |answer: &Answer| match rule(&wired.endpoint.actions, answer) {
        Ruling::Use => Verdict::ByStatus,
        Ruling::Ignore | Ruling::Skip => Verdict::Take,
        Ruling::Raise => Verdict::Raise,
        Ruling::Repeat => Verdict::Repeat,
    };
    let answer = shared
        .client
        .send(&wired.sender, &call, &wired.auth, &judge)
        .await?;
    let ruling = rule(&wired.endpoint.actions, &answer);
    Ok(Taken {
        answer,
        ruling,
        is_kept: false,
    })
}

/// The first action that decides.
fn rule(actions: &[ResponseAction], answer: &Answer) -> Ruling {
    let deciding = actions.iter().filter(|action| applies(action, answer));
    deciding
        .filter_map(|action| match action.action {
            Action::Ignore => Some(Ruling::Ignore),
            Action::Raise => Some(Ruling::Raise),
            Action::Retry => Some(Ruling::Repeat),
            Action::SkipPage => Some(Ruling::Skip),
            Action::Replace(_) | Action::Nothing => None,
        })
        .next()
        .unwrap_or(Ruling::Use)
}

fn applies(action: &ResponseAction, answer: &Answer) -> bool {
    let has_status = action.statuses.is_empty()
        || action
            .statuses
            .iter()
            .any(|range| range.contains(&answer.status));
    let has_content = |content: &ContentMatch| {
        let body = String::from_utf8_lossy(&answer.body);
        match content {
            ContentMatch::Text(text) => body.contains(text.as_str()),
            ContentMatch::Regex(regex) => regex.is_match(&body),
        }
    };
    has_status && action.content.as_ref().is_none_or(has_content)
}

fn ignores_404(endpoint: &Endpoint) -> bool {
    endpoint.actions.iter().any(|action| {
        matches!(action.action, Action::Ignore)
            && action.content.is_none()
            && action.statuses.iter().any(|range| range.contains(&404))
    })
}
