//! Parameters of incremental cursors and what is remembered (spec/rest-api.md §13).

use crate::lab::Lab;

fn events(lab: &Lab, params: &str, incremental: &str) -> String {
    format!(
        "client: {{base_url: \"{}/g\"}}\nresources:\n  - name: events\n    primary_key: id\n    endpoint:\n      path: events\n      \
         params: {{rows: 10, page_size: 2{params}}}\n      paginator: {{type: page_number, base_page: 1}}\n      incremental: {{{incremental}}}\n",
        lab.mock.url()
    )
}

#[test]
fn the_second_run_asks_from_the_stored_value_and_loads_nothing_twice() {
    let lab = Lab::new();
    let text = events(
        &lab,
        ", by: seq, since: \"{incremental.start_value}\"",
        "cursor_path: seq, initial_value: 3",
    );
    let first = lab.read(&text);
    assert!(lab.queries().contains("since=3"), "{}", lab.queries());
    let seqs: Vec<i64> = first
        .rows("events")
        .iter()
        .map(|row| row["seq"].as_i64().unwrap())
        .collect();
    let newest = *seqs.iter().max().unwrap();
    assert!(seqs.iter().all(|seq| *seq >= 3));
    lab.mock.reset();
    let second = lab.read_with(&text, &first.states, None);
    assert_eq!(second.count("events"), 0);
    assert!(
        lab.queries().contains(&format!("since={newest}")),
        "{}",
        lab.queries()
    );
    assert_eq!(second.states[0]["incremental"]["seq"]["last_value"], newest);
    assert_eq!(
        second.states[0]["incremental"]["seq"]["unique_hashes"],
        first.states[0]["incremental"]["seq"]["unique_hashes"]
    );
}

#[test]
fn rows_are_filtered_even_if_the_api_passes_over_the_parameter() {
    let lab = Lab::new();
    let reading = lab.read(&events(&lab, "", "cursor_path: seq, initial_value: 8"));
    assert!(
        reading
            .rows("events")
            .iter()
            .all(|row| row["seq"].as_i64().unwrap() >= 8)
    );
    assert_eq!(lab.mock.requests().len(), 5);
}

#[test]
fn without_a_value_the_parameter_is_left_out() {
    let lab = Lab::new();
    lab.read(&events(
        &lab,
        ", by: seq, since: \"{incremental.start_value}\"",
        "cursor_path: seq",
    ));
    assert!(!lab.queries().contains("since"), "{}", lab.queries());
}

#[test]
fn newest_first_stops_at_the_first_old_row() {
    let lab = Lab::new();
    let text = events(
        &lab,
        ", by: seq, order: desc",
        "cursor_path: seq, initial_value: 6, row_order: desc",
    );
    let first = lab.read(&text);
    assert!(first.error.is_none(), "{:?}", first.error);
    let asked = lab.mock.requests().len();
    assert!(asked < 5, "{}", lab.queries());
    lab.mock.reset();
    let second = lab.read_with(&text, &first.states, None);
    assert_eq!((second.count("events"), lab.mock.requests().len()), (0, 1));
}

/// Children of four parents with a cursor for each of these.
fn kids(lab: &Lab, count: u32) -> String {
    format!(
        "client: {{base_url: \"{}/g\"}}\nresources:\n  - {{name: parents, endpoint: {{path: parents, data_selector: data, \
         paginator: {{type: page_number, base_page: 1}}}}}}\n  - name: kids\n    endpoint:\n      \
         path: \"parents/{{resources.parents.id}}/children\"\n      data_selector: data\n      paginator: single_page\n      \
         params: {{children: {count}, page_size: 9, since: \"{{incremental.start_value}}\"}}\n      \
         incremental: {{cursor_path: cid, initial_value: -1, per_parent: true}}\n",
        lab.mock.url()
    )
}

/// Values of the parameter `since`, in the order of the requests of the children.
fn since(lab: &Lab) -> Vec<i64> {
    let requests = lab.mock.requests();
    let mut asked: Vec<(String, i64)> = requests
        .iter()
        .filter_map(|entry| {
            let since = entry
                .query
                .split('&')
                .find_map(|pair| pair.strip_prefix("since="))?;
            Some((entry.path.clone(), since.parse().unwrap()))
        })
        .collect();
    asked.sort();
    asked.into_iter().map(|(_, since)| since).collect()
}

#[test]
fn each_parent_may_have_a_cursor_of_its_own() {
    let lab = Lab::new();
    let first = lab.read(&kids(&lab, 2));
    assert_eq!(first.count("kids"), 8);
    assert_eq!(since(&lab), [-1; 4]);
    let last: Vec<i64> = ["1", "2", "3", "4"]
        .map(|parent| {
            let entry = &first.states[1]["parents"][parent]["incremental"]["cid"];
            entry["last_value"].as_i64().unwrap()
        })
        .to_vec();
    assert!(last.is_sorted() && last[0] < last[1], "{last:?}");
    // A third child of the first parent is older than the second one of the last: one cursor for all would drop it.
    lab.mock.reset();
    let second = lab.read_with(&kids(&lab, 3), &first.states, None);
    assert_eq!(since(&lab), last);
    let mut new: Vec<i64> = second
        .rows("kids")
        .iter()
        .map(|row| row["cid"].as_i64().unwrap())
        .collect();
    new.sort_unstable();
    assert_eq!(new, last.iter().map(|last| last + 1).collect::<Vec<_>>());
    lab.mock.reset();
    let third = lab.read_with(&kids(&lab, 3), &second.states, None);
    assert_eq!(third.count("kids"), 0);
    assert_eq!(since(&lab), new);
}
