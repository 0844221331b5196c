//! Whether a request has what its operation asks for: parameters first, then the body.
//!
//! ```text
//! required parameters  header fields, path, query string: there, and not blank
//! body                 the model of its content type, in JSON Schema draft 4
//! ```
//!
//! A body is held only where there is a model for it. One that is missing is validated as `{}`.
//! Schemas are compiled once, with those that they refer to.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html>

mod compile;

use std::sync::Arc;

use attache_values::json::{Document, ReadOptions, read};
use attache_values::json_schema::Schema;
use attache_values::{Map, Value};

use crate::denial::Denial;
use crate::exchange::Exchange;
use crate::headers::{Headers, media_type};
use crate::integration::encoding::pairs;
use crate::integration::held_body;
use crate::route::Route;

/// The validations of all operations.
#[derive(Debug)]
pub struct RequestValidations {
    /// By API, then by operation; `None` where every request passes.
    apis: Vec<Vec<Option<Validation>>>,
}

/// What the requests of one operation must have.
#[derive(Debug)]
struct Validation {
    /// In the order in which AWS names those that are missing.
    required: Box<[Parameter]>,
    models: Box<[Model]>,
}

/// A parameter that must be there.
#[derive(Debug, PartialEq, Eq)]
struct Parameter {
    place: Place,
    name: Box<str>,
}

/// Where a parameter stands, in the order in which AWS looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Header,
    Path,
    Query,
}

/// The model of the bodies of one content type.
#[derive(Debug)]
struct Model {
    /// In lower case, or [`DEFAULT`].
    media_type: Box<[u8]>,
    schema: Arc<Schema>,
}

/// The content type of the model for bodies that have no other.
const DEFAULT: &[u8] = b"$default";

/// The content type of a request that does not say.
const JSON: &[u8] = b"application/json";

impl RequestValidations {
    /// Lets a request pass that has what its operation asks for. Gives its body as it was read,
    /// when it was.
    ///
    /// # Errors
    ///
    /// - [`Denial::BadRequestParameters`] when parameters are missing. The body is not looked at
    ///   then.
    /// - [`Denial::BadRequestBody`] when the body is not JSON or does not fit its model.
    /// - [`Denial::RequestTooLarge`] for a body over 10 MB that did not say so beforehand.
    pub async fn validate(
        &self,
        exchange: &Exchange,
        route: Route<'_>,
    ) -> Result<Option<Document>, Denial> {
        let operations = self.apis.get(route.api);
        let validation = operations.and_then(|operations| operations.get(route.operation));
        let Some(Some(validation)) = validation else {
            return Ok(None);
        };
        validation.check_parameters(exchange.request(), route)?;
        match validation.model(exchange.request().last(b"content-type")) {
            Some(schema) => check_body(schema, held_body(exchange).await?).map(Some),
            None => Ok(None),
        }
    }
}

impl Validation {
    fn check_parameters(&self, headers: &Headers, route: Route<'_>) -> Result<(), Denial> {
        let missing = self.required.iter();
        let missing = missing.filter(|parameter| !parameter.is_there(headers, route));
        let missing: Vec<String> = missing
            .map(|parameter| parameter.name.to_string())
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Denial::BadRequestParameters { missing })
        }
    }

    /// The model for a content type; a body of one that has none is not validated.
    fn model(&self, content_type: Option<&[u8]>) -> Option<&Schema> {
        if self.models.is_empty() {
            return None;
        }
        let wanted = content_type.map_or_else(|| JSON.to_vec(), media_type);
        let of_type = |wanted: &[u8]| {
            let mut models = self.models.iter();
            models.find(|model| *model.media_type == *wanted)
        };
        let model = of_type(&wanted).or_else(|| of_type(DEFAULT))?;
        Some(&model.schema)
    }
}

impl Parameter {
    /// Whether a request has the parameter, and says something with it. Of several values the last
    /// counts.
    fn is_there(&self, headers: &Headers, route: Route<'_>) -> bool {
        let is_blank = |value: &[u8]| value.trim_ascii().is_empty();
        match self.place {
            Place::Header => headers
                .last(header_name(&self.name).as_bytes())
                .is_some_and(|value| !is_blank(value)),
            Place::Path => route
                .path_parameter(&self.name)
                .is_some_and(|value| !is_blank(value)),
            Place::Query => pairs(route.query)
                .rev()
                .find(|pair| pair.is_named(self.name.as_bytes()))
                .is_some_and(|pair| !is_blank(&pair.decoded_value().collect::<Vec<_>>())),
        }
    }
}

/// The name of a field as the proxy has it. AWS compares names with their case; HTTP has none, and
/// in HTTP/2 they have lost it.
fn header_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "host" => ":authority".to_owned(),
        _ => name,
    }
}

fn check_body(schema: &Schema, body: &[u8]) -> Result<Document, Denial> {
    let refused = |validation_error: String| Denial::BadRequestBody { validation_error };
    let document = if body.is_empty() {
        Document {
            value: Value::Map(Map::new()),
            strict: true,
        }
    } else {
        let text = str::from_utf8(body)
            .map_err(|_| refused("the body is not JSON: it is not UTF-8".to_owned()))?;
        let document = read(text, ReadOptions::default())
            .map_err(|fault| refused(format!("the body is not JSON: {fault}")))?;
        if !document.strict {
            return Err(refused("the body is not JSON".to_owned()));
        }
        document
    };
    let validated = schema.validate(&document.value);
    validated.map(|()| document).map_err(|errors| {
        let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
        refused(format!("[{}]", messages.join(", ")))
    })
}

#[cfg(test)]
mod tests;
