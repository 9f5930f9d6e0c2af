import Kernels
import Testing
import Topology

@testable import ResNetEngine

/// A NaN that enters a ReLU leaves it, on every instruction set.
@Suite struct NonFiniteTests {
    @Test(arguments: ISALevel.allCases.filter { $0 <= .detected })
    func rectifierKeepsNaN(isa: ISALevel) throws {
        let table = KernelSelection.table(for: isa)
        var map = [Float](repeating: 1, count: 16)
        (map[3], map[4], map[5]) = (.nan, -1, -.infinity)
        let ones = [Float](repeating: 1, count: 16)
        let zeros = [Float](repeating: 0, count: 16)
        var result = [Float](repeating: 7, count: 16)
        map.withUnsafeMutableBufferPointer { source in
            result.withUnsafeMutableBufferPointer { target in
                let stride = 16
                let first = ChannelAffineCall.Map(
                    pointer: source.baseAddress!, rowStride: stride, blockStride: stride)
                let output = ChannelAffineCall.Map(
                    pointer: target.baseAddress!, rowStride: stride, blockStride: stride)
                ones.withUnsafeBufferPointer { ones in
                    zeros.withUnsafeBufferPointer { zeros in
                        var call = ChannelAffineCall(
                            output: output, first: first, second: nil, shift: zeros.baseAddress!,
                            scale: ones.baseAddress!, secondScale: ones.baseAddress!, blocks: 1, height: 1,
                            width: 1, rectifies: true)
                        table.channelAffine(&call)
                    }
                }
            }
        }
        #expect(result[3].isNaN)
        #expect(result[4] == 0 && result[5] == 0 && result[6] == 1)
    }
}
