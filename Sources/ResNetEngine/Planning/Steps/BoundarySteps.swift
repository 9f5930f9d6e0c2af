import Kernels

/// Copies the caller's images, `n c h w`, into the layout that the first layers read.
struct InputStep: Step {
    let output: TensorPlacement

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let shape = output.shape
        for image in images {
            let source = context.input + image * shape.elementCount
            MapCopy.pack(
                source, into: context.origin(image, of: output), output, rows: part.rows(of: shape.height))
        }
    }
}

/// Copies the last features to the caller, in `c h w` order.
struct OutputStep: Step {
    let input: TensorPlacement

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        guard part.isFirst else { return }
        for image in images {
            let target = context.output + image * input.shape.elementCount
            MapCopy.unpack(context.origin(image, of: input), input, into: target)
        }
    }
}

/// Makes a vector of a map for a reader that cannot address the map itself.
struct FlattenStep: Step {
    let input: TensorPlacement
    let output: TensorPlacement

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        guard part.isFirst else { return }
        for image in images {
            context.image(image, of: output).update(repeating: 0, count: output.elementCount)
            MapCopy.flatten(
                context.origin(image, of: input), input, into: context.origin(image, of: output), output)
        }
    }
}

/// Copies between `c h w` order and placed maps. A network's output and vectors are float32; its input may be pairs of columns
/// of bfloat16 numbers, and trials have all layouts.
enum MapCopy {
    /// - Parameter rows: those to copy; nil for all.
    static func pack(
        _ source: UnsafePointer<Float>, into origin: UnsafeMutablePointer<Float>,
        _ placement: TensorPlacement, rows: Range<Int>? = nil
    ) {
        let shape = placement.shape
        let rows = rows ?? 0..<shape.height
        for c in 0..<shape.channels {
            for h in rows {
                let row = source + (c * shape.height + h) * shape.width
                let target = origin + h * placement.rowStride
                switch placement.layout {
                case .planar: (target + c * placement.planeStride).update(from: row, count: shape.width)
                case .planarPairs:
                    narrow(row, count: shape.width, into: target + c * placement.planeStride)
                case .blocked:
                    let lane = target + (c / channelBlock * placement.planeStride + c % channelBlock)
                    for w in 0..<shape.width { lane[w * channelBlock] = row[w] }
                case .blockedPairs:
                    let pixels = halves(target + c / channelBlock * placement.planeStride)
                    for w in 0..<shape.width { pixels[w * channelBlock + c % channelBlock] = row[w].bfloat16 }
                }
            }
        }
        guard !placement.layout.isPlanar else { return }
        for c in shape.channels..<placement.planes * channelBlock {
            for h in rows {
                let lane = origin + (c / channelBlock * placement.planeStride + h * placement.rowStride)
                if placement.isNarrow {
                    let pixels = halves(lane)
                    for w in 0..<shape.width { pixels[w * channelBlock + c % channelBlock] = 0 }
                } else {
                    for w in 0..<shape.width { lane[w * channelBlock + c % channelBlock] = 0 }
                }
            }
        }
    }

    /// Rounds a row to bfloat16, two numbers in the place of a float: a last single one goes with a 0.
    private static func narrow(
        _ row: UnsafePointer<Float>, count: Int, into target: UnsafeMutablePointer<Float>
    ) {
        // As `Float.bfloat16`, to nearest, ties to even; a NaN stays one.
        func rounded(_ bits: SIMD4<UInt32>) -> SIMD4<UInt32> {
            let sum = bits &+ 0x7fff &+ ((bits &>> 16) & 1)
            return sum.replacing(with: bits | 0x40_0000, where: (bits & 0x7fff_ffff) .> 0x7f80_0000)
        }
        var at = 0
        while at + 8 <= count {
            let bits = UnsafeRawPointer(row + at).loadUnaligned(as: SIMD8<UInt32>.self)
            let words = rounded(bits.evenHalf) &>> 16 | rounded(bits.oddHalf) & 0xffff_0000
            UnsafeMutableRawPointer(target + at / 2).storeBytes(of: words, as: SIMD4<UInt32>.self)
            at += 8
        }
        let pixels = halves(target)
        for w in at..<count { pixels[w] = row[w].bfloat16 }
        if count % 2 != 0 { pixels[count] = 0 }
    }

    private static func halves(_ pointer: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt16> {
        UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: UInt16.self)
    }

    /// The number at `c h w` of a placed map.
    @inline(__always)
    private static func value(
        _ origin: UnsafePointer<Float>, _ c: Int, _ h: Int, _ w: Int, _ placement: TensorPlacement
    ) -> Float {
        guard placement.isNarrow else { return origin[index(c, h, w, placement)] }
        if placement.layout == .planarPairs {
            return placement.number(w, of: origin + (c * placement.planeStride + h * placement.rowStride))
        }
        let row = origin + (c / channelBlock * placement.planeStride + h * placement.rowStride)
        return placement.number(w * channelBlock + c % channelBlock, of: row)
    }

    static func unpack(
        _ origin: UnsafePointer<Float>, _ placement: TensorPlacement, into target: UnsafeMutablePointer<Float>
    ) {
        let shape = placement.shape
        var next = target
        for c in 0..<shape.channels {
            for h in 0..<shape.height {
                for w in 0..<shape.width { next[w] = value(origin, c, h, w, placement) }
                next += shape.width
            }
        }
    }

    /// As `unpack`, into a vector that is itself a placed map of 1 × 1 pixels.
    static func flatten(
        _ origin: UnsafePointer<Float>, _ placement: TensorPlacement,
        into target: UnsafeMutablePointer<Float>,
        _ vector: TensorPlacement
    ) {
        let shape = placement.shape
        var next = 0
        for c in 0..<shape.channels {
            for h in 0..<shape.height {
                for w in 0..<shape.width {
                    target[index(next, 0, 0, vector)] = origin[index(c, h, w, placement)]
                    next += 1
                }
            }
        }
    }

    @inline(__always)
    private static func index(_ c: Int, _ h: Int, _ w: Int, _ placement: TensorPlacement) -> Int {
        switch placement.layout {
        case .planar, .planarPairs: c * placement.planeStride + h * placement.rowStride + w
        case .blocked, .blockedPairs:
            c / channelBlock * placement.planeStride + h * placement.rowStride + w * channelBlock
                + c % channelBlock
        }
    }
}
