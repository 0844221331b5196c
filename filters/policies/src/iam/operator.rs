//! The names of condition operators.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

/// A condition operator with what is written around its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    /// What is compared, and how.
    pub(super) comparison: Comparison,
    /// Whether the comparison must fail: `StringNotEquals`, `NotIpAddress`.
    pub(super) negated: bool,
    /// `ForAllValues:` or `ForAnyValue:`.
    pub(super) quantifier: Option<Quantifier>,
    /// `…IfExists`: holds when the request does not have the key.
    pub(super) if_exists: bool,
}

/// Which of a key's values must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// `ForAllValues:`: each that there is, and so none is fine.
    All,
    /// `ForAnyValue:`: at least one.
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    BinaryEquals,
    IpAddress,
    Arn,
    Null,
}

/// How the request's value is to stand to the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    pub(super) fn holds<T: PartialOrd>(self, value: &T, limit: &T) -> bool {
        match self {
            Self::Equal => value == limit,
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
        }
    }
}

impl Operator {
    /// Reads a name such as `ForAnyValue:StringNotLikeIfExists`; case does not matter.
    ///
    /// `None` for what is no operator. `Null` has nothing around it: it asks just that, whether a
    /// key exists.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (quantifier, rest) = if let Some(rest) = name.strip_prefix("forallvalues:") {
            (Some(Quantifier::All), rest)
        } else if let Some(rest) = name.strip_prefix("foranyvalue:") {
            (Some(Quantifier::Any), rest)
        } else {
            (None, name.as_str())
        };
        let (if_exists, rest) = match rest.strip_suffix("ifexists") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (comparison, negated) = comparison(rest)?;
        let bare = quantifier.is_none() && !if_exists;
        (comparison != Comparison::Null || bare).then_some(Self {
            comparison,
            negated,
            quantifier,
            if_exists,
        })
    }
}

fn comparison(name: &str) -> Option<(Comparison, bool)> {
    let plain = |comparison| Some((comparison, false));
    let negated = |comparison| Some((comparison, true));
    if let Some(order) = name.strip_prefix("numeric") {
        let (order, negated) = self::order(order)?;
        return Some((Comparison::Numeric(order), negated));
    }
    if let Some(order) = name.strip_prefix("date") {
        let (order, negated) = self::order(order)?;
        return Some((Comparison::Date(order), negated));
    }
    match name {
        "stringequals" => plain(Comparison::StringEquals),
        "stringnotequals" => negated(Comparison::StringEquals),
        "stringequalsignorecase" => plain(Comparison::StringEqualsIgnoreCase),
        "stringnotequalsignorecase" => negated(Comparison::StringEqualsIgnoreCase),
        "stringlike" => plain(Comparison::StringLike),
        "stringnotlike" => negated(Comparison::StringLike),
        "bool" => plain(Comparison::Bool),
        "binaryequals" => plain(Comparison::BinaryEquals),
        "ipaddress" => plain(Comparison::IpAddress),
        "notipaddress" => negated(Comparison::IpAddress),
        // AWS: the two behave the same.
        "arnequals" | "arnlike" => plain(Comparison::Arn),
        "arnnotequals" | "arnnotlike" => negated(Comparison::Arn),
        "null" => plain(Comparison::Null),
        _ => None,
    }
}

fn order(name: &str) -> Option<(Order, bool)> {
    Some(match name {
        "equals" => (Order::Equal, false),
        "notequals" => (Order::Equal, true),
        "lessthan" => (Order::Less, false),
        "lessthanequals" => (Order::LessOrEqual, false),
        "greaterthan" => (Order::Greater, false),
        "greaterthanequals" => (Order::GreaterOrEqual, false),
        _ => return None,
    })
}
