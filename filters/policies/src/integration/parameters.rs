//! The parameter mappings of an integration request, by what they set.

use std::collections::BTreeMap;

use super::body::MappedBody;
use super::compile::Deployment;
use super::context::IntegrationRequest;
use super::encoding::Value;
use super::mapping::{Source, Target};
use super::request_headers::{self, MappedHeader, Recipient, kept_header};
use crate::compile_error::CompileError;
use crate::denial::Denial;

/// `requestParameters`, compiled.
#[derive(Debug, Default)]
pub(super) struct RequestParameters {
    pub(super) headers: Vec<HeaderMapping>,
    pub(super) query: Vec<QueryMapping>,
    pub(super) path: BTreeMap<Box<str>, Source>,
    /// Whether a mapping needs the body.
    pub(super) read_body: bool,
}

#[derive(Debug)]
pub(super) struct HeaderMapping {
    /// In lower case.
    pub(super) name: Box<str>,
    pub(super) source: Source,
    /// Whether AWS fails the call when this field is mapped.
    pub(super) illegal: bool,
}

#[derive(Debug)]
pub(super) struct QueryMapping {
    pub(super) name: Box<str>,
    pub(super) source: Source,
}

impl RequestParameters {
    /// Compiles the mappings that stand at `pointer`.
    pub(super) fn compile(
        parameters: &BTreeMap<String, String>,
        recipient: Recipient,
        deployment: &Deployment<'_>,
        pointer: &str,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        let mut mappings = Self::default();
        for (key, expression) in parameters {
            let place = || {
                // RFC 6901, section 3.
                let key = key.replace('~', "~0").replace('/', "~1");
                format!("{pointer}/{key}")
            };
            let target = Target::parse(key).map_err(|fault| errors.push(fault.at(place())));
            let source = Source::parse(expression, deployment)
                .map_err(|fault| errors.push(fault.at(place())));
            let (Ok(target), Ok(source)) = (target, source) else {
                continue;
            };
            let kind = match target {
                Target::Header(name) => match request_headers::mapped(name, recipient) {
                    Ok(kind) => kind,
                    Err(fault) => {
                        errors.push(fault.at(place()));
                        continue;
                    }
                },
                Target::Query(_) | Target::Path(_) => MappedHeader::Sent,
            };
            let Some(source) = source else {
                continue;
            };
            mappings.read_body |= matches!(source, Source::Body(_));
            match (target, kind) {
                (Target::Header(_), MappedHeader::Dropped) => {}
                (Target::Header(name), kind) => mappings.headers.push(HeaderMapping {
                    name: name.to_ascii_lowercase().into(),
                    source,
                    illegal: kind == MappedHeader::Illegal,
                }),
                (Target::Query(name), _) => mappings.query.push(QueryMapping {
                    name: name.into(),
                    source,
                }),
                (Target::Path(name), _) => {
                    mappings.path.insert(name.into(), source);
                }
            }
        }
        mappings
    }

    /// The header fields that the mappings set for one request, each once.
    ///
    /// A source that the request does not have sends nothing and hides nothing.
    ///
    /// # Errors
    ///
    /// [`Denial::ApiConfigurationError`] when one is a field that API Gateway keeps for itself.
    pub(super) fn header_fields<'v>(
        &'v self,
        request: &IntegrationRequest<'v>,
        body: Option<&'v MappedBody>,
    ) -> impl Iterator<Item = Result<(&'v str, Value<'v>), Denial>> {
        self.headers.iter().filter_map(move |mapping| {
            let value = mapping.source.value_with(request, body)?;
            Some(if mapping.illegal {
                Err(kept_header(&mapping.name))
            } else {
                Ok((&*mapping.name, value))
            })
        })
    }
}
