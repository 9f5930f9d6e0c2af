import Diagnostics
import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The running mean, running variance and counter of every batch normalisation module.
struct RunningStatistics {
    private struct Module {
        var name: String
        var mean: [Float]
        var variance: [Float]
        var batches: Int64
    }

    private var modules: [Module] = []
    /// The module of each running update of the plan.
    private var moduleOfUpdate: [Int] = []

    init(_ plan: Plan, _ state: StateDictionary) {
        for update in plan.runningUpdates {
            let normalization = update.normalization
            if let known = modules.firstIndex(where: { $0.name == normalization.module }) {
                moduleOfUpdate.append(known)
                continue
            }
            var batches: Int64 = 0
            if case .integers(_, let values)? = state["\(normalization.module).num_batches_tracked"] {
                batches = values.first ?? 0
            }
            moduleOfUpdate.append(modules.count)
            modules.append(
                Module(
                    name: normalization.module, mean: normalization.runningMean.values,
                    variance: normalization.runningVariance.values, batches: batches))
        }
    }

    /// Takes in a finished batch: `running ← (1 − momentum) · running + momentum · batch`, with the unbiased
    /// variance, in the order in which the network applies its normalisations.
    mutating func update(_ plan: Plan, _ statistics: BatchStatistics) {
        for index in plan.runningUpdates.indices {
            let record = plan.runningUpdates[index].record
            let momentum = plan.runningUpdates[index].normalization.momentum
            let module = moduleOfUpdate[index]
            for channel in modules[module].mean.indices {
                let (mean, moment, count) = statistics.combined(plan.records[record], channel: channel)
                let unbiased = moment / (count - 1)
                modules[module].mean[channel] = Float(
                    (1 - momentum) * Double(modules[module].mean[channel]) + momentum * mean)
                modules[module].variance[channel] = Float(
                    (1 - momentum) * Double(modules[module].variance[channel]) + momentum * unbiased)
            }
            modules[module].batches &+= 1
        }
    }

    /// The buffers under their state_dict names.
    func state() throws(EngineError) -> StateDictionary {
        var state = StateDictionary()
        for module in modules {
            state["\(module.name).running_mean"] = .tensor(
                try Tensor(shape: [module.mean.count], values: module.mean))
            state["\(module.name).running_var"] = .tensor(
                try Tensor(shape: [module.variance.count], values: module.variance))
            state["\(module.name).num_batches_tracked"] = .integers(
                shape: try Shape([]), values: [module.batches])
        }
        return state
    }
}

/// Statistics of a whole batch, combined from per-image ones in row order, whoever computed those.
struct BatchStatistics {
    var memory: UnsafePointer<Double>
    var capacity: Int
    var rows: Int

    /// Mean, centred second moment and number of values of one channel.
    func combined(_ record: Plan.StatisticsRecord, channel: Int) -> (
        mean: Double, moment: Double, count: Double
    ) {
        let first = memory + (record.offset * capacity + channel)
        let stride = 2 * record.channels
        var sum = 0.0
        for row in 0..<rows { sum += first[row * stride] }
        let mean = sum / Double(rows)
        var moment = 0.0
        for row in 0..<rows {
            let deviation = first[row * stride] - mean
            moment += first[row * stride + record.channels] + Double(record.area) * deviation * deviation
        }
        return (mean, moment, Double(rows * record.area))
    }

    /// Makes the coefficients of a step from the statistics of its terms.
    func fill(
        _ update: Plan.CoefficientUpdate, _ records: [Plan.StatisticsRecord],
        into memory: UnsafeMutablePointer<Float>
    ) {
        ChannelAffineStep.fill(memory + update.offset, channels: update.channels, update.normalizations) {
            term, channel, normalization in
            guard let record = update.records[term] else {
                return normalization.runningAffine(channel: channel)
            }
            let (mean, moment, count) = combined(records[record], channel: channel)
            return normalization.affine(channel: channel, mean: mean, variance: moment / count)
        }
    }
}
