//! When a request was signed.

use std::fmt;

use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use super::fault::SignatureFault;
use crate::ports::Timestamp;

/// A moment in whole seconds. Written in ISO 8601's basic format, as in `20150830T123600Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SigningTime {
    /// Seconds since 1970.
    seconds: i64,
}

impl SigningTime {
    /// The moment without its fraction of a second.
    pub(super) fn at(moment: Timestamp) -> Self {
        Self {
            seconds: i64::try_from(moment.as_secs()).unwrap_or(i64::MAX),
        }
    }

    /// So many seconds later.
    pub(super) const fn plus(self, seconds: i64) -> Self {
        Self {
            seconds: self.seconds.saturating_add(seconds),
        }
    }

    /// The seconds from `earlier` to this moment.
    pub(super) const fn since(self, earlier: Self) -> i64 {
        self.seconds.saturating_sub(earlier.seconds)
    }

    /// Reads `YYYYMMDDTHHMMSSZ`, the only form of `X-Amz-Date`.
    pub(super) fn from_iso_8601(text: &[u8]) -> Result<Self, SignatureFault> {
        parse_iso_8601(text).ok_or_else(|| not_iso_8601(text))
    }

    /// Reads a `Date` header: the same, or a date of HTTP (RFC 9110, section 5.6.7).
    pub(super) fn from_date_header(text: &[u8]) -> Result<Self, SignatureFault> {
        parse_iso_8601(text)
            .or_else(|| {
                let moment = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
                Some(Self {
                    seconds: moment.as_second(),
                })
            })
            .ok_or_else(|| not_iso_8601(text))
    }

    /// `YYYYMMDD`, as in a credential scope.
    pub(super) fn date(self) -> [u8; 8] {
        let text = self.to_string();
        text.as_bytes()
            .first_chunk()
            .copied()
            .unwrap_or(*b"00000000")
    }
}

impl fmt::Display for SigningTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_second(self.seconds).unwrap_or(jiff::Timestamp::MAX);
        let moment = TimeZone::UTC.to_datetime(moment);
        write!(
            formatter,
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            moment.year(),
            moment.month(),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second()
        )
    }
}

fn parse_iso_8601(text: &[u8]) -> Option<SigningTime> {
    let [
        y1,
        y2,
        y3,
        y4,
        m1,
        m2,
        d1,
        d2,
        b'T',
        h1,
        h2,
        i1,
        i2,
        s1,
        s2,
        b'Z',
    ] = *<&[u8; 16]>::try_from(text).ok()?
    else {
        return None;
    };
    let two = |tens: u8, ones: u8| {
        let both = tens.is_ascii_digit() && ones.is_ascii_digit();
        both.then(|| i8::try_from((tens - b'0') * 10 + (ones - b'0')).ok())?
    };
    let year = i16::from(two(y1, y2)?) * 100 + i16::from(two(y3, y4)?);
    let moment = DateTime::new(
        year,
        two(m1, m2)?,
        two(d1, d2)?,
        two(h1, h2)?,
        two(i1, i2)?,
        two(s1, s2)?,
        0,
    );
    let moment = TimeZone::UTC.to_timestamp(moment.ok()?).ok()?;
    Some(SigningTime {
        seconds: moment.as_second(),
    })
}

fn not_iso_8601(text: &[u8]) -> SignatureFault {
    SignatureFault::Incomplete(format!(
        "Date must be in ISO-8601 'basic format'. Got '{}'. See \
         http://en.wikipedia.org/wiki/ISO_8601",
        String::from_utf8_lossy(text)
    ))
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::SigningTime;

    #[wasm_bindgen_test(unsupported = test)]
    fn only_the_basic_format_is_read() {
        for (text, seconds) in [
            ("20150830T123600Z", Some(1_440_938_160)),
            ("19700101T000000Z", Some(0)),
            ("00000101T000000Z", Some(-62_167_219_200)),
            ("20160229T235959Z", Some(1_456_790_399)),
            ("20150229T000000Z", None),
            ("20151301T000000Z", None),
            ("20150830T240000Z", None),
            ("20150830T126000Z", None),
            ("20161231T235960Z", None),
            ("2015-08-30T12:36:00Z", None),
            ("20150830T123600", None),
            ("20150830T123600z", None),
            ("20150830 123600Z", None),
            ("2015083OT123600Z", None),
            (" 20150830T123600Z", None),
            ("20150830T123600+00", None),
            ("", None),
        ] {
            let read = SigningTime::from_iso_8601(text.as_bytes());
            assert_eq!(
                read.clone().ok().map(|time| time.seconds),
                seconds,
                "{text}"
            );
            match read {
                Ok(time) => assert_eq!(time.to_string(), text),
                Err(fault) => assert_eq!(
                    fault.message(),
                    format!(
                        "Date must be in ISO-8601 'basic format'. Got '{text}'. See \
                         http://en.wikipedia.org/wiki/ISO_8601"
                    )
                ),
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_date_header_may_be_a_date_of_http() {
        for text in ["20150830T123600Z", "Sun, 30 Aug 2015 12:36:00 GMT"] {
            let time = SigningTime::from_date_header(text.as_bytes()).unwrap();
            assert_eq!(time.to_string(), "20150830T123600Z", "{text}");
            assert_eq!(time.date(), *b"20150830");
        }
        for text in [
            "",
            "yesterday",
            "Mon, 30 Aug 2015 12:36:00 GMT",
            "1440938160",
            "\u{e9}",
        ] {
            assert!(
                SigningTime::from_date_header(text.as_bytes()).is_err(),
                "{text}"
            );
        }
    }
}
