import Diagnostics
import Tensors

/// Writes a `.npy` file of little-endian float32 in C order, byte for byte as `numpy.save`.
///
/// The shape is given first, then the elements are appended; the file appears under its name with `commit()`
/// and never without it.
public final class NPYWriter {
    private let file: AtomicOutputFile
    private let shape: Shape
    private var appendedCount = 0

    /// - Throws: `badData` for an impossible shape; `cannotCreate` and `inputOutput` as `AtomicOutputFile`.
    public init(_ path: String, shape dimensions: [Int]) throws(EngineError) {
        shape = try Shape(dimensions, subject: path)
        let header = Self.header(dimensions)
        guard let length = UInt16(exactly: header.count) else {
            throw EngineError(.badData, path, "\(dimensions.count) extents", expected: "fewer")
        }
        file = try AtomicOutputFile(path)
        let lengthBytes = [UInt8(truncatingIfNeeded: length), UInt8(truncatingIfNeeded: length >> 8)]
        try file.write(NPYHeader.magic + [1, 0] + lengthBytes + header)
    }

    /// Appends elements in C order: usually some whole rows.
    /// - Throws: `usage` when the shape has no room for them, `inputOutput` when writing fails.
    public func append(_ elements: UnsafeBufferPointer<Float>) throws(EngineError) {
        guard elements.count <= shape.elementCount - appendedCount else {
            throw EngineError(
                .usage, file.path, "\(elements.count) more elements",
                expected: "\(shape.elementCount - appendedCount) for shape \(shape)")
        }
        try file.write(UnsafeRawBufferPointer(elements))
        appendedCount += elements.count
    }

    /// Gives the file its name.
    /// - Throws: `usage` when elements are missing; `cannotCreate` and `inputOutput` as `AtomicOutputFile`.
    public func commit() throws(EngineError) {
        guard appendedCount == shape.elementCount else {
            throw EngineError(
                .usage, file.path, "\(appendedCount) elements",
                expected: "\(shape.elementCount) for shape \(shape)")
        }
        try file.commit()
    }

    /// Writes a whole tensor.
    /// - Throws: `cannotCreate` and `inputOutput` as `AtomicOutputFile`.
    public static func write(_ tensor: Tensor, to path: String) throws(EngineError) {
        let writer = try NPYWriter(path, shape: tensor.shape.dimensions)
        try tensor.withElements { (elements) throws(EngineError) in try writer.append(elements) }
        try writer.commit()
    }

    /// The dictionary, padded so that the elements begin at a multiple of 64 bytes.
    private static func header(_ dimensions: [Int]) -> [UInt8] {
        let tuple = dimensions.map(String.init).joined(separator: ", ") + (dimensions.count == 1 ? "," : "")
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(tuple)), }"
        // numpy leaves room for axis 0 to grow to 21 digits in place.
        if let first = dimensions.first { header += String(repeating: " ", count: 21 - String(first).count) }
        // Ten bytes precede the dictionary and a line feed ends it; numpy never pads by 0.
        let padding = 64 - (10 + header.utf8.count + 1) % 64
        return Array((header + String(repeating: " ", count: padding) + "\n").utf8)
    }
}
