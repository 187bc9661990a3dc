//! Points in time, to the second, as envelopes and key rings hold them.

use crate::error::{Error, Reason};
use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

/// A point in time, in seconds since 1970-01-01T00:00:00Z.
///
/// ```
/// use brinery_seal::Timestamp;
///
/// let day: Timestamp = "2026-11-28".parse()?;
/// assert_eq!(day.to_string(), "2026-11-28T00:00:00Z");
/// assert_eq!(day.plus(90), "2026-11-28T00:01:30Z".parse()?);
/// # Ok::<(), brinery_seal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time by the system's clock.
    pub fn now() -> Self {
        Timestamp(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
        })
    }

    /// The time so many seconds after 1970-01-01T00:00:00Z.
    pub const fn from_unix(seconds: i64) -> Self {
        Timestamp(seconds)
    }

    /// How many seconds after 1970-01-01T00:00:00Z it is.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// So many seconds later.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Timestamp(self.0.saturating_add(seconds))
    }
}

/// The day since 1970-01-01 of a date of the Gregorian calendar.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    // Years from March on, so that the day that may be missing is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day since 1970-01-01.
fn date_of(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (era * 400 + year, month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, second) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        // A number where the calendar's four digits do not reach.
        if !(day_of(0, 1, 1)..day_of(10_000, 1, 1)).contains(&day) {
            return write!(f, "@{}", self.0);
        }
        let (year, month, day) = date_of(day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads `2026-11-28T01:02:03Z`, or `2026-11-28` for its beginning, in UTC.
    fn from_str(text: &str) -> Result<Self, Error> {
        fn parse(text: &str) -> Option<Timestamp> {
            let number =
                |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
            let (date, time) = match text.split_once('T') {
                Some((date, time)) => (date, Some(time.strip_suffix('Z')?)),
                None => (text, None),
            };
            let ([_, _, _, _, b'-', _, _, b'-', _, _], true) = (date.as_bytes(), date.is_ascii()) else {
                return None;
            };
            let (year, month, day): (i64, i64, i64) =
                (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
            let day_number = day_of(year, month, day);
            if date_of(day_number) != (year, month, day) {
                return None;
            }
            let second = match time {
                None => 0,
                Some(time) => {
                    let ([_, _, b':', _, _, b':', _, _], true) = (time.as_bytes(), time.is_ascii()) else {
                        return None;
                    };
                    let (hour, minute, second): (i64, i64, i64) =
                        (number(&time[..2])?, number(&time[3..5])?, number(&time[6..])?);
                    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)?
                }
            };
            Some(Timestamp(day_number * DAY + second))
        }
        parse(text).ok_or_else(|| {
            let text = text.escape_debug();
            Error::new(
                Reason::BadArgument,
                format!("'{text}' is no date such as 2026-11-28 or 2026-11-28T01:02:03Z"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp(seconds).to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap(), Timestamp(seconds));
        }
        assert_eq!(Timestamp(i64::MAX).to_string(), "@9223372036854775807");
        assert_eq!(Timestamp(i64::MIN).to_string(), "@-9223372036854775808");
    }

    #[test]
    fn every_day_of_five_centuries_comes_back() {
        for day in -100_000..100_000 {
            let (year, month, date) = date_of(day);
            assert_eq!(day_of(year, month, date), day);
            let time = Timestamp(day * DAY + 3661);
            assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "2026",
            "2026-1-1",
            "2026-02-29",
            "2100-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "2026-01-32",
            "2026-01-01T",
            "2026-01-01T00:00:00",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01 00:00:00Z",
            "+026-01-01",
            "2026-+1-01",
            "2026-01-é1",
            "2026-01-01T00:00:0éZ",
            "20260-01-01",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
