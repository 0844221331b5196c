use attache_model::{
    Account, Api, Gateway, HttpProxy, Integration, MethodSettings, Mock, Operation, Protocol,
    Stage, Verb,
};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{WebSockets, is_handshake};
use crate::route::Routes;
use crate::{Denial, Headers};

fn gateway(operations: Vec<Operation>, enabled: &[usize]) -> Gateway {
    let mut stage = Stage::new("prod");
    stage.methods = enabled
        .iter()
        .map(|operation| MethodSettings {
            operation: *operation,
            throttle: None,
            metrics_enabled: None,
            web_socket_enabled: true,
        })
        .collect();
    Gateway {
        apis: vec![Api {
            any_host: true,
            operations,
            stages: vec![stage],
            ..Api::new("chat", Protocol::Rest)
        }],
        ..Gateway::new(Account::default())
    }
}

fn proxied(path: &str, method: Verb) -> Operation {
    Operation::new(
        path,
        method,
        Integration::HttpProxy(HttpProxy::new("http://127.0.0.1:9000/")),
    )
}

fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> Headers {
    let head = [(":authority", "a"), (":method", method), (":path", path)];
    head.iter().chain(fields).copied().collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_handshake_asks_in_two_header_fields() {
    for (fields, expected) in [
        (
            &[("upgrade", "websocket"), ("connection", "Upgrade")][..],
            true,
        ),
        (
            &[
                ("upgrade", "WebSocket"),
                ("connection", "keep-alive, upgrade"),
            ],
            true,
        ),
        (
            &[
                ("upgrade", "h2c, websocket"),
                ("connection", "keep-alive"),
                ("connection", "upgrade"),
            ],
            true,
        ),
        (&[("upgrade", "websocket")], false),
        (&[("upgrade", "websocket"), ("connection", "close")], false),
        (&[("upgrade", "h2c"), ("connection", "upgrade")], false),
        (
            &[("upgrade", "websockets"), ("connection", "upgrade")],
            false,
        ),
        (&[("connection", "upgrade")], false),
        (&[], false),
    ] {
        assert_eq!(
            is_handshake(&request("GET", "/", fields)),
            expected,
            "{fields:?}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn only_the_methods_that_are_set_up_for_it_take_a_handshake() {
    let document = gateway(
        vec![
            proxied("/chat", Verb::Get),
            proxied("/any", Verb::Any),
            proxied("/plain", Verb::Get),
        ],
        &[0, 1],
    );
    let web_sockets = WebSockets::compile(&document).unwrap();
    let routes = Routes::compile(&document).unwrap();
    let upgrade = [("upgrade", "websocket"), ("connection", "upgrade")];
    for (method, path, fields, expected) in [
        ("GET", "/prod/chat", &upgrade[..], Ok(true)),
        ("GET", "/prod/any", &upgrade, Ok(true)),
        (
            "POST",
            "/prod/any",
            &upgrade,
            Err(Denial::UnexpectedUpgrade),
        ),
        (
            "GET",
            "/prod/plain",
            &upgrade,
            Err(Denial::UnexpectedUpgrade),
        ),
        ("GET", "/prod/chat", &[], Ok(false)),
        ("GET", "/prod/plain", &[], Ok(false)),
        ("POST", "/prod/any", &upgrade[..1], Ok(false)),
    ] {
        let request = request(method, path, fields);
        let route = routes.find(&request).unwrap();
        assert_eq!(
            web_sockets.handshake(&request, route),
            expected,
            "{method} {path}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn methods_that_cannot_take_one_are_refused() {
    let document = gateway(
        vec![
            proxied("/chat", Verb::Post),
            Operation::new("/mock", Verb::Get, Integration::Mock(Mock::default())),
            proxied("/fine", Verb::Get),
        ],
        &[0, 1, 2],
    );
    let errors = WebSockets::compile(&document).unwrap_err();
    let places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(
        places,
        [
            "/apis/0/stages/0/methods/0/webSocketEnabled",
            "/apis/0/stages/0/methods/1/webSocketEnabled",
        ]
    );
}
