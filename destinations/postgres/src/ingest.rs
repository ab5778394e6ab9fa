//! Rows of jobs into a table by COPY.
//!
//! A thread reads the job files and writes rows in the form of COPY while this task sends what is finished; a short queue
//! between them bounds the memory. Start with [`load_table`].

use std::collections::VecDeque;
use std::pin::pin;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures_util::SinkExt as _;
use indexmap::IndexMap;
use tipple_destination::{
    DestinationError, ErrorKind, JobRows, PlannedJob, Result, SqlDialect as _, TableRef, dialect,
};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_postgres::Client;

use crate::copy::{RowFormat, StoredTypes};
use crate::failure::Failure;
use crate::indexes::{Aside, put_aside};

/// Size of the pieces that are sent; larger ones gain nothing, smaller ones cost a system call each.
const PIECE_BYTES: usize = 256 << 10;
/// Pieces that wait to be sent. A table that fills the queue gets its indexes after its rows.
const QUEUE_PIECES: usize = 8;

/// What the encoding thread hands over.
enum Piece {
    /// A COPY begins; the one before is complete.
    Begin(String),
    /// Data of the COPY that began last.
    Data(Bytes),
}

/// What became of the encoding.
struct Encoded {
    counts: IndexMap<String, u64>,
    /// Id and table of the job that was read last.
    last_job: (String, String),
    result: Result<()>,
}

/// Copies the rows of `jobs`, which all go to the same table, in order; gives the number of rows of each.
///
/// # Errors
/// [`DestinationError::Job`] when a value or the server refuses, [`DestinationError::JobFile`] when a job cannot be read,
/// errors about the database itself.
pub(crate) async fn load_table(
    client: &Client,
    jobs: &[&PlannedJob],
    location: &str,
) -> Result<IndexMap<String, u64>> {
    let refused = |failure: Failure, (job, table): (String, String)| {
        failure
            .about_database(location)
            .unwrap_or_else(|| DestinationError::Job {
                job,
                table,
                cause: failure.text(),
                kind: failure.kind(),
            })
    };
    let first_job = (jobs[0].id.clone(), jobs[0].table.clone());
    let stored = stored_types(client, &jobs[0].at)
        .await
        .map_err(|failure| refused(failure, first_job.clone()))?;
    let (at, rows) = (jobs[0].at.clone(), JobRows::new(jobs));
    let (sender, receiver) = channel(QUEUE_PIECES);
    let encoding = tokio::task::spawn_blocking(move || encode(rows, &at, &stored, sender));
    let sent = copy(client, &jobs[0].at, Pieces::new(receiver)).await;
    let encoded = encoding.await.map_err(|error| DestinationError::Job {
        job: first_job.0,
        table: first_job.1,
        cause: format!("the rows could not be prepared: {error}"),
        kind: ErrorKind::Terminal,
    })?;
    // What the server said comes first: it is why the encoding could not go on.
    sent.map_err(|failure| refused(failure, encoded.last_job))?;
    encoded.result?;
    Ok(encoded.counts)
}

/// Types of the columns of a table.
async fn stored_types(client: &Client, at: &TableRef) -> Result<StoredTypes, Failure> {
    let sql = "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute \
               WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    let table = dialect::Postgres.qualified(at);
    let rows = client.query(sql, &[&table]).await?;
    let types = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    Ok(types.collect::<Result<_, tokio_postgres::Error>>()?)
}

/// Pieces from the encoding thread, some of them read ahead.
struct Pieces {
    receiver: Receiver<Piece>,
    ahead: VecDeque<Piece>,
}

impl Pieces {
    fn new(receiver: Receiver<Piece>) -> Self {
        Pieces {
            receiver,
            ahead: VecDeque::new(),
        }
    }

    async fn next(&mut self) -> Option<Piece> {
        match self.ahead.pop_front() {
            Some(piece) => Some(piece),
            None => self.receiver.recv().await,
        }
    }

    /// Reads ahead; true when there are so many pieces that more are to be expected.
    async fn are_many(&mut self) -> bool {
        while self.ahead.len() < QUEUE_PIECES {
            match self.receiver.recv().await {
                Some(piece) => self.ahead.push_back(piece),
                None => return false,
            }
        }
        true
    }
}

/// Copies all rows, with the unique constraints of an empty table after them when there are many.
async fn copy(client: &Client, at: &TableRef, mut pieces: Pieces) -> Result<(), Failure> {
    let aside = match pieces.are_many().await {
        true => put_aside(client, at).await?,
        false => Aside::default(),
    };
    match send(client, pieces).await? {
        Sent::All => aside.put_back(client).await,
        // The transaction is undone anyway.
        Sent::Part => Ok(()),
    }
}

/// How much of the rows the server has.
enum Sent {
    All,
    /// The encoding ended early and knows why.
    Part,
}

/// Sends pieces until the other side ends. A COPY that is not completed is undone by the server.
async fn send(client: &Client, mut pieces: Pieces) -> Result<Sent, Failure> {
    let Some(Piece::Begin(mut statement)) = pieces.next().await else {
        return Ok(Sent::Part);
    };
    loop {
        let mut sink = pin!(client.copy_in::<_, Bytes>(&statement).await?);
        let next = loop {
            match pieces.next().await {
                // Empty data mark the end of what is whole.
                Some(Piece::Data(data)) if !data.is_empty() => sink.feed(data).await?,
                Some(Piece::Data(_)) => {
                    sink.as_mut().finish().await?;
                    break pieces.next().await;
                }
                // The rows ended before their end: the job could not be read.
                None | Some(Piece::Begin(_)) => return Ok(Sent::Part),
            }
        };
        match next {
            Some(Piece::Begin(following)) => statement = following,
            _ => return Ok(Sent::All),
        }
    }
}

fn encode(
    mut rows: JobRows,
    at: &TableRef,
    stored: &StoredTypes,
    sender: Sender<Piece>,
) -> Encoded {
    let mut encoder = Encoder {
        at,
        stored,
        sender,
        current: None,
        buffer: Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8),
    };
    let result = encoder.run(&mut rows);
    Encoded {
        counts: rows.take_counts(),
        last_job: rows.last_job(),
        result,
    }
}

/// The other side does not listen any more and knows why.
struct HungUp;

struct Encoder<'a> {
    at: &'a TableRef,
    stored: &'a StoredTypes,
    sender: Sender<Piece>,
    /// Form and columns of the COPY that is going on.
    current: Option<(RowFormat, SchemaRef)>,
    buffer: Vec<u8>,
}

impl Encoder<'_> {
    fn run(&mut self, rows: &mut JobRows) -> Result<()> {
        while let Some(batch) = rows.next_batch()? {
            let refused = |cause: String| {
                let (job, table) = rows.last_job();
                DestinationError::Job {
                    job,
                    table,
                    cause,
                    kind: ErrorKind::Terminal,
                }
            };
            let format = RowFormat::plan(&batch, self.stored);
            let format = format.map_err(|error| refused(error.to_string()))?;
            let Ok(()) = self.begin(format, &batch) else {
                return Ok(());
            };
            match self.write(&batch).map_err(refused)? {
                Ok(()) => {}
                Err(HungUp) => return Ok(()),
            }
        }
        let _ = self.end();
        Ok(())
    }

    /// Goes on with the COPY of the batch before, or begins a new one for other columns.
    fn begin(&mut self, format: RowFormat, batch: &RecordBatch) -> Result<(), HungUp> {
        let goes_on = self.current.as_ref().is_some_and(|(before, schema)| {
            before.is_same_form(&format) && schema.fields() == batch.schema_ref().fields()
        });
        if goes_on {
            self.current = Some((format, batch.schema()));
            return Ok(());
        }
        self.end()?;
        let statement = format.statement(self.at, batch.schema_ref());
        self.send(Piece::Begin(statement))?;
        self.buffer.extend_from_slice(format.header());
        self.current = Some((format, batch.schema()));
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<Result<(), HungUp>, String> {
        let Some((format, schema)) = self.current.take() else {
            return Ok(Ok(()));
        };
        for row in 0..batch.num_rows() {
            format
                .write_row(row, &mut self.buffer)
                .map_err(|misfit| format!("column `{}`: {}", misfit.column, misfit.why))?;
            if self.buffer.len() >= PIECE_BYTES
                && let Err(HungUp) = self.flush()
            {
                return Ok(Err(HungUp));
            }
        }
        self.current = Some((format, schema));
        Ok(Ok(()))
    }

    /// Completes the COPY that is going on, if there is one.
    fn end(&mut self) -> Result<(), HungUp> {
        let Some((format, _)) = self.current.take() else {
            return Ok(());
        };
        self.buffer.extend_from_slice(format.trailer());
        self.flush()?;
        self.send(Piece::Data(Bytes::new()))
    }

    fn flush(&mut self) -> Result<(), HungUp> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let next = Vec::with_capacity(self.buffer.capacity());
        let full = std::mem::replace(&mut self.buffer, next);
        self.send(Piece::Data(Bytes::from(full)))
    }

    fn send(&self, piece: Piece) -> Result<(), HungUp> {
        self.sender.blocking_send(piece).map_err(|_| HungUp)
    }
}
