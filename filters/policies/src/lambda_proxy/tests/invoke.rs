//! What becomes of what Lambda's API answers.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::denial::Denial;
use crate::exchange::CalloutAnswer;
use crate::lambda_proxy::invoke::result;

fn answered(status: &str, fields: &[(&str, &str)], body: &str) -> CalloutAnswer {
    let status = [(":status", status)];
    CalloutAnswer::Answered {
        headers: status.iter().chain(fields).copied().collect(),
        body: body.into(),
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn only_a_function_that_has_answered_has_a_result() {
    let json = ("content-type", "application/json");
    let text = ("content-type", "text/plain");
    for (answer, expected) in [
        (answered("200", &[json], "{}"), Ok(b"{}".to_vec())),
        (answered("200", &[], ""), Ok(Vec::new())),
        (
            answered("200", &[json, ("x-amz-function-error", "Unhandled")], "{}"),
            Err(Denial::MalformedLambdaProxyResponse),
        ),
        (
            answered("504", &[text], "upstream request timeout"),
            Err(Denial::IntegrationTimeout),
        ),
        (
            answered("503", &[text], "upstream connect error or disconnect/reset"),
            Err(Denial::IntegrationFailure),
        ),
        (
            answered("503", &[text], "no healthy upstream"),
            Err(Denial::IntegrationFailure),
        ),
        (CalloutAnswer::Failed, Err(Denial::IntegrationFailure)),
        // Lambda's own.
        (
            answered("503", &[json], "{}"),
            Err(Denial::ApiConfigurationError),
        ),
        (
            answered("500", &[json], "{}"),
            Err(Denial::ApiConfigurationError),
        ),
        (
            answered("429", &[json], "{}"),
            Err(Denial::ApiConfigurationError),
        ),
        (
            answered("403", &[json], "{}"),
            Err(Denial::ApiConfigurationError),
        ),
        (
            answered("404", &[json], "{}"),
            Err(Denial::ApiConfigurationError),
        ),
        (answered("202", &[], ""), Err(Denial::ApiConfigurationError)),
        (answered("413", &[json], "{}"), Err(Denial::RequestTooLarge)),
        (answered("", &[], ""), Err(Denial::IntegrationMalformed)),
    ] {
        assert_eq!(result(answer.clone()), expected, "{answer:?}");
    }
}
