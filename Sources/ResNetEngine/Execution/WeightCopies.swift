import Diagnostics
import Topology

/// Copies of a plan that read weights in other NUMA nodes. Until they are made, the model's own weights stay.
struct WeightCopies {
    private let planner: Planner
    private let rewritten: RewrittenGraph
    private let placement: Placement

    init(_ planner: Planner, _ rewritten: RewrittenGraph, _ placement: Placement) {
        self.planner = planner
        self.rewritten = rewritten
        self.placement = placement
    }

    /// One for each node but the first, made on a CPU of that node, so that the system puts them there.
    ///
    /// - Parameter parameters: those of the plan itself.
    /// - Throws: `resource` when memory is refused.
    consuming func made(_ parameters: StepParameters) throws(EngineError) -> [Plan] {
        var plans: [Plan] = []
        for node in placement.numaNodes.dropFirst() {
            let mask = ThreadAffinity.Mask()
            let cpu = placement.workers.first { $0.numaNode == node }?.cpu
            let isBound = cpu.map(ThreadAffinity.bind) ?? false
            defer { if isBound, let mask { _ = ThreadAffinity.restore(mask) } }
            var planner = planner
            planner.team = .alone
            planner.parameters = StepParameters(copying: parameters.entries)
            plans.append(try planner.draft(rewritten).finished())
        }
        return plans
    }
}
