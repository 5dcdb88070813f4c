// What was found out before anybody signs in: for `gatehouse check --online`.

/// One thing that was looked at.
package struct Finding: Sendable, CustomStringConvertible {
    package enum Judgement: Sendable {
        case good(String)
        /// Works, and may surprise somebody; or cannot be told from here.
        case doubtful(String, fix: String)
        case bad(String, fix: String)
    }

    package let subject: String
    package let judgement: Judgement

    package init(_ subject: String, _ judgement: Judgement) {
        self.subject = subject
        self.judgement = judgement
    }

    package var isGood: Bool {
        switch judgement {
        case .good, .doubtful: true
        case .bad: false
        }
    }

    package var description: String {
        switch judgement {
        case .good(let what): "ok: \(subject): \(what)"
        case .doubtful(let what, let fix): "warning: \(subject): \(what)\n    fix: \(fix)"
        case .bad(let what, let fix): "problem: \(subject): \(what)\n    fix: \(fix)"
        }
    }
}
