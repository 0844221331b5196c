//! What the back end sees.

use std::collections::BTreeMap;

use attache_model::{Gateway, Protocol};
use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Constant, TRACE, any_field, edit, forwarded, gateway, proxy, request, rest, stage};
use crate::request_id::RequestIds;
use crate::{Denial, HeaderEdit, Headers};

fn target(uri: &str, mappings: &[(&str, &str)], headers: &Headers) -> String {
    let gateway = rest("/{pathVariable}/{rest+}", proxy(uri, mappings));
    forwarded(&gateway, headers)[":path"].clone()
}

/// `http::test_http_proxy_integration_request_data_mappings`
#[wasm_bindgen_test(unsupported = test)]
fn parameters_are_mapped_and_merged_as_aws_does() {
    let gateway = rest(
        "/{pathVariable}",
        proxy(
            "http://backend.example/?testVar={pathVar}&testQs={qsVar}",
            &[
                (
                    "integration.request.header.headerVar",
                    "method.request.header.foobar",
                ),
                (
                    "integration.request.path.qsVar",
                    "method.request.querystring.testVar",
                ),
                (
                    "integration.request.path.pathVar",
                    "method.request.path.pathVariable",
                ),
                (
                    "integration.request.querystring.queryString",
                    "method.request.querystring.testQueryString",
                ),
                (
                    "integration.request.querystring.testQs",
                    "method.request.querystring.testQueryString",
                ),
                (
                    "integration.request.querystring.testEmptyQs",
                    "method.request.header.emptyheader",
                ),
            ],
        ),
    );
    let headers = request(
        "POST",
        "/s/foobar?testQueryString=foo&testVar=bar",
        &[("foobar", "mapped-value"), ("headervar", "request-value")],
    );
    let fields = forwarded(&gateway, &headers);
    assert_eq!(fields["headervar"], "mapped-value");
    let (path, query) = fields[":path"].split_once('?').unwrap();
    assert_eq!(path, "/");
    let mut seen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in query.split('&').map(|pair| pair.split_once('=').unwrap()) {
        seen.entry(name).or_default().push(value);
    }
    assert_eq!(
        seen,
        BTreeMap::from([
            ("queryString", vec!["foo"]),
            ("testQs", vec!["bar", "foo"]),
            ("testQueryString", vec!["foo"]),
            ("testVar", vec!["foobar", "bar"]),
        ])
    );
}

/// What a client sent in `integrations::test_apigateway_header_remapping_http`, as far as it
/// passes a proxy.
const RECORDED_REQUEST: [(&str, &str); 23] = [
    ("accept", "application/json"),
    ("accept-charset", "UTF-8"),
    ("accept-encoding", "br"),
    ("age", "request_Age"),
    ("authorization", "Unauthorized"),
    ("connection", "close"),
    ("content-encoding", "deflate"),
    ("content-md5", "request_Content-MD5"),
    ("content-type", "application/json"),
    ("date", "request_Date"),
    ("expect", "100-continue"),
    ("max-forwards", "2"),
    ("pragma", "cache"),
    ("proxy-authenticate", "Basic"),
    ("range", "bytes=500-999"),
    ("referer", "https://example.com/"),
    ("server", "https://example.com/"),
    ("te", "deflate"),
    ("trailer", "Expires"),
    ("upgrade", "HTTP/2.0"),
    ("user-agent", "localStack/0.0"),
    ("via", "p.example.net"),
    ("www-authenticate", "Basic YWxhZGRpbjpvcGVuc2VzYW1l"),
];

#[wasm_bindgen_test(unsupported = test)]
fn header_fields_pass_and_are_dropped_as_aws_does() {
    let uri = "http://backend.example/";
    let headers = request("GET", "/s/x", &RECORDED_REQUEST);
    let names = |gateway: &Gateway| {
        forwarded(gateway, &headers)
            .into_keys()
            .filter(|name| !name.starts_with(':'))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&rest("/{x}", proxy(uri, &[]))),
        [
            "accept",
            "accept-charset",
            "accept-encoding",
            "age",
            "authorization",
            "content-type",
            "date",
            "pragma",
            "range",
            "referer",
            "user-agent",
            "x-amzn-apigateway-api-id",
            "x-amzn-trace-id",
            "x-attache-cluster",
        ]
    );

    // The same with the fields mapped that a mapping can bring back.
    let mapped = [
        ("integration.request.header.Connection", "'keep-alive'"),
        ("integration.request.header.Content-Encoding", "'compress'"),
        ("integration.request.header.Content-MD5", "'mapped'"),
        ("integration.request.header.Expect", "'100-continue'"),
        ("integration.request.header.Max-Forwards", "'2'"),
        ("integration.request.header.Proxy-Authenticate", "'Basic'"),
        ("integration.request.header.Server", "'mapped'"),
        ("integration.request.header.TE", "'deflate'"),
        ("integration.request.header.User-Agent", "'Override-Agent'"),
        ("integration.request.header.Via", "'mapped'"),
        ("integration.request.header.WWW-Authenticate", "'Basic'"),
        (
            "integration.request.header.From-Md5",
            "method.request.header.Content-MD5",
        ),
    ];
    let gateway = rest("/{x}", proxy(uri, &mapped));
    assert_eq!(
        names(&gateway),
        [
            "accept",
            "accept-charset",
            "accept-encoding",
            "age",
            "authorization",
            "content-encoding",
            "content-md5",
            "content-type",
            "date",
            "max-forwards",
            "pragma",
            "range",
            "referer",
            "server",
            "user-agent",
            "www-authenticate",
            "x-amzn-apigateway-api-id",
            "x-amzn-trace-id",
            "x-attache-cluster",
        ]
    );
    assert_eq!(
        forwarded(&gateway, &headers)["user-agent"],
        "Override-Agent"
    );

    for illegal in [
        "Content-Length",
        "transfer-encoding",
        "X-Amzn-Trace-Id",
        "x-amzn-apigateway-api-id",
    ] {
        let key = format!("integration.request.header.{illegal}");
        assert_eq!(
            edit(&rest("/{x}", proxy(uri, &[(&key, "'1'")])), &headers),
            Err(Denial::ApiConfigurationError)
        );
        assert!(
            edit(
                &rest("/{x}", proxy(uri, &[(&key, "method.request.header.no")])),
                &headers
            )
            .is_ok()
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_plain_request_costs_four_edits() {
    let gateway = rest("/pets", proxy("https://Backend.example:8443/v1/pets", &[]));
    let headers = request(
        "GET",
        "/s/pets?limit=2",
        &[("accept", "*/*"), ("user-agent", "c")],
    );
    let set = |name: &'static str, value: &str| HeaderEdit::Set(name.into(), value.into());
    assert_eq!(
        edit(&gateway, &headers).unwrap(),
        [
            set(":path", "/v1/pets?limit=2"),
            set("x-attache-cluster", "https_backend.example_8443"),
            set("x-amzn-trace-id", TRACE),
            set("x-amzn-apigateway-api-id", "shop"),
        ]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn what_the_proxy_reads_is_never_the_clients() {
    let gateway = rest("/pets", proxy("http://backend.example", &[]));
    let headers = request(
        "GET",
        "/s/pets",
        &[
            ("x-attache-cluster", "evil"),
            ("x-attache-anything", "evil"),
            ("x-envoy-upstream-rq-timeout-ms", "0"),
            ("x-envoy-upstream-rq-timeout-ms", "1"),
            ("x-envoy-retry-on", "5xx"),
            ("x-amzn-apigateway-api-id", "evil"),
            ("authorization", "AWS4-HMAC-SHA256 Credential=…"),
            ("x-http-method-override", "PUT"),
            ("x-amzn-trace-id", "Root=1-a-b;Parent=c;Sampled=1"),
        ],
    );
    let fields = forwarded(&gateway, &headers);
    let names: Vec<_> = fields.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            ":authority",
            ":method",
            ":path",
            "x-amzn-apigateway-api-id",
            "x-amzn-trace-id",
            "x-attache-cluster"
        ]
    );
    assert_eq!(fields["x-attache-cluster"], "http_backend.example_80");
    assert_eq!(fields["x-amzn-apigateway-api-id"], "shop");
    assert_eq!(fields["x-amzn-trace-id"], "Root=1-a-b;Parent=c;Sampled=1");
    assert_eq!(fields[":method"], "PUT");

    let mut slow = proxy("http://backend.example", &[]);
    slow.timeout_in_millis = 50;
    slow.http_method = Some("POST".to_owned());
    let fields = forwarded(&rest("/pets", slow), &headers);
    assert_eq!(fields["x-envoy-upstream-rq-timeout-ms"], "50");
    assert_eq!(fields[":method"], "POST");
}

#[wasm_bindgen_test(unsupported = test)]
fn every_source_reaches_every_target() {
    let headers = request(
        "PATCH",
        "/s/a%2Fb/c+d/?q=1&q=x+y%26&e=",
        &[
            ("x-one", "h1"),
            ("x-one", "h 2"),
            ("user-agent", "agent"),
            ("host", "no"),
        ],
    );
    let ids = RequestIds::generate(&Constant);
    for (expression, in_path, in_query, in_field) in [
        (
            "method.request.path.pathVariable",
            "a%2Fb",
            "v=a%2Fb",
            "a%2Fb",
        ),
        ("method.request.path.rest", "c+d", "v=c%2Bd", "c+d"),
        (
            "method.request.querystring.q",
            "x%20y%26",
            "v=x+y%26",
            "x y&",
        ),
        (
            "method.request.multivaluequerystring.q",
            "1,x%20y%26",
            "v=1&v=x+y%26",
            "1,x y&",
        ),
        ("method.request.querystring.e", "", "v=", ""),
        ("method.request.header.X-One", "h%202", "v=h%202", "h 2"),
        (
            "method.request.multivalueheader.x-one",
            "h1,h%202",
            "v=h1%2Ch%202",
            "h1,h 2",
        ),
        (
            "method.request.header.Host",
            "shop.example.com:8080",
            "v=shop.example.com%3A8080",
            "shop.example.com:8080",
        ),
        ("stageVariables.word", "w", "v=w", "w"),
        ("'a b/c'", "a%20b/c", "v=a%20b%2Fc", "a b/c"),
        (
            "context.accountId",
            "123456789012",
            "v=123456789012",
            "123456789012",
        ),
        ("context.apiId", "shop", "v=shop", "shop"),
        ("context.stage", "s", "v=s", "s"),
        (
            "context.resourcePath",
            "/%7BpathVariable%7D/%7Brest+%7D",
            "v=%2F%7BpathVariable%7D%2F%7Brest%2B%7D",
            "/{pathVariable}/{rest+}",
        ),
        ("context.httpMethod", "PATCH", "v=PATCH", "PATCH"),
        (
            "context.path",
            "/s/a%2Fb/c+d/",
            "v=/s/a%2Fb/c%2Bd/",
            "/s/a%2Fb/c+d/",
        ),
        ("context.protocol", "HTTP/1.1", "v=HTTP%2F1.1", "HTTP/1.1"),
        (
            "context.requestTime",
            "10/Mar/2020:00:03:59%20+0000",
            "v=10%2FMar%2F2020%3A00%3A03%3A59%20%2B0000",
            "10/Mar/2020:00:03:59 +0000",
        ),
        (
            "context.requestTimeEpoch",
            "1583798639000",
            "v=1583798639000",
            "1583798639000",
        ),
        (
            "context.identity.sourceIp",
            "192.0.2.7",
            "v=192.0.2.7",
            "192.0.2.7",
        ),
        ("context.identity.userAgent", "agent", "v=agent", "agent"),
        ("context.identity.apiKey", "the-key", "v=the-key", "the-key"),
        (
            "context.identity.apiKeyId",
            "the-key-id",
            "v=the-key-id",
            "the-key-id",
        ),
        ("context.authorizer.principalId", "ann", "v=ann", "ann"),
        (
            "context.authorizer.tier",
            "gold%20&%20co",
            "v=gold%20%26%20co",
            "gold & co",
        ),
        ("context.authorizer.limit", "7", "v=7", "7"),
        ("context.authorizer.claims.sub", "42", "v=42", "42"),
        (
            "context.identity.accessKey",
            "AKIDEXAMPLE",
            "v=AKIDEXAMPLE",
            "AKIDEXAMPLE",
        ),
        (
            "context.identity.userArn",
            "arn:aws:iam::123456789012:user/ann",
            "v=arn%3Aaws%3Aiam%3A%3A123456789012%3Auser%2Fann",
            "arn:aws:iam::123456789012:user/ann",
        ),
        ("context.identity.principalOrgId", "o-1", "v=o-1", "o-1"),
        (
            "context.domainName",
            "shop.example.com",
            "v=shop.example.com",
            "shop.example.com",
        ),
        ("context.domainPrefix", "shop", "v=shop", "shop"),
        (
            "context.requestId",
            ids.request_id(),
            &format!("v={}", ids.request_id()),
            ids.request_id(),
        ),
        (
            "context.extendedRequestId",
            ids.extended(),
            &format!("v={}", ids.extended().replace('=', "%3D")),
            ids.extended(),
        ),
    ] {
        let path = [("integration.request.path.p", expression)];
        assert_eq!(
            target("http://b.example/x/{p}/y?z={p}", &path, &headers)
                .split_once('?')
                .unwrap()
                .0,
            format!("/x/{in_path}/y"),
            "{expression}"
        );
        let query = [("integration.request.querystring.v", expression)];
        assert_eq!(
            target("http://b.example", &query, &headers),
            format!("/?q=1&q=x+y%26&e=&{in_query}"),
            "{expression}"
        );
        let field = [("integration.request.header.X-Target", expression)];
        let gateway = rest("/{pathVariable}/{rest+}", proxy("http://b.example", &field));
        assert_eq!(
            forwarded(&gateway, &headers)["x-target"],
            in_field,
            "{expression}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_authorizer_cannot_end_a_header_field() {
    let field = [(
        "integration.request.header.X-Target",
        "context.authorizer.line",
    )];
    let gateway = rest("/{p+}", proxy("http://b.example", &field));
    let fields = forwarded(&gateway, &request("GET", "/s/a", &[]));
    assert_eq!(fields["x-target"], "a  x: y");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_source_that_the_request_lacks_is_not_sent() {
    let headers = request(
        "GET",
        "/s/a/b?v=own",
        &[("x-target", "own"), ("content-md5", "m")],
    );
    for expression in [
        "method.request.querystring.none",
        "method.request.querystring.V",
        "method.request.multivaluequerystring.none",
        "method.request.header.none",
        "method.request.multivalueheader.none",
        "method.request.header.content-md5",
        "method.request.header.Content-Length",
        "stageVariables.none",
        "stageVariables.empty",
        "context.identity.userAgent",
        "context.authorizer.none",
        "context.authorizer.claims.none",
        "context.authorizer.claims",
    ] {
        let mappings = [
            ("integration.request.querystring.v", expression),
            ("integration.request.header.X-Target", expression),
        ];
        let gateway = rest(
            "/{pathVariable}/{rest+}",
            proxy("http://b.example", &mappings),
        );
        let fields = forwarded(&gateway, &headers);
        assert_eq!(fields[":path"], "/?v=own", "{expression}");
        assert_eq!(fields["x-target"], "own", "{expression}");

        let placeholder = [("integration.request.path.p", expression)];
        let gateway = rest(
            "/{pathVariable}/{rest+}",
            proxy("http://b.example/{p}", &placeholder),
        );
        assert_eq!(
            edit(&gateway, &headers),
            Err(Denial::ApiConfigurationError),
            "{expression}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_mapped_query_parameter_replaces_the_clients() {
    let headers = request("GET", "/s/a/b?tenant=evil;x=1&%74enant=evil&x", &[]);
    assert_eq!(
        target(
            "http://b.example/?own=1",
            &[("integration.request.querystring.tenant", "'acme'")],
            &headers
        ),
        "/?own=1&x=1&x&tenant=acme"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn an_http_api_fills_placeholders_by_name() {
    let mut integration = proxy("http://b.example/{id}/{rest}?u=1", &[]);
    integration.timeout_in_millis = 30_000;
    let gateway = gateway(
        Protocol::Http,
        vec![stage("$default", &[])],
        vec![("/x/{id}/{rest+}", integration)],
    );
    let fields = forwarded(
        &gateway,
        &request(
            "GET",
            "/x/7/a/b?v=2",
            &[("content-encoding", "gzip"), ("te", "x")],
        ),
    );
    assert_eq!(fields[":path"], "/7/a/b?u=1&v=2");
    assert_eq!(fields["x-envoy-upstream-rq-timeout-ms"], "30000");
    let names: Vec<_> = fields.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            ":authority",
            ":method",
            ":path",
            "content-encoding",
            "x-amzn-trace-id",
            "x-attache-cluster",
            "x-envoy-upstream-rq-timeout-ms",
        ]
    );
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn no_request_breaks_out_of_its_line(
        tail in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..48),
            "(/|\\?|&|;|=|q|%0d|%0A|%00|\\+| ){0,24}".prop_map(String::into_bytes),
        ],
        fields in prop::collection::vec(any_field(), 0..6),
    ) {
        let gateway = rest(
            "/{a}/{rest+}",
            proxy(
                "http://b.example/{p}/{q}?p={p}&q={q}&h={h}",
                &[
                    ("integration.request.path.p", "method.request.path.rest"),
                    ("integration.request.path.q", "method.request.multivaluequerystring.q"),
                    ("integration.request.path.h", "method.request.multivalueheader.x-one"),
                    ("integration.request.querystring.p", "context.path"),
                    ("integration.request.querystring.q", "method.request.multivaluequerystring.q"),
                    ("integration.request.header.P", "method.request.path.rest"),
                    ("integration.request.header.Q", "method.request.querystring.q"),
                    ("integration.request.header.H", "method.request.header.x-one"),
                    ("integration.request.header.Via", "method.request.header.via"),
                ],
            ),
        );
        let mut headers = Headers::default();
        for (name, value) in &fields {
            headers.push(name, value);
        }
        headers.push(b":method", b"GET");
        headers.push(b":authority", b"shop.example");
        headers.push(b":path", &[b"/s/a/b".as_slice(), &tail].concat());
        headers.push(b"x-one", &tail);
        if let Ok(edits) = edit(&gateway, &headers) {
            for edit in edits {
                let (HeaderEdit::Set(name, value) | HeaderEdit::Add(name, value)) = edit else {
                    continue;
                };
                prop_assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{}", name);
                if name == ":path" {
                    prop_assert!(value.starts_with(b"/") && value.iter().all(u8::is_ascii_graphic));
                }
            }
        }
    }
}
