//! `String.format`.

use attache_values::{Number, Value};

use super::{Answer, Refusal, produced, text};
use crate::arithmetic;
use crate::limits::Budget;

/// How wide a field may be, and how many digits may follow a decimal point.
const MAX_WIDTH: usize = 1_000;

/// One `%…` of a pattern.
#[derive(Default)]
struct Field {
    left: bool,
    zeros: bool,
    plus: bool,
    space: bool,
    grouped: bool,
    width: usize,
    precision: Option<usize>,
}

/// Formats values as `java.util.Formatter` does: `%s %S %d %x %X %o %c %b %f %e %n %%`, with
/// flags, width, precision and positions such as `%1$s`.
pub(super) fn format(pattern: &str, values: &[Value], budget: &mut Budget) -> Answer {
    let mut out = String::new();
    let mut characters = pattern.chars().peekable();
    let mut next = 0;
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let mut field = Field::default();
        let mut position = None;
        loop {
            match characters.peek() {
                Some('-') => field.left = true,
                Some('0') => field.zeros = true,
                Some('+') => field.plus = true,
                Some(' ') => field.space = true,
                Some(',') => field.grouped = true,
                Some('1'..='9') => {
                    let number = number(&mut characters)?;
                    if characters.next_if_eq(&'$').is_some() {
                        position = Some(number);
                    } else {
                        field.width = number;
                        break;
                    }
                    continue;
                }
                _ => break,
            }
            characters.next();
        }
        if characters.next_if_eq(&'.').is_some() {
            field.precision = Some(number(&mut characters)?);
        }
        let conversion = characters
            .next()
            .ok_or(Refusal::from("the format ends after `%`"))?;
        match conversion {
            '%' => {
                field.pad("%".to_owned(), &mut out);
                continue;
            }
            'n' => {
                out.push('\n');
                continue;
            }
            _ => {}
        }
        let place = match position {
            Some(position) => position.saturating_sub(1),
            None => {
                next += 1;
                next - 1
            }
        };
        let value = values
            .get(place)
            .ok_or(Refusal::from("the format needs more values"))?;
        field.convert(conversion, value, &mut out, budget)?;
        budget.step()?;
        budget.fits(out.len())?;
    }
    produced(out, budget)
}

fn number(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<usize, Refusal> {
    let mut number = 0_usize;
    while let Some(digit) = characters
        .peek()
        .and_then(|character| character.to_digit(10))
    {
        characters.next();
        number = number * 10 + digit as usize;
        if number > MAX_WIDTH {
            return Err("the format is too wide".into());
        }
    }
    Ok(number)
}

impl Field {
    fn convert(
        &self,
        conversion: char,
        value: &Value,
        out: &mut String,
        budget: &mut Budget,
    ) -> Result<(), Refusal> {
        let wrong = || Refusal::from("the format does not fit the value");
        match (conversion.to_ascii_lowercase(), value) {
            ('s', value) => {
                let mut text = text(value, budget)?;
                if let Some(precision) = self.precision {
                    text = text.chars().take(precision).collect();
                }
                self.pad(cased(text, conversion), out);
            }
            ('b', value) => {
                let holds = !matches!(value, Value::Null | Value::Boolean(false));
                let text = if holds { "true" } else { "false" };
                self.pad(cased(text.to_owned(), conversion), out);
            }
            ('c', Value::String(text)) if text.chars().count() == 1 => {
                self.pad(cased(String::from(&**text), conversion), out);
            }
            ('c', Value::Number(Number::Integer(code))) => {
                let character = u32::try_from(*code).ok().and_then(char::from_u32);
                let character = character.ok_or_else(wrong)?;
                self.pad(cased(character.to_string(), conversion), out);
            }
            ('d', Value::Number(number @ (Number::Integer(_) | Number::Big(_)))) => {
                let mut digits = String::new();
                number.print(&mut digits);
                if digits.contains(['.', 'E', 'e']) {
                    return Err(wrong());
                }
                self.signed(&digits, out);
            }
            ('x' | 'o', Value::Number(Number::Integer(integer))) => {
                let integer = *integer;
                let digits = match (conversion.to_ascii_lowercase(), i32::try_from(integer)) {
                    ('x', Ok(small)) => format!("{small:x}"),
                    ('x', Err(_)) => format!("{integer:x}"),
                    (_, Ok(small)) => format!("{small:o}"),
                    (_, Err(_)) => format!("{integer:o}"),
                };
                self.signed(&cased(digits, conversion), out);
            }
            ('f' | 'e', Value::Number(number @ (Number::Double(_) | Number::Big(_)))) => {
                let double = arithmetic::double_value(number);
                let precision = self.precision.unwrap_or(6);
                if !double.is_finite() {
                    let mut text = String::new();
                    Number::Double(double).print(&mut text);
                    self.pad(text, out);
                    return Ok(());
                }
                let digits = match conversion.to_ascii_lowercase() {
                    'f' => fixed(double, precision),
                    _ => scientific(double, precision),
                };
                self.signed(&cased(digits, conversion), out);
            }
            (_, Value::Null) => self.pad("null".to_owned(), out),
            _ => return Err(wrong()),
        }
        Ok(())
    }

    /// A number, with its sign, zeros in front and commas between thousands.
    fn signed(&self, digits: &str, out: &mut String) {
        let (negative, digits) = match digits.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, digits),
        };
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let digits = match self.grouped {
            true => grouped(digits),
            false => digits.to_owned(),
        };
        let mut text = sign.to_owned();
        if self.zeros && !self.left {
            let length = sign.len() + digits.len();
            text.extend(std::iter::repeat_n('0', self.width.saturating_sub(length)));
        }
        text.push_str(&digits);
        self.pad(text, out);
    }

    fn pad(&self, text: String, out: &mut String) {
        let blanks = self.width.saturating_sub(text.encode_utf16().count());
        if !self.left {
            out.extend(std::iter::repeat_n(' ', blanks));
        }
        out.push_str(&text);
        if self.left {
            out.extend(std::iter::repeat_n(' ', blanks));
        }
    }
}

/// A capital letter after `%` asks for capital letters.
fn cased(text: String, conversion: char) -> String {
    match conversion.is_ascii_uppercase() {
        true => text.to_uppercase(),
        false => text,
    }
}

fn grouped(digits: &str) -> String {
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// Rounds half up on the shortest digits that stand for the double, as Java does.
fn fixed(double: f64, precision: usize) -> String {
    let shortest = format!("{double}");
    let (whole, fraction) = shortest.split_once('.').unwrap_or((&shortest, ""));
    if fraction.len() <= precision {
        let zeros = "0".repeat(precision - fraction.len());
        return match precision {
            0 => whole.to_owned(),
            _ => [whole, ".", fraction, &zeros].concat(),
        };
    }
    let (kept, dropped) = fraction
        .split_at_checked(precision)
        .unwrap_or((fraction, ""));
    let mut digits: Vec<u8> = [whole.trim_start_matches('-'), kept].concat().into_bytes();
    if dropped
        .as_bytes()
        .first()
        .is_some_and(|digit| *digit >= b'5')
    {
        increment(&mut digits);
    }
    let point = digits.len().saturating_sub(precision);
    let mut text = String::new();
    if double.is_sign_negative() {
        text.push('-');
    }
    for (place, digit) in digits.iter().enumerate() {
        if place == point {
            text.push('.');
        }
        text.push(char::from(*digit));
    }
    text
}

fn increment(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

/// `1.234560e+01`.
fn scientific(double: f64, precision: usize) -> String {
    let text = format!("{double:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ("-", exponent),
        None => ("+", exponent),
    };
    let zero = if exponent.len() < 2 { "0" } else { "" };
    [digits, "e", sign, zero, exponent].concat()
}
