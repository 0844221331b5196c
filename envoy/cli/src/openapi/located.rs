use super::Place;
use crate::document::{Document, Entry, Node, Pointer};

/// A value and the way to it.
#[derive(Clone)]
pub(super) struct Located<'d> {
    pub(super) node: &'d Node,
    pub(super) pointer: Pointer,
}

impl<'d> Located<'d> {
    pub(super) fn root(document: &'d Document) -> Self {
        Self {
            node: &document.root,
            pointer: Pointer::root(),
        }
    }

    pub(super) fn place(&self) -> Place {
        Place::new(self.node.span.clone(), self.pointer.clone())
    }

    /// The value under a key.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        self.node.get(key).map(|node| Self {
            node,
            pointer: self.pointer.key(key),
        })
    }

    /// The value of one of this mapping's entries.
    pub(super) fn value_of(&self, entry: &'d Entry) -> Self {
        Self {
            node: &entry.value,
            pointer: self.pointer.key(&entry.key),
        }
    }

    /// The key of one of this mapping's entries.
    pub(super) fn key_of(&self, entry: &Entry) -> Place {
        Place::new(entry.key_span.clone(), self.pointer.key(&entry.key))
    }

    /// The items of a list; none when this is not one.
    pub(super) fn items(&self) -> impl Iterator<Item = Self> {
        let items = self.node.as_sequence().unwrap_or_default();
        items.iter().enumerate().map(|(index, node)| Self {
            node,
            pointer: self.pointer.index(index),
        })
    }

    /// The entries of a mapping; none when this is not one.
    pub(super) fn entries(&self) -> &'d [Entry] {
        self.node.as_mapping().unwrap_or_default()
    }
}
