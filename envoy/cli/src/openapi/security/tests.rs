use attache_model::{Authorization, Protocol};

use crate::diagnostic::Severity;
use crate::openapi::tests::{clean, document, expect, findings, run};

const SCHEMES: &str = "
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: x-api-key}
    lambda: {type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: custom, x-amazon-apigateway-authorizer: {type: token, authorizerUri: 'http://a.example'}}
    disguised: {type: apiKey, in: header, name: x-api-key, x-amazon-apigateway-authorizer: {type: token, authorizerUri: 'http://b.example'}}
    pool: {type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authorizer: {type: cognito_user_pools, providerARNs: ['arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbC']}}
    iam: {type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: awsSigv4}
    broken: {type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authorizer: {type: tokn}}
";

/// What a document of one operation needs.
fn needs(root: &str, own: &str) -> (bool, Authorization) {
    let api = clean(
        &document(&format!("{SCHEMES}{root}"), own, ""),
        Protocol::Rest,
    );
    let operation = &api.operations[0].operation;
    (operation.api_key_required, operation.authorization.clone())
}

fn authorizer(scopes: &[&str]) -> Authorization {
    Authorization::Authorizer {
        index: 0,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    }
}

#[test]
fn an_operation_needs_what_its_security_names_or_else_that_of_the_root() {
    for (root, own, wanted) in [
        ("", "", (false, Authorization::None)),
        ("", "security: [{lambda: []}]", (false, authorizer(&[]))),
        ("security: [{lambda: []}]", "", (false, authorizer(&[]))),
        (
            "security: [{lambda: []}]",
            "security: []",
            (false, Authorization::None),
        ),
        (
            "security: [{lambda: []}]",
            "security: [{iam: []}]",
            (false, Authorization::AwsIam),
        ),
        (
            "security: [{lambda: []}]",
            "security: [{key: []}]",
            (true, Authorization::None),
        ),
        (
            "",
            "security: [{lambda: [], key: []}]",
            (true, authorizer(&[])),
        ),
        // OpenAPI means either; AWS asks for both.
        (
            "",
            "security: [{lambda: []}, {key: []}]",
            (true, authorizer(&[])),
        ),
        // A scheme with an authorizer is no API key, whatever its header.
        ("", "security: [{disguised: []}]", (false, authorizer(&[]))),
        // OpenAPI means that nothing is needed either; AWS asks for the authorizer.
        ("", "security: [{}, {lambda: []}]", (false, authorizer(&[]))),
        (
            "",
            "security: [{pool: [a, b]}]",
            (false, authorizer(&["a", "b"])),
        ),
        (
            "",
            "security: [{pool: [a]}, {pool: [b, a]}]",
            (false, authorizer(&["a", "b"])),
        ),
        (
            "",
            "security: [{pool: [a]}, {pool: []}]",
            (false, authorizer(&[])),
        ),
    ] {
        assert_eq!(needs(root, own), wanted, "{root} {own}");
    }
}

#[test]
fn the_extension_for_signatures_is_heard_beside_security() {
    const IAM: &str = "x-amazon-apigateway-auth: {type: AWS_IAM}";
    const NONE: &str = "x-amazon-apigateway-auth: {type: none}";
    let with = |more: &str, auth: &str| format!("{more}\n      {auth}");
    for (root, own, wanted) in [
        ("", IAM.to_owned(), (false, Authorization::AwsIam)),
        (IAM, String::new(), (false, Authorization::AwsIam)),
        (IAM, NONE.to_owned(), (false, Authorization::None)),
        // What holds for all gives way to an authorizer of the operation's own, and to nothing else.
        (
            IAM,
            "security: [{lambda: []}]".to_owned(),
            (false, authorizer(&[])),
        ),
        (
            IAM,
            "security: []".to_owned(),
            (false, Authorization::AwsIam),
        ),
        (
            IAM,
            "security: [{key: []}]".to_owned(),
            (true, Authorization::AwsIam),
        ),
        (
            "security: [{lambda: []}]",
            IAM.to_owned(),
            (false, Authorization::AwsIam),
        ),
        (
            "security: [{lambda: []}]",
            NONE.to_owned(),
            (false, Authorization::None),
        ),
        (
            "security: [{key: []}]",
            NONE.to_owned(),
            (true, Authorization::None),
        ),
        (
            "",
            with("security: [{key: []}]", NONE),
            (true, Authorization::None),
        ),
        (
            "",
            with("security: [{iam: []}]", IAM),
            (false, Authorization::AwsIam),
        ),
    ] {
        assert_eq!(needs(root, &own), wanted, "{root} {own}");
    }
}

#[test]
fn an_operation_has_one_authorization_at_most() {
    for (root, own, finding) in [
        (
            "",
            "security: [{lambda: []}, {pool: []}]",
            (
                "two-authorizations",
                "/paths/~1a/get/security/1/pool",
                "a second authorization",
            ),
        ),
        (
            "",
            "security: [{lambda: [], iam: []}]",
            (
                "two-authorizations",
                "/paths/~1a/get/security/0/iam",
                "one at most",
            ),
        ),
        (
            "",
            "security: [{lambda: []}]\n      x-amazon-apigateway-auth: {type: AWS_IAM}",
            (
                "two-authorizations",
                "/paths/~1a/get/x-amazon-apigateway-auth/type",
                "`AWS_IAM`",
            ),
        ),
        (
            "",
            "security: [{lambda: []}]\n      x-amazon-apigateway-auth: {type: NONE}",
            (
                "two-authorizations",
                "/paths/~1a/get/x-amazon-apigateway-auth/type",
                "leaves the operation open",
            ),
        ),
        (
            "security: [{lambda: []}]\nx-amazon-apigateway-auth: {type: AWS_IAM}",
            "",
            (
                "two-authorizations",
                "/x-amazon-apigateway-auth/type",
                "`AWS_IAM`",
            ),
        ),
    ] {
        let text = document(&format!("{SCHEMES}{root}"), own, "");
        expect(&text, Protocol::Rest, Severity::Error, "", finding);
        let (api, _) = run("api.yaml", &text, Protocol::Rest);
        assert!(api.unwrap().operations.is_empty(), "{own}");
    }
}

#[test]
fn a_faulty_authorizer_is_told_once_and_closes_every_operation_that_asks_for_it() {
    let text = format!(
        "openapi: 3.0.1\ninfo: {{title: t, version: '1'}}\n{SCHEMES}\npaths:\n  /a:\n    get: \
         &operation\n      security: [{{broken: []}}]\n      x-amazon-apigateway-integration: \
         {{type: http_proxy, uri: 'http://b.example'}}\n    put: *operation\n    post: {{x-amazon-apigateway-integration: \
         {{type: http_proxy, uri: 'http://b.example'}}}}\n"
    );
    let (api, report) = run("api.yaml", &text, Protocol::Rest);
    assert_eq!(
        findings(&report),
        [
            "unknown-value /components/securitySchemes/broken/x-amazon-apigateway-authorizer/type \
          `tokn` is not a type of authorizer here"
        ]
    );
    let api = api.unwrap();
    assert_eq!(api.operations.len(), 1);
    assert!(api.authorizers.is_empty());
    assert_eq!(
        api.declared_authorizers,
        ["lambda", "disguised", "pool", "broken"]
    );
}

#[test]
fn scopes_mean_nothing_to_a_function() {
    let text = document(SCHEMES, "security: [{lambda: [read]}]", "");
    expect(
        &text,
        Protocol::Rest,
        Severity::Warning,
        "",
        (
            "field-without-effect",
            "/paths/~1a/get/security/0/lambda",
            "scopes have no effect",
        ),
    );
    let (api, _) = run("api.yaml", &text, Protocol::Rest);
    assert_eq!(
        api.unwrap().operations[0].operation.authorization,
        authorizer(&[])
    );
}

#[test]
fn an_authorization_knows_its_place() {
    let text = document(SCHEMES, "security: [{key: [], pool: [a]}]", "");
    let api = clean(&text, Protocol::Rest);
    let places = &api.operations[0].places;
    for part in ["/authorization", "/authorization/authorizer/scopes/0"] {
        assert_eq!(
            places.of(part).pointer,
            "/paths/~1a/get/security/0/pool",
            "{part}"
        );
    }
}
