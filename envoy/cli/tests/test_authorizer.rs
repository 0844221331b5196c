//! `attache test-authorizer` as a process: what it decides, what it shows, and whom it calls.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jwt_simple::prelude::{
    Claims, Duration, ECDSAP256KeyPairLike, ECDSAP256PublicKeyLike, ES256KeyPair,
};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A folder with one API of every kind of authorization; its services are at `service`.
fn project(service: SocketAddr) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "attache.yaml",
        &format!(
            "apis:\n  \
               pets:\n    \
                 definition: openapi.yaml\n    \
                 authorizers:\n      \
                   guard: {{url: 'http://{service}/guard', timeoutInMillis: 2000}}\n      \
                   uncached: {{url: 'http://{service}/guard', timeoutInMillis: 2000}}\n      \
                   issuer: {{jwksUri: 'http://{service}/keys'}}\n    \
                 stages: {{prod: {{}}}}\n\
             credentials:\n  \
               AKIAIOSFODNN7EXAMPLE:\n    \
                 secretAccessKeyEnv: ALICE\n    \
                 principal: {{arn: 'arn:aws:iam::000000000000:user/alice'}}\n    \
                 policies:\n      \
                   - {{Version: '2012-10-17', Statement: {{Effect: Allow, Action: 'execute-api:Invoke', Resource: '*'}}}}\n"
        ),
    );
    write("openapi.yaml", DEFINITION);
    folder
}

const DEFINITION: &str = r#"
openapi: 3.0.1
info: {title: Pets, version: "1"}
x-amazon-apigateway-policy:
  Version: "2012-10-17"
  Statement:
    - {Effect: Allow, Principal: "*", Action: "execute-api:Invoke", Resource: ["execute-api:/prod/*/open", "execute-api:/prod/GET/token"]}
    - {Effect: Deny, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*", Condition: {IpAddress: {"aws:SourceIp": "203.0.113.0/24"}}}
paths:
  /pets/{petId}:
    get: &guarded
      security: [{guard: []}]
      x-amazon-apigateway-integration: &backend {type: http_proxy, httpMethod: ANY, uri: "http://127.0.0.1:9/"}
    delete: *guarded
  /uncached:
    get:
      security: [{uncached: []}]
      x-amazon-apigateway-integration: *backend
  /token:
    get:
      security: [{issuer: []}]
      x-amazon-apigateway-integration: *backend
  /signed:
    post:
      x-amazon-apigateway-auth: {type: AWS_IAM}
      x-amazon-apigateway-integration: *backend
  /open:
    get: &open
      x-amazon-apigateway-integration: *backend
  /closed:
    get: *open
components:
  securitySchemes:
    guard:
      type: apiKey
      name: X-Token
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer:
        type: token
        authorizerUri: http://127.0.0.1:9/
        identityValidationExpression: "[a-z]+"
        authorizerResultTtlInSeconds: 60
    uncached:
      type: apiKey
      name: X-Token
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer:
        type: request
        authorizerUri: http://127.0.0.1:9/
        identitySource: method.request.header.X-Token
        authorizerResultTtlInSeconds: 0
    issuer:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authorizer:
        type: jwt
        identitySource: method.request.header.Authorization
        jwtConfiguration:
          defaultAlgorithms: [ES256]
          issuers: [{issuer: "https://issuer.example", audiences: [pets]}]
"#;

/// Nobody listens there.
fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap()
}

/// A service that gives one answer to whoever asks, and tells what it was sent: the first line of
/// each request, and its body. It lives as long as the test.
fn service(status: u16, answer: String) -> (SocketAddr, Receiver<(String, String)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = BufReader::new(connection.unwrap());
            let mut first = String::new();
            connection.read_line(&mut first).unwrap();
            let mut length = 0;
            loop {
                let mut line = String::new();
                connection.read_line(&mut line).unwrap();
                let line = line.trim_end().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            connection.read_exact(&mut body).unwrap();
            let told = (
                first.trim_end().to_owned(),
                String::from_utf8(body).unwrap(),
            );
            let head = format!(
                "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n",
                answer.len()
            );
            let stream = connection.get_mut();
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            if sender.send(told).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
    command
        .arg("test-authorizer")
        .args(arguments)
        .current_dir(folder)
        .env("ALICE", SECRET)
        .env_remove("ATTACHE_SECRETS_KEY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(folder: &Path, input: &str, arguments: &[&str]) -> Output {
    let mut child = command(folder, arguments).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Who reads no standard input may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// The decision about a request to the stage `prod` of `pets`, and the exit code.
fn decide(folder: &Path, input: &str, arguments: &[&str]) -> (Value, Option<i32>) {
    let mut all = vec!["--api", "pets", "--stage", "prod", "--output", "json"];
    all.extend(arguments);
    let output = run(folder, input, &all);
    let decision = serde_json::from_slice(&output.stdout);
    (
        decision.unwrap_or_else(|_| panic!("{all:?}: {output:?}")),
        output.status.code(),
    )
}

fn policy(effect: &str, resource: &str) -> String {
    json!({
        "principalId": "ann",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource},
                {"Action": "s3:GetObject", "Effect": "Allow", "Resource": "*"},
            ],
        },
        "context": {"tier": "gold", "limit": 3},
        "usageIdentifierKey": "a-key-that-is-not-shown",
    })
    .to_string()
}

const READ_PETS: &str = "arn:aws:execute-api:us-east-1:*:pets/prod/GET/pets/*";

#[test]
fn an_authorizer_is_asked_and_everything_about_it_is_told() {
    let (address, asked) = service(200, policy("Allow", READ_PETS));
    let folder = project(address);
    let arguments = ["--header", "X-Token: secret", "GET", "/pets/7?limit=2"];
    let (decision, code) = decide(folder.path(), "", &arguments);
    assert_eq!(code, Some(0), "{decision:#}");
    let (line, body) = asked.recv().unwrap();
    assert_eq!(line, "POST /guard HTTP/1.1");
    assert_eq!(
        decision["event"],
        serde_json::from_str::<Value>(&body).unwrap()
    );
    let arn = "arn:aws:execute-api:us-east-1:000000000000:pets/prod/GET/pets/7";
    assert_eq!(
        decision["event"],
        json!({"type": "TOKEN", "authorizationToken": "secret", "methodArn": arn})
    );
    assert_eq!(
        decision["request"],
        json!({
            "api": "pets",
            "stage": "prod",
            "operation": "GET /pets/{petId}",
            "sourceIp": "127.0.0.1",
            "methodArn": arn,
        })
    );
    assert_eq!(
        decision["authorization"],
        json!({"type": "CUSTOM", "authorizer": "guard"})
    );
    let identity = &decision["identity"];
    assert_eq!(
        identity["sources"],
        json!([{"source": "method.request.header.X-Token", "value": "secret"}])
    );
    assert_eq!(identity["ttlInSeconds"], 60);
    assert_eq!(identity["cacheKey"].as_str().unwrap().len(), 64);
    let calls = decision["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["status"], 200);
    assert_eq!(calls[0]["url"], format!("http://{address}/guard"));
    assert!(calls[0]["milliseconds"].is_u64());
    assert_eq!(
        decision["result"],
        json!({
            "principalId": "ann",
            "context": {"tier": "gold", "limit": "3"},
            "hasUsageIdentifierKey": true,
        })
    );
    let evaluation = &decision["evaluation"];
    let statements = evaluation["caller"]["statements"].as_array().unwrap();
    let applies: Vec<_> = statements.iter().map(|said| &said["applies"]).collect();
    assert_eq!(applies, [&json!(true), &json!(false)]);
    assert_eq!(statements[0]["statement"]["Resource"], READ_PETS);
    assert_eq!(evaluation["caller"]["verdict"], "allow");
    assert_eq!(evaluation["resourcePolicy"]["verdict"], "implicitDeny");
    assert_eq!(evaluation["verdict"], "allow");
    assert_eq!(decision["answer"], json!({"allowed": true}));
    assert!(!decision.to_string().contains("a-key-that-is-not-shown"));

    // The same caller on another method: the same key, and another verdict.
    let arguments = ["--header", "X-Token: secret", "DELETE", "/pets/7"];
    let (denied, code) = decide(folder.path(), "", &arguments);
    assert_eq!(code, Some(1));
    assert_eq!(denied["identity"]["cacheKey"], identity["cacheKey"]);
    assert_eq!(denied["evaluation"]["verdict"], "implicitDeny");
    assert_eq!(denied["answer"]["status"], 403);
}

#[test]
fn a_given_answer_is_judged_without_a_call() {
    let folder = project(nowhere());
    let unauthorized = r#"{"message":"Unauthorized"}"#;
    let failed = r#"{"message":null}"#;
    let denied = r#"{"Message":"User is not authorized to access this resource"}"#;
    let explicitly = r#"{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}"#;
    for (path, answer, status, body, fault) in [
        ("/pets/7", policy("Allow", READ_PETS), None, None, None),
        (
            "/uncached",
            policy("Allow", READ_PETS),
            Some(403),
            Some(denied),
            None,
        ),
        (
            "/pets/7",
            policy("Deny", READ_PETS),
            Some(403),
            Some(explicitly),
            None,
        ),
        (
            "/pets/7",
            r#"{"errorMessage": "Unauthorized"}"#.to_owned(),
            Some(401),
            Some(unauthorized),
            Some("the function failed: Unauthorized"),
        ),
        (
            "/pets/7",
            "{}".to_owned(),
            Some(500),
            Some(failed),
            Some("`principalId` is missing or not a string"),
        ),
        (
            "/pets/7",
            "no JSON".to_owned(),
            Some(500),
            Some(failed),
            Some("the answer is not a JSON object"),
        ),
    ] {
        let file = folder.path().join("answer.json");
        std::fs::write(&file, &answer).unwrap();
        for (given, input) in [("answer.json", ""), ("-", answer.as_str())] {
            let arguments = ["--header", "X-Token: a", "--result", given, "GET", path];
            let (decision, code) = decide(folder.path(), input, &arguments);
            let told = &decision["answer"];
            assert_eq!(code, Some(i32::from(status.is_some())), "{decision:#}");
            assert_eq!(told["status"], json!(status), "{decision:#}");
            assert_eq!(told["body"], json!(body));
            assert_eq!(decision["result"]["fault"], json!(fault));
            assert_eq!(decision["calls"][0]["milliseconds"], Value::Null);
            assert!(decision["event"].is_object());
        }
    }
}

#[test]
fn an_authorizer_that_does_not_answer_lets_nobody_in() {
    let (address, _asked) = service(503, String::new());
    for (address, fault) in [
        (address, "the authorizer answered 503"),
        (nowhere(), "the authorizer did not answer: "),
    ] {
        let folder = project(address);
        let arguments = ["--header", "X-Token: a", "GET", "/pets/7"];
        let (decision, code) = decide(folder.path(), "", &arguments);
        assert_eq!(code, Some(1));
        assert_eq!(decision["answer"]["status"], 500);
        assert_eq!(
            decision["answer"]["headers"]["x-amzn-errortype"],
            "AuthorizerFailureException"
        );
        let told = decision["result"]["fault"].as_str().unwrap();
        assert!(told.starts_with(fault), "{told}");
    }
}

#[test]
fn nobody_is_asked_about_a_request_that_is_refused_anyway() {
    let folder = project(nowhere());
    for (arguments, status) in [
        (&["GET", "/pets/7"] as &[&str], 401),
        (&["--header", "X-Token: 42", "GET", "/pets/7"], 401),
        (
            &[
                "--header",
                "X-Token: a",
                "--source-ip",
                "203.0.113.9",
                "GET",
                "/pets/7",
            ],
            403,
        ),
    ] {
        let (decision, code) = decide(folder.path(), "", arguments);
        assert_eq!(code, Some(1));
        assert_eq!(decision["answer"]["status"], status, "{decision:#}");
        assert!(decision.get("calls").is_none() && decision.get("event").is_none());
        let refused_by_policy = decision["evaluation"]["verdict"] == "explicitDeny";
        assert_eq!(refused_by_policy, status == 403);
        assert_eq!(decision["identity"]["fault"].is_string(), status == 401);
    }
}

#[test]
fn results_that_are_not_kept_have_no_key() {
    let folder = project(nowhere());
    let arguments = [
        "--header",
        "X-Token: a",
        "--result",
        "-",
        "GET",
        "/uncached",
    ];
    let (decision, _) = decide(folder.path(), &policy("Allow", "*"), &arguments);
    assert_eq!(decision["identity"]["cacheKey"], Value::Null);
    assert_eq!(decision["event"]["type"], "REQUEST");
    assert_eq!(
        decision["event"]["requestContext"]["identity"]["sourceIp"],
        "127.0.0.1"
    );
}

#[test]
fn an_open_operation_is_a_matter_of_the_resource_policy() {
    let folder = project(nowhere());
    for (arguments, verdict) in [
        (&["GET", "/open"] as &[&str], "allow"),
        (&["GET", "/closed"], "implicitDeny"),
        (
            &["--source-ip", "203.0.113.9", "GET", "/open"],
            "explicitDeny",
        ),
    ] {
        let (decision, code) = decide(folder.path(), "", arguments);
        assert_eq!(decision["evaluation"]["verdict"], verdict);
        assert_eq!(code, Some(i32::from(verdict != "allow")));
        assert_eq!(decision["authorization"], json!({"type": "NONE"}));
    }
}

#[test]
fn a_token_is_verified_with_the_keys_of_its_issuer() {
    let key = ES256KeyPair::generate().with_key_id("one");
    let point = key.public_key().public_key().to_bytes_uncompressed();
    let (x, y) = point[1..].split_at(32);
    let keys = json!({"keys": [{
        "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "alg": "ES256",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    }]});
    let (address, asked) = service(200, keys.to_string());
    let folder = project(address);
    let claims = |audience: &str| {
        Claims::create(Duration::from_hours(1))
            .with_issuer("https://issuer.example")
            .with_subject("42")
            .with_audience(audience)
    };
    for (audience, status, fault) in [
        ("pets", None, None),
        (
            "others",
            Some(401),
            Some("the token does not have a valid audience"),
        ),
    ] {
        let token = key.sign(claims(audience)).unwrap();
        let header = format!("Authorization: Bearer {token}");
        let (decision, code) = decide(folder.path(), "", &["--header", &header, "GET", "/token"]);
        assert_eq!(decision["answer"]["status"], json!(status), "{decision:#}");
        assert_eq!(code, Some(i32::from(status.is_some())));
        assert_eq!(decision["token"]["fault"], json!(fault));
        if status.is_none() {
            assert_eq!(asked.recv().unwrap().0, "GET /keys HTTP/1.1");
            assert_eq!(decision["token"]["claims"]["sub"], "42");
            assert_eq!(decision["evaluation"]["verdict"], "allow");
            assert_eq!(
                decision["authorization"],
                json!({"type": "JWT", "authorizer": "issuer"})
            );
        }
    }
    let (decision, code) = decide(folder.path(), "", &["GET", "/token"]);
    assert_eq!(code, Some(1));
    assert_eq!(decision["token"]["fault"], "there is no token");
}

/// What is shown as the string to sign is the one: signed with the secret, the request passes.
#[test]
fn a_wrong_signature_is_told_what_should_have_been_signed() {
    let folder = project(nowhere());
    let now = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let date = &now[..8];
    let decide_with = |signature: &str, body: &str| {
        let authorization = format!(
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/{date}/us-east-1/\
             execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        decide(
            folder.path(),
            body,
            &[
                "--header",
                &authorization,
                "--header",
                &format!("X-Amz-Date: {now}"),
                "--body",
                "-",
                "POST",
                "/signed",
            ],
        )
    };
    let (decision, code) = decide_with(&"0".repeat(64), "{}");
    assert_eq!(code, Some(1), "{decision:#}");
    assert_eq!(decision["answer"]["status"], 403);
    let signature = &decision["signature"];
    let canonical = signature["canonicalRequest"].as_str().unwrap();
    assert!(canonical.starts_with("POST\n/prod/signed\n"), "{canonical}");
    assert!(canonical.contains("\nhost:pets.localhost\n"), "{canonical}");

    let mac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let parts = [date, "us-east-1", "execute-api", "aws4_request"];
    let key = parts
        .iter()
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| {
            mac(&key, part)
        });
    let right = mac(&key, signature["stringToSign"].as_str().unwrap());
    let right: String = right.iter().map(|byte| format!("{byte:02x}")).collect();
    let (decision, code) = decide_with(&right, "{}");
    assert_eq!(code, Some(0), "{decision:#}");
    assert_eq!(
        decision["signature"],
        json!({
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "principal": "arn:aws:iam::000000000000:user/alice",
        })
    );
    assert_eq!(decision["evaluation"]["caller"]["verdict"], "allow");
    assert_eq!(decision["evaluation"]["crossAccount"], false);
    assert!(!decision.to_string().contains(SECRET));

    // The body is signed, too.
    let (_, code) = decide_with(&right, "{ }");
    assert_eq!(code, Some(1));
    let (decision, _) = decide(folder.path(), "", &["POST", "/signed"]);
    assert_eq!(decision["signature"]["fault"], "the request is not signed");
}

#[test]
fn people_read_it_in_the_order_in_which_it_was_decided() {
    let folder = project(nowhere());
    let arguments = [
        "--api",
        "pets",
        "--stage",
        "prod",
        "--header",
        "X-Token: a",
        "--result",
        "-",
        ".",
        "GET",
        "/pets/7",
    ];
    let output = run(folder.path(), &policy("Deny", READ_PETS), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    let mut from = 0;
    for part in [
        "Request\n",
        "  operation       GET /pets/{petId}\n",
        "  authorization   Lambda authorizer `guard`\n",
        "\nIdentity\n  method.request.header.X-Token: a\n  cache key       ",
        " (kept for 60 s)\n",
        "\nEvent\n    {\n",
        "\"type\": \"TOKEN\"",
        "\nCalls\n  POST http://127.0.0.1:",
        "not made: its answer was given\n",
        "\nResult\n  principalId     ann\n",
        "\nEvaluation\n  the caller's    explicit deny\n    applies:        {",
        "    does not apply: {",
        "  resource policy implicit deny: nothing allows it\n",
        "  together        explicit deny\n",
        "\nAnswer\n  refused         403\n",
        "with an explicit deny in an identity-based policy\"}\n",
    ] {
        let found = told[from..].find(part);
        let place = found.unwrap_or_else(|| panic!("{part:?} is not in its place:\n{told}"));
        from += place;
    }
}

#[test]
fn what_is_not_there_is_told_with_what_may_have_been_meant() {
    let folder = project(nowhere());
    for (arguments, told) in [
        (
            &["--api", "pet", "--stage", "prod", "GET", "/open"] as &[&str],
            "error: `pet` is no API: did you mean `pets`?",
        ),
        (
            &["--api", "pets", "--stage", "prd", "GET", "/open"],
            "error: `prd` is no stage of `pets`: did you mean `prod`?",
        ),
        (
            &["--api", "pets", "--stage", "prod", "GET", "/opne"],
            "error: `GET /opne` is no operation of `pets`: did you mean `GET /open`?",
        ),
        (
            &["--api", "pets", "--stage", "prod", "get", "/open"],
            "error: `get` is no method: did you mean `GET`?",
        ),
        (
            &["--api", "pets", "--stage", "prod", "GET", "open"],
            "error: `open` is not a path: it begins with a slash",
        ),
        (
            &[
                "--api", "pets", "--stage", "prod", "--header", "X", "GET", "/open",
            ],
            "error: `X` is not a header field: write `Name: value`",
        ),
        (
            &[
                "--api", "pets", "--stage", "prod", "--result", "-", "GET", "/open",
            ],
            "error: `--result` is what a Lambda authorizer answers",
        ),
        (
            &[
                "--api", "pets", "--stage", "prod", "--result", "-", "--body", "-", "GET", "/open",
            ],
            "error: standard input is either `--body` or `--result`",
        ),
        (&["--api", "pets", "--stage", "prod", "GET"], "error: "),
    ] {
        let output = run(folder.path(), "", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(told), "{said}");
    }
    let arguments = [
        "--api", "pets", "--stage", "prod", "nowhere", "GET", "/open",
    ];
    let output = run(folder.path(), "", &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stderr.is_empty());
}
