//! What is remembered at the destination: cursors, schemas; and how it is forgotten.

use serde_json::{Value, json};
use tipple_destination::{SystemNames, Target};
use tipple_pipeline::{DropRequest, Refresh, RunOptions};

use crate::lab::{Lab, of_rows};

/// A resource that remembers its largest id.
fn cursor(name: &str) -> Value {
    json!({"name": name, "primary_key": "id", "incremental": {"cursor_path": "id"}})
}

fn ids(ids: impl IntoIterator<Item = i64>) -> Vec<Value> {
    ids.into_iter()
        .map(|id| json!({"id": id, "l": [id]}))
        .collect()
}

pub(super) fn second_machine_goes_on(lab: &Lab) {
    lab.load(&cursor("t"), &ids(1..=3));
    lab.setup()
        .on_machine("second")
        .load(&cursor("t"), &ids(2..=5));
    lab.expect("t", "id", &["1", "2", "3", "4", "5"]);
    // The first machine learns of it.
    lab.load(&cursor("t"), &ids(1..=6));
    lab.expect("t", "id", &["1", "2", "3", "4", "5", "6"]);
}

pub(super) fn second_machine_knows_the_schema(lab: &Lab) {
    let t = json!({"name": "t"});
    lab.load(&t, &[json!({"v": 1})]);
    lab.setup()
        .on_machine("second")
        .load(&t, &[json!({"v": "text"})]);
    lab.expect("t", "v v__v_text", &["1 | ∅", "∅ | text"]);
}

pub(super) fn two_pipelines_have_two_states(lab: &Lab) {
    let [ants, bees] = ["ants", "bees"].map(|name| lab.setup().named(name));
    ants.load(&cursor("a"), &ids(1..=5));
    bees.load(&cursor("b"), &ids(1..=2));
    let bees = bees.on_machine("second");
    bees.load(&cursor("b"), &ids(1..=4));
    lab.expect("b", "id", &["1", "2", "3", "4"]);
}

pub(super) fn local_state_is_kept(lab: &Lab) {
    let setup = lab.setup();
    setup.load(&cursor("t"), &ids(1..=2));
    let offline = setup
        .clone()
        .with(|settings| settings.restore_from_destination = false);
    offline.load(&cursor("t"), &ids(1..=3));
    setup.load(&cursor("t"), &ids(1..=4));
    lab.expect("t", "id", &["1", "2", "3", "4"]);
}

/// Two resources with a cursor each, then both again with a refresh of `resources`.
fn refresh(lab: &Lab, mode: Refresh, resources: &[&str]) {
    let run = |options: &RunOptions| {
        let rows = ids(1..=2);
        let both = vec![of_rows(&cursor("a"), &rows), of_rows(&cursor("b"), &rows)];
        lab.setup().run(both, options).unwrap();
    };
    run(&RunOptions::default());
    lab.load(&cursor("a"), &[json!({"id": 3, "more": 1})]);
    let resources = resources.iter().map(|name| (*name).to_owned()).collect();
    run(&RunOptions {
        refresh: Some(mode),
        resources,
        ..RunOptions::default()
    });
}

pub(super) fn refresh_drops_sources(lab: &Lab) {
    refresh(lab, Refresh::DropSources, &[]);
    lab.expect("a", "id", &["1", "2"]);
    lab.expect("b", "id", &["1", "2"]);
    assert!(!lab.columns("a").contains(&"more".to_owned()));
}

pub(super) fn refresh_drops_resources(lab: &Lab) {
    refresh(lab, Refresh::DropResources, &["a"]);
    lab.expect("a", "id", &["1", "2"]);
    lab.expect("a__l", "value", &["1", "2"]);
    lab.expect("b", "id", &["1", "2"]);
    assert!(!lab.columns("a").contains(&"more".to_owned()));
}

pub(super) fn refresh_drops_data(lab: &Lab) {
    refresh(lab, Refresh::DropData, &["a"]);
    lab.expect("a", "id more", &["1 | ∅", "2 | ∅"]);
    lab.expect("b", "id", &["1", "2"]);
}

pub(super) fn resources_are_dropped(lab: &Lab) {
    lab.load(&cursor("a"), &ids(1..=2));
    lab.load(&cursor("b"), &ids(1..=2));
    let request = DropRequest {
        resources: vec!["a".to_owned()],
        ..DropRequest::default()
    };
    lab.setup().open().drop_resources(&request).unwrap();
    assert_eq!(lab.tables(Target::Final), ["b", "b__l"]);
    lab.load(&cursor("a"), &ids(1..=2));
    lab.expect("a", "id", &["1", "2"]);
}

pub(super) fn schema_versions_are_kept(lab: &Lab) {
    let t = json!({"name": "t"});
    lab.load(&t, &[json!({"a": 1})]);
    let first = lab.stored_schema();
    lab.load(&t, &[json!({"a": 2})]);
    assert_eq!(lab.stored_schema().version_hash, first.version_hash);
    lab.load(&t, &[json!({"a": 2, "b": 3})]);
    let second = lab.stored_schema();
    assert!(second.version > first.version);
    let hashes = lab.rows("_dlt_version", "version_hash");
    let mut once = hashes.clone();
    once.dedup();
    assert_eq!(hashes, once);
    let names = SystemNames::default();
    let has = lab.with_client(async |client| {
        client
            .has_schema_version(Target::Final, &names, &first.version_hash)
            .await
    });
    assert!(has.unwrap());
}
