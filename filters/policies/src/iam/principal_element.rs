//! `Principal` and `NotPrincipal`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use super::principal_arn::{PrincipalArn, PrincipalName, is_account_id, without_path};
use super::{Effect, Request};

/// Whom a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PrincipalElement {
    /// A policy that names no principals is about the one that it belongs to.
    Owner,
    /// `Principal`.
    Principals(Principals),
    /// `NotPrincipal`, everybody else; only where something is denied.
    NotPrincipals(Principals),
}

/// Some principals. Services and other kinds that cannot have signed a request to an API are not
/// kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Principals {
    /// `*`: everybody, also who has not signed.
    pub(super) everybody: bool,
    pub(super) named: Vec<NamedPrincipal>,
}

/// An entry under `AWS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedPrincipal {
    /// Not given by a bare account id.
    partition: Option<String>,
    account: String,
    name: Name,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Account,
    User(String),
    Role(String),
    AssumedRole { role: String, session: String },
    FederatedUser(String),
}

impl NamedPrincipal {
    /// Reads an account id or an ARN; `None` for everything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if is_account_id(text) {
            return Some(Self {
                partition: None,
                account: text.to_owned(),
                name: Name::Account,
            });
        }
        // A principal's name may not have wildcards, and a policy not stand for whoever has one.
        if text.contains(['*', '?']) {
            return None;
        }
        let arn = PrincipalArn::parse(text)?;
        Some(Self {
            partition: Some(arn.partition.to_owned()),
            account: arn.account.to_owned(),
            name: match arn.name {
                PrincipalName::Account => Name::Account,
                PrincipalName::User(name) => Name::User(name.to_owned()),
                PrincipalName::Role(name) => Name::Role(name.to_owned()),
                PrincipalName::AssumedRole { role, session } => Name::AssumedRole {
                    role: role.to_owned(),
                    session: session.to_owned(),
                },
                PrincipalName::FederatedUser(name) => Name::FederatedUser(name.to_owned()),
            },
        })
    }

    fn is_in_account_of(&self, caller: &PrincipalArn<'_>) -> bool {
        let partition = self.partition.as_deref();
        self.account == caller.account && partition.is_none_or(|known| known == caller.partition)
    }

    fn is_account_of(&self, caller: &PrincipalArn<'_>) -> bool {
        self.name == Name::Account && self.is_in_account_of(caller)
    }

    /// Whether this is the caller by name, not only the account.
    fn is_caller(&self, caller: &PrincipalArn<'_>) -> bool {
        self.is_in_account_of(caller)
            && match (&self.name, caller.name) {
                (Name::Account, PrincipalName::Account) => true,
                (Name::User(known), PrincipalName::User(name))
                | (Name::Role(known), PrincipalName::Role(name))
                | (Name::FederatedUser(known), PrincipalName::FederatedUser(name)) => known == name,
                (
                    Name::AssumedRole {
                        role: known_role,
                        session: known_session,
                    },
                    PrincipalName::AssumedRole { role, session },
                ) => known_role == role && known_session == session,
                _ => false,
            }
    }

    /// Whether the caller is a session of this role.
    fn is_role_of(&self, caller: &PrincipalArn<'_>) -> bool {
        match (&self.name, caller.name) {
            (Name::Role(known), PrincipalName::AssumedRole { role, .. }) => {
                without_path(known) == role && self.is_in_account_of(caller)
            }
            _ => false,
        }
    }
}

impl PrincipalElement {
    /// Whether the statement is about the request's caller.
    pub(super) fn is_about(&self, request: &Request<'_>, effect: Effect) -> bool {
        let caller = || PrincipalArn::parse(&request.principal?.arn);
        match self {
            Self::Owner => true,
            Self::Principals(principals) => {
                principals.everybody
                    || caller()
                        .is_some_and(|caller| principals.include(&caller, effect, request.resource))
            }
            Self::NotPrincipals(principals) => {
                !principals.everybody && !caller().is_some_and(|caller| principals.exempt(&caller))
            }
        }
    }
}

impl Principals {
    fn include(&self, caller: &PrincipalArn<'_>, effect: Effect, resource: &str) -> bool {
        // An account that is allowed something may hand it on to its users. Within the API's own
        // account that is what identity policies do, and the account's name alone allows nobody.
        let by_account = effect == Effect::Deny
            || caller.name == PrincipalName::Account
            || resource.split(':').nth(4) != Some(caller.account);
        self.named.iter().any(|named| {
            named.is_caller(caller)
                || named.is_role_of(caller)
                || (by_account && named.is_account_of(caller))
        })
    }

    /// Whether a denial of everybody else leaves the caller out. AWS looks at the account, then
    /// the role, then its session, and denies when one of them is not named.
    fn exempt(&self, caller: &PrincipalArn<'_>) -> bool {
        let named = |is: &dyn Fn(&NamedPrincipal) -> bool| self.named.iter().any(is);
        let is_session = matches!(caller.name, PrincipalName::AssumedRole { .. });
        named(&|named| named.is_account_of(caller))
            && named(&|named| named.is_caller(caller))
            && (!is_session || named(&|named| named.is_role_of(caller)))
    }
}
