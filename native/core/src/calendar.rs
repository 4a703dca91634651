//! UTC boundaries at which a series resets.

use crate::bar::OrphanReason;
use crate::error::{CoreError, Result};

pub(crate) const DAY_US: i64 = 86_400_000_000;

/// How often a series resets. `None` never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Segmentation {
    None = 0,
    Year = 1,
    Month = 2,
    Week = 3,
}

impl Segmentation {
    /// # Errors
    /// `BAD_SEGMENTATION`
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "none" => Ok(Self::None),
            "year" => Ok(Self::Year),
            "month" => Ok(Self::Month),
            "week" => Ok(Self::Week),
            _ => Err(CoreError::new("BAD_SEGMENTATION", format!("\"{name}\" is not year, month, week or none"))),
        }
    }

    /// First µs after the segment that holds `time_us`.
    pub fn segment_end_us(self, time_us: i64) -> i64 {
        let day = time_us.div_euclid(DAY_US);
        let (year, month, _) = civil_from_days(day);
        let end_day = match self {
            Self::None => return i64::MAX,
            Self::Year => days_from_civil(year + 1, 1, 1),
            Self::Month if month == 12 => days_from_civil(year + 1, 1, 1),
            Self::Month => days_from_civil(year, month + 1, 1),
            // 1970-01-01 was a Thursday; weeks begin on Sunday.
            Self::Week => day - (day + 4).rem_euclid(7) + 7,
        };
        end_day * DAY_US
    }

    /// Why a bar that reaches a boundary is an orphan.
    pub fn orphan_reason(self) -> Option<OrphanReason> {
        match self {
            Self::None => None,
            Self::Year => Some(OrphanReason::YearBoundary),
            Self::Month => Some(OrphanReason::MonthBoundary),
            Self::Week => Some(OrphanReason::WeekBoundary),
        }
    }
}

/// Year, month, day of a day number since 1970-01-01 in the proleptic Gregorian calendar.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`].
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = year - i64::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for days in -800_000..800_000 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn segments_end_at_the_next_boundary() {
        let at = |year, month, day| days_from_civil(year, month, day) * DAY_US;
        let eve = at(2024, 8, 8) + DAY_US - 1;
        assert_eq!(Segmentation::Year.segment_end_us(eve), at(2025, 1, 1));
        assert_eq!(Segmentation::Month.segment_end_us(eve), at(2024, 9, 1));
        assert_eq!(Segmentation::Week.segment_end_us(eve), at(2024, 8, 11));
        assert_eq!(Segmentation::Week.segment_end_us(at(2024, 8, 11)), at(2024, 8, 18));
        assert_eq!(Segmentation::Month.segment_end_us(at(2023, 12, 31)), at(2024, 1, 1));
        assert_eq!(Segmentation::None.segment_end_us(eve), i64::MAX);
    }
}
