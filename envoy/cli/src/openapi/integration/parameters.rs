//! Parameter mappings.

use std::collections::BTreeMap;

use attache_model::Protocol;

use super::{Located, Part};
use crate::document::Pointer;
use crate::openapi::{intrinsic, mapping};

impl<'d> Part<'_, 'd, '_> {
    /// A mapping of targets to source expressions, which stands under `part` in the model. What the
    /// names and the expressions mean is for the filter's compiler to judge.
    pub(super) fn parameters(&mut self, field: &str, part: &str) -> BTreeMap<String, String> {
        let Some(parameters) = self.get_as(field, part) else {
            return BTreeMap::new();
        };
        let pointer = self.pointer(part);
        mapping::parameters(self.reading, &parameters, &pointer, &mut self.places.parts)
    }

    /// A mapping of names to texts, which stands at `pointer` in the model.
    pub(super) fn texts(
        &mut self,
        mapping: &Located<'d>,
        pointer: &Pointer,
    ) -> BTreeMap<String, String> {
        mapping::texts(self.reading, mapping, pointer, &mut self.places.parts)
    }

    /// `responseParameters` of an HTTP API: by status code, what changes on the answer.
    pub(super) fn response_parameters(&mut self) -> BTreeMap<u16, BTreeMap<String, String>> {
        let mut by_status = BTreeMap::new();
        if self.reading.protocol == Protocol::Rest {
            return by_status;
        }
        let Some(statuses) = self.get_as("responseParameters", "responseParameters") else {
            return by_status;
        };
        let pointer = self.pointer("responseParameters");
        for entry in self.reading.mapping(&statuses).unwrap_or_default() {
            let place = statuses.key_of(entry);
            let name = entry.key.as_str();
            if intrinsic::is_name(name) {
                self.reading.intrinsic(place, name);
                continue;
            }
            // API Gateway: "a status code from 200 to 599".
            let status = name
                .parse()
                .ok()
                .filter(|status| (200..600).contains(status));
            let Some(status) = status else {
                self.reading.error(
                    "unknown-value",
                    place,
                    format!("`{name}` is not a status code"),
                    Some("write the status of the back end's answers, from 200 to 599"),
                );
                continue;
            };
            let pointer = pointer.key(name);
            self.places.insert(pointer.clone(), place);
            let changes = self.texts(&statuses.value_of(entry), &pointer);
            by_status.insert(status, changes);
        }
        by_status
    }
}
