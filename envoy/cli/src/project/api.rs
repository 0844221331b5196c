use std::collections::BTreeMap;
use std::path::PathBuf;

use attache_model::{
    Api, ApiKeySource, Cors, GatewayResponse, MethodSettings, Operation, Protocol, Stage, Throttle,
    VpcEndpoint,
};

use super::authorizer::Declared;
use super::method_key::{self, MethodKey};
use super::response_cache::CachedStage;
use super::{Lowering, Place, Pointer, beside};
use crate::configuration;
use crate::document::Document;
use crate::openapi::{self, ImportedAuthorizer, ImportedPolicy, ImportedVpcLink};

/// The longest label of a host name (RFC 1035, section 2.3.4).
const LONGEST_LABEL: usize = 63;
/// The longest name of a stage.
const LONGEST_STAGE_NAME: usize = 128;
/// How many stage variables a stage may have, and how long their names and values may be.
const MOST_VARIABLES: usize = 100;
const LONGEST_VARIABLE_NAME: usize = 64;
const LONGEST_VARIABLE_VALUE: usize = 512;

/// What the definition of an API says.
struct Definition {
    name: String,
    api_key_source: ApiKeySource,
    authorizers: Vec<ImportedAuthorizer>,
    /// The names of all authorizers, of those too that no operation asks for.
    declared_authorizers: Vec<String>,
    resource_policy: Option<ImportedPolicy>,
    binary_media_types: Vec<String>,
    models: BTreeMap<String, serde_json::Value>,
    gateway_responses: BTreeMap<String, GatewayResponse>,
    cors: Option<Cors>,
    operations: Vec<Operation>,
    /// The VPC links of the operations that go through one.
    vpc_links: Vec<Option<ImportedVpcLink>>,
    file: PathBuf,
    /// Whether all of it could be read: what is missing here may stand in the file.
    is_complete: bool,
}

impl Lowering<'_> {
    /// One API with its definition; `index` is its number in the model. `None` when the definition
    /// cannot be used.
    pub(super) fn api(
        &mut self,
        id: &str,
        api: &configuration::Api,
        endpoints: &configuration::Endpoints,
        index: usize,
    ) -> Option<Api> {
        let pointer = Pointer::root().key("apis").key(id);
        let model = format!("/apis/{index}");
        self.remember(&model, &pointer);
        self.check_api_id(id, &pointer);
        let protocol = match api.protocol {
            configuration::Protocol::Rest => Protocol::Rest,
            configuration::Protocol::Http => Protocol::Http,
        };
        let definition = self.definition(api, protocol, &pointer, index);
        let operations = definition
            .as_ref()
            .filter(|definition| definition.is_complete)
            .map(|definition| definition.operations.as_slice());
        let mut stages = Vec::new();
        for (name, stage) in &api.stages {
            if !self.serves_working_files(id, name) {
                continue;
            }
            let pointer = pointer.key("stages").key(name);
            let in_model = format!("{model}/stages/{}", stages.len());
            self.check_stage_name(name, protocol, &pointer);
            let mut lowered = self.stage(id, name, stage, operations, &pointer, &in_model);
            lowered.cache_cluster = self.cache_cluster(
                &CachedStage {
                    name,
                    protocol,
                    stage,
                    operations,
                },
                &pointer,
                &model,
                &in_model,
            );
            stages.push(lowered);
        }
        let mut definition = definition?;
        self.vpc_links(
            &mut definition.operations,
            &definition.vpc_links,
            api,
            &pointer,
            &definition.file,
        );
        let authorizers = self.authorizers(
            Declared {
                asked_for: definition.authorizers,
                names: &definition.declared_authorizers,
                is_complete: definition.is_complete,
                file: &definition.file,
            },
            &api.authorizers,
            endpoints,
            &pointer,
            &model,
        );
        let resource_policy = self.resource_policy(
            api,
            definition.resource_policy,
            &definition.file,
            &pointer,
            &model,
        );
        self.remember(format!("{model}/vpcEndpoint"), &pointer.key("vpcEndpoint"));
        let vpc_endpoint = api.vpc_endpoint.as_ref().map(|endpoint| VpcEndpoint {
            vpc_id: endpoint.vpc_id.clone(),
            vpc_endpoint_id: endpoint.vpc_endpoint_id.clone(),
        });
        Some(Api {
            name: definition.name,
            authorizers,
            resource_policy,
            vpc_endpoint,
            api_key_source: definition.api_key_source,
            binary_media_types: definition.binary_media_types,
            models: definition.models,
            gateway_responses: definition.gateway_responses,
            cors: definition.cors,
            operations: definition.operations,
            stages,
            ..Api::new(id, protocol)
        })
    }

    fn check_api_id(&mut self, id: &str, pointer: &Pointer) {
        let is_label = !id.is_empty()
            && id.len() <= LONGEST_LABEL
            && !id.starts_with('-')
            && !id.ends_with('-')
            && id
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if is_label {
            return;
        }
        let lower = id.to_lowercase().replace(['_', ' ', '.'], "-");
        let hint = if lower != id && lower.bytes().all(|byte| byte.is_ascii_graphic()) {
            format!("the API answers at `http://ID.localhost/…`: write `{lower}`")
        } else {
            "the API answers at `http://ID.localhost/…`: write lower-case letters, digits and \
             hyphens, 63 at most"
                .to_owned()
        };
        self.refuse_name(
            "api-id",
            pointer,
            format!("the API id `{id}` cannot stand in a host name"),
            hint,
        );
    }

    fn check_stage_name(&mut self, name: &str, protocol: Protocol, pointer: &Pointer) {
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

    /// What an API's definition says; `index` is the API's number in the model.
    fn definition(
        &mut self,
        api: &configuration::Api,
        protocol: Protocol,
        pointer: &Pointer,
        index: usize,
    ) -> Option<Definition> {
        let path = beside(&self.document.file, &api.definition);
        if !path.is_file() {
            let reason = if path.is_dir() {
                "is a folder"
            } else {
                "is not there"
            };
            self.refuse(
                "missing-definition",
                &pointer.key("definition"),
                format!("the definition `{}` {reason}", api.definition),
                format!(
                    "the path starts at the folder of {}: this one means `{}`",
                    super::FILE_NAME,
                    path.display()
                ),
            );
            return None;
        }
        let document = Document::read(&path, self.report)?;
        let errors = self.report.error_count();
        let imported = openapi::import(&document, protocol, self.report)?;
        for (part, place) in imported.places {
            let place = Place {
                file: path.clone(),
                span: place.span,
                pointer: place.pointer,
            };
            self.places.insert(format!("/apis/{index}{part}"), place);
        }
        let mut operations = Vec::new();
        let mut vpc_links = Vec::new();
        let mut places = Vec::new();
        for imported in imported.operations {
            operations.push(imported.operation);
            vpc_links.push(imported.vpc_link);
            places.push(imported.places);
        }
        self.places.insert_operations(index, path.as_path(), places);
        Some(Definition {
            name: imported.name,
            api_key_source: imported.api_key_source,
            authorizers: imported.authorizers,
            declared_authorizers: imported.declared_authorizers,
            resource_policy: imported.resource_policy,
            binary_media_types: imported.binary_media_types,
            models: imported.models,
            gateway_responses: imported.gateway_responses,
            cors: imported.cors,
            operations,
            vpc_links,
            file: path,
            is_complete: self.report.error_count() == errors,
        })
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
        self.check_variables(stage, &pointer.key("variables"));
        for name in stage.variables.keys() {
            let model = Pointer::from(format!("{model}/variables")).key(name);
            self.remember(model, &pointer.key("variables").key(name));
        }
        let mut lowered = Stage {
            variables: stage.variables.clone(),
            ..Stage::new(name)
        };
        for (key, settings) in &stage.method_settings {
            let pointer = pointer.key("methodSettings").key(key);
            let throttle = self.settings_throttle(settings, &pointer);
            match MethodKey::parse(key) {
                Ok(MethodKey::All) => {
                    self.remember(format!("{model}/throttle"), &pointer);
                    lowered.throttle = throttle;
                    lowered.metrics_enabled = settings.metrics_enabled.unwrap_or_default();
                }
                Ok(MethodKey::One { path, method }) => {
                    let Some(operations) = operations else {
                        continue;
                    };
                    match method_key::find(operations, &path, method) {
                        Ok(operation) => {
                            self.check_set_once(&lowered, operation, key, &pointer);
                            self.remember(
                                format!("{model}/methods/{}", lowered.methods.len()),
                                &pointer,
                            );
                            lowered.methods.push(MethodSettings {
                                operation,
                                throttle,
                                metrics_enabled: settings.metrics_enabled,
                            });
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
        lowered.methods.sort_by_key(|method| method.operation);
        lowered
    }

    fn check_set_once(&mut self, stage: &Stage, operation: usize, key: &str, pointer: &Pointer) {
        if stage
            .methods
            .iter()
            .any(|other| other.operation == operation)
        {
            self.refuse_name(
                "method-set-twice",
                pointer,
                format!("`{key}` means a method that has settings here already"),
                "remove one of the spellings",
            );
        }
    }

    fn settings_throttle(
        &mut self,
        settings: &configuration::MethodSettings,
        pointer: &Pointer,
    ) -> Option<Throttle> {
        let (present, absent) = match (
            settings.throttling_rate_limit,
            settings.throttling_burst_limit,
        ) {
            (None, None) => return None,
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

    fn check_variables(&mut self, stage: &configuration::Stage, pointer: &Pointer) {
        if stage.variables.len() > MOST_VARIABLES {
            self.refuse_name(
                "stage-variable",
                pointer,
                format!("a stage has at most {MOST_VARIABLES} variables"),
                "remove those that no integration uses",
            );
        }
        for (name, value) in &stage.variables {
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
