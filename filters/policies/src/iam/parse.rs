//! From a document to a policy.

mod conditions;
mod names;
mod principals;

use serde_json::{Map, Value};

use super::fault::{Faults, Place, PolicyFault};
use super::pattern::Pattern;
use super::{Effect, Listed, Policy, PolicyKind, Statement};
use names::{ACTIONS, RESOURCES};

/// How long the JSON of a policy may be, in bytes without white space: AWS's limit for resource
/// policies and for what Lambda authorizers answer.
const LONGEST_POLICY: usize = 8192;

/// The limit for identity policies: that of all inline policies of a role together.
const LONGEST_IDENTITY_POLICY: usize = 10_240;

const VERSIONS: &str = "write `2012-10-17`";
const STRINGS: &str = "write a string, or a list of strings";

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
