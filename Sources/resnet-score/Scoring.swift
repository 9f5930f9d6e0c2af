import CommandSupport
import ModelFiles
import ResNetEngine

/// Walks all rows through an engine, a batch at a time, with the memory of one batch.
struct Scoring {
    let engine: Engine
    let interrupts: Interrupts
    let console: Console

    /// - Throws: `cannotCreate` and `inputOutput` for the files, `interrupted` after a signal; outputs that are
    ///   not whole are gone then.
    func run(_ source: inout RowSource, output: String, savedInput: String?) throws(EngineError) {
        let classes = engine.outputShape.elementCount
        let image = engine.inputShape.elementCount
        let results = try NPYWriter(output, shape: [source.rowCount, classes])
        let copy: NPYWriter? = try savedInput.map { path throws(EngineError) in
            try NPYWriter(path, shape: source.shape)
        }
        let batch = engine.options.batch
        let images = try AlignedBuffer<Float>(count: batch * image, subject: "images of a batch of \(batch)")
        let scores = try AlignedBuffer<Float>(
            count: batch * classes, subject: "results of a batch of \(batch)")
        var oddRows = 0
        var done = 0
        while done < source.rowCount {
            try interrupts.check()
            console.progress("rows", done: done, total: source.rowCount)
            let rows = min(batch, source.rowCount - done)
            let input = UnsafeMutableBufferPointer(rebasing: images.elements[..<(rows * image)])
            let output = UnsafeMutableBufferPointer(rebasing: scores.elements[..<(rows * classes)])
            try source.read(rows: rows, into: input)
            try engine.score(rows: rows, input: UnsafeBufferPointer(input), output: output)
            oddRows += Self.nonFiniteRows(output, classes: classes)
            try copy?.append(UnsafeBufferPointer(input))
            try results.append(UnsafeBufferPointer(output))
            done += rows
        }
        try interrupts.check()
        console.clear()
        if oddRows > 0 {
            let message = "\(oddRows) of \(source.rowCount) rows of \(output) hold NaN or infinite values"
            console.warn(EngineWarning("non-finite-results", message))
        }
        try copy?.commit()
        try results.commit()
    }

    private static func nonFiniteRows(_ scores: UnsafeMutableBufferPointer<Float>, classes: Int) -> Int {
        guard classes > 0 else { return 0 }
        var count = 0
        for start in stride(from: 0, to: scores.count, by: classes) {
            let isFinite = scores[start..<start + classes].allSatisfy(\.isFinite)
            count += isFinite ? 0 : 1
        }
        return count
    }
}
