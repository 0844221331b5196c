//! What callers notice when a stage serves another deployment.
//!
//! Compared is what the filter loads, so that a definition that was only written differently makes
//! no difference. Usage plans and API keys are not a part of deployments.

mod json;
mod text;
mod validation;

use std::collections::{BTreeMap, BTreeSet};

use attache_model::{
    Api, Authorization, CachedOperation, Integration, MethodSettings, Operation, Stage, Throttle,
    Verb,
};
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use text::render;

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    /// The route (`GET /pets`), `stage`, or `API` for what holds for all routes.
    pub(crate) subject: String,
    /// Whether the subject is there on one side only, or on both.
    pub(crate) kind: Kind,
    /// What of it, such as `authorization` or `integration uri`; nothing for a route that
    /// was added or removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) setting: Option<String>,
    /// What it was; null for nothing.
    pub(crate) before: Value,
    /// What it is; null for nothing.
    pub(crate) after: Value,
    /// Whether requests may be refused that were served.
    pub(crate) breaking: bool,
}

/// Whether a subject is there on one side only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// After, and not before.
    Added,
    /// Before, and not after.
    Removed,
    /// On both sides.
    Changed,
}

/// One side: an API with the operations, and the stage.
#[derive(Clone, Copy)]
struct Side<'a> {
    api: &'a Api,
    stage: &'a Stage,
}

/// The changes from one API's first stage to another's, those of the whole API first, then those of
/// the stage, then route by route.
pub(crate) fn compare(before: &Api, after: &Api) -> Vec<Change> {
    let (Some(first), Some(second)) = (before.stages.first(), after.stages.first()) else {
        return Vec::new();
    };
    let before = Side {
        api: before,
        stage: first,
    };
    let after = Side {
        api: after,
        stage: second,
    };
    let mut changes = Changes::default();
    api(before, after, &mut changes);
    stage(before.stage, after.stage, &mut changes);
    routes(before, after, &mut changes);
    changes.list
}

/// The changes found so far.
#[derive(Default)]
struct Changes {
    list: Vec<Change>,
    subject: String,
}

impl Changes {
    fn about(&mut self, subject: impl Into<String>) {
        self.subject = subject.into();
    }

    fn whole(&mut self, kind: Kind) {
        self.list.push(Change {
            subject: self.subject.clone(),
            kind,
            setting: None,
            before: Value::Null,
            after: Value::Null,
            breaking: kind == Kind::Removed,
        });
    }

    fn setting(
        &mut self,
        setting: impl Into<String>,
        before: impl Into<Value>,
        after: impl Into<Value>,
        breaking: bool,
    ) {
        let (before, after) = (before.into(), after.into());
        if before == after {
            return;
        }
        self.list.push(Change {
            subject: self.subject.clone(),
            kind: Kind::Changed,
            setting: Some(setting.into()),
            before,
            after,
            breaking,
        });
    }

    /// Every part of a value that differs, under the name of the whole.
    fn parts(&mut self, setting: &str, before: &Value, after: &Value, breaking: bool) {
        for part in json::differences(before, after) {
            let name = format!("{setting}{}", part.name);
            self.setting(name, part.before, part.after, breaking);
        }
    }
}

/// A part of the model as JSON, without what is nothing or empty, which its defaults are.
fn value(part: impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

fn api(before: Side<'_>, after: Side<'_>, changes: &mut Changes) {
    let (before, after) = (before.api, after.api);
    changes.about("API");
    changes.setting("name", &*before.name, &*after.name, false);
    let source = (before.api_key_source, after.api_key_source);
    changes.setting("API key source", value(source.0), value(source.1), true);
    let policy = (&before.resource_policy, &after.resource_policy);
    changes.parts(
        "resource policy",
        &value(policy.0),
        &value(policy.1),
        policy.1.is_some(),
    );
    let address = |api: &Api| match api.disable_execute_api_endpoint {
        true => "disabled",
        false => "enabled",
    };
    changes.setting(
        "default endpoint",
        address(before),
        address(after),
        after.disable_execute_api_endpoint,
    );
    let vpc = (&before.vpc_endpoint, &after.vpc_endpoint);
    changes.parts("VPC endpoint", &value(vpc.0), &value(vpc.1), true);
    let cors = (&before.cors, &after.cors);
    changes.parts("CORS", &value(cors.0), &value(cors.1), cors.0.is_some());
    let types = (&before.binary_media_types, &after.binary_media_types);
    changes.setting("binary media types", value(types.0), value(types.1), false);
    let responses = (&before.gateway_responses, &after.gateway_responses);
    changes.parts(
        "gateway response",
        &value(responses.0),
        &value(responses.1),
        false,
    );
}

fn stage(before: &Stage, after: &Stage, changes: &mut Changes) {
    changes.about("stage");
    changes.setting("name", &*before.name, &*after.name, false);
    throttle(before.throttle, after.throttle, changes);
    let names: BTreeSet<&String> = before
        .variables
        .keys()
        .chain(after.variables.keys())
        .collect();
    for name in names {
        let of = |stage: &Stage| stage.variables.get(name).cloned();
        changes.setting(format!("variable {name}"), of(before), of(after), false);
    }
    let certificates = (&before.client_certificate_id, &after.client_certificate_id);
    changes.setting(
        "client certificate",
        certificates.0.clone(),
        certificates.1.clone(),
        false,
    );
    let cluster = |stage: &Stage| {
        let cluster = stage.cache_cluster.as_ref()?;
        Some(json!({
            "sizeMiB": cluster.size_mebibytes,
            "mode": cluster.mode,
            "longestWaitMillis": cluster.longest_wait_millis,
        }))
    };
    changes.parts(
        "cache",
        &value(cluster(before)),
        &value(cluster(after)),
        false,
    );
}

/// A route of one side.
struct Route<'a> {
    index: usize,
    operation: &'a Operation,
}

fn routes(before: Side<'_>, after: Side<'_>, changes: &mut Changes) {
    type Routes<'a> = BTreeMap<(&'a str, Verb), Route<'a>>;
    fn by_name(api: &Api) -> Routes<'_> {
        let operations = api.operations.iter().enumerate();
        operations
            .map(|(index, operation)| {
                let name = (operation.path.as_str(), operation.method);
                (name, Route { index, operation })
            })
            .collect()
    }
    let (old, new) = (by_name(before.api), by_name(after.api));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    for name in names {
        let (path, method) = name;
        changes.about(match path.starts_with('/') {
            true => format!("{} {path}", method.as_str()),
            false => path.to_owned(),
        });
        match (old.get(&name), new.get(&name)) {
            (Some(old), Some(new)) => route((before, old), (after, new), changes),
            (Some(_), None) => changes.whole(Kind::Removed),
            (None, _) => changes.whole(Kind::Added),
        }
    }
}

/// The settings that a route has of its own.
fn own_settings<'a>((side, route): (Side<'a>, &Route<'_>)) -> Option<&'a MethodSettings> {
    let mut methods = side.stage.methods.iter();
    methods.find(|method| method.operation == route.index)
}

fn route(before: (Side<'_>, &Route<'_>), after: (Side<'_>, &Route<'_>), changes: &mut Changes) {
    let (old, new) = (before.1.operation, after.1.operation);
    let key = |operation: &Operation| match operation.api_key_required {
        true => "required",
        false => "not required",
    };
    changes.setting("API key", key(old), key(new), new.api_key_required);
    authorization(before.0.api, old, after.0.api, new, changes);
    validation::compare(before.0.api, old, after.0.api, new, changes);
    let (first, second) = (own_settings(before), own_settings(after));
    let own_throttle = |settings: Option<&MethodSettings>| settings.and_then(|own| own.throttle);
    throttle(own_throttle(first), own_throttle(second), changes);
    let web_socket = |settings: Option<&MethodSettings>| match settings
        .is_some_and(|own| own.web_socket_enabled)
    {
        true => "allowed",
        false => "not allowed",
    };
    changes.setting(
        "WebSocket",
        web_socket(first),
        web_socket(second),
        second.is_none_or(|own| !own.web_socket_enabled),
    );
    cache(before, after, changes);
    integration(&old.integration, &new.integration, changes);
}

fn authorization(
    before: &Api,
    old: &Operation,
    after: &Api,
    new: &Operation,
    changes: &mut Changes,
) {
    let authorizer = |api: &Api, operation: &Operation| match &operation.authorization {
        Authorization::Authorizer { index, .. } => api.authorizers.get(*index).cloned(),
        _ => None,
    };
    let (first, second) = (authorizer(before, old), authorizer(after, new));
    let name = |operation: &Operation, name: Option<&str>| match &operation.authorization {
        Authorization::None => "NONE".to_owned(),
        Authorization::AwsIam => "AWS_IAM".to_owned(),
        Authorization::Authorizer { scopes, .. } => {
            let name = name.unwrap_or_default();
            match scopes.as_slice() {
                [] => format!("authorizer {name}"),
                scopes => format!("authorizer {name} with scope {}", scopes.join(" or ")),
            }
        }
    };
    let (was, is) = (
        name(old, first.as_ref().map(|authorizer| &*authorizer.name)),
        name(new, second.as_ref().map(|authorizer| &*authorizer.name)),
    );
    changes.setting("authorization", was, is, !new.authorization.is_none());
    if let (Some(first), Some(second)) = (first, second)
        && first.name == second.name
    {
        changes.parts("authorizer", &value(first.kind), &value(second.kind), true);
    }
}

fn throttle(before: Option<Throttle>, after: Option<Throttle>, changes: &mut Changes) {
    let told = |throttle: Option<Throttle>| {
        throttle.map(|throttle| {
            format!(
                "{} a second, {} at once",
                throttle.rate_limit, throttle.burst_limit
            )
        })
    };
    let is_narrower = match (before, after) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(before), Some(after)) => {
            after.rate_limit < before.rate_limit || after.burst_limit < before.burst_limit
        }
    };
    changes.setting("throttle", told(before), told(after), is_narrower);
}

fn cache(before: (Side<'_>, &Route<'_>), after: (Side<'_>, &Route<'_>), changes: &mut Changes) {
    let kept = |(side, route): (Side<'_>, &Route<'_>)| {
        let cluster = side.stage.cache_cluster.as_ref()?;
        let mut operations = cluster.operations.iter();
        let cached = operations.find(|cached| cached.operation == route.index)?;
        let CachedOperation {
            operation: _,
            ttl_seconds,
            encrypted,
            invalidation,
        } = cached;
        Some(json!({
            "ttlInSeconds": ttl_seconds,
            "encrypted": encrypted,
            "invalidation": invalidation,
            "key": route.operation.cache_key,
        }))
    };
    changes.parts("cache", &value(kept(before)), &value(kept(after)), false);
}

/// What answers: the kind first, since nothing else can be compared where that differs.
fn integration(before: &Integration, after: &Integration, changes: &mut Changes) {
    fn kind(integration: &Integration) -> &'static str {
        match integration {
            Integration::HttpProxy(_) => "HTTP_PROXY",
            Integration::Http(_) => "HTTP",
            Integration::AwsProxy(_) => "AWS_PROXY",
            Integration::Aws(_) => "AWS",
            Integration::Mock(_) => "MOCK",
        }
    }
    fn settings(integration: &Integration) -> Value {
        match integration {
            Integration::HttpProxy(settings) => value(settings),
            Integration::Http(settings) => value(settings),
            Integration::AwsProxy(settings) => value(settings),
            Integration::Aws(settings) => value(settings),
            Integration::Mock(settings) => value(settings),
        }
    }
    let (old, new) = (settings(before), settings(after));
    if kind(before) == kind(after) {
        changes.parts("integration", &old, &new, false);
        return;
    }
    let told = |integration: &Integration, settings: &Value| {
        let uri = settings.get("uri").and_then(Value::as_str);
        [Some(kind(integration)), uri]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    };
    changes.setting("integration", told(before, &old), told(after, &new), false);
}

#[cfg(test)]
mod tests;
