//! The cache of a stage: which methods answer from it, and what else its settings say.
//!
//! A setting of `/path/METHOD` goes before the same one of `*/*`, and that before AWS's default.
//! The cluster alone keeps nothing, as on AWS: "To activate a method-level cache, set
//! `CachingEnabled` to `true` for a method" (CloudFormation, `AWS::ApiGateway::Stage`).
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html>

mod without_effect;

use std::collections::BTreeMap;

use attache_model::{
    CacheCluster, CacheInvalidation, CacheMode, CachedOperation, Operation, Protocol, Verb,
};

use super::method_key::MethodKey;
use super::{Lowering, Pointer};
use crate::configuration::{
    self, MethodSettings, UnauthorizedCacheControlHeaderStrategy as Strategy,
};
use crate::secrets_key::HOW_TO_MAKE;

/// AWS's default of `cacheTtlInSeconds`.
const DEFAULT_TTL: u16 = 300;

/// A stage as far as its cache is concerned.
pub(super) struct CachedStage<'s> {
    pub(super) name: &'s str,
    pub(super) protocol: Protocol,
    pub(super) stage: &'s configuration::Stage,
    /// `None` when the definition could not be read as a whole.
    pub(super) operations: Option<&'s [Operation]>,
}

/// The settings under one name, and where they stand.
struct Settings<'s> {
    settings: &'s MethodSettings,
    pointer: Pointer,
}

/// What is said for one operation: by itself, and for all.
struct Resolved<'s> {
    own: Option<&'s Settings<'s>>,
    all: Option<&'s Settings<'s>>,
}

impl<'s> Resolved<'s> {
    /// A setting, and whose it is.
    fn get<T>(
        &self,
        setting: impl Fn(&MethodSettings) -> Option<T>,
    ) -> Option<(T, &'s Settings<'s>)> {
        [self.own, self.all]
            .into_iter()
            .flatten()
            .find_map(|settings| Some((setting(settings.settings)?, settings)))
    }

    /// Whether requests for the operation may be answered from the cache: where all methods are,
    /// those are the GETs.
    fn is_cached(&self, method: Verb) -> bool {
        let own = self.own.and_then(|own| own.settings.caching_enabled);
        let all = self.all.and_then(|all| all.settings.caching_enabled);
        own.unwrap_or(all == Some(true) && method == Verb::Get)
    }

    fn ttl_in_seconds(&self) -> u16 {
        let ttl = self.get(|settings| settings.cache_ttl_in_seconds);
        ttl.map_or(DEFAULT_TTL, |(ttl, _)| ttl)
    }

    fn is_encrypted(&self) -> bool {
        self.get(|settings| settings.cache_data_encrypted)
            .is_some_and(|(encrypted, _)| encrypted)
    }

    fn invalidation(&self) -> CacheInvalidation {
        let required = self.get(|settings| settings.require_authorization_for_cache_control);
        if required.is_some_and(|(required, _)| !required) {
            return CacheInvalidation::Anyone;
        }
        let strategy = self.get(|settings| settings.unauthorized_cache_control_header_strategy);
        match strategy.map(|(strategy, _)| strategy).unwrap_or_default() {
            Strategy::FailWith403 => CacheInvalidation::FailWith403,
            Strategy::SucceedWithResponseHeader => CacheInvalidation::SucceedWithResponseHeader,
            Strategy::SucceedWithoutResponseHeader => {
                CacheInvalidation::SucceedWithoutResponseHeader
            }
        }
    }
}

impl Lowering<'_> {
    /// The cache of a stage that stands at `pointer`, and in the model at `model`, in the API at `api`.
    pub(super) fn cache_cluster(
        &mut self,
        stage: &CachedStage<'_>,
        pointer: &Pointer,
        api: &str,
        model: &str,
    ) -> Option<CacheCluster> {
        let cluster = pointer.key("cacheCluster");
        let is_enabled = |cluster: &&configuration::CacheCluster| cluster.enabled;
        let Some(settings) = stage.stage.cache_cluster.as_ref().filter(is_enabled) else {
            // One that could not be read may be there.
            if !self.is_partial {
                self.warn_without_cluster(stage, pointer);
            }
            return None;
        };
        if stage.protocol == Protocol::Http {
            self.refuse_name(
                "cache-of-http-api",
                &cluster,
                "an HTTP API has no cache, and this is the stage of one",
                "AWS caches responses of REST APIs only: take it out, or set `protocol: REST` for \
                 the API",
            );
            return None;
        }
        let model = format!("{model}/cacheCluster");
        self.remember_name(&model, &cluster);
        for (part, setting) in [
            ("sizeMebibytes", "sizeMiB"),
            ("shared", "shared"),
            ("mode", "mode"),
            ("longestWaitMillis", "longestWaitMillis"),
        ] {
            self.remember_if_there(format!("{model}/{part}"), &cluster.key(setting));
        }
        let mut lowered = CacheCluster {
            shared: settings.shared,
            mode: match settings.mode {
                configuration::CacheMode::ApiGateway => CacheMode::ApiGateway,
                configuration::CacheMode::Http => CacheMode::Http,
            },
            longest_wait_millis: settings.longest_wait_millis,
            ..CacheCluster::new(settings.size_mib)
        };
        let operations = stage.operations?;
        let by_method = ByMethod::new(stage.stage, pointer);
        for (index, operation) in operations.iter().enumerate() {
            let resolved = by_method.resolve(operation);
            let ttl_seconds = resolved.ttl_in_seconds();
            let is_cached = resolved.is_cached(operation.method);
            self.warn_of_own_settings(&resolved, operation, is_cached);
            if !is_cached || ttl_seconds == 0 {
                continue;
            }
            self.remember_operation(
                &resolved,
                &format!("{model}/operations/{}", lowered.operations.len()),
            );
            self.check_encryption(&resolved);
            if lowered.mode == CacheMode::ApiGateway {
                self.warn_of_shared_paths(operation, &format!("{api}/operations/{index}"));
            }
            lowered.operations.push(CachedOperation {
                operation: index,
                ttl_seconds: ttl_seconds.into(),
                encrypted: resolved.is_encrypted(),
                invalidation: resolved.invalidation(),
            });
        }
        if lowered.operations.is_empty() && !self.is_partial {
            self.warn_of_empty_cache(stage.name, operations, by_method.all.as_ref(), &cluster);
        }
        Some(lowered)
    }

    /// Where the parts of one cached operation come from.
    fn remember_operation(&mut self, resolved: &Resolved<'_>, model: &str) {
        if let Some((_, settings)) = resolved.get(|settings| settings.caching_enabled) {
            self.remember_name(model, &settings.pointer);
        }
        for (part, setting, owner) in [
            (
                "ttlSeconds",
                "cacheTtlInSeconds",
                resolved.get(|settings| settings.cache_ttl_in_seconds.map(|_| ())),
            ),
            (
                "encrypted",
                "cacheDataEncrypted",
                resolved.get(|settings| settings.cache_data_encrypted.map(|_| ())),
            ),
        ] {
            if let Some(((), owner)) = owner {
                self.remember(format!("{model}/{part}"), &owner.pointer.key(setting));
            }
        }
    }

    fn remember_if_there(&mut self, model: String, pointer: &Pointer) {
        if self.stands_in_file(pointer) {
            self.remember(model, pointer);
        }
    }

    /// Responses are encrypted with the key of the secrets, so there has to be a good one.
    fn check_encryption(&mut self, resolved: &Resolved<'_>) {
        let Err(reason) = self.secrets_key else {
            return;
        };
        let encrypted = resolved.get(|settings| settings.cache_data_encrypted);
        if let Some((true, owner)) = encrypted {
            self.refuse(
                "secrets-key",
                &owner.pointer.key("cacheDataEncrypted"),
                format!("no response can be encrypted: {reason}"),
                format!("make a key with `{HOW_TO_MAKE}`"),
            );
        }
    }
}

/// All of `methodSettings`, by what the names mean.
#[derive(Default)]
struct ByMethod<'s> {
    all: Option<Settings<'s>>,
    own: BTreeMap<(String, &'static str), Settings<'s>>,
}

impl<'s> ByMethod<'s> {
    fn new(stage: &'s configuration::Stage, pointer: &Pointer) -> Self {
        let mut found = Self::default();
        for (key, settings) in &stage.method_settings {
            let settings = Settings {
                settings,
                pointer: pointer.key("methodSettings").key(key),
            };
            match MethodKey::parse(key) {
                Ok(MethodKey::All) => found.all = Some(settings),
                Ok(MethodKey::One { path, method }) => {
                    found.own.insert((path, method.as_str()), settings);
                }
                // Refused where methods are looked up.
                Err(_) => {}
            }
        }
        found
    }

    fn resolve(&self, operation: &Operation) -> Resolved<'_> {
        let name = (operation.path.clone(), operation.method.as_str());
        Resolved {
            own: self.own.get(&name),
            all: self.all.as_ref(),
        }
    }
}
