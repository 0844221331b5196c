//! A document of other people, unchanged, served by `attache run`.

use attache_e2e::corpora::file;
use attache_e2e::{Attache, CertificateAuthority, Client, Project, Request};

/// One operation, `POST` to an `https` address that stands in stage variables only.
#[test]
fn an_unchanged_document_with_stage_variables_is_served() {
    const NAME: &str = "localstack__tests__aws__files__openapi.spec.stage-variables.json";
    let Some(document) = file(&format!("openapi-aws/docs/{NAME}")) else {
        return;
    };
    let authority = CertificateAuthority::new("a private authority");
    let backend = authority.server(&["localhost"]);
    let project = Project::new(
        &format!(
            "accessLog: off
apis:
  example:
    definition: openapi.json
    stages:
      v1:
        variables:
          TestHost: localhost:{}
          testPath: test-path
          querystring: qs_key=qs_value
      empty: {{}}
",
            backend.address().port()
        ),
        &document,
    );
    let trusted = authority.file(project.path());
    let attache = Attache::serve_with(project.path(), &[], &[("SSL_CERT_FILE", &trusted)]);
    let send = |method: &str, path: &str| {
        Client::http1(attache.address())
            .send(&Request::new(method, path))
            .unwrap()
    };
    let answer = send("GET", "/v1/path1");
    assert_eq!((answer.status, answer.text().as_str()), (200, "localhost"));
    assert_eq!(
        backend.seen(),
        ["POST /test-path?qs_key=qs_value HTTP/1.1".to_owned()]
    );
    // Without the variables there is no address to call.
    let answer = send("GET", "/empty/path1");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (500, "{\"message\":\"Internal server error\"}")
    );
    let answer = send("POST", "/v1/path1");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (403, "{\"message\":\"Missing Authentication Token\"}")
    );
}
