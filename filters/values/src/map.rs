//! Maps that are shared, can be changed, and keep the order of insertion.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use crate::Value;
use crate::value::release;

/// From how many entries on a look-up goes through an index instead of all entries.
const INDEXED_FROM: usize = 16;

/// What a map is of, which decides how its keys are found and how it prints.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum MapKind {
    /// Of anything: prints as `{a=1}`.
    #[default]
    Plain,
    /// Of header fields: a key is found whatever the case of its letters.
    Fields,
    /// A part of `$context`: as a whole it prints nothing.
    Context,
}

/// A map that is shared and can be changed: clones are the same map. It keeps the order in which
/// keys were first inserted, as Java's `LinkedHashMap` does.
///
/// No method holds the map while it calls something else, so that none can find it in use.
#[derive(Clone)]
pub struct Map(Rc<Body>);

struct Body {
    kind: MapKind,
    entries: RefCell<Entries>,
}

/// The entries of a map that is being made.
#[derive(Default)]
pub(crate) struct Entries {
    list: Vec<(Arc<str>, Value)>,
    /// Where in `list` each key stands; None while the list is short.
    index: Option<HashMap<Arc<str>, usize>>,
    ignores_case: bool,
}

impl Map {
    /// A map without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::of(MapKind::Plain)
    }

    /// A map of that kind, without entries.
    #[must_use]
    pub fn of(kind: MapKind) -> Self {
        let entries = Entries {
            ignores_case: kind == MapKind::Fields,
            ..Entries::default()
        };
        Self(Rc::new(Body {
            kind,
            entries: RefCell::new(entries),
        }))
    }

    /// What the map is of.
    #[must_use]
    pub fn kind(&self) -> MapKind {
        self.0.kind
    }

    pub(crate) fn from_entries(entries: Entries) -> Self {
        Self(Rc::new(Body {
            kind: MapKind::Plain,
            entries: RefCell::new(entries),
        }))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.borrow().list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        let entries = self.0.entries.borrow();
        let position = entries.position(key)?;
        entries.list.get(position).map(|entry| entry.1.clone())
    }

    /// Whether there is such a key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.entries.borrow().position(key).is_some()
    }

    /// The entry at a position, by order of insertion.
    #[must_use]
    pub fn entry(&self, position: usize) -> Option<(Arc<str>, Value)> {
        self.0.entries.borrow().list.get(position).cloned()
    }

    /// The keys as they are now, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<Arc<str>> {
        self.read(|entries| entries.iter().map(|entry| entry.0.clone()).collect())
    }

    /// The values as they are now, in order.
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        self.read(|entries| entries.iter().map(|entry| entry.1.clone()).collect())
    }

    /// Sets the value of a key and returns the one it had. A key that was there keeps its place.
    pub fn insert(&self, key: impl Into<Arc<str>>, value: Value) -> Option<Value> {
        self.0.entries.borrow_mut().insert(key.into(), value)
    }

    /// Takes an entry out; the others keep their order.
    pub fn remove(&self, key: &str) -> Option<Value> {
        let mut entries = self.0.entries.borrow_mut();
        let position = entries.position(key)?;
        let (_, value) = entries.list.remove(position);
        entries.reindex();
        Some(value)
    }

    /// Takes all entries out.
    pub fn clear(&self) {
        // What was there is dropped after the map is free again.
        let _earlier = {
            let mut entries = self.0.entries.borrow_mut();
            entries.index = None;
            std::mem::take(&mut entries.list)
        };
    }

    /// Whether both are one map.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Reads the entries in place. What `read` calls must not change the map.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&[(Arc<str>, Value)]) -> R) -> R {
        read(&self.0.entries.borrow().list)
    }

    /// The entries, when nobody else has the map.
    pub(crate) fn into_entries(self) -> Vec<(Arc<str>, Value)> {
        Rc::into_inner(self.0)
            .map(|body| body.entries.take().list)
            .unwrap_or_default()
    }
}

impl Entries {
    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            _ if self.ignores_case => {
                let mut keys = self.list.iter();
                keys.position(|entry| entry.0.eq_ignore_ascii_case(key))
            }
            Some(index) => index.get(key).copied(),
            None => self.list.iter().position(|entry| &*entry.0 == key),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn insert(&mut self, key: Arc<str>, value: Value) -> Option<Value> {
        let position = self.position(&key);
        if let Some(entry) = position.and_then(|position| self.list.get_mut(position)) {
            return Some(std::mem::replace(&mut entry.1, value));
        }
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.list.len());
        }
        self.list.push((key, value));
        if self.index.is_none() && self.list.len() >= INDEXED_FROM {
            self.reindex();
        }
        None
    }

    fn reindex(&mut self) {
        let keys = self.list.iter().enumerate();
        self.index = (self.list.len() >= INDEXED_FROM).then(|| {
            keys.map(|(position, entry)| (entry.0.clone(), position))
                .collect()
        });
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let entries = self.entries.take().list;
        release(entries.into_iter().map(|entry| entry.1).collect());
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Into<Arc<str>>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let mut list = Entries::default();
        for (key, value) in entries {
            list.insert(key.into(), value);
        }
        Self::from_entries(list)
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Map({} entries)", self.len())
    }
}

#[cfg(test)]
mod tests;
