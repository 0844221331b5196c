//! What the templates of one exchange share.

use std::sync::Arc;

use attache_values::{Map, MapKind, Value};

use super::input::Parameters;
use super::needs::{ContextNeeds, ParameterNeeds};
use super::overrides::{RequestOverrides, ResponseOverrides};
use super::request::{Place, TemplateRequest};

/// What the templates of one exchange share: the request's facts, and what they set in `$context`.
pub struct TemplateScope<'r> {
    request: &'r dyn TemplateRequest,
    context: Option<Map>,
    /// What `context` holds.
    known: ContextNeeds,
}

impl<'r> TemplateScope<'r> {
    /// The scope of a request.
    #[must_use]
    pub fn new(request: &'r dyn TemplateRequest) -> Self {
        Self {
            request,
            context: None,
            known: ContextNeeds::default(),
        }
    }

    /// What is set for the back end so far.
    #[must_use]
    pub fn request_overrides(&self) -> RequestOverrides {
        let context = self.context.as_ref();
        context.map(RequestOverrides::read).unwrap_or_default()
    }

    /// What is set for the answer so far.
    #[must_use]
    pub fn response_overrides(&self) -> ResponseOverrides {
        let context = self.context.as_ref();
        context.map(ResponseOverrides::read).unwrap_or_default()
    }

    /// `$context` with all that is wanted, and with what earlier templates have set; None when
    /// nothing is wanted.
    pub(super) fn context(&mut self, needs: &ContextNeeds) -> Option<Value> {
        if needs.is_empty() {
            return None;
        }
        match &self.context {
            Some(context) if self.known.include(needs) => Some(Value::Map(context.clone())),
            earlier => {
                self.known.add(needs);
                let context = self.request.context(&self.known);
                for name in ["requestOverride", "responseOverride"] {
                    if self.known.wants(name) && !context.contains_key(name) {
                        context.insert(name, overrides(name));
                    }
                }
                // What a template has set wins over the facts that it replaced; the maps of
                // overrides are among it.
                if let Some(earlier) = earlier {
                    for (name, value) in (0..earlier.len()).filter_map(|at| earlier.entry(at)) {
                        if !is_fact(&name) || !context.contains_key(&name) {
                            context.insert(name, value);
                        }
                    }
                }
                self.context = Some(context.clone());
                Some(Value::Map(context))
            }
        }
    }

    pub(super) fn parameters(&self, needs: &ParameterNeeds) -> Parameters {
        if needs.all {
            let places = Place::ALL.map(|place| (place.name(), self.request.parameters(place)));
            let all = places
                .into_iter()
                .map(|(name, map)| (name, Value::Map(map)));
            return Parameters {
                all: Some(Value::Map(all.collect())),
                named: Vec::new(),
            };
        }
        let named = needs.names.iter().map(|name| {
            let mut places = Place::ALL.into_iter();
            let value = places.find_map(|place| self.request.parameter(place, name));
            (name.clone(), value.map_or(Value::Null, Value::String))
        });
        Parameters {
            all: None,
            named: named.collect(),
        }
    }

    pub(super) fn stage_variables(&self) -> Value {
        Value::Map(self.request.stage_variables())
    }
}

/// Whether a variable is a fact of the request, which a second look does not change.
fn is_fact(name: &str) -> bool {
    !matches!(name, "requestOverride" | "responseOverride")
}

/// The empty maps that templates set values in.
pub(super) fn overrides(name: &str) -> Value {
    let parts: &[&str] = match name {
        "requestOverride" => &["path", "header", "querystring"],
        _ => &["header"],
    };
    let map = Map::of(MapKind::Context);
    for part in parts {
        map.insert(
            Arc::<str>::from(*part),
            Value::Map(Map::of(MapKind::Context)),
        );
    }
    Value::Map(map)
}
