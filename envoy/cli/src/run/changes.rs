//! What an edit changed, in a line for people.

use std::collections::BTreeMap;

use attache_model::Gateway;

/// Says what differs between two gateways, such as `petstore: 1 operation added; 2 API keys
/// changed`. Empty when nothing does.
#[must_use]
pub fn describe(before: &Gateway, after: &Gateway) -> String {
    let mut parts = Vec::new();
    let apis = |gateway: &Gateway| by(&gateway.apis, |api| api.id.clone());
    let (old, new) = (apis(before), apis(after));
    for id in old.keys().filter(|id| !new.contains_key(*id)) {
        parts.push(format!("{id}: removed"));
    }
    for (id, api) in &new {
        let Some(old) = old.get(id) else {
            parts.push(format!("{id}: added"));
            continue;
        };
        if old == api {
            continue;
        }
        let operations = |api: &attache_model::Api| {
            by(&api.operations, |operation| {
                (operation.path.clone(), operation.method)
            })
        };
        let mut counts = counts("operation", &operations(old), &operations(api));
        let stages = |api: &attache_model::Api, canaries: bool| {
            let stages = api.stages.iter();
            let stages: Vec<_> = stages
                .filter(|stage| stage.canary.is_some() == canaries)
                .cloned()
                .collect();
            by(&stages, |stage| stage.name.clone())
        };
        for (noun, canaries) in [("stage", false), ("canary release", true)] {
            let (old, new) = (stages(old, canaries), stages(api, canaries));
            counts.extend(self::counts(noun, &old, &new));
        }
        if counts.is_empty() {
            counts.push("changed".to_owned());
        }
        parts.push(format!("{id}: {}", counts.join(", ")));
    }
    let plans = |gateway: &Gateway| by(&gateway.usage_plans, |plan| plan.id.clone());
    parts.extend(counts("usage plan", &plans(before), &plans(after)));
    let keys = |gateway: &Gateway| by(&gateway.api_keys, |key| key.id.clone());
    parts.extend(counts("API key", &keys(before), &keys(after)));
    if parts.is_empty() && before != after {
        parts.push("settings changed".to_owned());
    }
    parts.join("; ")
}

fn by<T: Clone, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> BTreeMap<K, T> {
    items.iter().map(|item| (key(item), item.clone())).collect()
}

fn counts<K: Ord, T: PartialEq>(
    noun: &str,
    before: &BTreeMap<K, T>,
    after: &BTreeMap<K, T>,
) -> Vec<String> {
    let added = after.keys().filter(|key| !before.contains_key(key)).count();
    let removed = before.keys().filter(|key| !after.contains_key(key)).count();
    let changed = after
        .iter()
        .filter(|(key, item)| before.get(key).is_some_and(|old| old != *item))
        .count();
    [(added, "added"), (changed, "changed"), (removed, "removed")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| {
            let plural = if count == 1 { "" } else { "s" };
            format!("{count} {noun}{plural} {what}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use attache_model::Gateway;

    use super::describe;

    fn gateway(rest: &str) -> Gateway {
        let text = format!(r#"{{"version": 1, "account": {{"id": "1", "region": "r"}}, {rest}}}"#);
        attache_model::from_json(text.as_bytes()).unwrap()
    }

    fn petstore(paths: &[&str], timeout: u32) -> Gateway {
        let operations: Vec<String> = paths
            .iter()
            .map(|path| {
                format!(
                    r#"{{"path": "{path}", "method": "GET", "integration":
                        {{"httpProxy": {{"uri": "http://a/", "timeoutInMillis": {timeout}}}}}}}"#
                )
            })
            .collect();
        gateway(&format!(
            r#""apis": [{{"id": "petstore", "name": "p", "protocol": "REST", "stages": [],
                "operations": [{}]}}]"#,
            operations.join(",")
        ))
    }

    #[test]
    fn an_edit_is_told_in_its_own_terms() {
        let none = gateway(r#""apis": []"#);
        let one = petstore(&["/a", "/b"], 50);
        for (before, after, expected) in [
            (&one, &one, ""),
            (&none, &one, "petstore: added"),
            (&one, &none, "petstore: removed"),
            (
                &one,
                &petstore(&["/b", "/c", "/d"], 50),
                "petstore: 2 operations added, 1 operation removed",
            ),
            (
                &one,
                &petstore(&["/a", "/b"], 60),
                "petstore: 2 operations changed",
            ),
            (
                &none,
                &gateway(r#""apis": [], "accessLog": true"#),
                "settings changed",
            ),
            (
                &none,
                &gateway(r#""apis": [], "usagePlans": [{"id": "gold", "apiStages": []}]"#),
                "1 usage plan added",
            ),
        ] {
            assert_eq!(describe(before, after), expected);
        }
    }
}
