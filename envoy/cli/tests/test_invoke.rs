//! `attache test-invoke` as a process: API Gateway's execution log, and its answer as JSON.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};

use serde_json::Value;

const DEFINITION: &str = r##"
openapi: 3.0.1
info: {title: Pets, version: "1"}
x-amazon-apigateway-request-validators:
  body: {validateRequestBody: true, validateRequestParameters: false}
paths:
  /pets/{petId}:
    get:
      security: [{api_key: []}]
      responses: {"200": {description: a pet}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses:
          default:
            statusCode: "200"
            responseTemplates: {application/json: '{"petId": "$input.params("petId")"}'}
    put:
      responses: {"200": {description: a pet}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": #foreach($n in [1..2000])1#end}'}
        responses: {default: {statusCode: "200"}}
    post:
      x-amazon-apigateway-request-validator: body
      requestBody:
        content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
      responses: {"200": {description: a pet}}
      x-amazon-apigateway-integration:
        type: http
        httpMethod: POST
        uri: http://BACKEND/pets
        requestTemplates: {application/json: "<pet>$input.path('$.name')</pet>"}
        responses:
          default:
            statusCode: "200"
            responseTemplates: {application/json: '{"said": "$input.body"}'}
  /release:
    get:
      responses: {"200": {description: the release}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses:
          default:
            statusCode: "200"
            responseTemplates: {application/json: '[$stageVariables.release, $context.isCanaryRequest]'}
components:
  schemas:
    Pet: {type: object, required: [name]}
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
"##;

/// Runs the command on an API whose back end is at this address.
fn invoke(backend: Option<SocketAddr>, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let backend = backend.map_or_else(|| "127.0.0.1:9".to_owned(), |it| it.to_string());
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "attache.yaml",
        "apis: {pets: {definition: openapi.yaml, stages: {plain: {}, prod: {variables: {release: old}, \
         canarySettings: {percentTraffic: 50, stageVariableOverrides: {release: new}}}}}}\n",
    );
    write("openapi.yaml", &DEFINITION.replace("BACKEND", &backend));
    write("pet.json", r#"{"name": "Ada"}"#);
    write("none.json", "{}");
    Command::new(env!("CARGO_BIN_EXE_attache"))
        .args(["test-invoke", "--api", "pets"])
        .args(
            ["--stage", "prod"]
                .iter()
                .filter(|_| !arguments.contains(&"--stage")),
        )
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap()
}

/// The lines of the log, without their times and without what is drawn at random.
fn log(output: &Output) -> Vec<String> {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = log.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("Execution log for request ")
    );
    lines
        .map(|line| {
            let (time, text) = line.split_once(" : ").unwrap();
            assert!(time.contains(" UTC "), "{line}");
            text.to_owned()
        })
        .collect()
}

#[test]
fn a_mock_is_told_line_by_line_as_aws_does() {
    let output = invoke(None, &["GET", "/pets/123?foo=bar"]);
    let lines = log(&output);
    assert!(
        lines[0].starts_with("Starting execution for request: "),
        "{lines:?}"
    );
    let expected = [
        "HTTP Method: GET, Resource Path: /pets/123",
        "Method request path: {petId=123}",
        "Method request query string: {foo=bar}",
        "Method request headers: {}",
        "Method request body before transformations: ",
        "Method response body after transformations: {\"petId\": \"123\"}",
    ];
    assert_eq!(lines[1..7], expected);
    assert!(
        lines[7].starts_with("Method response headers: {"),
        "{lines:?}"
    );
    assert!(
        lines[7].contains("content-type=application/json"),
        "{lines:?}"
    );
    let end = [
        "Successfully completed execution",
        "Method completed with status: 200",
    ];
    assert_eq!(lines[8..], end);
}

#[test]
fn a_back_end_is_called_and_what_it_sees_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let answer =
            b"HTTP/1.1 503 Service Unavailable\r\nx-reason: tired\r\ncontent-length: 2\r\n\r\nok";
        reader.get_mut().write_all(answer).unwrap();
        String::from_utf8(body).unwrap()
    });
    let output = invoke(Some(address), &["--body", "pet.json", "POST", "/pets/1"]);
    assert_eq!(served.join().unwrap(), "<pet>Ada</pet>");
    let lines = log(&output);
    for expected in [
        "Method request body before transformations: {\"name\": \"Ada\"}".to_owned(),
        format!("Endpoint request URI: http://{address}/pets"),
        "Endpoint request body after transformations: <pet>Ada</pet>".to_owned(),
        format!("Sending request to http://{address}/pets"),
        "Endpoint response headers: {x-reason=tired, content-length=2}".to_owned(),
        "Endpoint response body before transformations: ok".to_owned(),
        "Method response body after transformations: {\"said\": \"ok\"}".to_owned(),
        "Method completed with status: 200".to_owned(),
    ] {
        assert!(lines.contains(&expected), "{expected}: {lines:#?}");
    }
    let received = lines
        .iter()
        .any(|line| line.starts_with("Received response. Status: 503, "));
    assert!(received, "{lines:#?}");
}

#[test]
fn a_failure_is_told_with_its_reason() {
    let lines = log(&invoke(None, &["PUT", "/pets/1"]));
    let reason = lines
        .iter()
        .find(|line| line.starts_with("Execution failed due to "));
    assert!(reason.unwrap().contains("line 1"), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "Method completed with status: 500");

    let lines = log(&invoke(None, &["--body", "pet.json", "POST", "/pets/1"]));
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("Execution failed due to ")),
        "{lines:#?}"
    );
    assert_eq!(lines.last().unwrap(), "Method completed with status: 504");
}

#[test]
fn the_answer_is_aws_s_own_shape() {
    let output = invoke(
        None,
        &["--output", "json", "--body", "none.json", "POST", "/pets/1"],
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["status"], 400);
    assert_eq!(answer["body"], "{\"message\":\"Invalid request body\"}");
    assert_eq!(answer["headers"]["x-amzn-errortype"], "BadRequestException");
    assert_eq!(
        answer["multiValueHeaders"]["content-type"],
        Value::from(vec!["application/json"])
    );
    assert!(answer["latency"].is_u64());
    assert!(
        answer["log"]
            .as_str()
            .unwrap()
            .ends_with("Method completed with status: 400\n")
    );
}

#[test]
fn what_does_not_fit_is_a_misuse() {
    let output = invoke(None, &["GET", "/nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("/nowhere"), "{told}");
}

#[test]
fn the_folder_may_stand_where_the_usage_has_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("attache.yaml"),
        "apis: {pets: {definition: openapi.yaml, stages: {prod: {}}}}\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("openapi.yaml"), DEFINITION).unwrap();
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_attache"))
            .arg("test-invoke")
            .args(arguments)
            .output()
            .unwrap()
    };
    let folder = folder.path().to_str().unwrap();
    for arguments in [
        [
            folder,
            "--api",
            "pets",
            "--stage",
            "prod",
            "GET",
            "/pets/123",
        ],
        [
            "--api",
            "pets",
            "--stage",
            "prod",
            folder,
            "GET",
            "/pets/123",
        ],
        [
            "--api",
            "pets",
            folder,
            "GET",
            "--stage",
            "prod",
            "/pets/123",
        ],
    ] {
        log(&run(&arguments));
    }
    let refused = run(&["--api", "pets", "--stage", "prod", "/pets/123"]);
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("[DIR] METHOD PATH"), "{told}");
}

#[test]
fn a_canary_release_is_tried_when_it_is_asked_for() {
    let body = |arguments: &[&str]| {
        let output = invoke(None, &[arguments, &["GET", "/release"]].concat());
        let lines = log(&output);
        let body = lines
            .iter()
            .find_map(|line| line.strip_prefix("Method response body after transformations: "));
        body.unwrap().to_owned()
    };
    for _ in 0..8 {
        assert_eq!(body(&[]), "[old, false]");
        assert_eq!(body(&["--canary"]), "[new, true]");
    }
    let output = invoke(None, &["--stage", "plain", "--canary", "GET", "/release"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("the stage `plain` has no canary release"),
        "{told}"
    );
}
