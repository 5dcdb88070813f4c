// The members of an object, in the order written. No name stands twice: the parser refuses it, and
// setting a name replaces its value.

package struct JSONObject: Sendable {
    package private(set) var members: [(name: String, value: JSON)] = []

    package init() {}

    /// For the parser, which has made sure that no name stands twice.
    init(uniqueMembers: [(name: String, value: JSON)]) { members = uniqueMembers }

    /// `nil` when there is no such member; setting `nil` removes it. Names are compared by octets.
    package subscript(_ name: String) -> JSON? {
        get { members.first { $0.name.isSameOctets(as: name) }?.value }
        set {
            let index = members.firstIndex { $0.name.isSameOctets(as: name) }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append((name, value))
            case (nil, nil): break
            }
        }
    }

    package var isEmpty: Bool { members.isEmpty }
    package var count: Int { members.count }
}

extension JSONObject: Equatable {
    /// The order of members says nothing (RFC 8259 §4).
    package static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.members.count == b.members.count && a.members.allSatisfy { b[$0.name] == $0.value }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSON)...) {
        for (name, value) in elements { self[name] = value }
    }
}
