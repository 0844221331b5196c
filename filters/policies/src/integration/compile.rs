//! From the configuration document to integrations, shared between stages wherever they do not
//! differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_java_regex::Pattern;
use attache_model::{self as model, Api, Gateway, Protocol, Stage, Verb};

use super::http_api::HttpApiResponses;
use super::http_proxy::HttpProxy;
use super::upstream::Upstream;
use super::uri::has_stage_variables;
use super::{Custom, Integration};
use crate::binary_media_types::BinaryMediaTypes;
use crate::compile_error::CompileError;
use crate::lambda_event;
use crate::lambda_proxy::{LambdaPlace, LambdaProxy};
use crate::mapping_template::{MappingTemplate, OperationContext};
use crate::route::parameter_names;

/// The integrations of all operations in all stages.
#[derive(Debug)]
pub struct Integrations {
    /// By API, then by operation.
    apis: Vec<Vec<Compiled>>,
    endpoints: Endpoints,
}

#[derive(Debug)]
enum Compiled {
    /// The same in every stage.
    Shared(Box<Integration>),
    /// By stage, because stage variables differ.
    PerStage(Box<[Integration]>),
}

/// A back end and the name that the proxy has for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) upstream: Upstream,
    pub(super) cluster: String,
}

/// Every back end once.
#[derive(Debug, Default)]
pub(super) struct Endpoints(BTreeMap<Upstream, Arc<Endpoint>>);

impl Endpoints {
    pub(super) fn intern(&mut self, upstream: Upstream) -> Arc<Endpoint> {
        let cluster = || upstream.cluster();
        let endpoint = self.0.entry(upstream.clone()).or_insert_with(|| {
            Arc::new(Endpoint {
                cluster: cluster(),
                upstream: upstream.clone(),
            })
        });
        Arc::clone(endpoint)
    }

    /// The same for a back end that is called under its cluster's name alone.
    fn need(&mut self, upstream: Option<&Upstream>) {
        if let Some(upstream) = upstream {
            self.intern(upstream.clone());
        }
    }
}

/// What an integration is compiled for: one operation in one stage.
pub(super) struct Deployment<'m> {
    pub(super) account_id: &'m str,
    pub(super) api_id: Arc<str>,
    pub(super) protocol: Protocol,
    pub(super) stage: &'m Stage,
    /// `$context.isCanaryRequest`
    pub(super) is_canary_request: Option<bool>,
    pub(super) resource_path: &'m str,
    pub(super) method: Verb,
    /// `None` when the path cannot be read, which is a fault of the route and reported there.
    pub(super) path_parameters: Option<Vec<&'m str>>,
    /// Where AWS's services are.
    pub(super) endpoints: &'m model::Endpoints,
    pub(super) binary_media_types: Arc<BinaryMediaTypes>,
}

impl Deployment<'_> {
    /// What mapping templates read of it.
    pub(super) fn context(&self) -> OperationContext {
        OperationContext::new(
            self.account_id,
            &self.api_id,
            self.stage,
            self.is_canary_request,
            self.resource_path,
        )
    }
}

/// What many integrations have in common, and is compiled once.
#[derive(Default)]
pub(super) struct SharedParts<'m> {
    pub(super) endpoints: Endpoints,
    /// By their text; `None` for what does not compile, and is reported where it stands first.
    templates: BTreeMap<&'m str, Option<Arc<MappingTemplate>>>,
    patterns: BTreeMap<&'m str, Option<Arc<Pattern>>>,
}

impl<'m> SharedParts<'m> {
    /// A mapping template, which stands at `pointer`.
    pub(super) fn template(
        &mut self,
        text: &'m str,
        pointer: &str,
        errors: &mut Vec<CompileError>,
    ) -> Option<Arc<MappingTemplate>> {
        let compiled =
            self.templates
                .entry(text)
                .or_insert_with(|| match MappingTemplate::compile(text) {
                    Ok(template) => Some(Arc::new(template)),
                    Err(fault) => {
                        errors.push(
                            CompileError::new(
                                pointer,
                                format!("it is not a mapping template: {fault}"),
                            )
                            .hint(
                                "see AWS's reference of mapping templates for what can be written",
                            ),
                        );
                        None
                    }
                });
        compiled.clone()
    }

    /// A pattern, which stands at `pointer`.
    pub(super) fn pattern(
        &mut self,
        text: &'m str,
        pointer: &str,
        errors: &mut Vec<CompileError>,
    ) -> Option<Arc<Pattern>> {
        let compiled = self
            .patterns
            .entry(text)
            .or_insert_with(|| match Pattern::compile(text) {
                Ok(pattern) => Some(Arc::new(pattern)),
                Err(fault) => {
                    errors.push(
                        CompileError::new(
                            pointer,
                            format!("`{text}` is not a regular expression of Java's: {fault}"),
                        )
                        .hint("see java.util.regex.Pattern for what can be written"),
                    );
                    None
                }
            });
        compiled.clone()
    }
}

impl Deployment<'_> {
    /// `$context.routeKey`: `$default`, or method and path of the route.
    pub(super) fn route_key(&self) -> String {
        if self.resource_path.starts_with('/') {
            format!("{} {}", self.method.as_str(), self.resource_path)
        } else {
            self.resource_path.to_owned()
        }
    }

    pub(super) fn has_path_parameter(&self, name: &str) -> bool {
        self.path_parameters
            .as_ref()
            .is_none_or(|names| names.contains(&name))
    }
}

impl Integrations {
    /// Compiles every integration.
    ///
    /// # Errors
    ///
    /// Every fault of an integration that AWS refuses too, or that this gateway cannot serve,
    /// each with its JSON pointer. An endpoint that only a stage variable makes invalid is not
    /// one: its calls are refused, as AWS does.
    pub fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let mut shared = SharedParts::default();
        let apis = gateway
            .apis
            .iter()
            .enumerate()
            .map(|(position, api)| {
                let pointer = format!("/apis/{position}");
                compile_api(gateway, api, &pointer, &mut shared, &mut errors)
            })
            .collect();
        if errors.is_empty() {
            Ok(Self {
                apis,
                endpoints: shared.endpoints,
            })
        } else {
            Err(errors)
        }
    }

    /// The integration of an operation in a stage, all counted from 0.
    #[must_use]
    pub fn get(&self, api: usize, stage: usize, operation: usize) -> Option<&Integration> {
        match self.apis.get(api)?.get(operation)? {
            Compiled::Shared(integration) => Some(integration),
            Compiled::PerStage(stages) => stages.get(stage),
        }
    }

    /// Every back end once, in a stable order: the clusters that the proxy needs.
    pub fn upstreams(&self) -> impl Iterator<Item = &Upstream> {
        self.endpoints.0.keys()
    }
}

/// What becomes of the requests and answers of routes that are the proxy's own.
#[derive(Debug)]
pub(crate) struct Transformations(Vec<Custom>);

impl Transformations {
    /// Compiles the operations of the one API of a gateway in its one stage. What stands there as
    /// a mock's is what becomes of the operation's messages.
    ///
    /// # Errors
    ///
    /// Every fault, each with its JSON pointer.
    pub(crate) fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let mut shared = SharedParts::default();
        let mut compiled = Vec::new();
        for api in &gateway.apis {
            let binary_media_types = Arc::new(BinaryMediaTypes::compile(&api.binary_media_types));
            for stage in &api.stages {
                for (position, operation) in api.operations.iter().enumerate() {
                    let model::Integration::Mock(definition) = &operation.integration else {
                        continue;
                    };
                    let deployment = Deployment {
                        method: operation.method,
                        account_id: &gateway.account.id,
                        api_id: api.id.as_str().into(),
                        protocol: api.protocol,
                        stage,
                        is_canary_request: None,
                        resource_path: &operation.path,
                        path_parameters: parameter_names(&operation.path, api.protocol),
                        endpoints: &gateway.endpoints,
                        binary_media_types: Arc::clone(&binary_media_types),
                    };
                    let pointer = format!("/operations/{position}");
                    match Custom::routed(definition, &deployment, &pointer, &mut shared) {
                        Ok(custom) => compiled.push(custom),
                        Err(faults) => errors.extend(faults),
                    }
                }
            }
        }
        if errors.is_empty() {
            Ok(Self(compiled))
        } else {
            Err(errors)
        }
    }

    /// The transformation of an operation, counted from 0.
    pub(crate) fn get(&self, operation: usize) -> Option<&Custom> {
        self.0.get(operation)
    }
}

fn compile_api<'m>(
    gateway: &'m Gateway,
    api: &'m Api,
    pointer: &str,
    shared: &mut SharedParts<'m>,
    errors: &mut Vec<CompileError>,
) -> Vec<Compiled> {
    let api_id: Arc<str> = api.id.as_str().into();
    let binary_media_types = Arc::new(BinaryMediaTypes::compile(&api.binary_media_types));
    let lambda_deployments = lambda_event::Deployment::of(gateway, api);
    let mut certificates = api.stages.iter().map(|stage| &stage.client_certificate_id);
    let first_certificate = certificates.next();
    let own_certificates = certificates.any(|other| Some(other) != first_certificate);
    let mut compiled = Vec::with_capacity(api.operations.len());
    for (position, operation) in api.operations.iter().enumerate() {
        let pointer = format!("{pointer}/operations/{position}/integration");
        let mut in_stage =
            |(stage, lambda_deployment): (&Stage, &Arc<lambda_event::Deployment>)| {
                let deployment = Deployment {
                    account_id: &gateway.account.id,
                    api_id: Arc::clone(&api_id),
                    protocol: api.protocol,
                    stage,
                    is_canary_request: lambda_deployment.is_canary_request,
                    resource_path: &operation.path,
                    method: operation.method,
                    path_parameters: parameter_names(&operation.path, api.protocol),
                    endpoints: &gateway.endpoints,
                    binary_media_types: Arc::clone(&binary_media_types),
                };
                let lambda = LambdaPlace {
                    api,
                    operation,
                    deployment: lambda_deployment,
                    endpoints: &gateway.endpoints,
                    pointer: &pointer,
                };
                compile_integration(&operation.integration, &deployment, lambda, shared)
                    .map_err(|faults| {
                        for fault in faults {
                            // Stages mostly have their faults in common.
                            if !errors.contains(&fault) {
                                errors.push(fault);
                            }
                        }
                    })
                    .ok()
            };
        let mut stages = api.stages.iter().zip(&lambda_deployments);
        compiled.push(match stages.next() {
            Some(first) if !differs_by_stage(&operation.integration) && !own_certificates => {
                match in_stage(first) {
                    Some(integration) => Compiled::Shared(Box::new(integration)),
                    None => Compiled::PerStage(Box::default()),
                }
            }
            first => Compiled::PerStage(
                first
                    .into_iter()
                    .chain(stages)
                    .filter_map(in_stage)
                    .collect(),
            ),
        });
    }
    compiled
}

fn compile_integration<'m>(
    integration: &'m model::Integration,
    deployment: &Deployment<'_>,
    lambda: LambdaPlace<'_>,
    shared: &mut SharedParts<'m>,
) -> Result<Integration, Vec<CompileError>> {
    let pointer = lambda.pointer;
    let of_rest_apis = |name: &str| {
        if deployment.protocol == Protocol::Rest {
            return Ok(format!("{pointer}/{name}"));
        }
        let fault = CompileError::new(
            format!("{pointer}/{name}"),
            "an HTTP API has no integrations of this type",
        );
        Err(vec![
            fault.hint("use HTTP_PROXY or AWS_PROXY, or a REST API"),
        ])
    };
    match integration {
        model::Integration::HttpProxy(definition) => {
            let pointer = format!("{pointer}/httpProxy");
            HttpProxy::compile(definition, deployment, &pointer, &mut shared.endpoints)
                .map(Integration::HttpProxy)
        }
        model::Integration::Http(definition) => {
            let pointer = of_rest_apis("http")?;
            Custom::http(definition, deployment, &pointer, shared).map(Integration::Custom)
        }
        model::Integration::Aws(definition) => {
            let pointer = of_rest_apis("aws")?;
            Custom::aws(definition, deployment, &pointer, shared).map(Integration::Custom)
        }
        model::Integration::Mock(definition) => {
            let pointer = of_rest_apis("mock")?;
            Custom::mock(definition, deployment, &pointer, shared).map(Integration::Custom)
        }
        model::Integration::AwsProxy(definition) => {
            let pointer = &format!("{pointer}/awsProxy");
            let place = LambdaPlace { pointer, ..lambda };
            let responses = response_parameters(definition, deployment, pointer)?;
            let integration = LambdaProxy::compile(definition, &place, responses)?;
            shared.endpoints.need(integration.upstream());
            Ok(Integration::LambdaProxy(integration))
        }
    }
}

/// What HTTP APIs change on the response of a function.
fn response_parameters(
    definition: &model::AwsProxy,
    deployment: &Deployment<'_>,
    pointer: &str,
) -> Result<HttpApiResponses, Vec<CompileError>> {
    let pointer = format!("{pointer}/responseParameters");
    if deployment.protocol == Protocol::Rest && !definition.response_parameters.is_empty() {
        return Err(vec![of_http_apis(pointer)]);
    }
    let mut errors = Vec::new();
    let parameters = &definition.response_parameters;
    let responses = HttpApiResponses::compile(parameters, deployment, &pointer, &mut errors);
    if errors.is_empty() {
        Ok(responses)
    } else {
        Err(errors)
    }
}

/// Mappings by status code that a REST API has.
pub(super) fn of_http_apis(pointer: String) -> CompileError {
    CompileError::new(
        pointer,
        "response parameters by status code are for HTTP APIs only",
    )
    .hint("use an HTTP or AWS integration, whose integration responses can be mapped")
}

/// Whether what is compiled of an integration depends on the stage. That of a template does not,
/// but `$context` and `$stageVariables` do.
fn differs_by_stage(integration: &model::Integration) -> bool {
    let reads_stage = |expression: &String| {
        // Values of HTTP APIs have them in the middle, too.
        [
            "stageVariables.",
            "context.stage",
            "context.deploymentId",
            "context.isCanaryRequest",
        ]
        .iter()
        .any(|name| expression.contains(name))
    };
    let transforms = |request: &model::RequestTransformation,
                      responses: &[model::IntegrationResponse]| {
        !request.templates.is_empty()
            || request.parameters.values().any(reads_stage)
            || responses.iter().any(|response| {
                !response.templates.is_empty() || response.parameters.values().any(reads_stage)
            })
    };
    match integration {
        model::Integration::HttpProxy(definition) => {
            has_stage_variables(&definition.uri)
                || definition.request_parameters.values().any(reads_stage)
                || definition
                    .response_parameters
                    .values()
                    .any(|response| response.values().any(reads_stage))
        }
        model::Integration::Http(definition) => {
            has_stage_variables(&definition.uri)
                || transforms(&definition.request, &definition.responses)
        }
        model::Integration::Aws(definition) => {
            has_stage_variables(&definition.uri)
                || transforms(&definition.request, &definition.responses)
        }
        model::Integration::Mock(definition) => {
            transforms(&definition.request, &definition.responses)
        }
        model::Integration::AwsProxy(_) => true,
    }
}

/// The method for the back end; `None` for the client's own.
pub(super) fn method(
    name: Option<&str>,
    pointer: &str,
    errors: &mut Vec<CompileError>,
) -> Option<Verb> {
    let name = name?.to_ascii_uppercase();
    if name == Verb::Any.as_str() {
        return None;
    }
    let verb = Verb::from_request(name.as_bytes());
    if verb.is_none() {
        errors.push(
            CompileError::new(
                format!("{pointer}/httpMethod"),
                format!("`{name}` is not a method that API Gateway sends"),
            )
            .hint(
                "use DELETE, GET, HEAD, OPTIONS, PATCH, POST or PUT, or ANY for the client's own",
            ),
        );
    }
    verb
}

/// Time-outs are those that AWS allows.
pub(super) fn check_timeout(
    millis: u32,
    deployment: &Deployment<'_>,
    pointer: &str,
    errors: &mut Vec<CompileError>,
) {
    let longest = match deployment.protocol {
        Protocol::Rest => 29_000,
        Protocol::Http => 30_000,
    };
    if !(50..=longest).contains(&millis) {
        errors.push(
            CompileError::new(
                format!("{pointer}/timeoutInMillis"),
                format!("a time-out of {millis} milliseconds is out of range"),
            )
            .hint(format!("use 50 to {longest} milliseconds")),
        );
    }
}
