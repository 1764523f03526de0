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

/// For modules that use swift-certificates.
let hidingFoundation = strict + [.treatWarning("ImplementationOnlyDeprecated", as: .warning)]

let package = Package(
    name: "qpserver",
    products: [
        .executable(name: "qpserver", targets: ["qpserver"]),
        .executable(name: "qpconsole", targets: ["qpconsole"]),
        .library(name: "QPServer", targets: ["QPServer"]),
        .library(name: "QPAdminHTTP", targets: ["QPAdminHTTP"]),
        .library(name: "QPHooks", targets: ["QPHooks"]),
        .library(name: "QPPlugins", targets: ["QPPlugins"]),
        .library(name: "QPTestKit", targets: ["QPTestKit"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.19.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
        .systemLibrary(name: "CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        // Without pkgConfig: the flags it gives are none that the package manager lets through.
        .systemLibrary(name: "CNCurses", providers: [.apt(["libncurses-dev"])]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .target(name: "CLinuxShims"),
        .target(name: "CTicks"),

        .target(name: "QPSMTP", dependencies: ["CIDN2"], swiftSettings: strict),
        .target(name: "QPPattern", dependencies: ["CPCRE2"], swiftSettings: strict),
        .target(name: "QPTelemetry", dependencies: ["QPPattern"], swiftSettings: strict),
        .target(
            name: "QPAdminHTTP",
            dependencies: [
                "QPTelemetry",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "QPHooks",
            dependencies: ["QPPattern", "QPSMTP", .product(name: "Logging", package: "swift-log")],
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
        .target(
            name: "QPCrypto", dependencies: ["CCrypt", "QPHooks", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict
        ),
        .target(
            name: "QPHTTPClient",
            dependencies: [
                "QPHooks",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict
        ),
        // Apart from QPServer, and imported there as an implementation only: where Foundation, which swift-certificates
        // brings, is loaded, the compiler takes types of the C library for its. That kind of import has a warning.
        .target(
            name: "QPCertificates",
            dependencies: [
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: hidingFoundation
        ),
        .target(name: "QPPlugins", dependencies: ["QPHooks"], swiftSettings: strict),
        .target(
            name: "QPServer",
            dependencies: [
                "QPActors", "QPCertificates", "QPCrypto", "QPHTTPClient", "QPHooks", "QPSMTP", "QPTelemetry", "CCares",
                "CLinuxShims",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "QPTestKit",
            dependencies: [
                "QPActors", "QPCrypto", "QPHooks", "QPSMTP", "QPTelemetry",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "qpserver",
            dependencies: [
                "QPActors", "QPAdminHTTP", "QPCrypto", "QPHooks", "QPPlugins", "QPServer", "QPTelemetry", "QPTestKit",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "QPConsole",
            dependencies: [
                "CLinuxShims", "CNCurses", "QPTelemetry",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "qpconsole",
            dependencies: [
                "QPConsole", "QPTelemetry", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),

        .target(
            name: "QPTestCertificates",
            dependencies: [
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            path: "Tests/QPTestCertificates",
            swiftSettings: hidingFoundation
        ),
        .testTarget(name: "QPSMTPTests", dependencies: ["QPSMTP"], swiftSettings: strict),
        .testTarget(name: "QPTelemetryTests", dependencies: ["QPTelemetry"], swiftSettings: strict),
        .testTarget(name: "QPHooksTests", dependencies: ["QPHooks", "QPTestKit"], swiftSettings: strict),
        .testTarget(
            name: "QPAdminHTTPTests",
            dependencies: [
                "QPAdminHTTP", "QPTelemetry",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "QPConsoleTests",
            dependencies: [
                "QPConsole", "QPTelemetry",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "QPActorsTests",
            dependencies: ["QPActors", "QPCrypto", "QPHooks", "QPSMTP", "QPTelemetry", "QPTestKit"],
            swiftSettings: strict
        ),
        .testTarget(name: "QPPluginsTests", dependencies: ["QPPlugins", "QPTestKit"], swiftSettings: strict),
        .testTarget(
            name: "QPServerTests",
            dependencies: [
                "QPAdminHTTP", "QPCertificates", "QPCrypto", "QPHTTPClient", "QPPlugins", "QPServer", "QPTelemetry",
                "QPTestCertificates", "QPTestKit",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            swiftSettings: strict),
    ]
)
