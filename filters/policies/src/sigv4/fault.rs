//! Every way in which a signature can be refused, and AWS's words for it.

use std::borrow::Cow;
use std::fmt;

use super::signing_time::SigningTime;

/// Why a signature is refused. Nothing in it is a secret of the gateway's: it holds what the
/// client has sent, and the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// A part of the signature is missing or cannot be read. Holds AWS's message.
    Incomplete(String),
    /// Both the `Authorization` header and the query string hold a signature.
    TwoSignatures,
    /// It was made too long ago.
    Expired {
        /// When it was made.
        signed: SigningTime,
        /// When the oldest was made that is still good.
        earliest: SigningTime,
        /// Now.
        now: SigningTime,
    },
    /// It was made too far in the future.
    NotYetCurrent {
        /// When it was made.
        signed: SigningTime,
        /// When the newest is made that is good already.
        latest: SigningTime,
        /// Now.
        now: SigningTime,
    },
    /// This header field has to be signed, and is not.
    UnsignedHeader(String),
    /// It was made for another region, service or day. Holds AWS's message.
    WrongScope(String),
    /// There is no such access key, or its session token is missing, wrong or one too many.
    UnknownCredential,
    /// The access key has expired.
    ExpiredCredential,
    /// It is not the one that the credential gives for this request. Holds what it should have
    /// been made from, as far as that was computed.
    Mismatch(Option<Box<ExpectedSignature>>),
}

/// What a signature should have been made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedSignature {
    /// The request in its canonical form.
    pub canonical_request: Vec<u8>,
    /// What is to be signed.
    pub string_to_sign: Vec<u8>,
}

impl SignatureFault {
    /// The HTTP status: 403 for each of them.
    #[must_use]
    pub const fn status(&self) -> u16 {
        403
    }

    /// The value of `x-amzn-ErrorType`.
    #[must_use]
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::TwoSignatures
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::UnsignedHeader(_)
            | Self::WrongScope(_)
            | Self::Mismatch(_) => "InvalidSignatureException",
            Self::UnknownCredential => "UnrecognizedClientException",
            Self::ExpiredCredential => "ExpiredTokenException",
        }
    }

    /// The gateway response type (`$context.error.responseType`); `None` where AWS names none.
    ///
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>
    #[must_use]
    pub const fn response_type(&self) -> Option<&'static str> {
        match self {
            Self::Incomplete(_) | Self::UnknownCredential => None,
            Self::TwoSignatures
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::UnsignedHeader(_)
            | Self::WrongScope(_)
            | Self::Mismatch(_) => Some("INVALID_SIGNATURE"),
            Self::ExpiredCredential => Some("EXPIRED_TOKEN"),
        }
    }

    /// AWS's message (`$context.error.message`).
    #[must_use]
    pub fn message(&self) -> Cow<'_, str> {
        match self {
            Self::Incomplete(message) | Self::WrongScope(message) => message.into(),
            Self::TwoSignatures => "Found both 'X-Amz-Algorithm' as a query-string param and \
                                    'Authorization' as HTTP header."
                .into(),
            Self::Expired {
                signed,
                earliest,
                now,
            } => format!(
                "Signature expired: {signed} is now earlier than {earliest} ({now} - {})",
                Duration(now.since(*earliest))
            )
            .into(),
            Self::NotYetCurrent {
                signed,
                latest,
                now,
            } => format!(
                "Signature not yet current: {signed} is still later than {latest} ({now} + {})",
                Duration(latest.since(*now))
            )
            .into(),
            Self::UnsignedHeader(name) => {
                format!("{name} must be a 'SignedHeader' in the AWS Authorization.").into()
            }
            Self::UnknownCredential => {
                "The security token included in the request is invalid.".into()
            }
            Self::ExpiredCredential => {
                "The security token included in the request is expired".into()
            }
            Self::Mismatch(_) => {
                "The request signature we calculated does not match the signature \
                                  you provided. Check your AWS Secret Access Key and signing \
                                  method. Consult the service documentation for details."
                    .into()
            }
        }
    }

    /// [`message`](Self::message), and for a mismatch what AWS may add to it: what the signature
    /// should have been made from. That is the client's own request and helps to find what a
    /// proxy in between has changed.
    #[must_use]
    pub fn explained_message(&self) -> Cow<'_, str> {
        match self {
            Self::Mismatch(Some(expected)) => format!(
                "{}\n\nThe Canonical String for this request should have been\n'{}'\n\nThe \
                 String-to-Sign should have been\n'{}'\n",
                self.message(),
                String::from_utf8_lossy(&expected.canonical_request),
                String::from_utf8_lossy(&expected.string_to_sign)
            )
            .into(),
            _ => self.message(),
        }
    }
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message())
    }
}

impl std::error::Error for SignatureFault {}

/// Seconds, as AWS writes them: in minutes. What is no whole number of minutes AWS never has.
struct Duration(i64);

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 % 60 == 0 {
            write!(formatter, "{} min.", self.0 / 60)
        } else {
            write!(formatter, "{} sec.", self.0)
        }
    }
}
