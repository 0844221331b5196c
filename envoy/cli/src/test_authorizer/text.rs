//! A decision for people to read.

use std::fmt::{self, Display, Write};

use serde_json::Value;

use super::decision::{
    AuthorizationType, CallMade, ClientAnswer, Decision, Evaluation, Identity, PolicySaid,
    ResultRead, SignatureRead, TokenRead, Verdict,
};

/// Writes a decision in the order in which it was come to.
pub(super) fn of(decision: &Decision) -> String {
    let mut text = Text(String::new());
    let request = &decision.request;
    text.heading("Request");
    text.line("operation", &request.operation);
    text.line(
        "API, stage",
        format_args!("{}, {}", request.api, request.stage),
    );
    text.line("source IP", &request.source_ip);
    text.line(
        "method ARN",
        request
            .method_arn
            .as_deref()
            .unwrap_or("too long to be judged"),
    );
    let authorization = &decision.authorization;
    let kind = match authorization.r#type {
        AuthorizationType::None => "none",
        AuthorizationType::AwsIam => "AWS signature (AWS_IAM)",
        AuthorizationType::Custom => "Lambda authorizer",
        AuthorizationType::Jwt => "JWT authorizer",
        AuthorizationType::CognitoUserPools => "Cognito authorizer",
    };
    match &authorization.authorizer {
        Some(name) => text.line("authorization", format_args!("{kind} `{name}`")),
        None => text.line("authorization", kind),
    }
    if let Some(identity) = &decision.identity {
        text.identity(identity);
    }
    if let Some(event) = &decision.event {
        text.heading("Event");
        text.json(event);
    }
    if !decision.calls.is_empty() {
        text.calls(&decision.calls);
    }
    if let Some(result) = &decision.result {
        text.result(result);
    }
    if let Some(token) = &decision.token {
        text.token(token);
    }
    if let Some(signature) = &decision.signature {
        text.signature(signature);
    }
    text.evaluation(&decision.evaluation);
    text.answer(&decision.answer);
    text.0
}

struct Text(String);

impl Text {
    fn heading(&mut self, heading: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.write(format_args!("{heading}\n"));
    }

    fn line(&mut self, name: &str, value: impl Display) {
        self.write(format_args!("  {name:<15} {value}\n"));
    }

    /// A text of several lines, each moved to the right.
    fn block(&mut self, block: &str) {
        for line in block.lines() {
            self.write(format_args!("    {line}\n"));
        }
    }

    fn json(&mut self, value: &Value) {
        // The alternate form is the one of several lines.
        self.block(&format!("{value:#}"));
    }

    /// Writing to a string cannot fail.
    fn write(&mut self, arguments: fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(arguments);
    }

    fn identity(&mut self, identity: &Identity) {
        self.heading("Identity");
        for source in &identity.sources {
            let value = source.value.as_deref().unwrap_or("?");
            self.write(format_args!("  {}: {value}\n", source.source));
        }
        match (&identity.fault, &identity.cache_key) {
            (Some(fault), _) => self.line("refused", fault),
            (None, Some(key)) => {
                let ttl = identity.ttl_in_seconds;
                self.line("cache key", format_args!("{key} (kept for {ttl} s)"));
            }
            (None, None) => self.line("cache key", "none: results are not kept (TTL 0)"),
        }
    }

    fn calls(&mut self, calls: &[CallMade]) {
        self.heading("Calls");
        for call in calls {
            let outcome = match (call.status, &call.failure, call.milliseconds) {
                (_, _, None) => "not made: its answer was given".to_owned(),
                (Some(status), _, Some(time)) => format!("{status} after {time} ms"),
                (None, failure, Some(time)) => {
                    let failure = failure.as_deref().unwrap_or("no answer");
                    format!("{failure}, after {time} ms")
                }
            };
            self.write(format_args!("  {} {}: {outcome}\n", call.method, call.url));
        }
    }

    fn result(&mut self, result: &ResultRead) {
        self.heading("Result");
        if let Some(fault) = &result.fault {
            self.line("no result", fault);
        }
        if let Some(principal) = &result.principal_id {
            self.line("principalId", principal);
        }
        for (name, value) in &result.context {
            self.write(format_args!("  context.{name}: {value}\n"));
        }
        if result.has_usage_identifier_key {
            self.line("API key", "in usageIdentifierKey (not shown)");
        }
    }

    fn token(&mut self, token: &TokenRead) {
        self.heading("Token");
        match &token.fault {
            Some(fault) => self.line("not taken", fault),
            None => self.line("taken", "its signature and its claims are right"),
        }
        if !token.scopes.is_empty() {
            self.line("scopes", format_args!("one of {}", token.scopes.join(", ")));
        }
        for (name, value) in &token.claims {
            self.write(format_args!("  claims.{name}: {value}\n"));
        }
    }

    fn signature(&mut self, signature: &SignatureRead) {
        self.heading("Signature");
        if let Some(fault) = &signature.fault {
            self.line("refused", fault);
        }
        if let Some(id) = &signature.access_key_id {
            self.line("access key", id);
        }
        if let Some(principal) = &signature.principal {
            self.line("principal", principal);
        }
        for (name, expected) in [
            (
                "The canonical request should have been",
                &signature.canonical_request,
            ),
            (
                "The string to sign should have been",
                &signature.string_to_sign,
            ),
        ] {
            if let Some(expected) = expected {
                self.write(format_args!("  {name}\n"));
                self.block(expected);
            }
        }
    }

    fn evaluation(&mut self, evaluation: &Evaluation) {
        if evaluation.caller.is_none() && evaluation.resource_policy.is_none() {
            return;
        }
        self.heading("Evaluation");
        for (name, said) in [
            ("the caller's", &evaluation.caller),
            ("resource policy", &evaluation.resource_policy),
        ] {
            if let Some(said) = said {
                self.policy(name, said);
            }
        }
        if evaluation.cross_account == Some(true) {
            self.line("accounts", "two: both policies have to allow");
        }
        if let Some(verdict) = evaluation.verdict {
            self.line("together", verdict);
        }
    }

    fn policy(&mut self, name: &str, said: &PolicySaid) {
        self.line(name, said.verdict);
        for statement in &said.statements {
            let applies = match statement.applies {
                true => "applies:       ",
                false => "does not apply:",
            };
            self.write(format_args!("    {applies} {}\n", statement.statement));
        }
    }

    fn answer(&mut self, answer: &ClientAnswer) {
        self.heading("Answer");
        let Some(status) = answer.status else {
            self.line("allowed", "the request goes on");
            return;
        };
        self.line("refused", status);
        for (name, value) in &answer.headers {
            self.write(format_args!(
                "  {name}: {}\n",
                value.as_str().unwrap_or_default()
            ));
        }
        self.block(answer.body.as_deref().unwrap_or_default());
    }
}

impl Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Allow => "allow",
            Self::ImplicitDeny => "implicit deny: nothing allows it",
            Self::ExplicitDeny => "explicit deny",
        })
    }
}
