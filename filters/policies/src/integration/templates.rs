//! The mapping templates of one message, and which of them is for it.

use std::sync::Arc;

use attache_model as model;

use super::compile::SharedParts;
use crate::compile_error::CompileError;
use crate::headers::media_type;
use crate::mapping_template::MappingTemplate;

/// Mapping templates by content type.
#[derive(Debug)]
pub(super) struct Templates {
    entries: Box<[Entry]>,
}

#[derive(Debug)]
struct Entry {
    /// As it is written.
    content_type: Box<str>,
    /// Type and subtype in lower case.
    media_type: Box<[u8]>,
    template: Arc<MappingTemplate>,
}

/// The key of the template for every request that has no other.
const DEFAULT: &[u8] = b"$default";

/// The content type of a message that does not say.
const JSON: &[u8] = b"application/json";

impl Templates {
    /// Compiles the templates that stand at `pointer`.
    pub(super) fn compile<'m>(
        definitions: &'m [model::MappingTemplate],
        pointer: &str,
        shared: &mut SharedParts<'m>,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        let entries = definitions
            .iter()
            .enumerate()
            .filter_map(|(position, definition)| {
                let pointer = format!("{pointer}/{position}/template");
                Some(Entry {
                    content_type: definition.content_type.as_str().into(),
                    media_type: media_type(definition.content_type.as_bytes()).into(),
                    template: shared.template(&definition.template, &pointer, errors)?,
                })
            })
            .collect();
        Self { entries }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The template for a request: that of its content type, or `$default`. Parameters of the
    /// content type do not count, and one that is missing is JSON.
    pub(super) fn for_request(&self, content_type: Option<&[u8]>) -> Option<&MappingTemplate> {
        let wanted = content_type.map_or_else(|| JSON.to_vec(), media_type);
        let entry = self.of_type(&wanted).or_else(|| self.of_type(DEFAULT))?;
        Some(&entry.template)
    }

    /// The template for an answer, and its content type: the first one that the client accepts,
    /// that of JSON, or the first of all.
    pub(super) fn for_answer(&self, accept: Option<&[u8]>) -> Option<(&str, &MappingTemplate)> {
        let accepted = accept.unwrap_or_default().split(|byte| *byte == b',');
        let entry = accepted
            .map(media_type)
            .find_map(|wanted| self.of_type(&wanted))
            .or_else(|| self.of_type(JSON))
            .or_else(|| self.entries.first())?;
        let content_type = match &*entry.media_type {
            DEFAULT => "application/json",
            _ => &entry.content_type,
        };
        Some((content_type, &entry.template))
    }

    fn of_type(&self, wanted: &[u8]) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| *entry.media_type == *wanted)
    }
}
