// The demonstration API's types, in the manner of Opower's: queries enter through
// `billingAccountsConnection`, lists are Relay connections, intervals are ISO 8601 `start/end`.

import JSON
import Values

enum EnergySchema {
    static func executor(at now: UnixTime) -> GraphQLExecutor {
        GraphQLExecutor(
            types: Dictionary(uniqueKeysWithValues: types(at: now).map { ($0.name, $0) }),
            root: "Query")
    }

    private static func types(at now: UnixTime) -> [ObjectType] {
        [
            ObjectType("Query", ["billingAccountsConnection": billingAccounts]),
            ObjectType(
                "BillingAccountsConnection",
                [
                    "totalCount": .leaf { source, _ in
                        guard case .accounts(let page) = source else { return .null }
                        return .number("\(page.all.count)")
                    },
                    "edges": .object("BillingAccountEdge") { source, _ in
                        guard case .accounts(let page) = source else { return .list([]) }
                        return .list(page.records.map { .object(.edge($0)) })
                    },
                    "nodes": .object("BillingAccount") { source, _ in
                        guard case .accounts(let page) = source else { return .list([]) }
                        return .list(page.records.map { .object(.account($0)) })
                    },
                    "pageInfo": .object("PageInfo") { source, _ in
                        guard case .accounts(let page) = source else { return .leaf(.null) }
                        return .object(.pageInfo(page))
                    },
                ]),
            ObjectType(
                "BillingAccountEdge",
                [
                    "cursor": .leaf { source, _ in
                        guard case .edge(let account) = source else { return .null }
                        return .string(account.id)
                    },
                    "node": .object("BillingAccount") { source, _ in
                        guard case .edge(let account) = source else { return .leaf(.null) }
                        return .object(.account(account))
                    },
                ]),
            ObjectType(
                "PageInfo",
                [
                    "hasNextPage": pageInfo { .bool($0.shown.upperBound < $0.all.count) },
                    "hasPreviousPage": pageInfo { .bool($0.shown.lowerBound > 0) },
                    "startCursor": pageInfo { $0.records.first.map { .string($0.id) } ?? .null },
                    "endCursor": pageInfo { $0.records.last.map { .string($0.id) } ?? .null },
                ]),
            ObjectType(
                "BillingAccount",
                [
                    "uuid": account { .string(String($0.id.suffix(36))) },
                    "id": account { .string($0.id) },
                    "accountNumber": account { .string($0.number) },
                    "active": account { .bool($0.isActive) },
                    "street": account { .string($0.street) },
                    "city": account { .string($0.city) },
                    "reads": reads(at: now),
                ]),
            ObjectType(
                "IntervalRead",
                [
                    "timeInterval": read { .string($0.interval) },
                    "label": read { .string($0.label) },
                    "measuredAmount": amount(\.energy),
                    "cost": amount(\.cost),
                ]),
            ObjectType(
                "Amount",
                [
                    "value": .leaf { source, _ in
                        guard case .amount(let amount) = source else { return .null }
                        return .number("\(amount.value)")
                    },
                    "unit": .leaf { source, _ in
                        guard case .amount(let amount) = source else { return .null }
                        return .string(amount.unit)
                    },
                ]),
        ]
    }

    private static let billingAccounts = FieldDefinition.object(
        "BillingAccountsConnection",
        ["first": .int, "last": .int, "after": .string, "onlyActive": .boolean]
    ) { source, arguments throws(ExecutionFault) in
        guard case .visitor(let visitor) = source else { return .leaf(.null) }
        var accounts = BillingAccount.accounts(of: visitor)
        if arguments.bool("onlyActive") ?? false { accounts = accounts.filter(\.isActive) }
        var shown = 0..<accounts.count
        if let cursor = arguments.string("after") {
            guard let index = accounts.firstIndex(where: { $0.id == cursor }) else {
                throw ExecutionFault(message: "\"after\" is no cursor of this connection.")
            }
            shown = index + 1..<accounts.count
        }
        for name in ["first", "last"] {
            if let count = arguments.int(name), count < 0 {
                throw ExecutionFault(message: "\"\(name)\" must not be negative.")
            }
        }
        if let first = arguments.int("first") { shown = shown.prefix(first) }
        if let last = arguments.int("last") { shown = shown.suffix(last) }
        return .object(.accounts(Page(all: accounts, shown: shown)))
    }

    private static func reads(at now: UnixTime) -> FieldDefinition {
        .object(
            "IntervalRead", ["resolution": .resolution, "last": .int]
        ) { source, arguments throws(ExecutionFault) in
            guard case .account(let account) = source else { return .list([]) }
            let last = arguments.int("last") ?? 12
            guard (1...62).contains(last) else {
                throw ExecutionFault(message: "\"last\" must be between 1 and 62.")
            }
            let reads =
                arguments.string("resolution") == "DAY"
                ? account.dailyReads(before: now, days: last)
                : account.monthlyReads(before: CivilDate(now)).suffix(last)
            return .list(reads.map { .object(.read($0)) })
        }
    }

    private static func account(
        _ value: @escaping @Sendable (BillingAccount) -> JSON
    ) -> FieldDefinition {
        .leaf { source, _ in
            guard case .account(let account) = source else { return .null }
            return value(account)
        }
    }

    private static func read(
        _ value: @escaping @Sendable (IntervalRead) -> JSON
    ) -> FieldDefinition {
        .leaf { source, _ in
            guard case .read(let read) = source else { return .null }
            return value(read)
        }
    }

    private static func pageInfo(
        _ value: @escaping @Sendable (Page<BillingAccount>) -> JSON
    ) -> FieldDefinition {
        .leaf { source, _ in
            guard case .pageInfo(let page) = source else { return .null }
            return value(page)
        }
    }

    private static func amount(
        _ part: @escaping @Sendable (IntervalRead) -> Amount
    ) -> FieldDefinition {
        .object("Amount") { source, _ in
            guard case .read(let read) = source else { return .leaf(.null) }
            return .object(.amount(part(read)))
        }
    }
}
