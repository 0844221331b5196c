//! Mapping templates: Velocity with API Gateway's objects, `$input`, `$context`, `$util` and
//! `$stageVariables`.
//!
//! A [`MappingTemplate`] is compiled once. It is rendered in a [`TemplateScope`], which lives as
//! long as the exchange: what the request's template sets in `$context` the response's template
//! reads, and the overrides are read from it afterwards. Where the facts come from is a
//! [`TemplateRequest`]: a request of the gateway, or an event that a developer has written. Only
//! what a template names is asked for.
//!
//! ```
//! use attache_policies::mapping_template::{
//!     MappingTemplate, TemplateBody, TemplateEvent, TemplateScope,
//! };
//!
//! let template = MappingTemplate::compile(
//!     r#"#set($context.responseOverride.status = 404){"who": $input.json('$.name')}"#,
//! )?;
//! let event = TemplateEvent::read(r#"{"context": {"stage": "prod"}}"#)?;
//! let mut scope = TemplateScope::new(&event);
//! let body = TemplateBody::new(r#"{"name": "Rex"}"#.to_owned());
//! assert_eq!(template.render(&mut scope, body)?, r#"{"who": "Rex"}"#);
//! assert_eq!(scope.response_overrides().status, Some(404));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html>

mod body;
mod input;
mod needs;
mod overrides;
mod request;
mod scope;
mod util;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use attache_values::JsonPath;
use attache_values::json::JsonError;
use attache_velocity::{Context, Limits, RenderError, Template};

pub use attache_velocity::ParseError;
pub use body::TemplateBody;
pub use needs::ContextNeeds;
pub use overrides::{RequestOverrides, ResponseOverrides};
pub use request::{OperationContext, Place, RequestFacts, TemplateEvent, TemplateRequest};
pub use scope::TemplateScope;

use input::Input;
use needs::Needs;
use util::Util;

/// A mapping template, compiled. It can be shared and rendered any number of times.
pub struct MappingTemplate {
    template: Template,
    needs: Needs,
    /// The paths that stand in the text as constants.
    paths: Arc<BTreeMap<Box<str>, JsonPath>>,
}

/// Why a template could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// The template reads the body as JSON, and it cannot be read even in the widest sense.
    Body(JsonError),
    /// The template itself fails: a method that refuses its arguments, or a limit.
    Template(RenderError),
}

impl MappingTemplate {
    /// Compiles a template.
    ///
    /// # Errors
    ///
    /// The first place where the text is no template, with line and column.
    pub fn compile(text: &str) -> Result<Self, ParseError> {
        let template = Template::compile(text)?;
        let needs = Needs::of(text);
        let paths = needs.paths.iter().filter_map(|path| {
            // What does not compile fails when it is called, as on AWS.
            Some((path.clone(), JsonPath::compile(path).ok()?))
        });
        Ok(Self {
            template,
            paths: Arc::new(paths.collect()),
            needs,
        })
    }

    /// Renders the template with a message's body.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Body`] when the body is to be read as JSON and is none, and
    /// [`TemplateError::Template`] when the template fails. What the template has set until then
    /// stays in the scope.
    pub fn render(
        &self,
        scope: &mut TemplateScope<'_>,
        body: TemplateBody,
    ) -> Result<String, TemplateError> {
        let mut variables = Context::new();
        let mut input = None;
        if self.needs.input {
            let object = Rc::new(Input::new(
                body,
                scope.parameters(&self.needs.parameters),
                Arc::clone(&self.paths),
            ));
            variables.set("input", attache_values::Value::Object(object.clone()));
            input = Some(object);
        }
        if self.needs.util {
            variables.set("util", attache_values::Value::Object(Rc::new(Util)));
        }
        if let Some(context) = scope.context(&self.needs.context) {
            variables.set("context", context);
        }
        if self.needs.stage_variables {
            variables.set("stageVariables", scope.stage_variables());
        }
        let rendered = self.template.render(&variables, &Limits::default());
        rendered.map_err(|error| match input.and_then(|input| input.body_error()) {
            Some(error) => TemplateError::Body(error),
            None => TemplateError::Template(error),
        })
    }
}

impl fmt::Debug for MappingTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("MappingTemplate")
            .field(&self.template)
            .finish()
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(error) => write!(formatter, "the body is not JSON: {error}"),
            Self::Template(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for TemplateError {}
