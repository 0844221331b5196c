//! The configurations of the filters that do one thing only.
//!
//! Each is refused with a reason, or serves a request.

use std::sync::Arc;

use attache_policies::Service;
use attache_policies::filter::api_key::ApiKeyFilter;
use attache_policies::filter::usage_plan::UsagePlanFilter;
use attache_testkit::{Host, Proxy, Request, Script};

use crate::fixture;
use crate::head;

pub(super) fn api_key(input: &[u8]) {
    serve::<ApiKeyFilter>(input);
}

pub(super) fn usage_plan(input: &[u8]) {
    serve::<UsagePlanFilter>(input);
}

fn serve<S: Service>(configuration: &[u8]) {
    let filter = match S::compile(configuration, &|_: &str| None) {
        Ok(filter) => Arc::new(filter),
        Err(reasons) => {
            assert!(!reasons.is_empty() && reasons.iter().all(|reason| !reason.is_empty()));
            return;
        }
    };
    let request = Request::new("GET", "/").header("x-api-key", fixture::API_KEY);
    let host = Host::new(filter, &Proxy::new());
    for _ in 0..2 {
        let outcome = host.exchange(&request, &mut Script::answering("{}"));
        assert!([200, 403, 429].contains(&outcome.status()));
        if outcome.replied {
            head::assert_refusal(&outcome.client.unwrap_or_default());
        }
    }
}
