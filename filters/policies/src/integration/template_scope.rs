//! What mapping templates see of one exchange, and what they set beside the body.

use super::context::IntegrationRequest;
use crate::denial::Denial;

/// A mapping template, compiled.
#[derive(Debug)]
pub(super) enum Template {}

/// What the templates of one exchange share: the request, and what the first of them has set.
#[derive(Debug)]
pub(super) struct TemplateScope<'r> {
    request: std::marker::PhantomData<&'r ()>,
}

/// What a request's template sets: `$context.requestOverride`.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    pub(super) headers: Vec<(String, Vec<String>)>,
    pub(super) query: Vec<(String, Vec<String>)>,
    pub(super) path: Vec<(String, String)>,
}

/// What either template sets: `$context.responseOverride`.
#[derive(Debug, Default)]
pub(super) struct AnswerOverrides {
    /// A status from 100 to 599; everything else is ignored.
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(String, Vec<String>)>,
}

impl<'r> TemplateScope<'r> {
    pub(super) fn new(_request: &IntegrationRequest<'r>) -> Self {
        Self {
            request: std::marker::PhantomData,
        }
    }

    /// What is set for the answer so far.
    pub(super) fn answer_overrides(&self) -> AnswerOverrides {
        AnswerOverrides::default()
    }
}

impl Template {
    /// Makes the body of the request for the back end from that of the client's, `body`.
    ///
    /// # Errors
    ///
    /// [`Denial::ApiConfigurationError`] when the template fails.
    pub(super) fn render_request(
        &self,
        _scope: &mut TemplateScope<'_>,
        _body: String,
    ) -> Result<(String, Overrides), Denial> {
        match *self {}
    }

    /// Makes the body of the answer for the client from that of the back end's, `body`.
    ///
    /// # Errors
    ///
    /// [`Denial::ApiConfigurationError`] when the template fails.
    pub(super) fn render_answer(
        &self,
        _scope: &mut TemplateScope<'_>,
        _body: String,
    ) -> Result<(String, AnswerOverrides), Denial> {
        match *self {}
    }
}
