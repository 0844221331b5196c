use std::rc::Rc;
use std::sync::Arc;

use attache_model::{Api, Gateway, Integration, Mock, Operation, Protocol, Stage, Verb};
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::RequestValidations;
use crate::denial::Denial;
use crate::exchange::{Answer, Edits, Event, Exchange, Reply, Service, Step, Stream};
use crate::headers::Headers;
use crate::memory_ports::MemoryPorts;
use crate::ports::Environment;
use crate::route::Routes;

/// Answers with the refusal, or 200.
struct Validator {
    routes: Routes,
    validations: RequestValidations,
}

impl Service for Validator {
    fn compile(_: &[u8], _: &dyn Environment) -> Result<Self, Vec<String>> {
        Err(Vec::new())
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        let Ok(route) = self.routes.find(exchange.request()) else {
            return Answer::PassThrough(Edits::default());
        };
        Answer::Reply(match self.validations.validate(&exchange, route).await {
            Ok(_) => Reply {
                status: 200,
                ..Reply::default()
            },
            Err(denial) => Reply {
                status: denial.status(Protocol::Rest),
                body: match &denial {
                    Denial::BadRequestBody { validation_error } => validation_error.clone(),
                    denial => denial.reply(Protocol::Rest).body_text(),
                }
                .into_bytes(),
                ..Reply::default()
            },
        })
    }
}

impl Reply {
    fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One operation, `ANY /pets/{id}`, with this validation and these models.
fn gateway(validation: Value, models: Value) -> Gateway {
    Gateway {
        apis: vec![Api {
            any_host: true,
            models: serde_json::from_value(models).unwrap(),
            operations: vec![Operation {
                request_validation: serde_json::from_value(validation).unwrap(),
                ..Operation::new("/pets/{id}", Verb::Any, Integration::Mock(Mock::default()))
            }],
            stages: vec![Stage::new("s")],
            ..Api::new("api", Protocol::Rest)
        }],
        ..Gateway::new(attache_model::Account::default())
    }
}

fn validator(validation: Value, models: Value) -> Arc<Validator> {
    let gateway = gateway(validation, models);
    Arc::new(Validator {
        routes: Routes::compile(&gateway).unwrap(),
        validations: RequestValidations::compile(&gateway).unwrap(),
    })
}

fn ask(
    validator: &Arc<Validator>,
    target: &str,
    fields: &[(&str, &str)],
    body: Option<&[u8]>,
) -> (u16, String) {
    let target = format!("/s{target}");
    let head = [
        (":authority", "a.example"),
        (":method", "POST"),
        (":path", &target),
    ];
    let request: Headers = head.iter().chain(fields).copied().collect();
    let ports = Rc::new(MemoryPorts::default());
    let (mut stream, mut step) = Stream::start(validator, request, body.is_none(), ports as _);
    if step == Step::Collect {
        step = stream.resume(Event::RequestBody(body.unwrap_or_default().to_vec()));
    }
    match step {
        Step::Reply(reply) => (reply.status, reply.body_text()),
        other => panic!("{other:?}"),
    }
}

fn missing(names: &str) -> (u16, String) {
    let message = format!("{{\"message\":\"Missing required request parameters: [{names}]\"}}");
    (400, message)
}

/// `common::test_api_gateway_request_validator`
#[wasm_bindgen_test(unsupported = test)]
fn parameters_are_missed_in_the_order_of_aws() {
    let validator = validator(
        json!({
            "requiredParameters": [
                "method.request.querystring.qs1",
                "method.request.path.issuer",
                "method.request.header.X-Header-Param",
            ],
            "requestModels": [{"contentType": "application/json", "model": "Anything"}],
        }),
        json!({"Anything": {"required": ["a"]}}),
    );
    let ask = |target: &str, fields: &[(&str, &str)]| ask(&validator, target, fields, None);
    assert_eq!(ask("/pets/1", &[]), missing("X-Header-Param, issuer, qs1"));
    let header = ("x-header-param", "there");
    assert_eq!(ask("/pets/1", &[header]), missing("issuer, qs1"));
    // A value that says nothing is missing, too.
    for blank in [
        "/pets/1?qs1=",
        "/pets/1?qs1",
        "/pets/1?qs1=%20",
        "/pets/1?qs1=x&qs1=",
    ] {
        assert_eq!(ask(blank, &[header]), missing("issuer, qs1"), "{blank}");
    }
    assert_eq!(
        ask("/pets/1?qs%31=x", &[("x-header-param", " ")]),
        missing("X-Header-Param, issuer")
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn path_parameters_are_those_of_the_path() {
    let validator = validator(
        json!({"requiredParameters": ["method.request.path.id", "method.request.header.Host"]}),
        json!({}),
    );
    assert_eq!(ask(&validator, "/pets/1", &[], None).0, 200);
}

fn with_model(schema: Value) -> Arc<Validator> {
    validator(
        json!({"requestModels": [{"contentType": "application/json", "model": "M"}]}),
        json!({"M": schema}),
    )
}

#[wasm_bindgen_test(unsupported = test)]
fn bodies_fit_their_model() {
    let validator = with_model(json!({
        "type": "object",
        "required": ["name", "age"],
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 1}},
    }));
    let ask = |body: &str| ask(&validator, "/pets/1", &[], Some(body.as_bytes()));
    assert_eq!(ask(r#"{"name": "a", "age": 1}"#).0, 200);
    assert_eq!(
        ask("{}"),
        (
            400,
            r#"[object has missing required properties (["age","name"])]"#.to_owned()
        )
    );
    assert_eq!(
        ask(r#"{"name": 1, "age": 2}"#),
        (
            400,
            r#"[instance type (integer) does not match any allowed primitive type (allowed: ["string"])]"#
                .to_owned()
        )
    );
    for no_json in [
        "",
        " ",
        "{",
        "{'name': 'a', 'age': 1}",
        r#"{"name":"a","age":1,}"#,
        "name",
    ] {
        assert_eq!(ask(no_json).0, 400, "{no_json}");
    }
}

/// `common::test_api_gateway_request_validator_with_ref_models`
#[wasm_bindgen_test(unsupported = test)]
fn a_missing_body_is_an_empty_object() {
    for (schema, status) in [
        (json!({"type": "object"}), 200),
        (json!({}), 200),
        (json!({"type": "array"}), 400),
        (json!({"required": ["a"]}), 400),
    ] {
        let validator = with_model(schema.clone());
        assert_eq!(ask(&validator, "/pets/1", &[], None).0, status, "{schema}");
        assert_eq!(
            ask(&validator, "/pets/1", &[], Some(b"")).0,
            status,
            "{schema}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_content_type_chooses_the_model() {
    let validator = validator(
        json!({"requestModels": [
            {"contentType": "application/json", "model": "Object"},
            {"contentType": "application/Vnd.Shop+json; charset=utf-8", "model": "List"},
        ]}),
        json!({"Object": {"type": "object"}, "List": {"type": "array"}}),
    );
    for (content_type, body, status) in [
        (None, "{}", 200),
        (None, "[]", 400),
        (Some("application/json; charset=utf-8"), "[]", 400),
        (Some("APPLICATION/JSON"), "[]", 400),
        (Some("application/vnd.shop+json"), "[]", 200),
        (Some("application/vnd.shop+json"), "{}", 400),
        // There is no model for it.
        (Some("text/plain"), "no JSON", 200),
    ] {
        let fields: Vec<_> = content_type
            .map(|value| ("content-type", value))
            .into_iter()
            .collect();
        let (found, _) = ask(&validator, "/pets/1", &fields, Some(body.as_bytes()));
        assert_eq!(found, status, "{content_type:?} {body}");
    }
    let by_default = super::RequestValidations::compile(&gateway(
        json!({"requestModels": [{"contentType": "$default", "model": "Object"}]}),
        json!({"Object": {"type": "object"}}),
    ));
    assert!(by_default.is_ok());
}

#[wasm_bindgen_test(unsupported = test)]
fn models_refer_to_each_other_in_circles() {
    let url = "https://apigateway.amazonaws.com/restapis/abc123/models/Person";
    for reference in [url, "#/definitions/Person", "#/components/schemas/Person"] {
        let validator = validator(
            json!({"requestModels": [{"contentType": "application/json", "model": "Person"}]}),
            json!({"Person": {
                "type": "object",
                "required": ["name"],
                "properties": {"friends": {"type": "array", "items": {"$ref": reference}}},
            }}),
        );
        let ask = |body: &str| ask(&validator, "/pets/1", &[], Some(body.as_bytes())).0;
        assert_eq!(
            ask(r#"{"name": 1, "friends": [{"name": 2}]}"#),
            200,
            "{reference}"
        );
        assert_eq!(ask(r#"{"name": 1, "friends": [{}]}"#), 400, "{reference}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_have_places() {
    let faults = RequestValidations::compile(&gateway(
        json!({
            "requiredParameters": ["method.request.body.a", "method.request.header."],
            "requestModels": [
                {"contentType": "application/json", "model": "Missing"},
                {"contentType": "text/json", "model": "a/b"},
                {"contentType": "$default", "model": "a/b"},
            ],
        }),
        json!({"a/b": {"type": "text", "properties": {"x": {"$ref": "#/definitions/None"}}}}),
    ))
    .unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        places,
        [
            "/apis/0/operations/0/requestValidation/requiredParameters/0",
            "/apis/0/operations/0/requestValidation/requiredParameters/1",
            "/apis/0/operations/0/requestValidation/requestModels/0/model",
            "/apis/0/models/a~1b/properties/x/$ref",
            "/apis/0/models/a~1b/type",
        ]
    );
}
