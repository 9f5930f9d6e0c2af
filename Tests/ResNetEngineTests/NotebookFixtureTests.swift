import ModelFiles
import ResNetEngine
import Testing

/// The networks that PyTorch computed, in both modes.
@Suite struct NotebookFixtureTests {
    @Test(arguments: NotebookFixture.all, machineLevels)
    func runningMode(fixture: NotebookFixture, isa: ISALevel) throws {
        let expected = try fixture.tensor("output_eval_float64").values
        for executor in ExecutorKind.allCases {
            for threads in [1, 2, 3] {
                let engine = try Engine(
                    fixture.model(), options: makeOptions(threads: threads, isa: isa, executor: executor))
                let output: Tensor = try engine.score(fixture.tensor("input"))
                #expect(relativeError(output.values, expected) <= 5e-6)
            }
        }
    }

    @Test(arguments: NotebookFixture.all, machineLevels)
    func batchMode(fixture: NotebookFixture, isa: ISALevel) throws {
        let expected = try fixture.tensor("output_train_float64").values
        let buffers = try fixture.state("buffers_after_train")
        for executor in ExecutorKind.allCases {
            for threads in [1, 2, 3] {
                let engine = try Engine(
                    fixture.model(),
                    options: makeOptions(threads: threads, isa: isa, executor: executor, mode: .batch))
                let output: Tensor = try engine.score(fixture.tensor("input"))
                #expect(relativeError(output.values, expected) <= 5e-6)
                let updated = try engine.buffers
                #expect(Set(updated.names) == Set(buffers.names))
                for name in buffers.names {
                    switch (updated[name], buffers[name]) {
                    case (.tensor(let ours)?, .tensor(let theirs)?):
                        #expect(relativeError(ours.values, theirs.values) <= 1e-5, "\(name)")
                    case (.integers(_, let ours)?, .integers(_, let theirs)?):
                        #expect(ours == theirs, "\(name)")
                    default: Issue.record("\(name) is missing or of another type")
                    }
                }
            }
        }
    }

    /// Two images through whole networks: what time allows on emulated processors.
    @Test(arguments: NotebookFixture.all, [BatchNormalizationMode.running, .batch])
    func emulatedNetworksMatchTheReference(fixture: NotebookFixture, mode: BatchNormalizationMode) throws {
        let input = try fixture.tensor("input").rows([0, 1])
        let graph = try fixture.model().graph(mode: mode)
        var images = ReferenceTensor(batch: 2, shape: graph.shape(of: graph.input))
        images.values = input.values.map(Double.init)
        let expected = graph.reference(images).values.map(Float.init)
        for executor in ExecutorKind.allCases {
            let engine = try Engine(
                fixture.model(), options: makeOptions(threads: 2, executor: executor, mode: mode))
            let output: Tensor = try engine.score(input)
            #expect(relativeError(output.values, expected) <= 5e-6)
        }
    }

    /// The fixture's float32 output and the engine's differ: the comparison above is not of a file with itself.
    @Test func floatingPointOutputsAreNotTheFixtures() throws {
        let fixture = NotebookFixture("small")
        let engine = try Engine(fixture.model(), options: makeOptions())
        let output: Tensor = try engine.score(fixture.tensor("input"))
        #expect(relativeError(output.values, try fixture.tensor("output_train_float64").values) > 1e-3)
    }

    @Test(arguments: NotebookFixture.all)
    func referenceMatchesPyTorch(fixture: NotebookFixture) throws {
        let input = try fixture.tensor("input")
        for (mode, name) in [(BatchNormalizationMode.running, "eval"), (.batch, "train")] {
            let graph = try fixture.model().graph(mode: mode)
            var reference = ReferenceTensor(batch: input.shape[0], shape: graph.shape(of: graph.input))
            reference.values = input.values.map(Double.init)
            let output = graph.reference(reference).values.map(Float.init)
            #expect(relativeError(output, try fixture.tensor("output_\(name)_float64").values) <= 2e-7)
        }
    }
}
