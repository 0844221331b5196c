//! What kinds of principal there are that can sign.

use crate::iam::{PrincipalArn, PrincipalName};

/// What kind of principal has signed (`aws:PrincipalType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalType {
    /// The root user of an account.
    Account,
    /// An IAM user.
    User,
    /// A federated user.
    FederatedUser,
    /// A session of a role.
    AssumedRole,
}

impl PrincipalType {
    /// The value of `aws:PrincipalType`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::User => "User",
            Self::FederatedUser => "FederatedUser",
            Self::AssumedRole => "AssumedRole",
        }
    }

    /// The kind of principal that an ARN names; `None` for a role, which signs in its sessions only.
    pub(super) const fn of(principal: &PrincipalArn<'_>) -> Option<Self> {
        match principal.name {
            PrincipalName::Account => Some(Self::Account),
            PrincipalName::User(_) => Some(Self::User),
            PrincipalName::FederatedUser(_) => Some(Self::FederatedUser),
            PrincipalName::AssumedRole { .. } => Some(Self::AssumedRole),
            PrincipalName::Role(_) => None,
        }
    }
}
