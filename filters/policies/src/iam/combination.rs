//! What two policies say together.

use attache_model::Principal;

use super::{Verdict, account_of};

/// Whether the caller is of the API's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// The same. It is enough when one of the policies allows. Also for Lambda authorizers, whose
    /// policy stands for the caller's.
    Same,
    /// Two. Both have to allow: the one that owns the API, and the one that owns the caller.
    Different,
}

impl Accounts {
    /// Compares the account of a caller with that of the gateway. Who cannot be told to be of the
    /// gateway's account is not.
    #[must_use]
    pub fn of(principal: &Principal, gateway_account: &str) -> Self {
        if account_of(&principal.arn) == Some(gateway_account) {
            Self::Same
        } else {
            Self::Different
        }
    }
}

/// What holds when one policy is the caller's (`caller`: of the identity, or the answer of the
/// Lambda authorizer) and the other the API's (`resource`; [`Verdict::ImplicitDeny`] where an API
/// has none).
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html>,
/// tables A and B
#[must_use]
pub const fn combine(accounts: Accounts, caller: Verdict, resource: Verdict) -> Verdict {
    use Verdict::{Allow, ExplicitDeny, ImplicitDeny};
    match (accounts, caller, resource) {
        (_, ExplicitDeny, _) | (_, _, ExplicitDeny) => ExplicitDeny,
        (_, Allow, Allow)
        | (Accounts::Same, Allow, ImplicitDeny)
        | (Accounts::Same, ImplicitDeny, Allow) => Allow,
        (_, ImplicitDeny, ImplicitDeny)
        | (Accounts::Different, Allow, ImplicitDeny)
        | (Accounts::Different, ImplicitDeny, Allow) => ImplicitDeny,
    }
}

#[cfg(test)]
mod tests {
    use attache_model::Principal;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::Verdict::{Allow, ExplicitDeny, ImplicitDeny};
    use super::{Accounts, combine};

    const VERDICTS: [super::Verdict; 3] = [Allow, ImplicitDeny, ExplicitDeny];

    /// Table A of the developer guide, rows X and columns Y.
    #[wasm_bindgen_test(unsupported = test)]
    fn within_an_account_one_allow_is_enough() {
        let table = VERDICTS.map(|x| VERDICTS.map(|y| combine(Accounts::Same, x, y)));
        assert_eq!(
            table,
            [
                [Allow, Allow, ExplicitDeny],
                [Allow, ImplicitDeny, ExplicitDeny],
                [ExplicitDeny, ExplicitDeny, ExplicitDeny],
            ]
        );
    }

    /// Table B of the developer guide.
    #[wasm_bindgen_test(unsupported = test)]
    fn across_accounts_both_must_allow() {
        let table = VERDICTS.map(|x| VERDICTS.map(|y| combine(Accounts::Different, x, y)));
        assert_eq!(
            table,
            [
                [Allow, ImplicitDeny, ExplicitDeny],
                [ImplicitDeny, ImplicitDeny, ExplicitDeny],
                [ExplicitDeny, ExplicitDeny, ExplicitDeny],
            ]
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn who_is_not_known_to_be_of_the_account_is_a_stranger() {
        for (arn, expected) in [
            ("arn:aws:iam::123456789012:user/ada", Accounts::Same),
            ("arn:aws:iam::123456789012:root", Accounts::Same),
            ("arn:aws:sts::123456789012:assumed-role/r/s", Accounts::Same),
            ("arn:aws:iam::210987654321:user/ada", Accounts::Different),
            ("arn:aws:iam::123456789012", Accounts::Different),
            ("arn:aws:iam::1234567890123:user/ada", Accounts::Different),
            ("123456789012", Accounts::Different),
            ("", Accounts::Different),
        ] {
            let principal = Principal {
                arn: arn.to_owned(),
                user_id: None,
                organization_id: None,
                organization_paths: Vec::new(),
                tags: std::collections::BTreeMap::new(),
                multi_factor_auth: false,
            };
            assert_eq!(Accounts::of(&principal, "123456789012"), expected, "{arn}");
        }
    }
}
