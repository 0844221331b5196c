//! `http_proxy` integrations in a real Envoy: what back end and client see of each other, and what
//! the client sees when there is no back end worth the name.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use attache_e2e::{
    Attache, Backend, Body, Client, DEADLINE, Operation, Project, Raw, Reaction, Refusing, Request,
    Response, Seen, definition,
};
use serde_json::json;

/// The largest body that AWS takes.
const LARGEST_BODY: usize = 10 * 1024 * 1024;

struct Served {
    attache: Attache,
    backend: Backend,
    _project: Project,
}

impl Served {
    fn new(backend: Backend, operations: impl Fn(&str) -> Vec<Operation>) -> Self {
        let address = backend.address().to_string();
        let configuration = "accessLog: off
apis: {test: {definition: openapi.json, stages: {s: {variables: {there: \"BACKEND\", version: v2}}}}}
"
        .replace("BACKEND", &address);
        let operations = operations(&format!("http://{address}"));
        let project = Project::new(&configuration, &definition(&operations));
        Self {
            attache: Attache::serve(project.path(), &[]),
            backend,
            _project: project,
        }
    }

    /// Everything goes to the same path of the back end.
    fn everything(backend: Backend) -> Self {
        Self::new(backend, |base| {
            let uri = format!("{base}/{{proxy}}");
            vec![Operation::new("ANY", "/{proxy+}", &uri)]
        })
    }

    fn address(&self) -> SocketAddr {
        self.attache.address()
    }

    fn clients(&self) -> [(&'static str, Client); 2] {
        [
            ("HTTP/1.1", Client::http1(self.address())),
            ("HTTP/2", Client::http2(self.address())),
        ]
    }

    fn send(&self, request: &Request) -> Response {
        Client::http1(self.address()).send(request).unwrap()
    }

    /// The one request that the back end saw for this one.
    fn forwarded(&self, request: &Request) -> Seen {
        let _of_before = self.backend.take_seen();
        assert_eq!(self.send(request).status, 200);
        let mut seen = self.backend.take_seen();
        assert_eq!(seen.len(), 1);
        seen.remove(0)
    }
}

fn get(path: &str) -> Request {
    Request::new("GET", path)
}

fn text(value: Option<&[u8]>) -> String {
    String::from_utf8(value.unwrap_or(b"-").to_vec()).unwrap()
}

/// Status, error type and body of an answer of the gateway's own.
fn refusal(answer: &Response) -> (u16, String, String) {
    (
        answer.status,
        text(answer.header("x-amzn-errortype")),
        answer.text(),
    )
}

#[test]
fn the_request_line_is_the_integration_s() {
    let served = Served::new(Backend::answering("ok"), |base| {
        vec![
            Operation::new("GET", "/pets/{id}", &format!("{base}/animals/{{id}}.json")),
            Operation::new(
                "GET",
                "/variables/{id}",
                "http://${stageVariables.there}/${stageVariables.version}/{id}",
            ),
            Operation::new(
                "ANY",
                "/query/{pathVariable}",
                &format!("{base}/?testVar={{pathVar}}&testQs={{qsVar}}"),
            )
            .map(
                "integration.request.path.pathVar",
                "method.request.path.pathVariable",
            )
            .map(
                "integration.request.path.qsVar",
                "method.request.querystring.testVar",
            )
            .map(
                "integration.request.querystring.testQs",
                "method.request.querystring.testQueryString",
            ),
            Operation::new("POST", "/as-get", &format!("{base}/as-get")).set("httpMethod", "GET"),
            Operation::new("ANY", "/greedy/{proxy+}", &format!("{base}/{{proxy}}")),
        ]
    });
    for (method, path, expected_method, expected_path) in [
        ("GET", "/s/pets/7", "GET", "/animals/7.json"),
        ("GET", "/s/pets/a%2Fb%20c", "GET", "/animals/a%2Fb%20c.json"),
        (
            "GET",
            "/s/pets/7?a=1&a=2&b",
            "GET",
            "/animals/7.json?a=1&a=2&b",
        ),
        ("GET", "/s/variables/7", "GET", "/v2/7"),
        ("POST", "/s/as-get", "GET", "/as-get"),
        ("PATCH", "/s/greedy/x/y//z/", "PATCH", "/x/y//z"),
        ("DELETE", "/s/greedy/x%2fy?q=%20", "DELETE", "/x%2fy?q=%20"),
    ] {
        let seen = served.forwarded(&Request::new(method, path));
        assert_eq!(
            (seen.method.as_str(), seen.path.as_str()),
            (expected_method, expected_path),
            "{method} {path}"
        );
        assert_eq!(
            text(seen.header("host")),
            served.backend.address().to_string()
        );
    }
    let seen = served.forwarded(&get("/s/query/foobar?testQueryString=foo&testVar=bar"));
    let mut pairs: Vec<&str> = seen.path.strip_prefix("/?").unwrap().split('&').collect();
    pairs.sort_unstable();
    assert_eq!(
        pairs,
        [
            "testQs=bar",
            "testQs=foo",
            "testQueryString=foo",
            "testVar=bar",
            "testVar=foobar",
        ]
    );
}

#[test]
fn header_fields_pass_as_on_aws() {
    let backend = Backend::start(|_| {
        Reaction::answer(200, "{}")
            .header("date", "Thu, 01 Jan 1970 00:00:00 GMT")
            .header("server", "backend/1")
            .header("x-amzn-requestid", "of-the-back-end")
            .header("www-authenticate", "Basic")
            .header("via", "1.1 backend")
            .header("x-powered-by", "tests")
            .header("content-type", "application/problem+json")
    });
    let served = Served::new(backend, |base| {
        vec![
            Operation::new("GET", "/{x}", &format!("{base}/"))
                .map(
                    "integration.request.header.x-mapped",
                    "method.request.header.x-source",
                )
                .map("integration.request.header.x-static", "'constant'")
                .map("integration.request.header.x-stage", "context.stage"),
        ]
    });
    let request = get("/s/x")
        .header("x-source", "mapped")
        .header("user-agent", "tests/1")
        .header("authorization", "Bearer of-the-client")
        .header("cookie", "a=1")
        .header("via", "1.0 client")
        .header("max-forwards", "3")
        .header("content-md5", "x")
        .header("x-request-id", "of-the-client")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-port", "1");
    let seen = served.forwarded(&request);
    let port = served.address().port().to_string();
    for (name, expected) in [
        ("x-mapped", "mapped"),
        ("x-static", "constant"),
        ("x-stage", "s"),
        ("user-agent", "tests/1"),
        ("authorization", "Bearer of-the-client"),
        ("cookie", "a=1"),
        ("via", "-"),
        ("max-forwards", "-"),
        ("content-md5", "-"),
        ("x-request-id", "of-the-client"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", port.as_str()),
        ("x-amzn-apigateway-api-id", "test"),
    ] {
        let value = text(seen.header(name)).replace(", ", ",");
        assert_eq!(value, expected, "{name}");
        assert!(seen.count(name) <= 1, "{name}");
    }
    // The address of the connection comes last; for one from the same machine Envoy takes the
    // machine's own.
    let forwarded_for = text(seen.header("x-forwarded-for"));
    let (before, last) = forwarded_for.rsplit_once(',').unwrap();
    assert_eq!(before, "192.0.2.1");
    assert!(last.trim().parse::<IpAddr>().is_ok(), "{forwarded_for}");
    assert!(text(seen.header("x-amzn-trace-id")).starts_with("Root=1-"));
    assert_eq!(served.forwarded(&get("/s/x")).header("x-request-id"), None);

    let answer = served.send(&get("/s/x"));
    let of_envoy = |(name, _): &(String, Vec<u8>)| name.starts_with("x-envoy-");
    assert!(!answer.headers.iter().any(of_envoy), "{answer:?}");
    for (name, expected) in [
        ("x-amzn-remapped-date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("x-amzn-remapped-server", "backend/1"),
        ("x-amzn-remapped-x-amzn-requestid", "of-the-back-end"),
        ("x-amzn-remapped-www-authenticate", "Basic"),
        ("x-amzn-remapped-content-length", "2"),
        ("www-authenticate", "-"),
        ("server", "-"),
        ("via", "-"),
        ("x-powered-by", "tests"),
        ("content-type", "application/problem+json"),
        ("content-length", "2"),
    ] {
        assert_eq!(text(answer.header(name)), expected, "{name}");
    }
    assert_eq!(text(answer.header("x-amzn-requestid")).len(), 36);
    assert!(answer.header("x-amz-apigw-id").is_some());
    // The answers of proxy integrations to HTTP back ends have none.
    assert_eq!(answer.header("x-amzn-trace-id"), None);
}

/// A header of the client's has no say in what the proxy does.
#[test]
fn a_client_does_not_steer_the_proxy() {
    let backend = Backend::start(|seen| match seen.path.as_str() {
        "/slow" => Reaction::After(
            Duration::from_millis(60),
            Box::new(Reaction::answer(200, "")),
        ),
        "/broken" => Reaction::answer(503, "broken"),
        _ => Reaction::answer(200, ""),
    });
    let served = Served::everything(backend);
    let elsewhere = Backend::answering("elsewhere");
    let steering = |request: Request| {
        let cluster = format!("http_127.0.0.1_{}", elsewhere.address().port());
        [
            ("x-envoy-upstream-rq-timeout-ms", "1"),
            ("x-envoy-upstream-rq-per-try-timeout-ms", "1"),
            ("x-envoy-expected-rq-timeout-ms", "1"),
            ("x-envoy-retry-on", "5xx"),
            ("x-envoy-max-retries", "3"),
            ("x-envoy-hedge-on-per-try-timeout", "true"),
            ("x-envoy-original-path", "/original"),
            ("x-envoy-original-host", "original"),
            ("x-envoy-internal", "true"),
            ("x-envoy-external-address", "192.0.2.9"),
            ("x-envoy-force-trace", "true"),
            ("x-envoy-decorator-operation", "x"),
            ("x-envoy-attempt-count", "9"),
            ("x-attache-anything", "x"),
            ("x-attache-cluster", &cluster),
        ]
        .into_iter()
        .fold(request, |request, (name, value)| {
            request.header(name, value)
        })
    };
    for (protocol, mut client) in served.clients() {
        for (path, status) in [("/s/slow", 200), ("/s/broken", 503), ("/s/x", 200)] {
            let answer = client.send(&steering(get(path))).unwrap();
            assert_eq!(answer.status, status, "{protocol} {path}");
            let seen = served.backend.take_seen();
            assert_eq!(seen.len(), 1, "{protocol} {path}");
            for (name, _) in &seen[0].headers {
                assert!(
                    !name.starts_with("x-envoy-") && !name.starts_with("x-attache-"),
                    "{protocol} {path}: the back end sees {name}"
                );
            }
        }
    }
    assert_eq!(elsewhere.seen(), []);
}

#[test]
fn a_back_end_that_fails_is_answered_for() {
    let backend = Backend::start(|seen| match seen.path.as_str() {
        "/slow" => Reaction::Never,
        "/closes" => Reaction::BytesThenClose(Vec::new()),
        "/closes-mid-head" => Reaction::BytesThenClose(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        "/garbage" => Reaction::BytesThenClose(b"this is no HTTP\r\n\r\n".to_vec()),
        path => {
            let status = path.trim_start_matches("/own/").parse().unwrap();
            Reaction::answer(status, "the back end's own words").header("content-type", "text/x")
        }
    });
    let refusing = Refusing::new();
    let served = Served::new(backend, |base| {
        let at = |path: &str| Operation::new("GET", path, &format!("{base}{path}"));
        vec![
            at("/slow").set("timeoutInMillis", 50),
            at("/closes"),
            at("/closes-mid-head"),
            at("/garbage"),
            Operation::new("GET", "/own/{status}", &format!("{base}/own/{{status}}")),
            Operation::new(
                "GET",
                "/refuses",
                &format!("http://{}/", refusing.address()),
            ),
        ]
    });
    let internal = "InternalServerErrorException";
    for (protocol, mut client) in served.clients() {
        for (path, status, message) in [
            ("/s/slow", 504, "Endpoint request timed out"),
            (
                "/s/refuses",
                504,
                "Network error communicating with endpoint",
            ),
            (
                "/s/closes",
                504,
                "Network error communicating with endpoint",
            ),
            // Envoy does not tell half a head from garbage.
            ("/s/closes-mid-head", 502, "Internal server error"),
            ("/s/garbage", 502, "Internal server error"),
        ] {
            let answer = client.send(&get(path)).unwrap();
            let body = json!({"message": message}).to_string();
            assert_eq!(
                refusal(&answer),
                (status, internal.to_owned(), body),
                "{protocol} {path}"
            );
            assert_eq!(text(answer.header("content-type")), "application/json");
            assert_eq!(text(answer.header("x-amzn-requestid")).len(), 36);
            assert!(answer.header("x-amz-apigw-id").is_some(), "{path}");
            assert_eq!(answer.header("x-amzn-trace-id"), None, "{path}");
        }
        // What the back end says itself is left alone, whatever it is.
        for status in [400, 403, 404, 408, 413, 429, 431, 500, 502, 503, 504] {
            let answer = client.send(&get(&format!("/s/own/{status}"))).unwrap();
            let words = "the back end's own words".to_owned();
            assert_eq!(refusal(&answer), (status, "-".to_owned(), words));
            assert_eq!(text(answer.header("content-type")), "text/x");
        }
    }
    // A request is sent once: it may not be one that can be repeated.
    let counts = ["/closes", "/closes-mid-head", "/garbage", "/slow"].map(|path| {
        let seen = served.backend.seen();
        seen.iter().filter(|seen| seen.path == path).count()
    });
    assert_eq!(counts, [2; 4]);
}

#[test]
fn an_answer_that_breaks_off_breaks_off_for_the_client_too() {
    for framing in [
        "content-length: 10\r\n\r\nhalf",
        "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{framing}").into_bytes();
        let backend = Backend::start(move |_| Reaction::BytesThenClose(bytes.clone()));
        let served = Served::everything(backend);
        let start = Instant::now();
        let mut raw = Raw::connect(served.address());
        raw.send(b"GET /s/x HTTP/1.1\r\nhost: localhost\r\n\r\n");
        assert_eq!(raw.response(), None, "{framing}");
        for (protocol, mut client) in served.clients() {
            assert!(client.send(&get("/s/x")).is_err(), "{protocol} {framing}");
        }
        assert!(start.elapsed() < DEADLINE, "the client hangs");
    }
}

#[test]
fn bodies_of_any_size_pass_both_ways() {
    const LARGE: usize = 20 * 1024 * 1024;
    let backend = Backend::start(|seen| match seen.path.as_str() {
        "/large" => Reaction::answer(200, vec![b'x'; LARGE]),
        _ => Reaction::answer(200, &seen.body),
    });
    let served = Served::everything(backend);
    let upload: Vec<u8> = (0..LARGEST_BODY as u32).map(|byte| byte as u8).collect();
    for (protocol, mut client) in served.clients() {
        let answer = client.send(&get("/s/large")).unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.body == vec![b'x'; LARGE], "{protocol}");
        let pieces = upload.chunks(300_000).map(<[u8]>::to_vec).collect();
        for body in [Body::Whole(upload.clone()), Body::Pieces(pieces)] {
            let request = Request::new("POST", "/s/echo").body(body);
            let answer = client.send(&request).unwrap();
            assert_eq!(answer.status, 200, "{protocol}");
            assert!(answer.body == upload, "{protocol}");
        }
    }
    let seen = served.backend.take_seen();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|seen| seen.well_formed));

    // A body that says that it is larger is not even received.
    let mut raw = Raw::connect(served.address());
    raw.send(
        format!(
            "POST /s/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
            LARGEST_BODY + 1
        )
        .as_bytes(),
    );
    let answer = raw.response().unwrap();
    assert_eq!(answer.status, 413);
    assert_eq!(text(answer.header("content-type")), "text/plain");
    assert_eq!(answer.body, b"HTTP content length exceeded 10485760 bytes.");
    assert_eq!(served.backend.take_seen(), []);
}

#[test]
fn every_shape_of_message_passes() {
    let backend = Backend::start(|seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("HEAD", _) => Reaction::BytesThenClose(
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\netag: x\r\nconnection: close\r\n\r\n"
                .to_vec(),
        ),
        (_, "/nothing") => Reaction::answer(204, ""),
        (_, "/unchanged") => Reaction::answer(304, "").header("etag", "x"),
        (_, "/chunked") => Reaction::BytesThenClose(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec(),
        ),
        (_, "/until-closed") => Reaction::BytesThenClose(b"HTTP/1.1 200 OK\r\n\r\nabc".to_vec()),
        _ => Reaction::answer(200, &seen.body).header("x-method", seen.method.as_bytes()),
    });
    let served = Served::everything(backend);
    let pieces = || Body::Pieces(vec![b"one ".to_vec(), b"two".to_vec()]);
    for (protocol, mut client) in served.clients() {
        for (request, status, body) in [
            (Request::new("HEAD", "/s/x"), 200, ""),
            (Request::new("OPTIONS", "/s/x"), 200, ""),
            (
                Request::new("PUT", "/s/x").body(Body::Whole(b"abc".to_vec())),
                200,
                "abc",
            ),
            (Request::new("POST", "/s/x").body(pieces()), 200, "one two"),
            (
                Request::new("POST", "/s/x").body(Body::Whole(Vec::new())),
                200,
                "",
            ),
            (Request::new("DELETE", "/s/nothing"), 204, ""),
            (get("/s/unchanged").header("if-none-match", "x"), 304, ""),
            (get("/s/chunked"), 200, "abc"),
            (get("/s/until-closed"), 200, "abc"),
        ] {
            let answer = client.send(&request).unwrap();
            let name = format!("{protocol} {} {}", request.method, request.path);
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (status, body),
                "{name}"
            );
            let seen = served.backend.take_seen();
            assert_eq!(seen.len(), 1, "{name}");
            assert!(seen[0].well_formed, "{name}");
            assert_eq!(seen[0].method, request.method, "{name}");
        }
    }
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let served = Served::everything(Backend::start(|seen| Reaction::answer(200, &seen.body)));
    let mut stream = TcpStream::connect(served.address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
        .write_all(
            b"POST /s/x HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\
              content-length: 4\r\nconnection: close\r\n\r\n",
        )
        .unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(
        interim.escape_ascii().to_string(),
        "HTTP/1.1 100 Continue\\r\\n\\r\\n"
    );
    stream.write_all(b"body").unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 "), "{rest}");
    assert!(rest.ends_with("\r\n\r\nbody"), "{rest}");
    let seen = served.backend.take_seen();
    assert_eq!(seen[0].header("expect"), None);
    assert_eq!(seen[0].body, b"body");
}
