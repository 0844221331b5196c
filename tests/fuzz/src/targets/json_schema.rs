//! Models of a configuration, and the bodies that are held against them.

use attache_values::json::{ReadOptions, read};
use attache_values::json_schema::Schema;

/// A line with a schema, and a value. A schema is compiled or refused at places of it, and every
/// value fits or does not, with a reason.
pub(super) fn run(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    let (schema, value) = input.split_once('\n').unwrap_or((&input, "{}"));
    let Ok(json) = serde_json::from_str::<serde_json::Value>(schema) else {
        return;
    };
    match Schema::compile(&json, &|_| None) {
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                assert!(json.pointer(&fault.pointer).is_some(), "{fault:?}");
            }
        }
        Ok(schema) => {
            if let Ok(document) = read(value, ReadOptions::default())
                && let Err(errors) = schema.validate(&document.value)
            {
                assert!(!errors.is_empty());
            }
        }
    }
}
