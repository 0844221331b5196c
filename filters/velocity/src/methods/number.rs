//! `java.lang.Integer`, `Long`, `Double`, `BigInteger`, `BigDecimal` and `Boolean`: the methods of
//! their values, and the static ones that a template reaches through a value, as in
//! `#set($Integer = 0)$Integer.parseInt("42")`.

use attache_values::{Number, Value};

use super::{Answer, Refusal, int, order, text};
use crate::arithmetic;
use crate::limits::Budget;

const DIFFERENT: &str = "it compares values of one kind";

/// The methods without parameters.
pub(super) const WITHOUT_ARGUMENTS: &[&str] = &[
    "intValue",
    "longValue",
    "doubleValue",
    "shortValue",
    "byteValue",
    "floatValue",
];

pub(super) fn call(
    this: &Number,
    method: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Option<Answer> {
    use Value::{Number as N, String as S};
    let integer = |integer: i64| Ok(Value::integer(integer));
    let double = |double: f64| Ok(Value::double(double));
    let is_double = matches!(this, Number::Double(_));
    // Java's `Integer`, and its `Long`.
    let (is_int, is_long) = match this {
        Number::Integer(this) => {
            let small = i32::try_from(*this).is_ok();
            (small, !small)
        }
        _ => (false, false),
    };
    let bits = if is_int { 32 } else { 64 };
    Some(match (method, arguments) {
        ("intValue", []) => integer(arithmetic::to_int(this)),
        ("longValue", []) => integer(arithmetic::to_long(this)),
        ("shortValue", []) => integer(arithmetic::to_int(this) as i16 as i64),
        ("byteValue", []) => integer(arithmetic::to_int(this) as i8 as i64),
        ("doubleValue", []) => double(arithmetic::double_value(this)),
        ("floatValue", []) => double(f64::from(arithmetic::double_value(this) as f32)),
        ("compareTo", [N(other)]) => match (this, other) {
            (Number::Double(this), Number::Double(other)) => Ok(order(this.total_cmp(other))),
            (Number::Integer(this), Number::Integer(other)) => Ok(order(this.cmp(other))),
            (Number::Big(_), Number::Big(_)) => {
                integer(i64::from(arithmetic::compare(this, other)))
            }
            _ => Err(DIFFERENT.into()),
        },
        ("compareTo", [_]) => Err(DIFFERENT.into()),
        ("parseInt", [S(digits)]) if is_int => parse(digits, 10, bits),
        ("parseInt", [S(digits), radix]) if is_int => parse(digits, int(radix)?, bits),
        ("parseLong", [S(digits)]) if is_long => parse(digits, 10, bits),
        ("parseLong", [S(digits), radix]) if is_long => parse(digits, int(radix)?, bits),
        ("parseDouble" | "valueOf", [S(digits)]) if is_double => parse_double(digits),
        ("valueOf", [S(digits)]) if is_int || is_long => parse(digits, 10, bits),
        ("valueOf", [S(digits), radix]) if is_int || is_long => parse(digits, int(radix)?, bits),
        ("valueOf", [N(number)]) => Ok(N(number.clone())),
        ("toString", [value @ N(_)]) => text(value, budget).map(Value::string),
        ("toString", [N(Number::Integer(value)), radix]) if !is_double => {
            Ok(Value::string(in_radix(*value, int(radix)?)))
        }
        ("toHexString", [N(Number::Integer(value))]) => Ok(Value::string(unsigned(*value, 16))),
        ("toOctalString", [N(Number::Integer(value))]) => Ok(Value::string(unsigned(*value, 8))),
        ("toBinaryString", [N(Number::Integer(value))]) => Ok(Value::string(unsigned(*value, 2))),
        ("max", [N(left), N(right)]) => Ok(N(if arithmetic::compare(left, right) >= 0 {
            left.clone()
        } else {
            right.clone()
        })),
        ("min", [N(left), N(right)]) => Ok(N(if arithmetic::compare(left, right) <= 0 {
            left.clone()
        } else {
            right.clone()
        })),
        ("sum", [N(Number::Integer(left)), N(Number::Integer(right))]) => {
            integer(left.wrapping_add(*right))
        }
        ("sum", [N(left), N(right)]) => {
            double(arithmetic::double_value(left) + arithmetic::double_value(right))
        }
        ("compare", [N(left), N(right)]) => integer(i64::from(arithmetic::compare(left, right))),
        ("signum", [N(Number::Integer(value))]) => integer(value.signum()),
        ("isNaN", []) if is_double => Ok(Value::Boolean(arithmetic::double_value(this).is_nan())),
        ("isInfinite", []) if is_double => {
            Ok(Value::Boolean(arithmetic::double_value(this).is_infinite()))
        }
        _ => return None,
    })
}

pub(super) fn call_boolean(this: bool, method: &str, arguments: &[Value]) -> Option<Answer> {
    let boolean = |holds: bool| Ok(Value::Boolean(holds));
    Some(match (method, arguments) {
        ("booleanValue", []) => boolean(this),
        ("parseBoolean" | "valueOf", [Value::String(text)]) => {
            boolean(text.eq_ignore_ascii_case("true"))
        }
        ("valueOf", [Value::Boolean(value)]) => boolean(*value),
        ("toString", [Value::Boolean(value)]) => {
            Ok(Value::string(if *value { "true" } else { "false" }))
        }
        ("compareTo", [Value::Boolean(other)]) => Ok(order(this.cmp(other))),
        ("compareTo", [_]) => Err(DIFFERENT.into()),
        ("logicalAnd", [Value::Boolean(left), Value::Boolean(right)]) => boolean(*left && *right),
        ("logicalOr", [Value::Boolean(left), Value::Boolean(right)]) => boolean(*left || *right),
        ("logicalXor", [Value::Boolean(left), Value::Boolean(right)]) => boolean(left != right),
        _ => return None,
    })
}

/// `Integer.parseInt`, `Long.parseLong`.
fn parse(digits: &str, radix: i64, bits: u32) -> Answer {
    let refused = || Refusal::from("this is no number");
    let radix = u32::try_from(radix)
        .ok()
        .filter(|radix| (2..=36).contains(radix));
    let radix = radix.ok_or_else(refused)?;
    let integer = i64::from_str_radix(digits, radix).map_err(|_| refused())?;
    if bits == 32 && i32::try_from(integer).is_err() {
        return Err(refused());
    }
    Ok(Value::integer(integer))
}

/// `Double.parseDouble`.
fn parse_double(digits: &str) -> Answer {
    let digits = digits.trim_matches(|character| character <= ' ');
    let plain = digits.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(digits);
    let is_number = plain
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let named = matches!(digits.trim_start_matches(['+', '-']), "NaN" | "Infinity");
    match (is_number, named) {
        (true, _) => plain.parse(),
        (_, true) => digits.parse(),
        _ => "".parse(),
    }
    .map(Value::double)
    .map_err(|_: std::num::ParseFloatError| Refusal::from("this is no number"))
}

/// `Integer.toString(value, radix)`.
fn in_radix(value: i64, radix: i64) -> String {
    let radix = u64::try_from(radix)
        .ok()
        .filter(|radix| (2..=36).contains(radix));
    let digits = digits(value.unsigned_abs(), radix.unwrap_or(10));
    match value < 0 {
        true => ["-", &digits].concat(),
        false => digits,
    }
}

/// `Integer.toHexString` and its like, which take 32 bits, and those of `Long`.
fn unsigned(value: i64, radix: u64) -> String {
    match i32::try_from(value) {
        Ok(value) => digits(u64::from(value as u32), radix),
        Err(_) => digits(value as u64, radix),
    }
}

fn digits(mut value: u64, radix: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = (value % radix) as u32;
        digits.extend(char::from_digit(digit, radix as u32));
        value /= radix;
        if value == 0 {
            break;
        }
    }
    digits.iter().rev().collect()
}
