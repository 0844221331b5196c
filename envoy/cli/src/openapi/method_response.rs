//! The responses that an operation declares (AWS: method responses).

use std::collections::BTreeMap;

use super::{Located, Reading};

/// What the `responses` of an operation name: by status, the header fields.
#[derive(Debug, Default)]
pub(super) struct MethodResponses(BTreeMap<u16, Vec<String>>);

impl MethodResponses {
    /// Reads them. What is no status, such as `default`, makes none: API Gateway has no response
    /// for it.
    pub(super) fn read<'d>(reading: &mut Reading<'d, '_>, operation: &Located<'d>) -> Self {
        let mut by_status = BTreeMap::new();
        let responses = operation.get("responses");
        for (responses, entry) in responses.iter().flat_map(|responses| {
            responses
                .entries()
                .iter()
                .map(move |entry| (responses, entry))
        }) {
            let Ok(status) = entry.key.parse() else {
                continue;
            };
            let Some(response) = reading.follow(responses.value_of(entry)) else {
                continue;
            };
            let headers = response.get("headers");
            let names = headers.iter().flat_map(Located::entries);
            by_status.insert(status, names.map(|header| header.key.clone()).collect());
        }
        Self(by_status)
    }

    /// The header fields of the response of a status; `None` when there is no such response.
    pub(super) fn headers(&self, status: u16) -> Option<&[String]> {
        self.0.get(&status).map(Vec::as_slice)
    }
}
