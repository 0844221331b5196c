use attache_model::Protocol;
use proptest::prelude::*;
use serde_json::Value;
use wasm_bindgen_test::wasm_bindgen_test;

use super::Denial;
use crate::gateway_response::GatewayResponseType;

/// One of each.
fn all() -> Vec<Denial> {
    let text = || "a \"quoted\"\nreason".to_owned();
    vec![
        Denial::UnknownStage,
        Denial::MissingAuthenticationToken,
        Denial::IncompleteSignature(text()),
        Denial::Unauthorized { challenge: None },
        Denial::TokenExpired,
        Denial::AccessDenied(text()),
        Denial::AuthorizerFailure,
        Denial::AuthorizerConfigurationError,
        Denial::InvalidSignature(text()),
        Denial::UnrecognizedClient,
        Denial::ExpiredToken,
        Denial::UriTooLong,
        Denial::InvalidApiKey,
        Denial::Throttled,
        Denial::QuotaExceeded,
        Denial::RequestTooLarge,
        Denial::BadRequestParameters {
            missing: vec![text()],
        },
        Denial::BadRequestBody {
            validation_error: text(),
        },
        Denial::InvalidJsonInBody,
        Denial::UnsupportedMediaType,
        Denial::ApiConfigurationError,
        Denial::IntegrationTimeout,
        Denial::IntegrationFailure,
        Denial::LambdaMethodNotPost,
        Denial::IntegrationMalformed,
        Denial::MalformedLambdaProxyResponse,
    ]
}

/// The statuses are those of `api::test_gateway_response_crud`; the texts were recorded one by one.
#[wasm_bindgen_test(unsupported = test)]
fn each_type_has_the_status_error_type_and_message_of_aws() {
    let message = |text: &str| format!(r#"{{"message":"{text}"}}"#);
    let missing = Denial::BadRequestParameters {
        missing: vec!["x-header-param".into(), "issuer".into(), "qs1".into()],
    };
    let invalid = Denial::BadRequestBody {
        validation_error: "[object has missing required properties ([\"a\"])]".into(),
    };
    for (denial, response_type, status, error_type, body) in [
        (
            Denial::AccessDenied("no".into()),
            "ACCESS_DENIED",
            403,
            "AccessDeniedException",
            r#"{"Message":"no"}"#.to_owned(),
        ),
        (
            Denial::ApiConfigurationError,
            "API_CONFIGURATION_ERROR",
            500,
            "InternalServerErrorException",
            message("Internal server error"),
        ),
        (
            Denial::AuthorizerConfigurationError,
            "AUTHORIZER_CONFIGURATION_ERROR",
            500,
            "AuthorizerConfigurationException",
            r#"{"message":null}"#.to_owned(),
        ),
        (
            Denial::AuthorizerFailure,
            "AUTHORIZER_FAILURE",
            500,
            "AuthorizerFailureException",
            r#"{"message":null}"#.to_owned(),
        ),
        (
            missing,
            "BAD_REQUEST_PARAMETERS",
            400,
            "BadRequestException",
            message("Missing required request parameters: [x-header-param, issuer, qs1]"),
        ),
        (
            invalid,
            "BAD_REQUEST_BODY",
            400,
            "BadRequestException",
            message("Invalid request body"),
        ),
        (
            Denial::InvalidJsonInBody,
            "DEFAULT_4XX",
            400,
            "BadRequestException",
            message("Invalid JSON in request body"),
        ),
        (
            Denial::ExpiredToken,
            "EXPIRED_TOKEN",
            403,
            "ExpiredTokenException",
            message("The security token included in the request is expired"),
        ),
        (
            Denial::IntegrationFailure,
            "INTEGRATION_FAILURE",
            504,
            "InternalServerErrorException",
            message("Network error communicating with endpoint"),
        ),
        (
            Denial::LambdaMethodNotPost,
            "INTEGRATION_FAILURE",
            500,
            "InternalServerErrorException",
            message("Internal server error"),
        ),
        (
            Denial::IntegrationTimeout,
            "INTEGRATION_TIMEOUT",
            504,
            "InternalServerErrorException",
            message("Endpoint request timed out"),
        ),
        (
            Denial::InvalidApiKey,
            "INVALID_API_KEY",
            403,
            "ForbiddenException",
            message("Forbidden"),
        ),
        (
            Denial::InvalidSignature("no".into()),
            "INVALID_SIGNATURE",
            403,
            "InvalidSignatureException",
            message("no"),
        ),
        (
            Denial::MissingAuthenticationToken,
            "MISSING_AUTHENTICATION_TOKEN",
            403,
            "MissingAuthenticationTokenException",
            message("Missing Authentication Token"),
        ),
        (
            Denial::QuotaExceeded,
            "QUOTA_EXCEEDED",
            429,
            "LimitExceededException",
            message("Limit Exceeded"),
        ),
        (
            Denial::RequestTooLarge,
            "REQUEST_TOO_LARGE",
            413,
            "",
            "HTTP content length exceeded 10485760 bytes.".to_owned(),
        ),
        (
            Denial::Throttled,
            "THROTTLED",
            429,
            "TooManyRequestsException",
            message("Too Many Requests"),
        ),
        (
            Denial::Unauthorized { challenge: None },
            "UNAUTHORIZED",
            401,
            "UnauthorizedException",
            message("Unauthorized"),
        ),
        (
            Denial::UnsupportedMediaType,
            "UNSUPPORTED_MEDIA_TYPE",
            415,
            "BadRequestException",
            message("Unsupported Media Type"),
        ),
        (
            Denial::MalformedLambdaProxyResponse,
            "DEFAULT_5XX",
            502,
            "InternalServerErrorException",
            message("Internal server error"),
        ),
    ] {
        assert_eq!(
            denial.response_type(Protocol::Rest),
            GatewayResponseType::from_name(response_type),
            "{denial:?}"
        );
        let reply = denial.reply(Protocol::Rest);
        let field = |name: &str| {
            let found = reply
                .headers
                .iter()
                .find(|(candidate, _)| candidate == name);
            found.map_or("", |(_, value)| str::from_utf8(value).unwrap())
        };
        assert_eq!(reply.status, status, "{denial:?}");
        assert_eq!(field("x-amzn-errortype"), error_type, "{denial:?}");
        assert_eq!(str::from_utf8(&reply.body).unwrap(), body, "{denial:?}");
        let content_type = match denial {
            Denial::RequestTooLarge => "text/plain",
            _ => "application/json",
        };
        assert_eq!(field("content-type"), content_type, "{denial:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn no_gateway_response_is_for_what_comes_before_a_stage_or_a_signature() {
    for denial in all() {
        let untyped = matches!(
            denial,
            Denial::UnknownStage | Denial::IncompleteSignature(_)
        );
        assert_eq!(denial.response_type(Protocol::Rest).is_none(), untyped);
        assert_eq!(denial.response_type(Protocol::Http), None);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn every_answer_but_one_is_json_with_a_message() {
    for protocol in [Protocol::Rest, Protocol::Http] {
        for denial in all() {
            let reply = denial.reply(protocol);
            assert_eq!(reply.status, denial.status(protocol));
            assert!((400..600).contains(&reply.status));
            if (&denial, protocol) == (&Denial::RequestTooLarge, Protocol::Rest) {
                continue;
            }
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let body = body.as_object().unwrap();
            let message = body.get("message").or_else(|| body.get("Message")).unwrap();
            assert_eq!(message.as_str(), denial.message(protocol).as_deref());
            assert_eq!(body.len(), 1);
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_http_api_says_less() {
    for (denial, status, message) in [
        (Denial::UnknownStage, 404, "Not Found"),
        (Denial::MissingAuthenticationToken, 404, "Not Found"),
        (Denial::AccessDenied("no".into()), 403, "Forbidden"),
        (Denial::RequestTooLarge, 413, "Request Entity Too Large"),
        (Denial::IntegrationTimeout, 503, "Service Unavailable"),
        (
            Denial::MalformedLambdaProxyResponse,
            500,
            "Internal Server Error",
        ),
    ] {
        let reply = denial.reply(Protocol::Http);
        assert_eq!(reply.status, status);
        let body = format!(r#"{{"message":"{message}"}}"#);
        assert_eq!(str::from_utf8(&reply.body).unwrap(), body);
        assert!(!reply.has_header("x-amzn-errortype"));
    }
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn a_body_is_json_whatever_the_message(message in any::<String>()) {
        for denial in [
            Denial::AccessDenied(message.clone()),
            Denial::InvalidSignature(message.clone()),
            Denial::IncompleteSignature(message.clone()),
            Denial::BadRequestParameters { missing: vec![message.clone(), message.clone()] },
        ] {
            for protocol in [Protocol::Rest, Protocol::Http] {
                let body: Value = serde_json::from_slice(&denial.reply(protocol).body).unwrap();
                let told = body.as_object().unwrap().values().next().unwrap();
                let message = denial.message(protocol);
                prop_assert_eq!(told.as_str(), message.as_deref());
            }
        }
    }
}
