//! Every error code with its exit code and the text that `tipple explain` prints.
//!
//! Codes are never reused and never renamed: scripts match them. The list is sorted by name.

use crate::exit::Exit;

/// A kind of error.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Dotted words: family, then what.
    pub name: &'static str,
    /// How the program ends with it.
    pub exit: Exit,
    /// The long text, paragraphs of plain lines.
    pub text: &'static str,
}

/// Makes one static per code and the list of all of them, so that none can be left out of the list.
macro_rules! codes {
    ($($ident:ident = $name:literal, $exit:ident, $text:literal;)*) => {
        $(
            #[doc = $name]
            pub static $ident: Code = Code { name: $name, exit: Exit::$exit, text: $text };
        )*

        /// All codes, sorted by name.
        pub static ALL: &[&Code] = &[$(&$ident),*];
    };
}

/// The code of this name.
pub fn find(name: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|code| code.name == name)
}

codes! {
    CONFIG_CONNECTION = "config.connection", Config, "\
A text that stands for a whole group of settings, for instance a connection string, cannot be taken apart.

The text may hold a password, so only what is wrong with it is shown. Give a URL of the destination's form, JSON text of
an object, or the fields one by one.";

    CONFIG_FILE = "config.file", Config, "\
A settings file is not TOML. Line and column point at the first character that does not fit; the line itself is not shown
because it may hold a secret.";

    CONFIG_INVALID = "config.invalid", Config, "\
A setting has a value that its rule does not allow, or two settings contradict each other. The message names the setting
and the rule. `tipple config explain KEY` shows where the value comes from.";

    CONFIG_MISSING = "config.missing", Config, "\
Required settings were found in none of the places that are looked at. All of them are listed, each with every place in
the order in which it was tried: environment variables, `secrets.toml`, `config.toml`, each first under the name of the
pipeline, each with ever fewer sections.

Write the value in the most specific place that makes sense, for instance

    [sources.shop]
    api_key = \"…\"

in `.dlt/secrets.toml`, or SOURCES__SHOP__API_KEY in the environment. Secrets are never read from `config.toml`.";

    CONFIG_PLACEHOLDER = "config.placeholder", Config, "\
A secret still has the text that a template wrote in its place. Put the real value where the message says.";

    CONFIG_READ = "config.read", Config, "\
A settings file is there but cannot be read, for instance because it belongs to another user. Change its permissions or
remove it; a missing file is no error.";

    CONFIG_SECRET_IN_CONFIG = "config.secret_in_config", Config, "\
A secret stands in `config.toml`. That file is meant to be shared, so secrets in it are refused instead of being used
quietly. Move the key to `.dlt/secrets.toml` or to the environment, and change the secret if the file was ever shared.";

    CONFIG_TYPE = "config.type", Config, "\
A setting was found but cannot be read as the type that is wanted. Booleans may be written `true false yes no 1 0`, lists
and objects in TOML or as JSON text, numbers as they are. The message names file or variable and key.";

    DATA_ARROW = "data.arrow", Data, "\
Rows that arrive as columns (Parquet, Arrow) keep their types. A column whose type the schema cannot take, or that differs
from what the table has already, cannot be taken over. Change the type where the file is made, or load it as JSON lines.";

    DATA_CONTRACT = "data.contract", Data, "\
The data would change a schema that a contract has frozen. Contracts have three parts: `tables` (new tables), `columns`
(new columns), `data_type` (values of another type), each `evolve`, `freeze`, `discard_row` or `discard_value`.

`freeze` stops the run before anything is loaded; `discard_row` and `discard_value` leave out what does not fit and are
counted in the summary; `evolve` adapts the tables. Set it on the pipeline file or on a resource:

    schema_contract: { tables: evolve, columns: freeze, data_type: freeze }";

    DATA_FAILED = "data.failed", Data, "\
Items could not become rows. The message says which rule was broken; nothing of the run was loaded, state and schema are
as before.";

    DATA_KEY_MISSING = "data.key_missing", Data, "\
With the strategies `upsert`, `insert-only` and `cdc` the id of a row is made from its primary key, so every row needs a
value in each column of the key. Check the spelling of `primary_key`; leave out rows without one.";

    DATA_MISFIT = "data.misfit", Data, "\
A value does not fit the type of its column, and no variant column can take it. Values that do not fit usually go to a
column `NAME__v_TYPE`; this one cannot. Give the column a `data_type` that holds all its values, for instance `text`.";

    DATA_NAME = "data.name", Data, "\
A key of the data cannot become the name of a column or table: it is empty or has nothing but white space. Give it a name
where the data is made, or hold the object that contains it as `json`: `columns: { NAME: { data_type: json } }`.";

    DATA_NULL = "data.null", Data, "\
A column that must have values got null. Columns of keys are not nullable, nor are columns with the hint
`nullable: false`. The message names the row. Leave out such rows, or take the hint away.";

    DATA_TOO_MANY_COLUMNS = "data.too_many_columns", Data, "\
A table would get more columns than any destination handles well. Mostly the keys of an object are data (ids, dates)
instead of names. Hold that object as `json`, or turn it into a list of objects where the data is made.";

    DATA_UNBOUND_COLUMN = "data.unbound_column", Data, "\
A column that must have values (a key, or `nullable: false`) was null or absent in every row, so it has no type and the
table cannot be made. Mostly the name in `primary_key` or `merge_key` is not the one in the data.";

    DESTINATION_CHANGED = "destination.changed", Destination, "\
Another process changed the same tables between the moment when this run looked at them and the moment when it changed
them, and did so several times in a row. Nothing of this load is visible; run again.";

    DESTINATION_CORRUPT = "destination.corrupt", Destination, "\
The database file is damaged, or is no database of this kind. Nothing was changed. Check the path; a file that DuckDB
itself cannot open has to come back from a copy, or be loaded anew into another file.";

    DESTINATION_DISK_FULL = "destination.disk_full", Destination, "\
No space is left where the database is. The load is one transaction: nothing of it is visible. The package is kept; make
room and run again.";

    DESTINATION_FAILED = "destination.failed", Destination, "\
The destination refused something for a reason of its own, which the message quotes. If a package is pending, nothing of
it is visible and the next run loads it.";

    DESTINATION_FOLLOW_UP = "destination.follow_up", Destination, "\
A statement that merges or replaces rows failed after the rows had arrived. It was rolled back with them: tables are as
before and the package is kept. The message has the beginning of the statement and the answer of the destination.";

    DESTINATION_FORBIDDEN = "destination.forbidden", Destination, "\
The user of the destination lacks a right. The message says what was tried and, where it is known, the statement with which
an administrator gives the right. Nothing of the load is visible; a package that was made is loaded by the next run.";

    DESTINATION_JOB = "destination.job", Destination, "\
The destination refused rows of one table, mostly because a value does not fit a column that exists already. Nothing of
the package is visible. Change the column there, or give up the package with `tipple pipeline NAME abort-packages`.";

    DESTINATION_JOB_FILE = "destination.job_file", Destination, "\
A file of a load package cannot be read. If the disk is sound the package was changed by hand. Give it up with
`tipple pipeline NAME abort-packages` and run again; the state goes back to before the package.";

    DESTINATION_LOCKED = "destination.locked", Destination, "\
Another process has the database open, and only one process may write a DuckDB file. tipple waits for a while before it
gives up. Close the database in the other program (a notebook, an editor, another run), or load into another file.

Nothing was changed; a package that was made already is loaded by the next run.";

    DESTINATION_LOGIN = "destination.login", Config, "\
The destination is there and does not let the user in: user, password or certificate are wrong, or its rules do not allow
this user from this machine. Check `[destination.NAME.credentials]` in `.dlt/secrets.toml` or its environment variables;
`tipple config explain destination.NAME.credentials.password` shows where the password comes from. Nothing was changed.";

    DESTINATION_MIGRATION = "destination.migration", Destination, "\
A statement that makes or changes a table failed. Mostly the table was changed by hand in a way that contradicts the
schema, or the user may not change tables. The message has the beginning of the statement.";

    DESTINATION_OUT_OF_MEMORY = "destination.out_of_memory", Destination, "\
The database engine needed more memory than it may use. Raise `runtime.max_memory`, or load smaller parts with `--limit`
or fewer resources at once.";

    DESTINATION_QUERY = "destination.query", Destination, "\
The destination could not run the query. Its answer is quoted; the query was read-only, so nothing was changed.";

    DESTINATION_READ_ONLY = "destination.read_only", Destination, "\
The database, its file or its folder may not be written by this user, or it was opened for reading only. Nothing was
changed. Change the permissions, or choose another place with `--destination duckdb:PATH`.";

    DESTINATION_SCHEMA = "destination.schema", Destination, "\
The schema cannot be loaded into this destination for several reasons; each is listed. Nothing was loaded.";

    DESTINATION_SCHEMA_CONDITION = "destination.schema.condition", Destination, "\
A condition of a merge (`source_filter`, `destination_scope`) cannot be used. It is one SQL condition over the columns of
the root table; `{table}` and `{staging_table}` are the only placeholders.";

    DESTINATION_SCHEMA_MERGE_STRATEGY = "destination.schema.merge_strategy", Destination, "\
The destination cannot merge rows in the way that `write_disposition: { disposition: merge, strategy: … }` asks for. The
message lists the strategies that it has.";

    DESTINATION_SCHEMA_NAME_COLLISION = "destination.schema.name_collision", Destination, "\
Two tables or two columns differ only in a way that the destination does not see, for instance in case. Rename one in the
data or with a naming convention that ignores case (`schema.naming = \"snake_case\"`).";

    DESTINATION_SCHEMA_NAME_TOO_LONG = "destination.schema.name_too_long", Destination, "\
A name is longer than the destination takes. Naming conventions shorten names by themselves; this name was given by hand
or made for another destination.";

    DESTINATION_SCHEMA_NO_HISTORY_COLUMN = "destination.schema.no_history_column", Destination, "\
The strategy `scd2` keeps the history of rows in two columns for the time from and to which a version held, and needs them
in the table. Take away hints that remove them, or load into a new table.";

    DESTINATION_SCHEMA_NO_PRIMARY_KEY = "destination.schema.no_primary_key", Destination, "\
The strategies `upsert`, `insert-only` and `cdc` find a row by its primary key, and the resource has none. Give it one:
`primary_key: id` in the pipeline file, `--primary-key id` on the command line.";

    DESTINATION_SCHEMA_NO_ROOT_KEY = "destination.schema.no_root_key", Destination, "\
A merge deletes rows of child tables by the id of their root row, and a child table has no such column because it was made
without merge. Load the resource anew with `--refresh drop_resources`, or set `root_key: true` from the start.";

    DESTINATION_SCHEMA_NO_ROW_KEY = "destination.schema.no_row_key", Destination, "\
A merge of a table with child tables needs a column that identifies a row: `_dlt_id`, a unique column, or a single primary
key column. The table has none.";

    DESTINATION_SCHEMA_REPLACE_STRATEGY = "destination.schema.replace_strategy", Destination, "\
The destination cannot replace tables in the way that `replace_strategy` asks for. The message lists the ways that it has.";

    DESTINATION_SCHEMA_SEVERAL_COLUMNS = "destination.schema.several_columns", Destination, "\
A hint that only one column of a table may have (`hard_delete`, `dedup_sort`) is on several. Take it from all but one.";

    DESTINATION_SCHEMA_TOO_MANY_COLUMNS = "destination.schema.too_many_columns", Destination, "\
A table would get more columns than the destination takes (Postgres: 1,600, dropped ones included). Nothing was changed.
Mostly the keys of an object are data instead of names: hold that object as `json`, or limit `max_table_nesting`.";

    DESTINATION_SCHEMA_UNKNOWN_TABLE = "destination.schema.unknown_table", Destination, "\
A load package has rows for a table that its schema does not have: it was changed by hand. Give it up with
`tipple pipeline NAME abort-packages` and run again.";

    DESTINATION_SCHEMA_UNSUPPORTED_TYPE = "destination.schema.unsupported_type", Destination, "\
The destination has no type that holds the values of a column, for instance a decimal with more digits than it knows. Give
the column another `data_type`, or a smaller `precision`.";

    DESTINATION_SETTINGS = "destination.settings", Config, "\
A setting of the destination cannot be used: an unknown field, a value of another kind, an address of another form. The
message names the field. Settings of a destination stand under `[destination.NAME]` and `[destination.NAME.credentials]`.";

    DESTINATION_STORED = "destination.stored", Destination, "\
A row in a system table (`_dlt_version`, `_dlt_pipeline_state`, `_dlt_loads`) cannot be understood. It was changed by hand
or written by a newer program. Nothing was changed.";

    DESTINATION_UNDEFINED = "destination.undefined", Destination, "\
A database, dataset, table or column that should be there is not. Mostly nothing has been loaded yet, or it was dropped by
hand; the next run makes what is missing.";

    DESTINATION_UNKNOWN = "destination.unknown", Config, "\
The destination is neither compiled into this program nor named in the settings. A destination is given as a kind
(`duckdb`, `postgres`), a kind with an address (`duckdb:shop.duckdb`, `postgres://user@host/database`), or a name of your
own:

    [destination.warehouse]
    destination_type = \"postgres\"

`tipple version -v` lists the kinds in this program.";

    DESTINATION_UNREACHABLE = "destination.unreachable", Destination, "\
The destination cannot be reached or opened; its answer is quoted. Nothing was changed. Check address, network and
permissions.";

    INTERNAL_BUG = "internal.bug", Failed, "\
Something that cannot happen has happened: a mistake in tipple. Please report it with the message and, if you can, the
package that it names. Data at the destination is safe: a load becomes visible as a whole or not at all.";

    PACKAGE_COMPLETED = "package.completed", Failed, "\
The load package is loaded or given up already. What is complete is never changed again.";

    PACKAGE_DAMAGED = "package.damaged", Failed, "\
Files of a load package do not fit together: one is missing, cut short, or was changed by hand. Give the package up with
`tipple pipeline NAME abort-packages` and run again; state and schema go back to before it.";

    PACKAGE_DISK_FULL = "package.disk_full", Failed, "\
No space is left for the working folder of the pipeline. Nothing was loaded, and the state has not moved, so nothing is
lost: make room and run again, or put working folders elsewhere with `--pipelines-dir` or DLT_DATA_DIR.";

    PACKAGE_FOREIGN = "package.foreign", Failed, "\
A load package that waits was made by another program (dlt) in a format that tipple does not load. Finish it with that
program, or give it up with `tipple pipeline NAME abort-packages`.";

    PACKAGE_IO = "package.io", Failed, "\
A file of the working folder cannot be read or written. The message names it and quotes the operating system.";

    PACKAGE_LOCKED = "package.locked", Failed, "\
Another process runs the same pipeline. One process at a time may, or rows would be loaded twice. Wait for it to end. A
lock of a process that is gone is taken over by itself.";

    PACKAGE_NO_JOB = "package.no_job", NotFound, "\
The load package has no such job in the state that was expected. `tipple pipeline NAME load-package ID` lists its jobs.";

    PACKAGE_NOT_FOUND = "package.not_found", NotFound, "\
There is no load package of this id in the working folder. `tipple pipeline NAME load-package` shows the newest one,
`tipple pipeline NAME runs` the ids of earlier runs.";

    PACKAGE_NOT_WRITABLE = "package.not_writable", Failed, "\
The working folder of the pipeline may not be written by this user. Change its permissions, or put working folders
elsewhere with `--pipelines-dir` or DLT_DATA_DIR.";

    PACKAGE_VERSION = "package.version", Failed, "\
The working folder was written by a newer program in a layout that this one does not know. Use the newer version here as
well, or restore the pipeline into a new folder with `tipple pipeline NAME sync`.";

    PIPELINE_INTERRUPTED = "pipeline.interrupted", Interrupted, "\
The run was stopped with Ctrl-C. A package that was sealed already is kept and is loaded by the next run; what was being
read is read again then. Nothing is half visible at the destination.";

    PIPELINE_NEVER_RAN = "pipeline.never_ran", NotFound, "\
The pipeline has a working folder but has not loaded anything yet, so there is nothing to show or to change.";

    PIPELINE_NO_RUN = "pipeline.no_run", NotFound, "\
No document of such a run is kept. Runs of tipple are written under `tipple/runs` of the data directory; runs of dlt are
not read.";

    PIPELINE_NOT_FOUND = "pipeline.not_found", NotFound, "\
There is no working folder of this name. `tipple pipeline` lists the pipelines of this machine and the folder that they are
in; `--pipelines-dir` or DLT_DATA_DIR looks elsewhere. A pipeline that ran on another machine comes back from its
destination with `tipple pipeline NAME sync --destination … --dataset …`.";

    PIPELINE_PENDING = "pipeline.pending", Pending, "\
Load packages wait to be loaded, and the command would change the state under them. The next run loads them;
`tipple pipeline NAME abort-packages` gives them up and takes the state back.";

    PIPELINE_STATE = "pipeline.state", Failed, "\
The stored state of the pipeline cannot be read: it was changed by hand or written by a newer program. `tipple pipeline
NAME sync` takes it from the destination again.";

    PIPELINE_UNKNOWN_RESOURCE = "pipeline.unknown_resource", NotFound, "\
The pipeline file has no resource of this name. Names after the file choose which of its resources are read.";

    PLAN_FILE = "plan.file", Usage, "\
The file is not a plan that `tipple plan --out` has written, or was changed since. Make a new one.";

    PLAN_STALE = "plan.stale", Changes, "\
The plan cannot be applied: the destination has other tables or columns than when the plan was made, or the plan is for
another destination or dataset. Nothing was changed. Make a new plan, read it, and apply that one.";

    QUERY_REFUSED = "query.refused", Usage, "\
SQL from outside is read-only and stays inside one dataset: one SELECT, WITH, VALUES, EXPLAIN or DESCRIBE, over the
tables of the dataset and its system tables (`_dlt_…`). Functions that read files, settings or secrets, that change
something or that wait are refused, and so is every construct that the guard does not know.

Inside FROM only `unnest`, `generate_series` and `range` may be called.";

    QUERY_SYNTAX = "query.syntax", Usage, "\
The text is not one SQL statement in the dialect of the destination. Line and column in the message point at the first
word that does not fit. Quote names with double quotes and texts with single quotes.";

    QUERY_UNKNOWN_TABLE = "query.unknown_table", NotFound, "\
The query names a table that the dataset does not have. Names are those of the destination, after normalizing:
`OrderItems` in the data is `order_items`, a list `items` inside `orders` is the table `orders__items`.

`tipple pipeline NAME schema` lists the tables. Tables of other datasets, catalogs and files cannot be read.";

    SCHEMA_CONFLICT = "schema.conflict", Data, "\
A hint contradicts what the table is already: another type for a column that exists, another parent, another disposition
of a part of a chain. Take the hint back, or start the table over with `--refresh drop_resources`.";

    SCHEMA_CONTRACT_WORD = "schema.contract_word", Config, "\
A schema contract is a word (`evolve`, `freeze`, `discard_row`, `discard_value`) or an object with `tables`, `columns` and
`data_type`, each one of these words.";

    SCHEMA_DAMAGED = "schema.damaged", Failed, "\
The schema document is not what a schema looks like: a part is missing or has another form. The message says which. It was
changed by hand, or is no schema.";

    SCHEMA_EDITED = "schema.edited", Failed, "\
The stored schema was edited by hand: its content no longer gives the hash that it was stored with, so it cannot be known
what the destination has. Undo the edit, or take the schema from the destination with `tipple pipeline NAME sync`. To
change a schema by hand use `import_schema_path`.";

    SCHEMA_ENGINE_TOO_NEW = "schema.engine_too_new", Failed, "\
A newer version of tipple or dlt has written the schema in a form that this version does not know. Use the newer version
here as well. Nothing was changed.";

    SCHEMA_FILE = "schema.file", Usage, "\
The file is neither JSON nor YAML of a schema document. Line and column point at the first place that does not fit.";

    SCHEMA_IDENTIFIERS_FROZEN = "schema.identifiers_frozen", Data, "\
Another naming convention would rename tables or columns that have received data. Go back to the convention of the schema,
or set `schema.allow_identifier_change_on_table_with_data = true`: new names are then made beside the old ones.";

    SCHEMA_LOCKED = "schema.locked", Changes, "\
The run was held to a locked schema (`--locked`) and the data has tables, columns or types that it does not have. Nothing
was loaded. Look at the changes with `tipple plan`. If they are wanted, run once without `--locked`, write the new schema
with `tipple schema pin PIPELINE`, and put the file into version control.";

    SCHEMA_NAME = "schema.name", Config, "\
The name of a schema or source is made of letters, digits and underscores, does not begin with a digit, and has at most
64 characters.";

    SCHEMA_NAMING = "schema.naming", Config, "\
The naming convention does not exist here, or does not fit the destination. Conventions that are built in: `snake_case`,
`direct`, `duck_case`, `sql_ci_v1`, `sql_cs_v1`, `s3_tables`. Conventions written in Python cannot be used.";

    SCHEMA_NOT_FOUND = "schema.not_found", NotFound, "\
The pipeline has no schema of this name. `tipple pipeline NAME info` lists them; most pipelines have one, named after their
source.";

    SCHEMA_NOT_LOCKED = "schema.not_locked", NotFound, "\
A run is to be held to a locked schema, but there is no file of it: `schemas/SCHEMA.lock.yaml` in the project folder.
`tipple schema pin PIPELINE` writes it from what was loaded last.";

    SCHEMA_PATTERN = "schema.pattern", Config, "\
A pattern of the settings (after `re:`) is no regular expression of this program. Look-around and back-references of
Python's patterns do not exist here.";

    SCHEMA_TABLE_NOT_FOUND = "schema.table_not_found", NotFound, "\
The schema has no table of this name. Names are those after normalizing; `tipple pipeline NAME schema` lists them.";

    SOURCE_CURSOR = "source.cursor", Source, "\
The incremental cursor of a resource cannot be used as it is set up. The message names the resource and the rule.";

    SOURCE_CURSOR_INCOMPARABLE = "source.cursor.incomparable", Source, "\
A value of the incremental cursor cannot be compared with the one that the state has, for instance text with a number.
Check `cursor_path`, and the type of `initial_value`.";

    SOURCE_CURSOR_MISSING = "source.cursor.missing", Source, "\
An item has no value at the path of the incremental cursor. Check the spelling of `cursor_path`; items that may lack it are
kept with `on_cursor_value_missing: include` or left out with `exclude`.";

    SOURCE_CURSOR_NULL = "source.cursor.null", Source, "\
An item has null at the path of the incremental cursor. Such items are kept with `on_cursor_value_missing: include` or left
out with `exclude`.";

    SOURCE_FAILED = "source.failed", Source, "\
The source could not be read for a reason of its own, which the message quotes. Nothing was loaded; the state has not
moved, so the next run reads the same again.";

    SOURCE_FILE_CORRUPT = "source.file.corrupt", Source, "\
A compressed file cannot be unpacked: its bytes are not what they were when it was made. Fetch it again. Nothing was
loaded.";

    SOURCE_FILE_CURSOR = "source.file.cursor", Source, "\
The cursor over the modification times of files cannot be used here. `cursor_path: modification_date` chooses files that
are new since the last run; it has no place in the rows.";

    SOURCE_FILE_DOCUMENT_TOO_LONG = "source.file.document_too_long", Source, "\
A JSON document with a selector is held in memory as a whole, and this one is too long for that. Write the items as JSON
lines, or as one list without anything around it; both are read piece by piece.";

    SOURCE_FILE_ENCODING = "source.file.encoding", Source, "\
The text of the file is not UTF-8. Convert it, for instance with `iconv -f latin1 -t utf8`, or export it anew. Nothing was
loaded.";

    SOURCE_FILE_FOLDER = "source.file.folder", Source, "\
The path is a folder. Name the files in it with a pattern, for instance `data/*.jsonl`, or `data/**/*.jsonl` for the
folders below it as well.";

    SOURCE_FILE_FORMAT = "source.file.format", Source, "\
Neither the name of the file nor its first bytes tell its format. Say it with `--format` or `format:` (jsonl, json, csv,
parquet). A pipeline file is named `….yaml`, `….toml` or `….json`.";

    SOURCE_FILE_ITEM_TOO_LONG = "source.file.item_too_long", Source, "\
One item of the file has more bytes than an item may have. Mostly the line ends are missing, or the format is another one
than the name says.";

    SOURCE_FILE_MISSING = "source.file.missing", Source, "\
No file has the name, or none matches the pattern. Relative paths start at the project folder. Patterns may hold `*`, `?`,
`[…]` and `**`; quote them, or the shell takes them apart first.";

    SOURCE_FILE_PARQUET = "source.file.parquet", Source, "\
The file cannot be read as Parquet; the reason is quoted. It was cut short, or is no Parquet file.";

    SOURCE_FILE_PARQUET_STDIN = "source.file.parquet_stdin", Source, "\
Parquet has its index at the end, so it cannot be read from a stream. Save it to a file and name that.";

    SOURCE_FILE_PATTERN = "source.file.pattern", Source, "\
A pattern cannot be followed: it is written wrongly, or a folder on its way cannot be read. Patterns may hold `*`, `?`,
`[…]` and `**`.";

    SOURCE_FILE_SCHEME = "source.file.scheme", Source, "\
The path is an address of a kind that this program cannot read. Files on this machine are named by their path, standard
input by `-`.";

    SOURCE_FILE_SELECTOR = "source.file.selector", Source, "\
The selector finds nothing in the document. It is the path to the items, for instance `data.items` or `data[*].rows`; the
names are those of the data and case counts.";

    SOURCE_FILE_THREAD = "source.file.thread", Source, "\
The part of tipple that reads files has ended by itself: a mistake in tipple. Please report it with the file if you can.
Nothing was loaded.";

    SOURCE_HTTP_CONNECTION = "source.http.connection", Source, "\
The API cannot be reached, or the connection broke while an answer was read, again and again. Waits and attempts are set
with `client.http.max_attempts`, `max_retry_delay` and `timeout`. What was read is kept for a day: the next run goes on.";

    SOURCE_HTTP_DNS = "source.http.dns", Source, "\
The name of the host cannot be resolved to an address. Check `base_url` for a slip, and whether this machine has a network.";

    SOURCE_HTTP_NOT_FOUND = "source.http.not_found", Source, "\
The API has nothing at this URL. Check `base_url` and `path`. Where missing data is normal, for instance for some rows of a
parent, write `response_actions: [{status_code: 404, action: ignore}]`.";

    SOURCE_HTTP_NOT_JSON = "source.http.not_json", Source, "\
The answer has a status of success but its body is no JSON. Mostly the URL is that of a page for people, or a proxy or login
stands in between. The request was sent twice. Several JSON documents in one body are read with the content type
`application/x-ndjson` only.";

    SOURCE_HTTP_RATE_LIMITED = "source.http.rate_limited", Source, "\
The API limited the rate and did not let up. Waits that it asks for are followed as long as their sum stays below
`client.http.max_total_wait` (900 s). `client.http.max_rps` keeps below a limit from the beginning. What was read is kept
for a day: the next run goes on.";

    SOURCE_HTTP_REDIRECTS = "source.http.redirects", Source, "\
The API redirects in a circle or very often. Check `base_url`; `client.http.follow_redirects: false` shows the first answer.";

    SOURCE_HTTP_STATUS = "source.http.status", Source, "\
The API answered with a status that means failure. 429 and 500 to 599 were tried again, others are final. The body is shown
with `http_show_error_body = true` under [runtime] of the settings.";

    SOURCE_HTTP_TIMEOUT = "source.http.timeout", Source, "\
The API did not answer in time, again and again. The limit is `client.http.timeout` (60 s without a byte).";

    SOURCE_HTTP_TLS = "source.http.tls", Source, "\
The certificate of the API is not trusted, or no secure connection can be agreed on. A certificate of an own authority is
named with `client.http.ca_file`. Certificates are always checked.";

    SOURCE_HTTP_TOKEN = "source.http.token", Source, "\
The server of `access_token_url` gave no access token. Its error words are quoted. Check client, secret and URL of `auth`.";

    SOURCE_HTTP_UNAUTHORIZED = "source.http.unauthorized", Source, "\
The API does not accept the credentials (401) or does not let them read this (403). A fetched token was renewed once. Check
`auth`, and where its values come from: `tipple config explain` shows every place that is looked at.";

    SOURCE_IO = "source.io", Source, "\
A file or stream cannot be read; the operating system's reason is quoted. Nothing was loaded.";

    SOURCE_JSON_INTEGER = "source.json.integer", Source, "\
An integer is below -2^63 or above 2^64-1. It would lose digits as a number of any kind, so nothing is loaded instead.
Write it as text where the data is made, and give the column `data_type: wei` or `decimal` if it is to be a number.";

    SOURCE_JSON_MALFORMED = "source.json.malformed", Source, "\
The text is not JSON. The message has file, line, column and the text around the first character that does not fit.

JSON lines have one value a line; a JSON file has one list of objects, one object, or values after each other. If the
file has another format, say so: `--format csv`, or `format:` in the pipeline file. Nothing was loaded.";

    SOURCE_JSON_NOT_FINITE = "source.json.not_finite", Source, "\
`NaN`, `Infinity` and `-Infinity` are not JSON, though some programs write them. Write `null`, or a text, where the data
is made. Nothing was loaded.";

    SOURCE_JSON_TOO_DEEP = "source.json.too_deep", Source, "\
Objects and lists are nested more than 1,024 levels deep, which is more than any table can mean and as much as dlt takes.
Mostly the data is a linked list or a mistake of the program that wrote it.";

    SOURCE_MALFORMED = "source.malformed", Source, "\
The bytes are not what the format promises. The message has the place and the text around it. Correct the file, or name its
real format with `--format` or `format:`. Nothing was loaded.";

    SOURCE_REST_ENDLESS = "source.rest.endless", Source, "\
The pages of a resource repeat themselves: the next request was sent before, or answers are equal one after another. The API
passes over the parameter of the page, or the paginator follows something that is no link. Write down the paginator that
fits the API.";

    SOURCE_REST_ERROR_BODY = "source.rest.error_body", Source, "\
The status of the answer says success, but its body is that of an error, and there are no rows in it. The message quotes it.
`response_actions` with `content` say what to do with such answers: raise, retry or ignore.";

    SOURCE_REST_EXPRESSION = "source.rest.expression", Source, "\
A program of `response_actions` or a step of `processing_steps` failed on what the API sent. The message quotes it and names
the row. `on_error: drop` or `null` beside a step says what to do with such rows.";

    SOURCE_REST_PAGINATOR = "source.rest.paginator", Source, "\
The answer lacks what the paginator needs: a total, a flag, a link. The message names the path and the keys that are there.";

    SOURCE_REST_REQUEST = "source.rest.request", Source, "\
A request cannot be made: a value is missing or does not fit where it is put in, or the URL is none.";

    SOURCE_REST_ROWS = "source.rest.rows", Source, "\
Fields of the parent (`include_from_parent`) are added to objects only, and a row of this resource is none: a number, a text
or a list. Select objects with `data_selector`, or leave `include_from_parent` out.";

    SOURCE_REST_SEED = "source.rest.seed", Source, "\
Rows that seed a child come from `rows:` in the pipeline file or from a file of JSON lines, JSON, CSV or YAML that
`rows_from` names. Files of columns (Parquet) cannot seed requests.";

    SOURCE_REST_SELECTOR = "source.rest.selector", Source, "\
The `data_selector` finds nothing in the first answer, and `strict_selector` is on. The message names the keys of the
answer, and the list that automatic selection would take.";

    SOURCE_SPEC = "source.spec", Config, "\
The pipeline file has mistakes; all of them are listed, with the line and the nearest spelling where there is one. Keys that
are not known are mistakes too, so that a misspelt hint is not quietly ignored.";

    SOURCE_TABLE_NAME = "source.table_name", Source, "\
The `table_name` of a resource has a field of the item in braces, as in `event_{type}`, and an item cannot be placed: it
lacks the field, or has null, a list, an object or an empty text there. The message shows the item. Name a field that every
item has; numbers and truth values will do as well as texts.";

    SOURCE_TRUNCATED = "source.truncated", Source, "\
The data ends in the middle: a compressed file or a JSON document was cut while it was copied, or is still being written.
Fetch it again. Nothing was loaded.";

    SOURCE_UNKNOWN = "source.unknown", NotFound, "\
A pipeline file names a source that is not built in, and neither the file nor the settings describe it. `tipple init -l`
lists what is built in. Any other REST API is described by `client:` and `resources:`, in the file itself or in
.dlt/config.toml under `[sources.rest_api.NAME]`.";

    USAGE_ARGUMENTS = "usage.arguments", Usage, "\
A flag, value or command is missing, unknown or contradicts another. `--help` after any command lists its flags; flags
of every command may stand before or after the command's name.";

    USAGE_DECLINED = "usage.declined", Declined, "\
The command changes data or state and asks first. The answer was no, or nobody could be asked: stdin is no terminal or
`--non-interactive` was given. Nothing was changed.

`--yes` goes ahead without asking; `--dry-run`, where a command has it, shows the plan only.";

    USAGE_FILE = "usage.file", Usage, "\
The file that the command line names cannot be used: it is not there, cannot be read, or has an ending that says nothing
about its format.";

    USAGE_OUTPUT = "usage.output", Usage, "\
`-o csv` and `-o md` print tables. The result of this command is a document: use `-o json`, `-o yaml`, or no `-o` for
text.";

    USAGE_UNKNOWN_CODE = "usage.unknown_code", NotFound, "\
`tipple explain` knows the codes that stand in brackets after `error`, for instance `source.file.missing`.
`tipple explain` without a code lists them all.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_dotted_words_and_all_are_explained() {
        assert!(
            ALL.is_sorted_by(|a, b| a.name < b.name),
            "sort the list by name"
        );
        for code in ALL {
            assert!(code.name.contains('.'), "{}", code.name);
            assert!(
                code.name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '.' || c == '_'),
                "{}",
                code.name
            );
            assert!(code.text.len() > 80, "{} needs a longer text", code.name);
            assert!(
                code.text.lines().all(|line| line.chars().count() <= 124),
                "{}",
                code.name
            );
        }
    }

    const FAMILIES: [&str; 7] = [
        "source.",
        "destination.",
        "pipeline.",
        "data.",
        "schema.",
        "package.",
        "config.",
    ];

    fn is_code(word: &str) -> bool {
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '.' || c == '_';
        let has_family = FAMILIES.iter().any(|family| word.starts_with(family));
        has_family && word.chars().all(is_plain)
    }

    #[test]
    fn every_code_that_a_library_gives_is_explained() {
        let sources = [
            include_str!("../../../source/src/error.rs"),
            include_str!("../../../source/src/pipeline_file.rs"),
            include_str!("../../../destination/src/error.rs"),
            include_str!("../../../destination/src/verify.rs"),
            include_str!("../../../files/src/input.rs"),
            include_str!("../../../files/src/find.rs"),
            include_str!("../../../files/src/resource.rs"),
            include_str!("../../../files/src/columnar.rs"),
            include_str!("../../../files/src/csv.rs"),
            include_str!("../../../files/src/json.rs"),
            include_str!("../../../files/src/json/whole.rs"),
            include_str!("../../../files/src/jsonl.rs"),
            include_str!("../../../files/src/modified.rs"),
            include_str!("../sources.rs"),
        ];
        for source in sources {
            for word in source.split('"').filter(|word| is_code(word)) {
                assert!(find(word).is_some(), "`{word}` has no text");
            }
        }
    }
}
