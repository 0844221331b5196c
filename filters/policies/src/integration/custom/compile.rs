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
        let mut compilation = Compilation::begin(deployment, pointer, shared);
        let request = compilation.request(&definition.request, Recipient::Http);
        let destination = Destination::compile(
            &destination::Definition {
                uri: &definition.uri,
                tls: &definition.tls,
                vpc_link: definition.vpc_link.as_deref(),
                pointer,
            },
            deployment,
            |name| placeholder(&request, name),
            &mut compilation.shared.endpoints,
            &mut compilation.errors,
        );
        let remote = compilation.remote(
            Kind::Http,
            destination,
            definition.http_method.as_deref(),
            definition.timeout_in_millis,
        );
        compilation.end(request, remote, &definition.responses)
    }

    /// Compiles an `AWS` integration for one operation in one stage.
    pub(in crate::integration) fn aws<'m>(
        definition: &'m model::Aws,
        deployment: &Deployment<'_>,
        pointer: &str,
        shared: &mut SharedParts<'m>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut compilation = Compilation::begin(deployment, pointer, shared);
        let request = compilation.request(&definition.request, Recipient::Aws);
        let called = service::compile(
            &definition.uri,
            deployment,
            pointer,
            |name| placeholder(&request, name),
            &mut compilation.shared.endpoints,
            &mut compilation.errors,
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
        let remote = compilation.remote(
            kind,
            destination,
            definition.http_method.as_deref(),
            definition.timeout_in_millis,
        );
        compilation.end(request, remote, &definition.responses)
    }

    /// Compiles a `MOCK` integration for one operation in one stage.
    pub(in crate::integration) fn mock<'m>(
        definition: &'m model::Mock,
        deployment: &Deployment<'_>,
        pointer: &str,
        shared: &mut SharedParts<'m>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut compilation = Compilation::begin(deployment, pointer, shared);
        let request = compilation.request(&definition.request, Recipient::Nobody);
        compilation.end(request, BackEnd::Mock, &definition.responses)
    }

    /// Compiles what becomes of the requests and answers of a route of the proxy's own. Without
    /// responses the answers pass as they are.
    pub(in crate::integration) fn routed<'m>(
        definition: &'m model::Mock,
        deployment: &Deployment<'_>,
        pointer: &str,
        shared: &mut SharedParts<'m>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut compilation = Compilation::begin(deployment, pointer, shared);
        let request = compilation.request(&definition.request, Recipient::Http);
        let mut compiled = compilation.end(request, BackEnd::Routed, &definition.responses)?;
        compiled.responses = compiled.responses.keeping_fields();
        Ok(compiled)
    }
}

/// One integration while it is compiled, and what is wrong with it so far.
struct Compilation<'c, 'd, 'm> {
    deployment: &'c Deployment<'d>,
    pointer: &'c str,
    shared: &'c mut SharedParts<'m>,
    errors: Vec<CompileError>,
}

impl<'c, 'd, 'm> Compilation<'c, 'd, 'm> {
    const fn begin(
        deployment: &'c Deployment<'d>,
        pointer: &'c str,
        shared: &'c mut SharedParts<'m>,
    ) -> Self {
        Self {
            deployment,
            pointer,
            shared,
            errors: Vec::new(),
        }
    }

    fn request(
        &mut self,
        definition: &'m model::RequestTransformation,
        recipient: Recipient,
    ) -> RequestTransformation {
        RequestTransformation::compile(
            definition,
            recipient,
            self.deployment,
            &format!("{}/request", self.pointer),
            self.shared,
            &mut self.errors,
        )
    }

    fn remote(
        &mut self,
        kind: Kind,
        destination: Option<Destination>,
        http_method: Option<&str>,
        timeout_millis: u32,
    ) -> BackEnd {
        let method = method(http_method, self.pointer, &mut self.errors);
        check_timeout(
            timeout_millis,
            self.deployment,
            self.pointer,
            &mut self.errors,
        );
        BackEnd::Remote(Remote {
            kind,
            destination,
            method,
            timeout_millis,
        })
    }

    fn end(
        mut self,
        request: RequestTransformation,
        back_end: BackEnd,
        responses: &'m [model::IntegrationResponse],
    ) -> Result<Custom, Vec<CompileError>> {
        let responses = IntegrationResponses::compile(
            responses,
            self.deployment,
            &format!("{}/responses", self.pointer),
            self.shared,
            &mut self.errors,
        );
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        Ok(Custom {
            request,
            back_end,
            responses,
            binary_media_types: Arc::clone(&self.deployment.binary_media_types),
            api_id: Arc::clone(&self.deployment.api_id),
            context: self.deployment.context(),
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
