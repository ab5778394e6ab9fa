//! The two things that the `duckdb` crate does not offer: opening a database whose handle is kept, and scanning an Arrow
//! stream in place.
//!
//! This is the only module of the crate with `unsafe` code (docs/decisions/0007-duckdb-arrow-scan.md). DuckDB scans a
//! stream with all its threads and keeps the order of rows, which the crate's appender and table function cannot; and
//! the scan needs a raw connection, which needs the raw database. Everything that leaves this module is safe: handles are
//! closed once, in order, and a stream outlives its scan.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::Arc;

use arrow_array::RecordBatchReader;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use duckdb::{Connection, ffi};

use crate::failure::Failure;

/// An open database; closed when it and all its connections are gone.
pub(crate) struct NativeDatabase(ffi::duckdb_database);

// SAFETY: a `duckdb_database` is a shared pointer to an instance that locks internally; the C interface allows
// connecting from any thread, and only `drop` closes it.
unsafe impl Send for NativeDatabase {}
// SAFETY: as above; `&NativeDatabase` only gives out connections.
unsafe impl Sync for NativeDatabase {}

impl Drop for NativeDatabase {
    fn drop(&mut self) {
        // SAFETY: `self.0` came from `duckdb_open_ext` and is closed nowhere else.
        unsafe { ffi::duckdb_close(&mut self.0) };
    }
}

impl NativeDatabase {
    /// Opens `path` (`:memory:` for a database in memory) with settings that hold from the start.
    pub fn open(path: &CStr, settings: &[(&str, String)]) -> Result<Self, Failure> {
        let config = Config::new(settings)?;
        let (mut database, mut error) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: all pointers are valid for the call; `database` and `error` are written by it.
        let state =
            unsafe { ffi::duckdb_open_ext(path.as_ptr(), &mut database, config.0, &mut error) };
        if state == ffi::DuckDBSuccess {
            return Ok(NativeDatabase(database));
        }
        Err(Failure(take_text(error).unwrap_or_else(|| {
            "the database cannot be opened".to_owned()
        })))
    }

    /// A connection for everything but scans.
    pub fn connect(&self) -> Result<Connection, Failure> {
        // SAFETY: the handle is open. The connection keeps the instance alive and does not close the handle.
        Ok(unsafe { Connection::open_from_raw(self.0) }?)
    }
}

struct Config(ffi::duckdb_config);

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: made by `duckdb_create_config`, destroyed nowhere else; a null pointer is allowed.
        unsafe { ffi::duckdb_destroy_config(&mut self.0) };
    }
}

impl Config {
    fn new(settings: &[(&str, String)]) -> Result<Self, Failure> {
        let mut config = Config(ptr::null_mut());
        // SAFETY: the pointer is written by the call.
        if unsafe { ffi::duckdb_create_config(&mut config.0) } != ffi::DuckDBSuccess {
            return Err(Failure(
                "no memory for the settings of the database".to_owned(),
            ));
        }
        for (key, value) in settings {
            let (c_key, c_value) = (c_text(key)?, c_text(value)?);
            // SAFETY: `config` is valid and both texts end with NUL; DuckDB copies them.
            let state =
                unsafe { ffi::duckdb_set_config(config.0, c_key.as_ptr(), c_value.as_ptr()) };
            if state != ffi::DuckDBSuccess {
                return Err(Failure(format!(
                    "setting `{key}` of DuckDB cannot be `{value}`"
                )));
            }
        }
        Ok(config)
    }
}

/// A stream of batches that statements can read as a table, once.
///
/// The table is a view in a catalog of its own in memory, so that nothing of it gets into the database file and
/// transactions that are already running see it.
pub(crate) struct ScannedStream {
    /// Quoted name of the view.
    pub name: String,
    catalog: Catalog,
    connection: ffi::duckdb_connection,
    // Boxed, because the view holds its address.
    stream: Box<FFI_ArrowArrayStream>,
    // Keeps the handle open; dropped last.
    _database: Arc<NativeDatabase>,
}

// SAFETY: the connection is used by one thread at a time (`&mut self` or `drop`), the stream's reader is `Send`.
unsafe impl Send for ScannedStream {}

impl ScannedStream {
    /// Makes `reader` readable as the view [`ScannedStream::name`] in the new catalog `catalog`.
    pub fn new(
        database: &Arc<NativeDatabase>,
        catalog: &str,
        reader: Box<dyn RecordBatchReader + Send>,
    ) -> Result<Self, Failure> {
        let mut connection = ptr::null_mut();
        // SAFETY: the handle is open and `connection` is written by the call.
        if unsafe { ffi::duckdb_connect(database.0, &mut connection) } != ffi::DuckDBSuccess {
            return Err(Failure(
                "no further connection to the database can be made".to_owned(),
            ));
        }
        let catalog = Catalog::attach(database.connect()?, catalog)?;
        let mut scanned = ScannedStream {
            name: format!("{}.rows", catalog.name),
            catalog,
            connection,
            stream: Box::new(FFI_ArrowArrayStream::new(reader)),
            _database: Arc::clone(database),
        };
        scanned.run(&format!("USE {}", scanned.catalog.name))?;
        scanned.make_view()?;
        Ok(scanned)
    }

    fn make_view(&mut self) -> Result<(), Failure> {
        let stream: *mut FFI_ArrowArrayStream = &mut *self.stream;
        // SAFETY: `stream` is a valid Arrow C stream that `self` owns and drops only after the view is gone. DuckDB
        // copies the struct without its release function and never releases it, so it is released once, by `self`.
        let state =
            unsafe { ffi::duckdb_arrow_scan(self.connection, c"rows".as_ptr(), stream.cast()) };
        match state == ffi::DuckDBSuccess {
            true => Ok(()),
            false => Err(Failure(
                "the rows have a type that DuckDB cannot read".to_owned(),
            )),
        }
    }

    fn run(&mut self, sql: &str) -> Result<(), Failure> {
        let sql = c_text(sql)?;
        // SAFETY: zero is a valid `duckdb_result` for the call to fill; it is destroyed below.
        let mut result = unsafe { std::mem::zeroed::<ffi::duckdb_result>() };
        // SAFETY: connection and text are valid, `result` is written by the call.
        let state = unsafe { ffi::duckdb_query(self.connection, sql.as_ptr(), &mut result) };
        let failure = (state != ffi::DuckDBSuccess).then(|| {
            // SAFETY: the text belongs to `result`, which lives until it is destroyed below.
            let text = unsafe { ffi::duckdb_result_error(&mut result) };
            Failure(borrowed_text(text).unwrap_or_else(|| "the statement failed".to_owned()))
        });
        // SAFETY: filled by `duckdb_query`, destroyed once.
        unsafe { ffi::duckdb_destroy_result(&mut result) };
        failure.map_or(Ok(()), Err)
    }
}

impl Drop for ScannedStream {
    fn drop(&mut self) {
        // SAFETY: made by `duckdb_connect`, disconnected nowhere else; no statement runs on it any more.
        unsafe { ffi::duckdb_disconnect(&mut self.connection) };
        // Then the fields: the catalog with the view, the stream that the view points to, the handle.
    }
}

/// A catalog in memory.
struct Catalog {
    /// Quoted.
    name: String,
    connection: Connection,
}

impl Catalog {
    fn attach(connection: Connection, name: &str) -> Result<Self, Failure> {
        let name = format!("\"{name}\"");
        connection.execute_batch(&format!("ATTACH ':memory:' AS {name}"))?;
        Ok(Catalog { name, connection })
    }
}

impl Drop for Catalog {
    fn drop(&mut self) {
        // A catalog that stays behind takes a few kilobytes until the database is closed; nobody can be told here.
        let detached = self
            .connection
            .execute_batch(&format!("DETACH {}", self.name));
        debug_assert!(detached.is_ok(), "{detached:?}");
    }
}

fn c_text(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure("a text for DuckDB holds a NUL character".to_owned()))
}

fn borrowed_text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: DuckDB's error texts are not null and end with NUL; the caller keeps their owner alive.
    Some(
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned(),
    )
}

fn take_text(text: *mut c_char) -> Option<String> {
    let owned = borrowed_text(text);
    // SAFETY: the text was allocated by DuckDB for the caller; null is allowed.
    unsafe { ffi::duckdb_free(text.cast()) };
    owned
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use arrow_schema::{ArrowError, SchemaRef};

    use super::*;

    /// Counts how often it is dropped.
    struct Counted {
        batches: Vec<RecordBatch>,
        schema: SchemaRef,
        drops: Arc<AtomicUsize>,
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.drops.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Iterator for Counted {
        type Item = Result<RecordBatch, ArrowError>;

        fn next(&mut self) -> Option<Self::Item> {
            self.batches.pop().map(Ok)
        }
    }

    impl RecordBatchReader for Counted {
        fn schema(&self) -> SchemaRef {
            Arc::clone(&self.schema)
        }
    }

    fn counted(drops: &Arc<AtomicUsize>) -> Box<Counted> {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let (schema, drops) = (batch.schema(), Arc::clone(drops));
        Box::new(Counted {
            batches: vec![batch],
            schema,
            drops,
        })
    }

    fn memory() -> Arc<NativeDatabase> {
        Arc::new(NativeDatabase::open(c":memory:", &[]).unwrap())
    }

    #[test]
    fn a_stream_is_read_inside_a_running_transaction_and_released_once() {
        let (database, drops) = (memory(), Arc::new(AtomicUsize::new(0)));
        let connection = database.connect().unwrap();
        connection
            .execute_batch("CREATE TABLE t (n BIGINT); BEGIN; INSERT INTO t VALUES (0)")
            .unwrap();
        let stream = ScannedStream::new(&database, "rows_1", counted(&drops)).unwrap();
        connection
            .execute_batch(&format!("INSERT INTO t SELECT * FROM {}", stream.name))
            .unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        drop(stream);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        connection.execute_batch("COMMIT").unwrap();
        let sum = connection.query_row("SELECT sum(n)::BIGINT FROM t", [], |row| {
            row.get::<_, i64>(0)
        });
        assert_eq!(sum.unwrap(), 6);
        drop(connection);
        drop(database);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_stream_that_nobody_reads_is_released_once() {
        let (database, drops) = (memory(), Arc::new(AtomicUsize::new(0)));
        drop(ScannedStream::new(&database, "rows_1", counted(&drops)).unwrap());
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn nothing_of_a_stream_stays_in_the_database() {
        let (database, drops) = (memory(), Arc::new(AtomicUsize::new(0)));
        drop(ScannedStream::new(&database, "rows_1", counted(&drops)).unwrap());
        let connection = database.connect().unwrap();
        let sql = "SELECT count(*) FROM duckdb_databases() WHERE database_name LIKE 'rows%'";
        assert_eq!(
            connection
                .query_row(sql, [], |row| row.get::<_, i64>(0))
                .unwrap(),
            0
        );
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let failure = NativeDatabase::open(c":memory:", &[("thredas", "2".to_owned())]).err();
        assert!(failure.unwrap().0.contains("thredas"));
    }
}
