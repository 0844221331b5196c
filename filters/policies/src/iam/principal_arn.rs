//! ARNs of principals.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>

/// What an ARN of IAM or of its Security Token Service names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PrincipalArn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) account: &'a str,
    pub(crate) name: PrincipalName<'a>,
}

/// Who it is within the account; users and roles with their paths, as in `team/ada`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrincipalName<'a> {
    Account,
    User(&'a str),
    Role(&'a str),
    AssumedRole { role: &'a str, session: &'a str },
    FederatedUser(&'a str),
}

impl<'a> PrincipalArn<'a> {
    /// Reads an ARN; `None` when it is not one of a principal.
    pub(crate) fn parse(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let partition = parts.next()?;
        let service = parts.next()?;
        let region = parts.next()?;
        let account = parts.next()?;
        let resource = parts.next()?;
        if partition.is_empty() || !region.is_empty() || !is_account_id(account) {
            return None;
        }
        let name = match (service, resource.split_once('/')) {
            ("iam" | "sts", None) if resource == "root" => PrincipalName::Account,
            ("iam", Some(("user", name))) if !without_path(name).is_empty() => {
                PrincipalName::User(name)
            }
            ("iam", Some(("role", name))) if !without_path(name).is_empty() => {
                PrincipalName::Role(name)
            }
            ("sts", Some(("assumed-role", rest))) => {
                let (role, session) = rest.split_once('/')?;
                if role.is_empty() || session.is_empty() {
                    return None;
                }
                PrincipalName::AssumedRole { role, session }
            }
            ("sts", Some(("federated-user", name))) if !name.is_empty() => {
                PrincipalName::FederatedUser(name)
            }
            _ => return None,
        };
        Some(Self {
            partition,
            account,
            name,
        })
    }

    /// What kind of principal it is (`aws:PrincipalType`).
    pub(crate) const fn principal_type(&self) -> &'static str {
        match self.name {
            PrincipalName::Account => "Account",
            PrincipalName::User(_) => "User",
            PrincipalName::Role(_) | PrincipalName::AssumedRole { .. } => "AssumedRole",
            PrincipalName::FederatedUser(_) => "FederatedUser",
        }
    }

    /// Whether requests can be signed in its name. A role signs in its sessions only.
    pub(crate) const fn signs(&self) -> bool {
        !matches!(self.name, PrincipalName::Role(_))
    }
}

/// The account id in a principal's ARN, by which
/// [`Accounts::of`](super::Accounts::of) tells who is a stranger.
#[must_use]
pub fn account_of(arn: &str) -> Option<&str> {
    PrincipalArn::parse(arn).map(|arn| arn.account)
}

pub(super) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The name alone, which is unique within the account. It is all that the ARN of a session has
/// of its role.
pub(super) fn without_path(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
