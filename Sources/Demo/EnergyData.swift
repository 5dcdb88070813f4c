// Two people, their homes and what they used: made up, the same at every start, and different enough
// that one sees at a glance whose data a page shows.

import Values

/// Somebody who can sign in at the demonstration provider; the password is the name.
struct Visitor: Sendable {
    let userName: String
    let givenName: String
    let familyName: String
    let email: String
    /// IDCS's `user_id`: stable where the user name may change.
    let userID: String
    let groups: [String]

    var displayName: String { "\(givenName) \(familyName)" }

    static let all = [
        Visitor(
            userName: "alice", givenName: "Alice", familyName: "Lindqvist",
            email: "alice@example.com", userID: "6f2a1c0d9b7e4f35a8c1d2e3f4a5b6c7",
            groups: ["Residential", "Solar, rooftop"]),
        Visitor(
            userName: "bob", givenName: "Bob", familyName: "Okafor", email: "bob@example.com",
            userID: "c7b6a5f4e3d2c1a853f4e7b9d0c1a2f6", groups: ["Residential"]),
    ]

    static func named(_ userName: String) -> Visitor? { all.first { $0.userName == userName } }
}

struct BillingAccount: Sendable {
    let id: String
    let number: String
    let isActive: Bool
    let street: String
    let city: String
    /// Kilowatt-hours a month, January first; what the reads are made from.
    let monthlyUse: [Double]
    /// Dollars a kilowatt-hour.
    let rate: Double
}

struct IntervalRead: Sendable {
    /// ISO 8601 `start/end`, as Opower writes intervals.
    let interval: String
    let label: String
    let energy: Amount
    let cost: Amount
}

/// What a connection shows of a list (Relay's pagination).
struct Page<Record: Sendable>: Sendable {
    let all: [Record]
    let shown: Range<Int>
    var records: ArraySlice<Record> { all[shown] }
}

extension BillingAccount {
    static func accounts(of visitor: Visitor) -> [BillingAccount] {
        switch visitor.userName {
        case "alice":
            [
                BillingAccount(
                    id: "urn:opower:account:uuid:5d1c2f0e-41aa-4c8b-9d0e-0a6f2c1b7e11",
                    number: "4410-7720-01", isActive: true, street: "12 Harbor Lane",
                    city: "Portland",
                    monthlyUse: [612, 548, 471, 362, 284, 251, 263, 270, 298, 377, 489, 604],
                    rate: 0.1175),
                BillingAccount(
                    id: "urn:opower:account:uuid:0b8f4a6c-7e1d-4b55-8a37-93d2c5e60f42",
                    number: "4410-7720-02", isActive: false, street: "3 Orchard Row",
                    city: "Hood River",
                    monthlyUse: [95, 90, 82, 60, 41, 38, 36, 35, 44, 63, 80, 92], rate: 0.1175),
            ]
        case "bob":
            [
                BillingAccount(
                    id: "urn:opower:account:uuid:a3e97d54-2c60-4f1f-bb0d-6c4e8f21d907",
                    number: "8802-1136-01", isActive: true, street: "870 Mesa Drive",
                    city: "Phoenix",
                    monthlyUse: [
                        688, 641, 703, 812, 1_204, 1_588, 1_747, 1_702, 1_420, 968, 702, 671,
                    ],
                    rate: 0.1320)
            ]
        default: []
        }
    }

    /// - Parameter today: the reads are those of the twelve whole months, or the days, before it.
    func monthlyReads(before today: CivilDate) -> [IntervalRead] {
        (1...12).reversed().map { back in
            let count = today.year * 12 + (today.month - 1) - back
            let (year, month) = (count / 12, count % 12)
            let (nextYear, nextMonth) = ((count + 1) / 12, (count + 1) % 12)
            return read(
                from: Self.day(year, month + 1, 1), to: Self.day(nextYear, nextMonth + 1, 1),
                label: "\(Self.monthNames[month]) \(year)", energy: monthlyUse[month])
        }
    }

    func dailyReads(before today: UnixTime, days: Int) -> [IntervalRead] {
        let midnight = today.seconds - today.seconds % 86_400
        return (1...days).reversed().map { back in
            let start = UnixTime(seconds: midnight - Int64(back) * 86_400)
            let date = CivilDate(start)
            let weekendFactor = date.weekday == 0 || date.weekday == 6 ? 1.22 : 0.94
            let ripple = Double((start.seconds / 86_400 * 37) % 11 - 5) / 40
            let energy = monthlyUse[date.month - 1] / 30.4 * weekendFactor * (1 + ripple)
            return read(
                from: Self.day(date.year, date.month, date.day),
                to: Self.dayText(start.advanced(by: .seconds(86_400))),
                label: "\(Self.monthNames[date.month - 1]) \(date.day)", energy: energy)
        }
    }

    private func read(
        from start: String, to end: String, label: String, energy: Double
    ) -> IntervalRead {
        IntervalRead(
            interval: "\(start)/\(end)", label: label,
            energy: Amount(value: rounded(energy, to: 10), unit: "KWH"),
            cost: Amount(value: rounded(energy * rate, to: 100), unit: "USD"))
    }

    private func rounded(_ value: Double, to parts: Double) -> Double {
        (value * parts).rounded() / parts
    }

    private static func dayText(_ time: UnixTime) -> String {
        let date = CivilDate(time)
        return day(date.year, date.month, date.day)
    }

    private static func day(_ year: Int, _ month: Int, _ day: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(two(month))-\(two(day))"
    }

    private static let monthNames = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
