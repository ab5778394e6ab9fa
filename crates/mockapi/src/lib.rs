//! Mock servers of Pixlee, api.video and a generic API, on 127.0.0.1 only.
//!
//! They imitate what is known of the real services closely enough to test everything about the REST source without a
//! network: pages, auth, rate limits, faults, data that changes between runs. No crate of tipple is used, so that a
//! mistake in the loader is not repeated here. Start with [`MockApi`]; `routes` says who answers what.

mod api_video;
mod control;
mod data;
mod faults;
mod fixtures;
mod generic;
mod log;
mod options;
mod pixlee;
mod random;
mod request;
mod routes;
mod server;
mod state;
mod time;
mod tokens;
mod write;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

pub use crate::control::Expected;
pub use crate::data::{Mutation, Retype};
pub use crate::faults::{Action, Faults, Rule, When};
pub use crate::log::{Entry, Stats};
pub use crate::options::{Options, Scenario};

use crate::state::State;

/// Why a mock server did not start or did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// The port is taken, or the system refused.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Bind {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// The thread of the server could not be started.
    #[error("cannot start the server: {0}")]
    Start(std::io::Error),
    /// A resource name that the server does not know.
    #[error("there is no resource `{name}`; known are {known}")]
    UnknownResource {
        /// The name.
        name: String,
        /// All names, with commas.
        known: String,
    },
}

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct MockApi {
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MockApi {
    /// Starts a server in a thread of its own and returns when it listens.
    ///
    /// # Errors
    /// [`MockError::Bind`] when the port is taken, [`MockError::Start`] when the thread cannot start.
    pub fn start(options: Options) -> Result<Self, MockError> {
        let port = options.port;
        let bind_error = |source| MockError::Bind { port, source };
        let listener = server::bind(port).map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let state = Arc::new(State::new(options, format!("http://{address}")));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(MockError::Start)?;
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("mockapi".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(async move {
                // The listener was bound above; tokio can only refuse it when its driver is off.
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    server::serve(listener, shared, stopped).await;
                }
            });
        });
        Ok(MockApi {
            state,
            stop: Some(stop),
            thread: Some(thread.map_err(MockError::Start)?),
        })
    }

    /// Base URL of api.video, of the generic area (`/g/…`) and of the control area: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// Base URL of Pixlee.
    pub fn pixlee_url(&self) -> String {
        format!("{}/api/v2", self.state.url)
    }

    /// Base URL of the admin API of api.video.
    pub fn admin_url(&self) -> String {
        format!("{}/admin", self.state.url)
    }

    /// Sets the rules for faults, in place of those that were there.
    pub fn set_faults(&self, faults: Faults) {
        self.state.faults().set(faults, self.state.clock.now_ms());
    }

    /// Changes data.
    ///
    /// # Errors
    /// [`MockError::UnknownResource`].
    pub fn mutate(&self, mutation: &Mutation) -> Result<(), MockError> {
        self.state.store().mutate(mutation)
    }

    /// Waits so long before every answer from now on.
    pub fn set_latency(&self, latency: Duration) {
        let latency_ms = latency.as_millis() as u64;
        self.state.latency_ms.store(latency_ms, Ordering::Relaxed);
    }

    /// Moves the clock of rate windows and token lifetimes forward.
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }

    /// Ends all access tokens that were given out.
    pub fn revoke_tokens(&self) {
        self.state.tokens().revoke();
    }

    /// The last 100,000 requests, oldest first.
    pub fn requests(&self) -> Vec<Entry> {
        self.state.log().since(0)
    }

    /// Counts over all requests.
    pub fn stats(&self) -> Stats {
        self.state.log().stats()
    }

    /// Counts and extremes of the rows of a resource, to compare with a loaded table.
    ///
    /// # Errors
    /// [`MockError::UnknownResource`].
    pub fn expected(&self, resource: &str) -> Result<Expected, MockError> {
        control::expected(&self.state, resource)
    }

    /// Forgets log, faults, tokens and changes of data.
    pub fn reset(&self) {
        self.state.reset();
    }
}

impl Drop for MockApi {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the thread itself.
            let _ = thread.join();
        }
    }
}
