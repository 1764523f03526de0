// swift-tools-version: 6.2

import PackageDescription

let package = Package(
    name: "Greeter",
    dependencies: [
        .package(name: "qpserver", path: "../..")
    ],
    targets: [
        .executableTarget(
            name: "Greeter",
            dependencies: [
                .product(name: "QPHooks", package: "qpserver"),
                .product(name: "QPPlugins", package: "qpserver"),
                .product(name: "QPServer", package: "qpserver"),
            ],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                // A handler that waits stays on its session's event loop.
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            ]
        )
    ]
)
