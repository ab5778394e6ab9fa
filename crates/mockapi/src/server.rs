//! The HTTP server: connections, one request at a time on each, answers with their faults.
//!
//! One thread does everything. Pages are made when they are asked for, and a client that waits for its page would gain
//! nothing from a second thread; a benchmark on a small machine would lose one.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use crate::faults::Action;
use crate::log::Log;
use crate::request::{Answer, Delivery, Request, pairs};
use crate::routes;
use crate::state::{Call, State};

/// Answers until `stop` is dropped or sent.
pub(crate) async fn serve(listener: TcpListener, state: Arc<State>, stop: oneshot::Receiver<()>) {
    let accepting = async {
        loop {
            // A failed accept is the client's loss; the next one may work.
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&state)));
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        _ = stop => {}
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    // Answers go out at once; failing to say so only makes them slower.
    let _ = stream.set_nodelay(true);
    let resets = Arc::new(AtomicBool::new(false));
    let line = Line {
        stream,
        resets: Arc::clone(&resets),
    };
    let is_new = AtomicBool::new(true);
    let service = service_fn(|request| {
        let is_new = is_new.swap(false, Ordering::Relaxed);
        answer(Arc::clone(&state), request, is_new, Arc::clone(&resets))
    });
    // Errors here are broken connections, many of them on purpose.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(line), service)
        .await;
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct Dropped;

async fn answer(
    state: Arc<State>,
    request: hyper::Request<Incoming>,
    is_new_connection: bool,
    resets: Arc<AtomicBool>,
) -> Result<Response<AnswerBody>, Dropped> {
    let began_us = state.clock.real_us();
    let request = read(request).await.ok_or(Dropped)?;
    if request.path.starts_with("/__") || request.path == "/healthz" {
        return Ok(response(routes::control(&state, &request)));
    }
    let running = Running::begin(&state, is_new_connection);
    let answer = faulty_answer(&state, &request).await;
    running.end(&request, &answer, began_us);
    match answer.delivery {
        Delivery::Closed => Err(Dropped),
        Delivery::Reset => {
            resets.store(true, Ordering::Relaxed);
            Err(Dropped)
        }
        _ => Ok(response(answer)),
    }
}

/// Counts a request as running until it has its answer or its client has gone.
struct Running<'a> {
    state: &'a State,
    is_over: bool,
}

impl<'a> Running<'a> {
    fn begin(state: &'a State, is_new_connection: bool) -> Self {
        state.log().begin(is_new_connection);
        Running {
            state,
            is_over: false,
        }
    }

    fn end(mut self, request: &Request, answer: &Answer, began_us: u64) {
        self.is_over = true;
        let now_us = self.state.clock.real_us();
        self.state.log().end(request, answer, began_us, now_us);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            Log::abandon(&mut self.state.log());
        }
    }
}

async fn read(request: hyper::Request<Incoming>) -> Option<Request> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let raw_query = parts.uri.query().unwrap_or_default().to_owned();
    Some(Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: pairs(&raw_query),
        raw_query,
        headers: parts.headers,
        body,
    })
}

async fn faulty_answer(state: &State, request: &Request) -> Answer {
    let action = action(state, request);
    let delay_ms = state.latency_ms() + action.delay_ms.unwrap_or(0);
    if delay_ms > 0 {
        sleep(Duration::from_millis(delay_ms)).await;
    }
    if action.close_before_answer || action.reset {
        let mut answer = Answer::json(0, "");
        answer.delivery = if action.reset {
            Delivery::Reset
        } else {
            Delivery::Closed
        };
        answer.status = 0;
        return answer;
    }
    if action.revoke_token {
        state.tokens().revoke();
    }
    if let Some(rows) = action.grow {
        routes::grow(state, request, rows);
    }
    let call = Call {
        state,
        request,
        twist: action.twist(),
    };
    let mut answer = routes::replaced(&call, &action).unwrap_or_else(|| routes::answer(&call));
    decorate(&mut answer, &action, state.now_s());
    answer
}

/// The fault of a request: from its header `X-Mock-Fault`, or by the rules.
fn action(state: &State, request: &Request) -> Action {
    let asked = request.header("x-mock-fault");
    let asked = asked.and_then(|text| serde_json::from_str(text).ok());
    asked
        .or_else(|| state.faults().decide(request, state.clock.now_ms()))
        .unwrap_or_default()
}

fn decorate(answer: &mut Answer, action: &Action, now_s: i64) {
    for (name, value) in &action.headers {
        answer.set_header(name, routes::plain(value));
    }
    if let Some(form) = &action.retry_after {
        answer.set_retry_after(&routes::plain(form), now_s);
    }
    let length = answer.body.len();
    if let Some(share) = action.truncate {
        answer.delivery = Delivery::Truncated((length as f64 * share) as usize);
    } else if action.truncate_chunked {
        answer.delivery = Delivery::TruncatedChunked(length / 2);
    } else if let Some(bytes) = action.drip {
        answer.delivery = Delivery::Drip(bytes.max(1));
    } else if let Some(delay_ms) = action.delay_headers_ms {
        answer.delivery = Delivery::Late(Duration::from_millis(delay_ms));
    }
}

fn response(answer: Answer) -> Response<AnswerBody> {
    let mut builder = Response::builder()
        .status(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    if matches!(answer.delivery, Delivery::Truncated(_)) {
        builder = builder.header("content-length", answer.body.len());
    }
    let body = AnswerBody::new(answer.body, answer.delivery);
    builder.body(body).unwrap_or_else(|_| {
        let mut response = Response::new(AnswerBody::new(Bytes::new(), Delivery::Whole));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// Milliseconds between the last bytes of a body that breaks off and the end of its connection: hyper sends what it has
/// while the body waits, and would drop it when the body failed at once.
const BREAK_MS: u64 = 5;
/// A slow answer sends so many times a second.
const DRIPS_S: u64 = 20;

/// The body of an answer, delivered as its fault demands.
struct AnswerBody {
    rest: Bytes,
    delivery: Delivery,
    pause: Option<Pin<Box<Sleep>>>,
    is_broken: bool,
}

impl AnswerBody {
    fn new(whole: Bytes, delivery: Delivery) -> Self {
        let (rest, is_broken) = match delivery {
            Delivery::Truncated(bytes) | Delivery::TruncatedChunked(bytes) => {
                (whole.slice(..bytes.min(whole.len())), true)
            }
            _ => (whole, false),
        };
        let pause = match delivery {
            Delivery::Late(delay) => Some(Box::pin(sleep(delay))),
            _ => None,
        };
        AnswerBody {
            rest,
            delivery,
            pause,
            is_broken,
        }
    }

    fn next_piece(&mut self) -> Bytes {
        let Delivery::Drip(bytes_a_second) = self.delivery else {
            return std::mem::take(&mut self.rest);
        };
        let bytes = (bytes_a_second / DRIPS_S).max(1) as usize;
        self.pause = Some(Box::pin(sleep(Duration::from_millis(1000 / DRIPS_S))));
        self.rest.split_to(bytes.min(self.rest.len()))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if !self.rest.is_empty() {
            let piece = self.next_piece();
            if self.is_broken {
                self.pause = Some(Box::pin(sleep(Duration::from_millis(BREAK_MS))));
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        Poll::Ready(self.is_broken.then_some(Err(Dropped)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !self.is_broken
    }

    fn size_hint(&self) -> SizeHint {
        match self.delivery {
            Delivery::TruncatedChunked(_) | Delivery::Truncated(_) => SizeHint::default(),
            _ => SizeHint::with_exact(self.rest.len() as u64),
        }
    }
}

/// A connection that can end with a reset.
struct Line {
    stream: TcpStream,
    resets: Arc<AtomicBool>,
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.resets.load(Ordering::Relaxed) {
            // No lingering: what is unsent is thrown away and the client gets RST. When it cannot be set, the client sees
            // an ordinary end without answer, which the rule `close_before_answer` tests anyway.
            let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Binds 127.0.0.1 and nothing else.
pub(crate) fn bind(port: u16) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
