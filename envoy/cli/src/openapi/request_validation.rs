//! What a request must have: request validators, required parameters and models of bodies.

use attache_model::{Protocol, RequestModel, RequestValidation};

use super::model::{self, Models};
use super::{Located, OperationPlaces, Place, Reading, Version};

const VALIDATOR: &str = "x-amazon-apigateway-request-validator";
const VALIDATORS: &str = "x-amazon-apigateway-request-validators";

/// Where a parameter may be, in the order in which AWS names those that are missing.
const PLACES: [(&str, &str); 3] = [
    ("header", "header"),
    ("path", "path"),
    ("query", "querystring"),
];

/// The validators of a document.
pub(super) struct Validators<'d> {
    version: Version,
    defined: Option<Located<'d>>,
    default: Option<Located<'d>>,
    /// The root's `consumes`.
    consumes: Option<Located<'d>>,
    /// Whether the default was looked at, and had no fault.
    default_is_sound: Option<bool>,
    pub(super) models: Models<'d>,
}

/// What a validator looks at.
#[derive(Clone, Copy, Default)]
struct Validates {
    body: bool,
    parameters: bool,
}

impl<'d> Validators<'d> {
    pub(super) fn new(root: &Located<'d>, version: Version) -> Self {
        Self {
            version,
            defined: root.get(VALIDATORS),
            default: root.get(VALIDATOR),
            consumes: root.get("consumes"),
            default_is_sound: None,
            models: Models::new(root, version),
        }
    }

    /// What requests for an operation must have. `None` when its validator has a fault, so that it
    /// must not be served.
    pub(super) fn read(
        &mut self,
        reading: &mut Reading<'d, '_>,
        item: &Located<'d>,
        operation: &Located<'d>,
        places: &mut OperationPlaces,
    ) -> Option<RequestValidation> {
        let errors = reading.error_count();
        let mut validation = RequestValidation::default();
        let validates = self.validates(reading, operation)?;
        if validates.parameters {
            let required = required_parameters(reading, item, operation);
            for (index, (expression, place)) in required.into_iter().enumerate() {
                let part = format!("/requestValidation/requiredParameters/{index}");
                places.insert(part, place);
                validation.required_parameters.push(expression);
            }
        }
        if validates.body {
            for (content_type, schema) in self.bodies(reading, item, operation) {
                if model::fits_everything(schema.node) {
                    continue;
                }
                let Some(model) = self.models.name(reading, &schema) else {
                    continue;
                };
                if model == model::EMPTY {
                    continue;
                }
                let index = validation.request_models.len();
                let part = format!("/requestValidation/requestModels/{index}");
                places.insert(part, schema.place());
                validation.request_models.push(RequestModel {
                    content_type,
                    model,
                });
            }
        }
        (reading.error_count() == errors).then_some(validation)
    }

    /// What the operation's own validator, or else the root's, looks at.
    fn validates(
        &mut self,
        reading: &mut Reading<'d, '_>,
        operation: &Located<'d>,
    ) -> Option<Validates> {
        if let Some(own) = operation.get(VALIDATOR) {
            return self.validator(reading, &own);
        }
        let Some(default) = self.default.clone() else {
            return Some(Validates::default());
        };
        // A fault of the root's is told once.
        match self.default_is_sound {
            Some(false) => None,
            Some(true) if reading.protocol == Protocol::Http => Some(Validates::default()),
            _ => {
                let validates = self.validator(reading, &default);
                self.default_is_sound = Some(validates.is_some());
                validates
            }
        }
    }

    fn validator(&self, reading: &mut Reading<'d, '_>, chosen: &Located<'d>) -> Option<Validates> {
        if chosen.node.is_null() {
            return Some(Validates::default());
        }
        let name = reading.text(chosen)?;
        if reading.protocol == Protocol::Http {
            reading.warning(
                "extension-without-effect",
                chosen.place(),
                "HTTP APIs do not validate requests",
                None,
            );
            return Some(Validates::default());
        }
        let defined = self.defined.as_ref().and_then(|defined| defined.get(name));
        let Some(validator) = defined else {
            reading.error(
                "unknown-request-validator",
                chosen.place(),
                format!("there is no request validator `{name}`"),
                Some("define it under `x-amazon-apigateway-request-validators`"),
            );
            return None;
        };
        reading.mapping(&validator)?;
        let errors = reading.error_count();
        let flags = ["validateRequestBody", "validateRequestParameters"];
        reading.fields(&validator, &flags);
        let [body, parameters] = flags.map(|flag| {
            let flag = validator.get(flag);
            flag.and_then(|flag| reading.boolean(&flag)) == Some(true)
        });
        (reading.error_count() == errors).then_some(Validates { body, parameters })
    }

    /// The schemas of an operation's bodies by content type.
    fn bodies(
        &self,
        reading: &mut Reading<'d, '_>,
        item: &Located<'d>,
        operation: &Located<'d>,
    ) -> Vec<(String, Located<'d>)> {
        match self.version {
            Version::V2 => {
                let parameters = parameters(reading, item, operation);
                let body = parameters
                    .into_iter()
                    .find(|parameter| parameter.place == "body");
                let Some(schema) = body.and_then(|body| body.located.get("schema")) else {
                    return Vec::new();
                };
                let consumes = operation.get("consumes").or_else(|| self.consumes.clone());
                let mut types = Vec::new();
                for item in consumes
                    .and_then(|consumes| reading.list(&consumes))
                    .unwrap_or_default()
                {
                    types.extend(reading.text(&item).map(str::to_owned));
                }
                if types.is_empty() {
                    types.push("application/json".to_owned());
                }
                types
                    .into_iter()
                    .map(|content_type| (content_type, schema.clone()))
                    .collect()
            }
            Version::V3 => {
                let body = operation.get("requestBody");
                let body = body.and_then(|body| reading.follow(body));
                let Some(content) = body.and_then(|body| body.get("content")) else {
                    return Vec::new();
                };
                let entries = reading.mapping(&content).unwrap_or_default();
                entries
                    .iter()
                    .filter_map(|entry| {
                        let schema = content.value_of(entry).get("schema")?;
                        Some((entry.key.clone(), schema))
                    })
                    .collect()
            }
        }
    }
}

/// A parameter of an operation or of its path.
struct Parameter<'d> {
    place: &'d str,
    name: &'d str,
    located: Located<'d>,
}

/// The parameters of an operation: its own, and those of its path that it does not replace.
fn parameters<'d>(
    reading: &mut Reading<'d, '_>,
    item: &Located<'d>,
    operation: &Located<'d>,
) -> Vec<Parameter<'d>> {
    let mut found: Vec<Parameter<'d>> = Vec::new();
    for owner in [operation, item] {
        let Some(list) = owner.get("parameters") else {
            continue;
        };
        let mut of_owner = Vec::new();
        for parameter in reading.list(&list).unwrap_or_default() {
            let Some(located) = reading.follow(parameter) else {
                continue;
            };
            let field = |name: &str| located.node.get(name).and_then(|value| value.as_str());
            if let (Some(place), Some(name)) = (field("in"), field("name"))
                && !found
                    .iter()
                    .any(|other| (other.place, other.name) == (place, name))
            {
                of_owner.push(Parameter {
                    place,
                    name,
                    located,
                });
            }
        }
        found.extend(of_owner);
    }
    found
}

/// The expressions of the parameters that must be there, in AWS's order.
fn required_parameters<'d>(
    reading: &mut Reading<'d, '_>,
    item: &Located<'d>,
    operation: &Located<'d>,
) -> Vec<(String, Place)> {
    let parameters = parameters(reading, item, operation);
    let mut required = Vec::new();
    for (place, expression) in PLACES {
        for parameter in parameters
            .iter()
            .filter(|parameter| parameter.place == place)
        {
            let flag = parameter.located.get("required");
            if flag.and_then(|flag| reading.boolean(&flag)) == Some(true) {
                let expression = format!("method.request.{expression}.{}", parameter.name);
                required.push((expression, parameter.located.place()));
            }
        }
    }
    required
}

#[cfg(test)]
mod tests;
