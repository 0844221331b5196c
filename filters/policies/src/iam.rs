//! IAM policies: what the policy language says, and whether a request is allowed.
//!
//! A [`Policy`] is parsed once from its document and evaluated for each [`Request`]. Three kinds of
//! documents come here: identity policies of credentials, resource policies of APIs
//! (`x-amazon-apigateway-policy`), and what Lambda authorizers answer. An explicit deny goes before
//! every allow, and what no statement allows is denied. How the verdicts of two policies make one
//! is decided in [`combine`].
//!
//! Parsing and evaluating take time and memory in proportion to the document, whose size is
//! bounded, and to the request.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html>

mod address;
mod arn_pattern;
mod combination;
mod condition;
mod date;
mod fault;
mod keys;
mod method_arn;
mod operator;
mod parse;
mod pattern;
mod principal_arn;
mod principal_element;
mod variable;
mod wildcard;

#[cfg(test)]
mod condition_tests;
#[cfg(test)]
mod parse_tests;
#[cfg(test)]
mod principal_tests;
#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod tests;

use attache_model::Principal;

pub use combination::{Accounts, combine};
pub use fault::PolicyFault;
pub use keys::{ConditionKeys, RequestKeys};
pub use method_arn::{LONGEST_METHOD_ARN, MethodArnTooLong, api_arn, method_arn};
pub(crate) use principal_arn::PrincipalArn;
pub use principal_arn::account_of;

use condition::Condition;
use pattern::Pattern;
use principal_element::PrincipalElement;

/// The action that calling an API is.
pub const INVOKE: &str = "execute-api:Invoke";

/// The action that having a response fetched anew is, with `Cache-Control: max-age=0`.
pub const INVALIDATE_CACHE: &str = "execute-api:InvalidateCache";

/// A policy, ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// Whose policy a document is: what has to stand in it, and what may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind<'k> {
    /// Of an IAM user or role. Names no principal, and has a version.
    Identity,
    /// Of an API. Names principals; its resources may be written short, as in
    /// `execute-api:/prod/GET/pets`.
    Resource {
        /// What short resources are parts of, from [`api_arn`].
        api_arn: &'k str,
    },
    /// What a Lambda authorizer answers. Names no principal; the version may be missing, and an
    /// element that is `null`, as serialisers write what is not set, counts as missing.
    Lambda,
}

/// What a policy says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A statement allows it, and none denies it.
    Allow,
    /// No statement is about it.
    ImplicitDeny,
    /// A statement denies it.
    ExplicitDeny,
}

/// What a policy is asked about.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// What the caller wants to do: [`INVOKE`] or [`INVALIDATE_CACHE`].
    pub action: &'r str,
    /// The ARN of what it is done to, from [`method_arn`].
    pub resource: &'r str,
    /// Who has signed the request; `None` for everybody else, for whom AWS says `anonymous`.
    /// Matters to resource policies only.
    pub principal: Option<&'r Principal>,
    /// What conditions and policy variables are about.
    pub keys: &'r dyn ConditionKeys,
}

#[derive(Clone, Debug)]
struct Statement {
    effect: Effect,
    principal: PrincipalElement,
    action: Listed,
    resource: Listed,
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// `Action` and `Resource`, or with `inverted` `NotAction` and `NotResource`.
#[derive(Clone, Debug)]
struct Listed {
    patterns: Vec<Pattern>,
    inverted: bool,
}

impl Listed {
    fn contains(&self, text: &str, keys: &dyn ConditionKeys) -> bool {
        let listed = self
            .patterns
            .iter()
            .any(|pattern| pattern.matches(text, keys));
        listed != self.inverted
    }
}

impl Policy {
    /// Reads a policy's document.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, each with its place.
    pub fn parse(
        document: &serde_json::Value,
        kind: PolicyKind<'_>,
    ) -> Result<Self, Vec<PolicyFault>> {
        parse::policy(document, kind)
    }

    /// What the policy says about a request.
    #[must_use]
    pub fn evaluate(&self, request: &Request<'_>) -> Verdict {
        // The patterns for actions are in lower case: actions are the same in any.
        let action = request.action.to_ascii_lowercase();
        let mut verdict = Verdict::ImplicitDeny;
        for statement in &self.statements {
            // A second statement that allows changes nothing.
            let matters = statement.effect == Effect::Deny || verdict != Verdict::Allow;
            if matters && statement.applies(request, &action) {
                match statement.effect {
                    Effect::Deny => return Verdict::ExplicitDeny,
                    Effect::Allow => verdict = Verdict::Allow,
                }
            }
        }
        verdict
    }
}

impl Statement {
    /// Whether the statement is about the request; what is quick to tell comes first.
    fn applies(&self, request: &Request<'_>, action: &str) -> bool {
        self.action.contains(action, request.keys)
            && self.resource.contains(request.resource, request.keys)
            && self.principal.is_about(request, self.effect)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(request.keys))
    }
}
