// A moment as the parts of a date, in UTC: what HTTP's dates and the log print.
//
// The proleptic Gregorian calendar by counting days in eras of 400 years that begin on 1 March, so
// that the leap day is the last of its year and needs no case of its own. No time zone, no locale.

/// A date and time of day in UTC.
package struct CivilDate: Equatable, Sendable {
    package let year: Int
    /// 1...12
    package let month: Int
    /// 1...31
    package let day: Int
    package let hour: Int
    package let minute: Int
    /// 0...59: POSIX time has no leap second.
    package let second: Int
    /// 0 is Sunday.
    package let weekday: Int

    package init(_ moment: UnixTime) {
        let (days, time) = floorDivide(moment.seconds, by: secondsInDay)
        self.init(days: days, secondOfDay: time)
    }

    /// `nil` when there is no such day or time; a second of 60 is refused.
    package init?(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0
    ) {
        guard (-999_999...999_999).contains(year), (1...12).contains(month), day >= 1,
            day <= CivilDate.daysIn(month: month, of: year),
            (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        let days = daysFromCivil(year: Int64(year), month: Int64(month), day: Int64(day))
        self.init(days: days, secondOfDay: Int64(hour * 3600 + minute * 60 + second))
    }

    package var unixTime: UnixTime {
        let days = daysFromCivil(year: Int64(year), month: Int64(month), day: Int64(day))
        // Wrapping can only happen for the earliest day that UnixTime can say, where it is exact.
        return UnixTime(
            seconds: days &* secondsInDay &+ Int64(hour * 3600 + minute * 60 + second))
    }

    package static func isLeap(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    package static func daysIn(month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private init(days: Int64, secondOfDay: Int64) {
        let shifted = days + daysBefore1970
        let (era, dayOfEra) = floorDivide(shifted, by: daysInEra)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
        month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        hour = Int(secondOfDay / 3600)
        minute = Int(secondOfDay / 60 % 60)
        second = Int(secondOfDay % 60)
        weekday = Int(floorDivide(days + 4, by: 7).remainder)  // 1970-01-01 was a Thursday
    }
}

private let secondsInDay: Int64 = 86_400
private let daysInEra: Int64 = 146_097
/// From 0000-03-01 to 1970-01-01.
private let daysBefore1970: Int64 = 719_468

private func daysFromCivil(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = floorDivide(shiftedYear, by: 400)
    let monthFromMarch = month > 2 ? month - 3 : month + 9
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * daysInEra + dayOfEra - daysBefore1970
}

private func floorDivide(
    _ number: Int64, by divisor: Int64
) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
}
