//! What a cache tells requests apart by: `cacheKeyParameters`.
//!
//! A parameter of the method counts with all its values, in their order; one of the integration
//! with what the integration's mapping makes of the request. Names of header fields are the same in
//! any case, and values are never: they count as the back end would read them.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{self as model, Api, Gateway, Operation, Stage};

use super::body::MappedBody;
use super::compile::Deployment;
use super::context::IntegrationRequest;
use super::encoding::pairs;
use super::mapping::{MappingFault, Source};
use crate::binary_media_types::BinaryMediaTypes;
use crate::compile_error::CompileError;
use crate::response_cache::key::KeyParts;
use crate::route::parameter_names;

/// `cacheKeyParameters` of an operation in one stage, compiled.
#[derive(Debug)]
pub(crate) struct CacheKeyParameters {
    /// By name, so that it does not matter how they are ordered in the definition.
    parameters: BTreeMap<String, Parameter>,
    reads_body: bool,
}

#[derive(Debug)]
enum Parameter {
    Header(Box<[u8]>),
    Query(Box<[u8]>),
    Path(Box<str>),
    /// `None` for a mapping that never has a value.
    Mapped(Option<Source>),
}

impl CacheKeyParameters {
    /// Compiles the parameters of an operation, which stands at `pointer`.
    pub(crate) fn compile(
        gateway: &Gateway,
        api: &Api,
        stage: &Stage,
        operation: &Operation,
        pointer: &str,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        let deployment = Deployment {
            account_id: &gateway.account.id,
            api_id: api.id.as_str().into(),
            protocol: api.protocol,
            stage,
            is_canary_request: gateway.is_canary_request(api, stage),
            resource_path: &operation.path,
            method: operation.method,
            path_parameters: parameter_names(&operation.path, api.protocol),
            endpoints: &gateway.endpoints,
            binary_media_types: Arc::new(BinaryMediaTypes::compile(&api.binary_media_types)),
        };
        let mut compiled = Self {
            parameters: BTreeMap::new(),
            reads_body: false,
        };
        for (position, expression) in operation.cache_key.parameters.iter().enumerate() {
            match Parameter::parse(expression, &operation.integration, &deployment) {
                Ok((name, parameter)) => {
                    compiled.reads_body |=
                        matches!(parameter, Parameter::Mapped(Some(Source::Body(_))));
                    compiled.parameters.insert(name, parameter);
                }
                Err(fault) => {
                    errors.push(fault.at(format!("{pointer}/cacheKey/parameters/{position}")));
                }
            }
        }
        compiled
    }

    /// Whether a header field is in the key, by what the client says or by what the back end is
    /// told. `name` is in lower case.
    pub(crate) fn has_header(&self, name: &str) -> bool {
        ["method", "integration"]
            .iter()
            .any(|of| self.parameters.contains_key(&format!("{of}.header.{name}")))
    }

    /// Whether a value comes from the request's body.
    pub(crate) const fn reads_body(&self) -> bool {
        self.reads_body
    }

    /// Adds what one request has to a key; `None` when its body, which is handed over where it is
    /// [read](Self::reads_body), is not what the mappings can read.
    pub(crate) fn add(
        &self,
        mut key: KeyParts,
        request: &IntegrationRequest<'_>,
        body: Option<&[u8]>,
    ) -> Option<KeyParts> {
        let body = match body {
            Some(body) => Some(MappedBody::read(body).ok()?),
            None => None,
        };
        for (name, parameter) in &self.parameters {
            key.push(name.as_bytes());
            match parameter {
                Parameter::Header(name) => key.push_values(request.headers.all(name)),
                Parameter::Query(name) => key.push_values(
                    pairs(request.route.query)
                        .filter(|pair| pair.is_named(name))
                        .map(|pair| pair.value().into_bytes()),
                ),
                Parameter::Path(name) => key.push_values(request.route.path_parameter(name)),
                Parameter::Mapped(source) => key.push_values(
                    source
                        .iter()
                        .flat_map(|source| source.all_values(request, body.as_ref()))
                        .map(|value| value.into_bytes()),
                ),
            }
        }
        Some(key)
    }
}

impl Parameter {
    /// Reads an expression: the parameter, and its one name.
    fn parse(
        expression: &str,
        integration: &model::Integration,
        deployment: &Deployment<'_>,
    ) -> Result<(String, Self), MappingFault> {
        let unknown = || {
            MappingFault::new(
                format!("`{expression}` is not a parameter of a cache key"),
                "write `method.request.{path,querystring,header}.NAME`, or \
                 `integration.request.{path,querystring,header}.NAME`",
            )
        };
        let (of, rest) = expression.split_once(".request.").ok_or_else(unknown)?;
        let (kind, name) = rest
            .split_once('.')
            .filter(|(_, name)| !name.is_empty())
            .ok_or_else(unknown)?;
        let (kind, name) = match kind {
            "header" | "multivalueheader" => ("header", name.to_ascii_lowercase()),
            "querystring" | "multivaluequerystring" => ("querystring", name.to_owned()),
            "path" => ("path", name.to_owned()),
            _ => return Err(unknown()),
        };
        let full_name = format!("{of}.{kind}.{name}");
        let parameter = match (of, kind) {
            ("method", "header") if name == "host" => Self::Header((*b":authority").into()),
            ("method", "header") => Self::Header(name.into_bytes().into()),
            ("method", "querystring") => Self::Query(name.into_bytes().into()),
            ("method", _) if deployment.has_path_parameter(&name) => Self::Path(name.into()),
            ("method", _) => {
                return Err(MappingFault::new(
                    format!("`{expression}` names a parameter that the path does not have"),
                    "name a parameter of the resource path; a greedy one without its `+`",
                ));
            }
            ("integration", kind) => {
                let mapping = mapping(integration, kind, &name).ok_or_else(|| {
                    MappingFault::new(
                        format!("the integration maps nothing to `{expression}`"),
                        "map it in the integration's request parameters, or name a parameter of \
                         `method.request`",
                    )
                })?;
                Self::Mapped(Source::parse(mapping, deployment)?)
            }
            _ => return Err(unknown()),
        };
        Ok((full_name, parameter))
    }
}

/// What the integration maps to one of its parameters.
fn mapping<'i>(integration: &'i model::Integration, kind: &str, name: &str) -> Option<&'i str> {
    let mappings = match integration {
        model::Integration::HttpProxy(integration) => &integration.request_parameters,
        model::Integration::Http(integration) => &integration.request.parameters,
        model::Integration::Aws(integration) => &integration.request.parameters,
        model::Integration::Mock(integration) => &integration.request.parameters,
        model::Integration::AwsProxy(_) => return None,
    };
    let found = mappings.iter().find(|(target, _)| {
        let target = target.strip_prefix("integration.request.");
        target
            .and_then(|target| target.split_once('.'))
            .is_some_and(|(candidate, target)| {
                candidate == kind
                    && (target == name || kind == "header" && target.eq_ignore_ascii_case(name))
            })
    });
    found.map(|(_, source)| source.as_str())
}
