use serde::de::DeserializeOwned;

use crate::compile_error::CompileError;

/// Reads a filter's configuration, or says where it is not of the filter's shape.
pub(super) fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Vec<String>> {
    // The message ends with line and column.
    serde_json::from_slice(text).map_err(|error| vec![error.to_string()])
}

/// The reasons why a configuration is refused, as text.
pub(super) fn reasons(errors: &[CompileError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}
