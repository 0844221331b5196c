//! APIs of AWS SAM: `AWS::Serverless::Api`, `AWS::Serverless::HttpApi`, and those that the events of
//! functions imply.
//!
//! What SAM's own transform writes into a definition is written here, in the same terms.
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-api.html>

mod authorizers;
mod cors;
mod events;

use attache_model::Protocol;

use super::template::{Resources, lower_camel};
use super::{API_TYPES, Building, Read};
use crate::import::settings;
use crate::tree::Tree;
use events::Event;

/// The APIs that events without one belong to.
const IMPLICIT: &str = "ServerlessRestApi";
const IMPLICIT_HTTP: &str = "ServerlessHttpApi";

/// The APIs of a template, those that are implied included, with their types.
pub(super) fn apis(resources: &Resources<'_>) -> Vec<(String, &'static str)> {
    let mut apis: Vec<(String, &'static str)> = resources
        .types()
        .filter_map(|(id, kind)| {
            let kind = API_TYPES.into_iter().find(|known| *known == kind)?;
            Some((id.to_owned(), kind))
        })
        .collect();
    for (event, owner, implicit, kind) in [
        ("Api", "RestApiId", IMPLICIT, "AWS::Serverless::Api"),
        (
            "HttpApi",
            "ApiId",
            IMPLICIT_HTTP,
            "AWS::Serverless::HttpApi",
        ),
    ] {
        let implied = resources
            .of_type("AWS::Serverless::Function")
            .any(|(_, function)| {
                let events = function.get("Events").map(Tree::entries);
                events.unwrap_or_default().iter().any(|(_, found)| {
                    found.text_of("Type") == Some(event)
                        && found.at(&["Properties", owner]).is_none()
                })
            });
        if implied && !apis.iter().any(|(id, _)| id == implicit) {
            apis.push((implicit.to_owned(), kind));
        }
    }
    apis
}

impl Building<'_, '_> {
    /// The properties of the API; those of an implied one are its globals alone.
    fn own_properties(&mut self, section: &str) -> Tree {
        match self.resources.properties(self.logical_id) {
            Some(properties) => properties.clone(),
            None => self.resolver.globals(section).unwrap_or_else(Tree::map),
        }
    }

    pub(super) fn serverless_api(&mut self) -> Option<Read> {
        let properties = self.own_properties("Api");
        let mut definition = match self.body(&properties) {
            Ok(body) => body,
            Err(location) => {
                self.elsewhere(&location);
                return None;
            }
        };
        let events = self.events("Api", "RestApiId", IMPLICIT);
        let properties = self.resolved(&properties);
        let has_body = definition.is_some();
        let mut document = definition.take().unwrap_or_else(|| self.empty(&properties));
        if !has_body {
            for event in &events {
                self.add_event(&mut document, event, Protocol::Rest);
            }
        }
        self.models(&mut document, &properties);
        cors::add_options(&mut document, properties.get("Cors"));
        self.authorize(&mut document, &properties, &events, Protocol::Rest);
        self.extensions(&mut document, &properties);
        let name = properties.get("StageName").and_then(Tree::scalar);
        // What SAM calls the stage of an API that is implied.
        let name = name.unwrap_or_else(|| "Prod".to_owned());
        let mut stage = lower_camel(&properties);
        stage.remove("description");
        stage.set_some("canarySettings", stage.present("canarySetting").cloned());
        stage.set_some(
            "accessLogSettings",
            stage.present("accessLogSetting").cloned(),
        );
        let owner = format!("stage {name} of {}", self.id);
        let stage = settings::stage(&stage, &owner, self.table);
        if properties
            .at(&["EndpointConfiguration", "Type"])
            .and_then(Tree::as_text)
            == Some("PRIVATE")
        {
            self.table.decide(
                format!("API {}", self.id),
                "it is private: on AWS only a VPC endpoint leads to it",
                "listen where only your network can call, and write `vpcEndpoint` for its policy",
            );
        }
        Some(Read {
            id: self.id.to_owned(),
            protocol: Protocol::Rest,
            definition: document,
            stages: vec![(name, stage)],
        })
    }

    pub(super) fn serverless_http_api(&mut self) -> Option<Read> {
        let properties = self.own_properties("HttpApi");
        let mut definition = match self.body(&properties) {
            Ok(body) => body,
            Err(location) => {
                self.elsewhere(&location);
                return None;
            }
        };
        let events = self.events("HttpApi", "ApiId", IMPLICIT_HTTP);
        let properties = self.resolved(&properties);
        let has_body = definition.is_some();
        let mut document = definition.take().unwrap_or_else(|| self.empty(&properties));
        if !has_body {
            for event in &events {
                self.add_event(&mut document, event, Protocol::Http);
            }
        }
        self.authorize(&mut document, &properties, &events, Protocol::Http);
        match properties.present("CorsConfiguration") {
            Some(Tree::Map(cors)) => {
                let cors = lower_camel(&Tree::Map(cors.clone()));
                document.set("x-amazon-apigateway-cors", cors);
            }
            Some(Tree::Bool(true)) => document.set("x-amazon-apigateway-cors", true),
            _ => {}
        }
        if properties
            .get("DisableExecuteApiEndpoint")
            .and_then(Tree::as_bool)
            == Some(true)
        {
            document.set(
                "x-amazon-apigateway-endpoint-configuration",
                [("disableExecuteApiEndpoint", true)],
            );
        }
        let name = properties.get("StageName").and_then(Tree::scalar);
        let name = name.unwrap_or_else(|| "$default".to_owned());
        let mut found = properties.clone();
        found.remove("Description");
        let owner = format!("stage {name} of {}", self.id);
        let stage = settings::http_stage(&found, &owner, self.table);
        Some(Read {
            id: self.id.to_owned(),
            protocol: Protocol::Http,
            definition: document,
            stages: vec![(name, stage)],
        })
    }

    /// The properties with their values; the definition is looked at for itself.
    fn resolved(&mut self, properties: &Tree) -> Tree {
        let mut rest = properties.clone();
        for key in ["DefinitionBody", "DefinitionUri", "Domain"] {
            rest.remove(key);
        }
        self.resolver.resolve(&rest).unwrap_or_default()
    }

    fn empty(&self, properties: &Tree) -> Tree {
        let mut document = Tree::from([("openapi", "3.0.1")]);
        let info = document.entry("info");
        info.set("title", properties.text_of("Name").unwrap_or(self.id));
        info.set_some("description", properties.present("Description").cloned());
        info.set("version", "1.0");
        document.set("paths", Tree::map());
        document
    }

    fn models(&mut self, document: &mut Tree, properties: &Tree) {
        let is_swagger = document.get("swagger").is_some();
        for (name, schema) in properties
            .get("Models")
            .map(Tree::entries)
            .unwrap_or_default()
        {
            let folder = match is_swagger {
                true => document.entry("definitions"),
                false => document.entry("components").entry("schemas"),
            };
            folder.set(name, schema.clone());
        }
    }

    fn extensions(&mut self, document: &mut Tree, properties: &Tree) {
        let mut put = |name: &str, value: Option<Tree>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                document.set(&format!("x-amazon-apigateway-{name}"), value);
            }
        };
        put(
            "api-key-source",
            properties.present("ApiKeySourceType").cloned(),
        );
        let types = properties.get("BinaryMediaTypes").map(Tree::items);
        let types: Vec<String> = types
            .unwrap_or_default()
            .iter()
            .filter_map(|kind| Some(kind.as_text()?.replace("~1", "/")))
            .collect();
        put("binary-media-types", Some(types.into()));
        put(
            "minimum-compression-size",
            properties.present("MinimumCompressionSize").cloned(),
        );
        if properties
            .get("DisableExecuteApiEndpoint")
            .and_then(Tree::as_bool)
            == Some(true)
        {
            let configuration = Tree::from([("disableExecuteApiEndpoint", true)]);
            put("endpoint-configuration", Some(configuration));
        }
        let mut responses = Tree::map();
        let found = properties.get("GatewayResponses").map(Tree::entries);
        for (kind, response) in found.unwrap_or_default() {
            let entry = responses.entry(kind);
            let status = response.get("StatusCode").and_then(Tree::scalar);
            entry.set_some("statusCode", status);
            let parameters = response.get("ResponseParameters").map(Tree::entries);
            for (place, values) in parameters.unwrap_or_default() {
                let place = match place.as_str() {
                    "Headers" => "header",
                    "QueryStrings" => "querystring",
                    "Paths" => "path",
                    _ => continue,
                };
                for (name, value) in values.entries() {
                    entry
                        .entry("responseParameters")
                        .set(&format!("gatewayresponse.{place}.{name}"), value.clone());
                }
            }
            entry.set_some(
                "responseTemplates",
                response.present("ResponseTemplates").cloned(),
            );
        }
        put("gateway-responses", Some(responses));
        if let Some(policy) = properties.at(&["Auth", "ResourcePolicy"]) {
            put("policy", Some(self.resource_policy(policy)));
        }
    }

    /// What SAM makes of `ResourcePolicy`. What is not understood here keeps everybody out.
    fn resource_policy(&mut self, found: &Tree) -> Tree {
        let mut statements: Vec<Tree> = Vec::new();
        let mut understood = true;
        for (key, value) in found.entries() {
            match key.as_str() {
                "CustomStatements" => match value {
                    Tree::List(items) => statements.extend(items.iter().cloned()),
                    one => statements.push(one.clone()),
                },
                "IpRangeWhitelist" | "IpRangeBlacklist" => {
                    let operator = match key.as_str() {
                        "IpRangeWhitelist" => "NotIpAddress",
                        _ => "IpAddress",
                    };
                    if !statements
                        .iter()
                        .any(|found| found.text_of("Effect") == Some("Allow"))
                    {
                        statements.push(statement("Allow"));
                    }
                    let mut denied = statement("Deny");
                    denied
                        .entry("Condition")
                        .entry(operator)
                        .set("aws:SourceIp", value.clone());
                    statements.push(denied);
                }
                _ => understood = false,
            }
        }
        if !understood {
            statements = vec![statement("Deny")];
            self.table.decide(
                format!("API {}", self.id),
                "its resource policy names accounts or VPCs: until it is written out, nobody may call",
                "write `resourcePolicy` as `aws apigateway get-rest-api` prints it",
            );
        }
        let mut policy = Tree::from([("Version", "2012-10-17")]);
        policy.set("Statement", Tree::List(statements));
        policy
    }
}

fn statement(effect: &str) -> Tree {
    Tree::from([
        ("Effect", effect),
        ("Principal", "*"),
        ("Action", "execute-api:Invoke"),
        ("Resource", "execute-api:/*"),
    ])
}

impl Building<'_, '_> {
    /// The events of functions that this API has.
    fn events(&mut self, kind: &str, owner: &str, implicit: &str) -> Vec<Event> {
        let mut events = Vec::new();
        let functions: Vec<(&str, Tree)> = self
            .resources
            .of_type("AWS::Serverless::Function")
            .map(|(id, properties)| (id, properties.clone()))
            .collect();
        for (function, properties) in functions {
            for (_, found) in properties
                .get("Events")
                .map(Tree::entries)
                .unwrap_or_default()
            {
                if found.text_of("Type") != Some(kind) {
                    continue;
                }
                let raw = found.get("Properties").cloned().unwrap_or_else(Tree::map);
                let Some(settings) = self.resolver.resolve(&raw) else {
                    continue;
                };
                let is_own = match settings.get(owner) {
                    Some(api) => api.as_text() == Some(self.id),
                    None => self.logical_id == implicit,
                };
                if is_own {
                    let alias = properties.get("AutoPublishAlias").is_some();
                    events.push(Event::new(function, alias, settings));
                }
            }
        }
        events
    }
}
