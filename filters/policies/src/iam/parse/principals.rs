//! `Principal` and `NotPrincipal`.

use serde_json::{Map, Value};

use super::Reader;
use crate::iam::fault::Place;
use crate::iam::principal_element::{NamedPrincipal, PrincipalElement, Principals};
use crate::iam::{Effect, PolicyKind};

const PRINCIPALS: &str = "write `*`, or who under `AWS`: an account id or the ARN of an account, \
    user, role or session";

impl Reader<'_> {
    pub(super) fn principal(
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
}
