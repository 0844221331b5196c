//! What a caller is told who may not call.

use attache_model::Protocol;

use crate::denial::Denial;
use crate::iam::{self, Verdict};
use crate::jwt::JwtDenial;
use crate::sigv4::SignatureFault;

/// For a caller whom a Lambda authorizer has judged.
pub(super) fn of_authorizer(verdict: Verdict) -> Result<(), Denial> {
    const REFUSED: &str = "User is not authorized to access this resource";
    match verdict {
        Verdict::Allow => Ok(()),
        Verdict::ImplicitDeny => Err(Denial::AccessDenied(REFUSED.to_owned())),
        Verdict::ExplicitDeny => Err(Denial::AccessDenied(format!(
            "{REFUSED} with an explicit deny in an identity-based policy"
        ))),
    }
}

/// For a caller of whom only the request is known.
pub(super) fn of_anonymous(verdict: Verdict, access: &iam::Request<'_>) -> Result<(), Denial> {
    of_principal(verdict, "anonymous", access)
}

/// For a caller who has signed the request.
pub(super) fn of_signer(
    verdict: Verdict,
    principal_arn: &str,
    access: &iam::Request<'_>,
) -> Result<(), Denial> {
    of_principal(verdict, principal_arn, access)
}

fn of_principal(verdict: Verdict, user: &str, access: &iam::Request<'_>) -> Result<(), Denial> {
    let reason = match verdict {
        Verdict::Allow => return Ok(()),
        Verdict::ImplicitDeny => "",
        Verdict::ExplicitDeny => " with an explicit deny",
    };
    Err(Denial::AccessDenied(format!(
        "User: {user} is not authorized to perform: {} on resource: {}{reason}",
        access.action,
        masked(access.resource)
    )))
}

/// An ARN with all but the last four digits of its account hidden.
fn masked(arn: &str) -> String {
    let mut parts: Vec<&str> = arn.splitn(6, ':').collect();
    let account = parts.get(4).map(|account| {
        let shown = account.len().saturating_sub(4);
        let hidden = "*".repeat(shown);
        format!("{hidden}{}", account.get(shown..).unwrap_or_default())
    });
    if let (Some(place), Some(account)) = (parts.get_mut(4), &account) {
        *place = account;
    }
    parts.join(":")
}

/// For a signature that is not right.
#[expect(
    clippy::needless_pass_by_value,
    reason = "handed to `map_err`, which gives it up"
)]
pub(super) fn of_signature(fault: SignatureFault) -> Denial {
    let message = || fault.message().into_owned();
    match fault {
        SignatureFault::Incomplete(_) => Denial::IncompleteSignature(message()),
        SignatureFault::UnknownCredential => Denial::UnrecognizedClient,
        SignatureFault::ExpiredCredential => Denial::ExpiredToken,
        SignatureFault::TwoSignatures
        | SignatureFault::Expired { .. }
        | SignatureFault::NotYetCurrent { .. }
        | SignatureFault::UnsignedHeader(_)
        | SignatureFault::WrongScope(_)
        | SignatureFault::Mismatch(_) => Denial::InvalidSignature(message()),
    }
}

/// For a signature that is missing or none. REST APIs say the same of what is not there; HTTP APIs
/// do not, and refuse the caller.
pub(super) fn of_unsigned(denial: Denial, protocol: Protocol) -> Denial {
    match (denial, protocol) {
        (Denial::MissingAuthenticationToken | Denial::IncompleteSignature(_), Protocol::Http) => {
            Denial::AccessDenied("Forbidden".to_owned())
        }
        (denial, _) => denial,
    }
}

impl From<JwtDenial> for Denial {
    fn from(denial: JwtDenial) -> Self {
        match denial {
            JwtDenial::Unauthorized { challenge, .. } => Self::Unauthorized { challenge },
            JwtDenial::Expired => Self::TokenExpired,
            JwtDenial::InsufficientScope => Self::AccessDenied("Forbidden".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use attache_model::Protocol;

    use super::{masked, of_anonymous, of_authorizer, of_signer, of_unsigned};
    use crate::denial::Denial;
    use crate::iam::{self, Verdict};

    const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:shop/prod/GET/a:b";

    #[wasm_bindgen_test(unsupported = test)]
    fn a_refusal_is_in_the_words_of_aws() {
        let denied = |text: &str| Err(Denial::AccessDenied(text.to_owned()));
        let keys = iam::RequestKeys::default();
        let access = |action: &'static str| iam::Request {
            action,
            resource: ARN,
            principal: None,
            keys: &keys,
        };
        let invoke = access(iam::INVOKE);
        for (refusal, expected) in [
            (of_authorizer(Verdict::Allow), Ok(())),
            (
                of_authorizer(Verdict::ImplicitDeny),
                denied("User is not authorized to access this resource"),
            ),
            (
                of_authorizer(Verdict::ExplicitDeny),
                denied(
                    "User is not authorized to access this resource with an explicit deny in an \
                     identity-based policy",
                ),
            ),
            (of_anonymous(Verdict::Allow, &invoke), Ok(())),
            (
                of_anonymous(Verdict::ImplicitDeny, &access(iam::INVALIDATE_CACHE)),
                denied(
                    "User: anonymous is not authorized to perform: execute-api:InvalidateCache on \
                     resource: arn:aws:execute-api:us-east-1:********9012:shop/prod/GET/a:b",
                ),
            ),
            (
                of_anonymous(Verdict::ImplicitDeny, &invoke),
                denied(
                    "User: anonymous is not authorized to perform: execute-api:Invoke on \
                     resource: arn:aws:execute-api:us-east-1:********9012:shop/prod/GET/a:b",
                ),
            ),
            (
                of_signer(
                    Verdict::ExplicitDeny,
                    "arn:aws:iam::123456789012:user/ann",
                    &invoke,
                ),
                denied(
                    "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: \
                     execute-api:Invoke on resource: \
                     arn:aws:execute-api:us-east-1:********9012:shop/prod/GET/a:b with an \
                     explicit deny",
                ),
            ),
        ] {
            assert_eq!(refusal, expected);
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn an_http_api_is_there_for_who_has_not_signed() {
        for denial in [
            Denial::MissingAuthenticationToken,
            Denial::IncompleteSignature("no".to_owned()),
        ] {
            let rest = of_unsigned(denial.clone(), Protocol::Rest);
            assert_eq!(rest, denial);
            let http = of_unsigned(denial, Protocol::Http);
            assert_eq!(http.status(Protocol::Http), 403);
        }
        let other = of_unsigned(Denial::ExpiredToken, Protocol::Http);
        assert_eq!(other, Denial::ExpiredToken);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn whatever_is_masked_stays_readable() {
        for (arn, expected) in [
            (
                "arn:aws:execute-api:r:1234:a/b",
                "arn:aws:execute-api:r:1234:a/b",
            ),
            ("arn:aws:execute-api:r::a/b", "arn:aws:execute-api:r::a/b"),
            ("nothing", "nothing"),
            ("", ""),
        ] {
            assert_eq!(masked(arn), expected);
        }
    }
}
