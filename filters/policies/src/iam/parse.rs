//! From a document to a policy.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::condition::Condition;
use super::fault::{Faults, Place, PolicyFault};
use super::operator::Operator;
use super::pattern::{Pattern, Syntax};
use super::principal_element::{NamedPrincipal, PrincipalElement, Principals};
use super::{Effect, Listed, Policy, PolicyKind, Statement};

/// How long the JSON of a policy may be, in bytes without white space: AWS's limit for resource
/// policies and for what Lambda authorizers answer.
const LONGEST_POLICY: usize = 8192;

/// The limit for identity policies: that of all inline policies of a role together.
const LONGEST_IDENTITY_POLICY: usize = 10_240;

const VERSIONS: &str = "write `2012-10-17`";
const STRINGS: &str = "write a string, or a list of strings";
const ACTIONS: &str = "write `execute-api:Invoke`, `execute-api:*` or `*`";
const RESOURCES: &str = "write an ARN such as \
    `arn:aws:execute-api:us-east-1:123456789012:api-id/stage/GET/path`, or `*`";
const PRINCIPALS: &str = "write `*`, or who under `AWS`: an account id or the ARN of an account, \
    user, role or session";

pub(super) fn policy(document: &Value, kind: PolicyKind<'_>) -> Result<Policy, Vec<PolicyFault>> {
    let mut reader = Reader {
        kind,
        variables: false,
        faults: Faults::default(),
    };
    let statements = reader.policy(document);
    reader.faults.into_result(Policy { statements })
}

struct Reader<'k> {
    kind: PolicyKind<'k>,
    /// Whether `${…}` has a meaning: the older version of the language does not have it.
    variables: bool,
    faults: Faults,
}

impl Reader<'_> {
    fn policy(&mut self, document: &Value) -> Vec<Statement> {
        let place = Place::ROOT;
        let limit = match self.kind {
            PolicyKind::Identity => LONGEST_IDENTITY_POLICY,
            PolicyKind::Resource { .. } | PolicyKind::Lambda => LONGEST_POLICY,
        };
        if is_longer(document, limit) {
            self.faults.add(
                &place,
                format!("the policy is longer than {limit} bytes"),
                "say the same with wildcards, or leave statements out",
            );
            return Vec::new();
        }
        let Some(document) = self.object(&place, document) else {
            return Vec::new();
        };
        self.known_elements(&place, document, &["Version", "Id", "Statement"]);
        self.version(&place, document);
        if let Some(id) = self.element(document, "Id")
            && !id.is_string()
        {
            self.faults.add(
                &place.member("Id"),
                "the id is not a string",
                "write a string",
            );
        }
        let place = place.member("Statement");
        match self.element(document, "Statement") {
            Some(Value::Array(statements)) => self.statements(&place, statements),
            Some(statement @ Value::Object(_)) => {
                self.statement(&place, statement).into_iter().collect()
            }
            Some(_) => {
                self.faults.add(
                    &place,
                    "the statement is not an object",
                    "write a statement, or a list of statements",
                );
                Vec::new()
            }
            None => {
                self.faults.add(
                    &Place::ROOT,
                    "the policy has no statement",
                    "write at least one under `Statement`",
                );
                Vec::new()
            }
        }
    }

    fn version(&mut self, place: &Place<'_>, document: &Map<String, Value>) {
        match self.element(document, "Version") {
            Some(Value::String(version)) if version == "2012-10-17" => self.variables = true,
            Some(Value::String(version)) if version == "2008-10-17" => {}
            Some(_) => {
                let place = place.member("Version");
                self.faults
                    .add(&place, "there is no such version of policies", VERSIONS);
            }
            None if self.kind == PolicyKind::Identity => {
                self.faults.add(
                    place,
                    "the policy has no version",
                    "write `\"Version\": \"2012-10-17\"`",
                );
            }
            None => {}
        }
    }

    fn statements(&mut self, place: &Place<'_>, statements: &[Value]) -> Vec<Statement> {
        if statements.is_empty() && self.kind != PolicyKind::Lambda {
            self.faults.add(
                place,
                "the policy has no statement",
                "write at least one under `Statement`",
            );
        }
        if self.kind == PolicyKind::Identity {
            self.unique_sids(place, statements);
        }
        statements
            .iter()
            .enumerate()
            .filter_map(|(index, statement)| self.statement(&place.item(index), statement))
            .collect()
    }

    fn unique_sids(&mut self, place: &Place<'_>, statements: &[Value]) {
        let mut known = std::collections::HashSet::new();
        for (index, statement) in statements.iter().enumerate() {
            if let Some(Value::String(sid)) = statement.get("Sid")
                && !sid.is_empty()
                && !known.insert(sid.as_str())
            {
                self.faults.add(
                    &place.item(index).member("Sid"),
                    format!("two statements have the id `{sid}`"),
                    "give each statement an id of its own, or none",
                );
            }
        }
    }

    fn statement(&mut self, place: &Place<'_>, statement: &Value) -> Option<Statement> {
        let statement = self.object(place, statement)?;
        self.known_elements(
            place,
            statement,
            &[
                "Sid",
                "Effect",
                "Principal",
                "NotPrincipal",
                "Action",
                "NotAction",
                "Resource",
                "NotResource",
                "Condition",
            ],
        );
        self.sid(place, statement);
        let effect = self.effect(place, statement);
        let principal = self.principal(place, statement, effect);
        let action = self.listed(place, statement, ["Action", "NotAction"], Self::action);
        let resource = self.listed(
            place,
            statement,
            ["Resource", "NotResource"],
            Self::resource,
        );
        let conditions = match self.element(statement, "Condition") {
            Some(value) => self.conditions(&place.member("Condition"), value),
            None => Vec::new(),
        };
        Some(Statement {
            effect: effect?,
            principal: principal?,
            action: action?,
            resource: resource?,
            conditions,
        })
    }

    fn sid(&mut self, place: &Place<'_>, statement: &Map<String, Value>) {
        let place = place.member("Sid");
        match self.element(statement, "Sid") {
            Some(Value::String(sid)) => {
                let plain = sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if self.kind == PolicyKind::Identity && !plain {
                    self.faults.add(
                        &place,
                        "the id of a statement has other characters than letters and digits",
                        "write letters and digits only",
                    );
                }
            }
            Some(_) => self.faults.add(
                &place,
                "the id of a statement is not a string",
                "write a string",
            ),
            None => {}
        }
    }

    fn effect(&mut self, place: &Place<'_>, statement: &Map<String, Value>) -> Option<Effect> {
        const HINT: &str = "write `Allow` or `Deny`";
        match self.element(statement, "Effect") {
            Some(Value::String(effect)) if effect == "Allow" => Some(Effect::Allow),
            Some(Value::String(effect)) if effect == "Deny" => Some(Effect::Deny),
            Some(_) => {
                let place = place.member("Effect");
                self.faults.add(&place, "there is no such effect", HINT);
                None
            }
            None => {
                self.faults.add(place, "the statement has no effect", HINT);
                None
            }
        }
    }

    /// One of two elements of which one has to be there: a list of patterns, or its opposite.
    fn listed(
        &mut self,
        place: &Place<'_>,
        statement: &Map<String, Value>,
        [name, inverse]: [&'static str; 2],
        parse: impl Fn(&mut Self, &Place<'_>, &str) -> Option<Pattern>,
    ) -> Option<Listed> {
        let hint = if name == "Action" { ACTIONS } else { RESOURCES };
        let (name, value, inverted) = match (
            self.element(statement, name),
            self.element(statement, inverse),
        ) {
            (Some(value), None) => (name, value, false),
            (None, Some(value)) => (inverse, value, true),
            (Some(_), Some(_)) => {
                let reason = format!("the statement has both `{name}` and `{inverse}`");
                self.faults.add(place, reason, "take one of them out");
                return None;
            }
            (None, None) => {
                let reason = format!("the statement has neither `{name}` nor `{inverse}`");
                self.faults.add(place, reason, hint);
                return None;
            }
        };
        let place = place.member(name);
        let mut patterns = Vec::new();
        for (index, text) in self.strings(&place, value)? {
            let place = match index {
                Some(index) => place.item(index),
                None => place,
            };
            patterns.extend(parse(self, &place, text));
        }
        Some(Listed { patterns, inverted })
    }

    fn action(&mut self, place: &Place<'_>, action: &str) -> Option<Pattern> {
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

    fn resource(&mut self, place: &Place<'_>, written: &str) -> Option<Pattern> {
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
        let pattern = resource_fault(&resource, self.variables)
            .map_or_else(|| Pattern::parse(&resource, syntax), Err);
        match pattern {
            Ok(pattern) => Some(pattern),
            Err(reason) => {
                let reason = format!("the resource `{written}` does not fit: {reason}");
                self.faults.add(place, reason, RESOURCES);
                None
            }
        }
    }

    fn principal(
        &mut self,
        place: &Place<'_>,
        statement: &Map<String, Value>,
        effect: Option<Effect>,
    ) -> Option<PrincipalElement> {
        let given = (
            self.element(statement, "Principal"),
            self.element(statement, "NotPrincipal"),
        );
        let is_resource_policy = matches!(self.kind, PolicyKind::Resource { .. });
        let (reason, hint) = match given {
            (None, None) if !is_resource_policy => return Some(PrincipalElement::Owner),
            (Some(value), None) if is_resource_policy => {
                let principals = self.principals(&place.member("Principal"), value)?;
                return Some(PrincipalElement::Principals(principals));
            }
            (None, Some(value)) if is_resource_policy && effect != Some(Effect::Allow) => {
                let principals = self.principals(&place.member("NotPrincipal"), value)?;
                return Some(PrincipalElement::NotPrincipals(principals));
            }
            (None, Some(_)) if is_resource_policy => (
                "`NotPrincipal` is for statements that deny",
                "name with `Principal` who is allowed",
            ),
            (None, None) => ("the statement has no principal", PRINCIPALS),
            (Some(_), Some(_)) if is_resource_policy => (
                "the statement has both `Principal` and `NotPrincipal`",
                "take one of them out",
            ),
            _ => (
                "only the policy of an API names principals",
                "take the element out: the policy is about the one that it is given to",
            ),
        };
        self.faults.add(place, reason, hint);
        None
    }

    fn principals(&mut self, place: &Place<'_>, value: &Value) -> Option<Principals> {
        let mut principals = Principals::default();
        let kinds = match value {
            Value::String(everybody) if everybody == "*" => {
                principals.everybody = true;
                return Some(principals);
            }
            Value::Object(kinds) if !kinds.is_empty() => kinds,
            _ => {
                self.faults
                    .add(place, "these are no principals", PRINCIPALS);
                return None;
            }
        };
        for (kind, value) in kinds {
            let place = place.member(kind);
            let is_aws = match kind.as_str() {
                "AWS" => true,
                // These do not sign requests of clients: the statement is about none of them.
                "Service" | "Federated" | "CanonicalUser" => false,
                _ => {
                    let reason = format!("there are no principals of the kind `{kind}`");
                    self.faults.add(&place, reason, PRINCIPALS);
                    continue;
                }
            };
            for (index, name) in self.strings(&place, value)? {
                let named = NamedPrincipal::parse(name);
                if is_aws && name == "*" {
                    principals.everybody = true;
                } else if let Some(named) = named.filter(|_| is_aws) {
                    principals.named.push(named);
                } else if is_aws || name.is_empty() {
                    let place = match index {
                        Some(index) => place.item(index),
                        None => place,
                    };
                    let reason = format!("`{name}` is not a principal");
                    self.faults.add(&place, reason, PRINCIPALS);
                }
            }
        }
        Some(principals)
    }

    fn conditions(&mut self, place: &Place<'_>, value: &Value) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let Some(operators) = self.object(place, value) else {
            return conditions;
        };
        for (name, keys) in operators {
            let place = place.member(name);
            let Some(operator) = Operator::parse(name) else {
                self.faults.add(
                    &place,
                    format!("there is no condition operator `{name}`"),
                    "write one of IAM's, such as `StringEquals` or `IpAddress`",
                );
                continue;
            };
            let Some(keys) = self.object(&place, keys) else {
                continue;
            };
            for (key, value) in keys {
                let place = place.member(key);
                let Some((values, is_list)) = self.condition_values(&place, value) else {
                    continue;
                };
                match Condition::new(operator, key, &values, self.variables) {
                    Ok(condition) => conditions.push(condition),
                    Err(faults) => {
                        for (index, reason) in faults {
                            let value = values.get(index).map_or("", AsRef::as_ref);
                            let place = if is_list { place.item(index) } else { place };
                            self.faults.add(
                                &place,
                                format!("`{value}` {reason}"),
                                "write what the operator compares with",
                            );
                        }
                    }
                }
            }
        }
        conditions
    }

    /// The values of a condition as texts, and whether they stand in a list.
    fn condition_values<'v>(
        &mut self,
        place: &Place<'_>,
        value: &'v Value,
    ) -> Option<(Vec<Cow<'v, str>>, bool)> {
        const HINT: &str = "write a string, a number or a boolean, or a list of them";
        let (values, is_list) = match value {
            Value::Array(values) => (values.as_slice(), true),
            single => (std::slice::from_ref(single), false),
        };
        if values.is_empty() {
            self.faults
                .add(place, "the condition has no value to compare with", HINT);
            return None;
        }
        let mut texts = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            match value {
                Value::String(text) => texts.push(Cow::Borrowed(text.as_str())),
                Value::Bool(_) | Value::Number(_) => texts.push(Cow::Owned(value.to_string())),
                _ => {
                    let place = if is_list { place.item(index) } else { *place };
                    self.faults
                        .add(&place, "nothing can be compared with this value", HINT);
                    return None;
                }
            }
        }
        Some((texts, is_list))
    }

    /// A string, or the strings of a list with their positions.
    fn strings<'v>(
        &mut self,
        place: &Place<'_>,
        value: &'v Value,
    ) -> Option<Vec<(Option<usize>, &'v str)>> {
        match value {
            Value::String(text) => Some(vec![(None, text)]),
            Value::Array(values) if !values.is_empty() => {
                let mut texts = Vec::with_capacity(values.len());
                for (index, value) in values.iter().enumerate() {
                    let Some(text) = value.as_str() else {
                        let place = place.item(index);
                        self.faults
                            .add(&place, "the value is not a string", STRINGS);
                        return None;
                    };
                    texts.push((Some(index), text));
                }
                Some(texts)
            }
            Value::Array(_) => {
                self.faults.add(place, "the list is empty", STRINGS);
                None
            }
            _ => {
                self.faults
                    .add(place, "the value is neither a string nor a list", STRINGS);
                None
            }
        }
    }

    fn object<'v>(
        &mut self,
        place: &Place<'_>,
        value: &'v Value,
    ) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.faults
                .add(place, "the value is not an object", "write an object");
        }
        object
    }

    /// An element that is there. Serialisers that Lambda functions use write `null` for what was
    /// never set.
    fn element<'v>(&self, object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
        let value = object.get(name)?;
        (!value.is_null() || self.kind != PolicyKind::Lambda).then_some(value)
    }

    fn known_elements(
        &mut self,
        place: &Place<'_>,
        object: &Map<String, Value>,
        known: &[&'static str],
    ) {
        for name in object.keys() {
            if !known.contains(&name.as_str()) && self.element(object, name).is_some() {
                self.faults.add(
                    &place.member(name),
                    format!("policies have no element `{name}`"),
                    "take it out, or look at its spelling",
                );
            }
        }
    }
}

/// What is wrong with a resource.
fn resource_fault(resource: &str, variables: bool) -> Option<&'static str> {
    if resource == "*" {
        return None;
    }
    let mut parts = resource.splitn(6, ':');
    if parts.next() != Some("arn") {
        return Some("it is neither an ARN nor `*`");
    }
    let partition = parts.next().unwrap_or_default();
    if partition != "*" && partition != "aws" && !partition.starts_with("aws-") {
        return Some("there is no such partition");
    }
    if parts.next().unwrap_or_default().is_empty() {
        return Some("it names no service");
    }
    let rest: Vec<&str> = parts.collect();
    // AWS takes what is missing for `*`. Only after a `*` is it clear that this was meant.
    if rest.len() < 3 && (!resource.ends_with('*') || rest.iter().any(|part| part.is_empty())) {
        return Some("an ARN has six parts");
    }
    let before_path = resource.splitn(6, ':').take(5);
    if variables && before_path.into_iter().any(|part| part.contains("${")) {
        return Some("policy variables may stand after the fifth colon only");
    }
    None
}

/// Whether the JSON of a value has more than `limit` bytes; stops there.
fn is_longer(value: &Value, limit: usize) -> bool {
    struct Room(usize);

    impl std::io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(std::io::ErrorKind::WriteZero)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    serde_json::to_writer(Room(limit), value).is_err()
}
