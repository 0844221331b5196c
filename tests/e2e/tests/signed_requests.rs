//! AWS's own clients sign requests: what passes, and what is answered when anything was altered.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use attache_e2e::{
    Attache, Backend, Body, Client, Operation, Project, Request, Response, Signer, definition_with,
    sign_all,
};
use serde_json::{Value, json};

const ADA: &str = "AKIAADAEXAMPLE000001";
const READER: &str = "AKIAREADEREXAMPLE001";
const VISITOR: &str = "ASIAVISITOREXAMPLE01";
const STRANGER: &str = "AKIASTRANGEREXAMPLE1";
/// One secret each; every one of them begins so that it can be searched for.
const SECRETS: [(&str, &str); 4] = [
    (ADA, "secret-of-ada/0123456789+0123456789abcde"),
    (READER, "secret-of-the-reader/0123456789+01234567"),
    (VISITOR, "secret-of-the-visitor/0123456789+0123456"),
    (STRANGER, "secret-of-the-stranger/0123456789+012345"),
];
const SESSION_TOKEN: &str = "session-token-of-the-visitor/IQoJb3JpZ2luX2VjEXAMPLE==";

/// A gateway of two APIs that ask for signatures. `petstore` has no resource policy; that of
/// `shared` lets the stranger's account in.
struct Served {
    attache: Attache,
    backend: Backend,
    project: Project,
}

impl Served {
    fn new() -> Self {
        let backend = Backend::answering("pets");
        let to = |path: &str| format!("http://{}{path}", backend.address());
        let signed = |method: &str, path: &str| {
            Operation::new(method, path, &to(path)).secured("sigv4", &[])
        };
        let operations = [
            signed("GET", "/pets"),
            signed("POST", "/pets"),
            signed("DELETE", "/pets"),
            signed("GET", "/pets/{name}"),
        ];
        let schemes = json!({"sigv4": {
            "type": "apiKey", "name": "Authorization", "in": "header",
            "x-amazon-apigateway-authtype": "awsSigv4",
        }});
        let policy = json!({"x-amazon-apigateway-policy": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::999988887777:root"},
                "Action": "execute-api:Invoke",
                "Resource": "execute-api:/prod/GET/*",
            }],
        }});
        let project = Project::new(
            &configuration(),
            &definition_with(&operations, &schemes, &json!({})),
        );
        let shared = definition_with(&operations, &schemes, &policy);
        project.write("shared.json", &shared);
        for (access_key, secret) in SECRETS {
            project.write(&format!("{access_key}.secret"), secret);
        }
        project.write("visitor.token", SESSION_TOKEN);
        let secret = Path::new(SECRETS[0].1);
        let attache = Attache::serve_with(project.path(), &[], &[("ADA_SECRET", secret)]);
        Self {
            attache,
            backend,
            project,
        }
    }

    fn address(&self) -> SocketAddr {
        self.attache.address()
    }

    fn send(&self, request: &Request) -> Response {
        Client::http1(self.address()).send(request).unwrap()
    }

    /// Signs and sends; what is answered.
    fn call(&self, signer: &Signer, request: &Request) -> Response {
        self.send(&signer.sign(self.address(), request))
    }

    fn assert_untouched(&self) {
        assert_eq!(self.backend.take_seen(), []);
    }
}

fn configuration() -> String {
    let allow = |resource: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Action": "execute-api:Invoke",
                "Resource": format!("arn:aws:execute-api:us-east-1:111122223333:{resource}"),
            }],
        })
    };
    let everything = allow("*");
    json!({
        "accessLog": "off",
        "account": {"id": "111122223333", "region": "us-east-1"},
        "apis": {
            "petstore": {"definition": "openapi.json", "stages": {"prod": {}}},
            "shared": {"definition": "shared.json", "stages": {"prod": {}}},
        },
        "credentials": {
            ADA: {
                "secretAccessKeyEnv": "ADA_SECRET",
                "principal": {"arn": "arn:aws:iam::111122223333:user/ada"},
                "policies": [everything],
            },
            READER: {
                "secretAccessKeyFile": format!("{READER}.secret"),
                "principal": {"arn": "arn:aws:iam::111122223333:user/reader"},
                "policies": [allow("petstore/prod/GET/*")],
            },
            VISITOR: {
                "secretAccessKeyFile": format!("{VISITOR}.secret"),
                "sessionTokenFile": "visitor.token",
                "principal": {"arn": "arn:aws:sts::111122223333:assumed-role/guest/visitor"},
                "policies": [everything],
            },
            STRANGER: {
                "secretAccessKeyFile": format!("{STRANGER}.secret"),
                "principal": {"arn": "arn:aws:iam::999988887777:user/stranger"},
                "policies": [everything],
            },
        },
    })
    .to_string()
}

fn signer(access_key: &str) -> Signer {
    let (_, secret) = SECRETS
        .into_iter()
        .find(|(key, _)| *key == access_key)
        .unwrap();
    Signer::new(access_key, secret)
}

fn visitor() -> Signer {
    Signer {
        session_token: Some(SESSION_TOKEN.to_owned()),
        ..signer(VISITOR)
    }
}

fn presigned(signer: Signer) -> Signer {
    Signer {
        expires: Some(300),
        ..signer
    }
}

/// To the API `petstore`.
fn request(method: &str, path: &str) -> Request {
    Request::new(method, path).header("host", "petstore.localhost")
}

fn message(answer: &Response) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = body.get("message").or_else(|| body.get("Message"));
    message
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn error_type(answer: &Response) -> String {
    let value = answer.header("x-amzn-errortype").unwrap_or_default();
    String::from_utf8_lossy(value).into_owned()
}

/// Asserts a refusal: 403, its type, and how its message begins.
fn assert_refused(answer: &Response, kind: &str, beginning: &str, what: &str) {
    let seen = (answer.status, error_type(answer), message(answer));
    assert!(
        seen.0 == 403 && seen.1 == kind && seen.2.starts_with(beginning),
        "{what}: {seen:?}"
    );
}

/// Asserts that a signature was found wrong.
fn assert_mismatch(answer: &Response, what: &str) {
    let beginning = "The request signature we calculated does not match the signature you \
                     provided. Check your AWS Secret Access Key and signing method. Consult the \
                     service documentation for details.";
    assert_refused(answer, "InvalidSignatureException", beginning, what);
}

#[test]
fn what_botocore_signs_passes() {
    let served = Served::new();
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let requests = [
        request("GET", "/prod/pets"),
        request(
            "GET",
            "/prod/pets?b=2&a=1&a=0&B=&empty&space=%20&list=x%2Cy&plus=%2B&%C3%BC=%C3%A4",
        ),
        request("GET", "/prod/pets/a%20b%2Bc"),
        request("GET", "/prod/pets").header("x-amz-meta", "  two   spaces "),
        request("DELETE", "/prod/pets"),
        request("POST", "/prod/pets").body(Body::Whole(b"{\"name\": \"tom\"}".to_vec())),
        request("POST", "/prod/pets?a=1")
            .header("content-type", "application/octet-stream")
            .body(Body::Whole(large.clone())),
        request("POST", "/prod/pets").body(Body::Pieces(vec![b"in ".to_vec(), b"pieces".to_vec()])),
        request("POST", "/prod/pets").body(Body::Pieces(
            large.chunks(100_000).map(<[u8]>::to_vec).collect(),
        )),
        request("POST", "/prod/pets")
            .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
            .body(Body::Whole(b"nobody signed this".to_vec())),
    ];
    let signers = [
        ("header", signer(ADA)),
        ("query", presigned(signer(ADA))),
        ("header with session token", visitor()),
        ("query with session token", presigned(visitor())),
    ];
    let combined: Vec<(&str, &Signer, &Request)> = signers
        .iter()
        .flat_map(|(form, signer)| requests.iter().map(move |request| (*form, signer, request)))
        .collect();
    let orders: Vec<(&Signer, &Request)> = combined
        .iter()
        .map(|(_, signer, request)| (*signer, *request))
        .collect();
    let signed = sign_all(served.address(), &orders);
    for ((form, _, plain), signed) in combined.iter().zip(&signed) {
        for (version, mut client) in [
            (1, Client::http1(served.address())),
            (2, Client::http2(served.address())),
        ] {
            let what = format!("{form}, HTTP/{version}: {} {}", plain.method, signed.path);
            let answer = client.send(signed).unwrap();
            assert_eq!(
                (answer.status, answer.text()),
                (200, "pets".to_owned()),
                "{what}"
            );
            let seen = served.backend.take_seen();
            assert_eq!(seen.len(), 1, "{what}");
            assert_eq!(seen[0].header("authorization"), None, "{what}");
            let sent = match &plain.body {
                Body::Whole(bytes) => bytes.clone(),
                Body::Pieces(pieces) => pieces.concat(),
                _ => Vec::new(),
            };
            assert!(seen[0].body == sent, "{what}: another body");
        }
    }
}

#[test]
fn botocore_and_curl_call_it_by_themselves() {
    let served = Served::new();
    let post = Request::new("POST", "/prod/pets?b=2&a=%20")
        .header(
            "host",
            format!("petstore.localhost:{}", served.address().port()),
        )
        .header("content-type", "application/json")
        .body(Body::Whole(b"{}".to_vec()));
    for signer in [signer(ADA), presigned(visitor())] {
        let answer = signer.send(served.address(), &post);
        assert_eq!((answer.status, answer.text()), (200, "pets".to_owned()));
    }
    assert_eq!(served.backend.take_seen().len(), 2);

    let (key, secret) = SECRETS[0];
    let url = format!(
        "http://petstore.localhost:{}/prod/pets",
        served.address().port()
    );
    for body in [&[][..], &["--data", "name=tom"]] {
        let output = Command::new("curl")
            .args(["--silent", "--write-out", " %{http_code}"])
            .args(["--aws-sigv4", "aws:amz:us-east-1:execute-api"])
            .args(["--user", &format!("{key}:{secret}"), &url])
            .args(body)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "pets 200");
    }
    let seen = served.backend.take_seen();
    assert_eq!(seen[1].body, b"name=tom");
    assert!(
        seen.iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

/// Something done to a request after it was signed.
type Alteration = (&'static str, fn(&mut Request));

fn replace(request: &mut Request, name: &str, change: impl Fn(&str) -> String) {
    let field = request
        .headers
        .iter_mut()
        .find(|(field, _)| field == name)
        .unwrap();
    field.1 = change(str::from_utf8(&field.1).unwrap()).into_bytes();
}

/// Another last digit.
fn turned(text: &str) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[test]
fn whatever_is_altered_is_refused_and_reaches_no_back_end() {
    let served = Served::new();
    let plain = request("POST", "/prod/pets?colour=black")
        .header("x-amz-meta", "signed")
        .header("x-purpose", "signed too")
        .body(Body::Whole(b"{\"name\": \"tom\"}".to_vec()));
    let common: [Alteration; 8] = [
        ("method", |request| {
            "DELETE".clone_into(&mut request.method);
        }),
        ("path", |request| {
            request.path = request.path.replace("/prod/pets", "/prod/pets/");
        }),
        ("query value", |request| {
            request.path = request.path.replace("black", "white");
        }),
        ("query added", |request| request.path.push_str("&more=1")),
        ("signed header", |request| {
            replace(request, "x-purpose", |_| "altered".to_owned());
        }),
        ("signed header added once more", |request| {
            request
                .headers
                .push(("x-purpose".to_owned(), b"more".to_vec()));
        }),
        ("host", |request| {
            replace(request, "host", |_| "petstore.localhost:1".to_owned());
        }),
        ("body", |request| {
            request.body = Body::Whole(b"{\"name\": \"tim\"}".to_vec());
        }),
    ];
    let in_header: [Alteration; 3] = [
        ("signature", |request| {
            replace(request, "authorization", turned)
        }),
        ("date", |request| {
            replace(request, "x-amz-date", |date| {
                let digit = date.len() - 2;
                format!("{}Z", turned(date.get(..=digit).unwrap()))
            });
        }),
        ("body cut", |request| {
            request.body = Body::Whole(b"{".to_vec())
        }),
    ];
    let in_query: [Alteration; 2] = [
        ("signature", |request| request.path = turned(&request.path)),
        ("time it is good for", |request| {
            request.path = request
                .path
                .replace("X-Amz-Expires=300", "X-Amz-Expires=301");
        }),
    ];
    let header = signer(ADA).sign(served.address(), &plain);
    let query = presigned(signer(ADA)).sign(served.address(), &plain);
    for (form, signed, own) in [
        ("header", header, &in_header[..]),
        ("query", query, &in_query[..]),
    ] {
        assert_eq!(served.send(&signed).status, 200, "{form}");
        assert_eq!(served.backend.take_seen().len(), 1);
        for (what, alter) in common.iter().chain(own) {
            let mut altered = signed.clone();
            alter(&mut altered);
            assert_mismatch(&served.send(&altered), &format!("{form}: {what}"));
        }
    }
    served.assert_untouched();
}

#[test]
fn another_secret_a_wrong_session_token_and_an_unknown_key_are_refused() {
    let served = Served::new();
    let pets = request("GET", "/prod/pets");
    let impostor = Signer::new(ADA, "secret-that-is-not-hers/0123456789+01234");
    assert_mismatch(&served.call(&impostor, &pets), "another secret");
    let invalid = "The security token included in the request is invalid";
    let unknown = Signer::new("AKIANOBODYEXAMPLE001", SECRETS[0].1);
    for (what, signer) in [
        ("unknown key", unknown.clone()),
        ("unknown key in the query", presigned(unknown)),
        ("no session token", signer(VISITOR)),
        (
            "another session token",
            Signer {
                session_token: Some(format!("{SESSION_TOKEN}x")),
                ..signer(VISITOR)
            },
        ),
        (
            "a session token where none belongs",
            Signer {
                session_token: Some(SESSION_TOKEN.to_owned()),
                ..signer(ADA)
            },
        ),
    ] {
        let answer = served.call(&signer, &pets);
        assert_refused(&answer, "UnrecognizedClientException", invalid, what);
    }
    served.assert_untouched();
}

#[test]
fn a_clock_may_be_wrong_by_five_minutes() {
    let served = Served::new();
    let pets = request("GET", "/prod/pets");
    let at = |skew: i64| Signer {
        skew,
        ..signer(ADA)
    };
    for skew in [-270, 0, 270] {
        assert_eq!(served.call(&at(skew), &pets).status, 200, "{skew} s");
    }
    assert_eq!(served.backend.take_seen().len(), 3);
    for (skew, beginning) in [
        (-360, "Signature expired: "),
        (360, "Signature not yet current: "),
        (-86_400, "Signature expired: "),
    ] {
        let answer = served.call(&at(skew), &pets);
        let what = format!("{skew} s");
        assert_refused(&answer, "InvalidSignatureException", beginning, &what);
    }
    // A presigned request says by itself for how long it is good, and five minutes at most.
    let link = |skew: i64, expires: u32| Signer {
        expires: Some(expires),
        ..at(skew)
    };
    assert_eq!(served.call(&link(-240, 600), &pets).status, 200);
    assert_eq!(served.backend.take_seen().len(), 1);
    for (skew, expires) in [(-120, 60), (-360, 600), (360, 600), (0, 604_801)] {
        let answer = served.call(&link(skew, expires), &pets);
        assert_eq!(
            answer.status,
            403,
            "{skew} s, {expires} s: {}",
            answer.text()
        );
    }
    served.assert_untouched();
}

#[test]
fn a_signature_for_something_else_or_none_is_refused() {
    let served = Served::new();
    let pets = request("GET", "/prod/pets");
    let elsewhere = Signer {
        region: "eu-central-1".to_owned(),
        ..signer(ADA)
    };
    let answer = served.call(&elsewhere, &pets);
    assert_refused(
        &answer,
        "InvalidSignatureException",
        "Credential should be scoped to a valid region. ",
        "another region",
    );
    let storage = Signer {
        service: "s3".to_owned(),
        ..signer(ADA)
    };
    let answer = served.call(&storage, &pets);
    assert_refused(
        &answer,
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'execute-api'.",
        "another service",
    );
    let missing = "Missing Authentication Token";
    let answer = served.send(&pets);
    assert_refused(
        &answer,
        "MissingAuthenticationTokenException",
        missing,
        "none",
    );
    for value in ["Bearer abc", "AWS4-HMAC-SHA256 Credential=a", "Basic YTpi"] {
        let answer = served.send(&pets.clone().header("authorization", value));
        let kind = error_type(&answer);
        assert_eq!(
            (answer.status, kind.as_str()),
            (403, "IncompleteSignatureException"),
            "{value}"
        );
    }
    served.assert_untouched();
}

#[test]
fn identity_policies_and_resource_policies_say_who_may_do_what() {
    let served = Served::new();
    let post = request("POST", "/prod/pets").body(Body::Whole(b"{}".to_vec()));
    let get = request("GET", "/prod/pets");
    let shared = |method: &str| {
        let mut request = request(method, "/prod/pets");
        replace(&mut request, "host", |_| "shared.localhost".to_owned());
        request
    };
    assert_eq!(served.call(&signer(READER), &get).status, 200);
    // Of another account: both its own policies and the API's have to allow it.
    assert_eq!(served.call(&signer(STRANGER), &shared("GET")).status, 200);
    assert_eq!(served.backend.take_seen().len(), 2);
    for (access_key, user, request, resource) in [
        (
            READER,
            "iam::111122223333:user/reader",
            &post,
            "petstore/prod/POST/pets",
        ),
        (
            STRANGER,
            "iam::999988887777:user/stranger",
            &get,
            "petstore/prod/GET/pets",
        ),
        (
            STRANGER,
            "iam::999988887777:user/stranger",
            &shared("DELETE"),
            "shared/prod/DELETE/pets",
        ),
    ] {
        let answer = served.call(&signer(access_key), request);
        let expected = json!({"Message": format!(
            "User: arn:aws:{user} is not authorized to perform: execute-api:Invoke on resource: \
             arn:aws:execute-api:us-east-1:********3333:{resource}"
        )});
        assert_eq!(
            (
                answer.status,
                error_type(&answer),
                serde_json::from_slice(&answer.body).ok()
            ),
            (403, "AccessDeniedException".to_owned(), Some(expected))
        );
    }
    served.assert_untouched();
}

#[test]
fn no_secret_is_seen_in_envoys_pages_or_in_any_file_that_attache_writes() {
    let served = Served::new();
    assert_eq!(
        served
            .call(&signer(ADA), &request("GET", "/prod/pets"))
            .status,
        200
    );
    assert_eq!(
        served
            .call(&visitor(), &request("GET", "/prod/pets"))
            .status,
        200
    );
    let mut shown: Vec<(String, Vec<u8>)> = Vec::new();
    for page in [
        "/config_dump?include_eds",
        "/server_info",
        "/init_dump",
        "/stats",
    ] {
        let answer = served.attache.admin(page);
        assert_eq!(answer.status, 200, "{page}");
        shown.push((page.to_owned(), answer.body));
    }
    let dump = &shown[0].1;
    assert!(
        find(dump, ADA.as_bytes()),
        "the credentials are not in the configuration at all"
    );
    let mut files = Vec::new();
    list(&served.attache.working_folder(), &mut files);
    assert!(!files.is_empty());
    for file in files {
        shown.push((
            file.display().to_string(),
            fs::read(&file).unwrap_or_default(),
        ));
    }
    shown.push(("output".to_owned(), served.attache.output().into_bytes()));
    shown.push((
        "messages".to_owned(),
        served.attache.messages().into_bytes(),
    ));
    let folder = served.project.path().to_str().unwrap();
    let mut check = Attache::start_with(
        &["check", folder, "--output", "json"],
        &[("ADA_SECRET", Path::new(SECRETS[0].1))],
    );
    check.wait();
    shown.push((
        "check".to_owned(),
        format!("{}{}", check.output(), check.messages()).into_bytes(),
    ));
    for (place, bytes) in &shown {
        for secret in SECRETS
            .iter()
            .map(|(_, secret)| *secret)
            .chain([SESSION_TOKEN])
        {
            for form in forms(secret) {
                assert!(!find(bytes, form.as_bytes()), "{place} shows {form}");
            }
        }
    }
}

/// A secret as it stands, and what every Base64 text that holds it holds.
fn forms(secret: &str) -> Vec<String> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    let mut forms = vec![secret.to_owned()];
    for shift in 0..3 {
        let encoded = STANDARD_NO_PAD.encode(secret.get(shift..).unwrap());
        forms.push(encoded.get(..encoded.len() - 4).unwrap().to_owned());
    }
    forms
}

fn find(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            list(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}
