//! Every way to refuse a request, and the gateway response that it becomes.

use attache_model::Protocol;

use crate::exchange::Reply;

/// Why a request is not served. One variant for each of AWS's gateway response types that the
/// gateway can give, and for the refusals that have no type of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No API or stage answers at this host and path (REST: `Forbidden`, HTTP: `Not Found`).
    UnknownStage,
    /// MISSING_AUTHENTICATION_TOKEN: the stage has no such resource and method.
    MissingAuthenticationToken,
    /// The same for a request with an `Authorization` header, which AWS then reads as a
    /// signature. Holds AWS's message.
    IncompleteSignature(String),
    /// INVALID_API_KEY: no key, or one that does not open this stage.
    InvalidApiKey,
    /// THROTTLED: a bucket is empty.
    Throttled,
    /// QUOTA_EXCEEDED: nothing is left of the period's requests.
    QuotaExceeded,
    /// REQUEST_TOO_LARGE: the body is over 10 MB.
    RequestTooLarge,
    /// API_CONFIGURATION_ERROR: the integration cannot be called as it is configured, as with an
    /// endpoint whose stage variable is empty.
    ApiConfigurationError,
    /// INTEGRATION_TIMEOUT: the back end did not answer in time.
    IntegrationTimeout,
    /// INTEGRATION_FAILURE: the back end cannot be reached.
    IntegrationFailure,
    /// The back end answered something that is not HTTP. AWS has no type for it but
    /// DEFAULT_5XX.
    IntegrationMalformed,
}

/// What one refusal looks like on the wire.
struct GatewayResponse<'d> {
    /// AWS's name of the type, for the access log; `None` where AWS has none.
    response_type: Option<&'static str>,
    status: u16,
    /// The value of `x-amzn-ErrorType`.
    error_type: &'static str,
    message: &'d str,
}

impl Denial {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self, protocol: Protocol) -> u16 {
        self.gateway_response(protocol).status
    }

    /// AWS's name of the gateway response type (`$context.error.responseType`).
    #[must_use]
    pub fn response_type(&self, protocol: Protocol) -> Option<&'static str> {
        self.gateway_response(protocol).response_type
    }

    /// The message (`$context.error.message`).
    #[must_use]
    pub fn message(&self, protocol: Protocol) -> &str {
        self.gateway_response(protocol).message
    }

    /// The answer to the client, without the headers that every answer carries.
    #[must_use]
    pub fn reply(&self, protocol: Protocol) -> Reply {
        let response = self.gateway_response(protocol);
        if matches!(self, Self::RequestTooLarge) {
            // The one refusal that AWS sends as plain text, and that cannot be customised.
            return Reply {
                status: response.status,
                headers: vec![("content-type".to_owned(), b"text/plain".to_vec())],
                body: response.message.as_bytes().to_vec(),
            };
        }
        let message = serde_json::Value::from(response.message);
        let mut headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
        if protocol == Protocol::Rest {
            headers.push(("x-amzn-errortype".to_owned(), response.error_type.into()));
        }
        Reply {
            status: response.status,
            headers,
            body: format!("{{\"message\":{message}}}").into_bytes(),
        }
    }

    fn gateway_response(&self, protocol: Protocol) -> GatewayResponse<'_> {
        match protocol {
            Protocol::Rest => self.rest(),
            Protocol::Http => self.http(),
        }
    }

    /// REST APIs: <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>
    fn rest(&self) -> GatewayResponse<'_> {
        let (response_type, status, error_type, message) = match self {
            Self::UnknownStage => (None, 403, "ForbiddenException", "Forbidden"),
            Self::MissingAuthenticationToken => (
                Some("MISSING_AUTHENTICATION_TOKEN"),
                403,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ),
            Self::IncompleteSignature(message) => {
                (None, 403, "IncompleteSignatureException", message.as_str())
            }
            Self::InvalidApiKey => (
                Some("INVALID_API_KEY"),
                403,
                "ForbiddenException",
                "Forbidden",
            ),
            Self::Throttled => (
                Some("THROTTLED"),
                429,
                "TooManyRequestsException",
                "Too Many Requests",
            ),
            Self::QuotaExceeded => (
                Some("QUOTA_EXCEEDED"),
                429,
                "LimitExceededException",
                "Limit Exceeded",
            ),
            Self::RequestTooLarge => (
                Some("REQUEST_TOO_LARGE"),
                413,
                "RequestTooLargeException",
                "HTTP content length exceeded 10485760 bytes.",
            ),
            Self::ApiConfigurationError => (
                Some("API_CONFIGURATION_ERROR"),
                500,
                "InternalServerErrorException",
                "Internal server error",
            ),
            Self::IntegrationTimeout => (
                Some("INTEGRATION_TIMEOUT"),
                504,
                "InternalServerErrorException",
                "Endpoint request timed out",
            ),
            Self::IntegrationFailure => (
                Some("INTEGRATION_FAILURE"),
                504,
                "InternalServerErrorException",
                "Network error communicating with endpoint",
            ),
            Self::IntegrationMalformed => (
                None,
                502,
                "InternalServerErrorException",
                "Internal server error",
            ),
        };
        GatewayResponse {
            response_type,
            status,
            error_type,
            message,
        }
    }

    /// HTTP APIs have no gateway responses, only these answers.
    fn http(&self) -> GatewayResponse<'_> {
        let (status, message) = match self {
            Self::UnknownStage
            | Self::MissingAuthenticationToken
            | Self::IncompleteSignature(_) => (404, "Not Found"),
            Self::InvalidApiKey => (403, "Forbidden"),
            Self::Throttled | Self::QuotaExceeded => (429, "Too Many Requests"),
            Self::RequestTooLarge => (413, "Request Entity Too Large"),
            Self::ApiConfigurationError | Self::IntegrationMalformed => {
                (500, "Internal Server Error")
            }
            Self::IntegrationTimeout | Self::IntegrationFailure => (503, "Service Unavailable"),
        };
        GatewayResponse {
            response_type: None,
            status,
            error_type: "",
            message,
        }
    }
}
