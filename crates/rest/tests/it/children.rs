//! Dependent resources: requests from rows of a parent (spec/rest-api.md §§6, 7, 19).

use crate::lab::Lab;

fn family(lab: &Lab, child: &str) -> String {
    format!(
        "client: {{base_url: \"{}/g\", paginator: {{type: page_number, base_page: 1}}}}\n\
         resource_defaults: {{endpoint: {{data_selector: data}}}}\n\
         resources:\n  - {{name: parents, endpoint: {{path: parents, params: {{rows: 4}}}}}}\n{child}",
        lab.mock.url()
    )
}

#[test]
fn every_parent_is_asked_for_once_and_its_rows_carry_its_fields() {
    let lab = Lab::new();
    let child = "  - {name: kids, include_from_parent: [id], endpoint: \"parents/{resources.parents.id}/children\"}\n";
    let reading = lab.read(&family(&lab, child));
    assert_eq!((reading.count("parents"), reading.count("kids")), (4, 8));
    let parents: Vec<String> = reading
        .rows("kids")
        .iter()
        .map(|row| row["_parents_id"].to_string())
        .collect();
    // Rows 1 and 2 are on the first page of the parents, 3 and 4 on the second; their children take turns.
    assert_eq!(parents, ["1", "1", "3", "3", "2", "2", "4", "4"]);
    let requests = lab.mock.requests();
    let children = requests
        .iter()
        .filter(|entry| entry.path.ends_with("children"));
    assert_eq!((children.count(), requests.len()), (4, 6));
}

#[test]
fn pages_come_in_the_order_of_dlt() {
    let lab = Lab::new();
    let child = "  - {name: kids, endpoint: {path: \"parents/{resources.parents.id}/children\", params: {page_size: 1}}}\n";
    let reading = lab.read(&family(&lab, child));
    let order: Vec<String> = reading
        .pages
        .iter()
        .map(|(name, rows)| {
            format!(
                "{}{}",
                &name[..1],
                rows[0].get("id").or(rows[0].get("cid")).unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(order.join(" "));
}

#[test]
fn grandchildren_carry_the_prefix_of_their_parents_again() {
    let lab = Lab::new();
    let child = "  - {name: kids, include_from_parent: [id], endpoint: \"parents/{resources.parents.id}/children\"}\n  \
                 - {name: toys, include_from_parent: [_parents_id, cid], endpoint: \"parents/{resources.kids._parents_id}/children/{resources.kids.cid}/toys\"}\n";
    let reading = lab.read(&family(&lab, child));
    assert_eq!(reading.count("kids"), 8);
    let toy = &reading.rows("toys")[0];
    assert!(
        toy.get("_kids__parents_id").is_some() && toy.get("_kids_cid").is_some(),
        "{toy}"
    );
}

#[test]
fn a_parent_that_is_not_selected_only_feeds() {
    let lab = Lab::new();
    let text = family(
        &lab,
        "  - {name: kids, endpoint: \"parents/{resources.parents.id}/children\"}\n",
    )
    .replace("{name: parents,", "{name: parents, selected: false,");
    let reading = lab.read(&text);
    assert_eq!(reading.rows("parents").len(), 0);
    assert_eq!(reading.count("kids"), 8);
}

#[test]
fn values_of_the_parent_keep_their_type_in_json_and_become_text_elsewhere() {
    let lab = Lab::new();
    let child = "  - name: echo\n    endpoint:\n      path: echo\n      method: post\n      data_selector: $\n      paginator: single_page\n      \
                 params: {pid: \"{resources.parents.id}\", mix: \"a-{resources.parents.id}-b\"}\n      \
                 json: {ids: [\"{resources.parents.id}\"], s: \"x{resources.parents.id}\"}\n";
    let reading = lab.read(&family(&lab, child));
    assert_eq!(reading.count("echo"), 4);
    let first = &reading.rows("echo")[0];
    assert_eq!(first["query"], "pid=1&mix=a-1-b");
    assert_eq!(first["body"].to_string(), r#"{"ids":[1],"s":"x1"}"#);
}

#[test]
fn children_are_requested_side_by_side_within_the_budget_and_come_in_order() {
    let lab = Lab::new();
    lab.mock.set_latency(std::time::Duration::from_millis(20));
    let text = family(&lab, "  - {name: kids, include_from_parent: [id], endpoint: \"parents/{resources.parents.id}/children\"}\n")
        .replace("rows: 4", "rows: 40, page_size: 40")
        .replace("/g\",", "/g\", http: {max_concurrency: 3},");
    let reading = lab.read(&text);
    assert_eq!(reading.count("kids"), 80);
    let parents: Vec<i64> = reading
        .rows("kids")
        .iter()
        .map(|row| row["_parents_id"].as_i64().unwrap())
        .collect();
    assert!(parents.is_sorted());
    let stats = lab.mock.stats();
    assert!(
        (2..=3).contains(&stats.concurrent_max),
        "{}",
        stats.concurrent_max
    );
}

#[test]
fn parallel_children_come_as_they_are_done_unless_the_order_is_to_be_kept() {
    let slow = r#"{"match":"GET /g/parents/1/children","do":{"delay_ms":600}}"#;
    let kids = "  - {name: kids, parallelized: true, include_from_parent: [id], endpoint: \"parents/{resources.parents.id}/children\"}\n";
    let parents = |is_deterministic: bool| {
        let lab = Lab {
            is_deterministic,
            ..Lab::new().faults(slow)
        };
        let text = family(&lab, kids).replace("rows: 4", "rows: 9, page_size: 9");
        let reading = lab.read(&text);
        assert_eq!(reading.count("kids"), 18);
        let rows = reading.rows("kids");
        let ids = rows.iter().map(|row| row["_parents_id"].as_i64().unwrap());
        ids.collect::<Vec<_>>()
    };
    assert!(parents(true).is_sorted());
    let free = parents(false);
    assert_eq!(
        free[16..],
        [1, 1],
        "the slow one does not hold the others up"
    );
}

#[test]
fn a_missing_field_of_the_parent_is_an_error_or_passed_over() {
    let lab = Lab::new();
    let child = "  - {name: kids, endpoint: \"parents/{resources.parents.nothing}/children\"}\n";
    insta::assert_snapshot!(lab.read(&family(&lab, child)).shown_error(&lab));
    let skipping = child.replace("kids,", "kids, on_missing_parent_field: skip,");
    let reading = lab.read(&family(&lab, &skipping));
    assert_eq!((reading.count("parents"), reading.count("kids")), (4, 0));
    assert_eq!(reading.warnings.len(), 1, "{:?}", reading.warnings);
}

#[test]
fn rows_of_the_configuration_seed_children() {
    let lab = Lab::new();
    let text = format!(
        "client: {{base_url: \"{}/g\"}}\nresources:\n  - {{name: seeds, rows: [{{id: 1}}, {{id: 3}}], selected: false}}\n  \
         - {{name: kids, include_from_parent: [id], endpoint: {{path: \"parents/{{resources.seeds.id}}/children\", data_selector: data, paginator: single_page}}}}\n",
        lab.mock.url()
    );
    let reading = lab.read(&text);
    let parents: Vec<String> = reading
        .rows("kids")
        .iter()
        .map(|row| row["_seeds_id"].to_string())
        .collect();
    assert_eq!(parents, ["1", "1", "3", "3"]);
}
