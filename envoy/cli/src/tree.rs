//! Values that are to be written: JSON's, with their keys in the order in which they were put.

use std::fmt;

use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_saphyr::{FlowMap, FlowSeq, SerializerOptions};

use crate::document::{Node, Value};

/// How long a mapping or list may be to stand on one line of YAML, in characters.
const LONGEST_LINE: usize = 72;

/// A value that is to be written.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Tree {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// Keys and values; no key stands twice.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// A mapping without entries.
    #[must_use]
    pub const fn map() -> Self {
        Self::Map(Vec::new())
    }

    /// The value under a key; `None` too when this is not a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let found = self.entries().iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// The value under a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let found = self.entries_mut().find(|(name, _)| *name == key);
        found.map(|(_, value)| value)
    }

    /// The value at the end of a way of keys.
    #[must_use]
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// The text under a key.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_text()
    }

    /// The value under a key; one that is null is not there.
    #[must_use]
    pub fn present(&self, key: &str) -> Option<&Self> {
        self.get(key).filter(|value| **value != Self::Null)
    }

    /// The value under a key, put there as an empty mapping when it was not; whatever else this was
    /// becomes a mapping.
    pub fn entry(&mut self, key: &str) -> &mut Self {
        if !matches!(self, Self::Map(_)) {
            *self = Self::map();
        }
        let Self::Map(entries) = self else {
            return self;
        };
        let found = entries.iter().position(|(name, _)| name == key);
        let index = found.unwrap_or_else(|| {
            entries.push((key.to_owned(), Self::map()));
            entries.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "it was found, or put there, just now"
        )]
        &mut entries[index].1
    }

    /// Puts a value under a key, in place of one that is there.
    pub fn set(&mut self, key: &str, value: impl Into<Self>) {
        *self.entry(key) = value.into();
    }

    /// The same for one that may be absent: then nothing changes.
    pub fn set_some(&mut self, key: &str, value: Option<impl Into<Self>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        let index = entries.iter().position(|(name, _)| name == key)?;
        Some(entries.remove(index).1)
    }

    /// The keys and values of a mapping; none when this is not one.
    #[must_use]
    pub fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The same, with values that can be changed.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = (&str, &mut Self)> {
        let entries = match self {
            Self::Map(entries) => entries.as_mut_slice(),
            _ => &mut [],
        };
        entries.iter_mut().map(|(key, value)| (key.as_str(), value))
    }

    /// The items of a list; none when this is not one.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What a scalar says, as CloudFormation turns it into text; `None` for what is none.
    #[must_use]
    pub fn scalar(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Integer(number) => Some(number.to_string()),
            Self::Float(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// `true` or `false`, also when written as text.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A number, also when written as text.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "as every JSON reader does with large numbers"
            )]
            Self::Integer(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// As JSON, indented by two, with a line feed at the end.
    ///
    /// # Errors
    ///
    /// None that a tree can cause.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// As YAML: short mappings and lists of scalars on one line each where `flow` says so, texts of
    /// several lines as blocks.
    ///
    /// # Errors
    ///
    /// None that a tree can cause.
    pub fn yaml(&self, flow: Flow) -> Result<String, serde_saphyr::ser_error::Error> {
        let options: SerializerOptions = serde_saphyr::ser_options! {
            // Text that is only long stays on its line.
            folded_wrap_chars: 1 << 30,
        };
        let value = Yaml {
            tree: self,
            flow,
            depth: 0,
        };
        serde_saphyr::to_string_with_options(&value, options)
    }

    /// How long it is on one line; `None` when it cannot stand on one.
    fn width(&self) -> Option<usize> {
        Some(match self {
            Self::Null | Self::Bool(_) => 5,
            Self::Integer(number) => number.to_string().len(),
            Self::Float(number) => number.to_string().len(),
            Self::Text(text) if text.contains(['\n', '\r']) => return None,
            Self::Text(text) => text.chars().count() + 2,
            Self::List(items) => items
                .iter()
                .try_fold(2, |sum, item| Some(sum + item.width()? + 2))?,
            Self::Map(entries) => entries.iter().try_fold(2, |sum, (key, value)| {
                Some(sum + key.chars().count() + value.width()? + 4)
            })?,
        })
    }

    fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_))
    }

    /// Whether it is a mapping or list of scalars, or a list of such, that fits a line.
    fn fits_a_line(&self, depth: usize) -> bool {
        let is_plain = match self {
            Self::Map(entries) => entries.iter().all(|(_, value)| value.is_scalar()),
            Self::List(items) => items.iter().all(Self::is_scalar),
            _ => false,
        };
        is_plain
            && self
                .width()
                .is_some_and(|width| width + 2 * depth <= LONGEST_LINE)
    }
}

/// Which collections stand on one line of YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Lists and mappings of scalars that are short, this many levels down or more.
    From(usize),
    /// None.
    Never,
}

impl From<&Node> for Tree {
    fn from(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Integer(number) => Self::Integer(*number),
            // `2.0` stays what it is: it may be a version.
            Value::Float(number) => Self::Float(*number),
            Value::String(text) => Self::Text(text.clone()),
            Value::Sequence(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Mapping(entries) => Self::Map(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), Self::from(&entry.value)))
                    .collect(),
            ),
        }
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Tree {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Tree {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Tree {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Tree {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Tree {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>, const N: usize> From<[(&str, T); N]> for Tree {
    fn from(entries: [(&str, T); N]) -> Self {
        let entries = entries.into_iter();
        Self::Map(
            entries
                .map(|(key, value)| (key.to_owned(), value.into()))
                .collect(),
        )
    }
}

impl From<&serde_json::Value> for Tree {
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => Self::Integer(whole),
                None => Self::Float(number.as_f64().unwrap_or_default()),
            },
            serde_json::Value::String(text) => Self::Text(text.clone()),
            serde_json::Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::from(value)))
                    .collect(),
            ),
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = Yaml {
            tree: self,
            flow: Flow::Never,
            depth: 0,
        };
        value.serialize(serializer)
    }
}

/// A tree on its way into YAML, `depth` levels below the root.
struct Yaml<'t> {
    tree: &'t Tree,
    flow: Flow,
    depth: usize,
}

/// The same on one line.
struct OneLine<'t>(&'t Tree);

impl Serialize for OneLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Yaml<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Flow::From(depth) = self.flow
            && self.depth >= depth
            && self.tree.fits_a_line(self.depth)
        {
            return match self.tree {
                Tree::List(_) => FlowSeq(OneLine(self.tree)).serialize(serializer),
                _ => FlowMap(OneLine(self.tree)).serialize(serializer),
            };
        }
        let below = |tree| Yaml {
            tree,
            flow: self.flow,
            depth: self.depth + 1,
        };
        match self.tree {
            Tree::Null => serializer.serialize_unit(),
            Tree::Bool(value) => serializer.serialize_bool(*value),
            Tree::Integer(number) => serializer.serialize_i64(*number),
            Tree::Float(number) if number.is_finite() => serializer.serialize_f64(*number),
            Tree::Float(_) => Err(S::Error::custom("a number that JSON does not have")),
            Tree::Text(text) => serializer.serialize_str(text),
            Tree::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&below(item))?;
                }
                list.end()
            }
            Tree::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, &below(value))?;
                }
                map.end()
            }
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        formatter.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::{Flow, Tree};
    use crate::diagnostic::Report;
    use crate::document::Document;

    fn any_tree() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::Bool),
            any::<i32>().prop_map(|number| Tree::Integer(number.into())),
            "[ -~\n]{0,20}".prop_map(Tree::Text),
            prop::sample::select(vec![
                "yes",
                "null",
                "0x1F",
                "1e3",
                "~",
                "#a",
                "a: b",
                "*/*",
                "2026-01-01",
            ])
            .prop_map(Tree::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::List),
                prop::collection::btree_map("[ -~]{1,8}", inner, 0..5)
                    .prop_map(|map| Tree::Map(map.into_iter().collect())),
            ]
        })
    }

    fn read(file: &str, text: &str) -> Tree {
        let mut report = Report::new();
        let document = Document::parse(Path::new(file), text.as_bytes(), &mut report);
        let document = document.unwrap_or_else(|| panic!("{text}: {:?}", report.diagnostics()));
        assert!(!report.has_errors(), "{text}: {:?}", report.diagnostics());
        Tree::from(&document.root)
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(tree in any_tree(), depth in 0_usize..4) {
            let yaml = tree.yaml(Flow::From(depth)).expect("YAML");
            prop_assert_eq!(&read("a.yaml", &yaml), &tree, "{}", yaml);
            let json = tree.json().expect("JSON");
            prop_assert_eq!(&read("a.json", &json), &tree, "{}", json);
        }
    }

    #[test]
    fn short_things_stand_on_one_line() {
        let mut tree = Tree::map();
        let stage = tree.entry("stages").entry("prod");
        stage.set("variables", [("backend", "127.0.0.1:9000")]);
        stage.set("template", "a\nb\n");
        stage.set("long", "word ".repeat(30).trim_end());
        tree.set(
            "apiStages",
            vec![Tree::from([("api", "shop"), ("stage", "prod")])],
        );
        assert_eq!(
            tree.yaml(Flow::From(2)).expect("YAML"),
            format!(
                "stages:\n  prod:\n    variables: {{backend: 127.0.0.1:9000}}\n    template: |\n      \
                 a\n      b\n    long: {}\napiStages:\n- {{api: shop, stage: prod}}\n",
                "word ".repeat(30).trim_end()
            )
        );
    }
}
