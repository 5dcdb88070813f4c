// libFuzzer over one entry: `fuzz NAME [libFuzzer's options and folders]`, or `fuzz list`.
//
// FUZZ_SECONDS of CPU time, not of the clock, are what a run is given: after them libFuzzer is asked
// to stop, as its own SIGUSR1 does, and prints its statistics.
import Glibc

/// libFuzzer's entrance for programs that have a `main` of their own (FuzzerInterface.h).
@_extern(c, "LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@main
enum Fuzzer {
    // libFuzzer runs its input on the one thread of this program.
    nonisolated(unsafe) private static var entry = Entry.requests
    nonisolated(unsafe) private static var executions = 0
    nonisolated(unsafe) private static var secondsMax = Int.max

    static func main() {
        let name = CommandLine.arguments.dropFirst().first ?? "list"
        guard let entry = Entry.all.first(where: { $0.name == name }) else {
            for entry in Entry.all { print(entry.name, entry.octetsMax) }
            exit(name == "list" ? 0 : 2)
        }
        self.entry = entry
        secondsMax = getenv("FUZZ_SECONDS").flatMap { Int(String(cString: $0)) } ?? Int.max
        // The entry's name is not libFuzzer's to read.
        var count = CommandLine.argc - 1
        var arguments = CommandLine.unsafeArgv + 1
        arguments[0] = CommandLine.unsafeArgv[0]
        exit(
            runDriver(&count, &arguments) { start, count in
                Fuzzer.run(Array(UnsafeBufferPointer(start: start, count: count)))
                return 0
            })
    }

    private static func run(_ octets: [UInt8]) {
        do { try entry.check(octets) } catch { fatalError("\(entry.name): \(error)") }
        executions += 1
        guard executions % 32 == 0 else { return }
        var spent = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent)
        if spent.tv_sec >= secondsMax { raise(SIGUSR1) }
    }
}
