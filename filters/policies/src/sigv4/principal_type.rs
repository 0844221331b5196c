//! What kinds of principal there are that can sign.

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

    /// Reads it from the ARN of somebody who can sign: `arn:PARTITION:iam::ACCOUNT:user/NAME` and
    /// its like.
    pub(super) fn from_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        let (scheme, partition, service, region, account, resource) =
            (next(), next(), next(), next(), next(), next());
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if scheme != "arn" || partition.is_empty() || !region.is_empty() || !is_account {
            return None;
        }
        match (service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => Some(Self::Account),
            ("iam", Some(("user", name))) if !name.is_empty() && !name.ends_with('/') => {
                Some(Self::User)
            }
            ("sts", Some(("federated-user", name))) if !name.is_empty() => {
                Some(Self::FederatedUser)
            }
            ("sts", Some(("assumed-role", session))) => {
                let (role, name) = session.split_once('/')?;
                (!role.is_empty() && !name.is_empty()).then_some(Self::AssumedRole)
            }
            _ => None,
        }
    }
}
