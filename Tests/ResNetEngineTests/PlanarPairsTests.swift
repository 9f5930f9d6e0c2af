import Diagnostics
import Kernels
import Tensors
import Testing

@testable import ResNetEngine

/// Images of few channels as pairs of columns of bfloat16 numbers.
@Suite struct PlanarPairsTests {
    private func placement(channels: Int, height: Int, width: Int, padding: Int) -> TensorPlacement {
        TensorPlacement(
            shape: FeatureShape(channels: channels, height: height, width: width), layout: .planarPairs,
            halo: Layout.planarPairs.halo(padding), scope: .worker)
    }

    /// Ties, the largest numbers, those that are none, and others, for every width on both sides of a vector.
    @Test func rowsAreRoundedToNearest() throws {
        let odd: [UInt32] = [
            0, 0x8000_0000, 0x3f80_8000, 0x3f81_8000, 0x3f80_8001, 0x7f7f_ffff, 0x7f80_0000, 0xff80_0000,
            0x7f80_0001, 0xff80_ffff, 0x7fc0_0000, 1, 0x0080_7fff,
        ]
        var random = SeededRandom(seed: 5)
        for width in 1...35 {
            let map = placement(channels: 2, height: 3, width: width, padding: 1)
            let count = map.shape.elementCount
            let image = (0..<count).map { index in
                Float(
                    bitPattern: index < odd.count
                        ? odd[index] : UInt32.random(in: 0...UInt32.max, using: &random))
            }
            let memory = try AlignedBuffer<Float>(count: map.elementCount)
            memory.elements.update(repeating: Float(bitPattern: 0x1234_5678))
            MapCopy.pack(image, into: memory.pointer + map.origin, map)
            for c in 0..<2 {
                for h in 0..<3 {
                    let row = memory.pointer + (map.origin + c * map.planeStride + h * map.rowStride)
                    let numbers = UnsafeRawPointer(row).assumingMemoryBound(to: UInt16.self)
                    for w in 0..<width {
                        #expect(numbers[w] == image[(c * 3 + h) * width + w].bfloat16, "width \(width)")
                    }
                    if width % 2 != 0 { #expect(numbers[width] == 0) }
                }
            }
        }
    }

    /// Whatever the memory held: a halo is zeros, and nothing else is touched.
    @Test(arguments: 0...3, [5, 6])
    func haloIsCleared(padding: Int, width: Int) throws {
        let map = placement(channels: 2, height: 3, width: width, padding: padding)
        #expect(map.halo % 2 == 0 && map.halo > padding)
        let image = [Float](repeating: 1, count: map.shape.elementCount)
        let memory = try AlignedBuffer<Float>(count: map.elementCount)
        memory.elements.update(repeating: Float(bitPattern: 0x4040_4040))
        MapCopy.pack(image, into: memory.pointer + map.origin, map)
        map.clearHalo(at: memory.pointer)
        for c in 0..<2 {
            for y in -map.halo..<3 + map.halo {
                let row = memory.pointer + (map.origin + c * map.planeStride + y * map.rowStride)
                let numbers = UnsafeRawPointer(row).assumingMemoryBound(to: UInt16.self)
                for x in -map.halo..<width + map.halo {
                    let isInside = (0..<3).contains(y) && (0..<width).contains(x)
                    #expect(numbers[x] == (isInside ? Float(1).bfloat16 : 0), "\(c) \(y) \(x)")
                }
            }
        }
    }

    /// A first convolution of stride 2 multiplies pairs, one of stride 1 numbers.
    @Test func stemsOfStrideTwoTakeThem() throws {
        let notebook = ResNet(
            blocks: 2, inputChannels: 3, channels: 40, imageHeight: 19, imageWidth: 17, classes: 7)
        for (network, kernel) in [
            (try makePreset("resnet18", channels: 16, height: 61, width: 75), "convnxns2planar.bf16."),
            (notebook, "conv3x3planar.f32."),
        ] {
            var options = makeOptions()
            options.precision = .bfloat16
            let engine = try Engine(Model(network, seed: 3), options: options)
            #expect(engine.steps.first?.kernel.hasPrefix(kernel) == true)
        }
    }

    /// What has no partner is not multiplied by what lies beyond: kernels refuse what they would compute wrongly.
    @Test func dilatedConvolutionsAreRefused() throws {
        var geometry = Convolution2D.Geometry(
            inputChannels: 3, outputChannels: 16, kernel: 3, stride: 2, padding: 2)
        geometry.dilationWidth = 2
        var layer = ConvolutionLayer(geometry, height: 31, width: 31, isPlanar: true)
        layer.inputPrecision = .bfloat16
        for isa in machineLevels {
            let table = KernelSelection.table(for: isa)
            for kernel in table.convolutions {
                #expect(kernel.supports(layer.kernelProblem) != .yes, "\(kernel.name)")
            }
        }
    }
}
