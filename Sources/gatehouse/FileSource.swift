// The file system and the environment, as a configuration's source: the one place where the program
// reads what a configuration names.

import Configuration
import Platform
import Sessions
import Values

extension ConfigurationSource {
    /// Larger than any configuration, certificate chain or key file; smaller than a mistake.
    private static let octetsMax = 4 << 20

    static func file(_ path: String) -> ConfigurationSource {
        ConfigurationSource(
            file: path,
            read: { path in
                do throws(Errno) {
                    return .success(try File.read(path, octetsMax: octetsMax))
                } catch {
                    return .failure(SourceFailure(error.description))
                }
            },
            environment: { Process.environment($0) },
            fileMode: { path in try? File.mode(path) },  // not known is not judged
            faultInKeys: { octets in
                do throws(KeyRingProblem) {
                    _ = try KeyRing(parsing: octets)
                    return nil
                } catch { return error.description }
            })
    }
}
