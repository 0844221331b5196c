use attache_model::{CacheKey, Protocol};

use super::path_parameters;
use crate::diagnostic::Severity;
use crate::openapi::tests::{clean, expect, run};

const INTEGRATION: &str = "/paths/~1pets~1{petId}~1{rest+}/get/x-amazon-apigateway-integration";

/// A document with one operation, whose integration has these fields.
fn document(integration: &str) -> String {
    format!(
        "openapi: 3.0.1\ninfo: {{title: t}}\ncomponents:\n  parameters:\n    \
         Page: {{name: page, in: query, schema: {{type: integer}}}}\npaths:\n  \
         /pets/{{petId}}/{{rest+}}:\n    parameters:\n      - {{name: Accept-Language, in: header, \
         schema: {{type: string}}}}\n    get:\n      responses: {{'200': {{description: d}}}}\n      parameters: [{{$ref: '#/components/parameters/Page'}}]\n      \
         x-amazon-apigateway-integration:\n        {{{integration}}}\n"
    )
}

const HTTP: &str = "type: http, uri: 'http://b', requestParameters: {integration.request.header.X-Pet: \
                    method.request.path.petId, integration.request.querystring.q: \"'1'\"}, responses: \
                    {default: {statusCode: 200}}";

fn read(fields: &str) -> CacheKey {
    let text = document(&format!("{HTTP}, {fields}"));
    let mut api = clean(&text, Protocol::Rest);
    api.operations.remove(0).operation.cache_key
}

#[test]
fn a_key_has_what_the_operation_declares_and_the_integration_maps() {
    let parameters = [
        "method.request.path.petId",
        "method.request.path.rest",
        "method.request.querystring.page",
        "method.request.multivaluequerystring.page",
        "method.request.header.accept-language",
        "integration.request.header.x-pet",
        "integration.request.querystring.q",
    ];
    let key = read(&format!(
        "cacheKeyParameters: [{}], cacheNamespace: pets",
        parameters.join(", ")
    ));
    assert_eq!(key.parameters, parameters);
    assert_eq!(key.namespace.as_deref(), Some("pets"));
    assert!(read("cacheKeyParameters: null, cacheNamespace: null").is_empty());
    assert!(read("cacheKeyParameters: []").is_empty());
}

#[test]
fn every_other_parameter_is_refused_where_it_stands() {
    for (parameter, told) in [
        ("method.request.path.pet", "no parameter"),
        ("method.request.path.rest+", "no parameter"),
        ("method.request.querystring.Page", "no parameter"),
        ("method.request.querystring.accept-language", "no parameter"),
        ("method.request.header.page", "no parameter"),
        ("method.request.multivalueheader.x", "no parameter"),
        ("integration.request.header.Y", "maps nothing"),
        ("integration.request.querystring.Q", "maps nothing"),
        (
            "integration.request.multivalueheader.X-Pet",
            "cannot be a part",
        ),
        ("method.request.body", "cannot be a part"),
        ("method.request.body.$.name", "cannot be a part"),
        ("method.request.header.", "cannot be a part"),
        ("method.request.cookie.a", "cannot be a part"),
        ("context.identity.sourceIp", "cannot be a part"),
        ("petId", "cannot be a part"),
        ("''", "cannot be a part"),
    ] {
        let text = document(&format!(
            "{HTTP}, cacheKeyParameters: [method.request.path.petId, {parameter}]"
        ));
        expect(
            &text,
            Protocol::Rest,
            Severity::Error,
            INTEGRATION,
            ("cache-key", "/cacheKeyParameters/1", told),
        );
    }
    for (fields, finding) in [
        (
            "cacheKeyParameters: method.request.path.petId",
            ("wrong-kind", "/cacheKeyParameters", "a list"),
        ),
        (
            "cacheKeyParameters: [1]",
            ("wrong-kind", "/cacheKeyParameters/0", "text"),
        ),
        (
            "cacheNamespace: ''",
            ("cache-key", "/cacheNamespace", "empty"),
        ),
        (
            "cacheNamespace: [a]",
            ("wrong-kind", "/cacheNamespace", "text"),
        ),
    ] {
        let text = document(&format!("{HTTP}, {fields}"));
        expect(&text, Protocol::Rest, Severity::Error, INTEGRATION, finding);
    }
}

#[test]
fn a_function_is_called_with_the_request_alone() {
    let function = "type: aws_proxy, httpMethod: POST, uri: 'arn:aws:apigateway:eu-west-1:lambda:path/f', \
                    requestParameters: {integration.request.header.x: method.request.path.petId}, \
                    cacheKeyParameters: [integration.request.header.x]";
    let (_, report) = run("api.yaml", &document(function), Protocol::Rest);
    let found: Vec<_> = report
        .diagnostics()
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .collect();
    assert_eq!(found.len(), 1, "{report:?}");
    assert!(found[0].message.contains("`aws_proxy`"), "{report:?}");
}

#[test]
fn what_means_nothing_is_told_and_the_parts_know_their_places() {
    let twice = document(&format!(
        "{HTTP}, cacheKeyParameters: [method.request.path.petId, method.request.path.petId, \
         method.request.path.rest], cacheNamespace: n"
    ));
    expect(
        &twice,
        Protocol::Rest,
        Severity::Warning,
        INTEGRATION,
        ("field-without-effect", "/cacheKeyParameters/1", "already"),
    );
    let (api, _) = run("api.yaml", &twice, Protocol::Rest);
    let operation = api.unwrap().operations.remove(0);
    for (part, wanted) in [
        ("parameters/1", "method.request.path.rest"),
        ("namespace", "n"),
    ] {
        let place = operation.places.of(&format!("/cacheKey/{part}"));
        assert_eq!(twice.get(place.span.clone()), Some(wanted), "{part}");
    }

    for (field, pointer) in [
        ("cacheNamespace: a", "/cacheNamespace"),
        ("cacheKeyParameters: [anything]", "/cacheKeyParameters"),
    ] {
        let text = document(&format!("type: http_proxy, uri: 'http://b', {field}"));
        expect(
            &text,
            Protocol::Http,
            Severity::Warning,
            INTEGRATION,
            ("field-without-effect", pointer, "HTTP APIs have no cache"),
        );
    }
}

#[test]
fn parameters_of_a_path_are_whole_segments() {
    let found: Vec<_> = path_parameters("/a/{b}/c{d}/{e+}").collect();
    assert_eq!(found, ["b", "e"]);
}
