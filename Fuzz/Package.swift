// swift-tools-version:6.2
import PackageDescription

/// A package of its own, so that a build of the project knows nothing of fuzzing. `scripts/fuzz` builds it: every module
/// is instrumented, and libFuzzer's driver is linked to the one program that holds all targets.
let package = Package(
    name: "hmmd-fuzz",
    dependencies: [.package(name: "hmmd", path: "..")],
    targets: [
        .target(name: "CFuzzer"),
        .executableTarget(
            name: "hmm-fuzz",
            dependencies: [
                "CFuzzer",
                .product(name: "HMMEngine", package: "hmmd"), .product(name: "HMMProtocol", package: "hmmd"),
                .product(name: "HMMOracle", package: "hmmd"), .product(name: "HMMTLS", package: "hmmd"),
                .product(name: "HMMTranscript", package: "hmmd"), .product(name: "HMMRecording", package: "hmmd"),
                .product(name: "HMMConfiguration", package: "hmmd"), .product(name: "HMMHarness", package: "hmmd"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
