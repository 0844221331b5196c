use std::path::Path;

use attache_model::{ApiKeySource, Integration, Protocol, Verb};
use proptest::prelude::*;

use super::{EXTENSIONS, ImportedApi, Level, Treatment, import};
use crate::diagnostic::{Report, Severity};
use crate::document::Document;

pub(super) fn run(name: &str, text: &str, protocol: Protocol) -> (Option<ImportedApi>, Report) {
    let mut report = Report::new();
    let document = Document::parse(Path::new(name), text.as_bytes(), &mut report)
        .unwrap_or_else(|| panic!("not a document: {text}"));
    let api = import(&document, protocol, &mut report);
    (api, report)
}

pub(super) fn findings(report: &Report) -> Vec<String> {
    report
        .diagnostics()
        .iter()
        .map(|found| format!("{} {} {}", found.code, found.pointer, found.message))
        .collect()
}

pub(super) fn clean(text: &str, protocol: Protocol) -> ImportedApi {
    let (api, report) = run("api.yaml", text, protocol);
    assert!(
        report.diagnostics().is_empty(),
        "{text}\n{:?}",
        findings(&report)
    );
    api.unwrap()
}

/// A document of one operation, with more at its root, in its operation and in its integration.
pub(super) fn document(root: &str, operation: &str, integration: &str) -> String {
    format!(
        "openapi: 3.0.1\ninfo: {{title: t, version: '1'}}\n{root}\npaths:\n  /a:\n    get:\n      \
         responses: {{}}\n      {operation}\n      x-amazon-apigateway-integration:\n        \
         type: http_proxy\n        uri: http://b.example\n        {integration}\n"
    )
}

fn proxy(api: &ImportedApi) -> &attache_model::HttpProxy {
    let Integration::HttpProxy(proxy) = &api.operations[0].operation.integration else {
        panic!("it is another integration");
    };
    proxy
}

#[test]
fn a_document_may_close_the_default_endpoint() {
    const EXTENSION: &str = "x-amazon-apigateway-endpoint-configuration";
    for (root, expected) in [
        (
            format!("{EXTENSION}: {{disableExecuteApiEndpoint: true}}"),
            true,
        ),
        (
            format!("{EXTENSION}: {{disableExecuteApiEndpoint: false}}"),
            false,
        ),
        (format!("{EXTENSION}: {{types: [REGIONAL]}}"), false),
        (
            format!("servers: [{{url: /, {EXTENSION}: {{disableExecuteApiEndpoint: true}}}}]"),
            true,
        ),
        (String::new(), false),
    ] {
        for protocol in [Protocol::Rest, Protocol::Http] {
            let api = clean(&document(&root, "", ""), protocol);
            assert_eq!(api.disable_execute_api_endpoint, expected, "{root}");
            let place = api.places.get("/disableExecuteApiEndpoint");
            assert_eq!(place.is_some(), expected, "{root}");
        }
    }
}

#[test]
fn the_versions_say_the_same() {
    let openapi2 = r#"{"swagger": "2.0", "info": {"title": "Pets", "version": "1"},
        "host": "x.example", "basePath": "/v1", "schemes": ["https"], "consumes": [],
        "securityDefinitions": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
        "definitions": {"Pet": {"type": "object"}},
        "x-amazon-apigateway-api-key-source": "AUTHORIZER",
        "paths": {"/pets/{petId}": {"parameters": [], "get": {"security": [{"key": []}],
          "produces": ["application/json"], "responses": {},
          "x-amazon-apigateway-integration": {"type": "HTTP_PROXY", "httpMethod": "POST",
            "uri": "https://back.example/pets/{petId}", "passthroughBehavior": "when_no_match",
            "timeoutInMillis": 5000, "connectionType": "INTERNET", "cacheNamespace": null,
            "responses": {"default": {"statusCode": "200"}},
            "tlsConfig": {"insecureSkipVerification": true},
            "requestParameters": {"integration.request.path.petId": "method.request.path.petId"}}}}}}"#;
    let openapi3 = "
openapi: VERSION
info: {title: Pets, version: '1'}
servers: [{url: 'https://x.example/{basePath}', variables: {basePath: {default: v1}}}]
x-amazon-apigateway-api-key-source: AUTHORIZER
components:
  securitySchemes:
    key: {$ref: '#/components/securitySchemes/real'}
    real: {type: apiKey, in: header, name: X-API-Key}
  x-amazon-apigateway-integrations:
    back:
      type: Http_Proxy
      httpMethod: post
      uri: https://back.example/pets/{petId}
      timeoutInMillis: 5000
      connectionType: INTERNET
      payloadFormatVersion: '1.0'
      tlsConfig: {insecureSkipVerification: true}
      requestParameters:
        integration.request.path.petId: method.request.path.petId
  pathItems:
    pet:
      get:
        security: [key: []]
        x-amazon-apigateway-integration: {$ref: '#/components/x-amazon-apigateway-integrations/back'}
paths:
  /pets/{petId}: {$ref: '#/components/pathItems/pet'}
";
    let (api, report) = run("api.json", openapi2, Protocol::Rest);
    assert!(report.diagnostics().is_empty(), "{:?}", findings(&report));
    let expected = api.unwrap();
    let operation = &expected.operations[0].operation;
    assert_eq!(operation.path, "/pets/{petId}");
    assert_eq!(operation.method, Verb::Get);
    assert!(operation.api_key_required);
    assert_eq!(expected.api_key_source, ApiKeySource::Authorizer);
    assert_eq!(expected.name, "Pets");
    assert_eq!(proxy(&expected).http_method.as_deref(), Some("POST"));
    assert_eq!(proxy(&expected).timeout_in_millis, 5000);
    assert!(proxy(&expected).tls.insecure_skip_verification);
    for version in ["3.0.1", "3.0", "3.0.3", "3.1.0", "'3.1'"] {
        let api = clean(&openapi3.replace("VERSION", version), Protocol::Rest);
        assert_eq!(api.name, expected.name);
        assert_eq!(api.api_key_source, expected.api_key_source);
        assert_eq!(api.operations.len(), 1);
        assert_eq!(api.operations[0].operation, *operation, "{version}");
    }
    assert_eq!(
        clean("swagger: 2.0\ninfo: {title: t}\npaths: {}", Protocol::Rest).name,
        "t"
    );
}

#[test]
fn every_method_is_read_in_order() {
    let mut text = "openapi: 3.0.1\ninfo: {title: t}\npaths:\n  /a:\n".to_owned();
    let methods = [
        ("x-amazon-apigateway-any-method", Verb::Any),
        ("patch", Verb::Patch),
        ("get", Verb::Get),
        ("put", Verb::Put),
        ("post", Verb::Post),
        ("delete", Verb::Delete),
        ("options", Verb::Options),
        ("head", Verb::Head),
    ];
    for (key, _) in methods {
        text.push_str(&format!(
            "    {key}: {{x-amazon-apigateway-integration: {{type: http_proxy, uri: 'http://b'}}}}\n"
        ));
    }
    let api = clean(&text, Protocol::Rest);
    let verbs: Vec<_> = api
        .operations
        .iter()
        .map(|imported| imported.operation.method)
        .collect();
    assert_eq!(verbs, methods.map(|(_, verb)| verb));
}

#[test]
fn time_outs_default_to_the_longest_of_the_product() {
    let plain = document("", "", "");
    assert_eq!(
        proxy(&clean(&plain, Protocol::Rest)).timeout_in_millis,
        29_000
    );
    assert_eq!(
        proxy(&clean(&plain, Protocol::Http)).timeout_in_millis,
        30_000
    );
    for (protocol, millis, fits) in [
        (Protocol::Rest, "50", true),
        (Protocol::Rest, "49", false),
        (Protocol::Rest, "29000", true),
        (Protocol::Rest, "29001", false),
        (Protocol::Rest, "-1", false),
        (Protocol::Rest, "1e2", true),
        (Protocol::Rest, "99999999999", false),
        (Protocol::Rest, "100.5", false),
        (Protocol::Http, "30000", true),
        (Protocol::Http, "30001", false),
    ] {
        let text = document("", "", &format!("timeoutInMillis: {millis}"));
        let (api, report) = run("api.yaml", &text, protocol);
        assert_eq!(
            !report.has_errors(),
            fits,
            "{millis}: {:?}",
            findings(&report)
        );
        assert_eq!(api.unwrap().operations.len(), usize::from(fits));
    }
}

#[test]
fn any_sends_the_clients_own_method() {
    for method in ["ANY", "any", "x-amazon-apigateway-any-method"] {
        let text = document("", "", &format!("httpMethod: {method}"));
        assert_eq!(
            proxy(&clean(&text, Protocol::Rest)).http_method,
            None,
            "{method}"
        );
    }
}

#[test]
fn an_http_api_has_a_default_route() {
    let route = |path: &str, flag: &str| {
        format!(
            "openapi: 3.0.1\ninfo: {{title: t}}\npaths:\n  {path}:\n    \
             x-amazon-apigateway-any-method:\n      {flag}\n      \
             x-amazon-apigateway-integration: {{type: http_proxy, uri: 'http://b'}}\n"
        )
    };
    for (path, flag) in [
        ("/$default", "isDefaultRoute: true"),
        ("/$default", ""),
        ("$default", ""),
    ] {
        let api = clean(&route(path, flag), Protocol::Http);
        assert_eq!(api.operations[0].operation.path, "$default", "{path}");
    }
    let (_, report) = run(
        "a.yaml",
        &route("/x", "isDefaultRoute: true"),
        Protocol::Rest,
    );
    assert_eq!(report.diagnostics()[0].code, "default-route");
}

#[test]
fn keys_are_needed_where_security_says_so() {
    let scheme =
        "components: {securitySchemes: {key: {type: apiKey, in: header, name: x-api-key}}}";
    for (root, own, needed) in [
        ("", "", false),
        ("security: [{key: []}]", "", true),
        ("security: [{key: []}]", "security: []", false),
        ("", "security: [{key: []}]", true),
        ("security: []", "security: [{key: []}]", true),
        ("security: [{key: []}]", "security: [{}]", false),
    ] {
        let api = clean(
            &document(&format!("{scheme}\n{root}"), own, ""),
            Protocol::Rest,
        );
        assert_eq!(
            api.operations[0].operation.api_key_required, needed,
            "{root} {own}"
        );
    }
}

#[test]
fn parts_of_an_operation_know_their_places() {
    let text = document(
        "",
        "",
        "requestParameters: {integration.request.header.x-é: \"'é'\", integration.request.path.p: method.request.path.p}",
    );
    let api = clean(&text, Protocol::Rest);
    let places = &api.operations[0].places;
    let at = |part: &str| text.get(places.of(part).span.clone()).unwrap();
    assert_eq!(at("/path"), "/a");
    assert_eq!(at("/method"), "get");
    assert_eq!(at("/apiKeyRequired"), "get");
    assert_eq!(at("/integration/httpProxy/uri"), "http://b.example");
    let parameters = "/integration/httpProxy/requestParameters";
    assert_eq!(
        at(&format!("{parameters}/integration.request.header.x-é")),
        "\"'é'\""
    );
    assert_eq!(
        places
            .of(&format!("{parameters}/integration.request.path.p"))
            .pointer,
        "/paths/~1a/get/x-amazon-apigateway-integration/requestParameters/integration.request.path.p"
    );
    assert!(at("/integration/httpProxy/timeoutInMillis").starts_with("type: http_proxy"));
}

/// Code, pointer and a part of the message of a finding.
pub(super) type Finding = (&'static str, &'static str, &'static str);

const INTEGRATION: &str = "/paths/~1a/get/x-amazon-apigateway-integration";

/// Asserts that the findings are exactly these, by `+`-less pointers below a base.
pub(super) fn expect(
    text: &str,
    protocol: Protocol,
    severity: Severity,
    base: &str,
    finding: Finding,
) {
    let (_, report) = run("api.yaml", text, protocol);
    let found = report.diagnostics();
    assert_eq!(found.len(), 1, "{text}\n{:?}", findings(&report));
    let (code, pointer, message) = finding;
    assert_eq!(found[0].code, code, "{text}\n{:?}", findings(&report));
    assert_eq!(found[0].severity, severity, "{text}");
    assert_eq!(found[0].pointer, format!("{base}{pointer}"), "{text}");
    assert!(
        found[0].message.contains(message),
        "{text}\n{}",
        found[0].message
    );
    assert!(report.position(&found[0]).is_some());
}

#[test]
fn what_an_integration_cannot_do_is_an_error_at_its_place() {
    let cases: &[(&str, Finding)] = &[
        (
            "connectionType: VPC_LINK",
            ("missing-field", "/connectionType", "no `connectionId`"),
        ),
        (
            "connectionType: PIGEON",
            ("unknown-value", "/connectionType", "`PIGEON`"),
        ),
        (
            "contentHandling: CONVERT",
            ("unknown-value", "/contentHandling", "`CONVERT`"),
        ),
        (
            "responseTransferMode: STREAM",
            (
                "unsupported-integration",
                "/responseTransferMode",
                "`STREAM`",
            ),
        ),
        (
            "payloadFormatVersion: '2.0'",
            ("unknown-value", "/payloadFormatVersion", "1.0"),
        ),
        (
            "integrationTarget: x",
            (
                "unsupported-integration",
                "/integrationTarget",
                "`integrationTarget`",
            ),
        ),
        ("httpMethod: BREW", ("method", "/httpMethod", "`BREW`")),
        (
            "httpMethod: 7",
            (
                "wrong-kind",
                "/httpMethod",
                "text is expected here, not a number",
            ),
        ),
        (
            "requestParameters: [a]",
            ("wrong-kind", "/requestParameters", "a mapping is expected"),
        ),
        (
            "requestParameters: {integration.request.header.x: 7}",
            (
                "wrong-kind",
                "/requestParameters/integration.request.header.x",
                "text is expected",
            ),
        ),
        (
            "tlsConfig: {insecureSkipVerification: maybe}",
            (
                "wrong-kind",
                "/tlsConfig/insecureSkipVerification",
                "`true` or `false`",
            ),
        ),
        (
            "tlsConfig: {insecureSkipVerfication: true}",
            (
                "unknown-field",
                "/tlsConfig/insecureSkipVerfication",
                "`insecureSkipVerfication`",
            ),
        ),
        (
            "timeoutInMilis: 100",
            ("unknown-field", "/timeoutInMilis", "`timeoutInMilis`"),
        ),
        (
            "timeoutInMillis: {Ref: T}",
            ("cloudformation-intrinsic", "/timeoutInMillis/Ref", "`Ref`"),
        ),
        (
            "requestParameters: {'Fn::If': [a, b, c]}",
            (
                "cloudformation-intrinsic",
                "/requestParameters/Fn::If",
                "`Fn::If`",
            ),
        ),
        (
            "Fn::Transform: {Name: x}",
            (
                "cloudformation-intrinsic",
                "/Fn::Transform",
                "`Fn::Transform`",
            ),
        ),
    ];
    for (integration, finding) in cases {
        let text = document("", "", integration);
        expect(
            &text,
            Protocol::Rest,
            Severity::Error,
            INTEGRATION,
            *finding,
        );
    }
    for (uri, finding) in [
        ("", ("missing-field", "", "no `uri`")),
        (
            "uri: {'Fn::Sub': 'http://${X}'}",
            ("cloudformation-intrinsic", "/uri/Fn::Sub", "`Fn::Sub`"),
        ),
    ] {
        let text = document("", "", "").replace("uri: http://b.example", uri);
        expect(&text, Protocol::Rest, Severity::Error, INTEGRATION, finding);
    }
}

#[test]
fn what_an_integration_need_not_do_is_a_warning_or_nothing() {
    for (integration, pointer) in [
        ("credentials: arn", "/credentials"),
        (
            "requestParameters: {integration.request.header.x: true}",
            "/requestParameters/integration.request.header.x",
        ),
        ("connectionId: x", "/connectionId"),
    ] {
        let text = document("", "", integration);
        let finding = ("field-without-effect", pointer, "has no effect");
        expect(
            &text,
            Protocol::Rest,
            Severity::Warning,
            INTEGRATION,
            finding,
        );
        let (api, _) = run("api.yaml", &text, Protocol::Rest);
        assert_eq!(api.unwrap().operations.len(), 1);
    }
    for integration in [
        "passthroughBehavior: never",
        "cacheKeyParameters: []",
        "cacheNamespace: abc",
        "requestTemplates: {application/json: '{}'}",
        "responses: {default: {statusCode: '200', responseParameters: {a: b}}}",
        "payloadFormatVersion: 1.0",
        "responseTransferMode: BUFFERED",
    ] {
        clean(&document("", "", integration), Protocol::Rest);
    }
}

const SCHEMES: &str = "
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: x-api-key}
    undescribed: {type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: custom}
    basic: {type: http, scheme: basic}
    query: {type: apiKey, in: query, name: x-api-key}
    lost: {$ref: '#/nowhere'}
    sub: {'Fn::If': [a, b, c]}
";

#[test]
fn no_door_is_left_open() {
    let cases: &[(&str, &str, Protocol, Severity, Finding)] = &[
        (
            "",
            "security: [{undescribed: []}]",
            Protocol::Rest,
            Severity::Error,
            (
                "missing-field",
                "/paths/~1a/get/security/0/undescribed",
                "describes none",
            ),
        ),
        (
            "",
            "security: [{key: []}]",
            Protocol::Http,
            Severity::Error,
            (
                "unsupported-authorization",
                "/paths/~1a/get/security/0/key",
                "HTTP APIs",
            ),
        ),
        (
            "",
            "security: [{nobody: []}]",
            Protocol::Rest,
            Severity::Error,
            (
                "unknown-security-scheme",
                "/paths/~1a/get/security/0/nobody",
                "`nobody`",
            ),
        ),
        (
            "",
            "security: [{lost: []}]",
            Protocol::Rest,
            Severity::Error,
            (
                "reference",
                "/components/securitySchemes/lost/$ref",
                "`#/nowhere`",
            ),
        ),
        (
            "",
            "security: [{sub: []}]",
            Protocol::Rest,
            Severity::Error,
            (
                "cloudformation-intrinsic",
                "/components/securitySchemes/sub/Fn::If",
                "`Fn::If`",
            ),
        ),
        (
            "",
            "security: {key: []}",
            Protocol::Rest,
            Severity::Error,
            (
                "wrong-kind",
                "/paths/~1a/get/security",
                "a list is expected",
            ),
        ),
        (
            "",
            "security: [key]",
            Protocol::Rest,
            Severity::Error,
            (
                "wrong-kind",
                "/paths/~1a/get/security/0",
                "a mapping is expected",
            ),
        ),
        (
            "",
            "security: [{basic: []}]",
            Protocol::Rest,
            Severity::Warning,
            (
                "unenforced-security-scheme",
                "/paths/~1a/get/security/0/basic",
                "http scheme `basic`",
            ),
        ),
        (
            "",
            "security: [{query: []}]",
            Protocol::Rest,
            Severity::Warning,
            (
                "unenforced-security-scheme",
                "/paths/~1a/get/security/0/query",
                "leaves the operation open",
            ),
        ),
        (
            "",
            "x-amazon-apigateway-auth: {type: CUSTOM}",
            Protocol::Http,
            Severity::Error,
            (
                "unknown-value",
                "/paths/~1a/get/x-amazon-apigateway-auth/type",
                "`CUSTOM`",
            ),
        ),
        (
            "x-amazon-apigateway-auth: {}",
            "",
            Protocol::Rest,
            Severity::Error,
            ("missing-field", "/x-amazon-apigateway-auth", "no `type`"),
        ),
        (
            "x-amazon-apigateway-policy: {Statement: []}",
            "",
            Protocol::Http,
            Severity::Warning,
            (
                "extension-without-effect",
                "/x-amazon-apigateway-policy",
                "let everybody through",
            ),
        ),
        (
            "",
            "x-amazon-apigateway-Auth: {type: AWS_IAM}",
            Protocol::Rest,
            Severity::Error,
            (
                "unknown-extension",
                "/paths/~1a/get/x-amazon-apigateway-Auth",
                "is not known",
            ),
        ),
        (
            "",
            "securty: []",
            Protocol::Rest,
            Severity::Error,
            ("unknown-field", "/paths/~1a/get/securty", "`securty`"),
        ),
    ];
    for (root, operation, protocol, severity, finding) in cases {
        let text = document(&format!("{SCHEMES}{root}"), operation, "");
        expect(&text, *protocol, *severity, "", *finding);
    }
    clean(
        &document(SCHEMES, "x-amazon-apigateway-auth: {type: NONE}", ""),
        Protocol::Rest,
    );
    clean(&document(SCHEMES, "", ""), Protocol::Rest);
}

#[test]
fn a_default_that_cannot_be_had_refuses_every_operation_that_takes_it() {
    let text = document(&format!("{SCHEMES}security: [{{lambda: []}}]"), "", "")
        + "  /b:\n    get: {x-amazon-apigateway-integration: {type: http_proxy, uri: 'http://b'}}\n"
        + "  /c:\n    get: {security: [], x-amazon-apigateway-integration: {type: http_proxy, uri: 'http://b'}}\n";
    let (api, report) = run("api.yaml", &text, Protocol::Rest);
    assert_eq!(report.error_count(), 1, "{:?}", findings(&report));
    let operations = api.unwrap().operations;
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0].operation.path, "/c");
}

#[test]
fn extensions_are_judged_by_what_a_client_would_notice() {
    let refused = Some(Severity::Error);
    let warned = Some(Severity::Warning);
    for (text, rest, http) in [
        (
            "x-amazon-apigateway-gateway-responses: {THROTTLED: {statusCode: 420}}",
            None,
            warned,
        ),
        ("x-amazon-apigateway-gateway-responses: {}", None, None),
        (
            "x-amazon-apigateway-cors: {allowOrigins: ['*']}",
            warned,
            None,
        ),
        (
            "x-amazon-apigateway-minimum-compression-size: 100",
            refused,
            warned,
        ),
        ("x-amazon-apigateway-minimum-compression-size:", None, None),
        (
            "x-amazon-apigateway-binary-media-types: [image/png]",
            None,
            warned,
        ),
        (
            "x-amazon-apigateway-documentation: {version: '1', documentationParts: [{x-amazon-apigateway-nothing: 1}]}",
            None,
            None,
        ),
        (
            "x-amazon-apigateway-importexport-version: '1.0'",
            None,
            None,
        ),
        (
            "x-amazon-apigateway-endpoint-configuration: {types: [EDGE]}",
            None,
            None,
        ),
        (
            "x-amazon-apigateway-endpoint-configuration: {disableExecuteApiEndpoint: false}",
            None,
            None,
        ),
        (
            "x-amazon-apigateway-endpoint-access-mode: STRICT",
            warned,
            warned,
        ),
        (
            "x-amazon-apigateway-security-policy: TLS_1_2",
            warned,
            warned,
        ),
        ("x-amazon-apigateway-api-key-source: HEADER", None, warned),
        (
            "tags: [{name: a, x-amazon-apigateway-tag-value: b}]",
            None,
            None,
        ),
        (
            "servers: [{url: /, x-amazon-apigateway-endpoint-configuration: {vpcEndpointIds: [a]}}]",
            None,
            None,
        ),
        (
            "components: {schemas: {A: {properties: {b: {type: string}}}}}",
            None,
            None,
        ),
        ("x-other: {x-amazon-apigateway-nothing: 1}", None, None),
        ("x-amazon-apigateway-gateway-response: {}", refused, refused),
        (
            "x-amazon-apigateway-integration: {type: mock}",
            refused,
            refused,
        ),
        (
            "components: {schemas: {x-amazon-apigateway-policy: {}}}",
            refused,
            refused,
        ),
        ("x-amazon-nothing: 1", refused, refused),
        (
            "x-amazon-apigateway-api-key-source: COOKIE",
            refused,
            warned,
        ),
        ("webhook: {}", refused, refused),
        ("surprise: 1", warned, warned),
    ] {
        for (protocol, expected) in [(Protocol::Rest, rest), (Protocol::Http, http)] {
            let (_, report) = run("api.yaml", &document(text, "", ""), protocol);
            let found: Vec<_> = report
                .diagnostics()
                .iter()
                .map(|found| found.severity)
                .collect();
            let expected: Vec<_> = expected.into_iter().collect();
            assert_eq!(
                found,
                expected,
                "{protocol:?} {text}: {:?}",
                findings(&report)
            );
        }
    }
}

#[test]
fn a_slip_in_an_extension_is_pointed_out() {
    let text = document("", "", "").replace("-integration:", "-integraton:");
    let (_, report) = run("api.yaml", &text, Protocol::Rest);
    let hints: Vec<_> = report
        .diagnostics()
        .iter()
        .filter(|found| found.code == "unknown-extension")
        .filter_map(|found| found.hint.as_deref())
        .collect();
    assert_eq!(hints, ["did you mean `x-amazon-apigateway-integration`?"]);
    assert!(
        report
            .diagnostics()
            .iter()
            .any(|found| found.code == "no-integration")
    );
}

#[test]
fn faults_of_structure_are_errors() {
    const GET: &str = "get: {x-amazon-apigateway-integration: {type: http_proxy, uri: 'http://b'}}";
    let cases: &[(&str, Finding)] = &[
        (
            "[]",
            ("wrong-kind", "", "a mapping is expected here, not a list"),
        ),
        ("", ("wrong-kind", "", "not nothing")),
        (
            "info: {title: t}",
            ("openapi-version", "", "not an OpenAPI document"),
        ),
        (
            "openapi: 4.0.0",
            ("openapi-version", "/openapi", "`openapi: 4.0.0`"),
        ),
        (
            "openapi: 3.2.0",
            ("openapi-version", "/openapi", "`openapi: 3.2.0`"),
        ),
        (
            "swagger: '1.2'",
            ("openapi-version", "/swagger", "`swagger: 1.2`"),
        ),
        (
            "openapi: [3]",
            ("wrong-kind", "/openapi", "a version is expected"),
        ),
        (
            "openapi: 3.0.1\nswagger: '2.0'",
            ("openapi-version", "/swagger", "both"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}",
            ("missing-field", "", "no `paths`"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths:",
            ("wrong-kind", "/paths", "not nothing"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {'Fn::If': [a]}",
            ("cloudformation-intrinsic", "/paths/Fn::If", "`Fn::If`"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: {Ref: T}}\npaths: {}",
            ("cloudformation-intrinsic", "/info/title/Ref", "`Ref`"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {a: {}}",
            ("path", "/paths/a", "does not start with `/`"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: }",
            ("wrong-kind", "/paths/~1a", "a mapping is expected"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {get: []}}",
            ("wrong-kind", "/paths/~1a/get", "not a list"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {get: {}}}",
            (
                "no-integration",
                "/paths/~1a/get",
                "`GET /a` has no integration",
            ),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {trace: {}}}",
            ("method", "/paths/~1a/trace", "TRACE"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {GET: {}}}",
            ("method", "/paths/~1a/GET", "`GET` is not a method"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {any: {}}}",
            ("method", "/paths/~1a/any", "`any`"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {paramters: []}}",
            ("unknown-field", "/paths/~1a/paramters", "`paramters`"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {$ref: 'b.yaml'}}",
            ("reference", "/paths/~1a/$ref", "outside of this document"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {$ref: '#/paths/~1a'}}",
            ("reference", "/paths/~1a/$ref", "itself"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {$ref: '#/paths/~1b', GET}, /b: {GET}}",
            ("reference", "/paths/~1a/get", "beside `$ref`"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {'Fn::If': [c, {GET}]}}",
            ("cloudformation-intrinsic", "/paths/~1a/Fn::If", "`Fn::If`"),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {get: {x-amazon-apigateway-integration: {uri: x}}}}",
            (
                "missing-field",
                "/paths/~1a/get/x-amazon-apigateway-integration",
                "no `type`",
            ),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {get: {x-amazon-apigateway-integration: {$ref: '#/x'}}}}",
            (
                "reference",
                "/paths/~1a/get/x-amazon-apigateway-integration/$ref",
                "`#/x`",
            ),
        ),
        (
            "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {get: {x-amazon-apigateway-integration: {type: http_prxy}}}}",
            (
                "unknown-value",
                "/paths/~1a/get/x-amazon-apigateway-integration/type",
                "`http_prxy`",
            ),
        ),
    ];
    for (text, finding) in cases {
        let text = text.replace("GET", GET);
        // Upper-case methods are a case of their own.
        let text = if finding.1.ends_with("/GET") {
            text.replace(GET, "GET")
        } else {
            text
        };
        expect(&text, Protocol::Rest, Severity::Error, "", *finding);
    }
}

#[test]
fn a_document_without_a_title_is_called_like_its_file() {
    for text in [
        "openapi: 3.0.1\npaths: {}",
        "openapi: 3.0.1\ninfo: {}\npaths: {}",
    ] {
        let (api, report) = run("some/pet-store.yaml", text, Protocol::Rest);
        assert_eq!(api.unwrap().name, "pet-store");
        assert_eq!(report.diagnostics()[0].severity, Severity::Warning);
    }
}

#[test]
fn all_faults_are_listed_and_sound_operations_stay() {
    let text = "
openapi: 3.0.1
info: {title: t}
x-amazon-apigateway-minimum-compression-size: 0
paths:
  bad: {}
  /a:
    get: {x-amazon-apigateway-integration: {type: telephone}}
    put: {}
    post: {x-amazon-apigateway-integration: {type: http_proxy, uri: 'http://b', timeoutInMillis: 1}}
    delete: {x-amazon-apigateway-integration: {type: http_proxy, uri: 'http://b'}}
";
    let (api, report) = run("a.yaml", text, Protocol::Rest);
    let mut codes: Vec<_> = report
        .diagnostics()
        .iter()
        .map(|found| found.code)
        .collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "no-integration",
            "out-of-range",
            "path",
            "unknown-value",
            "unsupported-extension",
        ]
    );
    let operations = api.unwrap().operations;
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0].operation.method, Verb::Delete);
}

#[test]
fn the_table_of_extensions_is_sorted_and_whole() {
    let names: Vec<_> = EXTENSIONS.iter().map(|extension| extension.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
    for extension in EXTENSIONS {
        assert!(extension.name.starts_with("x-amazon-apigateway-"));
        assert!(!extension.levels.is_empty());
        assert!(!extension.levels.contains(&Level::Elsewhere));
        for treatment in [extension.rest, extension.http] {
            if let Treatment::Warned(reason) | Treatment::Refused(reason) = treatment {
                assert!(!reason.ends_with('.') && !reason.is_empty());
            }
        }
    }
}

/// Trees made of what an import looks for.
fn tree() -> impl Strategy<Value = serde_json::Value> {
    let words = prop::sample::select(vec![
        "openapi",
        "3.0.1",
        "swagger",
        "2.0",
        "info",
        "title",
        "paths",
        "/a",
        "/$default",
        "get",
        "x-amazon-apigateway-any-method",
        "x-amazon-apigateway-integration",
        "type",
        "http_proxy",
        "uri",
        "http://b",
        "$ref",
        "#/paths/~1a",
        "#/paths",
        "#",
        "Fn::Sub",
        "Ref",
        "security",
        "components",
        "securitySchemes",
        "key",
        "apiKey",
        "in",
        "header",
        "name",
        "x-api-key",
        "x-amazon-apigateway-auth",
        "x-amazon-apigateway-policy",
        "tlsConfig",
        "requestParameters",
        "timeoutInMillis",
        "x-amazon-apigateway-request-validator",
        "all",
        "servers",
        "tags",
        "x-amazon-apigateway-request-validators",
        "validateRequestBody",
        "é",
        "",
        "x-amazon-apigateway-endpoint-configuration",
        "disableExecuteApiEndpoint",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        words.clone().prop_map(Into::into),
    ];
    leaf.prop_recursive(7, 80, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(words.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_tree_panics(root in tree(), paths in tree(), schemes in tree(), http: bool) {
        let mut value = root;
        if let Some(map) = value.as_object_mut() {
            map.remove("swagger");
            map.insert("openapi".to_owned(), "3.0.1".into());
            map.insert("paths".to_owned(), serde_json::json!({"/a": paths.clone(), "/b": {"get": paths}}));
            map.insert("components".to_owned(), serde_json::json!({"securitySchemes": schemes}));
        }
        let protocol = if http { Protocol::Http } else { Protocol::Rest };
        let (api, report) = run("a.json", &value.to_string(), protocol);
        prop_assert!(api.is_some() || report.has_errors());
        for found in report.diagnostics() {
            prop_assert!(report.position(found).is_some());
            prop_assert!(!found.message.ends_with('.'));
        }
    }
}
