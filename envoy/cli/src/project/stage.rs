//! The stages of an API: their names, variables and method settings, and their canary releases.

use std::collections::BTreeMap;

use attache_model::{Canary, MethodSettings, Operation, Protocol, Stage, Throttle};

use super::method_key::{self, MethodKey};
use super::usage_plan::advice;
use super::{Lowering, Pointer};
use crate::configuration;

/// The longest name of a stage.
const LONGEST_STAGE_NAME: usize = 128;
/// How many stage variables a stage may have, and how long their names and values may be.
const MOST_VARIABLES: usize = 100;
const LONGEST_VARIABLE_NAME: usize = 64;
const LONGEST_VARIABLE_VALUE: usize = 512;
/// How AWS writes that a method has no throttle.
const NO_LIMIT: f64 = -1.0;

/// What is there of an API and a stage that are named somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// Not even the API.
    Nothing,
    /// The API alone.
    Api,
    /// Both.
    Stage,
}

impl Lowering<'_> {
    /// Looks for the API and the stage that `owner`, such as a usage plan, names below `pointer`, and
    /// tells what is not there.
    pub(super) fn named_stage(
        &mut self,
        owner: &str,
        api: &str,
        stage: &str,
        pointer: &Pointer,
    ) -> Named {
        let apis = Pointer::root().key("apis");
        let in_file = apis.key(api);
        if !self.stands_in_file(&in_file) {
            let ids = self.names_at(&apis);
            self.refuse(
                "unknown-api",
                &pointer.key("api"),
                format!("{owner} names the API `{api}`, which is not there"),
                advice(api, &ids, "the APIs are"),
            );
            return Named::Nothing;
        }
        let stages = in_file.key("stages");
        if !self.stands_in_file(&stages.key(stage)) {
            let names = self.names_at(&stages);
            self.refuse(
                "unknown-stage",
                &pointer.key("stage"),
                format!("{owner} names the stage `{stage}`, which the API `{api}` does not have"),
                advice(stage, &names, "its stages are"),
            );
            return Named::Api;
        }
        Named::Stage
    }

    pub(super) fn check_stage_name(&mut self, name: &str, protocol: Protocol, pointer: &Pointer) {
        if protocol == Protocol::Http && name == "$default" {
            return;
        }
        if name == "$default" {
            self.refuse_name(
                "stage-name",
                pointer,
                "a REST API has no `$default` stage",
                "name the stage, such as `prod`, or set `protocol: HTTP` for the API",
            );
            return;
        }
        let is_name = !name.is_empty()
            && name.len() <= LONGEST_STAGE_NAME
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_name {
            self.refuse_name(
                "stage-name",
                pointer,
                format!("the stage name `{name}` cannot stand in a path"),
                "write letters, digits, `-` and `_`, 128 at most",
            );
        }
    }

    pub(super) fn stage(
        &mut self,
        api: &str,
        name: &str,
        stage: &configuration::Stage,
        operations: Option<&[Operation]>,
        pointer: &Pointer,
        model: &str,
    ) -> Stage {
        self.remember(model, pointer);
        self.remember_name(format!("{model}/name"), pointer);
        self.check_variables(&stage.variables, &pointer.key("variables"));
        for name in stage.variables.keys() {
            let model = Pointer::from(format!("{model}/variables")).key(name);
            self.remember(model, &pointer.key("variables").key(name));
        }
        let mut lowered = Stage {
            variables: stage.variables.clone(),
            client_certificate_id: self.client_certificate_id(stage, pointer),
            ..Stage::new(name)
        };
        let mut methods: Vec<(MethodSettings, Pointer)> = Vec::new();
        let mut sets_all = false;
        for (key, settings) in &stage.method_settings {
            let pointer = pointer.key("methodSettings").key(key);
            let throttle = self.settings_throttle(settings, &pointer);
            match MethodKey::parse(key) {
                Ok(MethodKey::All) => {
                    self.check_set_once(std::mem::replace(&mut sets_all, true), key, &pointer);
                    self.remember(format!("{model}/throttle"), &pointer);
                    lowered.throttle = throttle;
                    lowered.metrics_enabled = settings.metrics_enabled.unwrap_or_default();
                    if settings.web_socket_enabled.is_some() {
                        self.refuse_name(
                            "web-socket-for-all",
                            &pointer.key("webSocketEnabled"),
                            "`webSocketEnabled` cannot be set for all methods at once",
                            "set it for each method whose back end takes WebSocket connections, such \
                             as `/chat/GET`",
                        );
                    }
                }
                Ok(MethodKey::One { path, method }) => {
                    let Some(operations) = operations else {
                        continue;
                    };
                    match method_key::find(operations, &path, method) {
                        Ok(operation) => {
                            let mut others = methods.iter();
                            let is_set = others.any(|(other, _)| other.operation == operation);
                            self.check_set_once(is_set, key, &pointer);
                            let settings = MethodSettings {
                                operation,
                                throttle,
                                metrics_enabled: settings.metrics_enabled,
                                web_socket_enabled: settings.web_socket_enabled.unwrap_or_default(),
                            };
                            methods.push((settings, pointer));
                        }
                        Err(hint) => self.refuse_name(
                            "unknown-method",
                            &pointer,
                            format!("`{api}` has no operation `{key}`"),
                            hint,
                        ),
                    }
                }
                Err(refusal) => {
                    self.refuse_name("unknown-method", &pointer, refusal.message, refusal.hint);
                }
            }
        }
        methods.sort_by_key(|(settings, _)| settings.operation);
        for (settings, pointer) in methods {
            let model = format!("{model}/methods/{}", lowered.methods.len());
            self.remember(model.as_str(), &pointer);
            self.remember(
                format!("{model}/webSocketEnabled"),
                &pointer.key("webSocketEnabled"),
            );
            lowered.methods.push(settings);
        }
        lowered
    }

    /// Puts the canary releases behind the stages, which are in the order of their names.
    pub(super) fn canary_releases(
        &mut self,
        api: &configuration::Api,
        protocol: Protocol,
        pointer: &Pointer,
        model: &str,
        stages: &mut Vec<Stage>,
    ) {
        for (name, stage) in &api.stages {
            let Some(settings) = &stage.canary_settings else {
                continue;
            };
            // A stage that serves a deployment has its canary release from there.
            let Some(mut release) = stages.iter().find(|found| found.name == *name).cloned() else {
                continue;
            };
            let pointer = pointer.key("stages").key(name).key("canarySettings");
            if protocol == Protocol::Http {
                self.refuse_name(
                    "canary-of-http-api",
                    &pointer,
                    "an HTTP API has no canary releases, and this is the stage of one",
                    "AWS has them for REST APIs only: give the next version a stage of its own, or \
                     set `protocol: REST` for the API",
                );
                continue;
            }
            let overrides = pointer.key("stageVariableOverrides");
            self.check_variables(&settings.stage_variable_overrides, &overrides);
            let model = format!("{model}/stages/{}", stages.len());
            self.remember_name(&model, &pointer);
            self.remember(
                format!("{model}/canary/percentTraffic"),
                &pointer.key("percentTraffic"),
            );
            for (name, value) in &settings.stage_variable_overrides {
                let variable = Pointer::from(format!("{model}/variables")).key(name);
                self.remember(variable, &overrides.key(name));
                release.variables.insert(name.clone(), value.clone());
            }
            // More of its own are refused above.
            let own = settings.stage_variable_overrides.len();
            if own <= MOST_VARIABLES && release.variables.len() > MOST_VARIABLES {
                self.refuse_name(
                    "stage-variable",
                    &overrides,
                    format!(
                        "with those of its stage, the canary release has {} variables",
                        release.variables.len()
                    ),
                    format!("a stage has {MOST_VARIABLES} at most, those of its canary included"),
                );
            }
            release.canary = Some(Canary {
                percent_traffic: settings.percent_traffic,
                use_stage_cache: settings.use_stage_cache,
            });
            stages.push(release);
        }
    }

    fn check_set_once(&mut self, is_set: bool, key: &str, pointer: &Pointer) {
        if is_set {
            self.refuse_name(
                "method-set-twice",
                pointer,
                format!("`{key}` means what has settings here already"),
                "remove one of the spellings",
            );
        }
    }

    fn settings_throttle(
        &mut self,
        settings: &configuration::MethodSettings,
        pointer: &Pointer,
    ) -> Option<Throttle> {
        let rate_limit = settings
            .throttling_rate_limit
            .filter(|rate| *rate != NO_LIMIT);
        let burst_limit = settings.throttling_burst_limit;
        // More than that many at once is refused by the schema, and -1 is no limit.
        let burst_limit = burst_limit.and_then(|burst| u32::try_from(burst).ok());
        let (present, absent) = match (rate_limit, burst_limit) {
            (None, None) => return None,
            (Some(rate_limit), _) if rate_limit < 0.0 => {
                self.refuse(
                    "out-of-range",
                    &pointer.key("throttlingRateLimit"),
                    format!("`{rate_limit}` is no number of requests a second"),
                    "write 0 or more, or `-1` in both settings for no limit",
                );
                return None;
            }
            (Some(rate_limit), Some(burst_limit)) => {
                return Some(Throttle {
                    rate_limit,
                    burst_limit,
                });
            }
            (Some(_), None) => ("throttlingRateLimit", "throttlingBurstLimit"),
            (None, Some(_)) => ("throttlingBurstLimit", "throttlingRateLimit"),
        };
        if !self.is_partial {
            self.refuse_name(
                "half-a-throttle",
                &pointer.key(present),
                format!("`{present}` stands without `{absent}`"),
                "a throttle has both: how many requests a second, and how many at once",
            );
        }
        None
    }

    fn check_variables(&mut self, variables: &BTreeMap<String, String>, pointer: &Pointer) {
        if variables.len() > MOST_VARIABLES {
            self.refuse_name(
                "stage-variable",
                pointer,
                format!("a stage has at most {MOST_VARIABLES} variables"),
                "remove those that no integration uses",
            );
        }
        for (name, value) in variables {
            let pointer = pointer.key(name);
            let is_name = !name.is_empty()
                && name.len() <= LONGEST_VARIABLE_NAME
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                self.refuse_name(
                    "stage-variable",
                    &pointer,
                    format!("`{name}` cannot be the name of a stage variable"),
                    "write letters, digits and `_`, 64 at most",
                );
            }
            let is_value = !value.is_empty()
                && value.len() <= LONGEST_VARIABLE_VALUE
                && value
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#&=,".contains(&byte));
            if !is_value {
                self.refuse(
                    "stage-variable",
                    &pointer,
                    format!("the stage variable `{name}` has a value that AWS does not allow"),
                    "write letters, digits and `-._~:/?#&=,`, 512 at most",
                );
            }
        }
    }
}
