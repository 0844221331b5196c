use std::collections::BTreeMap;

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
        (
            "path: /",
            "path: /, sourceAddress: 10.0.0.1",
            "only: {memory: …}",
        ),
        (
            "path: /",
            "path: /, clientCertificate: x",
            "only: {memory: …}",
        ),
        ("path: /", "path: /, headers: {a: {b: c}}", "list of texts"),
        (
            "expect: {status: 200}",
            "expect: {status: 200}\n  callouts: {nobody: 1}",
            "no service `nobody`",
        ),
        (
            "expect: {status: 200}",
            "expect: {status: 200}\n  scripts: {nobody: refuses}",
            "no service `nobody`",
        ),
        (
            "exchanges:",
            "callouts: {a: refuses}\nupstreams: {a: refuses}\nexchanges:",
            "an upstream and a callout",
        ),
        (
            "exchanges:",
            "tokens: {a: {key: b, claim: {}}}\nexchanges:",
            "claim",
        ),
        (
            "expect: {status: 200}",
            "expect: {status: 200}\n  callouts: {a: {metod: GET}}",
            "metod",
        ),
        (
            "expect: {status: 200}",
            "expect: {status: 200}\n  callouts: {a: {times: 1, atMost: 1}}",
            "either `times` or `atMost`",
        ),
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
    placeholders: Placeholders,
    sent: Vec<Sent>,
    client: Vec<Option<Observed>>,
    seen: Vec<Seen>,
}

impl World for Fixed {
    fn now(&self) -> u64 {
        1_440_938_160
    }

    fn authority(&self) -> String {
        "example.com".to_owned()
    }

    fn placeholders(&self) -> &Placeholders {
        &self.placeholders
    }

    fn advance(&mut self, _: std::time::Duration) {}

    fn script(&mut self, _: &str, _: Upstream) -> Result<(), String> {
        Err("nothing can be changed".to_owned())
    }

    fn send(&mut self, sent: &Sent, _: usize, _: usize) -> Vec<Option<Observed>> {
        self.sent.push(sent.clone());
        self.client.clone()
    }

    fn saw(&mut self) -> Vec<Seen> {
        self.seen.clone()
    }

    fn logged(&mut self, requests: usize) -> Vec<BTreeMap<String, String>> {
        vec![BTreeMap::from([("stage".to_owned(), "prod".to_owned())]); requests]
    }

    fn faults(&mut self) -> Vec<String> {
        Vec::new()
    }
}

fn played(exchange: &str) -> (String, Vec<Sent>) {
    let text = format!(
        "description: x\nconfiguration: {{files: {{}}}}\ncallouts: {{authorizer: refuses}}\n\
         keys: {{one: {{algorithm: ES256}}}}\ntokens: {{mine: {{key: one, claims: {{exp: 60}}}}}}\n\
         exchanges:\n{exchange}"
    );
    let scenario = Scenario::read(&text).unwrap();
    let field = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let address = ([127, 0, 0, 1], 9000).into();
    let addresses = BTreeMap::from([("authorizer".to_owned(), address)]);
    let mut world = Fixed {
        placeholders: Placeholders::new(&scenario, addresses).unwrap(),
        sent: Vec::new(),
        client: vec![Some(Observed {
            status: 200,
            headers: vec![field("x-a", "1"), field("x-a", "2")],
            body: b"{\"a\": [1]}".to_vec(),
        })],
        seen: vec![
            Seen {
                at: "pets".to_owned(),
                method: "GET".to_owned(),
                path: "/pets".to_owned(),
                headers: vec![field("host", "pets")],
                body: Vec::new(),
            },
            Seen {
                at: "authorizer".to_owned(),
                method: "POST".to_owned(),
                path: "/".to_owned(),
                headers: Vec::new(),
                body: b"{\"type\":\"TOKEN\"}".to_vec(),
            },
        ],
    };
    (play(&scenario, &mut world).join("\n"), world.sent)
}

fn faults(exchange: &str) -> String {
    played(&format!("- request: {{path: /}}\n{exchange}")).0
}

#[test]
fn what_is_as_expected_passes() {
    let exchange = r#"
  expect: {status: 200, headers: {X-A: "1, 2", x-a: "<any>"}, absent: [x-b], body: '{"a": <any>}', json: {a: [1]}}
  statuses: {200: 1}
  upstream: {sees: {at: pets, method: GET, path: /pets, headers: {host: pets}, absent: [x-a], body: ""}}
  callouts: {authorizer: {method: POST, json: {type: TOKEN}}}
  logged: {stage: prod}
"#;
    assert_eq!(faults(exchange), "");
    assert_eq!(
        faults("  expect: {status: 200}\n  callouts: {authorizer: {atMost: 2}}"),
        ""
    );
}

#[test]
fn what_is_not_is_said() {
    let cases = [
        ("expect: {status: 403}", "expected 403, got 200"),
        ("expect: {status: 200, headers: {x-a: '1'}}", "got `1, 2`"),
        ("expect: {status: 200, headers: {x-b: <any>}}", "got none"),
        ("expect: {status: 200, absent: [X-A]}", "expected none"),
        ("expect: {status: 200, body: hell}", "got `{"),
        (
            "expect: {status: 200, json: {a: [2]}}",
            "`/a/0`: expected 2",
        ),
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
        (
            "expect: {status: 200}\n  upstream: {sees: {json: {}}}",
            "expected JSON",
        ),
        (
            "expect: {status: 200}\n  callouts: {authorizer: 0}",
            "called 0 times and was 1",
        ),
        (
            "expect: {status: 200}\n  callouts: {authorizer: {atMost: 0}}",
            "called 0 times and was 1",
        ),
        (
            "expect: {status: 200}\n  callouts: {authorizer: {json: {type: REQUEST}}}",
            "expected \"REQUEST\"",
        ),
        (
            "expect: {status: 200}\n  logged: {stage: beta}",
            "got `prod`",
        ),
        (
            "expect: {status: 200}\n  logged: {path: <any>x}",
            "got `nothing`",
        ),
        (
            "expect: {status: 200}\n  scripts: {authorizer: refuses}",
            "nothing can be changed",
        ),
    ];
    for (exchange, expected) in cases {
        let faults = faults(&format!("  {exchange}\n"));
        assert!(faults.contains(expected), "{exchange}: {faults}");
    }
}

#[test]
fn requests_are_filled_in_and_signed_when_they_are_sent() {
    let (faults, sent) = played(
        "- request:\n    path: /{{token mine}}\n    headers: {X-Many: [a, '{{authorizer}}']}\n    \
         body: '{{token mine}}{{other}}'\n    \
         sign: {accessKeyId: AKIA, secretAccessKey: secret}\n  expect: {status: 200}\n",
    );
    assert_eq!(faults, "");
    let [sent] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert!(sent.path.starts_with("/ey"), "{}", sent.path);
    assert!(sent.body.as_ref().unwrap().ends_with("{{other}}"));
    let values: Vec<&str> = sent
        .headers
        .iter()
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(values[..3], ["a", "127.0.0.1:9000", "20150830T123600Z"]);
    assert!(
        values[3].contains("SignedHeaders=host;x-amz-date;x-many,"),
        "{}",
        values[3]
    );

    let (faults, sent) = played("- request: {path: '/{{token other}}'}\n  expect: {status: 200}\n");
    assert!(faults.contains("no token `other`"), "{faults}");
    assert_eq!(sent, []);
}
