//! The order in which pages of all resources are taken: dlt's, as a machine without I/O.
//!
//! Types of columns depend on which value of a key is seen first, so the order is part of the result
//! (spec/rest-api.md §19.3). The machine knows generators of pages and says which one has to give its next page; whoever
//! drives it may let generators run ahead, the order stays. Pages are handles to it. Start with [`Schedule::step`].

/// Default of [`Order::generators_max`], as in dlt.
const GENERATORS_MAX: usize = 20;

/// A resource in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Resource whose items make its requests.
    pub parent: Option<usize>,
    /// Its items are wanted; otherwise it only feeds others.
    pub is_wanted: bool,
}

/// What has to happen next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<P> {
    /// Ask this generator for its next page, and tell [`Schedule::answer`].
    Ask {
        /// Number of the generator.
        generator: usize,
    },
    /// A generator is needed: the pages of `resource` for the items of `page`, or from the beginning without one.
    Start {
        /// Number of the new generator.
        generator: usize,
        /// Resource.
        resource: usize,
        /// Page of the parent.
        page: Option<P>,
    },
    /// The items of this page are due.
    Emit {
        /// Resource.
        resource: usize,
        /// Page.
        page: P,
    },
    /// Nothing is left.
    End,
}

/// One entry of the list that is gone through.
#[derive(Debug)]
enum Slot<P> {
    /// Gives pages of a resource when asked.
    Pages { generator: usize, resource: usize },
    /// Hands one page to the consumers of its resource, one at a call.
    FanOut {
        resource: usize,
        page: P,
        given: usize,
    },
}

/// The machine.
#[derive(Debug)]
pub struct Schedule<P> {
    /// Per resource: who takes its pages, itself among them when its items are wanted; empty for one without children.
    consumers: Vec<Vec<usize>>,
    slots: Vec<Slot<P>>,
    /// Generators that are to be announced, last one first.
    unannounced: Vec<Step<P>>,
    ready: Option<(usize, P)>,
    root_count: usize,
    index: usize,
    generator_count: usize,
    order: Order,
}

/// How generators take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The newest one is asked until it ends (`extract.next_item_mode: fifo`).
    pub is_fifo: bool,
    /// Generators beyond the roots above which the newest one is asked only (`extract.max_parallel_items`).
    pub generators_max: usize,
}

impl Default for Order {
    fn default() -> Self {
        Order {
            is_fifo: false,
            generators_max: GENERATORS_MAX,
        }
    }
}

/// The resources in the order in which dlt lists them: by rounds, parents before children (§19.2). `nodes` are in the
/// order of the configuration.
pub fn listing(nodes: &[Node]) -> Vec<usize> {
    let mut mentioned: Vec<usize> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        for mention in [Some(index), node.parent].into_iter().flatten() {
            if !mentioned.contains(&mention) {
                mentioned.push(mention);
            }
        }
    }
    let mut round: Vec<usize> = mentioned
        .into_iter()
        .filter(|index| nodes[*index].parent.is_none())
        .collect();
    let mut listed = Vec::with_capacity(nodes.len());
    while !round.is_empty() {
        let next = round.iter().flat_map(|parent| children_of(nodes, *parent));
        let next = next.collect();
        listed.append(&mut round);
        round = next;
    }
    listed
}

fn children_of(nodes: &[Node], parent: usize) -> impl Iterator<Item = usize> {
    (0..nodes.len()).filter(move |index| nodes[*index].parent == Some(parent))
}

impl<P: Clone> Schedule<P> {
    /// The machine for these resources, in the order of the configuration.
    pub fn new(nodes: &[Node], order: Order) -> Self {
        let mut schedule = Schedule {
            consumers: vec![Vec::new(); nodes.len()],
            slots: Vec::new(),
            unannounced: Vec::new(),
            ready: None,
            root_count: 0,
            index: 0,
            generator_count: 0,
            order,
        };
        let mut roots = Vec::new();
        let wanted = listing(nodes).into_iter().rev();
        for resource in wanted.filter(|resource| nodes[*resource].is_wanted) {
            let root = schedule.register(nodes, resource);
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        for root in &roots {
            schedule.start(*root, None);
        }
        schedule.unannounced.reverse();
        schedule.root_count = roots.len();
        schedule
    }

    /// Notes who takes pages on the way from a resource up to its root.
    fn register(&mut self, nodes: &[Node], resource: usize) -> usize {
        let mut current = resource;
        while let Some(parent) = nodes[current].parent {
            let takers = &mut self.consumers[parent];
            let itself = nodes[parent].is_wanted.then_some(parent);
            for taker in [Some(current), itself].into_iter().flatten() {
                if !takers.contains(&taker) {
                    takers.push(taker);
                }
            }
            current = parent;
        }
        current
    }

    fn start(&mut self, resource: usize, page: Option<P>) {
        let generator = self.generator_count;
        self.generator_count += 1;
        self.slots.push(Slot::Pages {
            generator,
            resource,
        });
        self.unannounced.push(Step::Start {
            generator,
            resource,
            page,
        });
    }

    /// What has to happen next. After [`Step::Ask`] call [`Schedule::answer`] first, unless the page that came has no
    /// row left after its filters: then it is passed over, as in dlt.
    pub fn step(&mut self) -> Step<P> {
        loop {
            if let Some(start) = self.unannounced.pop() {
                return start;
            }
            if let Some((resource, page)) = self.ready.take() {
                return Step::Emit { resource, page };
            }
            if self.slots.is_empty() {
                return Step::End;
            }
            self.advance();
            if let Slot::Pages { generator, .. } = self.slots[self.index] {
                return Step::Ask { generator };
            }
            self.hand_out();
        }
    }

    fn advance(&mut self) {
        let count = self.slots.len();
        let is_full = count - self.root_count.min(count) >= self.order.generators_max;
        self.index = if is_full || self.order.is_fifo {
            count - 1
        } else {
            (self.index + count - 1) % count
        };
    }

    /// One call of a fan-out generator.
    fn hand_out(&mut self) {
        let Slot::FanOut {
            resource,
            page,
            given,
        } = &mut self.slots[self.index]
        else {
            return;
        };
        let Some(taker) = self.consumers[*resource].get(*given).copied() else {
            self.remove();
            return;
        };
        *given += 1;
        let (resource, page) = (*resource, page.clone());
        if taker == resource {
            self.ready = Some((resource, page));
        } else {
            self.start(taker, Some(page));
        }
    }

    /// The answer to [`Step::Ask`]: a page, or nothing when the generator has ended.
    pub fn answer(&mut self, page: Option<P>) {
        let Slot::Pages { resource, .. } = self.slots[self.index] else {
            return;
        };
        match page {
            None => self.remove(),
            Some(page) if self.consumers[resource].is_empty() => {
                self.ready = Some((resource, page))
            }
            Some(page) => self.slots.push(Slot::FanOut {
                resource,
                page,
                given: 0,
            }),
        }
    }

    fn remove(&mut self) {
        self.slots.remove(self.index);
        if self.index < self.root_count {
            self.root_count -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
