import ModelFiles
import ResNetEngine

extension NPYReader {
    /// Checks that the array holds images of the network.
    /// - Throws: `badData` naming the file and both shapes.
    public func checkImages(_ path: String, _ wanted: FeatureShape) throws(EngineError) {
        guard shape.rank == 4,
            Array(shape.dimensions.dropFirst()) == [wanted.channels, wanted.height, wanted.width]
        else {
            throw EngineError(
                .badData, path, "shape \(shape)",
                expected: "(n, \(wanted.channels), \(wanted.height), \(wanted.width)) as the model takes")
        }
    }
}
