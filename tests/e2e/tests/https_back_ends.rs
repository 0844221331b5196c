//! `https` back ends: what their certificates must show, and what an integration can waive.

use std::path::Path;

use attache_e2e::{Attache, CertificateAuthority, Client, Operation, Project, Request, definition};
use serde_json::json;

#[test]
fn an_https_back_end_is_verified_as_its_integration_says() {
    let authority = CertificateAuthority::new("a private authority");
    let unknown = CertificateAuthority::new("another authority");
    let folder = tempfile::tempdir().unwrap();
    let trusted = authority.file(folder.path());
    let good = authority.server(&["localhost"]);
    let renamed = authority.server(&["internal.example.com"]);
    let untrusted = unknown.server(&["localhost"]);
    let address = authority.server(&["127.0.0.1"]);
    let at = |path: &str, host: &str, port: u16| {
        Operation::new("GET", path, &format!("https://{host}:{port}/"))
    };
    let operations = [
        at("/good", "localhost", good.address().port()),
        at("/address", "127.0.0.1", address.address().port()),
        at("/renamed", "localhost", renamed.address().port()),
        at("/renamed-and-told", "localhost", renamed.address().port()).set(
            "tlsConfig",
            json!({"serverNameToVerify": "internal.example.com"}),
        ),
        at("/untrusted", "localhost", untrusted.address().port()),
        at(
            "/untrusted-and-skipped",
            "localhost",
            untrusted.address().port(),
        )
        .set("tlsConfig", json!({"insecureSkipVerification": true})),
    ];
    let project = Project::new(
        "accessLog: off\napis: {test: {definition: openapi.json, stages: {s: {}}}}\n",
        &definition(&operations),
    );
    let environment: [(&str, &Path); 1] = [("SSL_CERT_FILE", &trusted)];
    let attache = Attache::serve_with(project.path(), &[], &environment);
    let failure = json!({"message": "Network error communicating with endpoint"}).to_string();
    for (path, status, body) in [
        ("/s/good", 200, "localhost"),
        ("/s/address", 200, "-"),
        ("/s/renamed", 504, failure.as_str()),
        ("/s/renamed-and-told", 200, "internal.example.com"),
        ("/s/untrusted", 504, failure.as_str()),
        ("/s/untrusted-and-skipped", 200, "localhost"),
    ] {
        let answer = Client::http1(attache.address())
            .send(&Request::new("GET", path))
            .unwrap();
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (status, body),
            "{path}"
        );
    }
}
