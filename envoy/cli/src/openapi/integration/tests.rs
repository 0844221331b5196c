use attache_model::{
    ContentHandling, Integration, PassthroughBehavior, PayloadFormatVersion, Protocol,
};

use super::service_of;
use crate::diagnostic::Severity;
use crate::openapi::tests::{Finding, clean, expect, findings, run};
use crate::openapi::{ImportedApi, ImportedOperation};

const INTEGRATION: &str = "/paths/~1a/post/x-amazon-apigateway-integration";
const FUNCTION: &str = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/\
                        arn:aws:lambda:eu-west-1:000000000000:function:f/invocations";

/// A document with one operation, whose integration is given as lines without their margin.
fn document(integration: &str) -> String {
    let integration = integration.replace('\n', "\n        ");
    format!(
        "openapi: 3.0.1\ninfo: {{title: t}}\npaths:\n  /a:\n    post:\n      responses:\n        \
         '200': {{description: d, headers: {{X-One: {{schema: {{type: string}}}}}}}}\n        \
         404: {{$ref: '#/components/responses/Missing'}}\n      \
         x-amazon-apigateway-integration:\n        {integration}\n\
         components: {{responses: {{Missing: {{description: d}}}}}}\n"
    )
}

fn only(api: ImportedApi) -> ImportedOperation {
    let mut operations = api.operations;
    assert_eq!(operations.len(), 1);
    operations.remove(0)
}

fn read(integration: &str) -> Integration {
    only(clean(&document(integration), Protocol::Rest))
        .operation
        .integration
}

/// What all integrations that are no proxies have in common.
const TRANSFORMATIONS: &str = r#"passthroughBehavior: When_No_Templates
contentHandling: CONVERT_TO_BINARY
requestParameters: {integration.request.header.x: "'y'"}
requestTemplates: {text/plain: two, application/json: '{}', $default: '', text/xml: null}
responses:
  4\d{2}: {statusCode: 404, contentHandling: convert_to_text}
  default:
    statusCode: "200"
    responseParameters: {method.response.header.x-one: integration.response.header.a}
    responseTemplates: {application/json: $input.body, text/plain: ''}
"#;

#[test]
fn every_type_is_read_in_any_case() {
    let with = |first: &str| read(&format!("{first}\n{TRANSFORMATIONS}"));
    let Integration::Http(http) = with(
        "type: HTTP\nuri: http://b\nhttpMethod: put\ntimeoutInMillis: 50\ntlsConfig: {insecureSkipVerification: true}",
    ) else {
        panic!("not HTTP");
    };
    assert_eq!(
        (http.uri.as_str(), http.timeout_in_millis),
        ("http://b", 50)
    );
    assert_eq!(http.http_method.as_deref(), Some("PUT"));
    assert!(http.tls.insecure_skip_verification);
    let Integration::Aws(aws) = with(
        "type: Aws\nuri: arn:aws:apigateway:eu-west-1:sqs:action/SendMessage\nhttpMethod: POST",
    ) else {
        panic!("not AWS");
    };
    assert_eq!(aws.timeout_in_millis, 29_000);
    assert_eq!(
        aws.uri,
        "arn:aws:apigateway:eu-west-1:sqs:action/SendMessage"
    );
    let Integration::Mock(mock) =
        with("type: MOCK\nuri: ''\nhttpMethod: OPTIONS\ntimeoutInMillis: 3")
    else {
        panic!("not MOCK");
    };
    for (request, responses) in [
        (http.request, http.responses),
        (aws.request, aws.responses),
        (mock.request, mock.responses),
    ] {
        assert_eq!(
            request.passthrough_behavior,
            PassthroughBehavior::WhenNoTemplates
        );
        assert_eq!(
            request.content_handling,
            Some(ContentHandling::ConvertToBinary)
        );
        assert_eq!(request.parameters["integration.request.header.x"], "'y'");
        let templates: Vec<_> = request
            .templates
            .iter()
            .map(|template| (template.content_type.as_str(), template.template.as_str()))
            .collect();
        assert_eq!(
            templates,
            [
                ("text/plain", "two"),
                ("application/json", "{}"),
                ("$default", "")
            ]
        );
        let [pattern, default] = responses.as_slice() else {
            panic!("{responses:?}");
        };
        assert_eq!(pattern.selection_pattern.as_deref(), Some(r"4\d{2}"));
        assert_eq!(pattern.status_code, 404);
        assert_eq!(
            pattern.content_handling,
            Some(ContentHandling::ConvertToText)
        );
        assert_eq!(
            (default.status_code, default.selection_pattern.is_none()),
            (200, true)
        );
        assert_eq!(default.parameters.len(), 1);
        assert_eq!(default.templates.len(), 2);
    }
    let Integration::AwsProxy(function) = read(&format!(
        "type: aws_proxy\nuri: {FUNCTION}\nhttpMethod: POST\ncontentHandling: CONVERT_TO_TEXT\n\
         responses: {{default: {{statusCode: '200'}}}}\npassthroughBehavior: when_no_match"
    )) else {
        panic!("not AWS_PROXY");
    };
    assert_eq!(function.uri, FUNCTION);
    assert_eq!(function.payload_format_version, PayloadFormatVersion::V1);
    let Integration::HttpProxy(proxy) =
        read("type: http_proxy\nuri: http://b\ncontentHandling: CONVERT_TO_TEXT")
    else {
        panic!("not HTTP_PROXY");
    };
    assert_eq!(proxy.content_handling, Some(ContentHandling::ConvertToText));
}

#[test]
fn parts_of_a_transformation_know_their_places() {
    let text = document(&format!("type: mock\n{TRANSFORMATIONS}"));
    let operation = only(clean(&text, Protocol::Rest));
    for (part, wanted) in [
        ("request/templates/0/template", "two"),
        ("request/templates/2/contentType", "$default"),
        ("request/parameters/integration.request.header.x", "\"'y'\""),
        ("request/passthroughBehavior", "When_No_Templates"),
        ("responses/0/selectionPattern", r"4\d{2}"),
        ("responses/0/statusCode", "404"),
        (
            "responses/1/parameters/method.response.header.x-one",
            "integration.response.header.a",
        ),
        ("responses/1/templates/0/template", "$input.body"),
    ] {
        let place = operation.places.of(&format!("/integration/mock/{part}"));
        assert_eq!(text.get(place.span.clone()), Some(wanted), "{part}");
    }
}

#[test]
fn the_versions_of_a_functions_event_are_those_of_the_product() {
    let version = |written: &str, protocol| {
        let text = document(&format!(
            "type: aws_proxy\nhttpMethod: POST\nuri: {FUNCTION}\n{written}"
        ));
        let (api, report) = run("api.yaml", &text, protocol);
        let Integration::AwsProxy(proxy) = only(api.unwrap()).operation.integration else {
            panic!("not AWS_PROXY");
        };
        (proxy.payload_format_version, findings(&report).len())
    };
    let two = "payloadFormatVersion: '2.0'";
    assert_eq!(version(two, Protocol::Http), (PayloadFormatVersion::V2, 0));
    assert_eq!(
        version("payloadFormatVersion: 2.0", Protocol::Http),
        (PayloadFormatVersion::V2, 0)
    );
    assert_eq!(
        version("payloadFormatVersion: '1.0'", Protocol::Http),
        (PayloadFormatVersion::V1, 0)
    );
    assert_eq!(version("", Protocol::Http), (PayloadFormatVersion::V1, 1));
    assert_eq!(version("", Protocol::Rest), (PayloadFormatVersion::V1, 0));
    assert_eq!(version(two, Protocol::Rest), (PayloadFormatVersion::V1, 1));
}

#[test]
fn an_http_api_maps_parameters_of_both_directions() {
    let text = document(
        "type: http_proxy\nuri: http://b\nrequestParameters: {'append:header.x': $request.path.y}\n\
         responseParameters:\n  '500': {'overwrite:statuscode': '403', 'remove:header.y': \"''\"}\n  404: {}",
    );
    let operation = only(clean(&text, Protocol::Http));
    let Integration::HttpProxy(proxy) = operation.operation.integration else {
        panic!("not HTTP_PROXY");
    };
    assert_eq!(
        proxy.request_parameters["append:header.x"],
        "$request.path.y"
    );
    assert_eq!(
        proxy.response_parameters[&500]["overwrite:statuscode"],
        "403"
    );
    assert_eq!(proxy.response_parameters.len(), 2);
    let place = operation
        .places
        .of("/integration/httpProxy/responseParameters/500/remove:header.y");
    assert_eq!(text.get(place.span.clone()), Some("\"''\""));
}

#[test]
fn a_vpc_link_is_named_and_its_place_known() {
    for kind in ["http", "http_proxy"] {
        let text = document(&format!(
            "type: {kind}\nuri: http://inside/x\nconnectionType: vpc_link\nconnectionId: ${{stageVariables.link}}\nintegrationTarget: arn"
        ));
        let link = only(clean(&text, Protocol::Rest)).vpc_link.unwrap();
        assert_eq!(link.id, "${stageVariables.link}");
        assert_eq!(link.place.pointer, format!("{INTEGRATION}/connectionId"));
    }
    let listener = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/a/1/2";
    let text = document(&format!(
        "type: http_proxy\nhttpMethod: ANY\nuri: {listener}\nconnectionType: VPC_LINK\nconnectionId: abc\npayloadFormatVersion: '1.0'"
    ));
    assert_eq!(
        only(clean(&text, Protocol::Http)).vpc_link.unwrap().id,
        "abc"
    );
}

#[test]
fn faults_are_errors_at_their_places() {
    let cases: &[(&str, Finding)] = &[
        ("type: telex", ("unknown-value", "/type", "`telex`")),
        ("uri: x", ("missing-field", "", "no `type`")),
        ("type: http", ("missing-field", "", "no `uri`")),
        ("type: aws\nuri: null", ("missing-field", "", "no `uri`")),
        ("type: aws_proxy", ("missing-field", "", "no `uri`")),
        (
            "type: http_proxy\nuri: arn:aws:lambda:eu-west-1:000000000000:function:f",
            ("unknown-value", "/uri", "not an ARN"),
        ),
        (
            "type: aws_proxy\nuri: arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
            (
                "unsupported-integration",
                "/uri",
                "currently only support Lambda function",
            ),
        ),
        (
            "type: mock\npassthroughBehavior: sometimes",
            ("unknown-value", "/passthroughBehavior", "`sometimes`"),
        ),
        (
            "type: mock\nrequestTemplates: {application/json: [a]}",
            ("wrong-kind", "/requestTemplates/application~1json", "text"),
        ),
        (
            "type: mock\nrequestTemplates: {'Fn::If': [a, b, c]}",
            (
                "cloudformation-intrinsic",
                "/requestTemplates/Fn::If",
                "`Fn::If`",
            ),
        ),
        (
            "type: mock\nresponses: {default: {statusCode: '600'}}",
            (
                "unknown-value",
                "/responses/default/statusCode",
                "status code",
            ),
        ),
        (
            "type: mock\nresponses: {default: {}}",
            ("missing-field", "/responses/default", "no `statusCode`"),
        ),
        (
            "type: mock\nresponses: {default: {statusCode: '200', responseTemplate: {}}}",
            (
                "unknown-field",
                "/responses/default/responseTemplate",
                "`responseTemplate`",
            ),
        ),
        (
            "type: mock\nresponses: {default: {statusCode: 201}}",
            (
                "no-method-response",
                "/responses/default/statusCode",
                "no response 201",
            ),
        ),
        (
            "type: mock\nresponses: {default: {statusCode: 404, responseParameters: {method.response.header.X-One: \"'a'\"}}}",
            (
                "no-method-response",
                "/responses/default/responseParameters/method.response.header.X-One",
                "no header `X-One`",
            ),
        ),
        (
            "type: mock\nconnectionType: VPC_LINK\nconnectionId: a",
            ("unknown-value", "/connectionType", "no VPC link"),
        ),
        (
            "type: aws\nuri: arn\ncredentials: arn:aws:iam::*:user/*",
            ("unsupported-integration", "/credentials", "caller's own"),
        ),
        (
            "type: aws\nuri: arn\npayloadFormatVersion: '2.0'",
            ("unknown-value", "/payloadFormatVersion", "1.0"),
        ),
        (
            "type: mock\nintegrationSubtype: SQS-SendMessage",
            (
                "unsupported-integration",
                "/integrationSubtype",
                "not supported yet",
            ),
        ),
    ];
    for (integration, finding) in cases {
        let text = document(integration);
        expect(
            &text,
            Protocol::Rest,
            Severity::Error,
            INTEGRATION,
            *finding,
        );
    }
    for (integration, finding) in [
        ("type: mock", ("unknown-value", "/type", "HTTP APIs")),
        ("type: HTTP", ("unknown-value", "/type", "HTTP APIs")),
        (
            "type: http_proxy\nuri: http://b\nresponseParameters: {'100': {}}",
            ("unknown-value", "/responseParameters/100", "status code"),
        ),
        (
            "type: http_proxy\nuri: http://b\ncontentHandling: CONVERT_TO_TEXT",
            (
                "unsupported-integration",
                "/contentHandling",
                "not supported",
            ),
        ),
        (
            "type: aws_proxy\npayloadFormatVersion: '3.0'\nuri: arn:aws:lambda:eu-west-1:000000000000:function:f",
            ("unknown-value", "/payloadFormatVersion", "1.0 and 2.0"),
        ),
    ] {
        let text = document(integration);
        expect(&text, Protocol::Http, Severity::Error, INTEGRATION, finding);
    }
}

#[test]
fn what_has_no_effect_is_told() {
    for (integration, pointer) in [
        (
            "type: aws\nuri: arn\ncredentials: arn:aws:iam::000000000000:role/r",
            "/credentials",
        ),
        ("type: http\nuri: http://b\ncredentials: a", "/credentials"),
        (
            "type: aws_proxy\nuri: arn\ncredentials: arn:aws:iam::*:user/*",
            "/credentials",
        ),
        (
            "type: aws_proxy\nuri: arn\ncontentHandling: CONVERT_TO_BINARY",
            "/contentHandling",
        ),
        (
            "type: aws_proxy\nuri: arn\nrequestParameters: {integration.request.header.x: \"'y'\"}",
            "/requestParameters",
        ),
        (
            "type: aws\nuri: arn\ntlsConfig: {insecureSkipVerification: true}",
            "/tlsConfig",
        ),
        (
            "type: http_proxy\nuri: http://b\nresponseParameters: {'200': {a: b}}",
            "/responseParameters",
        ),
    ] {
        let text = document(integration);
        let finding = ("field-without-effect", pointer, "has no effect");
        expect(
            &text,
            Protocol::Rest,
            Severity::Warning,
            INTEGRATION,
            finding,
        );
    }
}

#[test]
fn the_service_of_an_action_is_found() {
    for (uri, service) in [
        (FUNCTION, Some("lambda")),
        (
            "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
            Some("dynamodb"),
        ),
        (
            "arn:aws-cn:apigateway:cn-north-1:bucket.s3:path/key",
            Some("s3"),
        ),
        ("arn:aws:lambda:us-east-1:000000000000:function:f", None),
        ("http://a:apigateway:b:c", None),
        ("arn:aws:apigateway", None),
        ("", None),
    ] {
        assert_eq!(service_of(uri), service, "{uri}");
    }
}
