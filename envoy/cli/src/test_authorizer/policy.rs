//! Policies, statement by statement.

use attache_policies::iam::{self, Policy, PolicyKind};
use serde_json::Value;

use super::decision::{PolicySaid, StatementSaid};

/// What a policy's document says about a request; `None` when it is no policy.
pub(super) fn judge(
    document: &Value,
    kind: PolicyKind<'_>,
    access: &iam::Request<'_>,
) -> Option<PolicySaid> {
    let policy = Policy::parse(document, kind).ok()?;
    Some(PolicySaid {
        statements: statements(document, kind, access),
        verdict: policy.evaluate(access).into(),
    })
}

/// Which of a document's statements are about a request: each judged as if it stood alone.
pub(super) fn statements(
    document: &Value,
    kind: PolicyKind<'_>,
    access: &iam::Request<'_>,
) -> Vec<StatementSaid> {
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    };
    statements
        .iter()
        .map(|statement| {
            let mut alone = document.clone();
            if let Some(alone) = alone.as_object_mut() {
                alone.insert("Statement".to_owned(), statement.clone());
            }
            let verdict = Policy::parse(&alone, kind).map(|policy| policy.evaluate(access));
            StatementSaid {
                applies: verdict.is_ok_and(|verdict| verdict != iam::Verdict::ImplicitDeny),
                statement: statement.clone(),
            }
        })
        .collect()
}
