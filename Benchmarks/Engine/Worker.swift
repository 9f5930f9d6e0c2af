import ModelFiles
import ResNetEngine

/// Obeys the driver: a line in, a line out.
struct Worker {
    let engine: Engine
    let images: Tensor
    /// Milliseconds from the weights' file to the engine.
    let preparation: Double
    /// Bytes in memory before the weights' file was opened, where the system tells.
    let resident: Int?

    /// Answers until `quit` or the end of input.
    /// - Throws: what the engine throws, and `inputOutput` when the driver has gone.
    func serve() throws(EngineError) {
        var scores = try engine.score(images)
        let resident = resident.map { "\($0)" } ?? "null"
        let figures = #""preparation": \#(preparation), "resident": \#(resident)"#
        try Channel.answer(#"{"ready": "\#(engine.isa.rawValue)", \#(figures)}"#)
        while let line = readLine() {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            switch (words.first, words.dropFirst().first) {
            case ("run", let text?):
                guard let seconds = Double(text) else { throw unknown(line) }
                let times = try time(for: .seconds(seconds), into: &scores)
                try Channel.answer("[\(times.map { "\($0)" }.joined(separator: ", "))]")
            case ("output", let path?):
                try NPYWriter.write(scores, to: path)
                try Channel.answer("null")
            case ("quit", nil):
                return
            default:
                throw unknown(line)
            }
        }
    }

    /// Milliseconds of each batch until the time is up, three at least where these take no more than four times as long,
    /// after one that is not counted, which finds the caches as another process left them.
    private func time(for duration: Duration, into scores: inout Tensor) throws(EngineError) -> [Double] {
        let rows = images.shape[0]
        return try images.withElements { input throws(EngineError) in
            try scores.withMutableElements { output throws(EngineError) in
                try engine.score(rows: rows, input: input, output: output)
                var times: [Double] = []
                let begin = ContinuousClock.now
                var start = begin
                while times.isEmpty || start - begin < duration
                    || (times.count < 3 && start - begin < duration * 4)
                {
                    try engine.score(rows: rows, input: input, output: output)
                    let end = ContinuousClock.now
                    times.append((end - start) / .milliseconds(1))
                    start = end
                }
                return times
            }
        }
    }

    private func unknown(_ line: String) -> EngineError {
        EngineError(.usage, "line", "'\(line)'", expected: "run SECONDS, output FILE or quit")
    }
}
