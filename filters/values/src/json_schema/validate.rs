//! Holds values against schemas.

use std::fmt::Display;

use super::{Assertion, Dependency, Node, NodeId, Schema, Types, ValidationError};
use crate::json::Style;
use crate::{Decimal, List, Map, Number, Value};

/// How many schemas are in one another, on the way to a value: more than any document is deep,
/// little enough for the stack of a filter.
const DEEPEST: usize = 400;

/// How many values are held against schemas at most: about a second.
const MOST_CHECKS: u64 = 4_000_000;

/// How many bytes all messages may have, and each value that is shown in one.
const LONGEST_MESSAGES: usize = 64 * 1024;

/// Why a value is not held against any more schemas.
enum Stop {
    /// It takes too long.
    TooLong,
    /// Schemas are too deep in one another.
    TooDeep,
    /// A regular expression takes too many steps.
    Pattern,
}

/// What has been found out.
enum Report<'m> {
    /// The messages.
    Full(&'m mut Vec<ValidationError>),
    /// For alternatives, of which nothing is said: only whether there was an error.
    Verdict(bool),
}

impl Report<'_> {
    fn is_failure(&self) -> bool {
        match self {
            Self::Full(errors) => !errors.is_empty(),
            Self::Verdict(failure) => *failure,
        }
    }

    fn add(&mut self, message: impl FnOnce() -> String) {
        match self {
            Self::Verdict(failure) => *failure = true,
            Self::Full(errors) => {
                let length: usize = errors.iter().map(|error| error.message.len()).sum();
                if length < LONGEST_MESSAGES {
                    errors.push(ValidationError { message: message() });
                }
            }
        }
    }
}

struct Validator<'s> {
    schema: &'s Schema,
    checks: u64,
}

pub(super) fn validate(schema: &Schema, value: &Value) -> Result<(), Vec<ValidationError>> {
    let mut errors = Vec::new();
    let mut validator = Validator {
        schema,
        checks: MOST_CHECKS,
    };
    let mut report = Report::Full(&mut errors);
    let message = match validator.check(0, value, &mut report, DEEPEST) {
        Ok(()) if errors.is_empty() => return Ok(()),
        Ok(()) => return Err(errors),
        Err(Stop::TooLong) => "instance takes too long to validate",
        Err(Stop::TooDeep) => "validation loop: schemas are too deep in one another",
        Err(Stop::Pattern) => "a regular expression takes too long on the instance",
    };
    errors.push(ValidationError {
        message: message.to_owned(),
    });
    Err(errors)
}

impl<'s> Validator<'s> {
    fn spend(&mut self, checks: usize) -> Result<(), Stop> {
        let left = self.checks.checked_sub(checks as u64);
        self.checks = left.ok_or(Stop::TooLong)?;
        Ok(())
    }

    /// The schema that a number stands for, where its references lead. The compiler has refused
    /// circles.
    fn node(&self, id: NodeId) -> Result<&'s Node, Stop> {
        let mut id = id;
        loop {
            let node = self.schema.nodes.get(id).ok_or(Stop::TooDeep)?;
            match node.reference {
                Some(target) => id = target,
                None => return Ok(node),
            }
        }
    }

    fn check(
        &mut self,
        id: NodeId,
        value: &Value,
        report: &mut Report<'_>,
        depth: usize,
    ) -> Result<(), Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::TooDeep)?;
        self.spend(1)?;
        let node = self.node(id)?;
        for assertion in &node.assertions {
            if matches!(report, Report::Verdict(true)) {
                return Ok(());
            }
            self.assert(assertion, node, value, report, depth)?;
        }
        // As json-schema-validator does: there is no reason to go any further.
        if report.is_failure() {
            return Ok(());
        }
        match value {
            Value::List(items) => self.check_items(node, items, report, depth),
            Value::Map(entries) => self.check_properties(node, entries, report, depth),
            _ => Ok(()),
        }
    }

    fn check_items(
        &mut self,
        node: &Node,
        items: &List,
        report: &mut Report<'_>,
        depth: usize,
    ) -> Result<(), Stop> {
        if node.items.is_empty() && node.additional_items.is_none() {
            return Ok(());
        }
        items.read(|items| {
            for (position, item) in items.iter().enumerate() {
                let schema = node.items.get(position).copied();
                if let Some(schema) = schema.or(node.additional_items) {
                    self.check(schema, item, report, depth)?;
                }
            }
            Ok(())
        })
    }

    fn check_properties(
        &mut self,
        node: &Node,
        entries: &Map,
        report: &mut Report<'_>,
        depth: usize,
    ) -> Result<(), Stop> {
        if node.properties.is_empty()
            && node.pattern_properties.is_empty()
            && node.additional_properties.is_none()
        {
            return Ok(());
        }
        entries.read(|entries| {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            for (name, value) in entries {
                let named = property(node, name);
                if let Some(schema) = named {
                    self.check(schema, value, report, depth)?;
                }
                let mut matched = named.is_some();
                for (pattern, schema) in &node.pattern_properties {
                    self.spend(1)?;
                    if pattern.is_match(name).map_err(|_| Stop::Pattern)? {
                        matched = true;
                        self.check(*schema, value, report, depth)?;
                    }
                }
                if let Some(schema) = node.additional_properties.filter(|_| !matched) {
                    self.check(schema, value, report, depth)?;
                }
            }
            Ok(())
        })
    }

    /// Whether a value fits a schema.
    fn fits(&mut self, id: NodeId, value: &Value, depth: usize) -> Result<bool, Stop> {
        let mut report = Report::Verdict(false);
        self.check(id, value, &mut report, depth)?;
        Ok(!report.is_failure())
    }

    /// How many of some schemas a value fits.
    fn matched(&mut self, schemas: &[NodeId], value: &Value, depth: usize) -> Result<usize, Stop> {
        let mut matched = 0;
        for schema in schemas {
            matched += usize::from(self.fits(*schema, value, depth)?);
        }
        Ok(matched)
    }

    fn assert(
        &mut self,
        assertion: &Assertion,
        node: &Node,
        value: &Value,
        report: &mut Report<'_>,
        depth: usize,
    ) -> Result<(), Stop> {
        match (assertion, value) {
            (Assertion::AllOf(schemas), _) => {
                let matched = self.matched(schemas, value, depth)?;
                if matched != schemas.len() {
                    report.add(|| format!("instance failed to match all required schemas (matched only {matched} out of {})", schemas.len()));
                }
            }
            (Assertion::AnyOf(schemas), _) => {
                for schema in schemas {
                    if self.fits(*schema, value, depth)? {
                        return Ok(());
                    }
                }
                report.add(|| {
                    format!(
                        "instance failed to match at least one required schema among {}",
                        schemas.len()
                    )
                });
            }
            (Assertion::OneOf(schemas), _) => {
                let matched = self.matched(schemas, value, depth)?;
                if matched != 1 {
                    report.add(|| format!("instance failed to match exactly one schema (matched {matched} out of {})", schemas.len()));
                }
            }
            (Assertion::Not(schema), _) => {
                let fits = self.fits(*schema, value, depth)?;
                if fits {
                    report.add(|| "instance matched a schema which it should not have".to_owned());
                }
            }
            (Assertion::Enum(values, all), _) => {
                self.spend(values.len())?;
                if !values.iter().any(|allowed| allowed.equals(value)) {
                    report.add(|| {
                        format!(
                            "instance value ({}) not found in enum (possible values: {all})",
                            json(value)
                        )
                    });
                }
            }
            (Assertion::Type(types), _) => {
                let actual = Types::of_value(value);
                if types.0 & actual.0 == 0 {
                    let name = actual.names().next().unwrap_or_default();
                    report.add(|| format!("instance type ({name}) does not match any allowed primitive type (allowed: {})", array(types.names())));
                }
            }
            (_, Value::String(text)) => self.assert_string(assertion, text, report)?,
            (_, Value::Number(number)) => assert_number(assertion, number, report),
            (_, Value::List(items)) => self.assert_list(assertion, node, items, report)?,
            (_, Value::Map(entries)) => {
                self.assert_map(assertion, node, value, entries, report, depth)?
            }
            _ => {}
        }
        Ok(())
    }

    fn assert_string(
        &mut self,
        assertion: &Assertion,
        text: &str,
        report: &mut Report<'_>,
    ) -> Result<(), Stop> {
        let length = || text.chars().count() as u64;
        match assertion {
            Assertion::MinLength(least) => {
                let length = length();
                if length < *least {
                    report.add(|| format!("string \"{}\" is too short (length: {length}, required minimum: {least})", short(text)));
                }
            }
            Assertion::MaxLength(most) => {
                let length = length();
                if length > *most {
                    report.add(|| {
                        format!(
                            "string \"{}\" is too long (length: {length}, maximum allowed: {most})",
                            short(text)
                        )
                    });
                }
            }
            Assertion::Pattern(pattern) => {
                let matches = pattern.is_match(text).map_err(|_| Stop::Pattern)?;
                if !matches {
                    report.add(|| {
                        format!(
                            "ECMA 262 regex \"{}\" does not match input string \"{}\"",
                            pattern.as_str(),
                            short(text)
                        )
                    });
                }
            }
            Assertion::Format(format) => {
                let fits = format.fits(text);
                if !fits {
                    let input = if *format == super::Format::Uuid {
                        "input "
                    } else {
                        ""
                    };
                    report.add(|| {
                        format!(
                            "{input}string \"{}\" is {}",
                            short(text),
                            format.complaint()
                        )
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn assert_list(
        &mut self,
        assertion: &Assertion,
        node: &Node,
        items: &List,
        report: &mut Report<'_>,
    ) -> Result<(), Stop> {
        let length = items.len() as u64;
        match assertion {
            Assertion::AdditionalItems if items.len() > node.items.len() => {
                report.add(|| format!("schema only allows {} elements in array but instance has {length} elements", node.items.len()));
            }
            Assertion::MinItems(least) if length < *least => {
                report.add(|| format!("array is too short: must have at least {least} elements but instance has {length} elements"));
            }
            Assertion::MaxItems(most) if length > *most => {
                report.add(|| format!("array is too long: must have at most {most} elements but instance has {length} elements"));
            }
            Assertion::UniqueItems => {
                let unique = items.read(|items| self.are_unique(items))?;
                if !unique {
                    report.add(|| "array must not contain duplicate elements".to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether no two items are equal: only those with the same hash are compared.
    fn are_unique(&mut self, items: &[Value]) -> Result<bool, Stop> {
        let mut hashed = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            hashed.push((self.hash(item, DEEPEST)?, position));
        }
        hashed.sort_unstable();
        let mut rest = hashed.as_slice();
        while let [(hash, position), others @ ..] = rest {
            for (_, other) in others.iter().take_while(|(other, _)| other == hash) {
                self.spend(1)?;
                let pair = items.get(*position).zip(items.get(*other));
                if pair.is_some_and(|(one, other)| one.equals(other)) {
                    return Ok(false);
                }
            }
            rest = others;
        }
        Ok(true)
    }

    /// A number that is the same for equal values.
    fn hash(&mut self, value: &Value, depth: usize) -> Result<u64, Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::TooDeep)?;
        self.spend(1)?;
        Ok(match value {
            Value::Null | Value::Object(_) => 1,
            Value::Boolean(boolean) => 2 + u64::from(*boolean),
            Value::Number(number) => number.decimal().map_or(4, |decimal| {
                hash_bytes(decimal.exponent.cast_unsigned(), &decimal.digits)
            }),
            Value::String(text) => hash_bytes(5, text.as_bytes()),
            Value::List(items) => items.read(|items| {
                let mut all = 6;
                for item in items {
                    all = hash_bytes(all, &self.hash(item, depth)?.to_ne_bytes());
                }
                Ok(all)
            })?,
            Value::Map(entries) => entries.read(|entries| {
                // A sum, as the order is of no matter.
                let mut all = 7_u64;
                for (name, value) in entries {
                    let name = hash_bytes(8, name.as_bytes());
                    let entry = hash_bytes(name, &self.hash(value, depth)?.to_ne_bytes());
                    all = all.wrapping_add(entry);
                }
                Ok(all)
            })?,
        })
    }

    fn assert_map(
        &mut self,
        assertion: &Assertion,
        node: &Node,
        value: &Value,
        entries: &Map,
        report: &mut Report<'_>,
        depth: usize,
    ) -> Result<(), Stop> {
        let count = entries.len() as u64;
        match assertion {
            Assertion::AdditionalProperties => {
                let mut names = Vec::new();
                for name in entries.keys() {
                    let mut known = property(node, &name).is_some();
                    for (pattern, _) in &node.pattern_properties {
                        self.spend(1)?;
                        known = known || pattern.is_match(&name).map_err(|_| Stop::Pattern)?;
                    }
                    if !known {
                        names.push(name);
                    }
                }
                if !names.is_empty() {
                    names.sort_unstable();
                    let names = names.iter().map(|name| &**name);
                    report.add(|| format!("object instance has properties which are not allowed by the schema: {}", array(names)));
                }
            }
            Assertion::Dependencies(dependencies) => {
                for (name, dependency) in dependencies {
                    if !entries.contains_key(name) {
                        continue;
                    }
                    match dependency {
                        Dependency::Schema(schema) => self.check(*schema, value, report, depth)?,
                        Dependency::Properties(names) => {
                            let missing: Vec<&str> = missing(names, entries);
                            if !missing.is_empty() {
                                let required = names.iter().map(|name| &**name);
                                report.add(|| format!("property \"{name}\" of object has missing property dependencies (schema requires {}; missing: {})", array(required), array(missing)));
                            }
                        }
                    }
                }
            }
            Assertion::MinProperties(least) if count < *least => {
                report.add(|| format!("object has too few properties (found {count} but schema requires at least {least})"));
            }
            Assertion::MaxProperties(most) if count > *most => {
                report.add(|| format!("object has too many properties (found {count} but schema requires at most {most})"));
            }
            Assertion::Required(names) => {
                let missing = missing(names, entries);
                if !missing.is_empty() {
                    report.add(|| {
                        format!(
                            "object has missing required properties ({})",
                            array(missing)
                        )
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn assert_number(assertion: &Assertion, number: &Number, report: &mut Report<'_>) {
    match assertion {
        Assertion::Minimum(least, exclusive) => match number.compare(least) {
            Some(order) if order.is_lt() => {
                report.add(|| format!("numeric instance is lower than the required minimum (minimum: {}, found: {})", Printed(least), Printed(number)));
            }
            Some(order) if order.is_eq() && *exclusive => {
                report.add(|| {
                    format!(
                        "numeric instance is not strictly greater than the required minimum {}",
                        Printed(least)
                    )
                });
            }
            _ => {}
        },
        Assertion::Maximum(most, exclusive) => match number.compare(most) {
            Some(order) if order.is_gt() => {
                report.add(|| format!("numeric instance is greater than the required maximum (maximum: {}, found: {})", Printed(most), Printed(number)));
            }
            Some(order) if order.is_eq() && *exclusive => {
                report.add(|| {
                    format!(
                        "numeric instance is not strictly lower than the required maximum {}",
                        Printed(most)
                    )
                });
            }
            _ => {}
        },
        Assertion::MultipleOf(divisor) => {
            let multiple = number.decimal().zip(divisor.decimal());
            if !multiple.is_some_and(|(number, divisor)| is_multiple(&number, &divisor)) {
                report.add(|| {
                    format!(
                        "remainder of division is not zero ({} / {})",
                        Printed(number),
                        Printed(divisor)
                    )
                });
            }
        }
        _ => {}
    }
}

/// A number as Java's `BigDecimal` prints it, which is what Jackson reads.
struct Printed<'n>(&'n Number);

impl Display for Printed<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        self.0.print(&mut text);
        out.write_str(short(&text))
    }
}

/// Whether a number is so many times another one, which has 18 digits at most.
fn is_multiple(number: &Decimal, divisor: &Decimal) -> bool {
    let last_place = |decimal: &Decimal| {
        let digits = i64::try_from(decimal.digits.len()).unwrap_or(i64::MAX);
        decimal.exponent.saturating_sub(digits)
    };
    if number.digits.is_empty() {
        return true;
    }
    // Digits do not end with zeros: what has places after those of the divisor is no multiple.
    let Ok(places) = u64::try_from(last_place(number).saturating_sub(last_place(divisor))) else {
        return false;
    };
    let value = |byte: &u8| u128::from(byte.wrapping_sub(b'0'));
    let divisor = divisor
        .digits
        .iter()
        .fold(0, |all, byte| all * 10 + value(byte));
    if divisor == 0 {
        return false;
    }
    let mut remainder = number
        .digits
        .iter()
        .fold(0, |all, byte| (all * 10 + value(byte)) % divisor);
    // Times ten so often, by squares.
    let (mut power, mut places) = (10 % divisor, places);
    while places > 0 && remainder > 0 {
        if places & 1 == 1 {
            remainder = remainder * power % divisor;
        }
        power = power * power % divisor;
        places >>= 1;
    }
    remainder == 0
}

/// Fowler, Noll and Vo's.
fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325 ^ seed, step)
}

fn property(node: &Node, name: &str) -> Option<NodeId> {
    let found = node
        .properties
        .binary_search_by(|(other, _)| (**other).cmp(name));
    node.properties.get(found.ok()?).map(|(_, schema)| *schema)
}

fn missing<'n>(names: &'n [Box<str>], entries: &Map) -> Vec<&'n str> {
    let names = names.iter().map(|name| &**name);
    names.filter(|name| !entries.contains_key(name)).collect()
}

/// Names as a JSON array.
fn array<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names = names.into_iter().map(Value::string);
    json(&Value::array(names.collect()))
}

fn json(value: &Value) -> String {
    let mut text = String::new();
    value.write_within(Style::Json, &mut text, LONGEST_MESSAGES);
    text
}

/// As much of a text as a message may have.
fn short(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST_MESSAGES))
        .unwrap_or(text)
}
