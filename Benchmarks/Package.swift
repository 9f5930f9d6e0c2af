// swift-tools-version: 6.2
import PackageDescription

let dependencies: [Target.Dependency] = [
    .product(name: "ResNetEngine", package: "resnet-engine"),
    .product(name: "ArgumentParser", package: "swift-argument-parser"),
]

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
        .executableTarget(name: "kernel-bench", dependencies: dependencies, path: "Kernels"),
        // This engine as one of the processes that Peers/ times in turn.
        .executableTarget(name: "engine-worker", dependencies: dependencies, path: "Engine"),
    ],
    swiftLanguageModes: [.v6]
)
