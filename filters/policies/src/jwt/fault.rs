//! Why a token is not taken, and what its bearer is told.

use std::borrow::Cow;
use std::fmt;

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// There is no token where the authorizer looks for one.
    Absent,
    /// It is longer than 16 KiB.
    TooLong,
    /// It does not have three parts.
    Segments,
    /// Its parts are not what RFC 7515 and RFC 7519 say.
    Malformed,
    /// It is not signed with an algorithm that the authorizer takes. Holds the name, when it can
    /// be repeated.
    Algorithm(Option<Box<str>>),
    /// Its header asks for something that is not understood.
    CriticalHeader,
    /// The issuer has no key of this id for this algorithm.
    UnknownKey,
    /// The issuer's keys cannot be had now.
    KeysUnavailable,
    /// The signature is not the key's.
    Signature,
    /// It is from somebody else.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// It does not say when it ends.
    NoExpiry,
    /// It was good once.
    Expired,
    /// It is not good yet.
    NotYetValid,
    /// It says that it was issued in the future.
    IssuedInFuture,
    /// A claim that the authorizer asks for is missing, or has another value.
    Claim,
    /// It is an access token where an ID token is wanted, or the other way round.
    TokenUse,
    /// It holds none of the scopes that the operation asks for.
    Scope,
}

impl TokenFault {
    /// The `error_description` of an HTTP API's answer. Recorded from AWS are those of segments,
    /// algorithm, audience and expiry; the others are worded like them.
    #[must_use]
    pub fn description(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Absent => "there is no token",
            Self::TooLong => "the token is too long",
            Self::Segments => "token contains an invalid number of segments",
            Self::Malformed => "the token is malformed",
            Self::Algorithm(Some(name)) => {
                return format!("signing method {name} is invalid").into();
            }
            Self::Algorithm(None) => "signing method is invalid",
            Self::CriticalHeader => "the token has a critical header that is not supported",
            Self::UnknownKey => "the token does not have a valid key id",
            Self::KeysUnavailable => "OIDC discovery endpoint communication error",
            Self::Signature => "the token does not have a valid signature",
            Self::Issuer => "the token does not have a valid issuer",
            Self::Audience => "the token does not have a valid audience",
            Self::NoExpiry => "the token does not have an expiration time",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::IssuedInFuture => "the token was issued in the future",
            Self::Claim => "the token does not have a required claim",
            Self::TokenUse => "the token is not of the right use",
            Self::Scope => "the token does not have a required scope",
        })
    }
}

impl fmt::Display for TokenFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.description())
    }
}

impl std::error::Error for TokenFault {}

/// How a request without a good token is answered, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwtDenial {
    /// UNAUTHORIZED: 401 `Unauthorized`.
    Unauthorized {
        /// Why, for the access log; a client of a REST API is not told.
        fault: TokenFault,
        /// The value of `www-authenticate`, of HTTP APIs only (RFC 6750, section 3).
        challenge: Option<String>,
    },
    /// UNAUTHORIZED with Cognito's own message: 401 `The incoming token has expired`.
    Expired,
    /// The token of an HTTP API's caller holds none of the route's scopes: 403 `Forbidden`.
    InsufficientScope,
}

impl JwtDenial {
    /// Why the token was not taken.
    #[must_use]
    pub const fn fault(&self) -> &TokenFault {
        match self {
            Self::Unauthorized { fault, .. } => fault,
            Self::Expired => &TokenFault::Expired,
            Self::InsufficientScope => &TokenFault::Scope,
        }
    }

    /// The answer of a REST API's JWT authorizer, which says no more than that.
    pub(super) const fn of_rest_api(fault: TokenFault) -> Self {
        Self::Unauthorized {
            fault,
            challenge: None,
        }
    }

    /// The answer of a Cognito authorizer.
    pub(super) fn of_cognito(fault: TokenFault) -> Self {
        match fault {
            TokenFault::Expired => Self::Expired,
            fault => Self::of_rest_api(fault),
        }
    }

    /// The answer of an HTTP API's JWT authorizer, for an operation that asks for `scopes`.
    pub(super) fn of_http_api(fault: TokenFault, scopes: &[String]) -> Self {
        let challenge = match &fault {
            TokenFault::Scope => return Self::InsufficientScope,
            TokenFault::Absent => "Bearer".to_owned(),
            fault => {
                let scopes = scopes.iter().filter(|scope| is_scope(scope));
                let scopes: Vec<&str> = scopes.map(String::as_str).collect();
                format!(
                    "Bearer scope=\"{}\" error=\"invalid_token\" error_description=\"{fault}\"",
                    scopes.join(" ")
                )
            }
        };
        Self::Unauthorized {
            fault,
            challenge: Some(challenge),
        }
    }
}

/// Whether a text can be a scope (RFC 6749, section 3.3), and so may stand between quotes.
fn is_scope(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~');
    text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{JwtDenial, TokenFault};

    /// DG http-api-troubleshooting-jwt, and answers recorded by others.
    #[wasm_bindgen_test(unsupported = test)]
    fn an_http_api_says_why_in_its_challenge() {
        let scopes = ["read".to_owned(), "write".to_owned()];
        let invalid = |scopes: &str, description: &str| {
            format!(
                "Bearer scope=\"{scopes}\" error=\"invalid_token\" \
                 error_description=\"{description}\""
            )
        };
        for (fault, scopes, expected) in [
            (TokenFault::Absent, &[][..], "Bearer".to_owned()),
            (
                TokenFault::Audience,
                &[],
                invalid("", "the token does not have a valid audience"),
            ),
            (
                TokenFault::Expired,
                &scopes,
                invalid("read write", "the token has expired"),
            ),
            (
                TokenFault::Segments,
                &[],
                invalid("", "token contains an invalid number of segments"),
            ),
            (
                TokenFault::Algorithm(Some("ES256".into())),
                &[],
                invalid("", "signing method ES256 is invalid"),
            ),
        ] {
            let denial = JwtDenial::of_http_api(fault.clone(), scopes);
            assert_eq!(denial.fault(), &fault);
            let challenge = Some(expected);
            assert_eq!(denial, JwtDenial::Unauthorized { fault, challenge });
        }
        let odd = ["a\"b".to_owned(), "c\r\nd".to_owned(), "ok/x:y".to_owned()];
        let denial = JwtDenial::of_http_api(TokenFault::Expired, &odd);
        let JwtDenial::Unauthorized { challenge, .. } = denial else {
            panic!("it is not good");
        };
        assert_eq!(challenge, Some(invalid("ok/x:y", "the token has expired")));
        let denial = JwtDenial::of_http_api(TokenFault::Scope, &scopes);
        assert_eq!(denial, JwtDenial::InsufficientScope);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn only_cognito_tells_rest_clients_that_a_token_has_expired() {
        let silent = |fault: TokenFault| JwtDenial::Unauthorized {
            fault,
            challenge: None,
        };
        for fault in [TokenFault::Expired, TokenFault::Scope, TokenFault::Absent] {
            assert_eq!(JwtDenial::of_rest_api(fault.clone()), silent(fault));
        }
        for fault in [TokenFault::Signature, TokenFault::Scope, TokenFault::Absent] {
            assert_eq!(JwtDenial::of_cognito(fault.clone()), silent(fault));
        }
        let expired = JwtDenial::of_cognito(TokenFault::Expired);
        assert_eq!(expired, JwtDenial::Expired);
        assert_eq!(expired.fault(), &TokenFault::Expired);
    }
}
