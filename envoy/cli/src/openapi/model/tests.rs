use attache_model::Protocol;
use serde_json::json;

use crate::diagnostic::Severity;
use crate::openapi::tests::{clean, expect, findings, run};
use crate::openapi::{ImportedApi, Place};

/// A document whose one body has a schema, beside others.
fn document(schema: &str, schemas: &str) -> String {
    format!(
        "openapi: 3.0.1\ninfo: {{title: t}}\n\
         x-amazon-apigateway-request-validators: {{body: {{validateRequestBody: true}}}}\n\
         x-amazon-apigateway-request-validator: body\n\
         paths:\n  /a:\n    post:\n      requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}\n      \
         x-amazon-apigateway-integration: {{type: http_proxy, uri: 'http://b'}}\n\
         components: {{schemas: {{{schemas}}}}}\n"
    )
}

fn reference(name: &str) -> String {
    format!("{{$ref: '#/components/schemas/{name}'}}")
}

fn model_of(api: &ImportedApi) -> &str {
    let validation = &api.operations[0].operation.request_validation;
    &validation.request_models[0].model
}

#[test]
fn a_model_comes_with_what_it_refers_to_and_no_more() {
    let api = clean(
        &document(
            &reference("Pet"),
            "Pet: {type: object, description: d, required: [name], properties: {name: {type: string, example: x}, description: {$ref: '#/components/schemas/Note'}, parent: {$ref: '#/components/schemas/Pet'}}}, \
             Note: {$ref: '#/components/schemas/Text'}, Text: {type: string, maxLength: 3}, Other: {type: string}",
        ),
        Protocol::Rest,
    );
    assert_eq!(model_of(&api), "Pet");
    assert_eq!(
        serde_json::to_value(&api.models).unwrap(),
        json!({
            "Pet": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "description": {"$ref": "#/definitions/Text"},
                    "parent": {"$ref": "#/definitions/Pet"},
                },
            },
            "Text": {"type": "string", "maxLength": 3},
        })
    );
}

#[test]
fn schemas_without_a_name_get_one() {
    let api = clean(
        &document(
            "{type: array, items: {$ref: '#/components/schemas/Pet/properties/kind'}}",
            "Pet: {properties: {kind: {enum: [cat, dog]}}}",
        ),
        Protocol::Rest,
    );
    let name = model_of(&api).to_owned();
    assert!(name.starts_with("MODEL") && name.len() == 15, "{name}");
    assert_eq!(api.models.len(), 2);
    let target = api.models[&name]["items"]["$ref"].as_str().unwrap();
    let inner = target.strip_prefix("#/definitions/").unwrap();
    assert_ne!(inner, name);
    assert_eq!(api.models[inner], json!({"enum": ["cat", "dog"]}));
}

#[test]
fn every_keyword_of_draft_4_is_kept_and_schemas_are_read_inside() {
    let schema = "{type: object, format: f, enum: [{a: {description: b}}], multipleOf: 2, maximum: 3, exclusiveMaximum: true, \
         patternProperties: {'^description$': {not: {title: t, type: 'null'}}}, additionalProperties: false, \
         dependencies: {a: [b], c: {allOf: [{minimum: 1, example: x}]}}, \
         items: [{type: string}, {oneOf: [{minLength: 1}]}], additionalItems: {type: number}, uniqueItems: true, \
         anyOf: [{type: [string, 'null']}], x-own: 1, nullable: false}";
    let (api, report) = run("a.yaml", &document(schema, ""), Protocol::Rest);
    let api = api.unwrap();
    assert_eq!(
        api.models[model_of(&api)],
        json!({
            "type": "object", "format": "f", "enum": [{"a": {"description": "b"}}],
            "multipleOf": 2, "maximum": 3, "exclusiveMaximum": true,
            "patternProperties": {"^description$": {"not": {"type": "null"}}},
            "additionalProperties": false,
            "dependencies": {"a": ["b"], "c": {"allOf": [{"minimum": 1}]}},
            "items": [{"type": "string"}, {"oneOf": [{"minLength": 1}]}],
            "additionalItems": {"type": "number"},
            "uniqueItems": true,
            "anyOf": [{"type": ["string", "null"]}],
        })
    );
    assert_eq!(findings(&report).len(), 1, "{:?}", findings(&report));
}

#[test]
fn the_models_that_every_api_has_need_no_definition() {
    let api = clean(
        &document(
            "{anyOf: [{$ref: '#/components/schemas/Error'}, {$ref: 'https://apigateway.amazonaws.com/restapis/abc/models/Pet'}]}",
            "Pet: {type: object}",
        ),
        Protocol::Rest,
    );
    assert_eq!(
        api.models["Error"]["properties"]["message"]["type"],
        "string"
    );
    assert_eq!(api.models["Pet"], json!({"type": "object"}));
    for nothing in [
        reference("Empty"),
        "{}".to_owned(),
        "true".to_owned(),
        "null".to_owned(),
    ] {
        let api = clean(&document(&nothing, ""), Protocol::Rest);
        let validation = &api.operations[0].operation.request_validation;
        assert!(validation.request_models.is_empty(), "{nothing}");
    }
}

#[test]
fn what_other_versions_know_is_told_once() {
    let base = "/paths/~1a/post/requestBody/content/application~1json/schema";
    for (schema, keyword, message) in [
        (
            "{properties: {a: {nullable: true}, b: {nullable: true}}}",
            "/properties/a/nullable",
            "`nullable` has no effect",
        ),
        ("{exclusiveMinimum: 3}", "/exclusiveMinimum", "as a number"),
        ("{const: 3}", "/const", "draft 4"),
        ("{requird: [a]}", "/requird", "`requird`"),
    ] {
        let finding = ("schema-keyword-without-effect", keyword, message);
        let text = document(schema, "");
        expect(&text, Protocol::Rest, Severity::Warning, base, finding);
    }
    let (_, report) = run("a.yaml", &document("{requird: [a]}", ""), Protocol::Rest);
    assert_eq!(
        report.diagnostics()[0].hint.as_deref(),
        Some("did you mean `required`?")
    );
}

#[test]
fn a_reference_to_nothing_is_an_error() {
    let base = "/paths/~1a/post/requestBody/content/application~1json/schema";
    for (schema, pointer, message) in [
        (reference("Nobody"), "/$ref", "there is nothing at"),
        (
            "{items: {$ref: 'other.yaml#/A'}}".to_owned(),
            "/items/$ref",
            "outside of this document",
        ),
        (
            "{$ref: 'https://apigateway.amazonaws.com/restapis/abc/models/Nobody'}".to_owned(),
            "/$ref",
            "no model `Nobody`",
        ),
    ] {
        let text = document(&schema, "");
        let finding = ("reference", pointer, message);
        expect(&text, Protocol::Rest, Severity::Error, base, finding);
    }
    for (schema, pointer, message) in [
        ("[a]", "", "a mapping"),
        ("{properties: 3}", "/properties", "a mapping"),
        ("{allOf: {}}", "/allOf", "a list"),
    ] {
        let text = document(schema, "");
        let finding = ("wrong-kind", pointer, message);
        expect(&text, Protocol::Rest, Severity::Error, base, finding);
    }
}

#[test]
fn parts_of_a_model_know_their_places() {
    let text = document(
        &reference("Pet"),
        "Pet: {properties: {a~b: {pattern: 'x('}}, required: [one, two]}",
    );
    let api = clean(&text, Protocol::Rest);
    let at = |part: &str| {
        let place: &Place = &api.places[part];
        text.get(place.span.clone()).unwrap()
    };
    assert_eq!(at("/models/Pet/properties/a~0b/pattern"), "'x('");
    assert_eq!(at("/models/Pet/required/1"), "two");
    assert!(at("/models/Pet").starts_with("{properties"));
}
