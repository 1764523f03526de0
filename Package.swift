// swift-tools-version: 6.2

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "qpserver",
    products: [
        .executable(name: "qpserver", targets: ["qpserver"]),
        .library(name: "QPServer", targets: ["QPServer"]),
        .library(name: "QPHooks", targets: ["QPHooks"]),
        .library(name: "QPPlugins", targets: ["QPPlugins"]),
        .library(name: "QPTestKit", targets: ["QPTestKit"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
        .systemLibrary(name: "CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        .target(name: "CLinuxShims"),
        .target(name: "CTicks"),

        .target(name: "QPSMTP", dependencies: ["CIDN2"], swiftSettings: strict),
        .target(name: "QPTelemetry", swiftSettings: strict),
        .target(
            name: "QPHooks",
            dependencies: ["QPSMTP", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict
        ),
        .target(
            name: "QPActors",
            dependencies: [
                "CTicks", "QPHooks", "QPSMTP", "QPTelemetry",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .target(name: "QPPlugins", dependencies: ["QPHooks"], swiftSettings: strict),
        .target(
            name: "QPServer",
            dependencies: [
                "QPActors", "QPHooks", "QPSMTP", "QPTelemetry", "CCares", "CLinuxShims",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "QPTestKit",
            dependencies: [
                "QPActors", "QPHooks", "QPSMTP", "QPTelemetry",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "qpserver",
            dependencies: [
                "QPActors", "QPHooks", "QPPlugins", "QPServer", "QPTestKit",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),

        .testTarget(name: "QPSMTPTests", dependencies: ["QPSMTP"], swiftSettings: strict),
        .testTarget(name: "QPHooksTests", dependencies: ["QPHooks", "QPTestKit"], swiftSettings: strict),
        .testTarget(
            name: "QPActorsTests", dependencies: ["QPActors", "QPHooks", "QPSMTP", "QPTelemetry", "QPTestKit"],
            swiftSettings: strict
        ),
        .testTarget(name: "QPPluginsTests", dependencies: ["QPPlugins", "QPTestKit"], swiftSettings: strict),
        .testTarget(
            name: "QPServerTests", dependencies: ["QPPlugins", "QPServer", "QPTestKit"], swiftSettings: strict),
    ]
)
