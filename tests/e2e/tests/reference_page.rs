//! The page of `attache docs`, as a browser shows it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::path::Path;
use std::process::{Command, Output};

use attache_e2e::{Backend, attache_program, installed, tool};
use serde_json::{Value, json};

/// An API with every kind of authorization, and two plans.
const CONFIGURATION: &str = r#"
account: {id: "111122223333", region: eu-central-1}
apis:
  orders:
    definition: openapi.yaml
    authorizers:
      jwt: {jwksUri: "http://127.0.0.1:9/keys"}
      pool: {}
    stages:
      prod:
        methodSettings:
          "*/*": {throttlingRateLimit: 1000, throttlingBurstLimit: 500}
          "/reports/GET": {throttlingRateLimit: 3, throttlingBurstLimit: 4}
endpoints: {cognito: {url: "http://127.0.0.1:9"}}
usagePlans:
  gold:
    throttle: {rateLimit: 50, burstLimit: 25}
    quota: {limit: 70000, period: MONTH}
    apiStages:
    - {api: orders, stage: prod, throttle: {"/orders/POST": {rateLimit: 7, burstLimit: 8}}}
  trial:
    quota: {limit: 20, period: DAY}
    apiStages: [{api: orders, stage: prod}]
"#;

const DEFINITION: &str = r##"
openapi: 3.0.1
info:
  title: Orders & <more>
  version: "1"
  description: DESCRIPTION
paths:
  /orders:
    get:
      summary: List orders
      security: [{key: []}]
      responses: {"200": {description: Orders, content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}}
      x-amazon-apigateway-integration: &backend {type: http_proxy, httpMethod: ANY, uri: "http://127.0.0.1:9/secret-back-end"}
    post:
      summary: Place an order
      security: [{key: [], pool: [orders/write]}]
      responses: {"201": {description: Placed}}
      x-amazon-apigateway-integration: *backend
  /reports:
    get:
      summary: Read reports
      security: [{sigv4: []}]
      responses: {"200": {description: Reports}}
      x-amazon-apigateway-integration: *backend
  /invoices/{proxy+}:
    get:
      summary: Read invoices
      security: [{jwt: []}]
      responses: {"200": {description: Invoices}}
      x-amazon-apigateway-integration: *backend
    put:
      summary: Replace invoices
      security: [{function: []}]
      responses: {"200": {description: Invoices}}
      x-amazon-apigateway-integration: *backend
components:
  schemas:
    Order: {type: object, required: [item], properties: {item: {type: string}, count: {type: integer, minimum: 1}}}
  securitySchemes:
    key: {type: apiKey, name: x-api-key, in: header}
    sigv4: {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}
    pool:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authtype: cognito_user_pools
      x-amazon-apigateway-authorizer:
        type: cognito_user_pools
        providerARNs: ["arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_ABC"]
    jwt:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authorizer:
        type: jwt
        identitySource: method.request.header.Authorization
        jwtConfiguration: {defaultAlgorithms: [RS256], issuers: [{issuer: "https://issuer.example", audiences: [orders]}]}
    function:
      type: apiKey
      name: X-Token
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer:
        type: token
        authorizerUri: "http://127.0.0.1:9/secret-authorizer"
"##;

/// Runs `attache docs` with a cache of its own.
fn docs(folder: &Path, path: Option<&str>) -> Output {
    let mut command = Command::new(attache_program());
    command
        .args(["docs", "--out", "page.html", "--server"])
        .arg("https://api.example.com")
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env_remove("ATTACHE_REDOC");
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.output().unwrap()
}

/// The rows of the table that begins with these titles.
fn table(page: &Value, titles: &[&str]) -> Vec<Vec<String>> {
    let tables: Vec<Vec<Vec<String>>> = serde_json::from_value(page["tables"].clone()).unwrap();
    let found = tables.iter().find(|table| table[0] == titles);
    assert!(found.is_some(), "{titles:?}: {tables:?}");
    found.unwrap()[1..].to_vec()
}

/// What is on the page of an API whose description is this, as a browser shows it; `None` when there
/// is no browser.
fn shown(folder: &Path, description: &str) -> Option<Value> {
    tool("browser/node_modules/playwright-core", "setup-browser")?;
    let programs = ["chromium", "chromium-browser", "google-chrome"];
    let browser = installed(&programs, "setup-browser")?;
    let node = installed(&["node"], "setup-browser")?;
    let description = Value::from(description).to_string();
    let definition = DEFINITION.replace("DESCRIPTION", &description);
    std::fs::write(folder.join("attache.yaml"), CONFIGURATION).unwrap();
    std::fs::write(folder.join("openapi.yaml"), definition).unwrap();
    let made = docs(folder, None);
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{told}");

    // Node.js looks for packages in the folders above the program.
    let program = tool("browser", "setup-browser")?.join("reference_page.mjs");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/browser/reference_page.mjs");
    std::fs::copy(source, &program).unwrap();
    let mut command = Command::new(node);
    command.arg(&program).arg(folder.join("page.html"));
    command.arg(browser).arg("invoice");
    if let Some(picture) = std::env::var_os("ATTACHE_SCREENSHOT") {
        command.arg(picture);
    }
    let looked = command.output().unwrap();
    let told = String::from_utf8_lossy(&looked.stderr);
    assert!(looked.status.success(), "{told}");
    Some(serde_json::from_slice(&looked.stdout).unwrap())
}

#[test]
fn a_description_runs_nothing_and_fetches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = Backend::answering("a picture");
    let description = format!(
        "<script>console.error('ran')</script><img src='http://{}/a.png' \
         onerror=\"console.error('ran')\"></script><!--<script>-->",
        pictures.address()
    );
    let Some(page) = shown(folder.path(), &description) else {
        return;
    };
    let complaints: Vec<String> = serde_json::from_value(page["complaints"].clone()).unwrap();
    for complaint in complaints {
        let is_the_browser_s = complaint.contains("has been blocked");
        assert!(is_the_browser_s, "{complaint}");
    }
    assert_eq!(pictures.take_seen(), []);
}

#[test]
fn the_page_shows_the_api_and_asks_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(page) = shown(folder.path(), "Orders.") else {
        return;
    };
    let file = folder.path().join("page.html");
    let html = std::fs::read_to_string(&file).unwrap();
    // Redoc itself knows that there are such extensions.
    let (_, definition) = html.split_once("id=\"definition\">").unwrap();
    let (definition, _) = definition.split_once("</script>").unwrap();
    for inner in [
        "x-amazon",
        "arn:aws",
        "secret-back-end",
        "secret-authorizer",
    ] {
        assert!(!definition.contains(inner), "{inner}");
    }
    // The second time, nobody asks npm.
    let again = docs(folder.path(), Some(""));
    assert!(again.status.success(), "{again:?}");
    assert!(html == std::fs::read_to_string(&file).unwrap());

    assert_eq!(page["requests"], json!([]));
    assert_eq!(page["complaints"], json!([]));
    let headings: Vec<String> = serde_json::from_value(page["headings"].clone()).unwrap();
    for heading in [
        "Orders & <more> (1)",
        "Authorization",
        "key",
        "pool",
        "jwt",
        "sigv4",
        "function",
        "Plan limits",
        "Order",
        "List orders",
        "Place an order",
        "Read reports",
        "Read invoices",
        "Replace invoices",
    ] {
        let is_there = headings.iter().any(|found| found.trim() == heading);
        assert!(is_there, "{heading}: {headings:?}");
    }
    assert_eq!(
        table(&page, &["Plan", "Requests a second", "At once", "Quota"]),
        [
            ["gold", "50", "25", "70000 a month (UTC)"],
            ["trial", "unlimited", "unlimited", "20 a day (UTC)"]
        ]
    );
    assert_eq!(
        table(
            &page,
            &["Plan", "Operation", "Requests a second", "At once"]
        ),
        [["gold", "POST /orders", "7", "8"]]
    );
    assert_eq!(
        table(&page, &["Operations", "Requests a second", "At once"]),
        [["all others", "1000", "500"], ["GET /reports", "3", "4"]]
    );
    let text = page["text"].as_str().unwrap();
    for shown in [
        "x-api-key",
        "AWS Signature Version 4 for the service execute-api in the region eu-central-1",
        "A JSON Web Token of https://issuer.example for orders.",
        "A token of the Amazon Cognito user pool",
        "X-Token",
        "The token needs the scope orders/write.",
        "Limits: 3 requests a second and 4 at once for all callers together.",
        "/invoices/{proxy}",
        "item",
        ">= 1",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    let found: Vec<String> = serde_json::from_value(page["found"].clone()).unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
}
