//! Mapping templates: what real API Gateway made of some, what the tests of two emulators expect,
//! and those of real projects, which have to compile and to render whatever comes.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

use std::path::Path;

use attache_conformance::{Suite, corpus, json_lines};
use attache_policies::mapping_template::{
    MappingTemplate, TemplateBody, TemplateError, TemplateEvent, TemplateScope,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// A request's template and what the client was answered: what the template rendered went through
/// a function that returns its event.
#[derive(Deserialize)]
struct Recorded {
    id: String,
    template: String,
    payload: String,
    status: u16,
    result: String,
}

/// A case of the emulator that ToQoz wrote.
#[derive(Deserialize)]
struct Emulated {
    id: String,
    template: String,
    payload: String,
    params: Option<Box<RawValue>>,
    context: Option<Box<RawValue>>,
    expected: String,
}

/// A call within LocalStack's tests.
#[derive(Deserialize)]
struct LocalStack {
    id: String,
    #[serde(rename = "fn")]
    function: String,
    input: Input,
    output: Value,
}

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    args: Value,
    template: Option<String>,
    variables: Option<Variables>,
}

#[derive(Deserialize)]
struct Variables {
    input: BodyAndParameters,
    context: Option<Box<RawValue>>,
    #[serde(rename = "stageVariables")]
    stage_variables: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct BodyAndParameters {
    body: String,
    params: Option<Box<RawValue>>,
}

/// What `attache template` calls an event. What is in it keeps its order.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    params: Option<Box<RawValue>>,
    context: Option<Box<RawValue>>,
    stage_variables: Option<Box<RawValue>>,
}

/// A template of a real project.
#[derive(Deserialize)]
struct Real {
    id: String,
    template: String,
}

#[test]
fn mapping_templates() {
    let Some(folder) = corpus("vtl") else {
        return;
    };
    let mut suite = Suite::new("mapping-templates").unwrap();
    recorded(&folder, &mut suite);
    emulated(&folder, &mut suite);
    local_stack(&folder, &mut suite);
    real(&folder, &mut suite);
    suite.finish().unwrap();
}

fn recorded(folder: &Path, suite: &mut Suite) {
    let cases: Vec<Recorded> = json_lines(&folder.join("toqoz-aws-recorded.jsonl")).unwrap();
    for case in cases {
        let rendered = render(&case.template, &case.payload, &Event::default());
        let result = match (case.status, rendered) {
            (200, Ok(rendered)) => {
                // A function that is sent nothing is sent an empty object.
                let event = if rendered.0.is_empty() {
                    "{}"
                } else {
                    &rendered.0
                };
                equal(event, &case.result)
            }
            (400, Err(TemplateError::Body(_))) => Ok(()),
            (status, rendered) => Err(format!("{rendered:?} instead of the status {status}")),
        };
        suite.record(&case.id, result);
    }
}

fn emulated(folder: &Path, suite: &mut Suite) {
    let cases: Vec<Emulated> = json_lines(&folder.join("toqoz-unit.jsonl")).unwrap();
    for case in cases {
        let event = Event {
            params: case.params,
            context: case.context,
            stage_variables: None,
        };
        suite.record(
            &case.id,
            prints(&case.template, &case.payload, &event, &case.expected),
        );
    }
}

fn local_stack(folder: &Path, suite: &mut Suite) {
    let cases: Vec<LocalStack> = json_lines(&folder.join("localstack-unit.jsonl")).unwrap();
    for case in cases {
        let input = case.input;
        let (mut event, mut body) = (Event::default(), String::new());
        if let Some(variables) = input.variables {
            body = variables.input.body;
            event = Event {
                params: variables.input.params,
                context: variables.context,
                stage_variables: variables.stage_variables,
            };
        }
        let arguments = input.args;
        let template = input.template.as_deref().or(arguments[0].as_str());
        let template = template.unwrap_or_default();
        let returned = &case.output["returns"];
        let result = match case.function.as_str() {
            // Other variables than AWS's are the test's own: its engine is at issue, not AWS's
            // objects.
            "render_vtl" if arguments[1].as_object().is_some_and(|own| !own.is_empty()) => {
                continue;
            }
            "render_vtl" => prints(template, &body, &event, returned.as_str().unwrap()),
            "render_response" => render(template, &body, &event)
                .map_err(|error| error.to_string())
                .and_then(|(rendered, overrides)| {
                    equal(&rendered, returned[0].as_str().unwrap())?;
                    equal(&overrides.to_string(), &returned[1].to_string())
                }),
            // Parameter mappings and MOCK integrations are not templates.
            _ => continue,
        };
        suite.record(&case.id, result);
    }
}

fn real(folder: &Path, suite: &mut Suite) {
    let bodies = [
        "",
        r#"{"message":"a","Items":[{"id":{"S":"1"},"name":{"S":"x"}}],"Item":{},"body":"b"}"#,
        "[1,2,3]",
        "a=b&c=d",
    ];
    let raw = |json: &str| Some(RawValue::from_string(json.to_owned()).unwrap());
    let event = Event {
        params: raw(
            r#"{"path": {"id": "7"}, "querystring": {"limit": "2"}, "header": {"host": "a"}}"#,
        ),
        context: raw(r#"{"requestId": "r", "identity": {"sourceIp": "127.0.0.1"}}"#),
        stage_variables: raw(r#"{"table": "t"}"#),
    };
    let cases: Vec<Real> = json_lines(&folder.join("real-templates.jsonl")).unwrap();
    for case in cases {
        let result = MappingTemplate::compile(&case.template)
            .map_err(|error| format!("does not compile: {error}"))
            .and_then(|_| {
                let mut bodies = bodies.iter();
                let failed = bodies.find_map(|body| render(&case.template, body, &event).err());
                failed.map_or(Ok(()), |error| Err(error.to_string()))
            });
        suite.record(&case.id, result);
    }
}

fn prints(template: &str, body: &str, event: &Event, expected: &str) -> Result<(), String> {
    let (rendered, _) = render(template, body, event).map_err(|error| error.to_string())?;
    equal(&rendered, expected)
}

fn equal(actual: &str, expected: &str) -> Result<(), String> {
    if actual == expected {
        return Ok(());
    }
    Err(format!("{actual:?} instead of {expected:?}"))
}

/// What a template prints, and what it sets for the answer.
fn render(template: &str, body: &str, event: &Event) -> Result<(String, Value), TemplateError> {
    let template = MappingTemplate::compile(template).unwrap_or_else(|error| panic!("{error}"));
    let event = TemplateEvent::read(&serde_json::to_string(event).unwrap()).unwrap();
    let mut scope = TemplateScope::new(&event);
    let rendered = template.render(&mut scope, TemplateBody::new(body.to_owned()))?;
    let overrides = scope.response_overrides();
    let headers = overrides.headers.into_iter().map(|(name, mut values)| {
        let value = match values.len() {
            1 => Value::from(values.remove(0)),
            _ => Value::from(values),
        };
        (name, value)
    });
    let overrides = json!({
        "header": headers.collect::<serde_json::Map<_, _>>(),
        "status": overrides.status,
    });
    Ok((rendered, overrides))
}
