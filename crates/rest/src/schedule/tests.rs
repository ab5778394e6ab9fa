//! The order of pages is that of dlt's model.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// Pages by resource: of a root, and for each page of the parent. Handles are paths such as `0.1/2.0`.
fn run(nodes: &[Node], page_counts: &[usize]) -> (Vec<String>, Vec<String>) {
    let mut schedule: Schedule<String> = Schedule::new(nodes, Order::default());
    let mut generators: HashMap<usize, (String, usize, usize)> = HashMap::new();
    let (mut asked, mut emitted) = (Vec::new(), Vec::new());
    loop {
        match schedule.step() {
            Step::Start {
                generator,
                resource,
                page,
            } => {
                let prefix = page.map(|page| format!("{page}/")).unwrap_or_default();
                generators.insert(generator, (format!("{prefix}{resource}"), resource, 0));
            }
            Step::Ask { generator } => {
                let (name, resource, given) = generators.get_mut(&generator).unwrap();
                let has_more = *given < page_counts[*resource];
                let page = has_more.then(|| format!("{name}.{given}"));
                *given += 1;
                asked.extend(page.clone());
                schedule.answer(page);
            }
            Step::Emit { page, .. } => emitted.push(page),
            Step::End => return (asked, emitted),
        }
    }
}

fn node(parent: Option<usize>) -> Node {
    Node {
        parent,
        is_wanted: true,
    }
}

#[test]
fn two_pages_of_a_parent_are_fetched_before_the_first_child() {
    let (asked, emitted) = run(&[node(None), node(Some(0))], &[3, 2]);
    assert_eq!(asked[..3], ["0.0", "0.1", "0.0/1.0"]);
    assert_eq!(emitted.len(), 3 + 3 * 2);
}

#[test]
fn roots_are_asked_in_turn_from_the_first() {
    let (asked, _) = run(&[node(None), node(None)], &[2, 2]);
    // The list is filled from the last to the first and gone through from its end.
    assert_eq!(asked, ["0.0", "1.0", "0.1", "1.1"]);
}

#[test]
fn a_parent_that_is_not_wanted_only_feeds() {
    let parent = Node {
        parent: None,
        is_wanted: false,
    };
    let (asked, emitted) = run(&[parent, node(Some(0))], &[1, 1]);
    assert_eq!(asked, ["0.0", "0.0/1.0"]);
    assert_eq!(emitted, ["0.0/1.0"]);
}

#[test]
fn listing_goes_by_rounds_and_first_mention() {
    // c(of p2), p1, p2, d(of p1)
    let nodes = [node(Some(2)), node(None), node(None), node(Some(1))];
    assert_eq!(listing(&nodes), [2, 1, 0, 3]);
}

#[test]
fn fifo_finishes_the_newest_generator_first() {
    let fifo = Order {
        is_fifo: true,
        ..Order::default()
    };
    let mut schedule: Schedule<u32> = Schedule::new(&[node(None), node(None)], fifo);
    let mut asks = Vec::new();
    let mut left = [2, 2];
    loop {
        match schedule.step() {
            Step::Ask { generator } => {
                let page = (left[generator] > 0).then_some(0);
                if page.is_some() {
                    left[generator] -= 1;
                    asks.push(generator);
                }
                schedule.answer(page);
            }
            Step::End => break,
            _ => {}
        }
    }
    assert_eq!(asks, [1, 1, 0, 0]);
}

/// What the rules of spec/rest-api.md §19.3 say, written a second time: one list of closures that act when asked.
fn model(nodes: &[Node], page_counts: &[usize]) -> Vec<String> {
    #[derive(Clone)]
    enum Item {
        Gen(usize, String, usize),
        Fan(usize, String, Vec<usize>),
    }
    let order = listing(nodes);
    let mut consumers: Vec<Vec<usize>> = vec![vec![]; nodes.len()];
    let mut list: Vec<Item> = Vec::new();
    let mut in_list = vec![false; nodes.len()];
    for resource in order.iter().rev().copied() {
        if !nodes[resource].is_wanted {
            continue;
        }
        let mut at = resource;
        while let Some(parent) = nodes[at].parent {
            if !consumers[parent].contains(&at) {
                consumers[parent].push(at);
            }
            if nodes[parent].is_wanted && !consumers[parent].contains(&parent) {
                consumers[parent].push(parent);
            }
            at = parent;
        }
        if !in_list[at] {
            in_list[at] = true;
            list.push(Item::Gen(at, at.to_string(), 0));
        }
    }
    let (mut base, mut index, mut emitted) = (list.len(), 0_i64, Vec::new());
    while !list.is_empty() {
        let length = list.len() as i64;
        index = if length - base as i64 >= 20 {
            length - 1
        } else {
            (index - 1).rem_euclid(length)
        };
        let at = index as usize;
        let mut new = None;
        let is_over = match &mut list[at] {
            Item::Gen(resource, name, given) if *given < page_counts[*resource] => {
                let page = format!("{name}.{given}");
                *given += 1;
                match consumers[*resource].is_empty() {
                    true => emitted.push(page),
                    false => new = Some(Item::Fan(*resource, page, consumers[*resource].clone())),
                }
                false
            }
            Item::Fan(resource, page, takers) if !takers.is_empty() => {
                let taker = takers.remove(0);
                match taker == *resource {
                    true => emitted.push(page.clone()),
                    false => new = Some(Item::Gen(taker, format!("{page}/{taker}"), 0)),
                }
                false
            }
            _ => true,
        };
        list.extend(new);
        if is_over {
            list.remove(at);
            base -= usize::from(at < base);
        }
    }
    emitted
}

prop_compose! {
    /// Graphs in which every parent is another resource and there is no cycle.
    fn graph()(count in 1_usize..7)(
        parents in prop::collection::vec(prop::option::of(0_usize..100), count),
        wanted in prop::collection::vec(prop::bool::weighted(0.8), count),
        counts in prop::collection::vec(0_usize..4, count),
        is_reversed in any::<bool>(),
    ) -> (Vec<Node>, Vec<usize>) {
        let count = parents.len();
        let parent_of = |index: usize| match parents[index] {
            Some(parent) if index > 0 => Some(parent % index),
            _ => None,
        };
        let mut nodes: Vec<Node> = (0..count)
            .map(|index| Node { parent: parent_of(index), is_wanted: wanted[index] })
            .collect();
        if is_reversed {
            let turned = |index: usize| count - 1 - index;
            nodes = nodes.into_iter().rev()
                .map(|node| Node { parent: node.parent.map(turned), ..node })
                .collect();
        }
        (nodes, counts)
    }
}

proptest! {
    #[test]
    fn the_machine_agrees_with_the_rules((nodes, counts) in graph()) {
        let (_, emitted) = run(&nodes, &counts);
        prop_assert_eq!(emitted, model(&nodes, &counts));
    }

    #[test]
    fn every_page_is_asked_once_and_every_wanted_one_emitted_once((nodes, counts) in graph()) {
        let (asked, emitted) = run(&nodes, &counts);
        let mut unique = asked.clone();
        unique.sort();
        unique.dedup();
        prop_assert_eq!(unique.len(), asked.len());
        let is_wanted = |page: &&String| {
            let last = page.rsplit('/').next().unwrap_or_default();
            nodes[last.split('.').next().unwrap().parse::<usize>().unwrap()].is_wanted
        };
        let mut wanted: Vec<&String> = asked.iter().filter(is_wanted).collect();
        let mut emitted: Vec<&String> = emitted.iter().collect();
        wanted.sort();
        emitted.sort();
        prop_assert_eq!(wanted, emitted);
    }
}
