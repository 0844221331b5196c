//! The names of actions and resources.

use std::borrow::Cow;

use super::Reader;
use crate::iam::PolicyKind;
use crate::iam::fault::Place;
use crate::iam::pattern::{Pattern, Syntax};

pub(super) const ACTIONS: &str = "write `execute-api:Invoke`, `execute-api:*` or `*`";
pub(super) const RESOURCES: &str = "write an ARN such as \
    `arn:aws:execute-api:us-east-1:123456789012:api-id/stage/GET/path`, or `*`";

impl Reader<'_> {
    pub(super) fn action(&mut self, place: &Place<'_>, action: &str) -> Option<Pattern> {
        let fits = match action.split_once(':') {
            None => action == "*",
            Some((service, name)) => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
                let known = service == "*" || (!service.is_empty() && service.bytes().all(plain));
                known && !name.is_empty() && !name.contains(':')
            }
        };
        if !fits {
            self.faults
                .add(place, format!("`{action}` is not an action"), ACTIONS);
            return None;
        }
        let syntax = Syntax {
            wildcards: true,
            variables: false,
        };
        Pattern::parse(&action.to_ascii_lowercase(), syntax).ok()
    }

    pub(super) fn resource(&mut self, place: &Place<'_>, written: &str) -> Option<Pattern> {
        let resource = match (self.kind, written.strip_prefix("execute-api:/")) {
            (PolicyKind::Resource { api_arn }, Some(path)) => {
                Cow::Owned(format!("{api_arn}/{path}"))
            }
            _ => Cow::Borrowed(written),
        };
        let syntax = Syntax {
            wildcards: true,
            variables: self.variables,
        };
        let pattern = check_resource(&resource, self.variables)
            .and_then(|()| Pattern::parse(&resource, syntax));
        match pattern {
            Ok(pattern) => Some(pattern),
            Err(reason) => {
                let reason = format!("the resource `{written}` does not fit: {reason}");
                self.faults.add(place, reason, RESOURCES);
                None
            }
        }
    }
}

fn check_resource(resource: &str, variables: bool) -> Result<(), &'static str> {
    if resource == "*" {
        return Ok(());
    }
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    if part(0) != "arn" {
        return Err("it is neither an ARN nor `*`");
    }
    if !matches!(part(1), "*" | "aws") && !part(1).starts_with("aws-") {
        return Err("there is no such partition");
    }
    if part(2).is_empty() {
        return Err("it names no service");
    }
    // AWS takes what is missing for `*`. Only after a `*` is it clear that this was meant.
    let is_open = resource.ends_with('*') && !parts.contains(&"");
    if parts.len() < 6 && !is_open {
        return Err("an ARN has six parts");
    }
    if variables && parts.iter().take(5).any(|part| part.contains("${")) {
        return Err("policy variables may stand after the fifth colon only");
    }
    Ok(())
}
