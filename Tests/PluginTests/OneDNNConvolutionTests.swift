#if ONEDNN
    import CommandSupport
    import Foundation
    import OneDNNConvolution
    import ResNetEngine
    import Synchronization
    import Testing

    /// oneDNN as a kernel: its results, and that it minds its own thread.
    @Suite struct OneDNNConvolutionTests {
        private static let pattern = "onednn*"

        @Test func everySupportedShapeMatchesTheReference() throws {
            let outcome = try KernelVerification.run(OneDNNCandidate(), isa: .detected, seed: 11)
            print("\(outcome.kernel): \(outcome.cases) cases, worst error \(outcome.worstError)")
            #expect(outcome.cases > 5000)
            #expect(outcome.failures == [])
        }

        private static func score(
            _ model: Model, _ images: Tensor, chosen: [String] = [pattern],
            _ executor: ExecutorKind = .dispatch,
            threads: Int = 1, mode: BatchNormalizationMode = .running
        ) throws -> (values: [Float], kernels: Set<String>) {
            var options = EngineOptions()
            options.kernels.chosen = chosen
            options.executor = executor
            options.threads = threads
            options.pin = threads == 1 ? .none : .auto
            options.mode = mode
            let engine = try Engine(model, options: options, registry: .standard)
            let first: Tensor = try engine.score(images)
            let second: Tensor = try engine.score(images)
            #expect(first.values.map(\.bitPattern) == second.values.map(\.bitPattern))
            return (
                first.values, Set(engine.steps.filter { $0.operation == "convolution" }.map(\.kernel))
            )
        }

        /// Random images and a preset of few channels, or the notebook's network.
        private static func network(_ name: String, _ height: Int, _ width: Int) throws -> (Model, Tensor) {
            let network =
                if let preset = ResNet.presets.first(where: { $0.name == name }) {
                    ResNet(
                        preset, imageHeight: height, imageWidth: width, channels: 24, classes: 10)
                } else {
                    ResNet(imageHeight: height, imageWidth: width)
                }
            var generator = TorchGenerator(seed: 5)
            var images = try Tensor(shape: [5, 3, height, width])
            try images.withMutableElements { elements throws(EngineError) in generator.normal(elements) }
            return (try Model(network, seed: 1), images)
        }

        @Test(arguments: [
            ("notebook", 28, 28), ("resnet18", 97, 61), ("resnet50", 64, 64), ("resnext50_32x4d", 33, 47),
        ])
        func networksMatchOurs(name: String, height: Int, width: Int) throws {
            let (model, images) = try Self.network(name, height, width)
            let ours = try Self.score(model, images, chosen: [])
            #expect(ours.kernels.allSatisfy { !$0.hasPrefix("onednn") })
            let theirs = try Self.score(model, images)
            #expect(theirs.kernels == ["onednn.f32.any.jit"])
            let largest = ours.values.map(abs).max() ?? 0
            let error = zip(ours.values, theirs.values).map { abs($0 - $1) }.max() ?? .infinity
            print(name, "difference", error / largest)
            #expect(largest > 0.01 && error <= 1e-5 * largest)
            for executor in ExecutorKind.allCases {
                let values = try Self.score(model, images, executor, threads: 2).values
                #expect(values.map(\.bitPattern) == theirs.values.map(\.bitPattern), "\(executor)")
            }
        }

        @Test func isNotTakenForStatistics() throws {
            let (model, images) = try Self.network("notebook", 9, 7)
            let kernels = try Self.score(model, images, mode: .batch).kernels
            #expect(!kernels.isEmpty && kernels.allSatisfy { !$0.hasPrefix("onednn") })
        }

        /// libomp would let a thread that it meets for the first time run on all CPUs.
        @Test func keepsTheThreadsMask() throws {
            let problem = try LayerProblem("conv:c16h8w8,k16r3s3,pad1", subject: "test")
            let cpu = try #require(ThreadAffinity.Mask().flatMap { Array($0.cpus).first })
            let kept = Mutex<Result<Bool, any Error>?>(nil)
            let done = DispatchSemaphore(value: 0)
            Thread {
                let result = Result {
                    guard ThreadAffinity.bind(toCPU: cpu) else { return false }
                    let layer = try LayerMeasurement(
                        problem, isa: .detected, kernels: KernelFilter(chosen: [Self.pattern]),
                        registry: .standard)
                    return layer.kernel.hasPrefix("onednn") && ThreadAffinity.Mask()?.isOnly(cpu: cpu) == true
                }
                kept.withLock { $0 = result }
                done.signal()
            }.start()
            done.wait()
            #expect(try kept.withLock { try $0?.get() } == true)
        }

        /// As `kernel-bench --onednn` times them: a layout that only its own results can be read in.
        @Test func ownLayoutHasRoomAndTakesNoOtherResidual() throws {
            let candidate = OneDNNCandidate(features: .oneDNN)
            var registry = Registry.builtin
            try registry.register(Plugin("test", convolutions: [candidate]))
            for text in ["conv:c64h9w7,k80r3s3,pad1,sum,relu", "conv:c3h19w17,k64r7s7,stride2,pad3,bias"] {
                let layer = try LayerMeasurement(
                    LayerProblem(text, subject: "test"), isa: .detected,
                    kernels: KernelFilter(chosen: [candidate.name]), registry: registry)
                #expect(layer.kernel == candidate.name && layer.sample(milliseconds: 0.1).gflops > 0)
            }
            let apart = try LayerProblem("conv:c64h9w7,k64r1s1,sum-apart", subject: "test")
            let ours = try LayerMeasurement(
                apart, isa: .detected, kernels: KernelFilter(chosen: [candidate.name]), registry: registry)
            #expect(ours.rejected.contains { $0.kernel == candidate.name && $0.kind == .incapable })
        }
    }
#endif
