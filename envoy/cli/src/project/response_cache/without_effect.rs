//! Settings of a cache that do nothing, and those that do more than they seem to.

use attache_model::{CacheInvalidation, Integration, Operation, Protocol, Verb};

use super::{CachedStage, DEFAULT_TTL, Resolved, Settings};
use crate::configuration::{MethodSettings, UnauthorizedCacheControlHeaderStrategy as Strategy};
use crate::diagnostic::Diagnostic;
use crate::document::Pointer;
use crate::openapi::path_parameters;
use crate::project::{Lowering, method_key};

/// The settings of one name in `methodSettings` that are about the cache.
const SETTINGS: [&str; 5] = [
    "cachingEnabled",
    "cacheTtlInSeconds",
    "cacheDataEncrypted",
    "requireAuthorizationForCacheControl",
    "unauthorizedCacheControlHeaderStrategy",
];

impl Lowering<'_> {
    /// Settings for a cache that the stage does not have.
    pub(super) fn warn_without_cluster(&mut self, stage: &CachedStage<'_>, pointer: &Pointer) {
        let hint = match (stage.protocol, &stage.stage.cache_cluster) {
            (Protocol::Http, _) => "remove it: AWS caches responses of REST APIs only",
            (Protocol::Rest, None) => "give the stage one: `cacheCluster: {enabled: true}`",
            (Protocol::Rest, Some(_)) => "set `enabled: true` in `cacheCluster`, or remove this",
        };
        for (key, settings) in &stage.stage.method_settings {
            let pointer = pointer.key("methodSettings").key(key);
            for name in SETTINGS {
                if !is_default(settings, name) {
                    self.warn(
                        "setting-without-effect",
                        &pointer.key(name),
                        format!(
                            "`{name}` has no effect: the stage `{}` has no cache",
                            stage.name
                        ),
                        hint,
                    );
                }
            }
        }
    }

    /// Settings of one operation that something else makes pointless.
    pub(super) fn warn_of_own_settings(
        &mut self,
        resolved: &Resolved<'_>,
        operation: &Operation,
        is_cached: bool,
    ) {
        let Some(own) = resolved.own.filter(|_| !self.is_partial) else {
            return;
        };
        if !is_cached {
            for name in SETTINGS {
                if !is_default(own.settings, name) {
                    self.warn(
                        "setting-without-effect",
                        &own.pointer.key(name),
                        format!(
                            "`{name}` has no effect: `{}` is not cached",
                            method_key::name(&operation.path, operation.method)
                        ),
                        "set `cachingEnabled: true` beside it, or remove it",
                    );
                }
            }
            return;
        }
        if own.settings.caching_enabled == Some(true) && resolved.ttl_in_seconds() == 0 {
            self.warn(
                "setting-without-effect",
                &own.pointer.key("cachingEnabled"),
                "`cachingEnabled` has no effect: `cacheTtlInSeconds` is 0, so nothing is kept",
                "set `cacheTtlInSeconds` to 1 or more, or `cachingEnabled` to `false`",
            );
        }
        let strategy = own.settings.unauthorized_cache_control_header_strategy;
        if strategy.is_some() && resolved.invalidation() == CacheInvalidation::Anyone {
            self.warn(
                "setting-without-effect",
                &own.pointer.key("unauthorizedCacheControlHeaderStrategy"),
                "`unauthorizedCacheControlHeaderStrategy` has no effect: nobody needs a permission",
                "set `requireAuthorizationForCacheControl` to `true`, or remove this",
            );
        }
    }

    /// Path parameters that the key does not have: pet 1 and pet 2 get the same response.
    pub(super) fn warn_of_shared_paths(&mut self, operation: &Operation, model: &str) {
        for name in path_parameters(&operation.path) {
            let source = format!("method.request.path.{name}");
            let is_in_key = operation.cache_key.parameters.iter().any(|parameter| {
                *parameter == source || mapped(operation, parameter) == Some(&source)
            });
            if is_in_key {
                continue;
            }
            let Some(place) = self.places.find(&format!("{model}/cacheKey/parameters")) else {
                continue;
            };
            self.report.push(
                Diagnostic::warning(
                    "cache-key",
                    place.file,
                    place.span,
                    place.pointer,
                    format!(
                        "`{}` is cached, and its cache key lacks the path parameter `{name}`: \
                         requests for every `{name}` get the same response",
                        method_key::name(&operation.path, operation.method)
                    ),
                )
                .hint(format!(
                    "add `{source}` to the integration's `cacheKeyParameters`"
                )),
            );
        }
    }

    /// A cache that no method answers from.
    pub(super) fn warn_of_empty_cache(
        &mut self,
        stage: &str,
        operations: &[Operation],
        all: Option<&Settings<'_>>,
        cluster: &Pointer,
    ) {
        let any = operations
            .iter()
            .find(|operation| operation.method == Verb::Any);
        let asks = all.is_some_and(|all| all.settings.caching_enabled == Some(true));
        let hint = match any {
            Some(any) if asks => format!(
                "`*/*` does not mean `ANY`: write `methodSettings: {{\"{}\": {{cachingEnabled: \
                 true}}}}` for its GET requests",
                method_key::name(&any.path, any.method)
            ),
            _ if asks => {
                "`*/*` means GET methods alone: name the others, such as `\"/pets/POST\": \
                          {cachingEnabled: true}`"
                    .to_owned()
            }
            _ => "say which: `methodSettings: {\"*/*\": {cachingEnabled: true}}` means every GET \
                  method"
                .to_owned(),
        };
        self.warn(
            "cache-without-method",
            cluster,
            format!("the stage `{stage}` has a cache, and no method answers from it"),
            hint,
        );
    }
}

/// What the integration maps to a parameter of the key.
fn mapped<'o>(operation: &'o Operation, parameter: &str) -> Option<&'o String> {
    match &operation.integration {
        Integration::HttpProxy(proxy) => proxy.request_parameters.get(parameter),
        Integration::Http(http) => http.request.parameters.get(parameter),
        Integration::Aws(aws) => aws.request.parameters.get(parameter),
        Integration::Mock(mock) => mock.request.parameters.get(parameter),
        Integration::AwsProxy(_) => None,
    }
}

/// Whether a setting is not there or asks for what happens without it, as in every export of a stage.
fn is_default(settings: &MethodSettings, name: &str) -> bool {
    match name {
        "cachingEnabled" => settings.caching_enabled != Some(true),
        "cacheTtlInSeconds" => matches!(settings.cache_ttl_in_seconds, None | Some(DEFAULT_TTL)),
        "cacheDataEncrypted" => settings.cache_data_encrypted != Some(true),
        "requireAuthorizationForCacheControl" => {
            settings.require_authorization_for_cache_control != Some(false)
        }
        _ => matches!(
            settings.unauthorized_cache_control_header_strategy,
            None | Some(Strategy::SucceedWithResponseHeader)
        ),
    }
}
