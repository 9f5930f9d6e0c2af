import Kernels

/// Gives every edge a place in memory. Edges whose values may overwrite one another share a buffer.
struct BufferAssignment {
    private struct Buffer {
        var placement: TensorPlacement
        /// Positions in the step sequence of the first writer and the last reader.
        var steps: ClosedRange<Int>
        /// Positions at which its memory is its own.
        var lifetime: ClosedRange<Int>
    }

    private var buffers: [Buffer] = []
    private var bufferOfEdge = EdgeMap<Int>()
    /// Where the rows of an edge's images are noted, if its statistics are wanted.
    private var notesOfEdge = EdgeMap<Int>()

    /// - Parameter precision: of maps between layers that can store them so.
    init(_ graph: Graph, _ sequence: StepSequence, precision: Precision = .float32) {
        let narrow = precision == .bfloat16 ? Self.narrowEdges(graph, sequence) : EdgeMap()
        var written = EdgeMap<Int>()
        var lastRead = EdgeMap<Int>()
        for (position, entry) in sequence.entries.enumerated() {
            switch entry.kind {
            case .input: written[graph.input] = position
            case .output: lastRead[graph.output] = position
            case .statistics(let edge): lastRead[edge] = position
            case .node(let index):
                written[graph.nodes[index].output] = position
                for edge in graph.nodes[index].inputs { lastRead[edge] = position }
            }
        }
        // Edges in the order in which they are written, so that a buffer's first edge comes first.
        for edge in written.edges.sorted(by: { written[$0, default: 0] < written[$1, default: 0] }) {
            let start = written[edge, default: 0]
            let end = max(start, lastRead[edge, default: start])
            let needs = Self.needs(of: edge, in: graph)
            let layout: Layout =
                needs.planar
                ? .planar(needs.planarPairs ? precision : .float32)
                : .blocked(narrow[edge, default: false] ? .bfloat16 : .float32)
            var buffer = Self.buffer(
                TensorPlacement(
                    shape: graph.shape(of: edge), layout: layout, halo: layout.halo(needs.halo),
                    scope: .worker),
                start...end, sequence)
            let shared =
                overwritten(by: edge, at: start, buffer.placement, graph, lastRead)
                ?? released(before: start, buffer.placement)
            if let shared {
                let old = buffers[shared]
                buffer.placement.halo = max(buffer.placement.halo, old.placement.halo)
                buffer.steps = old.steps.lowerBound...end
                buffer.lifetime =
                    min(
                        old.lifetime.lowerBound, buffer.lifetime.lowerBound)...max(
                        old.lifetime.upperBound, buffer.lifetime.upperBound)
                buffers[shared] = buffer
                bufferOfEdge[edge] = shared
            } else {
                bufferOfEdge[edge] = buffers.count
                buffers.append(buffer)
            }
        }
        addNotes(graph, sequence)
    }

    /// A buffer for what is written and read in `steps`.
    ///
    /// The stages before one run several times for each run of it: what waits for it is needed while all of them run
    /// again. Between phases workers are at different images: what crosses them lives through all of each.
    private static func buffer(
        _ placement: TensorPlacement, _ steps: ClosedRange<Int>, _ sequence: StepSequence
    ) -> Buffer {
        var placement = placement
        let entries = sequence.entries
        let (first, last) = (entries[steps.lowerBound], entries[steps.upperBound])
        func positions(_ isWithin: (StepSequence.Entry) -> Bool) -> ClosedRange<Int> {
            (entries.firstIndex(where: isWithin) ?? 0)...(entries.lastIndex(where: isWithin) ?? 0)
        }
        if first.phase != last.phase {
            placement.scope = .batch
            return Buffer(
                placement: placement, steps: steps,
                lifetime: positions { (first.phase...last.phase).contains($0.phase) })
        }
        placement.images = last.images
        return Buffer(
            placement: placement, steps: steps,
            lifetime: first.stage == last.stage
                ? steps : positions { $0.phase == last.phase && $0.stage <= last.stage })
    }

    /// A buffer for the notes about each edge whose statistics are wanted: a convolution writes those about its own
    /// result.
    private mutating func addNotes(_ graph: Graph, _ sequence: StepSequence) {
        for (position, entry) in sequence.entries.enumerated() {
            guard case .statistics(let edge) = entry.kind else { continue }
            let producer = graph.producer(of: edge).map { StepSequence.Kind.node($0) }
            let start = sequence.entries.firstIndex { $0.kind == producer } ?? position
            notesOfEdge[edge] = buffers.count
            buffers.append(
                Self.buffer(RowStatisticsStep.notes(of: graph.shape(of: edge)), start...position, sequence))
        }
    }

    /// Where the rows of an edge's images are noted, if its statistics are wanted.
    func notes(of edge: Edge) -> TensorPlacement? { notesOfEdge[edge].map { buffers[$0].placement } }

    func placement(of edge: Edge) -> TensorPlacement { buffers[bufferOfEdge[edge, default: 0]].placement }

    /// The edges that may hold bfloat16 numbers: those whose maker and readers all take them so, of which no statistics are
    /// wanted, and which do not have to match one that cannot.
    private static func narrowEdges(_ graph: Graph, _ sequence: StepSequence) -> EdgeMap<Bool> {
        var narrow = EdgeMap<Bool>()
        for node in graph.nodes where node.operation.plannable?.makesBFloat16 == true {
            narrow[node.output] = true
        }
        narrow[graph.output] = false
        for case .statistics(let edge) in sequence.entries.map(\.kind) { narrow[edge] = false }
        var matching: [(Edge, Edge)] = []
        for node in graph.nodes {
            let operation = node.operation.plannable
            let shapes = graph.inputShapes(of: node)
            for (position, edge) in node.inputs.enumerated() {
                let requirement = operation?.requirement(ofInput: position, shapes: shapes)
                if requirement?.acceptsBFloat16 != true { narrow[edge] = false }
                if requirement?.matchesOutput == true { matching.append((edge, node.output)) }
            }
        }
        func isNarrow(_ edge: Edge) -> Bool { narrow[edge, default: false] }
        while let (first, second) = matching.first(where: { isNarrow($0) != isNarrow($1) }) {
            (narrow[first], narrow[second]) = (false, false)
        }
        return narrow
    }

    /// The layout and halo that satisfy all readers of an edge. Only the graph's input can be planar.
    private static func needs(
        of edge: Edge, in graph: Graph
    ) -> (halo: Int, planar: Bool, planarPairs: Bool) {
        var halo = 0
        var planar = edge == graph.input && graph.output != edge
        var planarPairs = true
        for node in graph.nodes {
            for (position, input) in node.inputs.enumerated() where input == edge {
                let operation = node.operation.plannable
                let requirement =
                    operation?.requirement(ofInput: position, shapes: graph.inputShapes(of: node))
                    ?? InputRequirement()
                halo = max(halo, requirement.halo)
                planar = planar && requirement.acceptsPlanar
                planarPairs = planarPairs && requirement.acceptsPlanarBFloat16
            }
        }
        return (halo, planar, planarPairs)
    }

    /// The buffer of an input that the node making `edge` reads last and may overwrite.
    private func overwritten(
        by edge: Edge, at position: Int, _ placement: TensorPlacement, _ graph: Graph,
        _ lastRead: EdgeMap<Int>
    ) -> Int? {
        guard let producer = graph.producer(of: edge),
            let operation = graph.nodes[producer].operation.plannable
        else { return nil }
        let node = graph.nodes[producer]
        for (index, input) in node.inputs.enumerated() {
            let requirement = operation.requirement(ofInput: index, shapes: graph.inputShapes(of: node))
            guard requirement.overwritable, lastRead[input] == position, let buffer = bufferOfEdge[input],
                node.inputs.filter({ bufferOfEdge[$0] == buffer }).count == 1
            else { continue }
            let old = buffers[buffer].placement
            if (old.scope, old.images) == (placement.scope, placement.images), old.layout == placement.layout,
                old.shape == placement.shape
            {
                return buffer
            }
        }
        return nil
    }

    /// A buffer of the whole batch laid out alike, of which every image is read for the last time in a step before this
    /// one: the image's place is free then, though other images are still at other steps.
    private func released(before position: Int, _ placement: TensorPlacement) -> Int? {
        guard placement.scope == .batch else { return nil }
        return buffers.indices.last {
            buffers[$0].placement == placement && buffers[$0].steps.upperBound < position
        }
    }

    // MARK: - Memory

    /// Floats that one image takes in a worker's arena.
    var imageSize: Int {
        let own = buffers.filter { $0.placement.scope == .worker }
        return ArenaLayout(
            own.map { ArenaLayout.Item(size: $0.placement.elementCount, lifetime: $0.steps) }
        ).size
    }

    /// Places everything; returns the sizes of a worker's arena and, in floats a row, of the shared one.
    mutating func place() -> (worker: Int, batch: Int) { (place(.worker), place(.batch)) }

    private mutating func place(_ scope: Scope) -> Int {
        let indices = buffers.indices.filter { buffers[$0].placement.scope == scope }
        let layout = ArenaLayout(
            indices.map { ArenaLayout.Item(size: size(of: buffers[$0]), lifetime: buffers[$0].lifetime) })
        for (item, index) in indices.enumerated() {
            buffers[index].placement.offset = layout.offsets[item]
        }
        for index in indices where buffers[index].placement.halo > 0 {
            buffers[index].placement.clearsHalo = indices.contains { sharesMemory(index, $0) }
        }
        return layout.size
    }

    /// Floats of a buffer; in the batch arena, a row.
    private func size(of buffer: Buffer) -> Int {
        buffer.placement.elementCount * (buffer.placement.scope == .batch ? 1 : buffer.placement.images)
    }

    /// Whether another buffer leaves values in this one's halo: it overlaps and is not laid out alike.
    private func sharesMemory(_ index: Int, _ other: Int) -> Bool {
        let (a, b) = (buffers[index].placement, buffers[other].placement)
        guard index != other, a.offset < b.offset + size(of: buffers[other]),
            b.offset < a.offset + size(of: buffers[index])
        else { return false }
        return (a.offset, a.halo) != (b.offset, b.halo) || a.shape != b.shape || a.layout != b.layout
    }
}
