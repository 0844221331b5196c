//! Evaluation against one that is written as the documentation reads, and laws that hold of every
//! policy.

use proptest::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::tests::GivenKeys;
use super::wildcard::tests::reference as is_like;
use super::{Policy, PolicyKind, Request, Verdict};

/// A statement, as the documentation talks of one.
#[derive(Clone, Debug)]
struct Spoken {
    allows: bool,
    not_action: bool,
    actions: Vec<String>,
    not_resource: bool,
    paths: Vec<String>,
    conditions: Vec<SpokenCondition>,
}

#[derive(Clone, Debug)]
struct SpokenCondition {
    quantifier: &'static str,
    negated: bool,
    like: bool,
    if_exists: bool,
    key: &'static str,
    values: Vec<String>,
}

#[derive(Clone, Debug)]
struct Asked {
    action: String,
    path: String,
    keys: Vec<(&'static str, Vec<String>)>,
}

const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:";
const KEYS: [&str; 2] = ["aws:a", "aws:b"];

fn like(pattern: &str, text: &str) -> bool {
    let characters = |text: &str| text.chars().collect::<Vec<_>>();
    is_like(&characters(pattern), &characters(text))
}

impl SpokenCondition {
    fn operator(&self) -> String {
        let not = if self.negated { "Not" } else { "" };
        let compare = if self.like { "Like" } else { "Equals" };
        let if_exists = if self.if_exists { "IfExists" } else { "" };
        format!("{}String{not}{compare}{if_exists}", self.quantifier)
    }

    fn holds(&self, asked: &Asked) -> bool {
        let values = asked
            .keys
            .iter()
            .find(|(key, _)| *key == self.key)
            .map_or(&[][..], |(_, values)| values.as_slice());
        let listed = |value: &str| {
            self.values.iter().any(|expected| {
                if self.like {
                    like(expected, value)
                } else {
                    expected == value
                }
            })
        };
        let matched = values.iter().filter(|value| listed(value)).count();
        let unmatched = values.len() - matched;
        match (values.is_empty(), self.if_exists, self.quantifier) {
            (true, true, _) | (true, _, "ForAllValues:") => true,
            (true, false, "ForAnyValue:") => false,
            (true, false, _) => self.negated,
            (false, _, "ForAllValues:") if self.negated => matched == 0,
            (false, _, "ForAllValues:") => unmatched == 0,
            (false, _, "ForAnyValue:") if self.negated => unmatched > 0,
            (false, ..) if self.negated => matched == 0,
            (false, ..) => matched > 0,
        }
    }
}

impl Spoken {
    fn applies(&self, asked: &Asked) -> bool {
        let lower = asked.action.to_lowercase();
        let action = self
            .actions
            .iter()
            .any(|action| like(&action.to_lowercase(), &lower));
        let resource = self.paths.iter().any(|path| like(path, &asked.path));
        let mut conditions = self.conditions.iter();
        action != self.not_action
            && resource != self.not_resource
            && conditions.all(|condition| condition.holds(asked))
    }

    fn document(&self) -> Value {
        let paths: Vec<_> = self
            .paths
            .iter()
            .map(|path| format!("{ARN}{path}"))
            .collect();
        let mut conditions = json!({});
        for condition in &self.conditions {
            conditions[condition.operator()][condition.key] = json!(condition.values);
        }
        json!({
            "Effect": if self.allows { "Allow" } else { "Deny" },
            if self.not_action { "NotAction" } else { "Action" }: self.actions,
            if self.not_resource { "NotResource" } else { "Resource" }: paths,
            "Condition": conditions,
        })
    }
}

fn reference(statements: &[Spoken], asked: &Asked) -> Verdict {
    let says = |allows: bool| {
        statements
            .iter()
            .any(|statement| statement.allows == allows && statement.applies(asked))
    };
    match (says(false), says(true)) {
        (true, _) => Verdict::ExplicitDeny,
        (false, true) => Verdict::Allow,
        (false, false) => Verdict::ImplicitDeny,
    }
}

fn policy(statements: &[Spoken]) -> Policy {
    let statements: Vec<_> = statements.iter().map(Spoken::document).collect();
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    Policy::parse(&document, PolicyKind::Lambda).unwrap()
}

fn evaluate(policy: &Policy, asked: &Asked) -> Verdict {
    let keys = GivenKeys(
        asked
            .keys
            .iter()
            .map(|(key, values)| ((*key).to_owned(), values.clone()))
            .collect(),
    );
    policy.evaluate(&Request {
        action: &asked.action,
        resource: &format!("{ARN}{}", asked.path),
        principal: None,
        keys: &keys,
    })
}

fn condition() -> impl Strategy<Value = SpokenCondition> {
    (
        prop::sample::select(&["", "ForAllValues:", "ForAnyValue:"][..]),
        any::<[bool; 3]>(),
        prop::sample::select(&KEYS[..]),
        prop::collection::vec("[ab*?]{1,2}", 1..3),
    )
        .prop_map(
            |(quantifier, [negated, like, if_exists], key, values)| SpokenCondition {
                quantifier,
                negated,
                like,
                if_exists,
                key,
                values,
            },
        )
}

/// Conditions of which no two have the same place in the document.
fn conditions() -> impl Strategy<Value = Vec<SpokenCondition>> {
    prop::collection::vec(condition(), 0..3).prop_map(|mut conditions| {
        let mut known = std::collections::BTreeSet::new();
        conditions.retain(|condition| known.insert((condition.operator(), condition.key)));
        conditions
    })
}

fn statement() -> impl Strategy<Value = Spoken> {
    (
        any::<[bool; 3]>(),
        prop::collection::vec("x:[iI*?]{1,2}|\\*|y:i", 1..3),
        prop::collection::vec("[ab/*?]{1,4}", 1..3),
        conditions(),
    )
        .prop_map(
            |([allows, not_action, not_resource], actions, paths, conditions)| Spoken {
                allows,
                not_action,
                actions,
                not_resource,
                paths,
                conditions,
            },
        )
}

fn statements() -> impl Strategy<Value = Vec<Spoken>> {
    prop::collection::vec(statement(), 0..5)
}

fn asked() -> impl Strategy<Value = Asked> {
    let values = || prop::collection::vec("[ab]{1,2}", 0..3);
    ("[xy]:[iI]{1,2}", "[ab/]{0,4}", values(), values()).prop_map(|(action, path, a, b)| Asked {
        action,
        path,
        keys: KEYS.into_iter().zip([a, b]).collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[wasm_bindgen_test(unsupported = test)]
    fn says_what_the_reference_says(
        statements in statements(),
        asked in prop::collection::vec(asked(), 4),
    ) {
        let policy = policy(&statements);
        for asked in asked {
            prop_assert_eq!(
                evaluate(&policy, &asked),
                reference(&statements, &asked),
                "{:?} {:?}", statements, asked
            );
        }
    }

    /// A denial more never allows more, nor does what is denied depend on what else is allowed.
    #[wasm_bindgen_test(unsupported = test)]
    fn a_denial_never_allows(
        statements in statements(),
        denial in statement(),
        at in any::<prop::sample::Index>(),
        asked in asked(),
    ) {
        let denial = Spoken { allows: false, ..denial };
        let mut more = statements.clone();
        more.insert(at.index(statements.len() + 1), denial.clone());
        let before = evaluate(&policy(&statements), &asked);
        let after = evaluate(&policy(&more), &asked);
        let alone = evaluate(&policy(&[denial]), &asked);
        let expected = if alone == Verdict::ExplicitDeny { alone } else { before };
        prop_assert_eq!(after, expected);
    }

    /// The order of statements does not matter.
    #[wasm_bindgen_test(unsupported = test)]
    fn the_order_of_statements_does_not_matter(statements in statements(), asked in asked()) {
        let mut backwards = statements.clone();
        backwards.reverse();
        prop_assert_eq!(
            evaluate(&policy(&statements), &asked),
            evaluate(&policy(&backwards), &asked)
        );
    }

    /// Whatever stands in a document, it is read or every fault has its place in it.
    #[wasm_bindgen_test(unsupported = test)]
    fn faults_have_a_place(document in document()) {
        for kind in [
            PolicyKind::Identity,
            PolicyKind::Lambda,
            PolicyKind::Resource { api_arn: "arn:aws:execute-api:us-east-1:123456789012:a" },
        ] {
            let faults = Policy::parse(&document, kind).err();
            for fault in faults.iter().flatten() {
                prop_assert!(document.pointer(&fault.pointer).is_some(), "{fault} {document}");
            }
            prop_assert!(faults.is_none_or(|faults| !faults.is_empty()));
        }
    }
}

/// A document of the words of the policy language in places where they may not belong.
fn document() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(
        &[
            "Version",
            "2012-10-17",
            "2008-10-17",
            "Id",
            "Statement",
            "Sid",
            "Effect",
            "Allow",
            "Deny",
            "Principal",
            "NotPrincipal",
            "AWS",
            "Service",
            "123456789012",
            "Action",
            "NotAction",
            "x:y",
            "Resource",
            "NotResource",
            "execute-api:/a",
            "arn:aws:a:b:c:d",
            "Condition",
            "Bool",
            "StringLike",
            "IpAddress",
            "aws:SourceIp",
            "${aws:x}",
            "*",
            "true",
        ][..],
    );
    let leaf = prop_oneof![
        4 => word.clone().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<i32>().prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(4, 24, 4, move |inner| {
        let member = (word.clone().prop_map(ToOwned::to_owned), inner.clone());
        prop_oneof![
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::from),
            3 => prop::collection::btree_map(member.0, member.1, 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    });
    (tree.clone(), tree.clone(), tree).prop_map(|(statement, principal, condition)| {
        let mut document = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "*", "Resource": "*", "Principal": principal,
            "Condition": condition,
        }});
        if statement.is_object() {
            document["Statement"] = json!([statement, document["Statement"]]);
        }
        document
    })
}
