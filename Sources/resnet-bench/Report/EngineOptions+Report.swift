import CommandSupport
import ResNetEngine

extension EngineOptions {
    /// What a report says about how its engines were prepared.
    var json: JSONValue {
        .object([
            "mode": .string(mode == .running ? "running" : "batch"),
            "exact": .bool(exact),
            "precision": .string(precision.rawValue),
            "objective": .string(objective.rawValue),
            "executor": .string(executor.rawValue),
            "pin": .string("\(pin)"),
            "numa": .string(numa.rawValue),
            "impl": .array(kernels.chosen.map(JSONValue.string)),
            "skip_impl": .array(kernels.forbidden.map(JSONValue.string)),
            "tune": .bool(tuning != nil),
        ])
    }
}
