//! What changes on the answer of a back end, by its status code.

use std::collections::BTreeMap;

use super::change::{self, Change, Target};
use super::request::edits;
use super::value::{MappedValue, Scope, Side};
use crate::compile_error::CompileError;
use crate::exchange::Reply;
use crate::headers::{HeaderEdit, Headers};
use crate::integration::body::MappedBody;
use crate::integration::compile::Deployment;
use crate::integration::context::IntegrationRequest;
use crate::integration::mapping::MappingFault;

/// `responseParameters` of an HTTP API, compiled.
#[derive(Debug, Default)]
pub(crate) struct HttpApiResponses {
    by_status: BTreeMap<u16, HttpApiResponse>,
}

/// The mappings of answers with one status code.
#[derive(Debug, Default)]
pub(in crate::integration) struct HttpApiResponse {
    headers: Vec<(String, Change, MappedValue)>,
    status: Option<MappedValue>,
    /// Whether a mapping needs the body.
    pub(in crate::integration) read_body: bool,
}

/// The place of a key.
pub(super) fn place(pointer: &str, key: &str) -> String {
    // RFC 6901, section 3.
    let key = key.replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{key}")
}

impl HttpApiResponses {
    /// Whether every answer is passed on as it is.
    pub(in crate::integration) fn is_empty(&self) -> bool {
        self.by_status.is_empty()
    }

    /// Compiles the mappings that stand at `pointer`.
    pub(in crate::integration) fn compile(
        parameters: &BTreeMap<u16, BTreeMap<String, String>>,
        deployment: &Deployment<'_>,
        pointer: &str,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        let mut responses = Self::default();
        for (status, parameters) in parameters {
            let pointer = format!("{pointer}/{status}");
            let response = responses.by_status.entry(*status).or_default();
            for (key, text) in parameters {
                if let Err(fault) = response.add(key, text, deployment) {
                    errors.push(fault.at(place(&pointer, key)));
                }
            }
        }
        responses
    }

    /// The mappings of answers with this status code.
    pub(in crate::integration) fn of(&self, status: u16) -> Option<&HttpApiResponse> {
        self.by_status.get(&status)
    }

    /// Changes an answer that is whole.
    pub(crate) fn apply(&self, request: &IntegrationRequest<'_>, reply: &mut Reply) {
        let Some(response) = self.of(reply.status) else {
            return;
        };
        let headers: Headers = reply
            .headers
            .iter()
            .map(|(name, value)| (name, value))
            .collect();
        let body = response
            .read_body
            .then(|| MappedBody::read_start(&reply.body));
        let (status, edits) = response.edits(request, &headers, body.as_ref());
        if let Some(status) = status {
            reply.status = status;
        }
        for edit in edits {
            match edit {
                HeaderEdit::Set(name, value) => reply.set_header(&name, value),
                HeaderEdit::Add(name, value) => reply.headers.push((name.into_owned(), value)),
                HeaderEdit::Remove(name) => reply.headers.retain(|(other, _)| *other != *name),
            }
        }
    }
}

impl HttpApiResponse {
    fn add(
        &mut self,
        key: &str,
        text: &str,
        deployment: &Deployment<'_>,
    ) -> Result<(), MappingFault> {
        let (change, target) = change::parse(key)?;
        // What is to be removed needs no value.
        let text = if change == Change::Remove { "" } else { text };
        let value = MappedValue::parse(text, Side::Response, deployment)?;
        self.read_body |= value.reads_body();
        match target {
            Target::Header(name) => {
                let name = name.to_ascii_lowercase();
                self.headers.push((name, change, value));
            }
            Target::StatusCode => self.status = Some(value),
            Target::Query(_) | Target::Path => {
                return Err(MappingFault::new(
                    format!("`{key}` is not of an answer"),
                    "an answer has header fields and a status code",
                ));
            }
        }
        Ok(())
    }

    /// The status for the client, when it changes, and what changes on the header fields.
    pub(in crate::integration) fn edits<'v>(
        &'v self,
        request: &'v IntegrationRequest<'v>,
        headers: &'v Headers,
        body: Option<&'v MappedBody>,
    ) -> (Option<u16>, Vec<HeaderEdit>) {
        let scope = Scope {
            request,
            response: Some(headers),
            body,
        };
        let status = self.status.as_ref().and_then(|value| {
            let status = value.value(scope)?.into_bytes();
            let status: u16 = str::from_utf8(&status).ok()?.trim().parse().ok()?;
            // Those below announce another answer.
            (200..=599).contains(&status).then_some(status)
        });
        let mappings = self.headers.iter();
        let mappings = mappings.map(|(name, change, value)| (name.as_str(), *change, value));
        let edits = edits(mappings, scope, |name| headers.contains(name.as_bytes()));
        (status, edits)
    }
}
