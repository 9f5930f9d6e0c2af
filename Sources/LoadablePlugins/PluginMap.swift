import CEnginePlugin
import ResNetEngine

extension re_map {
    /// One image's features as plugins see them.
    init(_ placement: TensorPlacement, origin: UnsafeMutablePointer<Float>) {
        self.init(
            size: MemoryLayout<re_map>.size, origin: origin, shape: re_shape(placement.shape),
            layout: placement.layout == .blocked ? UInt32(RE_LAYOUT_BLOCKED) : UInt32(RE_LAYOUT_PLANAR),
            planes: Int64(placement.planes), plane_stride: Int64(placement.planeStride),
            row_stride: Int64(placement.rowStride), pixel_stride: Int64(placement.pixelStride),
            halo: Int64(placement.halo))
    }
}

extension re_shape {
    init(_ shape: FeatureShape) {
        self.init(channels: Int64(shape.channels), height: Int64(shape.height), width: Int64(shape.width))
    }
}

extension FeatureShape {
    /// A shape that a plugin gave, or nil for one of no features.
    init?(_ shape: re_shape) {
        guard [shape.channels, shape.height, shape.width].allSatisfy({ (1...Int64(Int32.max)).contains($0) })
        else { return nil }
        self.init(channels: Int(shape.channels), height: Int(shape.height), width: Int(shape.width))
    }
}

extension TensorPlacement {
    /// Whether rows of the features that start at `origin` hold a NaN.
    func holdsNaN(_ origin: UnsafePointer<Float>, rows: Range<Int>) -> Bool {
        var found = SIMDMask<SIMD16<Int32>>(repeating: false)
        forEachVector(origin, rows) { found .|= $0 .!= $0 }
        return any(found)
    }

    /// Whether all values of rows are so small that no sum of products of them is infinite.
    func isModerate(_ origin: UnsafePointer<Float>, rows: Range<Int>) -> Bool {
        var found = SIMDMask<SIMD16<Int32>>(repeating: true)
        forEachVector(origin, rows) { values in
            let (low, high) = (SIMD16<Float>(repeating: -0x1p48), SIMD16<Float>(repeating: 0x1p48))
            found .&= (values .>= low) .& (values .<= high)
        }
        return all(found)
    }

    /// Sixteen floats at a time; the last ones of a planar row with zeros.
    @inline(__always)
    private func forEachVector(
        _ origin: UnsafePointer<Float>, _ rows: Range<Int>, _ body: (SIMD16<Float>) -> Void
    ) {
        for plane in 0..<planes {
            for row in rows {
                let start = origin + plane * planeStride + row * rowStride
                let count = shape.width * pixelStride
                for at in stride(from: 0, to: count, by: SIMD16<Float>.scalarCount) {
                    guard count - at < SIMD16<Float>.scalarCount else {
                        body(UnsafeRawPointer(start + at).loadUnaligned(as: SIMD16<Float>.self))
                        continue
                    }
                    var values = SIMD16<Float>()
                    for lane in 0..<count - at { values[lane] = start[at + lane] }
                    body(values)
                }
            }
        }
    }
}
