// swift-tools-version:6.2
import PackageDescription

let package = Package(
    name: "hmmd-benchmarks",
    dependencies: [.package(name: "hmmd", path: "..")],
    targets: [
        .executableTarget(
            name: "hot-path",
            dependencies: [
                .product(name: "HMMEngine", package: "hmmd"), .product(name: "HMMProtocol", package: "hmmd"),
            ]),
        .executableTarget(
            name: "page-costs",
            dependencies: [.product(name: "HMMMemory", package: "hmmd")]),
    ]
)
