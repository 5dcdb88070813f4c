// swift-tools-version: 6.2
//
// The house, room by room. Each target under Sources/ is a room of ARCHITECTURE.md, and the rooms it
// may import are the ones listed here and no others: `make check` fails when this file, the drawing
// and the imports in the sources differ.
import PackageDescription

/// A room and what it may import. `isFence` marks the rooms where unsafe code may stand: there octets
/// meet C and the kernel; everywhere else strict memory safety holds.
struct Room {
    let name: String
    var imports: [String] = []
    var libraries: [String] = []
    var isFence = false
    var isTested = true
}

let rooms: [Room] = [
    Room(name: "Values", libraries: ["COctets"]),
    Room(name: "JSON"),
    Room(name: "GraphQL"),
    Room(name: "Platform", imports: ["Values"], libraries: ["CLinux"], isFence: true),
    Room(name: "Cryptography", libraries: ["COpenSSL"], isFence: true),
    Room(name: "TLS", libraries: ["COpenSSL"], isFence: true),
    Room(name: "YAML", libraries: ["CYAML"], isFence: true),
    Room(name: "Redis", libraries: ["CHiredis"], isFence: true),
    Room(name: "HTTP", imports: ["Values"], libraries: ["COctets"]),
    Room(name: "HTTP2", imports: ["Values", "HTTP"], libraries: ["CNGHTTP2"], isFence: true),
    Room(name: "Telemetry", imports: ["Values", "Platform"]),
    Room(
        name: "Configuration",
        imports: ["Values", "HTTP", "JSON", "YAML", "Cryptography", "Redis"]),
    Room(name: "Sessions", imports: ["Values", "HTTP", "Cryptography"]),
    Room(name: "OpenID", imports: ["Values", "HTTP", "JSON", "Cryptography"]),
    Room(
        name: "Gateway",
        imports: [
            "Values", "HTTP", "JSON", "GraphQL", "Sessions", "Configuration", "Cryptography",
        ]),
    Room(
        name: "Flows",
        imports: [
            "Values", "HTTP", "JSON", "OpenID", "Sessions", "Gateway", "Configuration",
            "Cryptography", "Redis", "Telemetry",
        ]),
    Room(
        name: "Server",
        imports: [
            "Values", "Platform", "HTTP", "HTTP2", "TLS", "OpenID", "Gateway", "Flows",
            "Configuration",
            "Cryptography", "Redis", "Telemetry",
        ], isFence: true),
    Room(name: "Demo", imports: ["Values", "Platform", "HTTP", "JSON", "GraphQL", "Cryptography"]),
]

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]
/// In the fence, exclusivity is checked in debug builds and in the tests; a release build pays for it
/// on every property of every connection (measured: 4 ns an access), so there it is left out.
let fence: [SwiftSetting] = [
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

func target(_ room: Room) -> Target {
    .target(
        name: room.name,
        dependencies: (room.imports + room.libraries).map { .byName(name: $0) },
        swiftSettings: settings + (room.isFence ? fence : [.strictMemorySafety()]))
}

let package = Package(
    name: "gatehouse",
    products: [.executable(name: "gatehouse", targets: ["gatehouse"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COctets"),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(
            name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        // Without its .pc file, which names a flag that SwiftPM refuses with a warning.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    ] + rooms.map(target) + [
        .executableTarget(
            name: "gatehouse",
            dependencies: [
                "Values", "Platform", "HTTP", "Telemetry", "Configuration", "Sessions", "OpenID",
                "Gateway", "Flows", "TLS", "Server", "Demo",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings + [.strictMemorySafety()]),
        corpus(),
    ]
        + rooms.filter(\.isTested).map { room in
            .testTarget(
                name: room.name + "Tests",
                dependencies: [.byName(name: room.name)] + room.imports.map { .byName(name: $0) },
                swiftSettings: settings)
        }
)

/// The entries under Fuzz/Entries, one for each parser of outside octets. Here they are tests, which
/// replay Tests/Corpus; under GATEHOUSE_FUZZ (`make fuzz`) they are a libFuzzer program instead.
func corpus() -> Target {
    let rooms: [Target.Dependency] = [
        "Values", "HTTP", "HTTP2", "JSON", "GraphQL", "YAML", "Cryptography", "TLS",
        "Configuration", "Redis", "Sessions", "OpenID", "Gateway",
    ]
    guard Context.environment["GATEHOUSE_FUZZ"] != nil else {
        return .testTarget(
            name: "CorpusTests", dependencies: rooms, path: "Fuzz",
            exclude: ["Fuzzer.swift", "fuzz", "RECORD.md"],
            sources: ["Entries", "CorpusTests.swift"], swiftSettings: settings)
    }
    return .executableTarget(
        name: "fuzz", dependencies: rooms, path: "Fuzz",
        exclude: ["CorpusTests.swift", "fuzz", "RECORD.md"],
        sources: ["Entries", "Fuzzer.swift"],
        swiftSettings: settings + [.enableExperimentalFeature("Extern")])
}
