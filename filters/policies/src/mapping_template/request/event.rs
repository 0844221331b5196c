//! Facts that a developer has written, for `attache template`.

use std::sync::Arc;

use attache_values::json::{JsonError, ReadOptions, read};
use attache_values::{Map, MapKind, Value};

use super::{Place, TemplateRequest};
use crate::mapping_template::needs::ContextNeeds;

/// An event: `{"params": {"path": {}, "querystring": {}, "header": {}}, "context": {…},
/// "stageVariables": {…}}`. All of it may be left out.
#[derive(Debug)]
pub struct TemplateEvent {
    value: Value,
}

impl TemplateEvent {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// Where and why the text is not JSON.
    pub fn read(text: &str) -> Result<Self, JsonError> {
        let document = read(text, ReadOptions::default())?;
        Ok(Self {
            value: document.value,
        })
    }

    /// An event without facts.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            value: Value::Map(Map::new()),
        }
    }

    fn map(&self, names: &[&str]) -> Option<Map> {
        let mut value = self.value.clone();
        for name in names {
            let Value::Map(map) = value else {
                return None;
            };
            value = map.get(name)?;
        }
        match value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }
}

impl TemplateRequest for TemplateEvent {
    fn context(&self, _needs: &ContextNeeds) -> Map {
        let context = Map::of(MapKind::Context);
        copy(self.map(&["context"]), &context, |value| match value {
            // A map prints nothing as a whole, as those of the gateway.
            Value::Map(map) => {
                let part = Map::of(MapKind::Context);
                copy(Some(map), &part, |value| value);
                Value::Map(part)
            }
            value => value,
        });
        context
    }

    fn parameter(&self, place: Place, name: &str) -> Option<Arc<str>> {
        match self.parameters(place).get(name)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            other => {
                let mut text = String::new();
                other.print(&mut text);
                Some(text.into())
            }
        }
    }

    fn parameters(&self, place: Place) -> Map {
        let map = Map::of(match place {
            Place::Header => MapKind::Fields,
            Place::Path | Place::Query => MapKind::Plain,
        });
        copy(self.map(&["params", place.name()]), &map, |value| value);
        map
    }

    fn stage_variables(&self) -> Map {
        self.map(&["stageVariables"]).unwrap_or_default()
    }
}

fn copy(from: Option<Map>, to: &Map, change: impl Fn(Value) -> Value) {
    let from = from.unwrap_or_default();
    for (name, value) in (0..from.len()).filter_map(|position| from.entry(position)) {
        to.insert(name, change(value));
    }
}
