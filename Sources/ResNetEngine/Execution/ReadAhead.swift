import Kernels

/// Which weights workers ask for during each step where they share the steps of an image. Each weight then serves few pixels,
/// and steps that read many of them would take as long as memory does, while it does nothing during all others.
struct ReadAhead {
    /// What a step's part asks for: a share of what the same part of a later step reads.
    private struct Target {
        var step: Int
        var share: Range<Double>
    }

    private let targets: [[Target?]]

    /// - Parameters:
    ///   - phases: the steps of each phase.
    ///   - lastCache: bytes of the cache that keeps what was asked for until it is read.
    init(_ phases: [[any Step]], lastCache: Int) {
        targets = phases.map { steps in
            // For two workers; more of them read the same.
            let parts = (0..<4).map { StepPart(index: $0, count: 4) }
            let counts = steps.map { step in
                parts.reduce(0) { $0 + step.weightsRead(by: $1).count }
            }
            var targets = [Target?](repeating: nil, count: steps.count)
            // Those that wait longest first.
            let order = steps.indices.filter { counts[$0] > 0 }.sorted { (counts[$1], $0) < (counts[$0], $1) }
            for index in order {
                let most = min(1, Double(lastCache / 8) / Double(counts[index]))
                // The start of them is asked for last.
                var (asked, before) = (0.0, index - 1)
                while asked < most, before >= 0, targets[before] == nil {
                    let floats = Double(steps[before].linesAhead * channelBlock)
                    let end = min(asked + floats / Double(counts[index]), most)
                    if end > asked { targets[before] = Target(step: index, share: asked..<end) }
                    (asked, before) = (end, before - 1)
                }
            }
            return targets
        }
    }

    /// What a part of a step asks for; nothing where parts are whole images.
    func lines(
        phase: Int, step: Int, part: StepPart, _ steps: [any Step]
    ) -> LinesAhead? {
        guard part.count > 1, let target = targets[phase][step] else { return nil }
        // Its passes are another step's.
        let weights = steps[target.step].weightsRead(by: StepPart(index: part.index, count: part.count))
        guard let start = weights.baseAddress else { return nil }
        func place(_ share: Double) -> Int { Int(share * Double(weights.count)) }
        return LinesAhead(start + place(target.share.lowerBound)..<start + place(target.share.upperBound))
    }
}
