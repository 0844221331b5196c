use super::*;

const SMALLEST: &str = "
description: nothing much
configuration: {files: {a.yaml: ''}}
exchanges:
- request: {path: /}
  expect: {status: 200}
";

fn error(text: &str) -> String {
    Scenario::read(text).unwrap_err()
}

#[test]
fn the_format_is_strict() {
    assert!(Scenario::read(SMALLEST).is_ok());
    let cases = [
        (
            "description: nothing much",
            "descripton: typo",
            "descripton",
        ),
        ("path: /", "path: /, header: {}", "header"),
        ("status: 200", "status: 200, boddy: x", "boddy"),
        (
            "expect: {status: 200}",
            "upstream: nothing",
            "nothing is expected",
        ),
        (
            "expect: {status: 200}",
            "expect: {status: 200}\n  advance: {seconds: 1}",
            "moves the clock",
        ),
        (
            "expect: {status: 200}",
            "expect: {status: 200}\n  upstream: {sees: {metod: GET}}",
            "metod",
        ),
        ("exchanges:", "only: nowhere\nexchanges:", "nowhere"),
    ];
    for (from, to, expected) in cases {
        let message = error(&SMALLEST.replace(from, to));
        assert!(message.contains(expected), "{to}: {message}");
    }
}

#[test]
fn advances_add_up() {
    let advance = Advance {
        days: 1,
        hours: 1,
        minutes: 1,
        seconds: 1,
        millis: 1,
    };
    assert_eq!(
        std::time::Duration::from(advance),
        std::time::Duration::from_millis(90_061_001)
    );
}

/// A world that has seen this, whatever was sent.
struct Fixed {
    client: Vec<Option<Observed>>,
    upstream: Vec<Seen>,
}

impl World for Fixed {
    fn advance(&mut self, _: std::time::Duration) {}

    fn send(&mut self, _: &Exchange) -> Vec<Option<Observed>> {
        self.client.clone()
    }

    fn upstreams_saw(&mut self) -> Vec<Seen> {
        self.upstream.clone()
    }

    fn faults(&mut self) -> Vec<String> {
        Vec::new()
    }
}

fn faults(exchange: &str) -> String {
    let text = format!(
        "description: x\nconfiguration: {{files: {{}}}}\nexchanges:\n- request: {{path: /}}\n{exchange}"
    );
    let scenario = Scenario::read(&text).unwrap();
    let field = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let mut world = Fixed {
        client: vec![Some(Observed {
            status: 200,
            headers: vec![field("x-a", "1"), field("x-a", "2")],
            body: b"hello".to_vec(),
        })],
        upstream: vec![Seen {
            at: "pets".to_owned(),
            method: "GET".to_owned(),
            path: "/pets".to_owned(),
            headers: vec![field("host", "pets")],
            body: Vec::new(),
        }],
    };
    play(&scenario, &mut world).join("\n")
}

#[test]
fn what_is_as_expected_passes() {
    let exchange = r#"
  expect: {status: 200, headers: {X-A: "1, 2", x-a: "<any>"}, absent: [x-b], body: hello}
  statuses: {200: 1}
  upstream: {sees: {at: pets, method: GET, path: /pets, headers: {host: pets}, absent: [x-a], body: ""}}
"#;
    assert_eq!(faults(exchange), "");
}

#[test]
fn what_is_not_is_said() {
    let cases = [
        ("expect: {status: 403}", "expected 403, got 200"),
        ("expect: {status: 200, headers: {x-a: '1'}}", "got `1, 2`"),
        ("expect: {status: 200, headers: {x-b: <any>}}", "got none"),
        ("expect: {status: 200, absent: [X-A]}", "expected none"),
        ("expect: {status: 200, body: hell}", "got `hello`"),
        ("statuses: {200: 2}", "statuses: expected"),
        ("statuses: {429: 1}", "statuses: expected"),
        (
            "expect: {status: 200}\n  upstream: nothing",
            "should have seen nothing",
        ),
        (
            "expect: {status: 200}\n  times: 2\n  upstream: {sees: {}}",
            "should have seen 2",
        ),
        (
            "expect: {status: 200}\n  upstream: {sees: {at: toys}}",
            "expected `toys`",
        ),
        (
            "expect: {status: 200}\n  upstream: {sees: {path: /}}",
            "expected `/`",
        ),
        (
            "expect: {status: 200}\n  upstream: {sees: {headers: {host: x}}}",
            "expected `x`",
        ),
        (
            "expect: {status: 200}\n  upstream: {sees: {body: x}}",
            "expected `x`",
        ),
    ];
    for (exchange, expected) in cases {
        let faults = faults(&format!("  {exchange}\n"));
        assert!(faults.contains(expected), "{exchange}: {faults}");
    }
}
