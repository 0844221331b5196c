//! Changes to `apiKeys` in the text of `attache.yaml`, each proven before it counts.

use std::ops::Range;
use std::path::Path;

use attache_model::KeyDigest;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use yaml_edit::{Mapping, YamlFile};

use super::declaration::{PreviousValue, parse};
use crate::api_key_value::ApiKeyValue;
use crate::diagnostic::Report;
use crate::document::{Document, Node, Value};

/// How a value is written.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    /// As `valueSha256`.
    Hashed(KeyDigest),
    /// As `value`.
    Plain(ApiKeyValue),
}

impl Stored {
    /// A new value as the user wants it stored.
    pub(super) fn new(value: &ApiKeyValue, plain: bool) -> Self {
        if plain {
            Self::Plain(value.clone())
        } else {
            Self::Hashed(value.digest())
        }
    }

    const fn field(&self) -> &'static str {
        match self {
            Self::Hashed(_) => "valueSha256",
            Self::Plain(_) => "value",
        }
    }

    const fn other_field(&self) -> &'static str {
        match self {
            Self::Hashed(_) => "value",
            Self::Plain(_) => "valueSha256",
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Hashed(digest) => String::from(*digest),
            Self::Plain(value) => value.reveal().to_owned(),
        }
    }
}

/// A key that is to be declared.
#[derive(Clone, Debug)]
pub(super) struct NewKey {
    pub(super) name: String,
    pub(super) stored: Stored,
    pub(super) description: Option<String>,
    pub(super) usage_plans: Vec<String>,
    pub(super) enabled: bool,
    pub(super) expires_at: Option<Timestamp>,
}

impl NewKey {
    /// The settings of the key, in the order in which they are written.
    fn settings(&self) -> Vec<(&'static str, Json)> {
        let mut settings = vec![(self.stored.field(), json!(self.stored.text()))];
        if let Some(description) = &self.description {
            settings.push(("description", json!(description)));
        }
        if !self.usage_plans.is_empty() {
            settings.push(("usagePlans", json!(self.usage_plans)));
        }
        if !self.enabled {
            settings.push(("enabled", json!(false)));
        }
        if let Some(expires_at) = self.expires_at {
            settings.push(("expiresAt", json!(expires_at.to_string())));
        }
        settings
    }
}

/// What is to change.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// New keys.
    Add(Vec<NewKey>),
    /// `enabled` of a key becomes false.
    Disable(String),
    /// A key goes.
    Delete(String),
    /// A key gets another value.
    Rotate {
        name: String,
        stored: Stored,
        previous_values: Vec<PreviousValue>,
    },
}

/// The text after a change; `None` when the text cannot be read, or when the result would not be
/// the change, the whole change, and nothing else.
pub(super) fn apply(file: &Path, text: &str, change: &Change) -> Option<String> {
    let edited = edit(text, change)?;
    proven(file, text, &edited, change).then_some(edited)
}

fn edit(text: &str, change: &Change) -> Option<String> {
    let yaml: YamlFile = text.parse().ok()?;
    let root = yaml.document()?.as_mapping()?;
    match change {
        Change::Add(keys) => {
            for key in keys {
                add(&root, key)?;
            }
        }
        Change::Disable(name) => root
            .get_mapping("apiKeys")?
            .get_mapping(name.as_str())?
            .set("enabled", false),
        Change::Delete(name) => {
            root.get_mapping("apiKeys")?.remove(name.as_str())?;
        }
        Change::Rotate {
            name,
            stored,
            previous_values,
        } => {
            let key = root.get_mapping("apiKeys")?.get_mapping(name.as_str())?;
            if !key.contains_key(stored.field()) {
                key.rename_key(stored.other_field(), stored.field());
            }
            let fields = snippet(&[("it".to_owned(), quoted(&stored.text()))])?;
            key.set(stored.field(), fields.get("it")?);
            if previous_values.is_empty() {
                key.remove("previousValues");
            } else {
                let list = previous_values.iter().map(written_previous_value);
                let list = format!("[{}]", list.collect::<Vec<_>>().join(", "));
                let fields = snippet(&[("it".to_owned(), list)])?;
                key.set("previousValues", fields.get("it")?);
            }
        }
    }
    Some(yaml.to_string())
}

fn add(root: &Mapping, key: &NewKey) -> Option<()> {
    let settings = key.settings().into_iter().map(|(field, value)| {
        let value = match (&value, field) {
            (Json::Array(plans), _) => {
                let plans = plans.iter().filter_map(Json::as_str).map(written);
                format!("[{}]", plans.collect::<Vec<_>>().join(", "))
            }
            _ => value.to_string(),
        };
        format!("{field}: {value}")
    });
    let settings = format!("{{{}}}", settings.collect::<Vec<_>>().join(", "));
    let entry = snippet(&[(written(&key.name), settings)])?;
    let (name, settings) = entry.iter().next()?;
    match root.get_mapping("apiKeys") {
        Some(keys) => keys.set(name, settings),
        None => root.set("apiKeys", entry),
    }
    Some(())
}

fn written_previous_value(value: &PreviousValue) -> String {
    format!(
        "{{valueSha256: {}, expiresAt: {}}}",
        quoted(&String::from(value.digest)),
        quoted(&value.expires_at.to_string())
    )
}

/// A mapping of its own, whose parts are copied into the file as they are written here.
fn snippet(entries: &[(String, String)]) -> Option<Mapping> {
    let lines = entries
        .iter()
        .map(|(key, value)| format!("{key}: {value}\n"));
    let yaml: YamlFile = lines.collect::<String>().parse().ok()?;
    yaml.document()?.as_mapping()
}

/// Text without quotes where nobody could read it as anything but text.
fn written(text: &str) -> String {
    const READ_AS_OTHER: [&str; 11] = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan",
    ];
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !READ_AS_OTHER
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word));
    if plain { text.to_owned() } else { quoted(text) }
}

/// JSON strings are YAML double-quoted strings.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// Whether the edited text is the old one with the change and nothing else: in what it says, and
/// in the characters.
fn proven(file: &Path, text: &str, edited: &str, change: &Change) -> bool {
    let mut report = Report::new();
    let mut read = |text: &str| parse(file, text.as_bytes(), &mut report);
    let (Some(before), Some(after)) = (read(text), read(edited)) else {
        return false;
    };
    expected(meaning(&before.root), change).is_some_and(|meant| meant == meaning(&after.root))
        && characters_agree(&before, edited, change)
}

/// What the file means after the change.
fn expected(mut before: Json, change: &Change) -> Option<Json> {
    let root = before.as_object_mut()?;
    let keys = root.entry("apiKeys").or_insert(Json::Null);
    if keys.is_null() {
        *keys = Json::Object(Map::new());
    }
    let keys = keys.as_object_mut()?;
    match change {
        Change::Add(new) => {
            for key in new {
                let settings = key.settings().into_iter();
                let settings = settings.map(|(field, value)| (field.to_owned(), value));
                keys.insert(key.name.clone(), Json::Object(settings.collect()));
            }
        }
        Change::Disable(name) => {
            let key = keys.get_mut(name)?.as_object_mut()?;
            key.insert("enabled".to_owned(), json!(false));
        }
        Change::Delete(name) => {
            keys.remove(name)?;
            // An emptied mapping may be left as `{}` or as nothing.
            if keys.is_empty() {
                root.remove("apiKeys");
            }
        }
        Change::Rotate {
            name,
            stored,
            previous_values,
        } => {
            let key = keys.get_mut(name)?.as_object_mut()?;
            key.remove(stored.other_field());
            key.insert(stored.field().to_owned(), json!(stored.text()));
            key.remove("previousValues");
            if !previous_values.is_empty() {
                let list = previous_values.iter().map(|value| {
                    json!({
                        "valueSha256": String::from(value.digest),
                        "expiresAt": value.expires_at.to_string(),
                    })
                });
                key.insert("previousValues".to_owned(), list.collect());
            }
        }
    }
    Some(before)
}

/// What a tree says, without places. `apiKeys` that holds nothing is left out.
fn meaning(node: &Node) -> Json {
    fn plain(node: &Node) -> Json {
        match &node.value {
            Value::Null => Json::Null,
            Value::Bool(value) => json!(value),
            Value::Integer(value) => json!(value),
            // The text tells numbers apart that JSON has no words for.
            Value::Float(value) => json!(format!("{value:?}")),
            Value::String(value) => json!(value),
            Value::Sequence(items) => items.iter().map(plain).collect(),
            Value::Mapping(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), plain(&entry.value)))
                    .collect(),
            ),
        }
    }
    let mut meaning = plain(node);
    if let Some(root) = meaning.as_object_mut()
        && root
            .get("apiKeys")
            .is_some_and(|keys| keys.is_null() || keys == &json!({}))
    {
        root.remove("apiKeys");
    }
    meaning
}

/// An addition only inserts; every other change stays on the lines of its key.
fn characters_agree(before: &Document, edited: &str, change: &Change) -> bool {
    let text = before.text.as_bytes();
    let name = match change {
        Change::Add(_) => return only_inserts(text, edited.as_bytes()),
        Change::Disable(name) | Change::Delete(name) | Change::Rotate { name, .. } => name,
    };
    let Some(keys) = before.root.entry("apiKeys") else {
        return false;
    };
    let Some(entry) = keys.value.entry(name) else {
        return false;
    };
    let line_end = |byte: &u8| *byte == b'\n';
    let lead = text.get(..entry.key_span.start).unwrap_or_default();
    let mut start = lead.iter().rposition(line_end).map_or(0, |end| end + 1);
    let key_end = entry.value.span.end.max(entry.key_span.end);
    let rest = text.get(key_end..).unwrap_or_default();
    let end = rest.iter().position(line_end);
    let mut end = end.map_or(text.len(), |end| key_end + end + 1);
    // The blank lines around a key may go with it.
    let blank = |byte: &&u8| byte.is_ascii_whitespace();
    let lead = text.get(..start).unwrap_or_default();
    start -= lead.iter().rev().take_while(blank).count();
    let rest = text.get(end..).unwrap_or_default();
    end += rest.iter().take_while(blank).count();
    // Without its only key, `apiKeys` may become `{}`; what is said about it stays.
    if keys.value.as_mapping().is_some_and(|keys| keys.len() == 1) {
        let between = before.text.get(keys.key_span.end..start);
        let mut comments = between.unwrap_or_default().lines().map(str::trim);
        if !comments.all(|line| !line.contains('#') || edited.contains(line.trim_matches(':'))) {
            return false;
        }
        start = start.min(keys.key_span.end);
    }
    changes_only(text, edited.as_bytes(), start..end)
}

/// Whether nothing of a text was replaced, but for white space where a line end was missing.
fn only_inserts(text: &[u8], edited: &[u8]) -> bool {
    let (prefix, suffix) = agreement(text, edited);
    let replaced = text.get(prefix..text.len() - suffix.min(text.len() - prefix));
    replaced.is_some_and(|replaced| replaced.iter().all(u8::is_ascii_whitespace))
}

/// Whether an edit can be seen as one that replaced bytes of this range alone.
///
/// Where the new bytes begin or end like their neighbours, the same edit may be seen as one at
/// several places: the agreement before it and the agreement after it overlap.
fn changes_only(text: &[u8], edited: &[u8], range: Range<usize>) -> bool {
    let (prefix, suffix) = agreement(text, edited);
    let shorter = text.len().min(edited.len());
    let Some(first) = shorter.checked_sub(suffix).filter(|first| *first <= prefix) else {
        return range.start <= prefix && text.len() - suffix <= range.end;
    };
    let replaced = text.len() - shorter;
    range
        .end
        .checked_sub(replaced)
        .is_some_and(|last| range.start.max(first) <= prefix.min(last))
}

/// How many bytes agree from the start, and how many from the end.
fn agreement(text: &[u8], edited: &[u8]) -> (usize, usize) {
    let alike = |(one, other): &(&u8, &u8)| one == other;
    let forwards = text.iter().zip(edited);
    let backwards = text.iter().rev().zip(edited.iter().rev());
    (
        forwards.take_while(alike).count(),
        backwards.take_while(alike).count(),
    )
}
