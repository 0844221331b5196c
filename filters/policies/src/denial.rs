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
    /// UNAUTHORIZED: no identity, or one that counts for nothing.
    Unauthorized {
        /// What an HTTP API's JWT authorizer says in `www-authenticate`.
        challenge: Option<String>,
    },
    /// UNAUTHORIZED: the token was good once. Cognito user pools alone say so.
    TokenExpired,
    /// ACCESS_DENIED: the caller is known and may not do this. Holds AWS's message.
    AccessDenied(String),
    /// AUTHORIZER_FAILURE: the authorizer was asked and did not answer.
    AuthorizerFailure,
    /// AUTHORIZER_CONFIGURATION_ERROR: the authorizer failed, or its answer cannot be read.
    AuthorizerConfigurationError,
    /// INVALID_SIGNATURE: the request is not signed as it should be. Holds AWS's message.
    InvalidSignature(String),
    /// The access key of a signature is not known, or its session token is not the right one. AWS
    /// has no type for it but DEFAULT_4XX.
    UnrecognizedClient,
    /// EXPIRED_TOKEN: the credentials of a signature are no longer in force.
    ExpiredToken,
    /// The ARN of the method is over 1600 bytes, which no policy can be judged by.
    UriTooLong,
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

/// A gateway response whose message is AWS's `null`.
const NO_MESSAGE: &str = "";

/// What one refusal looks like on the wire.
struct GatewayResponse<'d> {
    /// AWS's name of the type, for the access log; `None` where AWS has none.
    response_type: Option<&'static str>,
    status: u16,
    /// The value of `x-amzn-ErrorType`.
    error_type: &'static str,
    /// `None` is AWS's `null`.
    message: Option<&'d str>,
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

    /// The message (`$context.error.message`), where there is one.
    #[must_use]
    pub fn message(&self, protocol: Protocol) -> Option<&str> {
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
                body: response.message.unwrap_or_default().into(),
            };
        }
        let message = serde_json::Value::from(response.message);
        let mut headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
        if protocol == Protocol::Rest {
            headers.push(("x-amzn-errortype".to_owned(), response.error_type.into()));
        } else if let Self::Unauthorized {
            challenge: Some(challenge),
        } = self
        {
            headers.push((
                "www-authenticate".to_owned(),
                challenge.clone().into_bytes(),
            ));
        }
        // AWS's policies say it with a capital letter, and nothing else does.
        let name = match (self, protocol) {
            (Self::AccessDenied(_), Protocol::Rest) => "Message",
            _ => "message",
        };
        Reply {
            status: response.status,
            headers,
            body: format!("{{\"{name}\":{message}}}").into_bytes(),
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
            Self::Unauthorized { .. } => (
                Some("UNAUTHORIZED"),
                401,
                "UnauthorizedException",
                "Unauthorized",
            ),
            Self::TokenExpired => (
                Some("UNAUTHORIZED"),
                401,
                "UnauthorizedException",
                "The incoming token has expired",
            ),
            Self::AccessDenied(message) => (
                Some("ACCESS_DENIED"),
                403,
                "AccessDeniedException",
                message.as_str(),
            ),
            Self::AuthorizerFailure => (
                Some("AUTHORIZER_FAILURE"),
                500,
                "AuthorizerFailureException",
                NO_MESSAGE,
            ),
            Self::AuthorizerConfigurationError => (
                Some("AUTHORIZER_CONFIGURATION_ERROR"),
                500,
                "AuthorizerConfigurationException",
                NO_MESSAGE,
            ),
            Self::InvalidSignature(message) => (
                Some("INVALID_SIGNATURE"),
                403,
                "InvalidSignatureException",
                message.as_str(),
            ),
            Self::UnrecognizedClient => (
                None,
                403,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Self::ExpiredToken => (
                Some("EXPIRED_TOKEN"),
                403,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            Self::UriTooLong => (
                None,
                414,
                "RequestURITooLongException",
                "Request URI too long",
            ),
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
            message: (!message.is_empty()).then_some(message),
        }
    }

    /// HTTP APIs have no gateway responses, only these answers.
    fn http(&self) -> GatewayResponse<'_> {
        let (status, message) = match self {
            Self::UnknownStage
            | Self::MissingAuthenticationToken
            | Self::IncompleteSignature(_) => (404, "Not Found"),
            Self::Unauthorized { .. } | Self::TokenExpired => (401, "Unauthorized"),
            Self::AccessDenied(_)
            | Self::InvalidSignature(_)
            | Self::UnrecognizedClient
            | Self::ExpiredToken
            | Self::InvalidApiKey => (403, "Forbidden"),
            Self::UriTooLong => (414, "Request-URI Too Long"),
            Self::Throttled | Self::QuotaExceeded => (429, "Too Many Requests"),
            Self::RequestTooLarge => (413, "Request Entity Too Large"),
            Self::AuthorizerFailure
            | Self::AuthorizerConfigurationError
            | Self::ApiConfigurationError
            | Self::IntegrationMalformed => (500, "Internal Server Error"),
            Self::IntegrationTimeout | Self::IntegrationFailure => (503, "Service Unavailable"),
        };
        GatewayResponse {
            response_type: None,
            status,
            error_type: "",
            message: Some(message),
        }
    }
}
