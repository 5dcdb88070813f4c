// Looks whether the files of the TLS listeners have changed, so that whoever renews a certificate only
// has to write it.
//
// A chain and its key are two files, written one after the other: what does not go together yet is
// looked at again, and reported only once it stays so.

import Configuration
import Platform
import Values

struct CertificateWatch {
    enum Finding {
        case unchanged
        /// The listeners with what the files say now.
        case changed([ListenerSettings])
        /// Reported once for each state of the files.
        case unusable(String)
    }

    private let source: ConfigurationSource
    private var listeners: [ListenerSettings]
    private let files: [String]
    /// How the files were when they were last read and used; `nil` where one was not there.
    private var used: [File.Stamp?]?
    /// How they were when they could last not be used, and whether that has been told.
    private var unusable: (stamps: [File.Stamp?], isTold: Bool)?

    init(_ listeners: [ListenerSettings], _ source: ConfigurationSource) {
        self.source = source
        self.listeners = listeners
        files = listeners.flatMap(\.tlsFiles)
    }

    /// - Parameter isUsable: throws what is wrong where the listeners cannot be used.
    mutating func look(_ isUsable: ([ListenerSettings]) throws -> Void) -> Finding {
        guard !files.isEmpty else { return .unchanged }
        // Before the files are read: what changes meanwhile is then seen the next time.
        let stamps = files.map { try? File.stamp($0) }  // not there is a state too
        guard stamps != used else { return .unchanged }
        do {
            let read = try listeners.map { try $0.readingFilesAgain(source) }
            if zip(read, listeners).contains(where: { !$0.hasSameTLSFiles(as: $1) }) {
                try isUsable(read)
                listeners = read
                (used, unusable) = (stamps, nil)
                return .changed(read)
            }
            (used, unusable) = (stamps, nil)
            return .unchanged
        } catch {
            guard let before = unusable, before.stamps == stamps else {
                unusable = (stamps, isTold: false)
                return .unchanged
            }
            unusable = (stamps, isTold: true)
            return before.isTold ? .unchanged : .unusable("\(error)")
        }
    }
}
