import Diagnostics

/// A float32 tensor in row-major order: for images `n c h w`, `w` fastest.
///
/// A value type; copies share storage until one of them is written.
public struct Tensor: Sendable {
    public let shape: Shape
    private var storage: AlignedBuffer<Float>

    /// A tensor of zeros.
    /// - Throws: `badData` for an impossible shape, `resource` when memory is refused.
    public init(
        shape: [Int], subject: @autoclosure () -> String = "tensor"
    ) throws(EngineError) {
        self.shape = try Shape(shape, subject: subject())
        self.storage = try AlignedBuffer(count: self.shape.elementCount, subject: subject())
    }

    /// A tensor holding `values` in row-major order.
    /// - Throws: `badData` unless there are as many values as the shape has elements.
    public init(shape: [Int], values: some Collection<Float>, subject: String = "tensor") throws(EngineError)
    {
        try self.init(shape: shape, subject: subject)
        guard values.count == self.shape.elementCount else {
            throw EngineError(
                .badData, subject, "\(values.count) values",
                expected: "\(self.shape.elementCount) for shape \(self.shape)")
        }
        _ = storage.elements.initialize(from: values)
    }

    /// The elements of a buffer, as many as the shape has, which are not copied.
    package init(shape: Shape, _ buffer: AlignedBuffer<Float>) {
        self.shape = shape
        storage = buffer
    }

    /// The memory of the elements, which nobody may write.
    package var buffer: AlignedBuffer<Float> { storage }

    public var elementCount: Int { shape.elementCount }

    /// Whether no element is infinite or NaN.
    package var isFinite: Bool {
        withElements { elements in
            // Without a way out in the middle, which would keep it from being vectorised.
            elements.reduce(UInt32(0)) { found, element in
                let isOdd = element.bitPattern & 0x7f80_0000 == 0x7f80_0000
                return found | (isOdd ? 1 : 0)
            } == 0
        }
    }

    /// A copy of the elements, in row-major order.
    public var values: [Float] { withElements { Array($0) } }

    /// Calls `body` with the elements, in row-major order.
    public func withElements<R, E: Error>(_ body: (UnsafeBufferPointer<Float>) throws(E) -> R) throws(E) -> R
    {
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeBufferPointer(storage.elements))
    }

    /// Calls `body` with the elements for writing, copying them first if another tensor, or a file, shares them.
    /// - Throws: `resource` when memory for that copy is refused, and what `body` throws.
    public mutating func withMutableElements<R>(
        _ body: (UnsafeMutableBufferPointer<Float>) throws(EngineError) -> R
    ) throws(EngineError) -> R {
        if !isKnownUniquelyReferenced(&storage) || storage.isConstant {
            let copy = try AlignedBuffer<Float>(count: storage.count)
            copy.pointer.update(from: storage.pointer, count: storage.count)
            storage = copy
        }
        return try body(storage.elements)
    }
}
