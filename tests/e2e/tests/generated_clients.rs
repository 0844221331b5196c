//! Clients that `attache sdk` has made, against a gateway that runs.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use attache_e2e::{
    Attache, Backend, Operation, Project, Service, attache_program, definition_with, installed,
    tool,
};
use serde_json::{Value, json};

const SECRET: &str = "secret-of-ada/0123456789+0123456789abcde";
const ACCESS_KEY: &str = "AKIAADAEXAMPLE000001";

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/sdk")
}

/// What a program writes, in JSON.
fn output(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Has a client made; what the command says it wrote.
fn generate(project: &Project, language: &str, generator: &Path, out: &Path) -> Value {
    let mut command = Command::new(attache_program());
    command.arg("sdk").arg(project.path());
    command.args(["--language", language, "--output", "json"]);
    output(
        command
            .arg("--generator")
            .arg(generator)
            .arg("--out")
            .arg(out),
    )
}

#[test]
fn a_client_in_python_shows_its_key() {
    let Some(generator) = tool("sdk/bin/openapi-generator-cli", "setup-sdk") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = Service::of_example("petstore", "/status");
    let project = Project::of_example("petstore", Some(store.address()));
    let written = generate(&project, "python", &generator, folder.path());
    assert_eq!(
        (&written["api"], &written["stage"], &written["signs"]),
        (&json!("petstore"), &json!("prod"), &json!(false))
    );
    for file in written["files"].as_array().unwrap() {
        assert!(Path::new(file.as_str().unwrap()).exists(), "{file}");
    }

    let attache = Attache::serve(project.path(), &[]);
    let results = output(
        Command::new(tool("sdk/bin/python", "setup-sdk").unwrap())
            .arg(clients().join("call_petstore.py"))
            .arg(format!("http://{}/prod", attache.address()))
            .arg("acme-example-key-0123456789")
            .env("PYTHONPATH", folder.path()),
    );
    let forbidden = json!({"status": 403, "body": {"message": "Forbidden"}});
    assert_eq!(
        results,
        json!({
            "default": "http://127.0.0.1:8080/prod",
            "open": 200,
            "without": forbidden,
            "wrong": forbidden,
            "cats": [["Misty", "Pet"]],
            "added": 201,
            "dogs": results["dogs"],
        })
    );
    let dogs = results["dogs"].as_array().unwrap();
    assert!(dogs.contains(&json!("Rex")), "{dogs:?}");
}

/// An API that asks for signatures, and for nothing else.
fn signed(backend: &Backend) -> Project {
    let to = |path: &str| format!("http://{}{path}", backend.address());
    let operation = |method: &str, path: &str, id: &str| {
        Operation::new(method, path, &to(path))
            .secured("sigv4", &[])
            .field("operationId", id)
    };
    let body = json!({"content": {"application/json": {"schema": {
        "type": "object", "properties": {"name": {"type": "string"}},
    }}}});
    let parameter = json!([{
        "name": "type", "in": "query", "required": true, "schema": {"type": "string"},
    }]);
    let operations = [
        operation("GET", "/pets", "listPets").field("parameters", parameter),
        operation("POST", "/pets", "addPet").field("requestBody", body),
    ];
    let schemes = json!({"sigv4": {
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
    }});
    let allowed = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Action": "execute-api:Invoke",
            "Resource": "arn:aws:execute-api:us-east-1:111122223333:*",
        }],
    });
    let configuration = json!({
        "accessLog": "off",
        "account": {"id": "111122223333", "region": "us-east-1"},
        "apis": {"pets": {"definition": "openapi.json", "stages": {"prod": {}}}},
        "credentials": {ACCESS_KEY: {
            "secretAccessKeyFile": "secret",
            "principal": {"arn": "arn:aws:iam::111122223333:user/ada"},
            "policies": [allowed],
        }},
    });
    let project = Project::new(
        &configuration.to_string(),
        &definition_with(&operations, &schemes, &json!({})),
    );
    project.write("secret", SECRET);
    project
}

#[test]
fn a_client_in_typescript_signs() {
    let Some(generator) = tool("sdk/bin/openapi-generator-cli", "setup-sdk") else {
        return;
    };
    let Some(bundler) = tool("sdk/node_modules/.bin/esbuild", "setup-sdk") else {
        return;
    };
    let Some(node) = installed(&["node"], "setup-sdk") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let client = folder.path().join("client");
    let backend = Backend::answering("pets");
    let project = signed(&backend);
    let written = generate(&project, "typescript-axios", &generator, &client);
    assert_eq!(written["signs"], json!(true));
    // npm reads it, which the generator alone does not see to.
    let package = std::fs::read_to_string(client.join("package.json")).unwrap();
    let package: Value = serde_json::from_str(&package).unwrap();
    assert!(
        package["dependencies"]["aws4-axios"].is_string(),
        "{package}"
    );

    let program = folder.path().join("call_signed.js");
    let bundled = Command::new(&bundler)
        .arg(clients().join("call_signed.ts"))
        .args(["--bundle", "--platform=node", "--log-level=error"])
        .arg(format!(
            "--alias:client={}",
            client.join("index.ts").display()
        ))
        .arg(format!("--outfile={}", program.display()))
        .env("NODE_PATH", bundler.ancestors().nth(2).unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&bundled.stderr);
    assert!(bundled.status.success(), "{told}");

    let attache = Attache::serve(project.path(), &[]);
    let statuses = |secret: &str| {
        output(
            Command::new(&node)
                .arg(&program)
                .arg(format!("http://{}/prod", attache.address()))
                .args([ACCESS_KEY, secret]),
        )
    };
    assert_eq!(statuses(SECRET), json!([200, 200, 200, 200]));
    assert_eq!(backend.take_seen().len(), 4);
    assert_eq!(statuses("not-the-secret"), json!([403, 403, 403, 403]));
    assert_eq!(backend.take_seen(), []);
}
