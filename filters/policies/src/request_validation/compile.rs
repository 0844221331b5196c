//! From the configuration document to what is validated.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{Api, Gateway};
use attache_values::json_schema::Schema;

use super::{DEFAULT, Model, Parameter, Place, RequestValidations, Validation};
use crate::compile_error::CompileError;
use crate::headers::media_type;

impl RequestValidations {
    /// Compiles the validations of all operations, and every model that they name.
    ///
    /// # Errors
    ///
    /// Every fault, each with its JSON pointer: parameters that are none, models that are missing,
    /// and what is no schema in one.
    pub fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let apis = gateway
            .apis
            .iter()
            .enumerate()
            .map(|(position, api)| {
                let mut models = Models {
                    api,
                    pointer: format!("/apis/{position}"),
                    compiled: BTreeMap::new(),
                    errors: &mut errors,
                };
                (0..api.operations.len())
                    .map(|operation| models.validation(operation))
                    .collect()
            })
            .collect();
        if errors.is_empty() {
            Ok(Self { apis })
        } else {
            Err(errors)
        }
    }
}

/// The models of an API, each compiled when an operation first names it.
struct Models<'m, 'e> {
    api: &'m Api,
    pointer: String,
    /// `None` for one that does not compile.
    compiled: BTreeMap<&'m str, Option<Arc<Schema>>>,
    errors: &'e mut Vec<CompileError>,
}

impl<'m> Models<'m, '_> {
    fn validation(&mut self, operation: usize) -> Option<Validation> {
        let api = self.api;
        let definition = &api.operations.get(operation)?.request_validation;
        if definition.is_empty() {
            return None;
        }
        let pointer = format!("{}/operations/{operation}/requestValidation", self.pointer);
        let mut required = Vec::new();
        for (position, expression) in definition.required_parameters.iter().enumerate() {
            match Parameter::parse(expression) {
                Some(parameter) => required.push(parameter),
                None => self.errors.push(
                    CompileError::new(
                        format!("{pointer}/requiredParameters/{position}"),
                        format!("`{expression}` is not a parameter of a request"),
                    )
                    .hint("write `method.request.{header,path,querystring}.NAME`"),
                ),
            }
        }
        // A stable sort: within a place they stay in the order of the definition.
        required.sort_by_key(|parameter| parameter.place);
        let mut models = Vec::new();
        for (position, model) in definition.request_models.iter().enumerate() {
            let place = format!("{pointer}/requestModels/{position}/model");
            if let Some(schema) = self.model(&model.model, &place) {
                models.push(Model {
                    media_type: match model.content_type.as_bytes() {
                        DEFAULT => DEFAULT.into(),
                        content_type => media_type(content_type).into(),
                    },
                    schema,
                });
            }
        }
        Some(Validation {
            required: required.into(),
            models: models.into(),
        })
    }

    fn model(&mut self, name: &'m str, place: &str) -> Option<Arc<Schema>> {
        if let Some(known) = self.compiled.get(name) {
            return known.clone();
        }
        let models = &self.api.models;
        let Some(definition) = models.get(name) else {
            self.errors.push(
                CompileError::new(place, format!("there is no model `{name}`"))
                    .hint("declare it among the API's models"),
            );
            return None;
        };
        let other = |reference: &str| models.get(model_name(reference)?);
        let schema = match Schema::compile(definition, &other) {
            Ok(schema) => Some(Arc::new(schema)),
            Err(faults) => {
                // RFC 6901, section 3.
                let key = name.replace('~', "~0").replace('/', "~1");
                self.errors.extend(faults.into_iter().map(|fault| {
                    let place = format!("{}/models/{key}{}", self.pointer, fault.pointer);
                    CompileError::new(place, fault.reason).hint("models are JSON Schema of draft 4")
                }));
                None
            }
        };
        self.compiled.insert(name, schema.clone());
        schema
    }
}

/// The name of the model that a `$ref` is to: by AWS's URL, or as OpenAPI documents have it.
fn model_name(reference: &str) -> Option<&str> {
    const URL: &str = "https://apigateway.amazonaws.com/restapis/";
    if let Some(rest) = reference.strip_prefix(URL) {
        return rest.split_once("/models/").map(|(_, name)| name);
    }
    ["#/definitions/", "#/components/schemas/"]
        .iter()
        .find_map(|prefix| reference.strip_prefix(prefix))
}

impl Parameter {
    /// Reads `method.request.PLACE.NAME`.
    fn parse(expression: &str) -> Option<Self> {
        let rest = expression.strip_prefix("method.request.")?;
        let (place, name) = rest.split_once('.')?;
        let place = match place {
            "header" => Place::Header,
            "path" => Place::Path,
            "querystring" => Place::Query,
            _ => return None,
        };
        (!name.is_empty()).then(|| Self {
            place,
            name: name.into(),
        })
    }
}
