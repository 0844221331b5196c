//! What an authorizer asks of a token whose signature is right.

use attache_model as model;
use attache_model::JwtAlgorithm;

use super::claims::Claims;
use super::fault::TokenFault;
use crate::ports::Timestamp;
use crate::validation_expression::ValidationExpression;

/// An issuer whose tokens an authorizer takes.
#[derive(Debug)]
pub(super) struct Issuer {
    /// The claim `iss`.
    pub(super) name: Box<str>,
    /// Where its keys are, by position.
    pub(super) source: usize,
    requirements: Requirements,
}

/// What the claims must be.
#[derive(Debug)]
enum Requirements {
    /// Of a JWT authorizer: one of the audiences, and further claims.
    Jwt {
        audiences: Box<[String]>,
        claims: Box<[model::AdditionalClaim]>,
    },
    /// Of a Cognito user pool: an audience that the expression matches as a whole.
    Cognito {
        audience: Option<ValidationExpression>,
    },
}

impl Issuer {
    /// An issuer of a JWT authorizer.
    pub(super) fn of_jwt(definition: &model::JwtIssuer, source: usize) -> Self {
        Self {
            name: definition.issuer.as_str().into(),
            source,
            requirements: Requirements::Jwt {
                audiences: definition.audiences.clone().into(),
                claims: definition.additional_claims.clone().into(),
            },
        }
    }

    /// A Cognito user pool.
    pub(super) fn of_cognito(
        pool: &model::UserPool,
        source: usize,
        audience: Option<ValidationExpression>,
    ) -> Self {
        Self {
            name: pool.issuer.as_str().into(),
            source,
            requirements: Requirements::Cognito { audience },
        }
    }

    /// Judges the claims of a token of this issuer, all but its scopes.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it should be: the audience, the times, then the rest.
    pub(super) fn judge(
        &self,
        claims: &Claims,
        now: Timestamp,
        leeway: u64,
    ) -> Result<(), TokenFault> {
        match &self.requirements {
            Requirements::Jwt {
                audiences,
                claims: additional,
            } => {
                if !is_for_one_of(audiences, claims) {
                    return Err(TokenFault::Audience);
                }
                judge_times(claims, now, leeway)?;
                let fulfilled = additional.iter().all(|asked| is_fulfilled(asked, claims));
                fulfilled.then_some(()).ok_or(TokenFault::Claim)
            }
            Requirements::Cognito { audience } => {
                judge_times(claims, now, leeway)?;
                let mut audiences = claims.audience.iter().flatten();
                let matches = audience
                    .as_ref()
                    .is_none_or(|it| audiences.any(|name| it.matches(name.as_bytes())));
                matches.then_some(()).ok_or(TokenFault::Audience)
            }
        }
    }

    /// Judges the scopes of a token for an operation that asks for one of `scopes`, if it does.
    /// Cognito marks what a token is for: an ID token tells who somebody is, and only an access
    /// token can hold a scope.
    ///
    /// # Errors
    ///
    /// When the token is of the wrong use, or holds none of the scopes.
    pub(super) fn judge_scopes(
        &self,
        claims: &Claims,
        scopes: &[String],
    ) -> Result<(), TokenFault> {
        if matches!(self.requirements, Requirements::Cognito { .. }) {
            let wanted = if scopes.is_empty() { "id" } else { "access" };
            if claims.token_use.as_deref() != Some(wanted) {
                return Err(TokenFault::TokenUse);
            }
        }
        let holds_one = scopes.iter().any(|scope| claims.scopes.contains(scope));
        (scopes.is_empty() || holds_one)
            .then_some(())
            .ok_or(TokenFault::Scope)
    }
}

/// `client_id` counts only where there is no `aud`.
fn is_for_one_of(audiences: &[String], claims: &Claims) -> bool {
    match (&claims.audience, &claims.client_id) {
        (Some(named), _) => named.iter().any(|name| audiences.contains(name)),
        (None, Some(client)) => audiences.contains(client),
        (None, None) => false,
    }
}

/// A token without `exp` would be good forever, so it is not taken. Whole seconds: a token is
/// good in the second in which it was issued, and no longer in the one in which it expires.
fn judge_times(claims: &Claims, now: Timestamp, leeway: u64) -> Result<(), TokenFault> {
    let now = now.as_secs();
    let expires_at = claims.expires_at.ok_or(TokenFault::NoExpiry)?;
    if expires_at.saturating_add(leeway) <= now {
        return Err(TokenFault::Expired);
    }
    let latest = now.saturating_add(leeway);
    if claims.not_before.is_some_and(|moment| moment > latest) {
        return Err(TokenFault::NotYetValid);
    }
    if claims.issued_at.is_some_and(|moment| moment > latest) {
        return Err(TokenFault::IssuedInFuture);
    }
    Ok(())
}

/// The format of additional claims is `SINGLE_STRING`: a list that holds the value is none.
fn is_fulfilled(asked: &model::AdditionalClaim, claims: &Claims) -> bool {
    match claims.string(&asked.claim_name) {
        Some(value) => {
            asked.expected_values.is_empty()
                || asked
                    .expected_values
                    .iter()
                    .any(|expected| expected == value)
        }
        None => !asked.required && !claims.contains(&asked.claim_name),
    }
}

/// The algorithms that an authorizer takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Algorithms(u16);

impl Algorithms {
    /// Those in which Cognito signs.
    pub(super) const COGNITO: Self = Self(1 << JwtAlgorithm::Rs256 as u16);

    pub(super) const fn contains(self, algorithm: JwtAlgorithm) -> bool {
        self.0 & (1 << algorithm as u16) != 0
    }
}

impl FromIterator<JwtAlgorithm> for Algorithms {
    fn from_iter<I: IntoIterator<Item = JwtAlgorithm>>(algorithms: I) -> Self {
        let bits = algorithms
            .into_iter()
            .map(|algorithm| 1 << algorithm as u16);
        Self(bits.fold(0, |all, bit: u16| all | bit))
    }
}

#[cfg(test)]
mod tests;
