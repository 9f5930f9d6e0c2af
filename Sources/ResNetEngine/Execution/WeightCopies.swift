import Diagnostics
import Topology

/// Plans that read copies of the weights in NUMA nodes. Until they are made, a model's own weights stay.
struct WeightCopies {
    private let planner: Planner
    private let rewritten: RewrittenGraph
    private let placement: Placement

    init(_ planner: Planner, _ rewritten: RewrittenGraph, _ placement: Placement) {
        self.planner = planner
        self.rewritten = rewritten
        self.placement = placement
    }

    /// One for each of some nodes, made on a CPU of it, so that the system puts all of it there.
    ///
    /// - Parameter parameters: those of the plan itself.
    /// - Throws: `resource` when memory is refused.
    consuming func made(
        _ parameters: StepParameters, in nodes: ArraySlice<Int>
    ) throws(EngineError) -> [Plan] {
        var plans: [Plan] = []
        for node in nodes {
            let mask = ThreadAffinity.Mask()
            if mask != nil, let cpu = placement.workers.first(where: { $0.numaNode == node })?.cpu {
                _ = ThreadAffinity.bind(toCPU: cpu)
            }
            defer { if let mask { _ = ThreadAffinity.restore(mask) } }
            var planner = planner
            planner.team = .alone
            planner.parameters = StepParameters(copying: parameters.entries)
            plans.append(try planner.draft(rewritten).finished())
        }
        return plans
    }
}
