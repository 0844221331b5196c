//! From the configuration document to an integration that is not a proxy.

use std::sync::Arc;

use attache_model as model;

use super::{BackEnd, Custom, Kind, Remote};
use crate::compile_error::CompileError;
use crate::integration::compile::{Deployment, SharedParts, check_timeout, method};
use crate::integration::destination::{self, Destination};
use crate::integration::integration_response::IntegrationResponses;
use crate::integration::request_headers::Recipient;
use crate::integration::request_transformation::RequestTransformation;
use crate::integration::service;
use crate::integration::uri::Placeholder;

impl Custom {
    /// Compiles an `HTTP` integration for one operation in one stage.
    pub(in crate::integration) fn http<'m>(
        definition: &'m model::Http,
        deployment: &Deployment<'_>,
        pointer: &str,
        shared: &mut SharedParts<'m>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let request = RequestTransformation::compile(
            &definition.request,
            Recipient::Http,
            deployment,
            &format!("{pointer}/request"),
            shared,
            &mut errors,
        );
        let destination = Destination::compile(
            &destination::Definition {
                uri: &definition.uri,
                tls: &definition.tls,
                vpc_link: definition.vpc_link.as_deref(),
                pointer,
            },
            deployment,
            |name| placeholder(&request, name),
            &mut shared.endpoints,
            &mut errors,
        );
        let remote = Remote {
            kind: Kind::Http,
            destination,
            method: method(definition.http_method.as_deref(), pointer, &mut errors),
            timeout_millis: definition.timeout_in_millis,
        };
        check_timeout(remote.timeout_millis, deployment, pointer, &mut errors);
        Self::with_responses(
            request,
            BackEnd::Remote(remote),
            &definition.responses,
            deployment,
            pointer,
            shared,
            errors,
        )
    }

    /// Compiles an `AWS` integration for one operation in one stage.
    pub(in crate::integration) fn aws<'m>(
        definition: &'m model::Aws,
        deployment: &Deployment<'_>,
        pointer: &str,
        shared: &mut SharedParts<'m>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let request = RequestTransformation::compile(
            &definition.request,
            Recipient::Aws,
            deployment,
            &format!("{pointer}/request"),
            shared,
            &mut errors,
        );
        let called = service::compile(
            &definition.uri,
            deployment,
            pointer,
            |name| placeholder(&request, name),
            &mut shared.endpoints,
            &mut errors,
        );
        let (kind, destination) = match called {
            Some(called) => {
                let kind = if called.is_function {
                    Kind::Function
                } else {
                    Kind::Service {
                        target: called.target,
                    }
                };
                (kind, Some(called.destination))
            }
            None => (Kind::Service { target: None }, None),
        };
        let remote = Remote {
            kind,
            destination,
            method: method(definition.http_method.as_deref(), pointer, &mut errors),
            timeout_millis: definition.timeout_in_millis,
        };
        check_timeout(remote.timeout_millis, deployment, pointer, &mut errors);
        Self::with_responses(
            request,
            BackEnd::Remote(remote),
            &definition.responses,
            deployment,
            pointer,
            shared,
            errors,
        )
    }

    /// Compiles a `MOCK` integration for one operation in one stage.
    pub(in crate::integration) fn mock<'m>(
        definition: &'m model::Mock,
        deployment: &Deployment<'_>,
        pointer: &str,
        shared: &mut SharedParts<'m>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let request = RequestTransformation::compile(
            &definition.request,
            Recipient::Nobody,
            deployment,
            &format!("{pointer}/request"),
            shared,
            &mut errors,
        );
        Self::with_responses(
            request,
            BackEnd::Mock,
            &definition.responses,
            deployment,
            pointer,
            shared,
            errors,
        )
    }

    /// Compiles what becomes of the requests and answers of a route of the proxy's own. Without
    /// responses the answers pass as they are.
    pub(in crate::integration) fn routed<'m>(
        definition: &'m model::Mock,
        deployment: &Deployment<'_>,
        pointer: &str,
        shared: &mut SharedParts<'m>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let request = RequestTransformation::compile(
            &definition.request,
            Recipient::Http,
            deployment,
            &format!("{pointer}/request"),
            shared,
            &mut errors,
        );
        let mut compiled = Self::with_responses(
            request,
            BackEnd::Routed,
            &definition.responses,
            deployment,
            pointer,
            shared,
            errors,
        )?;
        compiled.responses = compiled.responses.keeping_fields();
        Ok(compiled)
    }

    fn with_responses<'m>(
        request: RequestTransformation,
        back_end: BackEnd,
        responses: &'m [model::IntegrationResponse],
        deployment: &Deployment<'_>,
        pointer: &str,
        shared: &mut SharedParts<'m>,
        mut errors: Vec<CompileError>,
    ) -> Result<Self, Vec<CompileError>> {
        let responses = IntegrationResponses::compile(
            responses,
            deployment,
            &format!("{pointer}/responses"),
            shared,
            &mut errors,
        );
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            request,
            back_end,
            responses,
            binary_media_types: Arc::clone(&deployment.binary_media_types),
            api_id: Arc::clone(&deployment.api_id),
            context: deployment.context(),
        })
    }
}

/// What a placeholder of the URI stands for. Only a template can give a value to one that no
/// parameter is mapped to.
fn placeholder(request: &RequestTransformation, name: &str) -> Option<Placeholder> {
    let source = request.parameters.path.get(name).cloned();
    (source.is_some() || request.has_templates()).then(|| Placeholder {
        name: name.into(),
        source,
    })
}
