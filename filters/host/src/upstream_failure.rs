//! Reads in Envoy's `response.code_details` why there was no answer from the upstream.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details>

use attache_policies::UpstreamFailure;

/// `None` when the upstream itself answered.
#[must_use]
pub fn read(details: &[u8]) -> Option<UpstreamFailure> {
    let says = |word: &str| {
        details
            .windows(word.len())
            .any(|part| part == word.as_bytes())
    };
    if details == b"via_upstream" {
        None
    } else if says("response_timeout")
        || says("per_try_timeout")
        || says("max_duration_timeout")
        || says("stream_idle_timeout")
    {
        Some(UpstreamFailure::Timeout)
    } else if says("protocol_error") {
        Some(UpstreamFailure::Malformed)
    } else if says("upstream_reset")
        || says("no_healthy_upstream")
        || says("cluster_not_found")
        || says("early_upstream_reset")
    {
        Some(UpstreamFailure::Unreachable)
    } else {
        Some(UpstreamFailure::Other)
    }
}

#[cfg(test)]
mod tests {
    use attache_policies::UpstreamFailure::{Malformed, Other, Timeout, Unreachable};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::read;

    #[wasm_bindgen_test(unsupported = test)]
    fn details_name_their_failure() {
        for (details, failure) in [
            ("via_upstream", None),
            ("response_timeout", Some(Timeout)),
            ("upstream_response_timeout", Some(Timeout)),
            ("upstream_per_try_timeout", Some(Timeout)),
            // A WebSocket handshake that the back end leaves unanswered.
            ("stream_idle_timeout", Some(Timeout)),
            (
                "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
                Some(Unreachable),
            ),
            (
                "upstream_reset_before_response_started{connection_termination}",
                Some(Unreachable),
            ),
            (
                "upstream_reset_before_response_started{protocol_error}",
                Some(Malformed),
            ),
            ("no_healthy_upstream", Some(Unreachable)),
            ("cluster_not_found", Some(Unreachable)),
            ("request_overall_timeout", Some(Other)),
            ("", Some(Other)),
        ] {
            assert_eq!(read(details.as_bytes()), failure, "{details}");
        }
    }
}
