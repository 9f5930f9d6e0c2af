import Diagnostics
import Kernels
import Tensors

/// An arena in which every float that a step may not read is a canary, a NaN: one that is read spoils the result. A step
/// that writes anywhere but to its output's pixels, into halos or into its inputs, changes what stood there before.
final class TrialMemory {
    private static let canary: UInt32 = 0x7FC0_BEEF
    private static let guardFloats = 64

    private var size = guardFloats
    private var buffer: AlignedBuffer<Float>?
    /// The bits of all floats as the step finds them.
    private var before: [UInt32] = []
    private var doubles: AlignedBuffer<Double>?
    private var scratch: AlignedBuffer<Float>?
    /// What steps failed with.
    let failures = StepFailures()
    /// Floats that a step needs for itself; what it leaves there does not matter.
    var scratchCount = 0

    /// Reserves room for `images` images of a tensor; returns its place.
    func reserve(
        _ shape: FeatureShape, _ layout: Layout = .blocked, halo: Int, images: Int = 1
    ) -> TensorPlacement {
        let placement = TensorPlacement(
            shape: shape, layout: layout, halo: halo, scope: .worker,
            images: TensorPlacement.capacity(images: images), offset: size)
        size += placement.elementCount * images + Self.guardFloats
        return placement
    }

    /// Reserves room for what a convolution notes of its result's rows.
    func reserveNotes(_ result: FeatureShape) -> TensorPlacement {
        var notes = RowStatisticsStep.notes(of: result)
        notes.offset = size
        size += notes.elementCount + Self.guardFloats
        return notes
    }

    /// The context of a step, all memory canaries. Call after the last `reserve`.
    func context() throws(EngineError) -> StepContext {
        let buffer = try AlignedBuffer<Float>(count: size, subject: "trial")
        buffer.pointer.update(repeating: Float(bitPattern: Self.canary), count: size)
        self.buffer = buffer
        let scratch = try AlignedBuffer<Float>(count: scratchCount + Self.guardFloats, subject: "trial")
        scratch.pointer.update(
            repeating: Float(bitPattern: Self.canary), count: scratchCount + Self.guardFloats)
        self.scratch = scratch
        let doubles = try AlignedBuffer<Double>(count: 1)
        self.doubles = doubles
        before = [UInt32](repeating: Self.canary, count: size)
        var context = StepContext(
            input: UnsafePointer(buffer.pointer), output: buffer.pointer, slotArena: buffer.pointer,
            batchArena: buffer.pointer, batchCapacity: 1, statistics: doubles.pointer,
            coefficients: buffer.pointer, scratch: scratch.pointer, jointScratch: scratch.pointer)
        context.failures = Unmanaged.passUnretained(failures)
        return context
    }

    /// Writes random features with the zero halo that readers rely on; returns them as a reference tensor.
    func fill(
        _ placement: TensorPlacement, images: Int = 1, halo: Bool = true, _ context: StepContext,
        _ random: inout SeededRandom
    ) -> ReferenceTensor {
        var reference = ReferenceTensor(batch: images, shape: placement.shape)
        var row = [Float](repeating: 0, count: placement.shape.elementCount)
        for image in 0..<images {
            for index in row.indices {
                row[index] = Float.random(in: -1...1, using: &random)
                if placement.isNarrow { row[index] = Float(bfloat16: row[index].bfloat16) }
                reference.values[image * row.count + index] = Double(row[index])
            }
            if halo {
                let maps = placement.planes * placement.planeStride
                context.image(image, of: placement).update(repeating: 0, count: maps)
            }
            MapCopy.pack(row, into: context.origin(image, of: placement), placement)
        }
        for index in before.indices { before[index] = context.slotArena[index].bitPattern }
        return reference
    }

    /// The features of a tensor as they stand in memory.
    func read(_ placement: TensorPlacement, images: Int = 1, _ context: StepContext) -> ReferenceTensor {
        var reference = ReferenceTensor(batch: images, shape: placement.shape)
        var row = [Float](repeating: 0, count: placement.shape.elementCount)
        for image in 0..<images {
            row.withUnsafeMutableBufferPointer {
                guard let target = $0.baseAddress else { return }
                MapCopy.unpack(context.origin(image, of: placement), placement, into: target)
            }
            for index in row.indices { reference.values[image * row.count + index] = Double(row[index]) }
        }
        return reference
    }

    /// The first float that changed outside the pixels of the tensors in `written`, or a padding lane in these that is
    /// not zero.
    func damage(_ written: [TensorPlacement], images: Int = 1, _ context: StepContext) -> String? {
        var allowed = Set<Int>()
        for placement in written {
            for image in 0..<images {
                let origin = context.origin(image, of: placement) - context.slotArena
                for plane in 0..<placement.planes {
                    for y in 0..<placement.shape.height {
                        let row = origin + plane * placement.planeStride + y * placement.rowStride
                        allowed.formUnion(row..<row + placement.words(ofColumns: placement.shape.width))
                        guard !placement.layout.isPlanar else { continue }
                        for i in 0..<placement.shape.width * channelBlock
                        where plane * channelBlock + i % channelBlock >= placement.shape.channels {
                            let lane = placement.number(i, of: context.slotArena + row)
                            if lane != 0 { return "padding lane of plane \(plane), row \(y) is \(lane)" }
                        }
                    }
                }
            }
        }
        for index in before.indices
        where !allowed.contains(index) && context.slotArena[index].bitPattern != before[index] {
            return "float \(index) of \(size), which is not its output's, was overwritten"
        }
        for index in scratchCount..<scratchCount + Self.guardFloats
        where context.scratch[index].bitPattern != Self.canary {
            return "float \(index) of \(scratchCount) of scratch memory was overwritten"
        }
        return nil
    }
}
