use attache_model::{Protocol, RequestValidation};

use crate::diagnostic::Severity;
use crate::openapi::ImportedOperation;
use crate::openapi::tests::{clean, expect, findings, run};

const OPERATION: &str = "/paths/~1a~1{id}/post";

/// Validators, and one operation with parameters at both levels and bodies of two types.
const OPENAPI_3: &str = "
openapi: 3.0.1
info: {title: t}
x-amazon-apigateway-request-validators:
  all: {validateRequestBody: true, validateRequestParameters: true}
  body: {validateRequestBody: true}
  parameters: {validateRequestBody: false, validateRequestParameters: true}
  none: {validateRequestBody: false, validateRequestParameters: false}
ROOT
components:
  parameters:
    Trace: {in: header, name: X-Trace, required: true}
  requestBodies:
    Pet: {content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}, text/csv: {}, text/xml: {schema: {$ref: '#/components/schemas/Empty'}}}}
  schemas:
    Pet: {type: object}
    Empty: {type: object, title: Empty Schema}
paths:
  /a/{id}:
    parameters:
    - {in: path, name: id, required: true}
    - {in: query, name: page, required: true}
    - {in: query, name: size, required: true}
    post:
      parameters:
      - {in: query, name: page}
      - {in: cookie, name: c, required: true}
      - {$ref: '#/components/parameters/Trace'}
      requestBody: {$ref: '#/components/requestBodies/Pet'}
      OPERATION
      x-amazon-apigateway-integration: {type: http_proxy, uri: 'http://b'}
";

fn document(root: &str, operation: &str) -> String {
    OPENAPI_3
        .replace("ROOT", root)
        .replace("OPERATION", operation)
}

fn chosen(name: &str) -> String {
    match name {
        "" => String::new(),
        name => format!("x-amazon-apigateway-request-validator: {name}"),
    }
}

fn read(root: &str, operation: &str) -> ImportedOperation {
    clean(&document(&chosen(root), &chosen(operation)), Protocol::Rest)
        .operations
        .remove(0)
}

fn summary(validation: &RequestValidation) -> (Vec<&str>, Vec<(&str, &str)>) {
    (
        validation
            .required_parameters
            .iter()
            .map(String::as_str)
            .collect(),
        validation
            .request_models
            .iter()
            .map(|model| (model.content_type.as_str(), model.model.as_str()))
            .collect(),
    )
}

#[test]
fn a_validator_says_what_a_request_must_have() {
    let parameters = vec![
        "method.request.header.X-Trace",
        "method.request.path.id",
        "method.request.querystring.size",
    ];
    let models = vec![("application/json", "Pet")];
    for (root, operation, wanted) in [
        ("", "", (vec![], vec![])),
        ("all", "", (parameters.clone(), models.clone())),
        ("", "all", (parameters.clone(), models.clone())),
        ("none", "body", (vec![], models)),
        ("all", "parameters", (parameters, vec![])),
        ("all", "none", (vec![], vec![])),
    ] {
        let imported = read(root, operation);
        assert_eq!(
            summary(&imported.operation.request_validation),
            wanted,
            "{root} {operation}"
        );
    }
}

#[test]
fn what_is_required_knows_its_place() {
    let imported = read("all", "");
    for (part, pointer) in [
        ("requiredParameters/0", "/components/parameters/Trace"),
        ("requiredParameters/1", "/paths/~1a~1{id}/parameters/0"),
        (
            "requestModels/0",
            "/components/requestBodies/Pet/content/application~1json/schema",
        ),
    ] {
        let place = imported.places.of(&format!("/requestValidation/{part}"));
        assert_eq!(place.pointer, pointer);
    }
}

#[test]
fn openapi_2_has_one_body_for_all_types() {
    let text = "
swagger: '2.0'
info: {title: t}
CONSUMES
x-amazon-apigateway-request-validators: {body: {validateRequestBody: true}}
x-amazon-apigateway-request-validator: body
definitions: {Pet: {type: object}}
paths:
  /a:
    post:
      OWN
      parameters:
      - {in: body, name: pet, required: true, schema: {$ref: '#/definitions/Pet'}}
      x-amazon-apigateway-integration: {type: http_proxy, uri: 'http://b'}
";
    for (root, own, wanted) in [
        ("", "", vec!["application/json"]),
        ("consumes: [a/b, c/d]", "", vec!["a/b", "c/d"]),
        ("consumes: [a/b]", "consumes: [e/f]", vec!["e/f"]),
        ("", "consumes: []", vec!["application/json"]),
    ] {
        let text = text.replace("CONSUMES", root).replace("OWN", own);
        let api = clean(&text, Protocol::Rest);
        let validation = &api.operations[0].operation.request_validation;
        let (_, models) = summary(validation);
        let types: Vec<_> = models
            .iter()
            .map(|(content_type, _)| *content_type)
            .collect();
        assert_eq!(types, wanted);
        assert!(models.iter().all(|(_, model)| *model == "Pet"));
    }
}

#[test]
fn a_validator_that_is_none_is_an_error() {
    let key = "/x-amazon-apigateway-request-validator";
    let lost = document("", &chosen("nothing"));
    let finding = ("unknown-request-validator", key, "`nothing`");
    expect(&lost, Protocol::Rest, Severity::Error, OPERATION, finding);
    let lost = document(&chosen("nothing"), "")
        + "    get: {x-amazon-apigateway-integration: {type: http_proxy, uri: 'http://b'}}\n";
    expect(&lost, Protocol::Rest, Severity::Error, "", finding);
    let (api, _) = run("api.yaml", &lost, Protocol::Rest);
    assert!(api.unwrap().operations.is_empty());
    let faulty = document(&chosen("all"), "").replace(
        "validateRequestParameters: true}\n  body",
        "validateRequestParameters: maybe}\n  body",
    );
    let finding = (
        "wrong-kind",
        "/x-amazon-apigateway-request-validators/all/validateRequestParameters",
        "`true` or `false`",
    );
    expect(&faulty, Protocol::Rest, Severity::Error, "", finding);
}

#[test]
fn an_http_api_validates_nothing() {
    let text = document("", &chosen("all"));
    let (api, report) = run("api.yaml", &text, Protocol::Http);
    assert_eq!(findings(&report).len(), 1, "{:?}", findings(&report));
    let found = &report.diagnostics()[0];
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.message.contains("do not validate"));
    let operation = &api.unwrap().operations[0].operation;
    assert!(operation.request_validation.is_empty());
}
