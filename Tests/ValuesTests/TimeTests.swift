// Moments and dates, also where time ends.
import Testing
import Values

@Suite struct `Moments` {
    static let dates: [(Int64, String, weekday: Int)] = [
        (0, "1970-01-01T00:00:00Z", 4),
        (-1, "1969-12-31T23:59:59Z", 3),
        (951_782_400, "2000-02-29T00:00:00Z", 2),
        (951_868_800, "2000-03-01T00:00:00Z", 3),
        (1_795_644_999, "2026-11-25T22:16:39Z", 3),
        (2_147_483_648, "2038-01-19T03:14:08Z", 2),
        (4_107_542_399, "2100-02-28T23:59:59Z", 0),
        (4_107_542_400, "2100-03-01T00:00:00Z", 1),
        (253_402_300_799, "9999-12-31T23:59:59Z", 5),
        (253_402_300_800, "10000-01-01T00:00:00Z", 6),
        (-62_167_219_200, "0000-01-01T00:00:00Z", 6),
        (-62_167_219_201, "-0001-12-31T23:59:59Z", 5),
    ]

    @Test(arguments: dates)
    func `seconds have a date and the date has its seconds`(
        _ seconds: Int64, _ text: String, _ weekday: Int
    ) {
        let moment = UnixTime(seconds: seconds)
        #expect(moment.iso8601 == text)
        #expect(CivilDate(moment).weekday == weekday)
        #expect(CivilDate(moment).unixTime == moment)
    }

    @Test func `each day of eight centuries follows the one before`() throws {
        var previous = CivilDate(UnixTime(seconds: -12_000_000_000))
        for day in 1...300_000 {
            let date = CivilDate(UnixTime(seconds: -12_000_000_000 + Int64(day) * 86_400))
            let isNextDay = date.day == previous.day + 1 && date.month == previous.month
            let isNextMonth =
                date.day == 1
                && previous.day == CivilDate.daysIn(month: previous.month, of: previous.year)
                && date.month == previous.month % 12 + 1
                && date.year == previous.year + (date.month == 1 ? 1 : 0)
            try #require(isNextDay || isNextMonth, "\(date) after \(previous)")
            try #require(date.weekday == (previous.weekday + 1) % 7)
            previous = date
        }
    }

    static let noDates: [[Int]] = [
        [2026, 0, 1, 0, 0, 0], [2026, 13, 1, 0, 0, 0], [2026, 4, 31, 0, 0, 0],
        [2026, 2, 29, 0, 0, 0], [2100, 2, 29, 0, 0, 0], [2026, 1, 0, 0, 0, 0],
        [2026, 1, 1, 24, 0, 0], [2026, 1, 1, 0, 60, 0], [2026, 1, 1, 0, 0, 60],
        [Int.max, 1, 1, 0, 0, 0],
    ]

    @Test(arguments: noDates) func `a date that does not exist is refused`(_ parts: [Int]) {
        #expect(
            CivilDate(
                year: parts[0], month: parts[1], day: parts[2], hour: parts[3], minute: parts[4],
                second: parts[5]) == nil)
        #expect(CivilDate(year: 2000, month: 2, day: 29) != nil)
    }

    @Test(arguments: [Int64.min, .min + 1, .max - 1, .max])
    func `the ends of time have dates and do not overflow`(_ seconds: Int64) {
        let moment = UnixTime(seconds: seconds)
        #expect(CivilDate(moment).unixTime == moment)
        #expect(!moment.iso8601.isEmpty)
        #expect((moment + .seconds(Int64.max)).seconds >= -1)
        #expect((moment - .seconds(Int64.max)).seconds <= 1)
        _ = moment - UnixTime(seconds: 5)
        _ = UnixTime(seconds: -5) - moment
    }

    @Test func `civil time moves by whole seconds, downwards`() {
        let moment = UnixTime(seconds: 100)
        #expect(moment + .milliseconds(1999) == UnixTime(seconds: 101))
        #expect(moment + .milliseconds(-1) == UnixTime(seconds: 99))
        #expect(moment - .seconds(40) == UnixTime(seconds: 60))
        #expect(moment.duration(to: UnixTime(seconds: 40)) == .seconds(-60))
    }

    @Test func `monotonic moments saturate at both ends`() {
        let moment = MonotonicInstant(nanoseconds: 1_000)
        #expect(moment + .microseconds(2) == MonotonicInstant(nanoseconds: 3_000))
        #expect(moment - .microseconds(1) == MonotonicInstant(nanoseconds: 0))
        #expect(moment - .seconds(1) == MonotonicInstant(nanoseconds: 0))
        #expect(MonotonicInstant.distantFuture + .seconds(1) == .distantFuture)
        #expect(moment + .seconds(Int64.max) > moment)
        #expect(
            MonotonicInstant(nanoseconds: .max - 1) + .seconds(Int64.max) == .distantFuture)
        #expect(moment.duration(to: MonotonicInstant(nanoseconds: 0)) == .microseconds(-1))
        let longest = Duration.nanoseconds(Int64.max) * 2 - .nanoseconds(999)
        #expect(MonotonicInstant.distantFuture - moment == longest)
    }
}
