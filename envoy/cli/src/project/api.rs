use std::collections::BTreeMap;
use std::path::PathBuf;

use attache_model::{Api, ApiKeySource, Cors, GatewayResponse, Operation, Protocol, VpcEndpoint};

use super::authorizer::Declared;
use super::response_cache::CachedStage;
use super::{Lowering, Place, Pointer, beside};
use crate::configuration;
use crate::document::Document;
use crate::openapi::{self, ImportedAuthorizer, ImportedPolicy, ImportedVpcLink};

/// The longest label of a host name (RFC 1035, section 2.3.4).
const LONGEST_LABEL: usize = 63;

/// What the definition of an API says.
struct Definition {
    name: String,
    api_key_source: ApiKeySource,
    authorizers: Vec<ImportedAuthorizer>,
    /// The names of all authorizers, of those too that no operation asks for.
    declared_authorizers: Vec<String>,
    resource_policy: Option<ImportedPolicy>,
    disable_execute_api_endpoint: bool,
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
        configuration: &configuration::Configuration,
        index: usize,
    ) -> Option<Api> {
        let pointer = Pointer::root().key("apis").key(id);
        let model = format!("/apis/{index}");
        self.remember(&model, &pointer);
        self.check_api_id(id, &pointer);
        let protocol = match api.protocol {
            configuration::Protocol::Rest => Protocol::Rest,
            configuration::Protocol::Http => Protocol::Http,
            configuration::Protocol::WebSocket => {
                self.refuse(
                    "not-supported-yet",
                    &pointer.key("protocol"),
                    "`protocol` asks for a WebSocket API, which is not supported yet",
                    "a WebSocket connection can pass through a REST or HTTP API to its back end: set \
                     `webSocketEnabled` for the method",
                );
                return None;
            }
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
        self.canary_releases(api, protocol, &pointer, &model, &mut stages);
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
            &configuration.endpoints,
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
        let closed = api.disable_execute_api_endpoint;
        if closed.is_some() {
            self.remember(
                format!("{model}/disableExecuteApiEndpoint"),
                &pointer.key("disableExecuteApiEndpoint"),
            );
        }
        let is_closed = closed.unwrap_or(definition.disable_execute_api_endpoint);
        let endpoint = api.endpoint_configuration.as_ref();
        self.check_endpoint(endpoint, configuration.num_trusted_hops, &pointer);
        self.check_private(endpoint, resource_policy.is_some(), &pointer);
        self.remember(format!("{model}/vpcEndpoint"), &pointer.key("vpcEndpoint"));
        let vpc_endpoint = api.vpc_endpoint.as_ref().map(|endpoint| VpcEndpoint {
            vpc_id: endpoint.vpc_id.clone(),
            vpc_endpoint_id: endpoint.vpc_endpoint_id.clone(),
        });
        Some(Api {
            name: definition.name,
            authorizers,
            resource_policy,
            disable_execute_api_endpoint: is_closed,
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

    /// AWS serves no private API whose resource policy does not say who may call.
    fn check_private(
        &mut self,
        endpoint: Option<&configuration::EndpointConfiguration>,
        has_policy: bool,
        pointer: &Pointer,
    ) {
        let private = configuration::EndpointType::Private;
        let is_private = endpoint.is_some_and(|endpoint| endpoint.types.contains(&private));
        if is_private && !has_policy && !self.is_partial {
            self.refuse(
                "private-without-policy",
                &pointer.key("endpointConfiguration"),
                "a private API needs a resource policy that says who may call",
                "write one into `resourcePolicy`; where clients connect is `--address`",
            );
        }
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
            disable_execute_api_endpoint: imported.disable_execute_api_endpoint,
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
}
