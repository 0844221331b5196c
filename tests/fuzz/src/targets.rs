//! The readers, each with what it promises.

mod api_key_file;
mod authorization;
mod authorizer_answer;
mod configuration;
mod gateway_document;
mod header_map;
mod iam_policy;
mod json;
mod json_schema;
mod json_web_token;
mod lambda_response;
mod mapping_template;
mod regular_expression;
mod request_head;
mod response_head;
mod signed_request;
mod split_filter;
mod template;
mod trace_id;

use crate::Target;

/// All of them.
pub const TARGETS: &[Target] = &[
    target("api-key-configuration", split_filter::api_key),
    target("api-key-file", api_key_file::run),
    target("authorization", authorization::run),
    target("authorizer-answer", authorizer_answer::run),
    target("configuration", configuration::configuration),
    target("definition-json", configuration::definition_json),
    target("definition-yaml", configuration::definition_yaml),
    target("gateway-document", gateway_document::run),
    target("header-map", header_map::run),
    target("iam-policy", iam_policy::run),
    target("json", json::document),
    target("json-path", json::path),
    target("json-schema", json_schema::run),
    target("json-web-key-set", json_web_token::key_set),
    target("json-web-token", json_web_token::token),
    target("lambda-response", lambda_response::run),
    target("mapping-template", mapping_template::run),
    target("regular-expression", regular_expression::run),
    target("request-head", request_head::run),
    target("response-head", response_head::run),
    target("signed-request", signed_request::run),
    target("template", template::template),
    target("template-with-values", template::with_values),
    target("trace-id", trace_id::run),
    target("usage-plan-configuration", split_filter::usage_plan),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}
