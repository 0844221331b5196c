use attache_model::Protocol;
use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::Denial;
use crate::gateway_response::tests::{Says, field, reply, request};

/// The body that a template gives for a refusal of type INVALID_SIGNATURE.
fn rendered(template: &str, message: &str) -> String {
    let says = Says {
        templates: &[("application/json", template)],
        ..Says::default()
    };
    let headers = request(
        "/prod/pets/5?q=a+b&q=c%22d",
        &[("x-one", "1"), ("x-two", "\"")],
    );
    let denial = Denial::InvalidSignature(message.to_owned());
    let reply = reply(&[("INVALID_SIGNATURE", says)], &denial, &headers);
    String::from_utf8(reply.body).unwrap()
}

#[wasm_bindgen_test(unsupported = test)]
fn references_are_put_in_place() {
    for (template, expected) in [
        ("", ""),
        ("plain", "plain"),
        ("$context.error.message", "no \"way\""),
        ("$context.error.messageString", r#""no \"way\"""#),
        ("$context.error.responseType", "INVALID_SIGNATURE"),
        ("$context.error.validationErrorString", ""),
        ("$context.stage$context.resourcePath", "prod/pets/{petId}"),
        ("$context.path", "/prod/pets/5"),
        ("$context.httpMethod", "GET"),
        ("$context.apiId/$context.accountId", "shop/123456789012"),
        ("$context.requestTime", "10/Mar/2020:00:03:59 +0000"),
        ("$context.requestTimeEpoch", "1583798639000"),
        ("$context.identity.sourceIp", "192.0.2.7"),
        ("$context.identity.apiKey", "the-key"),
        ("$context.protocol", "HTTP/1.1"),
        ("$context.domainName", "shop.example.com"),
        ("$context.authorizer.principalId", "ann"),
        (
            "$stageVariables.a|$stageVariables.none|",
            "from the stage||",
        ),
        ("$method.request.path.petId", "5"),
        ("$method.request.querystring.q", "c\"d"),
        ("$method.request.header.X-One", "1"),
        // In braces, and the quiet form.
        ("${context.stage}ful", "prodful"),
        ("$!context.stage.", "prod."),
        ("$!{context.stage}", "prod"),
        ("${context.stage", "${context.stage"),
        // Where a name ends.
        ("see $context.stage. And", "see prod. And"),
        ("$context.stage.json", "prod.json"),
        ("$context.stage-$context.apiId", "prod-shop"),
        ("$context.stage$", "prod$"),
        ("$context.stage..", "prod.."),
        ("$stageVariables.a.b", "from the stage.b"),
        // What AWS does not have prints nothing; what is no reference stays.
        ("[$context.nothing]", "[]"),
        ("[${context.nothing}]", "[]"),
        ("$context", "$context"),
        ("$context.", "$context."),
        ("$method.request.body", "$method.request.body"),
        ("$input.params('q') $5 $$ $", "$input.params('q') $5 $$ $"),
        ("$$context.stage", "$prod"),
        ("#set($a = 1)", "#set($a = 1)"),
        ("é$context.stage☃", "éprod☃"),
        ("$contexté.stage", "$contexté.stage"),
    ] {
        assert_eq!(rendered(template, "no \"way\""), expected, "{template}");
    }
}

/// The message's string form is null without quotes where there is no message.
#[wasm_bindgen_test(unsupported = test)]
fn a_message_that_is_not_there_is_null() {
    let says = Says {
        templates: &[(
            "application/json",
            r#"{"a":$context.error.messageString,"b":"$context.error.message"}"#,
        )],
        ..Says::default()
    };
    let headers = request("/prod/pets/5", &[]);
    let reply = reply(
        &[("DEFAULT_5XX", says)],
        &Denial::AuthorizerFailure,
        &headers,
    );
    assert_eq!(reply.body, br#"{"a":null,"b":""}"#);
}

#[wasm_bindgen_test(unsupported = test)]
fn why_a_body_is_invalid_fits_into_quotation_marks() {
    let says = Says {
        templates: &[(
            "application/json",
            r#"{"message":"$context.error.validationErrorString"}"#,
        )],
        ..Says::default()
    };
    let why = r#"[object has missing required properties (["a","b"])]"#;
    let denial = Denial::BadRequestBody {
        validation_error: why.to_owned(),
    };
    let headers = request("/prod/pets/5", &[]);
    let reply = reply(&[("BAD_REQUEST_BODY", says)], &denial, &headers);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["message"], why);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_client_chooses_among_the_content_types() {
    const TEMPLATES: [(&str, &str); 3] = [
        ("text/html; charset=utf-8", "html"),
        ("application/xml", "xml"),
        ("application/json", "json"),
    ];
    for (templates, accept, content_type, body) in [
        (&TEMPLATES[..], None, "application/json", "json"),
        (
            &TEMPLATES,
            Some("application/xml"),
            "application/xml",
            "xml",
        ),
        (
            &TEMPLATES,
            Some("Text/HTML;q=0.5"),
            "text/html; charset=utf-8",
            "html",
        ),
        (
            &TEMPLATES,
            Some("image/png, application/xml;q=0.9, */*"),
            "application/xml",
            "xml",
        ),
        (
            &TEMPLATES,
            Some("*/*, application/xml"),
            "application/json",
            "json",
        ),
        (&TEMPLATES, Some("image/png"), "application/json", "json"),
        (&TEMPLATES, Some(""), "application/json", "json"),
        (
            &TEMPLATES[..2],
            Some("image/png"),
            "text/html; charset=utf-8",
            "html",
        ),
        (&TEMPLATES[..2], None, "text/html; charset=utf-8", "html"),
    ] {
        let says = Says {
            templates,
            ..Says::default()
        };
        let fields: Vec<_> = accept
            .map(|accept| ("accept", accept))
            .into_iter()
            .collect();
        let headers = request("/prod/pets/5", &fields);
        let reply = reply(&[("THROTTLED", says)], &Denial::Throttled, &headers);
        assert_eq!(
            field(&reply, "content-type"),
            Some(content_type),
            "{accept:?}"
        );
        assert_eq!(reply.body, body.as_bytes(), "{accept:?}");
    }
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn any_text_is_a_template(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    "$", "!", "{", "}", ".", "-", "context", "stageVariables", "method.request",
                    "header", "error", "messageString", "stage", "é",
                ]).prop_map(str::to_owned),
                any::<String>(),
            ],
            0..12,
        )
    ) {
        let template = pieces.concat();
        let body = rendered(&template, "");
        if !template.contains('$') {
            prop_assert_eq!(body, template);
        }
    }

    /// The template that AWS gives as the default one says the same as no template.
    #[wasm_bindgen_test(unsupported = test)]
    fn the_default_template_is_json_for_any_message(message in any::<String>()) {
        let body = rendered(r#"{"message":$context.error.messageString}"#, &message);
        let default = Denial::InvalidSignature(message).reply(Protocol::Rest).body;
        prop_assert_eq!(body.as_bytes(), default);
    }
}
