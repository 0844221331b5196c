//! What an edit changed, in a line for people.

use std::collections::BTreeMap;

use attache_model::{Api, Gateway, Operation, Stage, Verb};

/// Says what differs between two gateways, such as `petstore: 1 operation added; 2 API keys
/// changed`, or `petstore: prod serves 3f2ab91c04de`. Empty when nothing does.
#[must_use]
pub fn describe(before: &Gateway, after: &Gateway) -> String {
    let mut parts = Vec::new();
    let (old, new) = (entries(before), entries(after));
    for id in old.keys().filter(|id| !new.contains_key(*id)) {
        parts.push(format!("{id}: removed"));
    }
    for (id, entries) in &new {
        let Some(old) = old.get(id) else {
            parts.push(format!("{id}: added"));
            continue;
        };
        if old == entries {
            continue;
        }
        let mut told = deployments(old, entries);
        if told.is_empty() {
            told = counts("operation", &operations(old), &operations(entries));
            told.extend(counts("stage", &stages(old), &stages(entries)));
        }
        if told.is_empty() {
            told.push("changed".to_owned());
        }
        parts.push(format!("{id}: {}", told.join(", ")));
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

/// The entries of each API: several where its stages serve different deployments.
type Entries<'g> = Vec<&'g Api>;

fn entries(gateway: &Gateway) -> BTreeMap<&str, Entries<'_>> {
    let mut entries = BTreeMap::<_, Entries<'_>>::new();
    for api in &gateway.apis {
        entries.entry(api.id.as_str()).or_default().push(api);
    }
    entries
}

fn operations<'g>(entries: &Entries<'g>) -> BTreeMap<(&'g str, Verb), &'g Operation> {
    let operations = entries.iter().flat_map(|api| &api.operations);
    operations
        .map(|operation| ((operation.path.as_str(), operation.method), operation))
        .collect()
}

/// The stages by their names, each with whether it is a canary release.
fn stages<'g>(entries: &Entries<'g>) -> BTreeMap<(&'g str, bool), &'g Stage> {
    let stages = entries.iter().flat_map(|api| &api.stages);
    stages
        .map(|stage| ((stage.name.as_str(), stage.canary.is_some()), stage))
        .collect()
}

/// What stages of an API serve that they did not serve before, by the names of deployments.
fn deployments(before: &Entries<'_>, after: &Entries<'_>) -> Vec<String> {
    let (before, after) = (stages(before), stages(after));
    let mut told = Vec::new();
    for ((name, is_canary), stage) in &after {
        let old = before.get(&(*name, *is_canary));
        let deployment = stage.deployment_id.as_deref();
        if old.map(|old| (old.deployment_id.as_deref(), old.canary))
            == Some((deployment, stage.canary))
        {
            continue;
        }
        let deployment = deployment.unwrap_or("the working files");
        told.push(match stage.canary {
            Some(canary) => format!(
                "{name} serves {deployment} to {} % of the requests",
                canary.percent_traffic
            ),
            // A stage that is new is told of as a stage.
            None if old.is_none() => continue,
            None => format!("{name} serves {deployment}"),
        });
    }
    for (name, _) in before.keys().filter(|(name, is_canary)| {
        *is_canary && !after.contains_key(&(*name, true)) && after.contains_key(&(*name, false))
    }) {
        told.push(format!("{name} has no canary release any more"));
    }
    told
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
    use attache_model::{Canary, Gateway, Stage};

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

    /// A gateway whose stage serves these: each a deployment with the share of a canary release.
    fn serving(deployments: &[(Option<&str>, Option<f64>)]) -> Gateway {
        let mut gateway = petstore(&["/a"], 50);
        let entry = gateway.apis.remove(0);
        gateway.apis = deployments
            .iter()
            .map(|(id, percent)| {
                let mut entry = entry.clone();
                entry.stages = vec![Stage {
                    deployment_id: id.map(str::to_owned),
                    canary: percent.map(|percent_traffic| Canary {
                        percent_traffic,
                        use_stage_cache: false,
                    }),
                    ..Stage::new("prod")
                }];
                entry
            })
            .collect();
        gateway
    }

    #[test]
    fn deployments_are_told_by_their_names() {
        let working = serving(&[(None, None)]);
        let first = serving(&[(Some("a"), None)]);
        let canary = serving(&[(Some("a"), None), (Some("b"), Some(10.0))]);
        let more = serving(&[(Some("a"), None), (Some("b"), Some(50.0))]);
        let second = serving(&[(Some("b"), None)]);
        for (before, after, expected) in [
            (&working, &first, "petstore: prod serves a"),
            (
                &first,
                &canary,
                "petstore: prod serves b to 10 % of the requests",
            ),
            (
                &canary,
                &more,
                "petstore: prod serves b to 50 % of the requests",
            ),
            (
                &more,
                &second,
                "petstore: prod serves b, prod has no canary release any more",
            ),
            (
                &more,
                &first,
                "petstore: prod has no canary release any more",
            ),
            (&first, &working, "petstore: prod serves the working files"),
        ] {
            assert_eq!(describe(before, after), expected);
        }
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
