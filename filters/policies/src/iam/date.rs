//! Moments in policies.

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Nanoseconds since 1970 of a moment as policies write it: whole seconds since 1970, or one of
/// the forms of ISO 8601 from `2026-11` to `2026-11-21T15:50:59.5+01:00`. Without a time zone it is
/// UTC.
///
/// <https://www.w3.org/TR/NOTE-datetime>
pub(super) fn parse(text: &str) -> Option<i128> {
    if !text.contains(['-', 'T', 't']) {
        let seconds: i64 = digits(text, 1..=19)?;
        return Some(i128::from(seconds) * 1_000_000_000);
    }
    let (day, time) = match text.split_once(['T', 't']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let mut parts = day.split('-');
    let year = digits(parts.next()?, 4..=4)?;
    let month = parts.next().map_or(Some(1), two_digits)?;
    let day = parts.next().map_or(Some(1), two_digits)?;
    if parts.next().is_some() {
        return None;
    }
    let time = match time {
        Some(text) => Time::parse(text)?,
        None => Time::default(),
    };
    let moment = DateTime::new(
        year,
        month,
        day,
        time.hour,
        time.minute,
        time.second,
        time.nanosecond,
    );
    let offset = Offset::from_seconds(time.offset).ok()?;
    let moment = offset.to_timestamp(moment.ok()?).ok()?;
    Some(moment.as_nanosecond())
}

#[derive(Default)]
struct Time {
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    /// By how many seconds the time zone is before UTC.
    offset: i32,
}

impl Time {
    fn parse(text: &str) -> Option<Self> {
        let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
            Some(at) => {
                let (clock, zone) = text.split_at_checked(at)?;
                (clock, zone_offset(zone)?)
            }
            None => (text, 0),
        };
        let mut parts = clock.split(':');
        let mut time = Self {
            hour: two_digits(parts.next()?)?,
            minute: parts.next().map_or(Some(0), two_digits)?,
            offset,
            ..Self::default()
        };
        if let Some(part) = parts.next() {
            let (seconds, fraction) = part.split_once('.').unwrap_or((part, "0"));
            time.second = two_digits(seconds)?;
            let scale = 9_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?;
            time.nanosecond = digits::<i32>(fraction, 1..=9)? * 10_i32.pow(scale);
        }
        parts.next().is_none().then_some(time)
    }
}

fn zone_offset(text: &str) -> Option<i32> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "00"));
    let [hours, minutes] = [hours, minutes].map(|part| digits::<i32>(part, 2..=2));
    let minutes = minutes.filter(|minutes| *minutes < 60)?;
    Some(sign * (hours.filter(|hours| *hours < 24)? * 3_600 + minutes * 60))
}

fn two_digits(text: &str) -> Option<i8> {
    digits(text, 2..=2)
}

/// A number of digits only; `parse` alone would take a sign.
fn digits<T: std::str::FromStr>(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<T> {
    let fits = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::parse;

    const NANOSECONDS: i128 = 1_000_000_000;

    #[wasm_bindgen_test(unsupported = test)]
    fn every_form_is_read() {
        for (text, seconds) in [
            ("0", 0),
            ("1779321600", 1_779_321_600),
            // Digits alone are seconds, however few: AWS has it so.
            ("2026", 2_026),
            ("1970-01", 0),
            ("1970-02", 31 * 86_400),
            ("1969-12-31", -86_400),
            ("2024-02-29", 1_709_164_800),
            ("2024-02-29T12", 1_709_208_000),
            ("2024-02-29T12:30", 1_709_209_800),
            ("2024-02-29T12:30Z", 1_709_209_800),
            ("2024-02-29T12:30:05Z", 1_709_209_805),
            ("2024-02-29t12:30:05z", 1_709_209_805),
            ("2024-02-29T12:30:05", 1_709_209_805),
            ("2024-02-29T12:30:05+01:00", 1_709_206_205),
            ("2024-02-29T12:30:05-01:30", 1_709_215_205),
            ("2024-02-29T00:00:00+02", 1_709_157_600),
        ] {
            assert_eq!(parse(text), Some(seconds * NANOSECONDS), "{text}");
        }
        assert_eq!(parse("1970-01-01T00:00:00.5Z"), Some(NANOSECONDS / 2));
        assert_eq!(parse("1970-01-01T00:00:00.000000001Z"), Some(1));
        assert_eq!(
            parse("9223372036854775807"),
            Some(i128::from(i64::MAX) * NANOSECONDS)
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn everything_else_is_not() {
        for text in [
            "",
            "-",
            "T",
            "sdfdsf",
            "234-13",
            "2024-13",
            "2024-00",
            "2024-02-30",
            "2023-02-29",
            "2024-2-3",
            "2024-02-29-01",
            "2024-02-29T",
            "2024-02-29T24:00:00Z",
            "2024-02-29T12:60:00Z",
            "2024-02-29T12:30:60Z",
            "2024-02-29T12:30:05.Z",
            "2024-02-29T12:30:05.1234567890Z",
            "2024-02-29T12:30:05Zz",
            "2024-02-29T12:30:05+1:00",
            "2024-02-29T12:30:05:01Z",
            "+5",
            "-5",
            "1.5",
            "9223372036854775808",
            "99999999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
