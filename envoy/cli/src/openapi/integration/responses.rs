//! What a back end's answers become: `responses` of an integration.

use attache_model::IntegrationResponse;

use super::{Located, Part};
use crate::document::Pointer;
use crate::openapi::method_response::MethodResponses;
use crate::openapi::reading::status_code;
use crate::openapi::{intrinsic, mapping};

const FIELDS: &[&str] = &[
    "statusCode",
    "responseParameters",
    "responseTemplates",
    "contentHandling",
];

const HEADER: &str = "method.response.header.";

impl<'d> Part<'_, 'd, '_> {
    /// The integration responses in the order of the document.
    pub(super) fn responses(
        &mut self,
        method_responses: &MethodResponses,
    ) -> Vec<IntegrationResponse> {
        let Some(responses) = self.get_as("responses", "responses") else {
            return Vec::new();
        };
        let pointer = self.pointer("responses");
        let mut read = Vec::new();
        for entry in self.reading.mapping(&responses).unwrap_or_default() {
            if intrinsic::is_name(&entry.key) {
                self.reading.intrinsic(responses.key_of(entry), &entry.key);
                continue;
            }
            let pointer = pointer.index(read.len());
            let pattern = (entry.key != "default").then(|| entry.key.clone());
            self.places
                .insert(pointer.key("selectionPattern"), responses.key_of(entry));
            let value = responses.value_of(entry);
            self.places.insert(pointer.clone(), value.place());
            read.extend(self.response(pattern, &value, &pointer, method_responses));
        }
        read
    }

    fn response(
        &mut self,
        selection_pattern: Option<String>,
        response: &Located<'d>,
        pointer: &Pointer,
        method_responses: &MethodResponses,
    ) -> Option<IntegrationResponse> {
        self.reading.mapping(response)?;
        self.reading.fields(response, FIELDS);
        let status = self.status(response, pointer);
        let field = |name| {
            response
                .get(name)
                .filter(|value: &Located<'d>| !value.node.is_null())
        };
        let parameters = field("responseParameters")
            .map(|parameters| self.texts(&parameters, &pointer.key("parameters")))
            .unwrap_or_default();
        let templates = field("responseTemplates")
            .map(|templates| {
                let pointer = pointer.key("templates");
                mapping::templates(self.reading, &templates, &pointer, &mut self.places.parts)
            })
            .unwrap_or_default();
        let content_handling =
            field("contentHandling").and_then(|handling| self.content_handling_of(&handling));
        let status_code = status?;
        self.check_declared(response, status_code, method_responses);
        Some(IntegrationResponse {
            selection_pattern,
            status_code,
            parameters,
            templates,
            content_handling,
        })
    }

    fn status(&mut self, response: &Located<'d>, pointer: &Pointer) -> Option<u16> {
        let Some(status) = response.get("statusCode") else {
            self.reading.error(
                "missing-field",
                response.place(),
                "the response has no `statusCode`",
                Some("write the status that the client gets: `statusCode: \"200\"`"),
            );
            return None;
        };
        self.places
            .insert(pointer.key("statusCode"), status.place());
        status_code(self.reading, &status)
    }

    /// AWS: "No method response exists for method", and "Invalid mapping expression parameter
    /// specified" for a header that the method response does not have.
    fn check_declared(
        &mut self,
        response: &Located<'d>,
        status: u16,
        method_responses: &MethodResponses,
    ) {
        let Some(headers) = method_responses.headers(status) else {
            let place = response
                .get("statusCode")
                .map_or_else(|| response.place(), |status| status.place());
            return self.reading.error(
                "no-method-response",
                place,
                format!("the operation has no response {status}"),
                Some(&format!(
                    "add it to `responses` of the operation: `\"{status}\": {{description: …}}`"
                )),
            );
        };
        let Some(parameters) = response.get("responseParameters") else {
            return;
        };
        for entry in parameters.entries() {
            if let Some(header) = entry.key.strip_prefix(HEADER)
                && !headers.iter().any(|name| name.eq_ignore_ascii_case(header))
            {
                self.reading.error(
                    "no-method-response",
                    parameters.key_of(entry),
                    format!("response {status} of the operation has no header `{header}`"),
                    Some(&format!(
                        "add it to `headers` of that response: `{header}: {{schema: {{type: string}}}}`"
                    )),
                );
            }
        }
    }
}
