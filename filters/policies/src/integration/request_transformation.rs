//! What a request becomes for an integration that is not a proxy: the choice of a mapping
//! template, and what becomes of a body that none is for.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html>

use std::borrow::Cow;

use attache_model::{self as model, ContentHandling, PassthroughBehavior};
use attache_values::json::Document;

use super::body::MappedBody;
use super::call::Payload;
use super::compile::{Deployment, SharedParts};
use super::content::Conversion;
use super::context::IntegrationRequest;
use super::held_body;
use super::parameters::RequestParameters;
use super::request_headers::Recipient;
use super::templates::Templates;
use crate::compile_error::CompileError;
use crate::denial::Denial;
use crate::exchange::Exchange;
use crate::execution_log::misconfigured;
use crate::mapping_template::{RequestOverrides, TemplateBody, TemplateError, TemplateScope};

/// A request transformation, compiled.
#[derive(Debug)]
pub(super) struct RequestTransformation {
    pub(super) parameters: RequestParameters,
    templates: Templates,
    passthrough: PassthroughBehavior,
    content_handling: Option<ContentHandling>,
}

/// What one request has become.
#[derive(Debug)]
pub(super) struct TransformedRequest {
    /// The client's body, where a mapping reads it.
    pub(super) mapped_body: Option<MappedBody>,
    /// The body for the back end.
    pub(super) payload: Payload,
    /// What the template sets beside the body.
    pub(super) overrides: RequestOverrides,
}

impl RequestTransformation {
    pub(super) fn compile<'m>(
        definition: &'m model::RequestTransformation,
        recipient: Recipient,
        deployment: &Deployment<'_>,
        pointer: &str,
        shared: &mut SharedParts<'m>,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        Self {
            parameters: RequestParameters::compile(
                &definition.parameters,
                recipient,
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
            passthrough: definition.passthrough_behavior,
            content_handling: definition.content_handling,
        }
    }

    /// Whether a template may give values to what no parameter is mapped to.
    pub(super) const fn has_templates(&self) -> bool {
        !self.templates.is_empty()
    }

    /// Transforms a request, and holds its body where a mapping, a template or a conversion needs
    /// it. `document` is the body when it was read already.
    ///
    /// # Errors
    ///
    /// - [`Denial::UnsupportedMediaType`] when no template is for this type of body, and it may
    ///   not pass.
    /// - [`Denial::RequestTooLarge`] for a body over 10 MB that did not say so beforehand.
    /// - [`Denial::InvalidJsonInBody`] when a parameter or the template reads JSON of a body that
    ///   is none.
    /// - [`Denial::ApiConfigurationError`] when the template fails or is to read bytes, or the
    ///   body is to be decoded and is not Base64.
    pub(super) async fn transform(
        &self,
        exchange: &Exchange,
        request: &IntegrationRequest<'_>,
        is_binary: bool,
        document: Option<Document>,
        scope: &mut TemplateScope<'_>,
    ) -> Result<TransformedRequest, Denial> {
        let template = self
            .templates
            .for_request(request.headers.last(b"content-type"));
        if template.is_none() && self.refuses() {
            return Err(Denial::UnsupportedMediaType);
        }
        let conversion = Conversion::of_request(self.content_handling, is_binary);
        let mapped_body = if self.parameters.read_body {
            let body = held_body(exchange).await?;
            Some(MappedBody::read(body).map_err(|_| Denial::InvalidJsonInBody)?)
        } else {
            None
        };
        let mut overrides = RequestOverrides::default();
        let payload = if let Some(template) = template {
            let text = conversion.text(held_body(exchange).await?.into())?;
            let body = template
                .render(
                    scope,
                    match document {
                        Some(document) if conversion.changes_nothing() => {
                            TemplateBody::with_document(text, document)
                        }
                        _ => TemplateBody::new(text),
                    },
                )
                .map_err(untransformed)?;
            overrides = scope.request_overrides();
            Payload::Replaced(body.into_bytes())
        } else if conversion.changes_nothing() {
            Payload::AsSent
        } else {
            let body = Cow::Borrowed(held_body(exchange).await?);
            Payload::Replaced(conversion.apply(body)?.into_owned())
        };
        Ok(TransformedRequest {
            mapped_body,
            payload,
            overrides,
        })
    }

    /// Whether a body that no template is for is refused.
    const fn refuses(&self) -> bool {
        match self.passthrough {
            PassthroughBehavior::WhenNoMatch => false,
            PassthroughBehavior::WhenNoTemplates => !self.templates.is_empty(),
            PassthroughBehavior::Never => true,
        }
    }
}

fn untransformed(error: TemplateError) -> Denial {
    let denial = misconfigured(format_args!("Unable to transform request: {error}"));
    match error {
        TemplateError::Body(_) => Denial::InvalidJsonInBody,
        TemplateError::Template(_) => denial,
    }
}
