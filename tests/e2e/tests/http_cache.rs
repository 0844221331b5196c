//! `response_cache.wasm` in a real Envoy: behind a filter that says who may, and before back ends
//! that break off.

use std::fs;

use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::{
    Attache, Backend, Client, Envoy, Operation, Project, Reaction, Request, Response, definition,
    module, until,
};

const CACHE: &str =
    r#"{"api": "shop", "stage": "prod", "sizeMebibytes": 16, "operations": [{"path": "/{all+}"}]}"#;
/// The key is `acme-example-key-0123456789`.
const KEYS: &str = r#"{
    "header": "x-api-key",
    "apiKeys": [{
        "id": "acme",
        "digest": "fa1d1172d70142007616cad88b6a2191fe298bf283bb95edefaa3c1feb0910ee",
        "usagePlans": ["gold"]
    }]
}"#;

fn get(envoy: &Envoy, path: &str, fields: &[(&str, &str)]) -> Option<Response> {
    let request = fields
        .iter()
        .fold(Request::new("GET", path), |request, (name, value)| {
            request.header(name, value)
        });
    Client::http1(envoy.listener(LISTENER)).send(&request).ok()
}

fn kept(body: &str) -> Reaction {
    Reaction::answer(200, body).header("cache-control", "max-age=600")
}

#[test]
fn what_is_kept_is_for_those_who_may() {
    let backend = Backend::start(|_| kept("hello"));
    let bootstrap = Bootstrap::proxying(backend.address())
        .wasm(&module("api_key"), KEYS)
        .wasm(&module("response_cache"), CACHE)
        .build();
    let envoy = Envoy::start(&bootstrap, 2);
    let key = [("x-api-key", "acme-example-key-0123456789")];
    for _ in 0..10 {
        let answer = get(&envoy, "/a", &key).unwrap();
        assert_eq!((answer.status, &*answer.text()), (200, "hello"));
        for fields in [&[][..], &[("x-api-key", "other")]] {
            let answer = get(&envoy, "/a", fields).unwrap();
            assert_eq!(answer.status, 403, "{}", answer.text());
        }
    }
    // Whichever worker a hit lands on, the back end does not see it.
    assert_eq!(backend.seen().len(), 1);
    let name = "wasmcustom.attache.api.shop.stage.prod.CacheHitCount";
    until("the hits are counted", || {
        (envoy.stat(name) == 9).then_some(())
    });
    let name = "wasmcustom.attache.api.shop.stage.prod.CacheEntries";
    until("an entry is held", || (envoy.stat(name) == 1).then_some(()));
}

#[test]
fn nothing_is_kept_in_part() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncache-control: max-age=600\r\n";
    let backend = Backend::start(|seen| {
        let bytes = |rest: &str| Reaction::BytesThenClose(format!("{HEAD}{rest}").into_bytes());
        match &*seen.path {
            "/truncated" => bytes("content-length: 9\r\n\r\nhello"),
            "/chunks" => bytes("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            "/close" => bytes("\r\nhello"),
            "/trailers" => {
                bytes("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-a: b\r\n\r\n")
            }
            "/part" => Reaction::answer(206, "he")
                .header("cache-control", "max-age=600")
                .header("content-range", "bytes 0-1/5"),
            "/cookie" => kept("hello").header("set-cookie", "a=b"),
            "/error" => Reaction::answer(500, "oh"),
            "/long" => kept(&"x".repeat(1_048_577)),
            "/whole" => bytes("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            "/longest" => kept(&"x".repeat(1_048_576)),
            "/none" => Reaction::BytesThenClose(
                b"HTTP/1.1 204 No Content\r\ncache-control: max-age=600\r\n\r\n".to_vec(),
            ),
            path => Reaction::answer(404, path),
        }
    });
    let bootstrap = Bootstrap::proxying(backend.address())
        .wasm(&module("response_cache"), CACHE)
        .build();
    let envoy = Envoy::start(&bootstrap, 2);
    for (path, is_kept) in [
        ("/truncated", false),
        ("/chunks", false),
        ("/close", false),
        ("/trailers", false),
        ("/part", false),
        ("/cookie", false),
        ("/error", false),
        ("/long", false),
        ("/whole", true),
        ("/longest", true),
        ("/none", true),
    ] {
        let answers = [(); 2].map(|()| get(&envoy, path, &[]));
        let asked = backend
            .seen()
            .iter()
            .filter(|seen| seen.path == path)
            .count();
        assert_eq!(asked == 1, is_kept, "{path}: {asked}");
        if is_kept {
            let [first, second] = answers.map(Option::unwrap);
            assert_eq!(
                (first.status, first.body),
                (second.status, second.body),
                "{path}"
            );
        }
    }
}

/// What `attache compile` writes, with the cache between the gateway and the router.
#[test]
fn behind_a_gateway_each_back_end_has_its_own() {
    let backends = ["one", "two"].map(|name| Backend::start(move |_| kept(name)));
    let operations = [("/one/{proxy+}", 0), ("/two/{proxy+}", 1)].map(|(path, backend)| {
        let uri = format!("http://{}/{{proxy}}", backends[backend].address());
        Operation::new("GET", path, &uri).with_key()
    });
    let configuration = r#"{
        "apis": {"shop": {"definition": "openapi.json", "stages": {"prod": {}}}},
        "usagePlans": {"gold": {"apiStages": [{"api": "shop", "stage": "prod"}]}},
        "apiKeys": {"acme": {"value": "acme-example-key-0123456789", "usagePlans": ["gold"]}}
    }"#;
    let project = Project::new(configuration, &definition(&operations));
    let out = tempfile::tempdir().unwrap();
    let [from, to] = [project.path(), out.path()].map(|folder| folder.to_str().unwrap());
    let ports = ["--port", "0", "--admin-port", "0"];
    let arguments = ["compile", from, "--target", "envoy", "--out", to];
    let mut compile = Attache::start(&[&arguments[..], &ports].concat());
    assert!(compile.wait().success(), "{}", compile.messages());
    let text = fs::read_to_string(out.path().join("envoy.yaml")).unwrap();
    let gateway = out.path().join("gateway.wasm");
    let text = text.replace(
        "\"gateway.wasm\"",
        &format!("{:?}", gateway.display().to_string()),
    );
    let (before, after) = text
        .split_once("- name: envoy.filters.http.router\n")
        .unwrap();
    let (_, indentation) = before.rsplit_once('\n').unwrap();
    let cache = Bootstrap::filter(&module("response_cache"), CACHE);
    let text =
        format!("{before}- {cache}\n{indentation}- name: envoy.filters.http.router\n{after}");
    let envoy = Envoy::start_text(out, &text, 2);
    let ask = |path: &str, key: &str| {
        let request = Request::new("GET", path).header("x-api-key", key);
        Client::http1(envoy.listener("gateway"))
            .send(&request)
            .unwrap()
    };
    for _ in 0..5 {
        for name in ["one", "two"] {
            let path = format!("/prod/{name}/item");
            let answer = ask(&path, "acme-example-key-0123456789");
            assert_eq!((answer.status, &*answer.text()), (200, name));
            assert_eq!(ask(&path, "somebody-else").status, 403);
        }
    }
    for backend in &backends {
        assert_eq!(backend.seen().len(), 1);
        assert_eq!(backend.seen()[0].path, "/item");
    }
}
