//! Policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use std::borrow::Cow;

use super::ConditionKeys;

/// A condition key whose value stands in for the variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// In lower case.
    key: String,
    /// What stands in when the request does not have the key.
    default: Option<String>,
}

impl Variable {
    /// Reads what stands between the braces.
    pub(super) fn parse(inner: &str) -> Result<Self, &'static str> {
        let (key, default) = match inner.split_once(',') {
            None => (inner, None),
            Some((key, default)) => {
                let quoted = default
                    .trim()
                    .strip_prefix('\'')
                    .and_then(|rest| rest.strip_suffix('\''))
                    .ok_or("the default of a policy variable is not in single quotes")?;
                (key, Some(quoted.to_owned()))
            }
        };
        let key = key.trim().to_ascii_lowercase();
        if key.is_empty() {
            return Err("a policy variable has no name");
        }
        Ok(Self { key, default })
    }

    /// What stands in; `None` when the request does not say, or says several things.
    pub(super) fn value<'v>(&'v self, keys: &'v dyn ConditionKeys) -> Option<Cow<'v, str>> {
        let mut values = keys.values(&self.key).into_iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            (None, _) => self.default.as_deref().map(Cow::Borrowed),
            (Some(_), Some(_)) => None,
        }
    }
}
