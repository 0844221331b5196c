use std::fmt;

use serde::Deserialize;

use crate::{Gateway, VERSION};

/// Why a document was refused. It names a place, never a value.
#[derive(Debug, PartialEq, Eq)]
pub enum LoadError {
    /// Not JSON, or not of the document's shape.
    Shape {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What was expected there.
        reason: String,
    },
    /// Written by another version of the command line.
    Version {
        /// The number in the document.
        found: u32,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape {
                line,
                column,
                reason,
            } => {
                write!(formatter, "line {line}, column {column}: {reason}")
            }
            Self::Version { found } => write!(
                formatter,
                "the configuration has version {found} and this filter reads version {VERSION}: \
                 compile it again with the attache of the same release"
            ),
        }
    }
}

impl std::error::Error for LoadError {}

/// Reads a document.
///
/// # Errors
///
/// [`LoadError::Version`] before anything else when the version is another one, so that a new
/// field is not reported as a fault of the document.
pub fn from_json(text: &[u8]) -> Result<Gateway, LoadError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }

    let shape = |error: serde_json::Error| LoadError::Shape {
        line: error.line(),
        column: error.column(),
        reason: error.to_string(),
    };
    let Versioned { version } = serde_json::from_slice(text).map_err(shape)?;
    if version != VERSION {
        return Err(LoadError::Version { found: version });
    }
    serde_json::from_slice(text).map_err(shape)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{LoadError, from_json};

    #[wasm_bindgen_test(unsupported = test)]
    fn another_version_is_named_before_its_fields() {
        assert_eq!(
            from_json(br#"{"version": 9, "novelty": true}"#),
            Err(LoadError::Version { found: 9 })
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn an_unknown_field_is_refused_with_its_place() {
        let text =
            br#"{"version": 1, "account": {"id": "1", "region": "r"}, "apis": [], "typo": 1}"#;
        let Err(LoadError::Shape {
            line: 1, reason, ..
        }) = from_json(text)
        else {
            panic!("accepted");
        };
        assert!(reason.contains("typo"), "{reason}");
    }
}
