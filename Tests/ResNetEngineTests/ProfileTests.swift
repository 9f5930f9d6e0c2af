import Testing

@testable import ResNetEngine

/// What workers note of a batch accounts for all of their time and changes no result.
@Suite struct ProfileTests {
    @Test func wrongSizesAreErrors() throws {
        let model = try Model(ResNet(blocks: 1, channels: 8, imageHeight: 6, imageWidth: 5), seed: 1)
        let engine = try Engine(model, options: makeOptions())
        for rows in [Int.max, -1, 1] {
            let error = #expect(throws: EngineError.self) {
                try engine.profile(
                    rows: rows, input: UnsafeBufferPointer(start: nil, count: 0),
                    output: UnsafeMutableBufferPointer(start: nil, count: 0))
            }
            #expect(error?.code == .badData)
        }
    }

    @Test(arguments: BatchNormalizationMode.allCases, [1, 2, 3])
    func everyStepOfEveryImageIsNoted(mode: BatchNormalizationMode, threads: Int) throws {
        let model = try Model(ResNet(blocks: 2, channels: 32, imageHeight: 18, imageWidth: 19), seed: 1)
        let engine = try Engine(model, options: makeOptions(threads: threads, mode: mode))
        let rows = 13
        let input = try seededInput([rows, 3, 18, 19])
        let expected: Tensor = try Engine(model, options: makeOptions(threads: 1, mode: mode)).score(input)
        var output = try Tensor(shape: [rows, 10])
        let profile = try output.withMutableElements { target throws(EngineError) in
            try input.withElements { source throws(EngineError) in
                try engine.profile(rows: rows, input: source, output: target)
            }
        }
        #expect(output.values == expected.values)
        #expect(profile.rows == rows && profile.busyNanoseconds.count == threads)

        // Each step takes each image once, whole or in parts.
        let names = engine.executedSteps.map(\.name)
        #expect(names.first == "input" && names.last == "output")
        #expect(engine.executedSteps.compactMap(\.planned) == Array(engine.steps.indices))
        for step in names.indices {
            var parts = [Double](repeating: 0, count: rows)
            for event in profile.events where event.step == step {
                for image in event.firstImage..<event.firstImage + event.images {
                    parts[image] += 1 / Double(event.parts)
                }
            }
            #expect(parts.allSatisfy { abs($0 - 1) < 1e-9 }, "\(names[step]): \(parts)")
        }
        // Events of a worker follow one another within its time.
        for worker in 0..<threads {
            let events = profile.events.filter { $0.worker == worker }
            #expect(zip(events, events.dropFirst()).allSatisfy { $0.end <= $1.start })
            #expect(
                events.allSatisfy { $0.start <= $0.end && $0.start >= 0 && $0.end <= profile.nanoseconds })
            let sum = events.reduce(0) { $0 + $1.nanoseconds }
            #expect(sum <= profile.busyNanoseconds[worker])
        }
    }
}
