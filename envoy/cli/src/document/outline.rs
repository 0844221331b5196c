use std::collections::HashMap;
use std::ops::Range;

use super::{Document, Node, Pointer, Value};

/// Where everything in a document stands, by JSON pointer.
///
/// A tree finds a key by looking at each; this is for those who have a question about every one of
/// a hundred thousand.
#[derive(Debug)]
pub struct Outline(HashMap<String, Spot>);

/// Where one value stands.
#[derive(Clone, Debug)]
struct Spot {
    name: Range<usize>,
    value: Range<usize>,
    /// Whether the value is better shown by its name: a block, or nothing at all.
    is_block: bool,
}

impl Outline {
    /// The outline of a document.
    #[must_use]
    pub fn new(document: &Document) -> Self {
        let mut outline = Self(HashMap::new());
        outline.add(&document.root, &Pointer::root());
        outline
    }

    fn add(&mut self, node: &Node, pointer: &Pointer) {
        match &node.value {
            Value::Mapping(entries) => {
                for entry in entries {
                    let is_block = matches!(
                        entry.value.value,
                        Value::Null | Value::Sequence(_) | Value::Mapping(_)
                    );
                    self.insert(
                        pointer.key(&entry.key),
                        &entry.key_span,
                        &entry.value,
                        is_block,
                    );
                }
            }
            Value::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.insert(pointer.index(index), &item.span, item, false);
                }
            }
            _ => {}
        }
    }

    fn insert(&mut self, pointer: Pointer, name: &Range<usize>, node: &Node, is_block: bool) {
        self.add(node, &pointer);
        let spot = Spot {
            name: name.clone(),
            value: node.span.clone(),
            is_block,
        };
        self.0.insert(pointer.into(), spot);
    }

    /// Whether the document holds a value at a pointer.
    #[must_use]
    pub fn contains(&self, pointer: &Pointer) -> bool {
        self.0.contains_key(pointer.as_str())
    }

    /// Where to point for a value: at a scalar itself; at the name of a block, or of what holds
    /// nothing; at the whole of a list's item. For what is not there, where the closest thing
    /// around it is; the start of the document for its root.
    #[must_use]
    pub fn place(&self, pointer: &Pointer) -> Range<usize> {
        self.closest(pointer).map_or(0..0, |spot| {
            if spot.is_block {
                spot.name.clone()
            } else {
                spot.value.clone()
            }
        })
    }

    /// Where the name of a value stands; for the items of lists, the value itself.
    #[must_use]
    pub fn place_of_name(&self, pointer: &Pointer) -> Range<usize> {
        self.closest(pointer).map_or(0..0, |spot| spot.name.clone())
    }

    fn closest(&self, pointer: &Pointer) -> Option<&Spot> {
        let mut pointer = pointer.as_str();
        loop {
            if let Some(spot) = self.0.get(pointer) {
                return Some(spot);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Outline;
    use crate::diagnostic::Report;
    use crate::document::{Document, Pointer};

    #[test]
    fn every_value_has_a_place_and_a_name() {
        let text = "a:\n  b/c: 12\n  d: [x, {e: f}]\n  g:\n";
        let document = Document::parse(Path::new("a.yaml"), text.as_bytes(), &mut Report::new())
            .expect("a tree");
        let outline = Outline::new(&document);
        for (pointer, place, name) in [
            ("", "", ""),
            ("/a", "a", "a"),
            ("/a/b~1c", "12", "b/c"),
            ("/a/d", "d", "d"),
            ("/a/d/0", "x", "x"),
            ("/a/d/1", "{e: f}", "{e: f}"),
            ("/a/d/1/e", "f", "e"),
            ("/a/g", "g", "g"),
            ("/a/b~1c/d/e", "12", "b/c"),
            ("/z", "", ""),
        ] {
            let asked = Pointer::from(pointer.to_owned());
            assert_eq!(text.get(outline.place(&asked)), Some(place), "{pointer}");
            assert_eq!(
                text.get(outline.place_of_name(&asked)),
                Some(name),
                "{pointer}"
            );
        }
        assert!(outline.contains(&Pointer::from("/a/g".to_owned())));
        assert!(!outline.contains(&Pointer::from("/a/h".to_owned())));
    }
}
