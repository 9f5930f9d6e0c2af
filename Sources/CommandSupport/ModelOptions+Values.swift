import ModelFiles
import ResNetEngine

extension ModelOptions {
    /// The most images that a batch may have.
    public static let batchRange = 1...(1 << 30)

    /// Checks every option that has no value yet, so that nonsense is refused whatever the command does with it.
    ///
    /// - Throws: `usage` naming the flag, `unavailable` for an instruction set above the machine's.
    public func engineOptions(for machine: Machine) throws(EngineError) -> EngineOptions {
        var options = try kernels.engineOptions(for: machine)
        options.mode = try OptionValue.choice(
            mode, "--mode", among: [("running", .running), ("batch", .batch)])
        options.executor = try OptionValue.choice(
            executor, "--executor", among: ExecutorKind.allCases.map { ($0.rawValue, $0) })
        options.pin = try PinPolicy(parsing: pin)
        options.numa = try OptionValue.choice(
            numa, "--numa", among: NUMAPolicy.allCases.map { ($0.rawValue, $0) })
        if let maxMemory {
            options.maximumBytes = try OptionValue.integer(maxMemory, "--max-memory", in: 1...Int.max)
        }
        _ = try threadCounts(for: machine)
        options.batch = try batches().first ?? options.batch
        return options
    }

    /// As ``engineOptions(for:)``, for a command that runs one number of threads and one batch size.
    public func singleEngineOptions(for machine: Machine) throws(EngineError) -> EngineOptions {
        var options = try engineOptions(for: machine)
        options.batch = try OptionValue.integer(batch, "--batch", in: Self.batchRange)
        if let threads {
            options.threads = try OptionValue.integer(threads, "--threads", in: Machine.workerRange)
        }
        return options
    }

    /// The batch sizes of the list.
    public func batches() throws(EngineError) -> [Int] {
        try OptionValue.list(batch, "--batch", in: Self.batchRange)
    }

    /// The numbers of workers to compare: the list given, or 1, 2, 4 … up to the single number.
    public func threadCounts(for machine: Machine) throws(EngineError) -> [Int] {
        guard let threads else { return Self.doubling(to: machine.usableWorkerCount) }
        let list = try OptionValue.list(threads, "--threads", in: Machine.workerRange)
        return threads.contains(",") ? list : Self.doubling(to: list.first ?? 1)
    }

    static func doubling(to last: Int) -> [Int] {
        var counts: [Int] = []
        var count = 1
        while count < last {
            counts.append(count)
            count *= 2
        }
        return counts + [last]
    }

    /// The seed.
    public func seedValue() throws(EngineError) -> UInt64 {
        guard seed.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = UInt64(seed)
        else {
            throw EngineError(.usage, "--seed", "'\(seed)'", expected: "a whole number, 0 to \(UInt64.max)")
        }
        return value
    }

    /// Height and width of `--image`.
    func imageSize() throws(EngineError) -> (height: Int, width: Int)? {
        guard let image else { return nil }
        let range = 1...4096
        let parts = image.split(separator: "x", omittingEmptySubsequences: false)
        guard parts.count == 2,
            let height = try? OptionValue.integer(parts[0], "--image", in: range),
            let width = try? OptionValue.integer(parts[1], "--image", in: range)
        else {
            throw EngineError(
                .usage, "--image", "'\(image)'",
                expected: "HEIGHTxWIDTH, each 1 to \(range.upperBound), as 28x28")
        }
        return (height, width)
    }
}
