//! The dates of HTTP.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Seconds since 1970 of a date in one of HTTP's three forms (RFC 9110, section 5.6.7), its names
/// in any case. `now` tells which century a year of two digits is in. Which day of the week it is
/// called is not looked at.
pub(super) fn parse(text: &[u8], now: u64) -> Option<i64> {
    let text = str::from_utf8(text).ok()?.trim_ascii();
    let (name, rest) = text.split_once(' ')?;
    let moment = match name.strip_suffix(',') {
        // Sun, 06 Nov 1994 08:49:37 GMT
        Some(day) if is_day(day, 3) => {
            let (date, time) = rest.split_at_checked(11)?;
            let [day, month, year] = parts(date, ' ')?;
            moment(day, month, digits(year, 4)?, in_greenwich(time)?)
        }
        // Sunday, 06-Nov-94 08:49:37 GMT
        Some(day) if is_day(day, usize::MAX) => {
            let (date, time) = rest.split_at_checked(9)?;
            let [day, month, year] = parts(date, '-')?;
            let time = in_greenwich(time)?;
            let year = digits(year, 2)?;
            let this_year = i64::try_from(now).ok().and_then(date_time)?.year();
            // A year that seems to be more than 50 years ahead is in the past.
            let year = this_year - this_year % 100 + year;
            let year = if year > this_year + 50 {
                year - 100
            } else {
                year
            };
            moment(day, month, year, time)
        }
        // Sun Nov  6 08:49:37 1994
        None if is_day(name, 3) => {
            let (month, rest) = rest.split_once(' ')?;
            let (day, rest) = rest.split_at_checked(2)?;
            let (time, year) = rest.strip_prefix(' ')?.split_once(' ')?;
            let padded = day.replace(' ', "0");
            moment(&padded, month, digits(year, 4)?, time)
        }
        _ => None,
    }?;
    Some(moment.duration_since(EPOCH).as_secs())
}

/// The date in the form that HTTP prefers, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn format(seconds: u64) -> Vec<u8> {
    let Some(at) = i64::try_from(seconds).ok().and_then(date_time) else {
        return Vec::new();
    };
    let name = |names: &[&'static str], index: i8| {
        let index = usize::try_from(index).unwrap_or_default();
        let name = names.get(index).copied().unwrap_or_default();
        name.get(..3).unwrap_or_default()
    };
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        name(&DAYS, at.weekday().to_monday_zero_offset()),
        at.day(),
        name(&MONTHS, at.month() - 1),
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
    .into_bytes()
}

fn date_time(seconds: i64) -> Option<DateTime> {
    let timestamp = Timestamp::from_second(seconds).ok()?;
    Some(Offset::UTC.to_datetime(timestamp))
}

fn is_day(name: &str, letters: usize) -> bool {
    DAYS.iter().any(|day| {
        day.get(..letters.min(day.len()))
            .is_some_and(|day| day.eq_ignore_ascii_case(name))
    })
}

/// What stands before the time zone, which is always the same one.
fn in_greenwich(text: &str) -> Option<&str> {
    let (time, zone) = text.strip_prefix(' ')?.split_once(' ')?;
    zone.eq_ignore_ascii_case("GMT").then_some(time)
}

fn moment(day: &str, month: &str, year: i16, time: &str) -> Option<DateTime> {
    let month = MONTHS
        .iter()
        .position(|name| name.eq_ignore_ascii_case(month))?;
    let [hour, minute, second] = parts(time, ':')?;
    let [day, hour, minute, second] = [day, hour, minute, second]
        .map(|part| digits(part, 2).and_then(|it| i8::try_from(it).ok()));
    // A leap second is the end of its minute.
    let second = second?;
    let second = if second == 60 { 59 } else { second };
    let month = i8::try_from(month + 1).ok()?;
    DateTime::new(year, month, day?, hour?, minute?, second, 0).ok()
}

fn parts(text: &str, separator: char) -> Option<[&str; 3]> {
    let mut parts = text.split(separator);
    let three = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(three)
}

/// A number of exactly so many digits; `parse` alone would take a sign.
fn digits(text: &str, count: usize) -> Option<i16> {
    let all = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{format, parse};

    /// 2026-11-21T23:00:00Z.
    const NOW: u64 = 1_795_302_000;

    #[wasm_bindgen_test(unsupported = test)]
    fn every_form_is_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "sun, 06 NOV 1994 08:49:37 gmt",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
            // What it is called does not matter.
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun Nov 06 08:49:37 1994",
        ] {
            assert_eq!(parse(text.as_bytes(), NOW), Some(784_111_777), "{text}");
        }
        for (text, seconds) in [
            ("Sunday, 21-Nov-76 00:00:00 GMT", 3_373_142_400),
            ("Sunday, 21-Nov-77 00:00:00 GMT", 248_918_400),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_799),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ] {
            assert_eq!(parse(text.as_bytes(), NOW), Some(seconds), "{text}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn everything_else_is_not() {
        for text in [
            "",
            "0",
            "-1",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08.49.37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06  Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Day, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(parse(text.as_bytes(), NOW), None, "{text}");
        }
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn what_is_written_is_read(seconds in 0..253_402_200_000_u64) {
            let text = format(seconds);
            prop_assert_eq!(parse(&text, NOW), i64::try_from(seconds).ok());
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..40), now in any::<u64>()) {
            parse(&text, now);
            format(now);
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn no_text_panics(
            text in "(Sun|Sunday)?,? ?[0-9 ]{0,2}[- ]?(Nov)?[- ]?[0-9é]{0,4} ?[0-9:]{0,8} ?(GMT)?",
        ) {
            parse(text.as_bytes(), NOW);
        }
    }
}
