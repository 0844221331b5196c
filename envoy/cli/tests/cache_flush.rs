//! `attache cache flush` as a process: what it asks of a gateway, and what it tells of the answer.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output};
use std::thread::{self, JoinHandle};

use attache::running::Running;
use attache_model::Secret;

const TOKEN: &str = "secret-token-0123456789";

const CONFIGURATION: &str = "
apis:
  petstore:
    definition: openapi.yaml
    stages:
      prod: {cacheCluster: {enabled: true}, methodSettings: {'*/*': {cachingEnabled: true}}}
      dev: {}
";

/// A folder with an `attache.yaml`, and what it says of the management API.
fn folder(management: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{CONFIGURATION}{management}\n");
    std::fs::write(folder.path().join("attache.yaml"), text).unwrap();
    std::fs::write(folder.path().join("token.txt"), format!("{TOKEN}\n")).unwrap();
    folder
}

/// The command, in a world of its own.
fn flush(folder: &Path, arguments: &[&str], token: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
    command
        .args(["cache", "flush"])
        .args(arguments)
        .current_dir(folder)
        .env("XDG_RUNTIME_DIR", folder)
        .env_remove("ATTACHE_MANAGEMENT_TOKEN");
    if let Some(token) = token {
        command.env("ATTACHE_MANAGEMENT_TOKEN", token);
    }
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains(TOKEN), "{said}");
    said
}

/// A gateway that answers one request, and the lines of its head.
struct Gateway {
    address: SocketAddr,
    asked: JoinHandle<Vec<String>>,
}

impl Gateway {
    fn answering(status: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = format!(
            "HTTP/1.1 {status}\r\nlocation: /elsewhere\r\ncontent-length: {}\r\nconnection: \
             close\r\n\r\n{body}",
            body.len()
        );
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let head = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .collect();
            stream.write_all(answer.as_bytes()).unwrap();
            head
        });
        Self { address, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The request line and the header fields, but for `host`.
    fn asked(self) -> (String, Vec<String>) {
        let mut lines = self.asked.join().unwrap();
        let first = lines.remove(0);
        lines.retain(|line| !line.to_lowercase().starts_with("host:"));
        lines.sort();
        (first, lines)
    }
}

const STAGE: &[&str] = &["--api", "petstore", "--stage", "prod"];

#[test]
fn a_stage_a_method_and_a_key_can_be_flushed() {
    let folder = folder("managementApi: {tokenFile: token.txt}");
    let authorization = format!("authorization: Bearer {TOKEN}");
    for (arguments, query, headers, wanted) in [
        (&[] as &[&str], "", &[] as &[&str], "all responses"),
        (&["--method", "*/*"], "", &[], "all responses"),
        // As AWS writes it, and at the root.
        (
            &["--method", "~1pets/GET"],
            "?method=/pets/GET",
            &[],
            "the responses of `/pets/GET`",
        ),
        (
            &["--method", "/GET"],
            "?method=//GET",
            &[],
            "the responses of `//GET`",
        ),
        (
            &["--method", "/pets/{petId}/GET"],
            "?method=/pets/%7BpetId%7D/GET",
            &[],
            "the responses of `/pets/{petId}/GET`",
        ),
        (
            &["--key", "/pets?page=2&size=a%20b"],
            "?path=/pets%3Fpage%3D2%26size%3Da%2520b&verb=GET",
            &[],
            "the response to `GET /pets?page=2&size=a%20b`",
        ),
        (
            &[
                "--key",
                "/pets",
                "--verb",
                "POST",
                "--header",
                "accept-language: de, fr",
                "--header",
                "x-tenant:7",
            ],
            "?path=/pets&verb=POST",
            &["accept-language: de, fr", "x-tenant: 7"],
            "the response to `POST /pets`",
        ),
    ] {
        let gateway = Gateway::answering("202 Accepted", "");
        let url = gateway.url();
        let output = flush(
            folder.path(),
            &[STAGE, &["--url", &format!("{url}/")], arguments].concat(),
            None,
        );
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(
            told(&output),
            format!("flushed {wanted} from the cache of petstore (prod) at {url}/\n")
        );
        let (first, found) = gateway.asked();
        assert_eq!(
            first,
            format!("DELETE /restapis/petstore/stages/prod/cache/data{query} HTTP/1.1")
        );
        // Nothing else may become a part of the key.
        let mut wanted: Vec<&str> = headers.to_vec();
        wanted.push(&authorization);
        wanted.sort_unstable();
        assert_eq!(found, wanted);
    }
}

#[test]
fn programs_are_told_as_json() {
    let folder = folder("");
    for (what, method, key, path) in [
        (
            &["--key", "/pets"][..],
            Some("GET"),
            Some("/pets"),
            "data?path=/pets&verb=GET",
        ),
        (&["--authorizers"], None, None, "authorizers"),
    ] {
        let gateway = Gateway::answering("202 Accepted", "");
        let url = gateway.url();
        let arguments = ["--url", &url, "--output", "json"];
        let output = flush(
            folder.path(),
            &[STAGE, &arguments, what].concat(),
            Some(&format!(" {TOKEN}\n")),
        );
        let printed: serde_json::Value = serde_json::from_str(&told(&output)).unwrap();
        assert_eq!(
            printed,
            serde_json::json!({
                "api": "petstore", "stage": "prod", "method": method, "key": key,
                "authorizers": key.is_none(), "url": url, "status": 202,
            })
        );
        let (first, _) = gateway.asked();
        assert_eq!(
            first,
            format!("DELETE /restapis/petstore/stages/prod/cache/{path} HTTP/1.1")
        );
    }
}

#[test]
fn a_gateway_that_runs_is_found_with_its_token() {
    let folder = folder("");
    let gateway = Gateway::answering("202 Accepted", "");
    let none = flush(folder.path(), STAGE, None);
    assert_eq!(none.status.code(), Some(1));
    assert!(told(&none).contains("no token of the management API is known"));

    // What `attache run` leaves, in the folder where the command looks for it.
    let runtime = folder.path().join("attache");
    assert!(runtime.is_dir(), "made when it was looked into");
    let running = Running::at(gateway.address, Some(Secret::new(TOKEN.to_owned())));
    let configuration = folder.path().join("attache.yaml");
    let announced = running.announce_in(&runtime, &configuration).unwrap();
    let output = flush(folder.path(), STAGE, None);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (_, headers) = gateway.asked();
    assert_eq!(headers, [format!("authorization: Bearer {TOKEN}")]);

    // The process was killed: nobody listens there any more.
    let output = flush(folder.path(), STAGE, None);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = told(&output);
    assert!(said.contains("cannot be reached"), "{said}");
    assert!(said.contains("is it running?"), "{said}");
    drop(announced);
}

#[test]
fn a_refusal_says_what_to_do() {
    let folder = folder("managementApi: {tokenFile: token.txt}");
    for (status, body, wanted) in [
        (
            "403 Forbidden",
            r#"{"message":"Forbidden"}"#,
            &["refuses the token (status 403: Forbidden)", "--token-file"] as &[&str],
        ),
        (
            "404 Not Found",
            r#"{"message":"no \u001b[31msuch stage"}"#,
            &["(status 404: no [31msuch stage)", "does it serve this API"],
        ),
        (
            "503 Service Unavailable",
            "<html>",
            &["cannot say that it has forgotten (status 503)", "try again"],
        ),
        // The token is for this gateway alone.
        (
            "307 Temporary Redirect",
            "",
            &["answered with status 307\n"],
        ),
    ] {
        let gateway = Gateway::answering(status, body);
        let url = gateway.url();
        let output = flush(folder.path(), &[STAGE, &["--url", &url]].concat(), None);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(output.stdout.is_empty());
        let said = told(&output);
        for wanted in wanted {
            assert!(said.contains(wanted), "{said}");
        }
        gateway.asked();
    }
}

#[test]
fn a_token_that_is_not_known_is_asked_for() {
    const NOWHERE: &str = "http://127.0.0.1:9";
    for (management, arguments, token, wanted) in [
        (
            "",
            &[] as &[&str],
            None,
            &[
                "no token",
                "start the gateway with `attache run`",
                "--token-file",
            ] as &[&str],
        ),
        (
            "",
            &["--url", NOWHERE],
            None,
            &["no token", "ATTACHE_MANAGEMENT_TOKEN", "--token-file"],
        ),
        (
            "managementApi: {tokenSha256: 5E884898DA28047151D0E56F8DC6292773603D0D6AABBDD62A11EF721D1542D8}",
            &[],
            None,
            &["only the SHA-256", "--token-file"],
        ),
        (
            "managementApi: {tokenFile: none.txt}",
            &[],
            None,
            &["none.txt` cannot be read"],
        ),
        (
            "managementApi: {tokenFile: token.txt}",
            &["--token-file", "attache.yaml"],
            None,
            &["`attache.yaml` does not hold a token"],
        ),
        (
            "",
            &[],
            Some("two words"),
            &["`ATTACHE_MANAGEMENT_TOKEN` does not hold"],
        ),
        // What is given goes before what the configuration says.
        (
            "managementApi: {tokenFile: none.txt}",
            &["--url", NOWHERE],
            Some(TOKEN),
            &["cannot be reached"],
        ),
    ] {
        let folder = folder(management);
        let output = flush(folder.path(), &[STAGE, arguments].concat(), token);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = told(&output);
        for wanted in wanted {
            assert!(said.contains(wanted), "{said}");
        }
    }
}

#[test]
fn arguments_that_fit_nothing_are_misuse() {
    let folder = folder("managementApi: {tokenFile: token.txt}");
    for (arguments, wanted) in [
        (
            &["--api", "petstor", "--stage", "prod"] as &[&str],
            "`petstor` is no API: did you mean `petstore`?",
        ),
        (
            &["--api", "petstore", "--stage", "test"],
            "`test` is no stage of `petstore`: there is `dev`, `prod`",
        ),
        (
            &["--api", "petstore", "--stage", "dev"],
            "the stage `dev` of `petstore` has no cache",
        ),
        (&["--api", "petstore"], "--stage"),
        (
            &["--api", "petstore", "--stage", "prod", "--method", "pets"],
            "`pets` names no method",
        ),
        (
            &["--api", "petstore", "--stage", "prod", "--key", "pets"],
            "is no path",
        ),
        (
            &[
                "--api",
                "petstore",
                "--stage",
                "prod",
                "--key",
                "/prod/pets",
            ],
            "begins with the stage",
        ),
        (
            &["--api", "petstore", "--stage", "prod", "--header", "a: b"],
            "--key",
        ),
        (
            &["--api", "petstore", "--stage", "prod", "--verb", "POST"],
            "--key",
        ),
        (
            &[
                "--api",
                "petstore",
                "--stage",
                "prod",
                "--method",
                "/pets/GET",
                "--key",
                "/pets",
            ],
            "cannot be used with",
        ),
        (
            &[
                "--api",
                "petstore",
                "--stage",
                "prod",
                "--key",
                "/pets",
                "--header",
                "Authorization: x",
            ],
            "flush the whole method",
        ),
        (
            &["--api", "petstore", "--stage", "prod", "--url", "gateway"],
            "is not the address of a gateway",
        ),
        (
            &[
                "--api",
                "petstore",
                "--stage",
                "prod",
                "--url",
                "http://user@gateway",
            ],
            "is not the address of a gateway",
        ),
    ] {
        let output = flush(folder.path(), arguments, None);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = told(&output);
        assert!(said.contains(wanted), "{said}");
    }
}
