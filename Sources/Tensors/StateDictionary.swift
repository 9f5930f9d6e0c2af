import Diagnostics

/// Named tensors in a fixed order: what PyTorch calls a state_dict.
public struct StateDictionary: Sendable {
    public enum Entry: Sendable {
        case tensor(Tensor)
        /// Integers, of which PyTorch keeps one a batch norm: `num_batches_tracked`, of shape ().
        case integers(shape: Shape, values: [Int64])

        public var shape: Shape {
            switch self {
            case .tensor(let tensor): tensor.shape
            case .integers(let shape, _): shape
            }
        }

        /// What it holds, in a word for messages.
        package var elements: String {
            switch self {
            case .tensor: "floats"
            case .integers: "integers"
            }
        }
    }

    /// Names in order of insertion.
    public private(set) var names: [String] = []
    private var entries: [String: Entry] = [:]

    public init() {}

    /// The entry of that name. Setting a new name appends it; setting `nil` removes it.
    public subscript(name: String) -> Entry? {
        get { entries[name] }
        set {
            if newValue != nil, entries[name] == nil { names.append(name) }
            if newValue == nil { names.removeAll { $0 == name } }
            entries[name] = newValue
        }
    }

    /// The float32 tensor of that name, or `nil` when there is none or it holds integers.
    public func tensor(_ name: String) -> Tensor? {
        guard case .tensor(let tensor)? = entries[name] else { return nil }
        return tensor
    }
}
