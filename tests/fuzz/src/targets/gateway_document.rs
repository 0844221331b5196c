//! The configuration document of `gateway.wasm`.
//!
//! It is read, or refused with its place. What was read survives being written, compiles or is
//! refused with every reason, and what compiles serves requests.

use std::sync::Arc;

use attache_policies::Gateway;
use attache_testkit::{Host, Proxy, Request, Script};

pub(super) fn run(input: &[u8]) {
    let document = match attache_model::from_json(input) {
        Ok(document) => document,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let text = serde_json::to_vec(&document).expect("what was read can be written");
    let again = attache_model::from_json(&text).expect("what was written can be read");
    let compiled = Gateway::compile(&document, &|_: &str| None);
    assert_eq!(
        compiled.is_ok(),
        Gateway::compile(&again, &|_: &str| None).is_ok()
    );
    let gateway = match compiled {
        Ok(gateway) => Arc::new(gateway),
        Err(faults) => {
            assert!(!faults.is_empty());
            return;
        }
    };
    let host = Host::new(gateway, &Proxy::new());
    for api in document.apis.iter().take(4) {
        let (Some(stage), Some(operation)) = (api.stages.first(), api.operations.first()) else {
            continue;
        };
        let path = format!("/{}{}", stage.name, operation.path);
        let mut request = Request::new("GET", &path);
        request.headers = [
            (":method", "GET"),
            (":path", &path),
            (":authority", &format!("{}.localhost", api.id)),
        ]
        .into_iter()
        .collect();
        let status = host
            .exchange(&request, &mut Script::answering("{}"))
            .status();
        assert!((200..=500).contains(&status), "{status}");
    }
}
