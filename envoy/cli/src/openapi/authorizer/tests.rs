use attache_model::{
    AdditionalClaim, AuthorizerEvent, AuthorizerKind, CognitoAuthorizer, JwtAlgorithm,
    JwtAuthorizer, JwtIssuer, JwtKeys, LambdaAuthorizer, Protocol, UserPool,
};

use super::{ImportedAuthorizer, discovery_of, issuer_of_pool};
use crate::diagnostic::Severity;
use crate::openapi::tests::{Finding, clean, document, expect, findings, run};

const URI: &str = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:auth/invocations";
const POOL: &str = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbC";
const BASE: &str = "/components/securitySchemes/who/x-amazon-apigateway-authorizer";

/// A document whose one operation asks for an authorizer.
fn asking(scheme: &str, authorizer: &str) -> String {
    let root = format!(
        "components: {{securitySchemes: {{who: {{{scheme}, x-amazon-apigateway-authorizer: \
         {authorizer}}}}}}}"
    );
    document(&root, "security: [{who: []}]", "")
}

fn header(authorizer: &str) -> String {
    asking("type: apiKey, in: header, name: X-Token", authorizer)
}

fn only(text: &str, protocol: Protocol) -> ImportedAuthorizer {
    let mut authorizers = clean(text, protocol).authorizers;
    assert_eq!(authorizers.len(), 1, "{text}");
    authorizers.remove(0)
}

fn lambda(text: &str, protocol: Protocol) -> LambdaAuthorizer {
    match only(text, protocol).authorizer.kind {
        AuthorizerKind::Lambda(lambda) => lambda,
        other => panic!("{other:?}"),
    }
}

fn jwt(text: &str, protocol: Protocol) -> JwtAuthorizer {
    match only(text, protocol).authorizer.kind {
        AuthorizerKind::Jwt(jwt) => jwt,
        other => panic!("{other:?}"),
    }
}

fn faulty(authorizer: &str, protocol: Protocol, finding: Finding) {
    expect(
        &header(authorizer),
        protocol,
        Severity::Error,
        BASE,
        finding,
    );
}

#[test]
fn a_token_authorizer_takes_the_header_of_its_scheme() {
    let written = format!("{{type: token, authorizerUri: '{URI}'}}");
    assert_eq!(
        lambda(&header(&written), Protocol::Rest),
        LambdaAuthorizer {
            event: AuthorizerEvent::Token,
            enable_simple_responses: false,
            identity_sources: vec!["method.request.header.X-Token".to_owned()],
            identity_validation_expression: None,
            result_ttl_in_seconds: 300,
            uri: URI.to_owned(),
            timeout_in_millis: 29_000,
        }
    );
    let written = format!(
        "{{type: TOKEN, authorizerUri: '{URI}', identitySource: method.request.header.Auth, \
         identityValidationExpression: '^x-[a-z]+', authorizerResultTtlInSeconds: '60'}}"
    );
    let found = lambda(&header(&written), Protocol::Rest);
    assert_eq!(found.identity_sources, ["method.request.header.Auth"]);
    assert_eq!(
        found.identity_validation_expression.as_deref(),
        Some("^x-[a-z]+")
    );
    assert_eq!(found.result_ttl_in_seconds, 60);
    // As some tools write what they leave open.
    let written = format!("{{type: token, authorizerUri: '{URI}', identitySource: ''}}");
    assert_eq!(
        lambda(&asking("type: oauth2", &written), Protocol::Rest).identity_sources,
        ["method.request.header.Authorization"]
    );
}

#[test]
fn a_request_authorizer_of_a_rest_api_has_any_sources() {
    let written = format!(
        "{{type: request, authorizerUri: '{URI}', identitySource: 'method.request.header.A, \
         method.request.querystring.b,context.identity.sourceIp, stageVariables.c'}}"
    );
    let found = lambda(&header(&written), Protocol::Rest);
    assert_eq!(found.event, AuthorizerEvent::Request1);
    assert_eq!(
        found.identity_sources,
        [
            "method.request.header.A",
            "method.request.querystring.b",
            "context.identity.sourceIp",
            "stageVariables.c"
        ]
    );
    let written =
        format!("{{type: request, authorizerUri: '{URI}', authorizerResultTtlInSeconds: 0}}");
    let found = lambda(&header(&written), Protocol::Rest);
    assert!(found.identity_sources.is_empty());
    assert_eq!(found.result_ttl_in_seconds, 0);
}

#[test]
fn a_request_authorizer_of_an_http_api_says_its_format() {
    for (version, event) in [
        ("'1.0'", AuthorizerEvent::Request1),
        ("1.0", AuthorizerEvent::Request1),
        ("\"2.0\"", AuthorizerEvent::Request2),
        ("2.0", AuthorizerEvent::Request2),
    ] {
        let written = format!(
            "{{type: request, authorizerUri: '{URI}', authorizerPayloadFormatVersion: {version}, \
             identitySource: ['$request.header.A', '$context.routeKey']}}"
        );
        let found = lambda(&header(&written), Protocol::Http);
        assert_eq!(found.event, event, "{version}");
        assert_eq!(found.result_ttl_in_seconds, 0);
        assert_eq!(found.timeout_in_millis, 10_000);
        assert_eq!(
            found.identity_sources,
            ["$request.header.A", "$context.routeKey"]
        );
    }
    let written = format!(
        "{{type: request, authorizerUri: '{URI}', authorizerPayloadFormatVersion: '2.0', \
         enableSimpleResponses: true}}"
    );
    assert!(lambda(&header(&written), Protocol::Http).enable_simple_responses);
}

#[test]
fn a_cognito_authorizer_knows_its_pools() {
    let written = format!(
        "{{type: cognito_user_pools, providerARNs: ['{POOL}'], identityValidationExpression: abc}}"
    );
    let found = only(&header(&written), Protocol::Rest);
    assert_eq!(found.authorizer.name, "who");
    let issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC";
    assert_eq!(
        found.authorizer.kind,
        AuthorizerKind::Cognito(CognitoAuthorizer {
            identity_source: "method.request.header.X-Token".to_owned(),
            identity_validation_expression: Some("abc".to_owned()),
            user_pools: vec![UserPool {
                issuer: issuer.to_owned(),
                keys: JwtKeys::JwksUri(format!("{issuer}/.well-known/jwks.json")),
            }],
            leeway_in_seconds: 0,
        })
    );
    assert_eq!(
        found.places["userPools/0"].pointer,
        format!("{BASE}/providerARNs/0")
    );
    assert_eq!(found.places[""].pointer, BASE);
}

#[test]
fn the_issuer_of_a_pool_follows_from_its_arn() {
    for (arn, issuer) in [
        (
            "arn:aws-cn:cognito-idp:cn-north-1:123456789012:userpool/cn-north-1_a",
            Some("https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_a"),
        ),
        (
            "arn:aws-us-gov:cognito-idp:us-gov-west-1:123456789012:userpool/us-gov-west-1_a",
            Some("https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_a"),
        ),
        ("arn:aws:cognito-idp:us-east-1:123456789012:userpool/", None),
        ("arn:aws:cognito-idp:us-east-1/x:1:userpool/p", None),
        ("arn:aws:cognito-idp:us-east-1:1:userpool/../p", None),
        ("arn:aws:cognito-identity:us-east-1:1:userpool/p", None),
        ("us-east-1_abc", None),
        ("", None),
    ] {
        assert_eq!(issuer_of_pool(arn).as_deref(), issuer, "{arn}");
    }
}

#[test]
fn a_jwt_authorizer_of_an_http_api_takes_rsa_alone() {
    let written = "{type: jwt, jwtConfiguration: {issuer: 'https://i.example/', audience: [a, b]}}";
    assert_eq!(
        jwt(&asking("type: oauth2", written), Protocol::Http),
        JwtAuthorizer {
            identity_source: "$request.header.Authorization".to_owned(),
            issuers: vec![JwtIssuer {
                issuer: "https://i.example/".to_owned(),
                audiences: vec!["a".to_owned(), "b".to_owned()],
                additional_claims: Vec::new(),
                keys: JwtKeys::Discovery(
                    "https://i.example/.well-known/openid-configuration".to_owned()
                ),
            }],
            algorithms: vec![
                JwtAlgorithm::Rs256,
                JwtAlgorithm::Rs384,
                JwtAlgorithm::Rs512
            ],
            leeway_in_seconds: 0,
        }
    );
    let written = "{type: jwt, identitySource: $request.querystring.t, jwtConfiguration: {issuer: 'https://i.example/p', audience: a}}";
    let found = jwt(&asking("type: openIdConnect", written), Protocol::Http);
    assert_eq!(found.identity_source, "$request.querystring.t");
    assert_eq!(found.issuers[0].audiences, ["a"]);
}

#[test]
fn a_jwt_authorizer_of_a_rest_api_has_issuers_claims_and_algorithms() {
    let written = "{type: jwt, identitySource: method.request.header.T, jwtConfiguration: {\
         defaultAlgorithms: [ES256], issuers: [{issuer: 'https://i.example', audiences: [a], \
         additionalClaims: [{claimName: tier, format: SINGLE_STRING, required: true, \
         expectedValues: [gold]}]}, {issuer: 'https://j.example', audiences: [b]}]}}";
    let found = jwt(&header(written), Protocol::Rest);
    assert_eq!(found.algorithms, [JwtAlgorithm::Es256]);
    assert_eq!(found.issuers.len(), 2);
    assert_eq!(
        found.issuers[0].additional_claims,
        [AdditionalClaim {
            claim_name: "tier".to_owned(),
            required: true,
            expected_values: vec!["gold".to_owned()],
        }]
    );
    let written =
        "{type: jwt, jwtConfiguration: {issuers: [{issuer: 'https://i.example', audiences: [a]}]}}";
    let found = jwt(&header(written), Protocol::Rest);
    assert_eq!(found.identity_source, "method.request.header.X-Token");
    assert_eq!(found.algorithms.len(), 6);
}

#[test]
fn the_configuration_of_an_issuer_is_found_as_discovery_says() {
    for (issuer, url) in [
        (
            "https://a.example",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example/",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example/b",
            "https://a.example/b/.well-known/openid-configuration",
        ),
    ] {
        assert_eq!(discovery_of(issuer), url);
    }
}

#[test]
fn faults_of_an_authorizer_are_told_at_their_place() {
    let rest: &[(&str, Finding)] = &[
        ("[]", ("wrong-kind", "", "a mapping is expected")),
        ("{}", ("missing-field", "", "no `type`")),
        ("{type: 7}", ("wrong-kind", "/type", "text is expected")),
        (
            "{type: requst}",
            ("unknown-value", "/type", "`requst` is not a type"),
        ),
        ("{type: token}", ("missing-field", "", "no `authorizerUri`")),
        (
            "{type: token, authorizerUri: {'Fn::Sub': x}}",
            (
                "cloudformation-intrinsic",
                "/authorizerUri/Fn::Sub",
                "`Fn::Sub`",
            ),
        ),
        (
            "{type: token, authorizerUri: u, identitySource: $request.header.A}",
            ("identity-source", "/identitySource", "`$request.header.A`"),
        ),
        (
            "{type: token, authorizerUri: u, identitySource: method.request.querystring.a}",
            ("identity-source", "/identitySource", "cannot be taken"),
        ),
        (
            "{type: token, authorizerUri: u, identitySource: 'method.request.header.A, method.request.header.B'}",
            ("identity-source", "/identitySource", "one place"),
        ),
        (
            "{type: request, authorizerUri: u, identitySource: method.request.path.a}",
            (
                "identity-source",
                "/identitySource",
                "`method.request.path.a`",
            ),
        ),
        (
            "{type: request, authorizerUri: u, identitySource: method.request.header.}",
            ("identity-source", "/identitySource", "cannot be taken"),
        ),
        (
            "{type: request, authorizerUri: u}",
            ("missing-field", "", "kept for 300 seconds"),
        ),
        (
            "{type: token, authorizerUri: u, authorizerResultTtlInSeconds: 3601}",
            ("out-of-range", "/authorizerResultTtlInSeconds", "3600"),
        ),
        (
            "{type: token, authorizerUri: u, authorizerResultTtlInSeconds: -1}",
            ("out-of-range", "/authorizerResultTtlInSeconds", "not -1"),
        ),
        (
            "{type: token, authorizerUri: u, authorizerUrl: u}",
            ("unknown-field", "/authorizerUrl", "`authorizerUrl`"),
        ),
        (
            "{type: cognito_user_pools}",
            ("missing-field", "", "no `providerARNs`"),
        ),
        (
            "{type: cognito_user_pools, providerARNs: [pool]}",
            (
                "unknown-value",
                "/providerARNs/0",
                "not the ARN of a user pool",
            ),
        ),
        (
            "{type: jwt}",
            ("missing-field", "", "no `jwtConfiguration`"),
        ),
        (
            "{type: jwt, jwtConfiguration: {issuers: []}}",
            ("missing-field", "/jwtConfiguration", "`issuers` is missing"),
        ),
        (
            "{type: jwt, jwtConfiguration: {issuers: [{issuer: 'https://a.example'}]}}",
            (
                "missing-field",
                "/jwtConfiguration/issuers/0",
                "`audiences` is missing",
            ),
        ),
        (
            "{type: jwt, jwtConfiguration: {defaultAlgorithms: [HS256], issuers: [{issuer: 'https://a.example', audiences: [a]}]}}",
            (
                "unknown-value",
                "/jwtConfiguration/defaultAlgorithms/0",
                "`HS256`",
            ),
        ),
    ];
    for (written, finding) in rest {
        faulty(written, Protocol::Rest, *finding);
    }
    let http: &[(&str, Finding)] = &[
        ("{type: token}", ("unknown-value", "/type", "`token`")),
        (
            "{type: cognito_user_pools}",
            ("unknown-value", "/type", "`cognito_user_pools`"),
        ),
        (
            "{type: request, authorizerUri: u}",
            ("missing-field", "", "no `authorizerPayloadFormatVersion`"),
        ),
        (
            "{type: request, authorizerUri: u, authorizerPayloadFormatVersion: 3.0}",
            ("unknown-value", "/authorizerPayloadFormatVersion", "`3.0`"),
        ),
        (
            "{type: request, authorizerUri: u, authorizerPayloadFormatVersion: '1.0', enableSimpleResponses: true}",
            ("unknown-value", "/enableSimpleResponses", "format 2.0"),
        ),
        (
            "{type: request, authorizerUri: u, authorizerPayloadFormatVersion: '1.0', authorizerResultTtlInSeconds: 5}",
            ("missing-field", "", "kept for 5 seconds"),
        ),
        (
            "{type: jwt, jwtConfiguration: {issuer: 'https://a.example'}}",
            (
                "missing-field",
                "/jwtConfiguration",
                "`audience` is missing",
            ),
        ),
        (
            "{type: jwt, jwtConfiguration: {audience: [a]}}",
            ("missing-field", "/jwtConfiguration", "`issuer` is missing"),
        ),
        (
            "{type: jwt, jwtConfiguration: {issuer: a.example, audience: [a]}}",
            ("unknown-value", "/jwtConfiguration/issuer", "`a.example`"),
        ),
        (
            "{type: jwt, identitySource: $context.x, jwtConfiguration: {issuer: 'https://a.example', audience: [a]}}",
            ("identity-source", "/identitySource", "`$context.x`"),
        ),
    ];
    for (written, finding) in http {
        faulty(written, Protocol::Http, *finding);
    }
}

#[test]
fn what_an_authorizer_does_not_heed_is_said() {
    for (written, protocol, fields) in [
        (
            "{type: token, authorizerUri: u, authorizerCredentials: 'arn:aws:iam::1:role/r', \
             authorizerPayloadFormatVersion: '2.0', providerARNs: []}",
            Protocol::Rest,
            [
                "authorizerCredentials",
                "authorizerPayloadFormatVersion",
                "providerARNs",
            ]
            .as_slice(),
        ),
        (
            "{type: jwt, authorizerUri: null, authorizerResultTtlInSeconds: 5, jwtConfiguration: \
             {issuer: 'https://a.example', audience: [a]}}",
            Protocol::Http,
            &["authorizerResultTtlInSeconds"],
        ),
        (
            "{type: request, authorizerUri: u, identitySource: method.request.header.A, \
             identityValidationExpression: x}",
            Protocol::Rest,
            &["identityValidationExpression"],
        ),
    ] {
        let (api, report) = run("api.yaml", &header(written), protocol);
        let wanted: Vec<_> = fields
            .iter()
            .map(|field| format!("field-without-effect {BASE}/{field} `{field}` has no effect: "))
            .collect();
        let found = findings(&report);
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!(found.starts_with(wanted), "{found}");
        }
        assert_eq!(api.unwrap().authorizers.len(), 1, "{written}");
    }
}
