//! A Lambda function that is not ours answers: written with AWS's crates, and run by AWS's own
//! runtime.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::path::Path;

use attache_e2e::{
    Attache, Body, Client, Operation, Project, Request, Response, Service, definition_with,
};
use serde_json::{Value, json};

struct Served {
    attache: Attache,
    _lambda: Service,
    _project: Project,
}

impl Served {
    fn new(protocol: &str, format: &str) -> Self {
        let lambda = Service::lambda("pets", Path::new(env!("CARGO_BIN_EXE_lambda-function")));
        let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
                   arn:aws:lambda:us-east-1:000000000000:function:pets/invocations";
        let operation = Operation::new("ANY", "/pets/{id}", uri)
            .set("type", "aws_proxy")
            .set("httpMethod", "POST")
            .set("payloadFormatVersion", format);
        let binary = json!({"x-amazon-apigateway-binary-media-types": ["image/png"]});
        let root = if protocol == "REST" {
            binary
        } else {
            json!({})
        };
        let definition = definition_with(&[operation], &json!({}), &root);
        let configuration = json!({
            "accessLog": "off",
            "endpoints": {"lambda": {"url": lambda.url()}},
            "apis": {"petstore": {
                "definition": "openapi.json",
                "protocol": protocol,
                "stages": {"prod": {"variables": {"colour": "black"}}},
            }},
        });
        let project = Project::new(&configuration.to_string(), &definition);
        let attache = Attache::serve(project.path(), &[]);
        Self {
            attache,
            _lambda: lambda,
            _project: project,
        }
    }

    fn send(&self, request: &Request) -> Response {
        Client::http1(self.attache.address()).send(request).unwrap()
    }

    fn assert_answers(&self, format: &str, path: &str) {
        let request = Request::new("POST", "/prod/pets/7?q=1&q=x%20y")
            .header("x-tenant", "acme")
            .header("content-type", "application/json")
            .body(Body::Whole(br#"{"name":"Rex"}"#.to_vec()));
        let answer = self.send(&request);
        assert_eq!(answer.status, 201, "{}", answer.text());
        let seen: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            seen,
            json!({
                "format": format,
                "caller": "127.0.0.1",
                "method": "POST",
                "path": path,
                "id": "7",
                "query": ["1", "x y"],
                "tenant": "acme",
                "stage": "black",
                "body": r#"{"name":"Rex"}"#,
                "isBinary": false,
            })
        );
        assert_eq!(
            answer.header("content-type"),
            Some(&b"application/json"[..])
        );
        let bytes = Request::new("PUT", "/prod/pets/7")
            .header("content-type", "image/png")
            .body(Body::Whole(vec![0, 255, 137]));
        let seen: Value = serde_json::from_slice(&self.send(&bytes).body).unwrap();
        assert_eq!(seen["isBinary"], true);
        assert_eq!(seen["body"], "[0, 255, 137]");
        let bytes = Request::new("GET", "/prod/pets/7?bytes=1").header("accept", "image/png");
        let answer = self.send(&bytes);
        assert_eq!((answer.status, answer.body), (200, vec![0x89, 0xff, 0]));
    }

    fn assert_fails(&self, status: u16, body: &str) {
        let answer = self.send(&Request::new("GET", "/prod/pets/7?fail=1"));
        assert_eq!((answer.status, answer.text().as_str()), (status, body));
    }
}

#[test]
fn a_function_answers_for_a_rest_api() {
    let served = Served::new("REST", "1.0");
    served.assert_answers("1.0", "/pets/7");
    // Lambda itself answers for a function that fails with 200 and a header field, which becomes a
    // 502; this emulator of its API with 500.
    served.assert_fails(500, r#"{"message":"Internal server error"}"#);
}

#[test]
fn a_function_answers_for_an_http_api() {
    let served = Served::new("HTTP", "2.0");
    served.assert_answers("2.0", "/prod/pets/7");
    served.assert_fails(500, r#"{"message":"Internal Server Error"}"#);
}
