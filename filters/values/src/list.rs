//! Lists that are shared and can be changed.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::Value;
use crate::value::release;

/// Where a list comes from, which decides how it prints.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ListKind {
    /// From a JSON document or a JSONPath: prints as compact JSON.
    JsonArray,
    /// From a template's `[…]` or a Java method: prints as `[a, b]`.
    JavaList,
}

/// A list that is shared and can be changed: clones are the same list.
///
/// No method holds the list while it calls something else, so that none can find it in use.
#[derive(Clone)]
pub struct List(Rc<Body>);

struct Body {
    kind: ListKind,
    items: RefCell<Vec<Value>>,
}

impl List {
    /// A list of these items.
    #[must_use]
    pub fn new(kind: ListKind, items: Vec<Value>) -> Self {
        Self(Rc::new(Body {
            kind,
            items: RefCell::new(items),
        }))
    }

    /// Where the list comes from.
    #[must_use]
    pub fn kind(&self) -> ListKind {
        self.0.kind
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.items.borrow().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at a position.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<Value> {
        self.0.items.borrow().get(position).cloned()
    }

    /// A copy of the list as it is now; the items are the same.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Value> {
        self.0.items.borrow().clone()
    }

    /// Adds an item at the end.
    pub fn push(&self, value: Value) {
        self.0.items.borrow_mut().push(value);
    }

    /// Adds an item before a position; false, and nothing changes, when the position is past the
    /// end.
    pub fn insert(&self, position: usize, value: Value) -> bool {
        let mut items = self.0.items.borrow_mut();
        let there = position <= items.len();
        if there {
            items.insert(position, value);
        }
        there
    }

    /// Puts another item in the place of one, which is returned; None, and nothing changes, when
    /// there is no such position.
    pub fn set(&self, position: usize, value: Value) -> Option<Value> {
        let mut items = self.0.items.borrow_mut();
        let place = items.get_mut(position)?;
        Some(std::mem::replace(place, value))
    }

    /// Takes an item out.
    pub fn remove(&self, position: usize) -> Option<Value> {
        let mut items = self.0.items.borrow_mut();
        (position < items.len()).then(|| items.remove(position))
    }

    /// Puts other items in the place of all.
    pub fn replace(&self, items: Vec<Value>) {
        // What was there is dropped after the list is free again.
        let _earlier = self.0.items.replace(items);
    }

    /// Whether both are one list.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Reads the items in place. What `read` calls must not change the list.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&[Value]) -> R) -> R {
        read(&self.0.items.borrow())
    }

    /// The items, when nobody else has the list.
    pub(crate) fn into_items(self) -> Vec<Value> {
        Rc::into_inner(self.0)
            .map(|body| body.items.take())
            .unwrap_or_default()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        release(self.items.take());
    }
}

impl fmt::Debug for List {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "List({} items)", self.len())
    }
}
