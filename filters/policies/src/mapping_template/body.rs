//! The body that a template reads.

use std::cell::OnceCell;

use attache_values::json::{Document, JsonError, ReadOptions, read};
use attache_values::{Map, Value};

/// The body of a message: its text, and what it says, read when it is first asked for.
#[derive(Debug)]
pub struct TemplateBody {
    text: String,
    document: OnceCell<Result<Document, JsonError>>,
}

impl TemplateBody {
    /// A body. An empty one is `{}` to templates.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self {
            text,
            document: OnceCell::new(),
        }
    }

    /// A body that was read already, by the request's validation.
    #[must_use]
    pub fn with_document(text: String, document: Document) -> Self {
        Self {
            text,
            document: OnceCell::from(Ok(document)),
        }
    }

    /// `$input.body`
    #[must_use]
    pub fn text(&self) -> &str {
        if self.text.is_empty() {
            "{}"
        } else {
            &self.text
        }
    }

    /// What the body says as JSON.
    ///
    /// # Errors
    ///
    /// Where and why it cannot be read.
    pub fn document(&self) -> Result<&Document, JsonError> {
        let document = self.document.get_or_init(|| {
            if self.text.is_empty() {
                let value = Value::Map(Map::new());
                return Ok(Document {
                    value,
                    strict: true,
                });
            }
            read(&self.text, ReadOptions::default())
        });
        document.as_ref().map_err(|error| *error)
    }
}
