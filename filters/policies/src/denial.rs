//! Every way to refuse a request, and the gateway response that it becomes.

use std::borrow::Cow;

use attache_model::Protocol;

use crate::exchange::Reply;
use crate::gateway_response::GatewayResponseType;

/// Why a request is not served. One variant for each of AWS's gateway response types that the
/// gateway can give, and for the refusals that have no type of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No API or stage answers at this host and path (REST: `Forbidden`, HTTP: `Not Found`).
    UnknownStage,
    /// The custom domain name is another one than that of the connection (RFC 9110, section
    /// 15.5.20): a client that has taken both for one server is to open a connection for it.
    MisdirectedRequest,
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
    /// The client asks for a WebSocket connection with a method that takes none. AWS has no type for
    /// it.
    UnexpectedUpgrade,
    /// REQUEST_TOO_LARGE: the body is over 10 MB.
    RequestTooLarge,
    /// BAD_REQUEST_PARAMETERS: the operation requires parameters that the request does not have.
    BadRequestParameters {
        /// Their names, in the order in which AWS tells them: header fields, then those of the
        /// path, then those of the query string.
        missing: Vec<String>,
    },
    /// BAD_REQUEST_BODY: the body is not what the operation's model says.
    BadRequestBody {
        /// Why, for `$context.error.validationErrorString`; the message does not tell.
        validation_error: String,
    },
    /// A parameter is mapped from a body that is not JSON. AWS has no type for it but
    /// DEFAULT_4XX.
    InvalidJsonInBody,
    /// UNSUPPORTED_MEDIA_TYPE: no mapping template is for this type of body, and it may not pass
    /// as it is.
    UnsupportedMediaType,
    /// API_CONFIGURATION_ERROR: the integration cannot be called, or its answer not be mapped, as
    /// it is configured: an endpoint whose stage variable is empty, a mapping template that fails,
    /// an answer that no integration response is for.
    ApiConfigurationError,
    /// INTEGRATION_TIMEOUT: the back end did not answer in time.
    IntegrationTimeout,
    /// INTEGRATION_FAILURE: the back end cannot be reached.
    IntegrationFailure,
    /// INTEGRATION_FAILURE too, but with the status 500: a Lambda proxy integration whose method
    /// is not POST, the only one with which functions are invoked.
    LambdaMethodNotPost,
    /// The back end answered something that is not HTTP. AWS has no type for it but
    /// DEFAULT_5XX.
    IntegrationMalformed,
    /// A Lambda function failed, or answered something that is not the response of a proxy
    /// integration. AWS has no type for it but DEFAULT_5XX.
    MalformedLambdaProxyResponse,
}

const MISDIRECTED_REQUEST: &str = "Misdirected Request";

/// What one refusal looks like on the wire.
struct GatewayResponse<'d> {
    /// `None` where no gateway response of AWS's applies.
    response_type: Option<GatewayResponseType>,
    status: u16,
    /// The value of `x-amzn-ErrorType`.
    error_type: &'static str,
    /// `None` is AWS's `null`.
    message: Option<Cow<'d, str>>,
}

impl Denial {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self, protocol: Protocol) -> u16 {
        self.gateway_response(protocol).status
    }

    /// The gateway response type (`$context.error.responseType`): by which the API may have changed
    /// the answer. `None` for a refusal that no gateway response is for.
    #[must_use]
    pub fn response_type(&self, protocol: Protocol) -> Option<GatewayResponseType> {
        self.gateway_response(protocol).response_type
    }

    /// The message (`$context.error.message`), where there is one.
    #[must_use]
    pub fn message(&self, protocol: Protocol) -> Option<Cow<'_, str>> {
        self.gateway_response(protocol).message
    }

    /// Why a body was refused (`$context.error.validationErrorString`).
    #[must_use]
    pub fn validation_error(&self) -> Option<&str> {
        match self {
            Self::BadRequestBody { validation_error } => Some(validation_error),
            _ => None,
        }
    }

    /// The answer to the client, without the headers that every answer carries.
    #[must_use]
    pub fn reply(&self, protocol: Protocol) -> Reply {
        let response = self.gateway_response(protocol);
        if matches!((self, protocol), (Self::RequestTooLarge, Protocol::Rest)) {
            // The one refusal that AWS sends as plain text, and that cannot be customised.
            return Reply {
                status: response.status,
                headers: vec![("content-type".to_owned(), b"text/plain".to_vec())],
                body: response.message.unwrap_or_default().into_owned().into(),
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
        use GatewayResponseType as Type;

        const SERVER_ERROR: &str = "InternalServerErrorException";
        const SERVER_ERROR_MESSAGE: &str = "Internal server error";
        let mut named = None;
        let (response_type, status, error_type, message) = match self {
            Self::UnknownStage => (None, 403, "ForbiddenException", "Forbidden"),
            Self::MisdirectedRequest => (
                None,
                421,
                "MisdirectedRequestException",
                MISDIRECTED_REQUEST,
            ),
            Self::UnexpectedUpgrade => (None, 400, "BadRequestException", "Bad Request"),
            Self::MissingAuthenticationToken => (
                Some(Type::MissingAuthenticationToken),
                403,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ),
            Self::IncompleteSignature(message) => {
                (None, 403, "IncompleteSignatureException", message.as_str())
            }
            Self::Unauthorized { .. } => (
                Some(Type::Unauthorized),
                401,
                "UnauthorizedException",
                "Unauthorized",
            ),
            Self::TokenExpired => (
                Some(Type::Unauthorized),
                401,
                "UnauthorizedException",
                "The incoming token has expired",
            ),
            Self::AccessDenied(message) => (
                Some(Type::AccessDenied),
                403,
                "AccessDeniedException",
                message.as_str(),
            ),
            Self::AuthorizerFailure => (
                Some(Type::AuthorizerFailure),
                500,
                "AuthorizerFailureException",
                "",
            ),
            Self::AuthorizerConfigurationError => (
                Some(Type::AuthorizerConfigurationError),
                500,
                "AuthorizerConfigurationException",
                "",
            ),
            Self::InvalidSignature(message) => (
                Some(Type::InvalidSignature),
                403,
                "InvalidSignatureException",
                message.as_str(),
            ),
            Self::UnrecognizedClient => (
                Some(Type::Default4xx),
                403,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Self::ExpiredToken => (
                Some(Type::ExpiredToken),
                403,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            Self::UriTooLong => (
                Some(Type::Default4xx),
                414,
                "RequestURITooLongException",
                "Request URI too long",
            ),
            Self::InvalidApiKey => (
                Some(Type::InvalidApiKey),
                403,
                "ForbiddenException",
                "Forbidden",
            ),
            Self::Throttled => (
                Some(Type::Throttled),
                429,
                "TooManyRequestsException",
                "Too Many Requests",
            ),
            Self::QuotaExceeded => (
                Some(Type::QuotaExceeded),
                429,
                "LimitExceededException",
                "Limit Exceeded",
            ),
            Self::RequestTooLarge => (
                Some(Type::RequestTooLarge),
                413,
                "RequestTooLargeException",
                "HTTP content length exceeded 10485760 bytes.",
            ),
            Self::BadRequestParameters { missing } => {
                named = Some(format!(
                    "Missing required request parameters: [{}]",
                    missing.join(", ")
                ));
                (
                    Some(Type::BadRequestParameters),
                    400,
                    "BadRequestException",
                    "",
                )
            }
            Self::BadRequestBody { .. } => (
                Some(Type::BadRequestBody),
                400,
                "BadRequestException",
                "Invalid request body",
            ),
            Self::InvalidJsonInBody => (
                Some(Type::Default4xx),
                400,
                "BadRequestException",
                "Invalid JSON in request body",
            ),
            Self::UnsupportedMediaType => (
                Some(Type::UnsupportedMediaType),
                415,
                "BadRequestException",
                "Unsupported Media Type",
            ),
            Self::ApiConfigurationError => (
                Some(Type::ApiConfigurationError),
                500,
                SERVER_ERROR,
                SERVER_ERROR_MESSAGE,
            ),
            Self::IntegrationTimeout => (
                Some(Type::IntegrationTimeout),
                504,
                SERVER_ERROR,
                "Endpoint request timed out",
            ),
            Self::IntegrationFailure => (
                Some(Type::IntegrationFailure),
                504,
                SERVER_ERROR,
                "Network error communicating with endpoint",
            ),
            Self::LambdaMethodNotPost => (
                Some(Type::IntegrationFailure),
                500,
                SERVER_ERROR,
                SERVER_ERROR_MESSAGE,
            ),
            Self::IntegrationMalformed | Self::MalformedLambdaProxyResponse => (
                Some(Type::Default5xx),
                502,
                SERVER_ERROR,
                SERVER_ERROR_MESSAGE,
            ),
        };
        let message = named.map_or(Cow::Borrowed(message), Cow::Owned);
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
            Self::MisdirectedRequest => (421, MISDIRECTED_REQUEST),
            Self::Unauthorized { .. } | Self::TokenExpired => (401, "Unauthorized"),
            Self::AccessDenied(_)
            | Self::InvalidSignature(_)
            | Self::UnrecognizedClient
            | Self::ExpiredToken
            | Self::InvalidApiKey => (403, "Forbidden"),
            Self::UriTooLong => (414, "Request-URI Too Long"),
            Self::Throttled | Self::QuotaExceeded => (429, "Too Many Requests"),
            Self::RequestTooLarge => (413, "Request Entity Too Large"),
            Self::UnexpectedUpgrade
            | Self::BadRequestParameters { .. }
            | Self::BadRequestBody { .. }
            | Self::InvalidJsonInBody => (400, "Bad Request"),
            Self::UnsupportedMediaType => (415, "Unsupported Media Type"),
            Self::AuthorizerFailure
            | Self::AuthorizerConfigurationError
            | Self::ApiConfigurationError
            | Self::LambdaMethodNotPost
            | Self::IntegrationMalformed
            | Self::MalformedLambdaProxyResponse => (500, "Internal Server Error"),
            Self::IntegrationTimeout | Self::IntegrationFailure => (503, "Service Unavailable"),
        };
        GatewayResponse {
            response_type: None,
            status,
            error_type: "",
            message: Some(message.into()),
        }
    }
}

#[cfg(test)]
mod tests;
