use attache_model::Protocol;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::gateway_response::GatewayResponses;
use crate::gateway_response::tests::{Says, gateway};

/// The faults, each as its place below the gateway responses and what is wrong there.
fn faults(name: &str, says: Says<'_>) -> Vec<String> {
    let faults = GatewayResponses::compile(&gateway(&[(name, says)])).unwrap_err();
    faults
        .into_iter()
        .map(|fault| {
            assert!(fault.hint.is_some(), "{fault}");
            let place = fault.pointer.strip_prefix("/apis/0/gatewayResponses/");
            format!("{}: {}", place.unwrap(), fault.reason)
        })
        .collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_type_that_aws_does_not_know_is_a_fault() {
    assert_eq!(
        faults("THROTLED", Says::default()),
        ["THROTLED: `THROTLED` is not a type of gateway response"]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_status_is_that_of_a_whole_answer() {
    for status in [0, 100, 101, 199, 600, u16::MAX] {
        let says = Says {
            status: Some(status),
            ..Says::default()
        };
        assert_eq!(
            faults("THROTTLED", says),
            [format!(
                "THROTTLED/statusCode: no answer ends with the status {status}"
            )]
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_framing_of_an_answer_is_nobodys_to_map() {
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Connection",
        "Keep-Alive",
        "upgrade",
        "Trailer",
        "TE",
        "proxy-connection",
    ] {
        let key = format!("gatewayresponse.header.{name}");
        let says = Says {
            parameters: &[(&key, "'5'")],
            ..Says::default()
        };
        let lower = name.to_ascii_lowercase();
        assert_eq!(
            faults("THROTTLED", says),
            [format!(
                "THROTTLED/parameters/{key}: the field `{lower}` is written by the proxy alone"
            )]
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn targets_and_sources_that_are_none_are_faults() {
    for key in [
        "",
        "x",
        "gatewayresponse.header.",
        "gatewayresponse.header.a b",
        "gatewayresponse.header.:status",
        "gatewayresponse.body.x",
        "method.response.header.x",
    ] {
        let says = Says {
            parameters: &[(key, "'x'")],
            ..Says::default()
        };
        let expected =
            format!("THROTTLED/parameters/{key}: `{key}` is not a target of a gateway response");
        assert_eq!(faults("THROTTLED", says), [expected]);
    }
    for expression in [
        "",
        "*",
        "'",
        "context.nothing",
        "stageVariables.",
        "stageVariables.a-b",
        "method.request.header.",
        "method.request.body",
        "integration.response.header.x",
    ] {
        let says = Says {
            parameters: &[
                ("gatewayresponse.header.a/b~c", "'x'"),
                ("gatewayresponse.header.x", expression),
            ],
            ..Says::default()
        };
        let [of_target, of_source] = &faults("THROTTLED", says)[..] else {
            panic!("{expression}");
        };
        assert!(of_target.starts_with("THROTTLED/parameters/gatewayresponse.header.a~1b~0c: "));
        let expected = format!(
            "THROTTLED/parameters/gatewayresponse.header.x: the mapping expression \
             `{expression}` is not understood"
        );
        assert_eq!(*of_source, expected);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_content_type_fits_into_a_header_field() {
    let says = Says {
        templates: &[("application/json", ""), ("a/b\r\nx: y", "")],
        ..Says::default()
    };
    assert_eq!(
        faults("THROTTLED", says),
        [r#"THROTTLED/templates/1/contentType: "a/b\r\nx: y" is not a content type"#]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn an_http_api_has_none() {
    let mut gateway = gateway(&[("THROTTLED", Says::default())]);
    gateway.apis[0].protocol = Protocol::Http;
    let faults = GatewayResponses::compile(&gateway).unwrap_err();
    let [fault] = &faults[..] else {
        panic!("{faults:?}");
    };
    assert_eq!(fault.pointer, "/apis/0/gatewayResponses");
    gateway.apis[0].gateway_responses.clear();
    assert!(GatewayResponses::compile(&gateway).is_ok());
}
