//! The search for an operation: a tree of path segments with back-tracking.
//!
//! At every segment a literal is tried before a parameter and a parameter before a greedy one,
//! and what is found only counts when it also has the method, or `ANY`; else the search goes
//! back and tries the next. Each node of the tree belongs to one segment of the path, so it is
//! entered at most once in a search: going back is bounded by the size of the tree, and where no
//! literal stands beside a parameter it does not happen at all.
//!
//! A routing crate would do if one had these rules. `matchit` refuses a parameter and a greedy
//! parameter side by side (`/{id}` and `/{proxy+}`), which API Gateway allows, and matches `str`
//! only, while a request path is bytes.

use std::collections::HashMap;

use attache_model::Verb;

use super::template::{Segment, trimmed};

/// All operations of one API by path and method.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// The nodes behind a literal segment. Keyed by hash, so that the cost does not depend on
    /// how many siblings there are.
    literals: HashMap<Box<[u8]>, usize>,
    /// The node behind `{name}`. Names play no part in matching.
    parameter: Option<usize>,
    /// The operations of `{name+}`.
    greedy: Methods,
    /// The operations of the resource itself.
    methods: Methods,
}

/// The operations of one resource.
#[derive(Debug, Default)]
struct Methods(Vec<(Verb, usize)>);

impl Methods {
    /// A method of the resource's own wins over `ANY`.
    fn get(&self, verb: Verb) -> Option<usize> {
        let exactly = |wanted| {
            self.0
                .iter()
                .find(|(candidate, _)| *candidate == wanted)
                .map(|(_, operation)| *operation)
        };
        exactly(verb).or_else(|| exactly(Verb::Any))
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }
}

impl Tree {
    /// Adds an operation. When one with the same method and the same shape of path is there
    /// already, that one stays and is returned as an error.
    pub(super) fn insert(
        &mut self,
        segments: &[Segment<'_>],
        method: Verb,
        operation: usize,
    ) -> Result<(), usize> {
        let mut at = 0;
        let mut greedy = false;
        for segment in segments {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else {
                break;
            };
            at = match segment {
                Segment::Literal(text) => {
                    *node.literals.entry(text.as_bytes().into()).or_insert(next)
                }
                Segment::Parameter(_) => *node.parameter.get_or_insert(next),
                Segment::Greedy(_) => {
                    greedy = true;
                    break;
                }
            };
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        let Some(node) = self.nodes.get_mut(at) else {
            return Ok(());
        };
        let methods = if greedy {
            &mut node.greedy
        } else {
            &mut node.methods
        };
        if let Some((_, earlier)) = methods.0.iter().find(|(verb, _)| *verb == method) {
            return Err(*earlier);
        }
        // Most resources have one method or two, and there may be very many resources.
        methods.0.reserve_exact(1);
        methods.0.push((method, operation));
        Ok(())
    }

    /// The operation that serves a resource path and method.
    pub(super) fn find(&self, resource_path: &[u8], verb: Verb) -> Option<usize> {
        let path = trimmed(resource_path);
        let rest = (!path.is_empty()).then_some(path);
        self.search(self.nodes.first()?, rest, verb, &mut |_| {})
    }

    /// `rest` is what is left of the path, `None` when nothing is. `entered` is told each node.
    fn search(
        &self,
        node: &Node,
        rest: Option<&[u8]>,
        verb: Verb,
        entered: &mut impl FnMut(&Node),
    ) -> Option<usize> {
        entered(node);
        let Some(rest) = rest else {
            return node.methods.get(verb);
        };
        let (segment, next) = match rest.iter().position(|byte| *byte == b'/') {
            Some(slash) => (rest.get(..slash)?, Some(rest.get(slash + 1..)?)),
            None => (rest, None),
        };
        let literal = node.literals.get(segment).copied();
        // An empty segment (`//`) is not a value for a parameter, only part of a greedy one.
        let parameter = node.parameter.filter(|_| !segment.is_empty());
        literal
            .and_then(|at| self.search(self.nodes.get(at)?, next, verb, entered))
            .or_else(|| {
                parameter.and_then(|at| self.search(self.nodes.get(at)?, next, verb, entered))
            })
            .or_else(|| node.greedy.get(verb))
    }
}

#[cfg(test)]
mod tests;
