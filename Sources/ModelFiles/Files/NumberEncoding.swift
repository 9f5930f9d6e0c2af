/// How a file stores numbers that become float32: little-endian, in this many bytes each.
enum FloatEncoding: Sendable {
    case float32, float64, float16, bfloat16, uint8

    var byteCount: Int {
        switch self {
        case .float64: 8
        case .float32: 4
        case .float16, .bfloat16: 2
        case .uint8: 1
        }
    }

    /// Converts by value: a float64 is rounded to nearest, the others are exact.
    func decode(_ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<Float>) {
        switch self {
        case .float32: convert(bytes, into: target) { (stored: Float) in stored }
        case .float64: convert(bytes, into: target) { (stored: Double) in Float(stored) }
        case .float16: convert(bytes, into: target) { (stored: Float16) in Float(stored) }
        case .bfloat16:
            convert(bytes, into: target) { (stored: UInt16) in Float(bitPattern: UInt32(stored) << 16) }
        case .uint8: convert(bytes, into: target) { (stored: UInt8) in Float(stored) }
        }
    }
}

/// How a file stores integers that become `Int64`: little-endian; a boolean is a byte, 0 or not.
enum IntegerEncoding: Sendable {
    case bool, int8, uint8, int16, uint16, int32, uint32, int64

    var byteCount: Int {
        switch self {
        case .int64: 8
        case .int32, .uint32: 4
        case .int16, .uint16: 2
        case .bool, .int8, .uint8: 1
        }
    }

    func decode(_ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<Int64>) {
        switch self {
        case .bool: convert(bytes, into: target) { (stored: UInt8) in stored == 0 ? 0 : 1 }
        case .int8: convert(bytes, into: target) { (stored: Int8) in Int64(stored) }
        case .uint8: convert(bytes, into: target) { (stored: UInt8) in Int64(stored) }
        case .int16: convert(bytes, into: target) { (stored: Int16) in Int64(stored) }
        case .uint16: convert(bytes, into: target) { (stored: UInt16) in Int64(stored) }
        case .int32: convert(bytes, into: target) { (stored: Int32) in Int64(stored) }
        case .uint32: convert(bytes, into: target) { (stored: UInt32) in Int64(stored) }
        case .int64: convert(bytes, into: target) { (stored: Int64) in stored }
        }
    }
}

/// `bytes` holds exactly the elements of `target`, at any alignment.
private func convert<Stored: BitwiseCopyable, Target>(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<Target>,
    _ value: (Stored) -> Target
) {
    for i in target.indices {
        let offset = i * MemoryLayout<Stored>.stride
        target[i] = value(bytes.loadUnaligned(fromByteOffset: offset, as: Stored.self))
    }
}
