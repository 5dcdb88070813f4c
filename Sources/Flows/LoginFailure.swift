// Why a login that was genuinely ours ended without a session: the refusal the visitor sees, and the
// cause for the log.

internal import Gateway
internal import OpenID
internal import Sessions

struct LoginFailure: Error {
    let refusal: LoginRefusal
    /// The finest code there is: which check failed.
    let check: String
    let cause: String
    /// Whether the code may have reached the provider; if not, the login may be completed later.
    var isCodeSpent = true

    init(_ refusal: LoginRefusal, cause: String) {
        self.refusal = refusal
        check = refusal.code
        self.cause = cause
    }

    init(_ refusal: LoginRefusal, _ fault: some ProviderFault) {
        self.refusal = refusal
        check = fault.code
        cause = fault.sentence
    }

    /// An endpoint of the provider's did not answer.
    init(_ failure: ClientFailure, at endpoint: String = "token endpoint") {
        switch failure {
        case .unreachable, .timedOut, .cut:
            self.init(.providerUnavailable, cause: "\(endpoint): \(failure.sentence)")
        case .untrusted, .tooLarge, .malformed:
            self.init(.providerResponseInvalid, cause: "\(endpoint): \(failure.sentence)")
        }
        isCodeSpent = endpoint != "token endpoint" || failure.mayHaveBeenRead
    }

    init(_ fault: PushFault) {
        switch fault {
        case .unavailable: self.init(.providerUnavailable, fault)
        case .refused where fault.code == "pushed-client-refused":
            self.init(.clientRefused, fault)
        case .refused, .unusable: self.init(.providerResponseInvalid, fault)
        }
    }

    init(_ fault: UserInfoFault) {
        self.init(fault.status == 503 ? .providerUnavailable : .providerResponseInvalid, fault)
    }

    /// - Parameter ecid: what Oracle's support finds a request by.
    init(_ fault: TokenFault, correlatedBy ecid: String?) {
        refusal =
            switch fault {
            case .invalidGrant: .codeRefused
            case .invalidClient: .clientRefused
            case .refused, .unusable: .providerResponseInvalid
            case .unavailable: .providerUnavailable
            }
        check = fault.code
        cause = fault.sentence + (ecid.map { " (ecid \($0.prefix(100)))" } ?? "")
    }

    /// - Parameter isFromBrowser: whether anybody may have written the token.
    init(_ failure: VerificationFailure, isFromBrowser: Bool = false) {
        switch failure {
        case .keysMissing(let failure):
            self.init(
                failure.isTransient ? .providerUnavailable : .providerResponseInvalid,
                cause: "key set: \(failure.sentence)")
        case .refused(let fault) where fault.isWeakLogin:
            self.init(isFromBrowser ? .weakLoginReturned : .loginTooWeak, fault)
        case .refused(let fault):
            self.init(isFromBrowser ? .idTokenForeign : .idTokenInvalid, fault)
        }
    }
}

/// Why an ID token could not be found good.
enum VerificationFailure: Error {
    case keysMissing(DirectoryFailure)
    case refused(IDTokenFault)
}

extension LoginFailure {
    init(_ failure: KeepingFailure) {
        switch failure {
        case .tooLarge(let octets):
            self.init(
                .sessionTooLarge,
                cause: "the session takes \(octets) octets, more than any store is given "
                    + "(\(SessionHandle.plaintextOctetsMax)); ask for fewer or smaller tokens")
        case .memoryFull:
            self.init(
                .storeUnavailable,
                cause: "the sessions kept in this process take \(MemoryStore.octetsMax) octets "
                    + "already; use redis, or a shorter session.idle_timeout")
        case .unavailable(let failure):
            self.init(.storeUnavailable, cause: "redis: \(failure.sentence)")
        case .ended: self.init(.storeUnavailable, cause: "the session has ended in its store")
        }
    }
}
