//! The calendar periods of quotas: which days they start on, and where midnight is.

use attache_model::Period;
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Divides time into periods that follow each other without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    period: Period,
    /// Days from Sunday (WEEK) or from the first (MONTH) to the day on which a period starts.
    offset: i8,
    zone: TimeZone,
}

/// One period, in seconds since 1970: from `start` to just before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Calendar {
    /// A calendar whose midnights are those of `zone`.
    ///
    /// # Errors
    ///
    /// When the offset is not one that AWS accepts for the period, in AWS's own words.
    pub(crate) fn new(period: Period, offset: u8, zone: TimeZone) -> Result<Self, &'static str> {
        let (most, reason) = match period {
            Period::Day => (0, "Usage Plan quota offset must be zero in the DAY period"),
            Period::Week => (
                6,
                "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period",
            ),
            Period::Month => (
                27,
                "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period",
            ),
        };
        match i8::try_from(offset) {
            Ok(offset) if offset <= most => Ok(Self {
                period,
                offset,
                zone,
            }),
            _ => Err(reason),
        }
    }

    /// The period that holds the moment `now`, in seconds since 1970.
    ///
    /// A day that daylight saving makes start at 01:00 starts there, and where midnight comes
    /// twice the first one counts. `None` beyond the year 9999.
    pub(crate) fn bounds(&self, now: u64) -> Option<Bounds> {
        let moment = Timestamp::from_second(i64::try_from(now).ok()?).ok()?;
        let today = self.zone.to_datetime(moment).date();
        let mut first = self.first_day(today)?;
        let mut start = self.midnight(first)?;
        if now < start {
            // The clock was turned back over midnight, but not over the one that counted.
            first = self.step(first, -1)?;
            start = self.midnight(first)?;
        }
        loop {
            let next = self.step(first, 1)?;
            let end = self.midnight(next)?;
            if now < end {
                return Some(Bounds { start, end });
            }
            // It was turned back over the midnight at which this period ended.
            (first, start) = (next, end);
        }
    }

    /// The last day up to `day` on which a period starts.
    fn first_day(&self, day: Date) -> Option<Date> {
        match self.period {
            Period::Day => Some(day),
            Period::Week => {
                let since = (day.weekday().to_sunday_zero_offset() - self.offset).rem_euclid(7);
                day.checked_sub(since.days()).ok()
            }
            Period::Month => {
                let start = Date::new(day.year(), day.month(), self.offset.checked_add(1)?).ok()?;
                if start <= day {
                    Some(start)
                } else {
                    self.step(start, -1)
                }
            }
        }
    }

    fn step(&self, first_day: Date, periods: i8) -> Option<Date> {
        let span = match self.period {
            Period::Day => periods.days(),
            Period::Week => periods.weeks(),
            Period::Month => periods.months(),
        };
        first_day.checked_add(span).ok()
    }

    fn midnight(&self, day: Date) -> Option<u64> {
        let moment = self.zone.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
        // Before 1970 there is nothing to count.
        Some(u64::try_from(moment.as_second()).unwrap_or(0))
    }
}

#[cfg(test)]
#[path = "period_tests.rs"]
mod tests;
