//! What changes on a request before an HTTP back end gets it.

use std::collections::BTreeMap;

use super::change::{self, Change, Target};
use super::value::{MappedValue, Scope, Side};
use crate::compile_error::CompileError;
use crate::headers::HeaderEdit;
use crate::integration::body::MappedBody;
use crate::integration::compile::Deployment;
use crate::integration::context::IntegrationRequest;
use crate::integration::destination::RequestTarget;
use crate::integration::encoding::{Value, pairs};
use crate::integration::mapping::MappingFault;

/// `requestParameters` of an HTTP API, compiled.
#[derive(Debug, Default)]
pub(in crate::integration) struct HttpApiRequest {
    headers: Vec<Mapping>,
    query: Vec<Mapping>,
    path: Option<MappedValue>,
    /// Whether a mapping needs the body.
    pub(in crate::integration) read_body: bool,
}

#[derive(Debug)]
struct Mapping {
    /// Of a header field in lower case.
    name: String,
    change: Change,
    value: MappedValue,
}

impl HttpApiRequest {
    /// Compiles the mappings that stand at `pointer`.
    pub(in crate::integration) fn compile(
        parameters: &BTreeMap<String, String>,
        deployment: &Deployment<'_>,
        pointer: &str,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        let mut mappings = Self::default();
        for (key, text) in parameters {
            if let Err(fault) = mappings.add(key, text, deployment) {
                errors.push(fault.at(super::response::place(pointer, key)));
            }
        }
        mappings
    }

    fn add(
        &mut self,
        key: &str,
        text: &str,
        deployment: &Deployment<'_>,
    ) -> Result<(), MappingFault> {
        let (change, target) = change::parse(key)?;
        // What is to be removed needs no value.
        let text = if change == Change::Remove { "" } else { text };
        let value = MappedValue::parse(text, Side::Request, deployment)?;
        self.read_body |= value.reads_body();
        let mapping = |name: String, value| Mapping {
            name,
            change,
            value,
        };
        match target {
            Target::Header(name) => self.headers.push(mapping(name.to_ascii_lowercase(), value)),
            Target::Query(name) => self.query.push(mapping(name.to_owned(), value)),
            Target::Path => self.path = Some(value),
            Target::StatusCode => {
                return Err(MappingFault::new(
                    "a request has no status code",
                    "map it among the parameters of a response",
                ));
            }
        }
        Ok(())
    }

    /// The path for the back end in place of the URI's own, when one is mapped.
    pub(in crate::integration) fn path<'v>(
        &'v self,
        request: &'v IntegrationRequest<'v>,
        body: Option<&'v MappedBody>,
    ) -> Option<Value<'v>> {
        self.path.as_ref()?.value(scope(request, body))
    }

    /// Writes the client's query parameters as they are to be.
    pub(in crate::integration) fn push_query<'v>(
        &'v self,
        target: &mut RequestTarget,
        request: &'v IntegrationRequest<'v>,
        body: Option<&'v MappedBody>,
    ) {
        let scope = scope(request, body);
        for pair in pairs(request.route.query) {
            let goes = self.query.iter().any(|mapping| {
                pair.is_named(mapping.name.as_bytes())
                    && match mapping.change {
                        Change::Append => false,
                        // A value that is not there replaces nothing.
                        Change::Overwrite => mapping.value.value(scope).is_some(),
                        Change::Remove => true,
                    }
            });
            if !goes {
                target.push_raw(pair.whole);
            }
        }
        for mapping in &self.query {
            if mapping.change != Change::Remove
                && let Some(value) = mapping.value.value(scope)
            {
                target.push(&mapping.name, &value);
            }
        }
    }

    /// What changes on the header fields.
    pub(in crate::integration) fn header_edits<'v>(
        &'v self,
        request: &'v IntegrationRequest<'v>,
        body: Option<&'v MappedBody>,
    ) -> Vec<HeaderEdit> {
        edits(
            self.headers
                .iter()
                .map(|mapping| (&*mapping.name, mapping.change, &mapping.value)),
            scope(request, body),
            |name| request.headers.contains(name.as_bytes()),
        )
    }
}

const fn scope<'v>(request: &'v IntegrationRequest<'v>, body: Option<&'v MappedBody>) -> Scope<'v> {
    Scope {
        request,
        response: None,
        body,
    }
}

/// What mappings of header fields change on a message that `has` some already. What is removed
/// goes first, whichever order the keys have.
pub(super) fn edits<'v>(
    mappings: impl Iterator<Item = (&'v str, Change, &'v MappedValue)>,
    scope: Scope<'v>,
    has: impl Fn(&str) -> bool,
) -> Vec<HeaderEdit> {
    let (mut removed, mut set, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for (name, change, value) in mappings {
        let field = || name.to_owned().into();
        if change == Change::Remove {
            if has(name) {
                removed.push(HeaderEdit::Remove(field()));
            }
        } else if let Some(value) = value.value(scope) {
            let value = value.into_field();
            match change {
                Change::Append => added.push(HeaderEdit::Add(field(), value)),
                _ => set.push(HeaderEdit::Set(field(), value)),
            }
        }
    }
    removed.append(&mut set);
    removed.append(&mut added);
    removed
}
