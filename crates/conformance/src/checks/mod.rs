//! The list of checks, and the macro that makes tests of them.
//!
//! One file for each area. A check is a function that panics when its promise does not hold; the line beside its name in
//! [`CHECKS`] says what must hold and is what people read in the table of results. Names are never reused.

mod dispositions;
mod evolution;
mod loads;
mod merge;
mod naming;
mod state;
mod types;

use tipple_destination::{MergeStrategy, ReplaceStrategy};

use crate::verdict::{Check, Need};

/// Makes [`CHECKS`] and `conformance_suite!`; `$d` is a dollar sign for the inner macro.
macro_rules! suite {
    (($d:tt) $($area:ident { $($name:ident [$($need:expr),*] $what:literal)* })*) => {
        /// All checks.
        pub const CHECKS: &[Check] = &[$($(
            Check {
                name: stringify!($name),
                area: stringify!($area),
                what: $what,
                needs: &[$($need),*],
                run: $area::$name,
            },
        )*)*];

        /// Makes one test of each check for the destination behind a `Harness`. Call it in a module of its own.
        #[macro_export]
        macro_rules! conformance_suite {
            ($d harness:ty) => {
                $($(
                    #[test]
                    fn $name() {
                        $crate::check::<$d harness>(stringify!($name), module_path!());
                    }
                )*)*

                #[test]
                fn child() {
                    $crate::child::<$d harness>();
                }

                #[test]
                fn the_list_of_checks_is_written() {
                    $crate::write_list::<$d harness>();
                }
            };
        }
    };
}

suite! {
    ($)
    types {
        bigints_at_their_limits [] "the smallest and the largest 64-bit integer come back as they are"
        bigints_with_precision [] "columns of 16 and 32 bits hold their limits"
        doubles_at_their_limits [] "the largest, the smallest and odd doubles come back to the last bit"
        doubles_that_are_no_numbers [] "NaN and both infinities come back"
        bools [] "true and false come back"
        decimals_at_full_precision [] "38 digits with 9 behind the point come back, negative ones too"
        decimals_with_precision [] "a decimal with its own precision and scale keeps all its digits"
        wei_at_full_precision [] "a whole number of 38 digits, or as many as the type has, comes back"
        timestamps_with_zone [] "timestamps keep their microseconds and are the same instant in UTC"
        timestamps_at_their_limits [] "the years 1 and 9999 come back"
        timestamps_without_zone [Need::NaiveTimestamps] "timestamps without a zone keep their wall clock"
        timestamps_with_nanoseconds [Need::Nanoseconds] "two moments one nanosecond apart stay different"
        dates_at_their_limits [] "the first day of year 1, the last of 9999 and a leap day come back"
        times [] "midnight and the last microsecond of a day come back"
        binary [] "all 256 bytes and no bytes at all come back"
        json [] "documents come back with their nesting, nulls and unicode"
        text_of_every_kind [] "unicode, emoji, quotes, backslashes, line ends and blanks come back"
        text_with_nul [] "NUL characters are kept where text can hold them, left out elsewhere"
        text_that_is_very_long [Need::LongText] "a text of ten million characters comes back"
        empty_text_is_not_null [] "an empty text is not null"
        nulls_of_every_type [] "a missing value is null, whatever the type"
        columns_by_the_thousand [] "a table of 1,500 columns is made, filled and grows by a hundred"
        rows_in_many_batches [] "a hundred thousand rows in many pages arrive once each"
        arrow_rows [] "rows that are columns already arrive like others"
    }
    dispositions {
        append [] "rows are added to what is there"
        append_nested [] "children point to their parents over three levels, in their order"
        replace_truncate_and_insert [] "a replaced table holds the new rows alone, with `truncate-and-insert`"
        replace_insert_from_staging [Need::Replace(ReplaceStrategy::InsertFromStaging)] "the same with `insert-from-staging`"
        replace_staging_optimized [Need::Replace(ReplaceStrategy::StagingOptimized)] "the same with `staging-optimized`, twice in a row"
        replace_by_nothing [] "a replaced resource without rows leaves its tables empty"
        replace_grows_a_column [Need::Replace(ReplaceStrategy::InsertFromStaging)] "a replaced table that is staged gets a new column"
        three_dispositions_in_one_load [Need::Merge(MergeStrategy::DeleteInsert)] "appended, replaced and merged tables share a load"
    }
    merge {
        delete_insert_by_primary_key [Need::Merge(MergeStrategy::DeleteInsert)] "rows with a known key take the place of the old ones, with their children"
        delete_insert_by_compound_key [Need::Merge(MergeStrategy::DeleteInsert)] "a key of two columns is one key"
        delete_insert_by_merge_key [Need::Merge(MergeStrategy::DeleteInsert)] "all rows with a staged merge key are replaced"
        delete_insert_by_both_keys [Need::Merge(MergeStrategy::DeleteInsert)] "rows that match either key are replaced"
        delete_insert_without_keys [Need::Merge(MergeStrategy::DeleteInsert)] "without a key rows are added"
        delete_insert_removes_duplicates [Need::Merge(MergeStrategy::DeleteInsert)] "of several staged rows of a key one arrives, with its own children alone"
        delete_insert_sorts_duplicates [Need::Merge(MergeStrategy::DeleteInsert)] "`dedup_sort` decides which staged row of a key arrives"
        delete_insert_hard_delete [Need::Merge(MergeStrategy::DeleteInsert)] "a key marked as deleted goes, with its children"
        delete_insert_hard_delete_by_time [Need::Merge(MergeStrategy::DeleteInsert)] "a mark that is no boolean deletes when it is not null"
        delete_insert_filter [Need::Merge(MergeStrategy::DeleteInsert)] "staged rows that a filter leaves out change nothing"
        delete_insert_scope [Need::Merge(MergeStrategy::DeleteInsert)] "a condition says which rows are replaced"
        delete_insert_three_levels [Need::Merge(MergeStrategy::DeleteInsert)] "grandchildren follow their root row"
        null_keys_match_nothing [Need::Merge(MergeStrategy::DeleteInsert)] "rows whose merge key is null are left alone"
        upsert [Need::Merge(MergeStrategy::Upsert)] "known keys change, new keys come in, others stay"
        upsert_nested [Need::Merge(MergeStrategy::Upsert)] "elements that left their list go, others change in place"
        upsert_hard_delete [Need::Merge(MergeStrategy::Upsert)] "known keys marked as deleted go, with their children"
        upsert_unchanged_rows [Need::Merge(MergeStrategy::Upsert)] "rows that did not change keep their load id when asked for"
        insert_only [Need::Merge(MergeStrategy::InsertOnly)] "known keys stay as they are, new ones come in"
        cdc [Need::Merge(MergeStrategy::Cdc)] "keys that the snapshot lacks go, in its partition alone"
        scd2 [Need::Merge(MergeStrategy::Scd2)] "a changed row closes its version and opens the next, a missing one closes"
        scd2_value_returns [Need::Merge(MergeStrategy::Scd2)] "a value that comes back opens a third version"
        scd2_nested [Need::Merge(MergeStrategy::Scd2)] "children of a new version come in, those of old ones stay"
        scd2_merge_key [Need::Merge(MergeStrategy::Scd2)] "with a merge key only versions of staged keys close"
    }
    evolution {
        new_column [] "a column joins a table with rows; old rows have null"
        new_columns_at_once [] "several columns of several types join in one load"
        new_table [] "a table joins a dataset"
        variant_column [] "a value of another type gets a column of its own"
        column_typed_later [] "a column that was only null is made with its first value"
        list_comes_later [] "a list in rows that had none becomes a child table"
        staged_table_grows [Need::Merge(MergeStrategy::DeleteInsert)] "columns join the staging table as well"
        not_null_column [] "a required column refuses nulls in the destination's catalog"
        frozen_columns [] "a contract that freezes columns refuses the load and changes nothing"
        discarded_rows [] "a contract that discards rows leaves out rows with new columns"
        discarded_values [] "a contract that discards values leaves out new columns alone"
        frozen_tables [] "a contract that freezes tables refuses a new one"
    }
    naming {
        names_in_snake_case [] "names with capitals, blanks and signs become snake case"
        names_as_they_are [] "the convention `direct` keeps blanks, capitals, dots, ticks and backslashes"
        reserved_words [] "tables and columns named like words of SQL work, staged too"
        names_that_are_too_long [] "names beyond the limit are cut and stay different"
        names_that_differ_by_case [Need::CaseInsensitive] "two names that are one at the destination are refused before anything runs"
        names_that_differ_by_case_alone [Need::CaseSensitive] "two names that differ by case alone are two columns"
        dataset_with_capitals [] "a dataset named with capitals and blanks is normalized"
    }
    loads {
        nothing_to_load [] "a resource without rows makes no table"
        receipts [] "every load has one receipt with status 0 and the hash of a stored schema"
        rows_carry_their_load [] "rows carry the id of the load that brought them"
        committed_twice [] "the same commit again changes nothing and says so"
        all_or_nothing [Need::Transactions] "a load that fails at its last statement leaves no row, no state and no receipt"
        failed_load_goes_on [] "a package whose load failed is loaded by the next run"
        killed_between_calls [] "a process killed before any call to the destination loses and doubles nothing"
        killed_at_disk_steps [] "a process killed at any step on disk loses and doubles nothing"
        two_pipelines_at_once [] "two pipelines load into one dataset at the same time"
        staging_is_left_empty [Need::Merge(MergeStrategy::DeleteInsert)] "with `truncate_staging_dataset` no staged row is left"
        no_table_is_left_behind [Need::Merge(MergeStrategy::DeleteInsert)] "merges leave no temporary table behind"
        readers_cannot_write [] "a read-only session reads, and can neither write nor drop"
        nothing_is_there [] "an empty place has no dataset, schema, state or receipt"
    }
    state {
        second_machine_goes_on [] "another working folder takes the cursor from the destination and goes on"
        second_machine_knows_the_schema [] "another working folder takes the schema from the destination"
        two_pipelines_have_two_states [] "pipelines of one dataset do not see each other's state"
        local_state_is_kept [] "a working folder that is newer than the destination keeps its state"
        refresh_drops_sources [] "`drop_sources` drops all tables and the state of the source"
        refresh_drops_resources [] "`drop_resources` drops the tables and the state of the chosen resource alone"
        refresh_drops_data [] "`drop_data` empties the tables of the chosen resource and keeps their columns"
        resources_are_dropped [] "dropping a resource removes its tables, children included, and its cursor"
        schema_versions_are_kept [] "each version of the schema is stored once, the newest is read back"
    }
}
