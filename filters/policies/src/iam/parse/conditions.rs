//! `Condition`.

use std::borrow::Cow;

use serde_json::Value;

use super::Reader;
use crate::iam::condition::Condition;
use crate::iam::fault::Place;
use crate::iam::operator::Operator;

impl Reader<'_> {
    pub(super) fn conditions(&mut self, place: &Place<'_>, value: &Value) -> Vec<Condition> {
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
}
