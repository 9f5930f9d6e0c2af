import Diagnostics
import ResNetEngine
import Tensors

/// Reads and writes `.safetensors` files: named tensors, as `state_dict()` of a PyTorch module gives them.
public enum Safetensors {
    /// Integers that a file may hold. Networks keep counters as integers, and no more than one a layer.
    static let maximumIntegerCount = 1 << 20

    /// The tensors of the file, in the order of its header.
    ///
    /// F32, F64, F16 and BF16 become float32 by value (F64 is rounded to nearest), integers and booleans
    /// `Int64`, at most 2^20 in all. Metadata are checked and not kept. The path must name a regular file.
    /// - Throws: `missingInput` when the file cannot be opened; `badData` naming the file and, where there is
    ///   one, the tensor; `resource` when memory is refused; `inputOutput` when reading fails.
    public static func read(_ path: String) throws(EngineError) -> StateDictionary {
        try SafetensorsFile(path).read()
    }
}
