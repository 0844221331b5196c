use attache_model::Protocol;

use crate::diagnostic::Severity;
use crate::openapi::tests::{Finding, clean, document, expect};

const KEY: &str = "/x-amazon-apigateway-gateway-responses";

fn text(responses: &str) -> String {
    document(
        &format!("x-amazon-apigateway-gateway-responses: {responses}"),
        "",
        "",
    )
}

#[test]
fn gateway_responses_are_read_with_their_places() {
    let text = text(
        "{DEFAULT_4XX: {responseParameters: {gatewayresponse.header.X: \"'a'\"}, responseTemplates: {application/json: '{}', text/plain: no}}, \
         UNAUTHORIZED: {statusCode: 403, responseParameters: null, responseType: UNAUTHORIZED, defaultResponse: false}, \
         THROTTLED: {statusCode: '503'}, QUOTA_EXCEEDED: null, WAF_FILTERED: {statusCode: null}}",
    );
    let api = clean(&text, Protocol::Rest);
    let status = |name: &str| api.gateway_responses[name].status_code;
    assert_eq!(status("DEFAULT_4XX"), None);
    assert_eq!(status("UNAUTHORIZED"), Some(403));
    assert_eq!(status("THROTTLED"), Some(503));
    assert_eq!(status("QUOTA_EXCEEDED"), None);
    assert_eq!(status("WAF_FILTERED"), None);
    let all = &api.gateway_responses["DEFAULT_4XX"];
    assert_eq!(all.parameters["gatewayresponse.header.X"], "'a'");
    assert_eq!(all.templates[1].template, "no");
    for (part, wanted) in [
        ("DEFAULT_4XX", "DEFAULT_4XX"),
        ("DEFAULT_4XX/templates/1", "no"),
        ("DEFAULT_4XX/parameters/gatewayresponse.header.X", "\"'a'\""),
        ("THROTTLED/statusCode", "'503'"),
    ] {
        let place = &api.places[&format!("/gatewayResponses/{part}")];
        assert_eq!(text.get(place.span.clone()), Some(wanted), "{part}");
    }
}

#[test]
fn faults_are_errors_at_their_places() {
    let cases: &[(&str, Finding)] = &[
        (
            "{THROTLED: {statusCode: 503}}",
            ("unknown-value", "/THROTLED", "not a type"),
        ),
        (
            "{THROTTLED: {statusCode: many}}",
            ("unknown-value", "/THROTTLED/statusCode", "status code"),
        ),
        (
            "{THROTTLED: {statuscode: 503}}",
            ("unknown-field", "/THROTTLED/statuscode", "`statuscode`"),
        ),
        (
            "{THROTTLED: [a]}",
            ("wrong-kind", "/THROTTLED", "a mapping"),
        ),
        ("[a]", ("wrong-kind", "", "a mapping")),
        (
            "{THROTTLED: {responseTemplates: {application/json: {a: b}}}}",
            (
                "wrong-kind",
                "/THROTTLED/responseTemplates/application~1json",
                "text",
            ),
        ),
    ];
    for (responses, finding) in cases {
        expect(
            &text(responses),
            Protocol::Rest,
            Severity::Error,
            KEY,
            *finding,
        );
    }
}
