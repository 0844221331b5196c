//! What a scripted upstream does with a request.

use std::collections::BTreeMap;

use crate::format::Rule;

/// The rule for a request: its method and path with the query, without the query, or `*`.
pub(crate) fn find<'a>(
    rules: &'a BTreeMap<String, Rule>,
    method: &str,
    path: &str,
) -> Option<&'a Rule> {
    let without_query = path.split('?').next().unwrap_or_default();
    rules
        .get(&format!("{method} {path}"))
        .or_else(|| rules.get(&format!("{method} {without_query}")))
        .or_else(|| rules.get("*"))
}
