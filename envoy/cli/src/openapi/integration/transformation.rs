//! What requests become: templates, and what happens without one.

use attache_model::{ContentHandling, MappingTemplate, PassthroughBehavior, RequestTransformation};

use super::{Located, Part};
use crate::openapi::mapping;

impl<'d> Part<'_, 'd, '_> {
    /// What the request becomes.
    pub(super) fn request(&mut self) -> RequestTransformation {
        RequestTransformation {
            parameters: self.parameters("requestParameters", "request/parameters"),
            templates: self.request_templates(),
            passthrough_behavior: self.passthrough_behavior(),
            content_handling: self.content_handling("request/contentHandling"),
        }
    }

    fn request_templates(&mut self) -> Vec<MappingTemplate> {
        let Some(templates) = self.get_as("requestTemplates", "request/templates") else {
            return Vec::new();
        };
        let pointer = self.pointer("request/templates");
        mapping::templates(self.reading, &templates, &pointer, &mut self.places.parts)
    }

    fn passthrough_behavior(&mut self) -> PassthroughBehavior {
        let found = self.get_as("passthroughBehavior", "request/passthroughBehavior");
        let Some(found) = found else {
            return PassthroughBehavior::default();
        };
        let Some(name) = self.reading.text(&found) else {
            return PassthroughBehavior::default();
        };
        match name.to_ascii_lowercase().as_str() {
            "when_no_match" => PassthroughBehavior::WhenNoMatch,
            "when_no_templates" => PassthroughBehavior::WhenNoTemplates,
            "never" => PassthroughBehavior::Never,
            _ => {
                self.reading.error(
                    "unknown-value",
                    found.place(),
                    format!("`{name}` is not a pass-through behavior"),
                    Some("write `when_no_match`, `when_no_templates` or `never`"),
                );
                PassthroughBehavior::default()
            }
        }
    }

    /// `contentHandling` of the request, which stands under `part` in the model.
    pub(super) fn content_handling(&mut self, part: &str) -> Option<ContentHandling> {
        let found = self.get_as("contentHandling", part)?;
        self.content_handling_of(&found)
    }

    pub(super) fn content_handling_of(&mut self, found: &Located<'d>) -> Option<ContentHandling> {
        let name = self.reading.text(found)?;
        match name.to_ascii_uppercase().as_str() {
            "CONVERT_TO_TEXT" => Some(ContentHandling::ConvertToText),
            "CONVERT_TO_BINARY" => Some(ContentHandling::ConvertToBinary),
            _ => {
                self.reading.error(
                    "unknown-value",
                    found.place(),
                    format!("`{name}` is not a way to handle content"),
                    Some("write `CONVERT_TO_TEXT` or `CONVERT_TO_BINARY`"),
                );
                None
            }
        }
    }
}
