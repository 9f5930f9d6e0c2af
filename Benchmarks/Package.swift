// swift-tools-version: 6.2
import Foundation
import PackageDescription

let dependencies: [Target.Dependency] = [
    .product(name: "ResNetEngine", package: "resnet-engine"),
    .product(name: "ArgumentParser", package: "swift-argument-parser"),
]

/// Whether the engine's package has the plugin that calls the system's oneDNN: as its manifest asks.
let hasOneDNN =
    Context.environment["RESNET_ENGINE_ONEDNN"] != "no"
    && (try? String(contentsOfFile: "/usr/include/oneapi/dnnl/dnnl_version.h", encoding: .utf8))?
        .contains("DNNL_VERSION_MAJOR 2\n") == true
let oneDNN: [Target.Dependency] =
    hasOneDNN ? [.product(name: "OneDNNConvolution", package: "resnet-engine")] : []

// A package of its own, so that users of the library never resolve what only measurements need. It sees the engine
// as users do: public products alone.
let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "resnet-engine", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // Layers on their own, fed by Shapes/*.txt.
        .executableTarget(
            name: "kernel-bench", dependencies: dependencies + oneDNN, path: "Kernels",
            swiftSettings: hasOneDNN ? [.define("ONEDNN")] : []),
        // This engine as one of the processes that Peers/ times in turn.
        .executableTarget(name: "engine-worker", dependencies: dependencies, path: "Engine"),
    ],
    swiftLanguageModes: [.v6]
)
