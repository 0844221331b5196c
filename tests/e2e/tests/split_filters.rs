//! The examples of single filters, as they stand there, in a real Envoy. Only ports, the back end's
//! address and the place of the modules are filled in.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use attache_e2e::{Backend, Body, Client, Envoy, Reaction, Request, Response, load, module};

const ACME: &str = "acme-example-key-0123456789";
const VISITOR: &str = "visitor-example-key-0123456789";

/// What a client may try in order to be somebody.
const FORGERIES: [(&str, &str); 9] = [
    ("attache_identity", IDENTITY),
    ("wasm.attache_identity", IDENTITY),
    ("x-attache-identity", IDENTITY),
    ("x-attache-api-key-id", "acme"),
    ("x-api-key-id", "acme"),
    ("x-amzn-api-key-id", "acme"),
    ("x-usage-plan", "gold"),
    ("x-envoy-filter-state", IDENTITY),
    ("x-envoy-original-path", "/"),
];
const IDENTITY: &str = r#"{"apiKeyId":"acme","usagePlans":["gold"]}"#;

struct Served {
    envoy: Envoy,
    backend: Backend,
}

impl Served {
    /// Serves the example of this name with a back end of the test's in the place of its own.
    fn new(example: &str) -> Self {
        Self::with_authorizer(example, 9002)
    }

    /// The same with an authorizer of the test's, which listens on this port.
    fn with_authorizer(example: &str, port: u16) -> Self {
        let backend = Backend::start(|_| Reaction::answer(200, "hello from the back end\n"));
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../examples")
            .join(example)
            .join("envoy.yaml");
        let mut text = fs::read_to_string(file).unwrap();
        // The second place is the cluster's.
        let (before, cluster) = text.rsplit_once("port_value: 9000").unwrap();
        text = format!("{before}port_value: {}{cluster}", backend.address().port());
        for port in ["8080", "9000", "9901"] {
            let port = format!("port_value: {port}");
            assert_eq!(text.matches(&port).count(), 1, "{port}");
            text = text.replace(&port, "port_value: 0");
        }
        // The first place is the example's own authorizer, which has nothing to do then.
        text = text.replacen("port_value: 9002", "port_value: 0", 1);
        text = text.replace("9002", &port.to_string());
        for filter in ["api_key", "usage_plan", "authorizer", "transform"] {
            let path = module(filter);
            text = text.replace(
                &format!("filename: {filter}.wasm"),
                &format!("filename: {}", path.display()),
            );
        }
        let folder = tempfile::tempdir().unwrap();
        Self {
            envoy: Envoy::start_text(folder, &text, 2),
            backend,
        }
    }

    fn send(&self, request: &Request) -> Response {
        Client::http1(self.envoy.listener("gateway"))
            .send(request)
            .unwrap()
    }

    fn assert_refused(&self, request: &Request, status: u16, error: &str, message: &str) {
        let answer = self.send(request);
        assert_eq!(answer.status, status, "{request:?}");
        assert_eq!(answer.header("x-amzn-errortype"), Some(error.as_bytes()));
        assert_eq!(answer.text(), format!("{{\"message\":\"{message}\"}}"));
    }
}

fn get() -> Request {
    Request::new("GET", "/")
}

fn with_key(key: &str) -> Request {
    get().header("x-api-key", key)
}

fn forged(request: Request) -> Request {
    FORGERIES.iter().fold(request, |request, (name, value)| {
        request.header(name, value)
    })
}

/// The day in UTC, counted from 1970.
fn today() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs() / 86_400
}

#[test]
fn the_api_key_filter_knows_its_customers() {
    let served = Served::new("api-key");
    for request in [
        get(),
        with_key(""),
        with_key("nobody-0123456789-0123456789"),
        with_key("fa1d1172d70142007616cad88b6a2191fe298bf283bb95edefaa3c1feb0910ee"),
        with_key(&ACME.to_uppercase()),
        forged(get()),
    ] {
        served.assert_refused(&request, 403, "ForbiddenException", "Forbidden");
    }
    assert_eq!(served.backend.take_seen(), []);
    for key in [ACME, VISITOR] {
        let answer = served.send(&with_key(key));
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "hello from the back end\n")
        );
        let seen = served.backend.take_seen();
        assert_eq!(seen[0].header("x-api-key"), None, "removeHeader");
    }
    let dump = served.envoy.admin("/config_dump");
    assert!(!dump.contains(ACME) && !served.envoy.log().contains(ACME));
}

#[test]
fn the_usage_plan_filter_holds_each_customer_to_their_plan() {
    let served = Served::new("usage-plan");
    served.assert_refused(&get(), 403, "ForbiddenException", "Forbidden");
    served.assert_refused(&forged(get()), 403, "ForbiddenException", "Forbidden");
    assert_eq!(served.backend.take_seen(), []);

    // Five a second and five at once, twenty a day. Until the day is used up, whoever claims to
    // be somebody else is still the visitor.
    let visitor = forged(with_key(VISITOR));
    let listener = served.envoy.listener("gateway");
    let mut attempts = Vec::new();
    let began = today();
    let refused = loop {
        let storm = load::hammer(listener, 8, 2, &visitor);
        attempts.extend(storm);
        let answer = served.send(&visitor);
        if answer.status == 429 {
            let error = answer.header("x-amzn-errortype").unwrap().to_vec();
            if error == b"LimitExceededException" {
                break answer;
            }
            assert_eq!(error, b"TooManyRequestsException");
            assert_eq!(answer.text(), "{\"message\":\"Too Many Requests\"}");
        } else {
            assert_eq!(answer.status, 200);
        }
    };
    assert_eq!(refused.text(), "{\"message\":\"Limit Exceeded\"}");
    assert!(attempts.iter().any(|attempt| attempt.status == 429));
    let admitted = served.backend.take_seen().len();
    // At midnight there would be twenty more.
    if began == today() {
        assert_eq!(admitted, 20);
    }

    // Another customer has a plan of their own.
    assert_eq!(served.send(&with_key(ACME)).status, 200);
    assert_eq!(served.backend.take_seen().len(), 1);
}

#[test]
fn the_authorizer_filter_judges_every_request_by_the_policy_that_it_keeps() {
    const POLICY: &str = r#"{
        "principalId": "ann",
        "policyDocument": {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": "arn:aws:execute-api:eu-central-1:123456789012:shop/prod/GET/*"
        }]}
    }"#;
    let authorizer = Backend::start(|_| Reaction::answer(200, POLICY));
    let served = Served::with_authorizer("authorizer", authorizer.address().port());
    served.assert_refused(&get(), 401, "UnauthorizedException", "Unauthorized");
    let token = |request: Request| request.header("authorization", "Bearer abc");
    for request in [
        get().header("authorization", "abc"),
        get().header("authorization", "Bearer "),
    ] {
        served.assert_refused(&request, 401, "UnauthorizedException", "Unauthorized");
    }
    assert_eq!(authorizer.take_seen(), []);

    let answer = served.send(&token(forged(get())).header("x-customer", "eve"));
    assert_eq!(answer.status, 200);
    let seen = served.backend.take_seen();
    assert_eq!(seen[0].header("x-customer"), Some(&b"ann"[..]));

    let refused = served.send(&token(Request::new("DELETE", "/")));
    assert_eq!(
        (refused.status, refused.text().as_str()),
        (
            403,
            r#"{"Message":"User is not authorized to access this resource"}"#
        )
    );
    assert_eq!(served.backend.take_seen(), []);
    // One worker each may have asked.
    assert!((1..=2).contains(&authorizer.take_seen().len()));
}

#[test]
fn the_transform_filter_turns_json_into_xml_and_back() {
    let served = Served::new("transform");
    let order = |body: &str| {
        Request::new("POST", "/orders/7?a=b")
            .header("content-type", "application/json")
            .header("x-other", "stays")
            .body(Body::Whole(body.as_bytes().to_vec()))
    };
    let customer = |body: &str| order(body).header("x-customer", "acme");
    let answer = served.send(&customer(r#"{"sku": "AB-1", "count": 2}"#));
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (
            200,
            r#"{"accepted": true, "said": "hello from the back end"}"#
        )
    );
    let seen = served.backend.take_seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        String::from_utf8_lossy(&seen[0].body),
        r#"<order id="7"><sku>AB-1</sku><count>2</count></order>"#
    );
    assert_eq!(seen[0].path, "/orders/7?a=b");
    for (name, value) in [
        ("content-type", "text/xml"),
        ("x-order", "7"),
        ("x-other", "stays"),
    ] {
        assert_eq!(seen[0].header(name), Some(value.as_bytes()), "{name}");
    }

    let refused = |request: &Request, status: u16, message: &str| {
        served.assert_refused(request, status, "BadRequestException", message);
    };
    refused(&customer(r#"{"sku": "AB-1"}"#), 400, "Invalid request body");
    refused(&customer("no JSON"), 400, "Invalid request body");
    refused(
        &order(r#"{"sku": "AB-1", "count": 2}"#),
        400,
        "Missing required request parameters: [x-customer]",
    );
    assert_eq!(served.backend.take_seen(), []);

    // What no operation is for passes as it is.
    let plain = Request::new("POST", "/other").body(Body::Whole(b"plain".to_vec()));
    assert_eq!(served.send(&plain).text(), "hello from the back end\n");
    assert_eq!(served.backend.take_seen()[0].body, b"plain");
}
