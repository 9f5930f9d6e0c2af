import Foundation
import ModelFiles
import ResNetEngine
import Tensors
import Testing

@Suite struct SafetensorsFileTests {
    /// Of one type and of many, aligned and not, of no elements too.
    @Test(arguments: SafetensorsTests.written + ["formats/types"])
    func togetherIsTheSameAsApart(name: String) throws {
        let file = try SafetensorsFile(fixture("\(name).safetensors"))
        let (apart, together) = (try file.read(), try file.readTogether())
        #expect(apart.names == file.names && together.names == file.names)
        for name in file.names {
            #expect(apart[name]?.shape == together[name]?.shape)
            switch (apart[name], together[name]) {
            case (.tensor(let first)?, .tensor(let second)?):
                #expect(sameValues(first.values, second.values), "\(name)")
            case (.integers(_, let first)?, .integers(_, let second)?): #expect(first == second)
            default: Issue.record("\(name) is of two kinds")
            }
        }
    }

    /// Where the data begin at a cache line, tensors are used where they lie; elsewhere they are copied. Either holds the same.
    @Test(arguments: SafetensorsTests.written + ["formats/types"], [8, 64, 4096])
    func mappedIsTheSame(name: String, alignment: Int) throws {
        let state = try Safetensors.read(fixture("\(name).safetensors"))
        let path = "\(try TemporaryDirectory().path).\(alignment)"
        defer { unlink(path) }
        try Safetensors.write(state, to: path, alignment: alignment)
        let file = try SafetensorsFile(path)
        let mapped = try file.mapped()
        // Integers come first, then floats, each by name.
        let names = state.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let integers = names.filter { state.tensor($0) == nil }
        let header = try contents(path).prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect((8 + header) % alignment == 0)
        var offset = 8 + header + integers.reduce(0) { $0 + 8 * (state[$1]?.shape.elementCount ?? 0) }
        var isAligned = true
        for case let tensor? in names.map(state.tensor) {
            isAligned = isAligned && offset % 64 == 0
            offset += 4 * tensor.elementCount
        }
        // What takes its name later changes nothing.
        try Safetensors.write(StateDictionary(), to: path)
        #expect(mapped.names.sorted() == state.names.sorted())
        for name in state.names {
            #expect(mapped[name]?.shape == state[name]?.shape)
            guard let tensor = state.tensor(name) else { continue }
            let found = try #require(mapped.tensor(name))
            #expect(sameValues(found.values, tensor.values), "\(name)")
            #expect(found.buffer.isConstant == isAligned, "\(name)")
        }
    }

    @Test func preparedWeightsAreMapped() throws {
        let path = "\(try TemporaryDirectory().path).prepared"
        defer { unlink(path) }
        let engine = try Engine(Model(ResNet(blocks: 1, channels: 16), seed: 3))
        try Safetensors.write(try engine.preparedWeights, to: path, alignment: 64)
        let mapped = try SafetensorsFile(path).mapped()
        for name in mapped.names { #expect(mapped.tensor(name)?.buffer.isConstant != false) }
        for alignment in [-8, 0, 4, 24, 1 << 40] {
            let error = #expect(throws: EngineError.self) {
                try Safetensors.write(StateDictionary(), to: path, alignment: alignment)
            }
            #expect(error?.code == .usage)
        }
        // Cut between opening and mapping.
        let file = try SafetensorsFile(path)
        truncate(path, 100)
        let error = #expect(throws: EngineError.self) { try file.mapped() }
        #expect(error?.code == .inputOutput)
    }

    /// A tensor keeps the memory that it is a part of.
    @Test func partsOutliveTheOthers() throws {
        let path = fixture("notebook/small/weights.safetensors")
        let golden = try Safetensors.read(path)
        let name = try #require(golden.names.last { golden.tensor($0) != nil })
        var tensor: Tensor?
        do { tensor = try SafetensorsFile(path).readTogether().tensor(name) }
        #expect(tensor?.values == golden.tensor(name)?.values)
        // Writing one makes a copy.
        let other = try SafetensorsFile(path).readTogether()
        var copy = try #require(other.tensor(name))
        try copy.withMutableElements { $0[0] += 1 }
        #expect(other.tensor(name)?.values == golden.tensor(name)?.values)
        #expect(copy.values != golden.tensor(name)?.values)
        // Also of one that lies in a file.
        let mapped = try SafetensorsFile(path).mapped()
        var own = try #require(mapped.tensor(name))
        try own.withMutableElements { $0[0] += 1 }
        #expect(mapped.tensor(name)?.values == golden.tensor(name)?.values)
        var last = try #require(try SafetensorsFile(path).mapped().tensor(name))
        try last.withMutableElements { $0[0] += 1 }
        #expect(last.values == own.values)
        #expect(try Safetensors.read(path).tensor(name)?.values == golden.tensor(name)?.values)
    }
}
