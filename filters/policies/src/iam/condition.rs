//! Whether a condition holds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::address::{self, Network};
use super::arn_pattern::ArnPattern;
use super::date;
use super::keys::ConditionKeys;
use super::operator::{Comparison, Operator, Order, Quantifier};
use super::pattern::{Pattern, Syntax};

/// An operator, a key, and the values that it may have.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// In lower case: keys are the same in any.
    key: String,
    negated: bool,
    quantifier: Option<Quantifier>,
    if_exists: bool,
    expected: Expected,
}

/// The values of the policy; one of them has to fit.
#[derive(Clone, Debug)]
enum Expected {
    Texts(Vec<Pattern>),
    TextsInAnyCase(Vec<Pattern>),
    Numbers(Order, Vec<f64>),
    Moments(Order, Vec<i128>),
    Booleans(Vec<bool>),
    Bytes(Vec<Vec<u8>>),
    Networks(Vec<Network>),
    Arns(Vec<ArnPattern>),
    /// Whether the key is to be missing.
    Missing(Vec<bool>),
}

impl Condition {
    /// Takes the policy's values, with `variables` in those of the string and ARN operators.
    ///
    /// # Errors
    ///
    /// For each value that the operator cannot compare with, which it is and why.
    pub(super) fn new(
        operator: Operator,
        key: &str,
        values: &[impl AsRef<str>],
        variables: bool,
    ) -> Result<Self, Vec<(usize, &'static str)>> {
        Ok(Self {
            key: key.to_ascii_lowercase(),
            negated: operator.negated,
            quantifier: operator.quantifier,
            if_exists: operator.if_exists,
            expected: Expected::new(operator.comparison, values, variables)?,
        })
    }

    /// Whether the request is as the condition says.
    ///
    /// A key that the request does not have is not equal to anything: it passes where the
    /// operator is negated. Several values without a quantifier pass when one is equal, or, where
    /// the operator is negated, when none is.
    pub(super) fn holds(&self, keys: &dyn ConditionKeys) -> bool {
        let values = keys.values(&self.key);
        if let Expected::Missing(wanted) = &self.expected {
            return wanted.contains(&values.is_empty());
        }
        if values.is_empty() {
            return self.if_exists
                || match self.quantifier {
                    Some(Quantifier::All) => true,
                    Some(Quantifier::Any) => false,
                    None => self.negated,
                };
        }
        let mut values = values.iter();
        match self.quantifier {
            Some(Quantifier::All) => {
                values.all(|value| self.expected.fits(value, keys) != self.negated)
            }
            Some(Quantifier::Any) => {
                values.any(|value| self.expected.fits(value, keys) != self.negated)
            }
            None => values.any(|value| self.expected.fits(value, keys)) != self.negated,
        }
    }
}

impl Expected {
    fn new(
        comparison: Comparison,
        values: &[impl AsRef<str>],
        variables: bool,
    ) -> Result<Self, Vec<(usize, &'static str)>> {
        let syntax = Syntax {
            wildcards: comparison == Comparison::StringLike,
            variables,
        };
        let pattern = |text: &str| Pattern::parse(text, syntax);
        match comparison {
            Comparison::StringEquals | Comparison::StringLike => {
                read(values, pattern).map(Self::Texts)
            }
            Comparison::StringEqualsIgnoreCase => read(values, pattern).map(Self::TextsInAnyCase),
            Comparison::Numeric(order) => {
                let number = |text: &str| number(text).ok_or("is not a number");
                read(values, number).map(|numbers| Self::Numbers(order, numbers))
            }
            Comparison::Date(order) => {
                let moment = |text: &str| {
                    date::parse(text).ok_or("is neither an ISO 8601 date nor seconds since 1970")
                };
                read(values, moment).map(|moments| Self::Moments(order, moments))
            }
            Comparison::Bool => read(values, expected_boolean).map(Self::Booleans),
            Comparison::BinaryEquals => read(values, |text| {
                STANDARD.decode(text).or(Err("is not Base64"))
            })
            .map(Self::Bytes),
            Comparison::IpAddress => {
                let network = |text: &str| {
                    Network::parse(text).ok_or("is neither an address nor a CIDR block")
                };
                read(values, network).map(Self::Networks)
            }
            Comparison::Arn => {
                read(values, |text| ArnPattern::parse(text, variables)).map(Self::Arns)
            }
            Comparison::Null => read(values, expected_boolean).map(Self::Missing),
        }
    }

    /// Whether a value of the request fits one of the policy's.
    fn fits(&self, value: &str, keys: &dyn ConditionKeys) -> bool {
        match self {
            Self::Texts(patterns) => patterns.iter().any(|pattern| pattern.matches(value, keys)),
            Self::TextsInAnyCase(patterns) => patterns
                .iter()
                .any(|pattern| pattern.equals_ignoring_case(value, keys)),
            Self::Numbers(order, limits) => number(value)
                .is_some_and(|value| limits.iter().any(|limit| order.holds(&value, limit))),
            Self::Moments(order, limits) => date::parse(value)
                .is_some_and(|value| limits.iter().any(|limit| order.holds(&value, limit))),
            Self::Booleans(expected) => {
                boolean(value).is_some_and(|value| expected.contains(&value))
            }
            Self::Bytes(expected) => STANDARD
                .decode(value)
                .is_ok_and(|value| expected.contains(&value)),
            Self::Networks(networks) => address::canonical(value)
                .is_some_and(|address| networks.iter().any(|network| network.contains(address))),
            Self::Arns(patterns) => patterns.iter().any(|pattern| pattern.matches(value, keys)),
            Self::Missing(_) => false,
        }
    }
}

fn read<T>(
    values: &[impl AsRef<str>],
    parse: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Vec<T>, Vec<(usize, &'static str)>> {
    let mut parsed = Vec::with_capacity(values.len());
    let mut faults = Vec::new();
    for (index, value) in values.iter().enumerate() {
        match parse(value.as_ref()) {
            Ok(value) => parsed.push(value),
            Err(reason) => faults.push((index, reason)),
        }
    }
    if faults.is_empty() {
        Ok(parsed)
    } else {
        Err(faults)
    }
}

/// A decimal number; not what else a floating-point number may be, such as `NaN` or `inf`.
fn number(text: &str) -> Option<f64> {
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let starts = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    if starts && text.bytes().all(plain) {
        text.parse().ok().filter(|number: &f64| number.is_finite())
    } else {
        None
    }
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn expected_boolean(text: &str) -> Result<bool, &'static str> {
    boolean(text).ok_or("is neither `true` nor `false`")
}
