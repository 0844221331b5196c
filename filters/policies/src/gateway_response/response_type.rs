//! The names under which an API says what its refusals look like.

/// A type of gateway response.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GatewayResponseType {
    /// `ACCESS_DENIED`
    AccessDenied,
    /// `API_CONFIGURATION_ERROR`
    ApiConfigurationError,
    /// `AUTHORIZER_CONFIGURATION_ERROR`
    AuthorizerConfigurationError,
    /// `AUTHORIZER_FAILURE`
    AuthorizerFailure,
    /// `BAD_REQUEST_BODY`
    BadRequestBody,
    /// `BAD_REQUEST_PARAMETERS`
    BadRequestParameters,
    /// `DEFAULT_4XX`: every refusal with a status of 400 to 499 that the API says nothing else of.
    Default4xx,
    /// `DEFAULT_5XX`: the same for a status of 500 to 599.
    Default5xx,
    /// `EXPIRED_TOKEN`
    ExpiredToken,
    /// `INTEGRATION_FAILURE`
    IntegrationFailure,
    /// `INTEGRATION_TIMEOUT`
    IntegrationTimeout,
    /// `INVALID_API_KEY`
    InvalidApiKey,
    /// `INVALID_SIGNATURE`
    InvalidSignature,
    /// `MISSING_AUTHENTICATION_TOKEN`
    MissingAuthenticationToken,
    /// `QUOTA_EXCEEDED`
    QuotaExceeded,
    /// `REQUEST_TOO_LARGE`, which AWS lists and never applies.
    RequestTooLarge,
    /// `RESOURCE_NOT_FOUND`, which AWS lists and never gives: what is not found is
    /// [`MissingAuthenticationToken`](Self::MissingAuthenticationToken).
    ResourceNotFound,
    /// `THROTTLED`
    Throttled,
    /// `UNAUTHORIZED`
    Unauthorized,
    /// `UNSUPPORTED_MEDIA_TYPE`
    UnsupportedMediaType,
    /// `WAF_FILTERED`, which this gateway never gives: it has no firewall in it.
    WafFiltered,
}

impl GatewayResponseType {
    /// All types, in the order of their names.
    pub const ALL: [Self; 21] = [
        Self::AccessDenied,
        Self::ApiConfigurationError,
        Self::AuthorizerConfigurationError,
        Self::AuthorizerFailure,
        Self::BadRequestBody,
        Self::BadRequestParameters,
        Self::Default4xx,
        Self::Default5xx,
        Self::ExpiredToken,
        Self::IntegrationFailure,
        Self::IntegrationTimeout,
        Self::InvalidApiKey,
        Self::InvalidSignature,
        Self::MissingAuthenticationToken,
        Self::QuotaExceeded,
        Self::RequestTooLarge,
        Self::ResourceNotFound,
        Self::Throttled,
        Self::Unauthorized,
        Self::UnsupportedMediaType,
        Self::WafFiltered,
    ];

    /// AWS's name of the type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "ACCESS_DENIED",
            Self::ApiConfigurationError => "API_CONFIGURATION_ERROR",
            Self::AuthorizerConfigurationError => "AUTHORIZER_CONFIGURATION_ERROR",
            Self::AuthorizerFailure => "AUTHORIZER_FAILURE",
            Self::BadRequestBody => "BAD_REQUEST_BODY",
            Self::BadRequestParameters => "BAD_REQUEST_PARAMETERS",
            Self::Default4xx => "DEFAULT_4XX",
            Self::Default5xx => "DEFAULT_5XX",
            Self::ExpiredToken => "EXPIRED_TOKEN",
            Self::IntegrationFailure => "INTEGRATION_FAILURE",
            Self::IntegrationTimeout => "INTEGRATION_TIMEOUT",
            Self::InvalidApiKey => "INVALID_API_KEY",
            Self::InvalidSignature => "INVALID_SIGNATURE",
            Self::MissingAuthenticationToken => "MISSING_AUTHENTICATION_TOKEN",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::RequestTooLarge => "REQUEST_TOO_LARGE",
            Self::ResourceNotFound => "RESOURCE_NOT_FOUND",
            Self::Throttled => "THROTTLED",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::WafFiltered => "WAF_FILTERED",
        }
    }

    /// The type of this name; `None` for a name that AWS does not know.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|response_type| response_type.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::GatewayResponseType;

    #[wasm_bindgen_test(unsupported = test)]
    fn a_type_is_found_by_its_name_alone() {
        for response_type in GatewayResponseType::ALL {
            let name = response_type.as_str();
            assert_eq!(GatewayResponseType::from_name(name), Some(response_type));
            let other = name.to_ascii_lowercase();
            assert_eq!(GatewayResponseType::from_name(&other), None);
        }
        assert!(
            GatewayResponseType::ALL
                .windows(2)
                .all(|pair| pair[0].as_str() < pair[1].as_str())
        );
        assert_eq!(GatewayResponseType::from_name(""), None);
    }
}
