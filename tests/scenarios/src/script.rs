//! What a scripted service does with a request.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::format::Rule;

/// The rule for a request: its method and path with the query, without the query, or `*`; each
/// with a condition on the body before the same without.
pub(crate) fn find<'a>(
    rules: &'a BTreeMap<String, Rule>,
    method: &str,
    path: &str,
    body: &[u8],
) -> Option<&'a Rule> {
    let without_query = path.split('?').next().unwrap_or_default();
    let body: Option<Value> = serde_json::from_slice(body).ok();
    [
        format!("{method} {path}"),
        format!("{method} {without_query}"),
        "*".to_owned(),
    ]
    .iter()
    .find_map(|request| {
        let conditional = rules.iter().find(|(key, _)| {
            key.strip_prefix(request.as_str())
                .and_then(|rest| rest.strip_prefix(' '))
                .zip(body.as_ref())
                .is_some_and(|(condition, body)| holds(condition, body))
        });
        conditional
            .map(|(_, rule)| rule)
            .or_else(|| rules.get(request))
    })
}

/// Whether `FIELD=VALUE` holds of a JSON document.
fn holds(condition: &str, body: &Value) -> bool {
    let Some((field, expected)) = condition.split_once('=') else {
        return false;
    };
    let pointer: String = field.split('.').map(|part| format!("/{part}")).collect();
    match body.pointer(&pointer) {
        Some(Value::String(text)) => text == expected,
        Some(other) => {
            serde_json::from_str::<Value>(expected).is_ok_and(|expected| expected == *other)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &str, path: &str, body: &str) -> Option<u16> {
        let rules = [
            ("GET /a", 1),
            ("GET /a?b=c", 2),
            ("POST /a", 3),
            ("POST /a token=allow", 4),
            ("POST /a token=Bearer a=b", 5),
            ("POST /a sources.1=two", 6),
            ("POST /a context.number=7", 7),
            ("POST /b token=allow", 8),
            ("* token=deny", 9),
        ]
        .map(|(request, status)| {
            let rule = Rule::Answer {
                status,
                headers: BTreeMap::new(),
                body: String::new(),
                delay_millis: 0,
            };
            (request.to_owned(), rule)
        })
        .into();
        match find(&rules, method, path, body.as_bytes()) {
            Some(Rule::Answer { status, .. }) => Some(*status),
            _ => None,
        }
    }

    #[test]
    fn the_most_particular_rule_counts() {
        for (method, path, body, expected) in [
            ("GET", "/a", "", Some(1)),
            ("GET", "/a?c=b", "", Some(1)),
            ("GET", "/a?b=c", "", Some(2)),
            ("GET", "/b", "", None),
            ("POST", "/a", "", Some(3)),
            ("POST", "/a", "{\"token\":\"deny\"}", Some(3)),
            ("POST", "/a?x", "{\"token\":\"allow\"}", Some(4)),
            ("POST", "/a", "{\"token\":\"Bearer a=b\"}", Some(5)),
            ("POST", "/a", "{\"sources\":[\"one\",\"two\"]}", Some(6)),
            ("POST", "/a", "{\"context\":{\"number\":7}}", Some(7)),
            ("POST", "/b", "{\"token\":\"other\"}", None),
            ("PUT", "/c", "{\"token\":\"deny\"}", Some(9)),
            ("PUT", "/c", "token=deny", None),
        ] {
            assert_eq!(
                status(method, path, body),
                expected,
                "{method} {path} {body}"
            );
        }
    }
}
