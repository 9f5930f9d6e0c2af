import Diagnostics
import Tensors

/// A layer that a network has declared, to be applied as often as wished.
public struct LayerReference: Sendable {
    let path: String
    let module: any LayerModule
}

/// Builds a network: first its layers are declared, in the order in which PyTorch would construct them; then
/// they are applied to edges, as a forward function would.
///
/// One run of an architecture's `build` gives the list of parameters, the printed summary and, where parameters
/// are at hand, the graph.
public struct NetworkBuilder: Sendable {
    private let context: ParameterContext?
    private let activation: Activation?
    private var graph: Graph
    private var uses: [String: Int] = [:]
    private var scopes: [Scope]
    /// The first parameter declared of which the context has no tensor of its shape.
    private var oddParameter: ParameterSpecification?

    /// A module that is being declared.
    private struct Scope: Sendable {
        let name: String
        let className: String
        var children: [(name: String, child: Child)] = []
    }

    /// What the printed summary says of a module's child.
    private indirect enum Child: Sendable {
        case layer(any LayerModule, Activation?)
        case scope(Scope)
    }

    /// Parameters in order of construction, with their whole path.
    public private(set) var parameters: [ParameterSpecification] = []

    /// - Throws: `badData` for an input of no or too many elements.
    init(
        _ architecture: some Architecture, context: ParameterContext?
    ) throws(EngineError) {
        try architecture.inputShape.check(subject: architecture.className)
        self.context = context
        activation = architecture.activation
        graph = Graph(inputShape: architecture.inputShape)
        scopes = [Scope(name: "", className: architecture.className)]
    }

    /// The network's input.
    public var input: Edge { graph.input }

    /// Declares a layer under the current scope.
    public mutating func declare(_ name: String, _ module: some LayerModule) -> LayerReference {
        let path = self.path(name)
        scopes[scopes.count - 1].children.append((name, .layer(module, activation(for: module))))
        for parameter in module.parameters {
            let own = ParameterSpecification(
                name: "\(path).\(parameter.name)", shape: parameter.shape,
                initialization: parameter.initialization)
            parameters.append(own)
            if let context, oddParameter == nil, own.initialization != .counter,
                context.state[own.name]?.shape.dimensions != own.shape
            {
                oddParameter = own
            }
        }
        return LayerReference(path: path, module: module)
    }

    /// Runs `body` inside a scope: a module of class `className` with children of its own.
    public mutating func scope<R>(
        _ name: String, _ className: String, _ body: (inout NetworkBuilder) throws(EngineError) -> R
    ) throws(EngineError) -> R {
        scopes.append(Scope(name: name, className: className))
        let result = try body(&self)
        let scope = scopes.removeLast()
        scopes[scopes.count - 1].children.append((name, .scope(scope)))
        return result
    }

    /// Applies a layer to an edge.
    public mutating func apply(_ layer: LayerReference, to edge: Edge) throws(EngineError) -> Edge {
        if let activation = activation(for: layer.module) {
            let result = try append(layer.path, inputs: [edge]) { _ throws(EngineError) in
                activation.operation
            }
            guard graph.shape(of: result) == graph.shape(of: edge) else {
                throw EngineError(
                    .badData, layer.path, "activation \(activation.name) gives \(graph.shape(of: result))",
                    expected: "\(graph.shape(of: edge))")
            }
            return result
        }
        return try append(layer.path, inputs: [edge]) { context throws(EngineError) in
            try layer.module.operation(path: layer.path, context)
        }
    }

    /// Applies a layer to several edges.
    public mutating func apply(_ layer: LayerReference, to edges: [Edge]) throws(EngineError) -> Edge {
        try append(layer.path, inputs: edges) { context throws(EngineError) in
            try layer.module.operation(path: layer.path, context)
        }
    }

    public mutating func add(_ first: Edge, _ second: Edge) throws(EngineError) -> Edge {
        try append(path("add"), inputs: [first, second]) { _ throws(EngineError) in Add() }
    }

    public mutating func flatten(_ edge: Edge) throws(EngineError) -> Edge {
        try append(path("flatten"), inputs: [edge]) { _ throws(EngineError) in Flatten() }
    }

    /// What takes the module's place.
    private func activation(for module: any LayerModule) -> Activation? {
        module is ReLUModule ? activation : nil
    }

    private mutating func append(
        _ path: String, inputs: [Edge],
        _ operation: (ParameterContext) throws(EngineError) -> any Operation
    ) throws(EngineError) -> Edge {
        // Without parameters only the declarations matter.
        guard let context else { return inputs[0] }
        // No operation is made of tensors that it may not expect.
        if let oddParameter {
            let found = context.state[oddParameter.name].map { "of shape \($0.shape)" } ?? "missing"
            throw EngineError(
                .badData, "tensor \(oddParameter.name)", found, expected: "shape \(oddParameter.shape)")
        }
        uses[path, default: 0] += 1
        let use = uses[path, default: 1]
        let name = use == 1 ? path : "\(path)#\(use)"
        let operation = try operation(context)
        let shape = try operation.outputShape(inputs.map(graph.shape(of:)), node: name)
        try shape.check(subject: name)
        return graph.append(name, operation, inputs: inputs, shape: shape)
    }

    private func path(_ name: String) -> String {
        scopes.reversed().reduce(name) { $1.name.isEmpty ? $0 : "\($1.name).\($0)" }
    }

    /// What PyTorch prints for the whole network.
    var summary: String { Self.summary(scopes[0]) }

    func finished(output: Edge) -> Graph {
        var result = graph
        result.output = output
        return result
    }

    private static func summary(_ scope: Scope) -> String {
        guard !scope.children.isEmpty else { return "\(scope.className)()" }
        let children = scope.children.map { name, child in
            let text =
                switch child {
                case .scope(let scope): summary(scope)
                case .layer(_, let activation?): "Activation(\(activation.operation.identifier))"
                case .layer(let module, nil): module.summary
                }
            return "(\(name)): \(text)"
        }
        let lines = children.joined(separator: "\n").split(separator: "\n", omittingEmptySubsequences: false)
        return "\(scope.className)(\n" + lines.map { "  \($0)\n" }.joined() + ")"
    }
}

extension NetworkBuilder {
    /// The usual shortcut: a 1×1 convolution and a batch normalisation, as `downsample`, where channels or stride change;
    /// else the input itself.
    public mutating func projection(
        of input: Edge, _ shape: BlockShape, outputChannels: Int
    ) throws(EngineError) -> Edge {
        guard shape.stride != 1 || shape.inputChannels != outputChannels else { return input }
        return try scope("downsample", "Sequential") { builder throws(EngineError) in
            let conv = builder.declare(
                "0",
                Conv2d(shape.inputChannels, outputChannels, kernel: 1, stride: shape.stride, bias: false))
            let bn = builder.declare("1", BatchNorm2d(outputChannels))
            return try builder.apply(bn, to: builder.apply(conv, to: input))
        }
    }
}
