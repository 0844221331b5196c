//! CloudFormation's functions, which a template's `Body` may hold where a value belongs.

use crate::document::{Entry, Node};

/// Whether a key is the name of a function (`Ref`, `Fn::Sub`, `Fn::If`, …).
pub(super) fn is_name(key: &str) -> bool {
    key == "Ref" || key.starts_with("Fn::")
}

/// The function that stands in place of a value.
pub(super) fn find(node: &Node) -> Option<&Entry> {
    match node.as_mapping()? {
        [entry] if is_name(&entry.key) => Some(entry),
        _ => None,
    }
}
