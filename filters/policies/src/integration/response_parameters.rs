//! The parameter mappings of an integration response:
//! `method.response.header.x: integration.response.body.$.y`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use attache_values::JsonPath;

use super::body::MappedBody;
use super::compile::Deployment;
use super::context::IntegrationRequest;
use super::encoding::Value;
use super::mapping::{MappingFault, Source, body_path};
use crate::compile_error::CompileError;
use crate::headers::{Headers, is_field_name};

/// `responseParameters`, compiled.
#[derive(Debug, Default)]
pub(super) struct ResponseParameters {
    mappings: Box<[ResponseMapping]>,
    /// Whether a mapping needs the body.
    pub(super) read_body: bool,
}

#[derive(Debug)]
struct ResponseMapping {
    /// In lower case.
    name: Box<str>,
    source: ResponseSource,
}

/// Where a value for the client comes from.
#[derive(Debug)]
enum ResponseSource {
    /// A field of the back end's answer: its last value, or all of them.
    Header { name: Box<[u8]>, all: bool },
    /// The body of the answer, or what a path selects of it.
    Body(Option<Arc<JsonPath>>),
    /// What does not depend on the answer.
    Request(Source),
}

impl ResponseParameters {
    /// Compiles the mappings that stand at `pointer`.
    pub(super) fn compile(
        parameters: &BTreeMap<String, String>,
        deployment: &Deployment<'_>,
        pointer: &str,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        let mut mappings = Vec::with_capacity(parameters.len());
        for (key, expression) in parameters {
            let place = || {
                // RFC 6901, section 3.
                let key = key.replace('~', "~0").replace('/', "~1");
                format!("{pointer}/{key}")
            };
            let name = target(key).map_err(|fault| errors.push(fault.at(place())));
            let source = ResponseSource::parse(expression, deployment)
                .map_err(|fault| errors.push(fault.at(place())));
            if let (Ok(name), Ok(Some(source))) = (name, source) {
                mappings.push(ResponseMapping {
                    name: name.into(),
                    source,
                });
            }
        }
        let reads_body =
            |mapping: &ResponseMapping| matches!(mapping.source, ResponseSource::Body(_));
        Self {
            read_body: mappings.iter().any(reads_body),
            mappings: mappings.into(),
        }
    }

    /// The fields for the client; what has no value is not among them.
    pub(super) fn fields<'v>(
        &'v self,
        request: &IntegrationRequest<'v>,
        answer: &'v Headers,
        body: Option<&'v MappedBody>,
    ) -> impl Iterator<Item = (&'v str, Value<'v>)> {
        self.mappings.iter().filter_map(move |mapping| {
            let value = match &mapping.source {
                ResponseSource::Header { name, all: false } => Value::text(answer.last(name)?),
                ResponseSource::Header { name, .. } => Value::text(joined(answer, name)?),
                ResponseSource::Body(path) => body?.value(path.as_deref())?,
                ResponseSource::Request(source) => source.value(request)?,
            };
            Some((&*mapping.name, value))
        })
    }
}

/// All values of a field, joined with commas.
fn joined<'h>(headers: &'h Headers, name: &'h [u8]) -> Option<Cow<'h, [u8]>> {
    let mut values = headers.all(name);
    let mut joined = Cow::Borrowed(values.next()?);
    for value in values {
        let joined = joined.to_mut();
        joined.push(b',');
        joined.extend_from_slice(value);
    }
    Some(joined)
}

/// The field that a mapping sets, in lower case.
fn target(key: &str) -> Result<String, MappingFault> {
    key.strip_prefix("method.response.header.")
        .filter(|name| is_field_name(name))
        .map(str::to_ascii_lowercase)
        .ok_or_else(|| {
            MappingFault::new(
                format!("`{key}` is not a target of a response's parameter mapping"),
                "targets are `method.response.header.NAME`",
            )
        })
}

impl ResponseSource {
    /// Reads a mapping expression. `None` is an expression that never has a value.
    fn parse(expression: &str, deployment: &Deployment<'_>) -> Result<Option<Self>, MappingFault> {
        let unknown = || {
            MappingFault::new(
                format!("the mapping expression `{expression}` is not understood"),
                "sources are `integration.response.{header,multivalueheader}.NAME`, \
                 `integration.response.body[.PATH]`, `stageVariables.NAME`, `context.NAME` and \
                 `'a static value'`",
            )
        };
        let Some(rest) = expression.strip_prefix("integration.response.") else {
            if expression.starts_with("method.") {
                return Err(unknown());
            }
            let source = Source::parse(expression, deployment)?;
            return Ok(source.map(Self::Request));
        };
        if rest == "body" {
            return Ok(Some(Self::Body(None)));
        }
        if let Some(path) = rest.strip_prefix("body.") {
            return body_path(path).map(|path| Some(Self::Body(Some(path))));
        }
        match rest.split_once('.').filter(|(_, name)| is_field_name(name)) {
            Some((kind @ ("header" | "multivalueheader"), name)) => Ok(Some(Self::Header {
                name: name.to_ascii_lowercase().into_bytes().into(),
                all: kind == "multivalueheader",
            })),
            _ => Err(unknown()),
        }
    }
}
