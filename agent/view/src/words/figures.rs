//! Sizes, counts, durations and moments as a person reads them.
//!
//! From plain values to text in either language. Never: a unit that hides a digit that matters.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, tz::TimeZone};

use super::lang::Lang;

/// A size in decimal units: `12,3 Mo` or `12.3 MB`.
pub fn size(bytes: u64, lang: Lang) -> String {
    let units = lang.pick(["o", "Ko", "Mo", "Go", "To"], ["B", "KB", "MB", "GB", "TB"]);
    let mut value = bytes as f64;
    let mut unit = 0;
    // 999.95 and above would read "1000.0".
    while value >= 999.95 && unit < units.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        return format!("{bytes} {}", units[0]);
    }
    let text = format!("{value:.1} {}", units[unit]);
    lang.pick(text.replace('.', ","), text)
}

/// A number with its thousands apart: `12 345` or `12,345`.
pub fn count(number: u64, lang: Lang) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(lang.pick(' ', ','));
        }
        text.push(digit);
    }
    text
}

/// A duration in the two largest units that matter: `3 min 05 s`, `1 h 12 min`, `0,8 s`.
pub fn duration(time: Duration, lang: Lang) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => {
            let text = format!("{:.1} s", time.as_secs_f64());
            lang.pick(text.replace('.', ","), text)
        }
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A moment in local time: `21/11/2026 14:05` or `2026-11-21 14:05`.
pub fn local_time(time: SystemTime, lang: Lang) -> String {
    shown(time, lang.pick("%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M"), TimeZone::system())
}

/// A day in local time, for the name of a kept file: `2026-11-21`.
pub fn local_day(time: SystemTime) -> String {
    shown(time, "%Y-%m-%d", TimeZone::system())
}

/// A moment in UTC for JSON, RFC 3339, seconds: `2026-11-21T13:05:00Z`.
pub fn rfc3339(time: SystemTime) -> String {
    shown(time, "%Y-%m-%dT%H:%M:%SZ", TimeZone::UTC)
}

fn shown(time: SystemTime, format: &str, zone: TimeZone) -> String {
    match Timestamp::try_from(time) {
        Ok(moment) => moment.to_zoned(zone).strftime(format).to_string(),
        // Outside the years -9999 to 9999: a damaged clock or note, still no reason to stop.
        Err(_) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_follow_the_language() {
        assert_eq!(size(999, Lang::Fr), "999 o");
        assert_eq!(size(1_500, Lang::Fr), "1,5 Ko");
        assert_eq!(size(999_999, Lang::En), "1.0 MB");
        assert_eq!(size(72_300_000, Lang::En), "72.3 MB");
        assert_eq!(size(u64::MAX, Lang::Fr), "18446744,1 To");
        assert_eq!(count(1_234_567, Lang::En), "1,234,567");
        assert_eq!(count(123, Lang::Fr), "123");
        assert_eq!(duration(Duration::from_millis(840), Lang::Fr), "0,8 s");
        assert_eq!(duration(Duration::from_secs(4_320), Lang::En), "1 h 12 min");
    }

    #[test]
    fn times_are_readable_at_both_ends() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_266_300);
        assert_eq!(rfc3339(time), "2026-11-21T13:05:00Z");
        assert_eq!(local_day(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 4_000)), "-");
    }
}
