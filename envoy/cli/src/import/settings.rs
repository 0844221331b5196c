//! Stages, usage plans, API keys and domains in the words of `attache.yaml`.
//!
//! What is given is AWS's own JSON; CloudFormation's properties are brought into the same spelling
//! before.

use attache_model::KeyDigest;

use super::table::Table;
use crate::api_key_value::ApiKeyValue;
use crate::project::NO_BASE_PATH;
use crate::tree::Tree;

const MIB_PER_GB: f64 = 1024.0;
const LARGEST_MIB: i64 = 65_536;

/// A stage of a REST API; `owner` is what the table calls it.
pub(super) fn stage(stage: &Tree, owner: &str, table: &mut Table) -> Tree {
    let mut settings = Tree::map();
    settings.set_some("description", stage.present("description").cloned());
    if let Some(variables) = stage.get("variables").filter(|found| !found.is_empty()) {
        let mut texts = Tree::map();
        for (name, value) in variables.entries() {
            texts.set_some(name, value.scalar());
        }
        settings.set("variables", texts);
    }
    let has_cache = stage.get("cacheClusterEnabled").and_then(Tree::as_bool) == Some(true);
    if has_cache {
        let mut cluster = Tree::from([("enabled", true)]);
        let size = stage.get("cacheClusterSize").and_then(Tree::as_f64);
        if let Some(size) = size.filter(|size| *size > 0.0) {
            let mebibytes = whole(size * MIB_PER_GB).clamp(1, LARGEST_MIB);
            cluster.set("sizeMiB", mebibytes);
        }
        settings.set("cacheCluster", cluster);
        table.decide(
            owner,
            "its cache takes as much of Envoy's memory as AWS's had",
            "choose a smaller `sizeMiB` where that is too much",
        );
    }
    let mut methods = Tree::map();
    for (key, found) in method_settings(stage.get("methodSettings")) {
        let written = method(&found, has_cache, owner, table);
        if !written.is_empty() {
            methods.set(&key, written);
        }
    }
    if !methods.is_empty() {
        settings.set("methodSettings", methods);
    }
    if let Some(canary) = stage.present("canarySettings") {
        canary_release(
            canary,
            stage.text_of("deploymentId"),
            &mut settings,
            owner,
            table,
        );
    }
    for (field, what) in [
        ("tracingEnabled", "AWS X-Ray tracing"),
        (
            "accessLogSettings",
            "the format of its access log: one JSON object a line is written, under AWS's names",
        ),
        ("webAclArn", "its web ACL of AWS WAF"),
        (
            "clientCertificateId",
            "its client certificate, whose key AWS keeps",
        ),
    ] {
        let value = stage.present(field);
        if value.is_some_and(|value| !value.is_empty() && *value != Tree::Bool(false)) {
            table.not_supported(owner, what);
        }
    }
    settings
}

/// A canary release that differs from its stage in variables only is a matter of settings; one of
/// another deployment has a definition that nobody gave.
fn canary_release(
    canary: &Tree,
    deployment: Option<&str>,
    settings: &mut Tree,
    owner: &str,
    table: &mut Table,
) {
    let percent = canary.get("percentTraffic").and_then(Tree::as_f64);
    let percent = percent.unwrap_or_default();
    if canary.text_of("deploymentId") != deployment {
        table.decide(
            owner,
            format!(
                "its canary release ({percent} % of the requests) is another deployment, which was \
                 not given: the stage serves its own alone"
            ),
            "deploy the canary's definition beside it: `attache deploy --canary PERCENT`",
        );
        return;
    }
    let mut written = Tree::from([("percentTraffic", number(percent))]);
    let mut variables = Tree::map();
    let overrides = canary.get("stageVariableOverrides").map(Tree::entries);
    for (name, value) in overrides.unwrap_or_default() {
        variables.set_some(name, value.scalar());
    }
    if !variables.is_empty() {
        written.set("stageVariableOverrides", variables);
    }
    if canary.get("useStageCache").and_then(Tree::as_bool) == Some(true) {
        written.set("useStageCache", true);
    }
    settings.set("canarySettings", written);
}

/// The settings by method: AWS writes a mapping, CloudFormation a list.
fn method_settings(settings: Option<&Tree>) -> Vec<(String, Tree)> {
    match settings {
        Some(Tree::List(items)) => items
            .iter()
            .filter_map(|item| {
                let path = item.text_of("resourcePath")?.replace("~1", "/");
                let method = item.text_of("httpMethod")?;
                Some((method_key(&path, method), item.clone()))
            })
            .collect(),
        Some(Tree::Map(entries)) => entries
            .iter()
            .filter_map(|(key, value)| {
                let plain = key.replace("~1", "/").replace("~0", "~");
                let (path, method) = plain.rsplit_once('/')?;
                Some((method_key(path, method), value.clone()))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The name of a method in `methodSettings`: `*/*`, or path and method.
pub(super) fn method_key(path: &str, method: &str) -> String {
    let path = path.trim_start_matches('/');
    if path == "*" && method == "*" {
        return "*/*".to_owned();
    }
    match path {
        "" => format!("/{method}"),
        _ => format!("/{path}/{method}"),
    }
}

fn method(found: &Tree, has_cache: bool, owner: &str, table: &mut Table) -> Tree {
    let mut settings = throttle(
        found,
        ("throttlingRateLimit", "throttlingBurstLimit"),
        ("throttlingRateLimit", "throttlingBurstLimit"),
    );
    let flag = |key: &str| found.get(key).and_then(Tree::as_bool);
    if flag("metricsEnabled") == Some(true) {
        settings.set("metricsEnabled", true);
    }
    match flag("cachingEnabled") {
        Some(true) if has_cache => {
            settings.set("cachingEnabled", true);
            settings.set_some(
                "cacheTtlInSeconds",
                found.present("cacheTtlInSeconds").cloned(),
            );
            if flag("cacheDataEncrypted") == Some(true) {
                settings.set("cacheDataEncrypted", true);
            }
            if flag("requireAuthorizationForCacheControl") == Some(false) {
                settings.set("requireAuthorizationForCacheControl", false);
            }
            let strategy = found.text_of("unauthorizedCacheControlHeaderStrategy");
            let default = "SUCCEED_WITH_RESPONSE_HEADER";
            settings.set_some(
                "unauthorizedCacheControlHeaderStrategy",
                strategy.filter(|strategy| *strategy != default),
            );
        }
        Some(false) if has_cache => settings.set("cachingEnabled", false),
        _ => {}
    }
    let logs = found
        .text_of("loggingLevel")
        .is_some_and(|level| level != "OFF");
    if logs || flag("dataTraceEnabled") == Some(true) {
        table.not_supported(
            owner,
            "execution logs: `attache test-invoke` prints them for one request",
        );
    }
    settings
}

/// A throttle whose two limits have these names; empty where AWS sets none.
fn throttle(found: &Tree, names: (&str, &str), written: (&str, &str)) -> Tree {
    let limit = |name: &str| {
        let limit = found.get(name).and_then(Tree::as_f64);
        limit.filter(|limit| *limit >= 0.0)
    };
    let mut throttle = Tree::map();
    if let (Some(rate), Some(burst)) = (limit(names.0), limit(names.1)) {
        throttle.set(written.0, number(rate));
        throttle.set(written.1, whole(burst));
    }
    throttle
}

/// A number as people write it: whole where it is.
fn number(value: f64) -> Tree {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        Tree::Integer(whole(value))
    } else {
        Tree::Float(value)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "limits and sizes; a cast saturates"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// A stage of an HTTP API; `owner` is what the table calls it.
pub(super) fn http_stage(stage: &Tree, owner: &str, table: &mut Table) -> Tree {
    let mut settings = Tree::map();
    settings.set_some("description", stage.present("Description").cloned());
    if let Some(variables) = stage
        .get("StageVariables")
        .filter(|found| !found.is_empty())
    {
        let mut texts = Tree::map();
        for (name, value) in variables.entries() {
            texts.set_some(name, value.scalar());
        }
        settings.set("variables", texts);
    }
    let mut methods = Tree::map();
    let route = |found: &Tree| {
        let mut settings = throttle(
            found,
            ("ThrottlingRateLimit", "ThrottlingBurstLimit"),
            ("throttlingRateLimit", "throttlingBurstLimit"),
        );
        if found.get("DetailedMetricsEnabled").and_then(Tree::as_bool) == Some(true) {
            settings.set("metricsEnabled", true);
        }
        settings
    };
    if let Some(default) = stage.present("DefaultRouteSettings") {
        let written = route(default);
        if !written.is_empty() {
            methods.set("*/*", written);
        }
    }
    for (key, found) in stage
        .get("RouteSettings")
        .map(Tree::entries)
        .unwrap_or_default()
    {
        let written = route(found);
        let name = match key.split_once(' ') {
            Some((method, path)) => method_key(path, method),
            None => key.clone(),
        };
        if !written.is_empty() {
            methods.set(&name, written);
        }
    }
    if !methods.is_empty() {
        settings.set("methodSettings", methods);
    }
    if stage
        .present("AccessLogSettings")
        .is_some_and(|found| !found.is_empty())
    {
        table.not_supported(
            owner,
            "the format of its access log: one JSON object a line is written, under AWS's names",
        );
    }
    settings
}

/// The stages of an API that were imported, by the id that AWS gave it.
pub(super) struct KnownApi<'a> {
    pub(super) aws_id: &'a str,
    pub(super) id: &'a str,
    pub(super) stages: Vec<&'a str>,
}

/// A usage plan; `owner` is what the table calls it.
pub(super) fn usage_plan(
    plan: &Tree,
    apis: &[KnownApi<'_>],
    owner: &str,
    table: &mut Table,
) -> Tree {
    let mut settings = Tree::map();
    settings.set_some("description", plan.present("description").cloned());
    if let Some(found) = plan.present("throttle") {
        let limits = throttle(
            found,
            ("rateLimit", "burstLimit"),
            ("rateLimit", "burstLimit"),
        );
        if !limits.is_empty() {
            settings.set("throttle", limits);
        }
    }
    if let Some(quota) = plan.present("quota").filter(|quota| !quota.is_empty()) {
        let mut written = Tree::map();
        let limit = quota.get("limit").and_then(Tree::as_f64);
        written.set_some("limit", limit.map(whole));
        written.set_some("period", quota.present("period").cloned());
        let offset = quota.get("offset").and_then(Tree::as_f64).map(whole);
        written.set_some("offset", offset.filter(|offset| *offset != 0));
        settings.set("quota", written);
    }
    let mut stages = Vec::new();
    for found in plan.get("apiStages").map(Tree::items).unwrap_or_default() {
        let (Some(api), Some(stage)) = (found.text_of("apiId"), found.text_of("stage")) else {
            continue;
        };
        let known = apis.iter().find(|known| known.aws_id == api);
        let Some(known) = known.filter(|known| known.stages.contains(&stage)) else {
            table.decide(
                owner,
                format!("its stage `{stage}` of the API `{api}` was not imported"),
                "its keys do not open that stage: import the API too, or leave it so",
            );
            continue;
        };
        let mut written = Tree::from([("api", known.id), ("stage", stage)]);
        for (key, limits) in found.get("throttle").map(Tree::entries).unwrap_or_default() {
            let limits = throttle(
                limits,
                ("rateLimit", "burstLimit"),
                ("rateLimit", "burstLimit"),
            );
            if let Some((path, method)) = key.rsplit_once('/') {
                written
                    .entry("throttle")
                    .set(&method_key(path, method), limits);
            }
        }
        stages.push(written);
    }
    if !stages.is_empty() {
        settings.set("apiStages", Tree::List(stages));
    }
    settings
}

/// An API key of the given plans. `None` where its value is not known or not one that a client could
/// send; the table says so, and never the value.
pub(super) fn api_key(key: &Tree, plans: &[&str], owner: &str, table: &mut Table) -> Option<Tree> {
    let Some(value) = key.text_of("value") else {
        table.decide(
            owner,
            "its value was not given, so it was left out",
            "have AWS print the values: `aws apigateway get-api-keys --include-values`",
        );
        return None;
    };
    let value = match ApiKeyValue::new(value.to_owned()) {
        Ok(value) => value,
        Err(reason) => {
            table.decide(
                owner,
                format!("its value cannot be sent by a client: {reason}"),
                "give the customer a new key: `attache keys create`",
            );
            return None;
        }
    };
    let digest: KeyDigest = value.digest();
    let mut settings = Tree::from([("valueSha256", String::from(digest))]);
    let description = key.text_of("description").filter(|text| !text.is_empty());
    settings.set_some("description", description);
    if !plans.is_empty() {
        settings.set("usagePlans", plans.to_vec());
    }
    if key.get("enabled").and_then(Tree::as_bool) == Some(false) {
        settings.set("enabled", false);
    }
    Some(settings)
}

/// What `domains` would say of a custom domain name, but for the files that only the operator has.
pub(super) fn domain(name: &str, mappings: &[(String, String, String)]) -> Tree {
    let mut settings = Tree::map();
    let file = name.replace("*.", "");
    settings.set(
        "certificate",
        [
            ("chain", format!("tls/{file}.pem")),
            ("key", format!("tls/{file}.key")),
        ],
    );
    let mut written = Tree::map();
    for (path, api, stage) in mappings {
        let path = if path.is_empty() { NO_BASE_PATH } else { path };
        written.set(path, [("api", api.as_str()), ("stage", stage)]);
    }
    settings.set("mappings", written);
    settings
}

#[cfg(test)]
mod tests {
    use super::{KnownApi, api_key, method_key, stage, usage_plan};
    use crate::import::table::Table;
    use crate::tree::Tree;

    /// Without the order of keys.
    fn plain(tree: &Tree) -> serde_json::Value {
        serde_json::from_str(&tree.to_string()).unwrap()
    }

    fn tree(text: &str) -> Tree {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        Tree::from(&value)
    }

    #[test]
    fn methods_are_named_as_in_the_definition() {
        for (path, method, wanted) in [
            ("*", "*", "*/*"),
            ("/*", "*", "*/*"),
            ("pets", "GET", "/pets/GET"),
            ("/pets/{id}", "ANY", "/pets/{id}/ANY"),
            ("/", "GET", "/GET"),
            ("", "GET", "/GET"),
        ] {
            assert_eq!(method_key(path, method), wanted, "{path} {method}");
        }
    }

    #[test]
    fn a_stage_keeps_what_differs_from_the_defaults() {
        let mut table = Table::default();
        let found = tree(
            r#"{"stageName": "prod", "variables": {"a": "b"}, "cacheClusterEnabled": true,
                "cacheClusterSize": "0.5", "tracingEnabled": false, "methodSettings": {
                "*/*": {"loggingLevel": "INFO", "throttlingBurstLimit": 5000,
                        "throttlingRateLimit": 10000.0, "cachingEnabled": true,
                        "cacheTtlInSeconds": 60, "metricsEnabled": false,
                        "requireAuthorizationForCacheControl": true,
                        "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER"},
                "~1pets/GET": {"throttlingRateLimit": -1, "throttlingBurstLimit": -1,
                               "cachingEnabled": false}}}"#,
        );
        assert_eq!(
            plain(&stage(&found, "stage prod", &mut table)),
            plain(&tree(
                r#"{"variables": {"a": "b"}, "cacheCluster": {"enabled": true, "sizeMiB": 512},
                    "methodSettings": {
                    "*/*": {"throttlingRateLimit": 10000, "throttlingBurstLimit": 5000,
                            "cachingEnabled": true, "cacheTtlInSeconds": 60},
                    "/pets/GET": {"cachingEnabled": false}}}"#
            ))
        );
        assert!(table.text().contains("execution logs"), "{}", table.text());
    }

    #[test]
    fn a_canary_of_variables_comes_over_and_one_of_another_deployment_is_told() {
        let of = |canary: &str| {
            let mut table = Table::default();
            let found = format!(r#"{{"stageName": "prod", "deploymentId": "d1", {canary}}}"#);
            (
                plain(&stage(&tree(&found), "stage prod", &mut table)),
                table.text(),
            )
        };
        let (settings, told) = of(
            r#""canarySettings": {"percentTraffic": 12.5, "deploymentId": "d1",
                "stageVariableOverrides": {"backend": "next"}, "useStageCache": true}"#,
        );
        assert_eq!(
            settings,
            plain(&tree(
                r#"{"canarySettings": {"percentTraffic": 12.5,
                    "stageVariableOverrides": {"backend": "next"}, "useStageCache": true}}"#
            ))
        );
        assert!(!told.contains("canary"), "{told}");
        let (settings, told) =
            of(r#""canarySettings": {"percentTraffic": 10.0, "deploymentId": "d2"}"#);
        assert_eq!(settings, plain(&Tree::map()));
        assert!(told.contains("another deployment"), "{told}");
    }

    #[test]
    fn a_plan_names_stages_as_they_are_called_here() {
        let mut table = Table::default();
        let found = tree(
            r#"{"id": "p1", "name": "Gold", "throttle": {"rateLimit": 0.5, "burstLimit": 2},
                "quota": {"limit": 10, "offset": 0, "period": "DAY"}, "apiStages": [
                {"apiId": "abc", "stage": "prod",
                 "throttle": {"/pets/GET": {"rateLimit": 1.0, "burstLimit": 1}}},
                {"apiId": "xyz", "stage": "prod"}]}"#,
        );
        let apis = [KnownApi {
            aws_id: "abc",
            id: "shop",
            stages: vec!["prod"],
        }];
        assert_eq!(
            plain(&usage_plan(&found, &apis, "usage plan gold", &mut table)),
            plain(&tree(
                r#"{"throttle": {"rateLimit": 0.5, "burstLimit": 2},
                    "quota": {"limit": 10, "period": "DAY"},
                    "apiStages": [{"api": "shop", "stage": "prod",
                        "throttle": {"/pets/GET": {"rateLimit": 1, "burstLimit": 1}}}]}"#
            ))
        );
        assert!(
            table.text().contains("`xyz` was not imported"),
            "{}",
            table.text()
        );
    }

    #[test]
    fn a_key_is_kept_as_its_digest() {
        let mut table = Table::default();
        let value = "secret-value-0123456789";
        let found = Tree::from([("id", "k"), ("value", value)]);
        let written = api_key(&found, &["gold"], "API key acme", &mut table).unwrap();
        assert_eq!(written.text_of("valueSha256").map(str::len), Some(64));
        assert!(!written.to_string().contains(value), "{written}");
        for bad in [
            Tree::from([("id", "k")]),
            Tree::from([("id", "k"), ("value", "secret")]),
        ] {
            assert_eq!(api_key(&bad, &[], "API key acme", &mut table), None);
        }
        assert!(!table.text().contains("secret"), "{}", table.text());
    }
}
