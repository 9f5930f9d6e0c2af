// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// Whether Debian's package libdnnl-dev is installed: oneDNN with its C interface of version 2. The environment can rule
/// it out. SwiftPM remembers what a manifest said for the environment it said it in: the Makefile tells it anew.
let hasOneDNN =
    Context.environment["RESNET_ENGINE_ONEDNN"] != "no"
    && (try? String(contentsOfFile: "/usr/include/oneapi/dnnl/dnnl_version.h", encoding: .utf8))?
        .contains("DNNL_VERSION_MAJOR 2\n") == true
/// The plugin that calls it, where it is built, and how sources are told.
let oneDNN: [Target.Dependency] = hasOneDNN ? ["OneDNNConvolution"] : []
let oneDNNSettings: [SwiftSetting] = hasOneDNN ? [.define("ONEDNN")] : []

/// Flags of a module that holds the kernels of one instruction set. They reach both Swift code generation and
/// the C shims. `-disable-cmo` keeps wide code out of the modules that call it; the unroll threshold lets LLVM
/// unroll whole register tiles. Debug builds optimise kernels too: without it they are 350 times slower.
func instructionSet(_ clangFlags: [String]) -> [SwiftSetting] {
    [
        .unsafeFlags(
            clangFlags.flatMap { ["-Xcc", $0] } + ["-Xllvm", "-unroll-threshold=500", "-disable-cmo"]),
        .unsafeFlags(["-Ounchecked"], .when(configuration: .debug)),
    ]
}

#if arch(x86_64)
    let avx2Flags = instructionSet(["-march=x86-64-v3"])
    let avx512Flags = instructionSet(["-march=x86-64-v4", "-mprefer-vector-width=512"])
    let avx512BF16Flags = instructionSet(["-march=x86-64-v4", "-mavx512bf16", "-mprefer-vector-width=512"])
#else
    let avx2Flags = instructionSet([])
    let avx512Flags = instructionSet([])
    let avx512BF16Flags = instructionSet([])
#endif

let package = Package(
    name: "resnet-engine",
    products: [
        .library(name: "ResNetEngine", targets: ["ResNetEngine", "ModelFiles", "LoadablePlugins"]),
        // The C interface of plugins that are loaded at run time, and two such plugins.
        .library(name: "CEnginePlugin", targets: ["CEnginePlugin"]),
        .library(name: "HardSwish", type: .dynamic, targets: ["HardSwish"]),
        .library(name: "PointwiseConvolution", type: .dynamic, targets: ["PointwiseConvolution"]),
        .executable(name: "resnet-bench", targets: ["resnet-bench"]),
        .executable(name: "resnet-score", targets: ["resnet-score"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        // Foreign boundaries.
        .target(name: "CTopology", linkerSettings: [.linkedLibrary("hwloc")]),
        .target(
            name: "COpenMP",
            cSettings: [.unsafeFlags(["-fopenmp=libomp"])],
            linkerSettings: [.linkedLibrary("omp5")]),

        .target(name: "CSIMD"),

        // What everything stands on.
        .target(name: "Diagnostics"),
        .target(name: "Tensors", dependencies: ["Diagnostics"]),
        .target(name: "Topology", dependencies: ["CTopology", "Diagnostics"]),

        // Kernels: one generic source, one module an instruction set.
        .target(name: "Kernels", dependencies: ["CSIMD"]),
        .target(
            name: "KernelsBaseline", dependencies: ["Kernels"],
            swiftSettings: instructionSet([]), linkerSettings: [.linkedLibrary("m")]),
        .target(name: "KernelsAVX2", dependencies: ["Kernels"], swiftSettings: avx2Flags),
        .target(name: "KernelsAVX512", dependencies: ["Kernels"], swiftSettings: avx512Flags),
        .target(name: "KernelsAVX512BF16", dependencies: ["Kernels"], swiftSettings: avx512BF16Flags),

        // The engine and what reads and writes its files.
        .target(
            name: "ResNetEngine",
            dependencies: [
                "Diagnostics", "Tensors", "Topology", "COpenMP", "CTopology",
                "Kernels", "KernelsBaseline", "KernelsAVX2", "KernelsAVX512", "KernelsAVX512BF16",
            ]),
        .target(
            name: "ModelFiles",
            dependencies: ["ResNetEngine", .product(name: "SystemPackage", package: "swift-system")]),

        // Plugins behind a C interface.
        .target(name: "CEnginePlugin"),
        .target(
            name: "LoadablePlugins",
            dependencies: [
                "CEnginePlugin", "ResNetEngine", .product(name: "SystemPackage", package: "swift-system"),
            ]),

        // The commands.
        .target(name: "CAllocationCounter"),
        .target(
            name: "CommandSupport",
            dependencies: [
                "ResNetEngine", "ModelFiles", "LoadablePlugins", "PreActivation", "SqueezeExcitation",
                "ResNetD",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ] + oneDNN, swiftSettings: oneDNNSettings),
        .executableTarget(name: "resnet-bench", dependencies: ["CommandSupport", "CAllocationCounter"]),
        .executableTarget(name: "resnet-score", dependencies: ["CommandSupport"]),

        // Block variants on the public API alone.
        .target(name: "PreActivation", dependencies: ["ResNetEngine"], path: "Plugins/PreActivation"),
        .target(name: "SqueezeExcitation", dependencies: ["ResNetEngine"], path: "Plugins/SqueezeExcitation"),
        .target(name: "ResNetD", dependencies: ["ResNetEngine"], path: "Plugins/ResNetD"),

        // Plugins on the C interface alone: one in C, one in Swift.
        .target(
            name: "HardSwish", dependencies: ["CEnginePlugin"], path: "Plugins/HardSwish",
            publicHeadersPath: "."),
        .target(
            name: "PointwiseConvolution", dependencies: ["CEnginePlugin"],
            path: "Plugins/PointwiseConvolution"),

        .testTarget(
            name: "TopologyTests", dependencies: ["Topology", "CTopology"], resources: [.copy("Resources")]),
        .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles", "ResNetEngine"]),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "ResNetEngine"]),
        .testTarget(
            name: "ResNetEngineTests",
            dependencies: ["ResNetEngine", "Kernels", "ModelFiles", "CAllocationCounter"]),
        .testTarget(
            name: "CommandTests",
            dependencies: ["resnet-bench", "resnet-score", "ModelFiles", "LoadablePlugins", "ResNetEngine"]),
        .testTarget(
            name: "PluginTests",
            dependencies: [
                "CommandSupport", "ModelFiles", "PreActivation", "SqueezeExcitation", "ResNetD",
                "ResNetEngine",
            ] + oneDNN, swiftSettings: oneDNNSettings),
    ],
    swiftLanguageModes: [.v6]
)

if hasOneDNN {
    // A kernel on the public API alone, to compare with.
    package.products.append(.library(name: "OneDNNConvolution", targets: ["OneDNNConvolution"]))
    package.targets += [
        .target(
            name: "COneDNN", path: "Plugins/COneDNN",
            linkerSettings: [.linkedLibrary("omp5"), .linkedLibrary("dnnl")]),
        .target(
            name: "OneDNNConvolution", dependencies: ["COneDNN", "ResNetEngine"],
            path: "Plugins/OneDNNConvolution"),
    ]
}
