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

    @Test(arguments: BatchNormalizationMode.allCases, [(1, 13), (2, 13), (3, 13), (2, 1), (40, 1)])
    func everyStepOfEveryImageIsNoted(mode: BatchNormalizationMode, size: (threads: Int, rows: Int)) throws {
        let (threads, rows) = size
        let model = try Model(ResNet(blocks: 2, channels: 32, imageHeight: 18, imageWidth: 19), seed: 1)
        let engine = try Engine(model, options: makeOptions(threads: threads, mode: mode))
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

    /// Parts of several passes are parts of one whole.
    @Test func partsOfPassesAreNoted() throws {
        let recorder = try StepRecorder(slots: 1, capacity: 12, counters: [])
        recorder.begin(0)
        for pass in 0..<3 {
            for index in 0..<4 {
                let part = StepPart(index: index, count: 4, pass: pass, passes: 3)
                recorder.note(0, step: 0, images: 5..<7, part: part) {}
            }
        }
        recorder.end(0)
        let events = try BatchProfile(recorder, rows: 7).events
        #expect(events.map(\.part) == Array(0..<12) && events.allSatisfy { $0.parts == 12 })
        #expect(events.allSatisfy { $0.firstImage == 5 && $0.images == 2 })
    }

    private func profile(_ engine: Engine, _ input: Tensor, counters: [PerformanceEvent]) throws
        -> BatchProfile
    {
        var output = try Tensor(shape: [input.shape[0], 10])
        return try output.withMutableElements { target throws(EngineError) in
            try input.withElements { source throws(EngineError) in
                try engine.profile(rows: input.shape[0], input: source, output: target, counters: counters)
            }
        }
    }

    /// Events of the system itself can be counted where there are no hardware counters; what cannot is an error.
    @Test(arguments: [1, 3]) func stepsAreCounted(threads: Int) throws {
        let model = try Model(ResNet(blocks: 1, channels: 32, imageHeight: 18, imageWidth: 19), seed: 1)
        let engine = try Engine(model, options: makeOptions(threads: threads))
        let input = try seededInput([9, 3, 18, 19])
        let (supported, refused) = PerformanceEvent.supported()
        #expect(Set(supported).union(refused.map(\.event)) == Set(PerformanceEvent.allCases))
        for refusal in refused {
            let error = #expect(throws: EngineError.self) {
                try profile(engine, input, counters: [refusal.event])
            }
            #expect(error?.code == .unavailable && !refusal.reason.isEmpty)
        }
        let many = [PerformanceEvent](repeating: .taskClock, count: ThreadCounters.limit + 1)
        #expect(throws: EngineError.self) { try profile(engine, input, counters: many) }

        var sums = NetworkProfile(engine)
        for _ in 0..<3 {
            let batch = try profile(engine, input, counters: supported)
            #expect(batch.counters == supported)
            sums.add(batch)
            guard let clock = supported.firstIndex(of: .taskClock) else { continue }
            for (index, event) in batch.events.enumerated() {
                let counts = batch.counts(ofEvent: index)
                let ran = Int(counts[counts.startIndex + clock])
                // A thread runs no longer than the time that passed, and the two readings of the counters.
                #expect(ran > 0 && ran <= event.nanoseconds + 10_000_000, "\(ran) of \(event.nanoseconds)")
            }
        }
        // A batch without counters adds nothing to the counts of an image.
        let before = sums.layers.map(\.counts)
        sums.add(try profile(engine, input, counters: []))
        #expect(sums.batches == 4 && sums.layers.map(\.counts) == before)
        #expect(before.allSatisfy { Set($0.keys) == Set(supported) })
    }

    /// A layer's word has the images that its calls really took.
    @Test func problemsHaveTheImagesOfACall() throws {
        let model = try Model(ResNet(blocks: 1, channels: 32, imageHeight: 9, imageWidth: 8), seed: 1)
        let engine = try Engine(model, options: makeOptions())
        for rows in [1, 3, 4, 9, 16, 33] {
            let batch = try profile(engine, seededInput([rows, 3, 9, 8]), counters: [])
            var sums = NetworkProfile(engine)
            sums.add(batch)
            for layer in sums.layers {
                guard let problem = layer.problem else { continue }
                let calls = batch.events.filter { $0.step == layer.index }
                let mean = Double(calls.reduce(0) { $0 + $1.images }) / Double(calls.count)
                #expect(
                    abs(Double(problem.images) - mean) <= 0.5 && problem.images <= rows,
                    "\(rows) rows: \(problem)")
            }
        }
    }

    /// And what passed through the caches since its input began to be written.
    @Test func problemsHaveTheAgeOfTheirInput() throws {
        let model = try Model(ResNet(blocks: 1, channels: 64, imageHeight: 28, imageWidth: 28), seed: 1)
        var options = makeOptions()
        options.exact = true
        let steps = try Engine(model, options: options).steps
        #expect(
            steps.map(\.node) == [
                "make_layer.0.conv1", "make_layer.0.conv3", "make_layer.0.conv2", "layer_out",
            ])
        let (image, map) = (4 * 3 * 28 * 28, 4 * 64 * 28 * 28)
        let packed = steps.map(\.packedBytes)
        // The linear layer waits for four images: all before it runs three times more.
        let first = packed[0] + image + map + packed[1] + image + map
        let all = first + packed[2] + 3 * map
        let reuse = try #require(steps[3].problem?.reuseMebibytes)
        let ages = [0, 0, first - map, packed[2] + 2 * map + 3 * all]
        #expect(ages[3] < reuse << 20)
        #expect(steps.map { $0.problem?.agedKibibytes } == ages.map { $0 >> 10 })
        #expect(reuse > 0 && steps.allSatisfy { $0.problem?.reuseMebibytes == reuse })
    }

    @Test func recordersAreReused() throws {
        let recorder = try StepRecorder(slots: 2, capacity: 8, counters: [])
        recorder.begin(1)
        recorder.note(1, step: 3, images: 0..<2, part: .whole) {}
        recorder.end(1)
        #expect(recorder.slot(1).count == 1 && recorder.slot(1).end > 0)
        let reused = recorder.reused(slots: 2, capacity: 7, counters: [])
        #expect(reused === recorder && recorder.slot(1).count == 0 && recorder.slot(1).end == 0)
        #expect(recorder.reused(slots: 2, capacity: 9, counters: []) == nil)
        #expect(recorder.reused(slots: 3, capacity: 8, counters: []) == nil)
        #expect(recorder.reused(slots: 2, capacity: 8, counters: [.taskClock]) == nil)
        // What has no room is run all the same.
        var runs = 0
        for _ in 0..<10 { recorder.note(0, step: 0, images: 0..<1, part: .whole) { runs += 1 } }
        #expect(runs == 10 && recorder.slot(0).count == 8)
    }
}
