import ModelFiles
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
    }
}
