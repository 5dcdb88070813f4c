// OpenSSL's queue of errors, which is the thread's and not a connection's.
//
// It is emptied before each call whose result is read, and read at once after it: one connection must
// never be told of another's trouble.
import COpenSSL

enum LibraryErrors {
    static func clear() {
        // Looking costs a tenth of clearing, and there is hardly ever anything.
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// The first error of the call that just failed, which is its cause; the queue is empty after.
    static func take() -> LibraryError? {
        let code = ERR_get_error()
        clear()
        return code == 0 ? nil : LibraryError(code: code)
    }
}

struct LibraryError {
    let code: UInt

    var reason: Int32 { ERR_GET_REASON(code) }
    var isProtocol: Bool { ERR_GET_LIB(code) == ERR_LIB_SSL }
    /// Reasons from here on are alerts the peer sent.
    var isAlert: Bool { isProtocol && reason >= SSL_AD_REASON_OFFSET }
    var words: String {
        // SAFETY: the text, if any, is constant memory of the library.
        unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}

/// What libssl only refuses when it is broken or out of memory.
func require<Value>(_ value: Value?, _ call: StaticString) -> Value {
    guard let value else { fatalError("libssl: \(call) failed") }
    return value
}
func require(_ result: Int32, _ call: StaticString) {
    guard result == 1 else { fatalError("libssl: \(call) failed") }
}
