//! Which of an integration's responses an answer becomes, and what is made of it.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-integration-settings-integration-response.html>

use std::borrow::Cow;
use std::sync::Arc;

use attache_java_regex::Pattern;
use attache_model::{self as model, ContentHandling};

use super::body::MappedBody;
use super::call::{BackEndAnswer, Fields};
use super::compile::{Deployment, SharedParts};
use super::content::Conversion;
use super::context::IntegrationRequest;
use super::encoding::Value;
use super::response::{Fate, custom_fate};
use super::response_parameters::ResponseParameters;
use super::templates::Templates;
use super::{Answered, LARGEST_ANSWER};
use crate::binary_media_types::BinaryMediaTypes;
use crate::compile_error::CompileError;
use crate::denial::Denial;
use crate::exchange::{Exchange, Reply};
use crate::execution_log::misconfigured;
use crate::headers::{HeaderEdit, is_field_name};
use crate::mapping_template::{TemplateBody, TemplateScope};

/// The responses of an integration.
#[derive(Debug)]
pub(super) struct IntegrationResponses {
    responses: Box<[IntegrationResponse]>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct IntegrationResponse {
    /// `None` for the default.
    pattern: Option<Arc<Pattern>>,
    status: u16,
    parameters: ResponseParameters,
    templates: Templates,
    content_handling: Option<ContentHandling>,
    /// Whether the back end's own fields pass beside the mapped ones.
    keeps_fields: bool,
}

/// By what a response is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selector {
    /// By a status code, or by the message of a function that has failed.
    Text(String),
    /// It is the default one: a function has answered.
    Default,
}

impl IntegrationResponses {
    pub(super) fn compile<'m>(
        definitions: &'m [model::IntegrationResponse],
        deployment: &Deployment<'_>,
        pointer: &str,
        shared: &mut SharedParts<'m>,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        let responses = definitions
            .iter()
            .enumerate()
            .map(|(position, definition)| {
                let pointer = format!("{pointer}/{position}");
                let pattern = definition
                    .selection_pattern
                    .as_deref()
                    .filter(|pattern| !pattern.is_empty());
                if !(200..=599).contains(&definition.status_code) {
                    errors.push(
                        CompileError::new(
                            format!("{pointer}/statusCode"),
                            format!(
                                "`{}` is not the status of an answer",
                                definition.status_code
                            ),
                        )
                        .hint("use a number from 200 to 599"),
                    );
                }
                IntegrationResponse {
                    pattern: pattern.and_then(|pattern| {
                        shared.pattern(pattern, &format!("{pointer}/selectionPattern"), errors)
                    }),
                    status: definition.status_code,
                    parameters: ResponseParameters::compile(
                        &definition.parameters,
                        deployment,
                        &format!("{pointer}/parameters"),
                        errors,
                    ),
                    templates: Templates::compile(
                        &definition.templates,
                        &format!("{pointer}/templates"),
                        shared,
                        errors,
                    ),
                    content_handling: definition.content_handling,
                    keeps_fields: false,
                }
            })
            .collect();
        Self { responses }
    }

    /// The same where the back end's own fields pass beside the mapped ones.
    pub(super) fn keeping_fields(mut self) -> Self {
        for response in &mut self.responses {
            response.keeps_fields = true;
        }
        self
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.responses.is_empty()
    }

    /// The first response whose pattern is the whole of the text, or the default one.
    ///
    /// # Errors
    ///
    /// [`Denial::ApiConfigurationError`] when there is neither, and when a pattern takes too many
    /// steps.
    pub(super) fn select(&self, selector: &Selector) -> Result<&IntegrationResponse, Denial> {
        if let Selector::Text(text) = selector {
            for response in &self.responses {
                if let Some(pattern) = &response.pattern
                    && pattern.is_full_match(text).map_err(|error| {
                        let pattern = pattern.as_str();
                        misconfigured(format_args!("The pattern `{pattern}`: {error}"))
                    })?
                {
                    return Ok(response);
                }
            }
        }
        self.responses
            .iter()
            .find(|response| response.pattern.is_none())
            .ok_or_else(|| {
                misconfigured(
                    "No match for output mapping and no default output mapping configured.",
                )
            })
    }
}

impl IntegrationResponse {
    /// Makes the client's answer of a back end's. A body that no mapping, template or conversion
    /// needs is not held.
    ///
    /// # Errors
    ///
    /// [`Denial::ApiConfigurationError`] when a field is mapped from a body that is not JSON, when
    /// the template fails or is to read bytes, when the body is to be decoded and is not Base64,
    /// or when it is over 10 MB.
    pub(super) async fn answer(
        &self,
        exchange: &Exchange,
        request: &IntegrationRequest<'_>,
        binary_media_types: &BinaryMediaTypes,
        scope: &mut TemplateScope<'_>,
        mut answer: BackEndAnswer,
    ) -> Result<Answered, Denial> {
        let accept = request.headers.last(b"accept");
        let conversion = Conversion::of_answer(
            self.content_handling,
            binary_media_types.contains(answer.headers.last(b"content-type")),
            binary_media_types.are_accepted(accept),
        );
        let template = self.templates.for_answer(accept);
        let holds =
            template.is_some() || self.parameters.read_body || !conversion.changes_nothing();
        let body = if holds {
            let body = answer.take_body(exchange).await;
            if body.len() > LARGEST_ANSWER {
                return Err(misconfigured("The answer is over 10485760 bytes."));
            }
            Some(body)
        } else {
            answer.body.take()
        };
        let mapped_body = match &body {
            Some(body) if self.parameters.read_body => {
                let read = MappedBody::read(body);
                Some(read.map_err(|_| misconfigured("Invalid JSON in response body"))?)
            }
            _ => None,
        };

        let mut fields = Fields::default();
        if self.keeps_fields {
            for (name, value) in answer.headers.iter().filter(|(name, _)| !is_framing(name)) {
                // What is no text is no name of a field.
                if let Ok(name) = str::from_utf8(name)
                    && !name.starts_with(':')
                {
                    fields.add(name.to_owned(), value.to_vec());
                }
            }
        }
        if template.is_some() || !fields.contains("content-type") {
            let content_type = template.map_or("application/json", |(name, _)| name);
            fields.set("content-type", content_type.as_bytes().to_vec());
        }
        for (name, value) in self
            .parameters
            .fields(request, &answer.headers, mapped_body.as_ref())
        {
            set_field(&mut fields, name, [value.into_field()]);
        }
        let body = match (body, template) {
            (Some(body), Some((_, template))) => {
                let text = conversion.text(body.into())?;
                let body = template
                    .render(scope, TemplateBody::new(text))
                    .map_err(|error| {
                        misconfigured(format_args!("Unable to transform response: {error}"))
                    })?;
                Some(body.into_bytes())
            }
            (Some(body), None) => Some(conversion.apply(body.into())?.into_owned()),
            (None, _) => None,
        };
        // The request's template may have set some, too.
        let overrides = scope.response_overrides();
        for (name, values) in overrides.headers {
            let name = name.to_ascii_lowercase();
            if is_field_name(&name) {
                let values = values.into_iter();
                let values = values.map(|value| Value::text(value.into_bytes()).into_field());
                set_field(&mut fields, &name, values);
            }
        }
        let status = overrides.status.unwrap_or(self.status);

        if status < 200 {
            // HTTP has no answer that ends with such a status.
            return Err(misconfigured(format_args!(
                "The status {status} ends no answer."
            )));
        }
        let has_body = !matches!(status, 204 | 304);
        if has_body && body.is_none() {
            let mut edits = fields.into_edits(&answer.headers, is_framing);
            if status != answer.status {
                edits.push(HeaderEdit::Set(
                    ":status".into(),
                    status.to_string().into_bytes(),
                ));
            }
            return Ok(Answered::PassThrough {
                status,
                headers: answer.headers,
                edits,
            });
        }
        let headers = fields.into_vec().into_iter();
        Ok(Answered::Reply(Reply {
            status,
            headers: headers
                .map(|(name, value)| (name.into_owned(), value))
                .collect(),
            body: body.filter(|_| has_body).unwrap_or_default(),
        }))
    }
}

/// Sets a field of the client's answer under the name that API Gateway lets it have.
fn set_field(fields: &mut Fields, name: &str, values: impl IntoIterator<Item = Vec<u8>>) {
    let name: Cow<'static, str> = match custom_fate(name) {
        Fate::Remapped(remapped) | Fate::Copied(remapped) => remapped.into(),
        Fate::Dropped => return,
        Fate::Passed => name.to_owned().into(),
    };
    fields.remove(&name);
    for value in values {
        fields.add(name.clone(), value);
    }
}

/// What says how long a body is, which passes with it.
fn is_framing(name: &[u8]) -> bool {
    matches!(
        name,
        b"content-length" | b"transfer-encoding" | b"connection"
    )
}
