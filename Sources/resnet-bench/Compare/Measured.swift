import CommandSupport
import ModelFiles
import ResNetEngine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What two reports can be compared by: times under names, read off a file of `scaling` or `profile`.
struct Measured {
    /// A run, or a layer.
    struct Item {
        /// What matches it with an item of another file.
        let name: String
        /// Milliseconds: the median of rounds or batches.
        let milliseconds: Double
        /// The standard deviation of a round or batch, outliers aside.
        let deviation: Double
        /// The kernel of a layer.
        let kernel: String
    }

    let schema: String
    /// What must be the same in both files.
    let model: String
    let items: [Item]
    /// What both files should have in common for their times to mean the same.
    let setting: String

    /// Bytes above which a file is no report of ours.
    private static let maximumByteCount = 1 << 28

    /// - Throws: `missingInput` for a file that cannot be opened, `badData` for one that is no whole report.
    init(_ path: String) throws(EngineError) {
        let file = try InputFile(path)
        guard file.byteCount <= Self.maximumByteCount else {
            throw EngineError(
                .badData, path, "\(file.byteCount) bytes", expected: "a JSON report of scaling or profile")
        }
        let data = Data(try file.bytes(at: 0, count: file.byteCount))
        schema = try Self.decode(Header.self, data, path).schema
        switch schema {
        case ScalingReport.schema:
            let report = try Self.decode(ScalingFile.self, data, path)
            model = report.model.text
            setting = "\(report.machine.cpu), version \(report.tool.version), \(report.options.text)"
            items = report.runs.map(\.item)
        case ProfileReport.schema:
            let report = try Self.decode(ProfileFile.self, data, path)
            model = report.model.text
            setting =
                "isa \(report.isa), \(report.threads) threads, batch \(report.batch), \(report.options.text)"
            items = report.layers.map(\.item)
        default:
            throw EngineError(
                .badData, path, "schema '\(schema)'",
                expected: "\(ScalingReport.schema) or \(ProfileReport.schema)")
        }
        let names = items.map(\.name)
        let areNumbers = items.allSatisfy { $0.milliseconds >= 0 && $0.deviation >= 0 }
        guard Set(names).count == names.count, areNumbers else {
            throw EngineError(
                .badData, path, "the same run or layer twice, or a time that is no number",
                expected: "a report as it was written")
        }
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, _ data: Data, _ path: String
    ) throws(EngineError) -> Value {
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(type, from: data)
        } catch {
            throw EngineError(
                .badData, path, reason(error), expected: "a whole JSON report of scaling or profile")
        }
    }

    private static func reason(_ error: any Error) -> String {
        func place(_ path: [any CodingKey]) -> String {
            path.isEmpty ? "the report" : path.map(\.stringValue).joined(separator: ".")
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context):
            return "no '\(key.stringValue)' in \(place(context.codingPath))"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(place(context.codingPath)) is of the wrong type"
        default: return "not valid JSON"
        }
    }
}

/// What every report has.
private struct Header: Decodable {
    let schema: String
}

private struct ModelOfFile: Decodable {
    let name: String
    let flopsPerImage: Int
    /// Nil for ReLU, and in files of versions that did not write it.
    let activation: String?

    var text: String {
        name + (activation.map { " with \($0)" } ?? "") + " of \(flopsPerImage) FLOP an image"
    }
}

/// How a report's engines were prepared.
private struct OptionsOfFile: Decodable {
    let mode: String
    let exact: Bool
    /// Nil in files of versions that had float32 alone.
    let precision: String?
    /// Nil in files of versions that had throughput alone.
    let objective: String?
    let executor: String
    let pin: String
    let impl: [String]
    let skipImpl: [String]
    let tune: Bool

    var text: String {
        var parts = [mode, executor, "pin \(pin)"]
        if exact { parts.append("exact") }
        if let precision, precision != Precision.float32.rawValue { parts.append(precision) }
        if let objective, objective != Objective.throughput.rawValue { parts.append(objective) }
        if !impl.isEmpty { parts.append("impl \(impl.joined(separator: ","))") }
        if !skipImpl.isEmpty { parts.append("skip-impl \(skipImpl.joined(separator: ","))") }
        if tune { parts.append("tuned") }
        return parts.joined(separator: ", ")
    }
}

extension OptionsOfFile? {
    /// Files of versions that did not write them can be compared; beside one that did, the setting differs.
    fileprivate var text: String { self?.text ?? "options unknown" }
}

/// A file of `scaling`, as far as it is compared.
private struct ScalingFile: Decodable {
    struct ToolOfFile: Decodable {
        let version: String
    }

    struct MachineOfFile: Decodable {
        let cpu: String
    }

    struct Latency: Decodable {
        let mean: Double
        let p50: Double
        let p90: Double
    }

    struct Round: Decodable {
        let latencyMs: Latency
    }

    struct Run: Decodable {
        let threads: Int
        let batch: Int
        let mode: String
        let isa: String
        let executor: String
        let exact: Bool
        let precision: String?
        let latencyMs: Latency
        let rounds: [Round]

        var item: Measured.Item {
            let means = rounds.map(\.latencyMs.mean)
            // Fewer than three rounds do not tell how they vary: then the batches do.
            let spread = means.count >= 3 ? deviation(means) : (latencyMs.p90 - latencyMs.p50) / 1.2816
            return Measured.Item(
                name: name, milliseconds: latencyMs.mean, deviation: spread, kernel: "")
        }

        private var name: String {
            "threads \(threads), batch \(batch), \(mode), \(isa), \(executor)" + (exact ? ", exact" : "")
                + (precision.map { $0 == Precision.float32.rawValue ? "" : ", \($0)" } ?? "")
        }
    }

    let tool: ToolOfFile
    let model: ModelOfFile
    let machine: MachineOfFile
    let options: OptionsOfFile?
    let runs: [Run]
}

/// A file of `profile`, as far as it is compared.
private struct ProfileFile: Decodable {
    struct Layer: Decodable {
        let name: String
        let kernel: String
        let msMedian: Double
        let msDeviation: Double

        var item: Measured.Item {
            Measured.Item(
                name: name, milliseconds: msMedian, deviation: msDeviation, kernel: kernel)
        }
    }

    let model: ModelOfFile
    let isa: String
    let threads: Int
    let batch: Int
    let options: OptionsOfFile?
    let layers: [Layer]
}
