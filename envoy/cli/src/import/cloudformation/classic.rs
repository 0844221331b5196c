//! APIs made of `AWS::ApiGateway::…` and `AWS::ApiGatewayV2::…`.

use attache_model::Protocol;

use super::template::lower_camel;
use super::{Building, Read};
use crate::import::http_api::HttpApi;
use crate::import::rest_api::{Resource, RestApi};
use crate::import::settings;
use crate::tree::Tree;

/// How deep resources may stand in each other.
const MOST_PARTS: usize = 64;

impl Building<'_, '_> {
    /// The resources of a type that belong to this API: their logical ids and resolved properties.
    fn belonging(&mut self, kind: &str, owner: &str) -> Vec<(String, Tree)> {
        let mut found = Vec::new();
        for (id, properties) in self.resources.of_type(kind) {
            let Some(properties) = self.resolver.resolve(properties) else {
                continue;
            };
            if properties.text_of(owner) == Some(self.id) {
                found.push((id.to_owned(), properties));
            }
        }
        found
    }

    /// The same in the spelling of AWS's JSON, with the logical id as the id.
    fn described(&mut self, kind: &str) -> Vec<Tree> {
        let found = self.belonging(kind, "RestApiId").into_iter();
        found
            .map(|(id, properties)| {
                let mut described = lower_camel(&properties);
                described.set("id", id);
                described
            })
            .collect()
    }

    /// The body of a definition, given in the template or in a file beside it. `Err` when it is
    /// somewhere else.
    pub(super) fn body(&mut self, properties: &Tree) -> Result<Option<Tree>, String> {
        for key in ["Body", "DefinitionBody"] {
            if let Some(body) = properties.get(key) {
                return Ok(self.resolver.resolve(body));
            }
        }
        let Some(location) = properties
            .get("DefinitionUri")
            .or_else(|| properties.get("BodyS3Location"))
        else {
            return Ok(None);
        };
        let text = self.resolver.resolve(location).unwrap_or_default();
        let Some(path) = text.as_text() else {
            return Err(text.to_string());
        };
        match self.resolver.file(path) {
            Some(file) => Ok(self.resolver.resolve(&file)),
            None => Err(path.to_owned()),
        }
    }

    /// Tells that a definition is somewhere else.
    pub(super) fn elsewhere(&mut self, location: &str) {
        self.table.decide(
            format!("API {}", self.id),
            format!("its definition is in `{location}`, which was not given: it was left out"),
            "put the file beside the template, and name it there",
        );
    }

    pub(super) fn rest_api(&mut self) -> Option<Read> {
        let properties = self.resources.properties(self.logical_id)?.clone();
        let body = match self.body(&properties) {
            Ok(body) => body,
            Err(location) => {
                self.elsewhere(&location);
                return None;
            }
        };
        let settings = self.resolver.resolve(&without(&properties, &["Body"]))?;
        let mut api = lower_camel(&settings);
        api.set_some("apiKeySource", api.present("apiKeySourceType").cloned());
        if let Some(Tree::List(types)) = api.get_mut("binaryMediaTypes") {
            for kind in types {
                if let Tree::Text(text) = kind {
                    *text = text.replace("~1", "/");
                }
            }
        }
        if api.get("name").is_none() {
            api.set("name", self.id);
        }
        let described = RestApi {
            resources: self.resources_of_api(),
            authorizers: self
                .described("AWS::ApiGateway::Authorizer")
                .into_iter()
                .map(named)
                .collect(),
            models: self
                .described("AWS::ApiGateway::Model")
                .into_iter()
                .map(named)
                .collect(),
            request_validators: self.described("AWS::ApiGateway::RequestValidator"),
            gateway_responses: self.described("AWS::ApiGateway::GatewayResponse"),
            api,
        }
        .definition();
        let definition = match body {
            Some(mut body) => {
                // What stands beside the body is added to it.
                for (key, value) in described.entries() {
                    if key.starts_with("x-amazon-") && body.get(key).is_none() {
                        body.set(key, value.clone());
                    }
                }
                for (path, item) in described
                    .get("paths")
                    .map(Tree::entries)
                    .unwrap_or_default()
                {
                    for (method, operation) in item.entries() {
                        body.entry("paths")
                            .entry(path)
                            .set(method, operation.clone());
                    }
                }
                body
            }
            None => described,
        };
        let stages = self.stages_of_rest_api();
        Some(Read {
            id: self.id.to_owned(),
            protocol: Protocol::Rest,
            definition,
            stages,
        })
    }

    fn resources_of_api(&mut self) -> Vec<Resource> {
        let parts = self.belonging("AWS::ApiGateway::Resource", "RestApiId");
        let root = format!("{}.RootResourceId", self.logical_id);
        let path_of = |id: &str| -> Option<String> {
            let mut path = String::new();
            let mut current = id.to_owned();
            for _ in 0..MOST_PARTS {
                if current == root {
                    return Some(if path.is_empty() {
                        "/".to_owned()
                    } else {
                        path
                    });
                }
                let (_, properties) = parts.iter().find(|(other, _)| *other == current)?;
                path = format!("/{}{path}", properties.text_of("PathPart")?);
                current = properties.text_of("ParentId")?.to_owned();
            }
            None
        };
        let mut resources: Vec<Resource> = Vec::new();
        for (id, properties) in self.belonging("AWS::ApiGateway::Method", "RestApiId") {
            let resource = properties
                .text_of("ResourceId")
                .unwrap_or_default()
                .to_owned();
            let Some(path) = path_of(&resource) else {
                self.table.decide(
                    format!("method {id}"),
                    "the path of its resource is not told: it was left out",
                    "give `ParentId` and `PathPart` of the resource in the template",
                );
                continue;
            };
            let verb = properties.text_of("HttpMethod").unwrap_or("ANY").to_owned();
            let mut method = lower_camel(&properties);
            if let Some(mut integration) = method.remove("integration") {
                if let Some(verb) = integration.remove("integrationHttpMethod") {
                    integration.set("httpMethod", verb);
                }
                method.set("methodIntegration", integration);
            }
            match resources.iter_mut().find(|found| found.path == path) {
                Some(found) => found.methods.push((verb, method)),
                None => resources.push(Resource {
                    id: resource,
                    path,
                    methods: vec![(verb, method)],
                }),
            }
        }
        resources.sort_by(|left, right| left.path.cmp(&right.path));
        resources
    }

    fn stages_of_rest_api(&mut self) -> Vec<(String, Tree)> {
        let mut stages: Vec<(String, Tree)> = Vec::new();
        for (_, properties) in self.belonging("AWS::ApiGateway::Stage", "RestApiId") {
            if let Some(name) = properties.text_of("StageName") {
                stages.push((name.to_owned(), properties.clone()));
            }
        }
        for (_, properties) in self.belonging("AWS::ApiGateway::Deployment", "RestApiId") {
            let Some(name) = properties.text_of("StageName") else {
                continue;
            };
            if !stages.iter().any(|(known, _)| known == name) {
                let described = properties.get("StageDescription").cloned();
                stages.push((name.to_owned(), described.unwrap_or_else(Tree::map)));
            }
        }
        if stages.is_empty() {
            stages.push(("prod".to_owned(), Tree::map()));
            self.table.decide(
                format!("stage prod of {}", self.id),
                "the template has no stage for it: this one was made up",
                "name it as your clients call it",
            );
        }
        let mut written = Vec::new();
        for (name, found) in stages {
            let mut stage = lower_camel(&found);
            stage.set_some("canarySettings", stage.present("canarySetting").cloned());
            stage.set_some(
                "accessLogSettings",
                stage.present("accessLogSetting").cloned(),
            );
            let owner = format!("stage {name} of {}", self.id);
            written.push((name, settings::stage(&stage, &owner, self.table)));
        }
        written
    }

    pub(super) fn http_api(&mut self) -> Option<Read> {
        let properties = self.resources.properties(self.logical_id)?.clone();
        if properties.text_of("ProtocolType") == Some("WEBSOCKET") {
            self.table
                .not_supported(format!("API {}", self.id), "it is a WebSocket API");
            return None;
        }
        let body = match self.body(&properties) {
            Ok(body) => body,
            Err(location) => {
                self.elsewhere(&location);
                return None;
            }
        };
        let mut api = self.resolver.resolve(&without(&properties, &["Body"]))?;
        if api.get("Name").is_none() {
            api.set("Name", self.id);
        }
        let with_id = |found: Vec<(String, Tree)>, key: &str| -> Vec<Tree> {
            found
                .into_iter()
                .map(|(id, mut properties)| {
                    properties.set(key, id);
                    properties
                })
                .collect()
        };
        let mut described = HttpApi {
            routes: with_id(
                self.belonging("AWS::ApiGatewayV2::Route", "ApiId"),
                "RouteId",
            ),
            integrations: with_id(
                self.belonging("AWS::ApiGatewayV2::Integration", "ApiId"),
                "IntegrationId",
            ),
            authorizers: with_id(
                self.belonging("AWS::ApiGatewayV2::Authorizer", "ApiId"),
                "AuthorizerId",
            ),
            api,
        };
        quick_create(&mut described);
        let added = described.definition();
        let definition = match body {
            Some(mut body) => {
                for (path, item) in added.get("paths").map(Tree::entries).unwrap_or_default() {
                    for (method, operation) in item.entries() {
                        body.entry("paths")
                            .entry(path)
                            .set(method, operation.clone());
                    }
                }
                if let Some(cors) = added.get("x-amazon-apigateway-cors") {
                    body.set("x-amazon-apigateway-cors", cors.clone());
                }
                body
            }
            None => added,
        };
        let mut stages = Vec::new();
        for (_, properties) in self.belonging("AWS::ApiGatewayV2::Stage", "ApiId") {
            if let Some(name) = properties.text_of("StageName") {
                let owner = format!("stage {name} of {}", self.id);
                let stage = settings::http_stage(&properties, &owner, self.table);
                stages.push((name.to_owned(), stage));
            }
        }
        if stages.is_empty() {
            stages.push(("$default".to_owned(), Tree::map()));
        }
        Some(Read {
            id: self.id.to_owned(),
            protocol: Protocol::Http,
            definition,
            stages,
        })
    }
}

/// `Target` and `RouteKey` of an API: one route to one back end, without further resources.
fn quick_create(api: &mut HttpApi) {
    let Some(target) = api.api.text_of("Target").map(str::to_owned) else {
        return;
    };
    let is_function = target.starts_with("arn:");
    let mut integration = Tree::from([
        ("IntegrationId", "target"),
        (
            "IntegrationType",
            if is_function {
                "AWS_PROXY"
            } else {
                "HTTP_PROXY"
            },
        ),
    ]);
    integration.set("IntegrationUri", target);
    if is_function {
        integration.set("PayloadFormatVersion", "2.0");
    } else {
        integration.set("IntegrationMethod", "ANY");
    }
    integration.set_some("CredentialsArn", api.api.present("CredentialsArn").cloned());
    api.integrations.push(integration);
    let key = api.api.text_of("RouteKey").unwrap_or("$default");
    let route = Tree::from([("RouteKey", key), ("Target", "integrations/target")]);
    api.routes.push(route);
}

fn without(properties: &Tree, keys: &[&str]) -> Tree {
    let mut rest = properties.clone();
    for key in keys {
        rest.remove(key);
    }
    rest
}

/// What has no name is called by its logical id.
fn named(mut described: Tree) -> Tree {
    if described.get("name").is_none()
        && let Some(id) = described.text_of("id").map(str::to_owned)
    {
        described.set("name", id);
    }
    described
}
