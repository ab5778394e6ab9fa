//! The graph of resources: parents by name, cycles, order (spec/rest-api.md §6.1, §19.2).

use tipple_source::fields::{join, nearest, quoted_list};

use super::Reader;
use super::resource::Unlinked;
use crate::model::RestResource;
use crate::schedule::{Node, listing};

impl Reader<'_> {
    /// The resources in dlt's order, parents by index. Empty after a mistake in the graph.
    pub(super) fn linked(&mut self, unlinked: Vec<Unlinked>) -> Vec<RestResource> {
        let names: Vec<String> = unlinked
            .iter()
            .map(|one| one.resource.spec.name.clone())
            .collect();
        let mut parents = Vec::with_capacity(unlinked.len());
        let mut is_whole = true;
        for one in &unlinked {
            let parent = one.resource.parent.as_ref().map(|link| link.name.as_str());
            let found = parent.map(|parent| names.iter().position(|name| name == parent));
            if let (Some(None), Some(parent)) = (found, parent) {
                is_whole = false;
                self.unknown_parent(parent, &names, &one.path);
            }
            parents.push(found.flatten());
        }
        is_whole &= self.check_cycles(&unlinked, &parents, &names);
        if !is_whole {
            return Vec::new();
        }
        let nodes: Vec<Node> = unlinked
            .iter()
            .zip(&parents)
            .map(|(one, parent)| Node {
                parent: *parent,
                is_wanted: one.resource.is_selected,
            })
            .collect();
        let order = listing(&nodes);
        let mut slots: Vec<Option<RestResource>> =
            unlinked.into_iter().map(|one| Some(one.resource)).collect();
        let mut resources = Vec::with_capacity(slots.len());
        for index in &order {
            let Some(mut resource) = slots[*index].take() else {
                continue;
            };
            if let (Some(link), Some(parent)) = (&mut resource.parent, parents[*index]) {
                link.resource = order
                    .iter()
                    .position(|listed| *listed == parent)
                    .unwrap_or_default();
            }
            resources.push(resource);
        }
        resources
    }

    fn unknown_parent(&mut self, parent: &str, names: &[String], path: &str) {
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let message = format!("its parent `{parent}` is no resource of this file");
        let help = match nearest(parent, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("resources: {}", quoted_list(&known)),
        };
        self.problems
            .add_with_help(join(path, "endpoint"), message, help);
    }

    /// Tells each cycle once, at its first resource.
    fn check_cycles(
        &mut self,
        unlinked: &[Unlinked],
        parents: &[Option<usize>],
        names: &[String],
    ) -> bool {
        let mut told: Vec<usize> = Vec::new();
        for (start, one) in unlinked.iter().enumerate() {
            let mut chain = vec![start];
            let mut at = start;
            while let Some(parent) = parents[at] {
                if parent == start || chain.contains(&parent) {
                    break;
                }
                chain.push(parent);
                at = parent;
            }
            if parents[at] != Some(start) || chain.iter().any(|index| told.contains(index)) {
                continue;
            }
            told.extend(&chain);
            chain.push(start);
            let circle: Vec<String> = chain
                .iter()
                .map(|index| format!("`{}`", names[*index]))
                .collect();
            let message = format!(
                "resources wait for one another in a circle: {}",
                circle.join(" ← ")
            );
            let help = "one of them must be loaded without the others";
            self.problems
                .add_with_help(join(&one.path, "endpoint"), message, help);
        }
        told.is_empty()
    }
}
