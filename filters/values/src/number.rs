//! Numbers, kept exact.

use std::cmp::Ordering;
use std::fmt::Write;
use std::sync::Arc;

/// A number. What JSON wrote is never rounded: a decimal that neither an integer nor a double
/// holds exactly is kept as its digits.
#[derive(Clone, Debug)]
pub enum Number {
    /// Java's `Integer` and `Long`.
    Integer(i64),
    /// Java's `Double`.
    Double(f64),
    /// Java's `BigInteger` and `BigDecimal`, as their `toString` writes them.
    Big(Arc<str>),
}

/// A number as its digits: 0.DIGITS × 10ᵉˣᵖᵒⁿᵉⁿᵗ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decimal {
    /// Whether it is below zero.
    pub negative: bool,
    /// ASCII digits without zeros at either end; none for zero.
    pub digits: Vec<u8>,
    /// Where the point stands, from before the first digit.
    pub exponent: i64,
}

/// Texts of numbers that are longer than this become a `BigDecimal` in json-smart, others a
/// `Double`.
const LONGEST_DOUBLE: usize = 18;

impl Number {
    /// Reads an integer or a decimal as JSON writes them, as json-smart 2.2 does: a `Double` up to
    /// eighteen characters and a `BigDecimal` beyond. Unlike there, what a double would round is
    /// kept whatever its length. Leading zeros and a missing part before or after the point are
    /// allowed, a lone sign is zero.
    ///
    /// None when it is no number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::parse_decimal(text);
        }
        if digits.is_empty() {
            return (!text.is_empty()).then_some(Self::Integer(0));
        }
        if let Ok(integer) = text.parse() {
            return Some(Self::Integer(integer));
        }
        let sign = if text.starts_with('-') { "-" } else { "" };
        let digits = digits.trim_start_matches('0');
        Some(Self::Big([sign, digits].concat().into()))
    }

    fn parse_decimal(text: &str) -> Option<Self> {
        let parts = Parts::of(text)?;
        if parts.exponent.abs() == VAST {
            return Some(Self::Big(text.into()));
        }
        if text.len() <= LONGEST_DOUBLE
            && let Ok(double) = text.parse::<f64>()
            && double.is_finite()
        {
            let decimal = parts.decimal();
            let survives = decimal.digits.len() <= 15 && decimal.exponent.abs() < 300;
            if survives || Self::Double(double).decimal().as_ref() == Some(&decimal) {
                return Some(Self::Double(double));
            }
        }
        Some(Self::Big(parts.print().into()))
    }

    /// The digits of a finite number; None for NaN and the infinities.
    #[must_use]
    pub fn decimal(&self) -> Option<Decimal> {
        let parts = |text: &str| Parts::of(text).map(|parts| parts.decimal());
        match self {
            Self::Integer(integer) => parts(&integer.to_string()),
            Self::Double(double) if double.is_finite() => parts(&format!("{double:e}")),
            Self::Double(_) => None,
            Self::Big(text) => parts(text),
        }
    }

    /// The nearest double.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest double is what is asked for"
    )]
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::Integer(integer) => *integer as f64,
            Self::Double(double) => *double,
            Self::Big(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// Whether Java has it as an integer: `Integer`, `Long` or `BigInteger`. `1.0` is none.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        match self {
            Self::Integer(_) => true,
            Self::Double(_) => false,
            Self::Big(text) => text
                .bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_digit()),
        }
    }

    /// Which of two numbers is the greater, by their exact values: `1` and `1.0` are equal. None
    /// when one is NaN.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => return Some(left.cmp(right)),
            (Self::Double(left), Self::Double(right)) => return left.partial_cmp(right),
            _ => {}
        }
        match (self.decimal(), other.decimal()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            // Beside NaN and the infinities any finite number may stand for all.
            (left, right) => {
                let stand_in = |finite: Option<Decimal>, number: &Self| match finite {
                    Some(_) => 0.0,
                    None => number.to_f64(),
                };
                stand_in(left, self).partial_cmp(&stand_in(right, other))
            }
        }
    }

    /// Whether both have the same value.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }

    /// Writes the number as Java's `toString` does: `1`, `1.0`, `1.0E10`, `NaN`.
    pub fn print(&self, out: &mut String) {
        match self {
            Self::Integer(integer) => print_integer(*integer, out),
            Self::Double(double) => print_double(*double, out),
            Self::Big(text) => out.push_str(text),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |decimal: &Self| match (decimal.digits.is_empty(), decimal.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| {
            let magnitude = (self.exponent, &self.digits).cmp(&(other.exponent, &other.digits));
            if self.negative {
                magnitude.reverse()
            } else {
                magnitude
            }
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The parts of a number's text: `-12.50e3`.
struct Parts<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    exponent: i64,
}

impl<'t> Parts<'t> {
    /// None when the text is no number.
    fn of(text: &'t str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = whole.bytes().chain(fraction.bytes()).peekable();
        let number = digits.peek().is_some() && digits.all(|byte| byte.is_ascii_digit());
        number.then_some(Self {
            negative: unsigned.len() < text.len(),
            whole,
            fraction,
            exponent,
        })
    }

    fn decimal(&self) -> Decimal {
        let mut digits = [self.whole.as_bytes(), self.fraction.as_bytes()].concat();
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..zeros);
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let zero = digits.is_empty();
        let exponent = self.exponent + length(self.whole.len()) - length(zeros);
        Decimal {
            negative: self.negative && !zero,
            exponent: if zero { 0 } else { exponent },
            digits,
        }
    }

    /// As Java's `BigDecimal.toString` writes it: plain when there are no zeros to add before the
    /// point and at most six after, else with an exponent; all digits kept.
    fn print(&self) -> String {
        let digits = [self.whole, self.fraction].concat();
        let digits = digits.trim_start_matches('0');
        let digits = if digits.is_empty() { "0" } else { digits };
        let scale = length(self.fraction.len()) - self.exponent;
        let adjusted = length(digits.len()) - 1 - scale;
        let mut out = String::with_capacity(digits.len() + 16);
        if self.negative && digits != "0" {
            out.push('-');
        }
        if scale == 0 {
            out.push_str(digits);
        } else if scale > 0 && adjusted >= -6 {
            let whole = usize::try_from(adjusted + 1).unwrap_or(0);
            let (before, after) = digits.split_at_checked(whole).unwrap_or((digits, ""));
            out.push_str(if before.is_empty() { "0" } else { before });
            out.push('.');
            for _ in adjusted + 1..0 {
                out.push('0');
            }
            out.push_str(after);
        } else {
            let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
            out.push_str(first);
            if !rest.is_empty() {
                out.push('.');
                out.push_str(rest);
            }
            out.push_str(if adjusted < 0 { "E" } else { "E+" });
            print_integer(adjusted, &mut out);
        }
        out
    }
}

/// In place of an exponent that Java's `BigDecimal` does not take. Its number keeps its spelling.
const VAST: i64 = 1 << 40;

fn parse_exponent(text: &str) -> Option<i64> {
    if let Ok(exponent) = text.parse::<i32>() {
        return Some(i64::from(exponent));
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then_some(if text.starts_with('-') { -VAST } else { VAST })
}

fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn print_integer(integer: i64, out: &mut String) {
    // Writing to a string does not fail.
    let _ = write!(out, "{integer}");
}

/// Java's `Double.toString`: plain from 10⁻³ up to 10⁷, scientific outside, always with a decimal
/// point.
fn print_double(double: f64, out: &mut String) {
    if double.is_nan() {
        return out.push_str("NaN");
    }
    if double < 0.0 || (double == 0.0 && double.is_sign_negative()) {
        out.push('-');
    }
    if double.is_infinite() {
        return out.push_str("Infinity");
    }
    let Some(decimal) = Number::Double(double).decimal() else {
        return;
    };
    let digits = std::str::from_utf8(&decimal.digits).unwrap_or_default();
    let or_zero = |digits: &str, out: &mut String| {
        out.push_str(if digits.is_empty() { "0" } else { digits });
    };
    if digits.is_empty() {
        out.push_str("0.0");
    } else if (-2..=0).contains(&decimal.exponent) {
        out.push_str("0.");
        for _ in decimal.exponent..0 {
            out.push('0');
        }
        out.push_str(digits);
    } else {
        let plain = (1..=7).contains(&decimal.exponent);
        let whole = if plain { decimal.exponent } else { 1 };
        let whole = usize::try_from(whole).unwrap_or(1);
        let (before, after) = digits.split_at_checked(whole).unwrap_or((digits, ""));
        out.push_str(before);
        for _ in before.len()..whole {
            out.push('0');
        }
        out.push('.');
        or_zero(after, out);
        if !plain {
            out.push('E');
            print_integer(decimal.exponent - 1, out);
        }
    }
}

#[cfg(test)]
mod tests;
