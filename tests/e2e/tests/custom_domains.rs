//! Custom domain names in a real Envoy, with curl and openssl as clients.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use attache_e2e::{
    Attache, Backend, CertificateAuthority, Client, Operation, Project, Raw, Request, definition,
    until,
};
use serde_json::{Value, json};

/// Two APIs under names with certificates of one authority, and of another one for clients.
struct Domains {
    project: Project,
    attache: Attache,
    authority: CertificateAuthority,
}

/// What the gateway has made of a request, in the words of a mock.
const ECHO: &str = r#"{
    "stage": "$context.stage", "domainName": "$context.domainName",
    "domainPrefix": "$context.domainPrefix", "path": "$context.path",
    "basePath": "$!context.customDomain.basePathMatched", "proxy": "$input.params('proxy')",
    "client": "$!context.identity.clientCert.subjectDN", "sourceIp": "$context.identity.sourceIp"
}"#;

const CONFIGURATION: &str = r#"
apis:
  open:
    definition: openapi.json
    stages: {prod: {}, beta: {}}
  closed:
    definition: openapi.json
    disableExecuteApiEndpoint: true
    stages: {prod: {}}
domains:
  api.example.com:
    certificate: {chain: api.pem, key: api-key.pem}
    mappings:
      v1: {api: open, stage: prod}
      v1/beta: {api: open, stage: beta}
      closed: {api: closed, stage: prod}
  "*.example.org":
    certificate: {chain: any.pem, key: any-key.pem}
    mappings: {(none): {api: open, stage: prod}}
    securityPolicy: TLS_1_0
  modern.example.com:
    certificate: {chain: modern.pem, key: modern-key.pem}
    mappings: {(none): {api: open, stage: prod}}
    securityPolicy: SecurityPolicy_TLS13_1_3_2025_09
    mutualTlsAuthentication: {truststore: clients.pem}
  plain.example.com:
    mappings: {v2: {api: open, stage: beta}}
accessLog: access.log
numTrustedHops: 1
"#;

impl Domains {
    fn serve(flags: &[&str]) -> Self {
        let definition = json!({
            "openapi": "3.0.1",
            "info": {"title": "echo", "version": "1"},
            "paths": {"/{proxy+}": {"get": {
                "parameters": [
                    {"name": "proxy", "in": "path", "required": true, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "fine"}},
                "x-amazon-apigateway-integration": {
                    "type": "mock",
                    "requestTemplates": {"application/json": r#"{"statusCode": 200}"#},
                    "responses": {"default": {
                        "statusCode": "200",
                        "responseTemplates": {"application/json": ECHO},
                    }},
                },
            }}},
        });
        let project = Project::new(CONFIGURATION, &definition.to_string());
        let authority = CertificateAuthority::new("an authority");
        let clients = CertificateAuthority::new("an authority of clients");
        let stranger = CertificateAuthority::new("another authority");
        let write = |name: &str, (certificate, key): (String, String)| {
            project.write(&format!("{name}.pem"), &certificate);
            project.write(&format!("{name}-key.pem"), &key);
        };
        write("api", authority.certify("api.example.com"));
        write("any", authority.certify("*.example.org"));
        write("modern", authority.certify("modern.example.com"));
        write("client", clients.certify("client.example.com"));
        write("stranger", stranger.certify("stranger.example.com"));
        project.write("authority.pem", authority.pem());
        project.write("clients.pem", clients.pem());
        let flags = [&["--tls-port", "0"], flags].concat();
        let attache = Attache::serve(project.path(), &flags);
        Self {
            project,
            attache,
            authority,
        }
    }

    fn tls_port(&self) -> u16 {
        tls_port(&self.attache)
    }

    /// What curl gets: status, version of HTTP, and body. No status: there was no answer.
    fn curl(&self, url: &str, arguments: &[&str]) -> (u16, String, Value) {
        let url = url.replace(":TLS", &format!(":{}", self.tls_port()));
        let output = Command::new("curl")
            .current_dir(self.project.path())
            .args(["--silent", "--cacert", "authority.pem", "--noproxy", "*"])
            .args(["--resolve", &format!("*:{}:127.0.0.1", self.tls_port())])
            .args(["--write-out", "\n%{http_code} %{http_version}"])
            .args(arguments)
            .arg(&url)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, facts) = text.rsplit_once('\n').unwrap();
        let (status, version) = facts.split_once(' ').unwrap();
        let body = serde_json::from_str(body).unwrap_or_default();
        (status.parse().unwrap(), version.to_owned(), body)
    }

    /// The serial number of the certificate that a server of this name shows to openssl.
    fn serial(&self, server_name: &str) -> String {
        let output = Command::new("openssl")
            .args(["s_client", "-servername", server_name, "-connect"])
            .arg(format!("127.0.0.1:{}", self.tls_port()))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let session = String::from_utf8_lossy(&output.stdout).into_owned();
        let Some((_, rest)) = session.split_once("-----BEGIN CERTIFICATE-----") else {
            return String::new();
        };
        rest.split("-----END").next().unwrap_or_default().to_owned()
    }
}

/// Where `api.example.com` is served: what is served under TLS is printed after what is not.
fn tls_port(attache: &Attache) -> u16 {
    until("where the domain is served", || {
        let output = attache.output();
        let (_, rest) = output.split_once("https://api.example.com:")?;
        let (port, _) = rest.split_once(|character: char| !character.is_ascii_digit())?;
        port.parse().ok()
    })
}

fn has_clients() -> bool {
    let missing = ["curl", "openssl"].into_iter().find(|client| {
        let version = if *client == "curl" {
            "--version"
        } else {
            "version"
        };
        Command::new(client).arg(version).output().is_err()
    });
    if let Some(client) = missing {
        println!("skipped: `{client}` is not installed");
    }
    missing.is_none()
}

#[test]
fn names_and_base_paths_lead_to_stages() {
    if !has_clients() {
        return;
    }
    let domains = Domains::serve(&[]);
    for (url, stage, base_path, path, proxy) in [
        (
            "https://api.example.com:TLS/v1/a/b",
            "prod",
            "v1",
            "/v1/a/b",
            "a/b",
        ),
        (
            "https://api.example.com:TLS/v1/beta/a",
            "beta",
            "v1/beta",
            "/v1/beta/a",
            "a",
        ),
        (
            "https://api.example.com:TLS/v1/betas/a",
            "prod",
            "v1",
            "/v1/betas/a",
            "betas/a",
        ),
        (
            "https://api.example.com:TLS/closed/a/",
            "prod",
            "closed",
            "/closed/a/",
            "a",
        ),
        ("https://shop.example.org:TLS/a", "prod", "", "/a", "a"),
    ] {
        let (status, version, body) = domains.curl(url, &[]);
        assert_eq!((status, version.as_str()), (200, "2"), "{url}: {body}");
        let host = url.split([':', '/']).nth(3).unwrap();
        assert_eq!(body["domainName"], host, "{url}");
        assert_eq!(
            body["domainPrefix"],
            host.split('.').next().unwrap(),
            "{url}"
        );
        let found = ["stage", "basePath", "path", "proxy"].map(|name| body[name].clone());
        assert_eq!(found.to_vec(), vec![stage, base_path, path, proxy], "{url}");
    }
    let (status, version, _) = domains.curl("https://api.example.com:TLS/v1/a", &["--http1.1"]);
    assert_eq!((status, version.as_str()), (200, "1.1"));
    // Paths, names and APIs that lead nowhere.
    for (url, expected) in [
        ("https://api.example.com:TLS/v2/a", 403),
        ("https://api.example.com:TLS/prod/a", 403),
        // To Envoy an asterisk stands for any number of labels.
        ("https://a.b.example.org:TLS/a", 403),
        ("https://example.org:TLS/a", 0),
        ("https://other.example.com:TLS/a", 0),
    ] {
        let (status, _, body) = domains.curl(url, &["--insecure"]);
        assert_eq!(status, expected, "{url}: {body}");
    }
    // Without TLS: what has a certificate is not there, and what has none is.
    let mut client = Client::http1(domains.attache.address());
    for (host, path, expected) in [
        ("api.example.com", "/v1/a", 403),
        ("modern.example.com", "/a", 403),
        ("plain.example.com", "/v2/a", 200),
        ("open.localhost", "/prod/a", 200),
        ("closed.localhost", "/prod/a", 403),
    ] {
        let request = Request::new("GET", path).header("host", host);
        assert_eq!(client.send(&request).unwrap().status, expected, "{host}");
    }
    // The connection of one domain is not that of another.
    let other = ["--header", "host: modern.example.com"];
    let (status, _, body) = domains.curl("https://api.example.com:TLS/a", &other);
    assert_eq!(
        (status, body),
        (421, json!({"message": "Misdirected Request"}))
    );

    // Whom the proxy in front has seen.
    let forwarded = ["--header", "x-forwarded-for: 203.0.113.7, 198.51.100.9"];
    let (_, _, body) = domains.curl("https://api.example.com:TLS/v1/a", &forwarded);
    assert_eq!(body["sourceIp"], "198.51.100.9");

    let log = domains.project.path().join("access.log");
    let line = until("the access log", || {
        let text = fs::read_to_string(&log).ok()?;
        let line = text.lines().find(|line| line.contains("/v1/beta/a"))?;
        serde_json::from_str::<Value>(line).ok()
    });
    assert_eq!(line["basePathMatched"], "v1/beta");
    assert_eq!(line["tlsVersion"], "TLSv1.3");
    assert_eq!(line["domainName"], "api.example.com");
}

#[test]
fn versions_and_certificates_are_asked_for_by_name() {
    if !has_clients() {
        return;
    }
    let domains = Domains::serve(&[]);
    let old = [
        "--ciphers",
        "DEFAULT@SECLEVEL=0",
        "--tlsv1.0",
        "--tls-max",
        "1.0",
    ];
    let middle = ["--tls-max", "1.2"];
    let certificate = ["--cert", "client.pem", "--key", "client-key.pem"];
    let middle_with = [&middle[..], &certificate].concat();
    for (url, arguments, expected) in [
        ("https://shop.example.org:TLS/a", &old[..], 200),
        ("https://shop.example.org:TLS/a", &[], 200),
        ("https://api.example.com:TLS/v1/a", &old, 0),
        ("https://api.example.com:TLS/v1/a", &middle, 200),
        ("https://modern.example.com:TLS/a", &middle_with, 0),
        ("https://modern.example.com:TLS/a", &certificate, 200),
        // No certificate, and one of an authority that is not in the trust store.
        ("https://modern.example.com:TLS/a", &[], 0),
        (
            "https://modern.example.com:TLS/a",
            &["--cert", "stranger.pem", "--key", "stranger-key.pem"],
            0,
        ),
    ] {
        let (status, _, body) = domains.curl(url, arguments);
        assert_eq!(status, expected, "{url} {arguments:?}: {body}");
        if status == 200 && arguments == certificate {
            assert_eq!(body["client"], "C=US,CN=client.example.com");
        }
    }
    // Whoever has not been asked for a certificate is nobody, whatever it says.
    let (_, _, body) = domains.curl(
        "https://api.example.com:TLS/v1/a",
        &[
            "--header",
            "x-forwarded-client-cert: Hash=1;Subject=\"CN=somebody\"",
        ],
    );
    assert_eq!(body["client"], "");
}

#[test]
fn new_certificates_are_shown_without_a_restart() {
    if !has_clients() {
        return;
    }
    let domains = Domains::serve(&[]);
    let first = domains.serial("api.example.com");
    let untouched = domains.serial("shop.example.org");
    assert!(!first.is_empty() && first != untouched);
    let (certificate, key) = domains.authority.certify("api.example.com");
    domains.project.write("api-key.pem", &key);
    domains.project.write("api.pem", &certificate);
    let second = until("the new certificate", || {
        let found = domains.serial("api.example.com");
        (found != first && !found.is_empty()).then_some(found)
    });
    assert_eq!(domains.serial("shop.example.org"), untouched);
    let (status, _, _) = domains.curl("https://api.example.com:TLS/v1/a", &[]);
    assert_eq!(status, 200);
    assert_eq!(
        domains.attache.stat("listener_manager.listener_modified"),
        0
    );

    // What is no certificate changes nothing.
    domains.project.write("api.pem", "no certificate");
    until("Envoy has looked", || {
        let failed = "sds.certificate-of-api.example.com.key_rotation_failed";
        (domains.attache.stat(failed) > 0).then_some(())
    });
    assert_eq!(domains.serial("api.example.com"), second);

    // The authorities of clients, too.
    let clients = CertificateAuthority::new("the next authority of clients");
    let (certificate, key) = clients.certify("next.example.com");
    domains.project.write("next.pem", &certificate);
    domains.project.write("next-key.pem", &key);
    let shown = ["--cert", "next.pem", "--key", "next-key.pem"];
    let ask = || domains.curl("https://modern.example.com:TLS/a", &shown).0;
    assert_eq!(ask(), 0);
    domains.project.write("clients.pem", clients.pem());
    until("the new trust store", || (ask() == 200).then_some(()));
}

/// Some editors, and `cp`, write into the file that is there.
#[test]
fn certificates_that_are_written_over_are_noticed() {
    if !has_clients() {
        return;
    }
    let domains = Domains::serve(&[]);
    let first = domains.serial("api.example.com");
    let (certificate, key) = domains.authority.certify("api.example.com");
    domains.project.overwrite("api-key.pem", &key);
    domains.project.overwrite("api.pem", &certificate);
    let second = until("the new certificate", || {
        let found = domains.serial("api.example.com");
        (found != first && !found.is_empty()).then_some(found)
    });
    domains
        .attache
        .wait_for("Envoy reads the certificates again");

    domains.project.overwrite("api.pem", "no certificate");
    domains.attache.wait_for("Failed to reload certificates");
    assert_eq!(domains.serial("api.example.com"), second);

    // Half of a pair is none, and the other half makes it one.
    let (certificate, key) = domains.authority.certify("api.example.com");
    domains.project.overwrite("api.pem", &certificate);
    let failed = "sds.certificate-of-api.example.com.key_rotation_failed";
    until("Envoy has looked twice", || {
        (domains.attache.stat(failed) > 1).then_some(())
    });
    domains.project.overwrite("api-key.pem", &key);
    until("the third certificate", || {
        let found = domains.serial("api.example.com");
        (found != second && !found.is_empty()).then_some(())
    });

    let clients = CertificateAuthority::new("the next authority of clients");
    let (certificate, key) = clients.certify("next.example.com");
    domains.project.write("next.pem", &certificate);
    domains.project.write("next-key.pem", &key);
    domains.project.overwrite("clients.pem", clients.pem());
    let shown = ["--cert", "next.pem", "--key", "next-key.pem"];
    until("the new trust store", || {
        let (status, _, _) = domains.curl("https://modern.example.com:TLS/a", &shown);
        (status == 200).then_some(())
    });
}

/// Clients that connect and then say nothing, half of their first message, or all of it and no more.
#[test]
fn handshakes_that_do_not_go_on_end() {
    let domains = Domains::serve(&[]);
    let hello = CertificateAuthority::client_hello("api.example.com");
    let address = SocketAddr::from(([127, 0, 0, 1], domains.tls_port()));
    let clients = [&b""[..], &hello[..hello.len() / 2], &hello].map(|said| {
        let said = said.to_vec();
        thread::spawn(move || {
            let mut raw = Raw::connect(address).patience(Duration::from_secs(60));
            let start = Instant::now();
            assert!(raw.send(&said));
            let answered = !raw.rest().is_empty();
            (answered, start.elapsed())
        })
    });
    let (status, _, _) = domains.curl("https://api.example.com:TLS/v1/a", &[]);
    assert_eq!(status, 200);
    for (client, expected) in clients.into_iter().zip([false, false, true]) {
        let (answered, elapsed) = client.join().unwrap();
        assert_eq!(answered, expected);
        assert!(elapsed < Duration::from_secs(40), "{elapsed:?}");
    }
    // Both listeners have asked for any port.
    let stat = |name: &str| {
        domains
            .attache
            .stat(&format!("listener.127.0.0.1_0.{name}"))
    };
    assert_eq!(stat("downstream_pre_cx_timeout"), 2);
    assert_eq!(stat("downstream_cx_transport_socket_connect_timeout"), 1);
}

#[test]
fn an_edit_adds_a_domain_to_a_gateway_that_serves() {
    if !has_clients() {
        return;
    }
    let domains = Domains::serve(&["--watch"]);
    let (certificate, key) = domains.authority.certify("new.example.com");
    domains.project.write("new.pem", &certificate);
    domains.project.write("new-key.pem", &key);
    let added = "domains:
  new.example.com:
    certificate: {chain: new.pem, key: new-key.pem}
    mappings: {v9: {api: open, stage: beta}}
";
    domains
        .project
        .write("attache.yaml", &CONFIGURATION.replace("domains:\n", added));
    let body = until("the new domain", || {
        let (status, _, body) = domains.curl("https://new.example.com:TLS/v9/a", &[]);
        (status == 200).then_some(body)
    });
    assert_eq!(body["basePath"], "v9");
    let (status, _, _) = domains.curl("https://api.example.com:TLS/v1/a", &[]);
    assert_eq!(status, 200);
}

#[test]
fn a_back_end_is_shown_the_certificate_of_its_stage() {
    let authority = CertificateAuthority::new("an authority");
    let clients = CertificateAuthority::new("an authority of clients");
    let folder = tempfile::tempdir().unwrap();
    let trusted = authority.file(folder.path());
    let server = authority.server_for_clients_of(&["localhost"], &clients);
    let uri = format!("https://localhost:{}/", server.address().port());
    let project = Project::new(
        "accessLog: off
apis:
  test:
    definition: openapi.json
    stages: {with: {clientCertificateId: gateway}, without: {}}
clientCertificates:
  gateway: {chain: client.pem, key: client-key.pem}
",
        &definition(&[Operation::new("GET", "/a", &uri)]),
    );
    let (certificate, key) = clients.certify("gateway.example.com");
    project.write("client.pem", &certificate);
    project.write("client-key.pem", &key);
    let environment: [(&str, &Path); 1] = [("SSL_CERT_FILE", &trusted)];
    let attache = Attache::serve_with(project.path(), &[], &environment);
    for (path, expected) in [("/with/a", 200), ("/without/a", 504)] {
        let answer = Client::http1(attache.address())
            .send(&Request::new("GET", path))
            .unwrap();
        assert_eq!(answer.status, expected, "{path}: {}", answer.text());
    }
}

#[test]
fn the_example_serves_two_apis_under_one_name() {
    if !has_clients() {
        return;
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/custom-domain");
    let project = Project::of_example("custom-domain", None);
    let folder = project.path().join("tls");
    let made = Command::new("sh")
        .arg(example.join("certificates.sh"))
        .arg(&folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let attache = Attache::serve(project.path(), &["--tls-port", "0"]);
    let port = tls_port(&attache);
    let curl = |url: &str, arguments: &[&str]| {
        let output = Command::new("curl")
            .current_dir(&folder)
            .args(["--silent", "--noproxy", "*", "--cacert", "authority.pem"])
            .args(["--resolve", &format!("*:{port}:127.0.0.1")])
            .args(arguments)
            .arg(url.replace(":8443", &format!(":{port}")))
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()
    };
    let shown = [
        "--cert",
        "client.example.com.pem",
        "--key",
        "client.example.com-key.pem",
    ];
    for (url, arguments, api, base_path, client) in [
        (
            "https://api.example.com:8443/v1/dogs/7",
            &[][..],
            "pets",
            "v1",
            "",
        ),
        (
            "https://api.example.com:8443/v1/beta/dogs/7",
            &[],
            "pets-beta",
            "v1/beta",
            "",
        ),
        (
            "https://api.example.com:8443/orders/today",
            &[],
            "orders",
            "orders",
            "",
        ),
        (
            "https://partner.example.com:8443/dogs/7",
            &shown,
            "pets",
            "",
            "C=US,CN=client.example.com",
        ),
    ] {
        let body = curl(url, arguments);
        let found = ["api", "basePathMatched", "client"].map(|name| body[name].clone());
        assert_eq!(
            found.to_vec(),
            vec![api, base_path, client],
            "{url}: {body}"
        );
    }
    assert_eq!(
        curl("https://partner.example.com:8443/dogs/7", &[]),
        Value::Null
    );
}

#[test]
fn what_is_served_without_tls_needs_no_port_for_it() {
    let backend = Backend::answering("pets");
    let uri = format!("http://{}/a", backend.address());
    let project = Project::new(
        "accessLog: off
apis: {pets: {definition: openapi.json, stages: {prod: {}}}}
domains: {api.example.com: {mappings: {v1: {api: pets, stage: prod}}}}
",
        &definition(&[Operation::new("GET", "/a", &uri)]),
    );
    // Nobody can listen there.
    let attache = Attache::serve(project.path(), &["--tls-port", "1"]);
    let request = Request::new("GET", "/v1/a").header("host", "api.example.com");
    let answer = Client::http1(attache.address()).send(&request).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "pets"));
}
