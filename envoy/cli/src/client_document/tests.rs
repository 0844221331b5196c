use std::path::{Path, PathBuf};

use super::{ClientDocument, Selection, operation};
use crate::diagnostic::Report;
use crate::tree::Tree;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(folder: &str, api: Option<&str>) -> Result<ClientDocument, Vec<String>> {
    let selection = Selection {
        path: root().join(folder),
        api: api.map(str::to_owned),
        stage: None,
        server: None,
    };
    let mut report = Report::new();
    ClientDocument::read(&selection, &mut report).ok_or_else(|| {
        let told = report.diagnostics().iter();
        told.map(|diagnostic| diagnostic.message.clone()).collect()
    })
}

/// What each document becomes, as it is kept in `tests/client-documents`.
#[test]
fn documents_are_as_they_were_read_by_somebody() {
    for folder in [
        "examples/petstore",
        "examples/mock",
        "tests/golden/authorizers-of-a-rest-api",
        "tests/golden/authorizers-of-an-http-api",
    ] {
        let mut client = read(folder, None).unwrap();
        client.describe(&[]).unwrap();
        let json = client.document.json().unwrap();
        let name = folder.rsplit('/').next().unwrap();
        let file = root().join(format!("tests/client-documents/{name}.json"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &json).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == json,
            "{} is out of date: read what it becomes with UPDATE_GOLDEN=1",
            file.display()
        );
        // What is the gateway's own is nobody else's business.
        for inner in [
            "x-amazon",
            "arn:aws",
            "integration",
            "stageVariables",
            ":9000",
        ] {
            assert!(!json.contains(inner), "{name}: {inner}");
        }
    }
}

/// Makes a document of a definition and of what is in `attache.yaml` beside `apis`.
fn made(definition: &str, rest: &str) -> ClientDocument {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("openapi.yaml"), definition).unwrap();
    let configuration =
        format!("apis: {{pets: {{definition: openapi.yaml, stages: {{prod: {{}}}}}}}}\n{rest}");
    std::fs::write(folder.path().join("attache.yaml"), configuration).unwrap();
    read(folder.path().to_str().unwrap(), None).unwrap()
}

const MOCK: &str = "x-amazon-apigateway-integration: {type: mock}";

#[test]
fn greedy_parameters_are_plain_ones_unless_one_has_the_path() {
    let document = made(
        &format!(
            "openapi: 3.0.1\ninfo: {{title: pets, version: '1'}}\npaths:\n  \
             '/photos/{{proxy+}}': {{get: {{{MOCK}}}}}\n  \
             '/pets/{{name+}}': {{get: {{{MOCK}}}}}\n  \
             '/pets/{{name}}': {{get: {{{MOCK}}}}}\n"
        ),
        "",
    );
    let paths = document.document.get("paths").unwrap();
    let name = |path: &str| {
        let parameters = paths.at(&[path, "get", "parameters"]).unwrap().items();
        parameters[0].text_of("name").unwrap().to_owned()
    };
    assert_eq!(name("/photos/{proxy}"), "proxy");
    assert_eq!(name("/pets/{name}"), "name");
    assert_eq!(name("/pets/{name+}"), "name+");
}

#[test]
fn preflights_are_left_out_and_other_options_are_not() {
    let document = made(
        &format!(
            "openapi: 3.0.1\ninfo: {{title: pets, version: '1'}}\npaths:\n  \
             /pets:\n    get: {{{MOCK}}}\n    options: {{{MOCK}}}\n  \
             /only: {{options: {{{MOCK}}}}}\n  \
             /asked:\n    options: {{{MOCK}, security: [{{key: []}}]}}\n\
             components: {{securitySchemes: {{key: {{type: apiKey, name: x-api-key, in: header}}}}}}\n"
        ),
        "",
    );
    let paths = document.document.get("paths").unwrap();
    assert!(paths.at(&["/pets", "get"]).is_some());
    assert_eq!(paths.at(&["/pets", "options"]), None);
    assert_eq!(paths.get("/only"), None);
    assert!(paths.at(&["/asked", "options", "security"]).is_some());
}

#[test]
fn models_are_found_in_the_document_alone() {
    let document = made(
        &format!(
            "openapi: 3.0.1\ninfo: {{title: pets, version: '1'}}\npaths:\n  \
             /pets:\n    get:\n      {MOCK}\n      responses: {{'200': {{description: x, content: \
             {{application/json: {{schema: {{$ref: \
             'https://apigateway.amazonaws.com/restapis/abc/models/Pet'}}}}}}}}}}\n\
             components: {{schemas: {{Pet: {{type: object}}}}}}\n"
        ),
        "",
    );
    let json = document.document.json().unwrap();
    assert!(
        json.contains("\"$ref\": \"#/components/schemas/Pet\""),
        "{json}"
    );
    assert!(!json.contains("amazonaws"), "{json}");
}

#[test]
fn limits_are_those_of_the_plans_that_are_asked_for() {
    let definition = format!(
        "openapi: 3.0.1\ninfo: {{title: pets, version: '1', description: Pets.}}\npaths:\n  \
         /pets: {{get: {{security: [{{key: []}}], {MOCK}}}}}\n\
         x-amazon-apigateway-gateway-responses:\n  THROTTLED: {{statusCode: '503'}}\n\
         components: {{securitySchemes: {{key: {{type: apiKey, name: x-api-key, in: header}}}}}}\n"
    );
    let plans = "usagePlans:\n  \
        gold: {throttle: {rateLimit: 0.5, burstLimit: 3}, apiStages: [{api: pets, stage: prod, \
        throttle: {/pets/GET: {rateLimit: 2, burstLimit: 1}}}]}\n  \
        'odd|`name': {quota: {limit: 7, period: WEEK, offset: 1}, apiStages: [{api: pets, stage: \
        prod}]}\n  elsewhere: {apiStages: []}\n";
    let text = |plans_shown: &[&str]| {
        let mut client = made(&definition, plans);
        let shown: Vec<String> = plans_shown.iter().map(|&name| name.to_owned()).collect();
        client.describe(&shown).map(|()| {
            let at = |keys: &[&str]| client.document.at(keys).and_then(Tree::as_text);
            let general = at(&["info", "description"]).unwrap().to_owned();
            let own = at(&["paths", "/pets", "get", "description"]);
            (general, own.map(str::to_owned))
        })
    };
    let (general, own) = text(&[]).unwrap();
    assert!(
        general.starts_with("Pets.\n\n# Authorization\n"),
        "{general}"
    );
    for row in [
        "| `gold` | 0.5 | 3 | unlimited |",
        "| `odd\\| name` | unlimited | unlimited | 7 a week from Monday (UTC) |",
        "| `gold` | `GET /pets` | 2 | 1 |",
        "beyond the rate is refused with status 503, what goes beyond the quota with 429.",
    ] {
        assert!(general.contains(row), "{row}: {general}");
    }
    assert!(!general.contains("elsewhere"), "{general}");
    assert_eq!(
        own.as_deref(),
        Some("Limits: 2 requests a second and 1 at once for keys of `gold`.")
    );
    let (general, own) = text(&["odd|`name"]).unwrap();
    assert!(!general.contains("gold"), "{general}");
    assert_eq!(own, None);
    assert_eq!(
        text(&["elsewhere"]).unwrap_err(),
        "no usage plan `elsewhere` holds the stage: those that do are `gold` and `odd|`name`"
    );
}

#[test]
fn what_is_not_there_is_told() {
    assert_eq!(
        read("tests/golden/everything", None).unwrap_err(),
        ["there are 2 APIs"]
    );
    assert_eq!(
        read("examples/petstore", Some("shop")).unwrap_err(),
        ["there is no API `shop`"]
    );
    let told = read("tests/golden/unknown-field", None).unwrap_err();
    assert!(told[0].contains("is not a setting"), "{told:?}");
    assert_eq!(
        read("tests/golden/no-configuration", None)
            .unwrap_err()
            .len(),
        1
    );
}

#[test]
fn a_method_has_its_own_operation_before_that_of_all() {
    let client = made(
        &format!(
            "openapi: 3.0.1\ninfo: {{title: pets, version: '1'}}\npaths:\n  /pets:\n    \
             x-amazon-apigateway-any-method: {{security: [{{key: []}}], {MOCK}}}\n    \
             get: {{{MOCK}}}\n\
             components: {{securitySchemes: {{key: {{type: apiKey, name: x-api-key, in: header}}}}}}\n"
        ),
        "",
    );
    let api = &client.gateway.apis[0];
    let needs_key = |method| operation(api, "/pets", method).unwrap().1.api_key_required;
    assert!(!needs_key("get"));
    assert!(needs_key("put"));
    assert!(operation(api, "/cats", "get").is_none());
    let security = |method| client.document.at(&["paths", "/pets", method, "security"]);
    assert!(security("get").is_none());
    assert!(security("put").is_some());
}
