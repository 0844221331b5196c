//! The tree, built with a stack of open collections.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use saphyr_parser::{Event, ScalarStyle, Span, Tag};

use super::super::{Entry, Fault, Intrinsics, MAX_DEPTH, Node, Pointer, Value};
use super::offsets::Offsets;
use super::tag;

/// What all aliases of a file may add to its tree, in bytes: those of texts and keys, and
/// [`NODE_WEIGHT`] for each value.
const MAX_EXPANSION: usize = 16 << 20;

const NODE_WEIGHT: usize = 32;

/// A collection that has not ended.
struct Frame {
    start: usize,
    /// Where the last child ended, as written.
    end: usize,
    anchor: usize,
    /// How deep the deepest value below stands, counted from this one.
    depth: usize,
    /// The bytes of this and all below, as [`MAX_EXPANSION`] counts them.
    weight: usize,
    /// The function that its tag is short for, when functions are kept.
    function: Option<String>,
    children: Children,
}

enum Children {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        keys: BTreeSet<String>,
        key: Option<Key>,
        merges: Vec<Node>,
    },
}

struct Key {
    text: String,
    span: Range<usize>,
    role: Role,
}

/// What the value of a key is for.
enum Role {
    Plain,
    /// `<<`
    Merge,
    /// The key stands there already; the first one counts.
    Repeated,
}

/// A finished value with an anchor.
struct Anchored {
    node: Node,
    raw: Option<String>,
    depth: usize,
    weight: usize,
}

/// A finished value on its way to its parent.
struct Finished {
    node: Node,
    /// The text of a scalar that is not a string, should it be a key.
    raw: Option<String>,
    /// Where it was written, which for an alias is not where it stands.
    written: Range<usize>,
    depth: usize,
    weight: usize,
    /// Whether it is written `<<`, without quotes.
    merge: bool,
}

impl Finished {
    /// The value as the argument of a function, written out.
    fn within(self, function: Option<String>) -> Self {
        let Some(key) = function else {
            return self;
        };
        let span = self.node.span.clone();
        let entry = Entry {
            key,
            key_span: span.clone(),
            value: self.node,
        };
        Self {
            node: Node {
                span,
                value: Value::Mapping(vec![entry]),
            },
            raw: None,
            depth: self.depth + 1,
            weight: self.weight + NODE_WEIGHT,
            merge: false,
            ..self
        }
    }
}

pub(super) struct Builder<'p> {
    offsets: &'p Offsets<'p>,
    intrinsics: Intrinsics,
    faults: &'p mut Vec<Fault>,
    open: Vec<Frame>,
    anchors: BTreeMap<usize, Anchored>,
    expansion: usize,
    root: Option<Node>,
    documents: usize,
}

impl<'p> Builder<'p> {
    pub(super) const fn new(
        offsets: &'p Offsets<'p>,
        intrinsics: Intrinsics,
        faults: &'p mut Vec<Fault>,
    ) -> Self {
        Self {
            offsets,
            intrinsics,
            faults,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            expansion: 0,
            root: None,
            documents: 0,
        }
    }

    /// The tree; `None` when the text held nothing.
    pub(super) fn into_root(self) -> Option<Node> {
        self.root
    }

    /// Takes one event. `None` ends the reading; the fault is recorded.
    pub(super) fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let bytes = self.offsets.range(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.faults.push(
                        Fault::new(
                            "several-documents",
                            bytes,
                            "a second YAML document starts here",
                        )
                        .hint("one file holds one document: put the other into its own file"),
                    );
                    return None;
                }
                Some(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let bytes = if plain && text.is_empty() {
                    // Nothing was written; the marker may stand at the next token.
                    self.nothing(bytes)
                } else {
                    bytes
                };
                let function = self.function(tag.as_deref());
                let tag = tag.as_deref().filter(|_| function.is_none());
                let (value, fault) = tag::scalar(&text, plain, tag, &bytes);
                self.fault(fault);
                let raw = (!matches!(value, Value::String(_))).then(|| text.to_string());
                let weight = NODE_WEIGHT + text.len();
                let finished = Finished {
                    node: Node {
                        span: bytes.clone(),
                        value,
                    },
                    raw,
                    written: bytes,
                    depth: 0,
                    weight,
                    merge: plain && text == "<<",
                };
                self.anchor(anchor, finished.within(function))
            }
            Event::SequenceStart(anchor, tag) => {
                let function = self.function(tag.as_deref());
                let tag = tag.as_deref().filter(|_| function.is_none());
                self.fault(tag::collection(tag, "seq", &bytes));
                self.start(anchor, bytes, function, Children::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let function = self.function(tag.as_deref());
                let tag = tag.as_deref().filter(|_| function.is_none());
                self.fault(tag::collection(tag, "map", &bytes));
                let children = Children::Mapping {
                    entries: Vec::new(),
                    keys: BTreeSet::new(),
                    key: None,
                    merges: Vec::new(),
                };
                self.start(anchor, bytes, function, children)
            }
            Event::SequenceEnd | Event::MappingEnd => self.finish(bytes),
            Event::Alias(anchor) => self.alias(anchor, bytes),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Some(()),
        }
    }

    fn nothing(&self, marker: Range<usize>) -> Range<usize> {
        let after_key = self.open.last().and_then(|frame| match &frame.children {
            Children::Mapping { key: Some(key), .. } => Some(key.span.end),
            _ => None,
        });
        after_key.map_or(marker.start..marker.start, |end| end..end)
    }

    /// The function that a tag is short for, when functions are kept.
    fn function(&self, tag: Option<&Tag>) -> Option<String> {
        match self.intrinsics {
            Intrinsics::Kept => tag::function(tag),
            Intrinsics::Refused => None,
        }
    }

    fn start(
        &mut self,
        anchor: usize,
        bytes: Range<usize>,
        function: Option<String>,
        children: Children,
    ) -> Option<()> {
        // A function is a level of its own.
        let functions = self.open.iter().filter(|frame| frame.function.is_some());
        if self.open.len() + functions.count() >= MAX_DEPTH {
            self.faults
                .push(Fault::too_deep(bytes).at(self.pointer().into()));
            return None;
        }
        self.open.push(Frame {
            start: bytes.start,
            end: bytes.end,
            anchor,
            depth: 0,
            weight: NODE_WEIGHT,
            function,
            children,
        });
        Some(())
    }

    fn finish(&mut self, bytes: Range<usize>) -> Option<()> {
        let frame = self.open.pop()?;
        // A block collection ends without a character of its own.
        let end = if bytes.is_empty() {
            frame.end
        } else {
            bytes.end
        };
        let span = frame.start..end.max(frame.start);
        let value = match frame.children {
            Children::Sequence(items) => Value::Sequence(items),
            Children::Mapping {
                mut entries,
                mut keys,
                merges,
                ..
            } => {
                for merged in merges {
                    self.merge(merged, &mut entries, &mut keys);
                }
                Value::Mapping(entries)
            }
        };
        let finished = Finished {
            node: Node {
                span: span.clone(),
                value,
            },
            raw: None,
            written: span,
            depth: frame.depth,
            weight: frame.weight,
            merge: false,
        };
        self.anchor(frame.anchor, finished.within(frame.function))
    }

    /// Keeps a finished value for its aliases, then gives it to its parent.
    fn anchor(&mut self, anchor: usize, finished: Finished) -> Option<()> {
        if anchor != 0 {
            self.anchors.insert(
                anchor,
                Anchored {
                    node: finished.node.clone(),
                    raw: finished.raw.clone(),
                    depth: finished.depth,
                    weight: finished.weight,
                },
            );
        }
        self.attach(finished)
    }

    fn alias(&mut self, anchor: usize, bytes: Range<usize>) -> Option<()> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            self.faults.push(
                Fault::new(
                    "recursive-alias",
                    bytes,
                    "the alias stands inside its own anchor",
                )
                .at(self.pointer().into()),
            );
            return None;
        };
        self.expansion = self.expansion.saturating_add(anchored.weight);
        if self.expansion > MAX_EXPANSION {
            self.faults.push(
                Fault::new(
                    "too-many-aliases",
                    bytes,
                    format!("the aliases of this file stand for more than {MAX_EXPANSION} bytes"),
                )
                .at(self.pointer().into()),
            );
            return None;
        }
        if self.open.len() + anchored.depth > MAX_DEPTH {
            self.faults
                .push(Fault::too_deep(bytes).at(self.pointer().into()));
            return None;
        }
        let finished = Finished {
            node: anchored.node.clone(),
            raw: anchored.raw.clone(),
            written: bytes,
            depth: anchored.depth,
            weight: anchored.weight,
            merge: false,
        };
        self.attach(finished)
    }

    fn attach(&mut self, finished: Finished) -> Option<()> {
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(finished.node);
            return Some(());
        };
        frame.end = frame.end.max(finished.written.end);
        frame.depth = frame.depth.max(finished.depth + 1);
        frame.weight = frame.weight.saturating_add(finished.weight);
        match &mut frame.children {
            Children::Sequence(items) => items.push(finished.node),
            Children::Mapping { key: None, .. } => return self.attach_key(finished),
            Children::Mapping {
                entries,
                key,
                merges,
                ..
            } => {
                let key = key.take()?;
                match key.role {
                    Role::Merge => merges.push(finished.node),
                    Role::Repeated => {}
                    Role::Plain => entries.push(Entry {
                        key: key.text,
                        key_span: key.span,
                        value: finished.node,
                    }),
                }
            }
        }
        Some(())
    }

    fn attach_key(&mut self, finished: Finished) -> Option<()> {
        let span = finished.written;
        let kind = finished.node.kind();
        let text = match finished.node.value {
            Value::String(text) => Some(text),
            _ => finished.raw,
        };
        let Some(text) = text else {
            let message = format!("{} stands where a key is expected", kind);
            self.faults.push(
                Fault::new("key-not-text", span, message)
                    .at(self.pointer().into())
                    .hint("a name is text: look for a bracket too many, or put the name in quotes"),
            );
            return None;
        };
        let Children::Mapping { keys, key, .. } = &mut self.open.last_mut()?.children else {
            return None;
        };
        let role = if finished.merge {
            Role::Merge
        } else if keys.insert(text.clone()) {
            Role::Plain
        } else {
            Role::Repeated
        };
        let repeated = matches!(role, Role::Repeated).then(|| (text.clone(), span.clone()));
        *key = Some(Key { text, span, role });
        if let Some((text, span)) = repeated {
            let place = self.pointer().into();
            self.faults.push(Fault::duplicate_key(&text, span, place));
        }
        Some(())
    }

    /// The merge key of YAML 1.1: what the mapping says itself, and what is merged first, stays.
    fn merge(&mut self, merged: Node, entries: &mut Vec<Entry>, keys: &mut BTreeSet<String>) {
        match merged.value {
            Value::Mapping(added) => {
                for entry in added {
                    if keys.insert(entry.key.clone()) {
                        entries.push(entry);
                    }
                }
            }
            Value::Sequence(items) if items.iter().all(|item| item.as_mapping().is_some()) => {
                for item in items {
                    self.merge(item, entries, keys);
                }
            }
            _ => self.faults.push(
                Fault::new(
                    "merge-key",
                    merged.span,
                    "`<<` merges a mapping or a list of mappings",
                )
                .hint("write \"<<\" in quotes for a key of that name")
                .at(self.pointer().into()),
            ),
        }
    }

    /// Records a fault of the value that comes next.
    fn fault(&mut self, fault: Option<Fault>) {
        if let Some(fault) = fault {
            self.faults.push(fault.at(self.pointer().into()));
        }
    }

    /// Where the next value will stand.
    fn pointer(&self) -> Pointer {
        self.open
            .iter()
            .fold(Pointer::root(), |pointer, frame| match &frame.children {
                Children::Sequence(items) => pointer.index(items.len()),
                Children::Mapping { key: Some(key), .. } => pointer.key(&key.text),
                Children::Mapping { key: None, .. } => pointer,
            })
    }
}
