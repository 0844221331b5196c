//! Services of AWS behind mapping templates: moto plays them, and AWS's own SDK tells what came of it.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::path::Path;

use attache_e2e::{Attache, Body, Client, Project, Request, Service, run_client};
use serde_json::{Value, json};

struct Served {
    attache: Attache,
    services: Service,
    _project: Project,
}

impl Served {
    /// `examples/aws-services`, with its table and its queue.
    fn new() -> Self {
        let services = Service::moto();
        let project = Project::of_example("aws-services", Some(services.address()));
        // Envoy signs with what stands in its environment.
        let credentials = [
            ("AWS_ACCESS_KEY_ID", Path::new("AKIDEXAMPLE")),
            (
                "AWS_SECRET_ACCESS_KEY",
                Path::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            ),
        ];
        let served = Self {
            attache: Attache::serve_with(project.path(), &[], &credentials),
            services,
            _project: project,
        };
        served.by_sdk("create");
        served
    }

    fn by_sdk(&self, what: &str) -> Value {
        run_client(
            "aws_services.py",
            &json!({"endpoint": self.services.url(), "do": what}),
        )
    }

    fn send(&self, request: &Request) -> (u16, Value) {
        let answer = Client::http1(self.attache.address()).send(request).unwrap();
        let text = answer.text();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (answer.status, body)
    }

    fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let request = Request::new("POST", path)
            .header("content-type", "application/json")
            .body(Body::Whole(body.into()));
        self.send(&request)
    }
}

const NAUGHTY: &str = "Rex \"the\" dog's\tname\n☃ 𝄞 \\ </script>";

#[test]
fn a_table_and_a_queue_get_what_templates_make() {
    let served = Served::new();

    let pet = json!({"name": NAUGHTY, "age": 3.5, "tags": ["good", "it's \"me\""]});
    let (status, added) = served.post("/prod/pets", &pet.to_string());
    assert_eq!(status, 201, "{added}");
    let id = added["id"].as_str().unwrap();
    let (status, other) = served.post("/prod/pets", r#"{"name": "Misty", "age": 7}"#);
    assert_eq!(status, 201, "{other}");
    assert_ne!(added, other);
    for refused in [
        "",
        "{}",
        r#"{"name": "", "age": 1}"#,
        r#"{"name": "x", "age": "1"}"#,
    ] {
        let (status, body) = served.post("/prod/pets", refused);
        assert_eq!(
            (status, &body["message"]),
            (400, &json!("Invalid request body"))
        );
    }

    let found = served.send(&Request::new("GET", &format!("/prod/pets/{id}")));
    let mut expected = pet.clone();
    expected["id"] = id.into();
    assert_eq!(found, (200, expected));
    let missing = served.send(&Request::new("GET", "/prod/pets/none"));
    assert_eq!(missing, (404, json!({"message": "there is no such pet"})));

    let letter = format!("Dear {NAUGHTY}, {{\"x\": 1}}");
    let (status, sent) = served.post("/prod/letters", &letter);
    assert_eq!(status, 202, "{sent}");
    assert!(
        sent["id"].as_str().is_some_and(|id| id.len() == 36),
        "{sent}"
    );

    let stored = served.by_sdk("read");
    let mut items = stored["items"].as_array().unwrap().clone();
    items.sort_by_key(|item| item["name"]["S"] != NAUGHTY);
    assert_eq!(
        items,
        [
            json!({
                "id": {"S": id}, "name": {"S": NAUGHTY}, "age": {"N": "3.5"},
                "tags": {"L": [{"S": "good"}, {"S": "it's \"me\""}]},
            }),
            json!({
                "id": other["id"].as_str().map(|id| json!({"S": id})), "name": {"S": "Misty"},
                "age": {"N": "7"}, "tags": {"L": []},
            }),
        ]
    );
    assert_eq!(stored["messages"], json!([letter]));
}
