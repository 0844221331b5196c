//! `MOCK`: nobody is called, and the request itself says with which status it is answered.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html>

use attache_values::json::{self, ReadOptions};
use attache_values::{Number, Value};

use crate::denial::Denial;
use crate::exchange::Exchange;
use crate::execution_log::misconfigured;
use crate::integration::call::Payload;
use crate::integration::held_body;

/// The `statusCode` of what the request has become. Keys need no quotes, and commas too many do
/// no harm.
///
/// # Errors
///
/// [`Denial::ApiConfigurationError`] when it has none that is an integer, and
/// [`Denial::RequestTooLarge`] for a body over 10 MB that passes as it is.
pub(super) async fn status(exchange: &Exchange, payload: Payload) -> Result<i64, Denial> {
    let status = match payload {
        Payload::AsSent => status_code(held_body(exchange).await?),
        Payload::Replaced(body) => status_code(&body),
    };
    status.ok_or_else(|| {
        misconfigured(
            "Unable to parse statusCode. It should be an integer that is defined in the request \
             template.",
        )
    })
}

fn status_code(body: &[u8]) -> Option<i64> {
    let text = str::from_utf8(body).ok()?;
    match json::read(text, ReadOptions::default()).ok()?.value {
        Value::Map(members) => match members.get("statusCode")? {
            Value::Number(Number::Integer(status)) => Some(status),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::status_code;

    /// `integrations::test_integration_mock_*`
    #[wasm_bindgen_test(unsupported = test)]
    fn the_status_is_an_integer_in_an_object() {
        for (body, expected) in [
            (r#"{"statusCode": 200}"#, Some(200)),
            ("{statusCode: 404}", Some(404)),
            (r#"{"statusCode": 200,}"#, Some(200)),
            (" {\n 'statusCode' : 444 , \"a\": {} }\n", Some(444)),
            (r#"{"statusCode": "200"}"#, None),
            (r#"{"statusCode": 200.5}"#, None),
            (r#"{"statusCode": null}"#, None),
            (r#"{"statuscode": 200}"#, None),
            ("{}", None),
            ("", None),
            ("200", None),
            ("[200]", None),
            ("not json", None),
            ("{\"statusCode\": 200", None),
        ] {
            assert_eq!(status_code(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(status_code(b"\xff"), None);
    }
}
