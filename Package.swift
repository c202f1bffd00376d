// swift-tools-version:6.2
import PackageDescription

/// Strict for our own code: Swift 6 mode, warnings are errors, every import says who may see it.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "hmmd",
    products: [
        .executable(name: "hmmd", targets: ["hmmd"]),
        .executable(name: "hmm-client", targets: ["hmm-client"]),
        .executable(name: "hmm-sim", targets: ["hmm-sim"]),
        .library(name: "HMMMemory", targets: ["HMMMemory"]),
        .library(name: "HMMProtocol", targets: ["HMMProtocol"]),
        .library(name: "HMMEngine", targets: ["HMMEngine"]),
        .library(name: "HMMRecording", targets: ["HMMRecording"]),
        .library(name: "HMMConfiguration", targets: ["HMMConfiguration"]),
        .library(name: "HMMTranscript", targets: ["HMMTranscript"]),
        .library(name: "HMMOracle", targets: ["HMMOracle"]),
        .library(name: "HMMHarness", targets: ["HMMHarness"]),
        .library(name: "HMMClient", targets: ["HMMClient"]),
        .library(name: "HMMTLS", targets: ["HMMTLS"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        // Pure: no I/O, no clock, no randomness, no Foundation.
        .target(name: "HMMMemory", swiftSettings: strict),
        .target(name: "HMMProtocol", swiftSettings: strict),
        .target(name: "HMMEngine", dependencies: ["HMMMemory", "HMMProtocol"], swiftSettings: strict),
        .target(
            name: "HMMRecording", dependencies: ["HMMEngine", "HMMProtocol"], swiftSettings: strict),
        .target(
            name: "HMMSimulator", dependencies: ["HMMEngine", "HMMMemory", "HMMProtocol"], swiftSettings: strict),
        .target(name: "HMMTranscript", dependencies: ["HMMProtocol"], swiftSettings: strict),
        .target(name: "HMMOracle", dependencies: ["HMMProtocol"], swiftSettings: strict),
        .target(
            name: "HMMHarness",
            dependencies: ["HMMEngine", "HMMOracle", "HMMProtocol", "HMMRecording", "HMMTranscript"],
            swiftSettings: strict),

        // TLS: libssl behind bytes in, bytes out.
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "HMMTLS", dependencies: ["COpenSSL"], swiftSettings: strict),

        // Sockets: the server's on epoll (docs/decisions/0003), the client's on swift-nio.
        .systemLibrary(name: "CLinux"),
        .target(
            name: "HMMServer",
            dependencies: [
                "CLinux", "HMMEngine", "HMMMemory", "HMMProtocol", "HMMRecording", "HMMTLS",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .target(
            name: "HMMClient",
            dependencies: [
                "CLinux", "HMMOracle", "HMMProtocol", "HMMTLS", "HMMTranscript",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: strict),

        // A bad network, for tests of the server and of its users.
        .target(
            name: "HMMFaultProxy",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),

        // The server's configuration file.
        .target(
            name: "HMMConfiguration",
            dependencies: ["HMMEngine", "HMMProtocol", "HMMServer", "HMMTLS", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict),

        // Flags and main.
        .executableTarget(
            name: "hmmd",
            dependencies: [
                "HMMConfiguration", "HMMEngine", "HMMProtocol", "HMMRecording", "HMMServer", "HMMTLS",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "hmm-client",
            dependencies: [
                "HMMClient", "HMMFaultProxy", "HMMOracle", "HMMProtocol", "HMMTLS", "HMMTranscript",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "hmm-sim",
            dependencies: [
                "HMMSimulator",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .testTarget(name: "HMMMemoryTests", dependencies: ["HMMMemory"], swiftSettings: strict),
        .testTarget(name: "HMMProtocolTests", dependencies: ["HMMProtocol"], swiftSettings: strict),
        .testTarget(
            name: "HMMTranscriptTests", dependencies: ["HMMTranscript", "HMMProtocol"], swiftSettings: strict),
        .testTarget(name: "HMMOracleTests", dependencies: ["HMMOracle", "HMMProtocol"], swiftSettings: strict),
        .testTarget(
            name: "HMMEngineTests",
            dependencies: [
                "HMMEngine", "HMMHarness", "HMMMemory", "HMMOracle", "HMMProtocol", "HMMRecording", "HMMSimulator",
                "HMMTranscript",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "HMMRecordingTests", dependencies: ["HMMEngine", "HMMProtocol", "HMMRecording"],
            swiftSettings: strict),
        .testTarget(name: "HMMSimulatorTests", dependencies: ["HMMSimulator"], swiftSettings: strict),
        .testTarget(
            name: "HMMClientTests",
            dependencies: [
                "HMMClient", "HMMOracle", "HMMProtocol", "HMMTLS", "HMMTranscript",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "HMMFaultProxyTests",
            dependencies: [
                "HMMFaultProxy", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(name: "HMMTLSTests", dependencies: ["HMMTLS"], swiftSettings: strict),
        .testTarget(
            name: "HMMConfigurationTests",
            dependencies: ["HMMConfiguration", "HMMEngine", "HMMProtocol", "HMMServer", "HMMTLS"],
            swiftSettings: strict),
        .testTarget(
            name: "HMMServerTests",
            dependencies: [
                "HMMServer", "HMMEngine", "HMMMemory", "HMMProtocol", "HMMRecording", "HMMTLS",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
