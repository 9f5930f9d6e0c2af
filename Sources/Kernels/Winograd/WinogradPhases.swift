/// How a 3×3 convolution of stride 1 or 2 is read as one of stride 1.
///
/// With stride 2 the input's pixels fall into four maps, by the parity of their row and column. Output (y, x) takes of each
/// the pixels around (y, x) that its part of the filter has taps for:
///
///     y[k] = Σ_t g[t] x[2k + t] = g[0] x₀[k] + g[2] x₀[k + 1] + g[1] x₁[k],   x₀[k] = x[2k], x₁[k] = x[2k + 1]
///
/// Either part is a filter of three taps, of which the first, and of the odd pixels' part the last as well, are 0. Their
/// elements of the point 0, and of ∞, are 0 and are left out.
public struct WinogradPhases: Sendable, Hashable {
    /// 1 or 2.
    public let stride: Int

    public init(stride: Int) {
        self.stride = stride
    }

    /// Maps that the input falls into.
    public var count: Int { stride * stride }

    /// Whether the phase at a place in memory holds pixels of odd rows, and of odd columns. They lie so that for every
    /// element those that have it follow each other.
    @inlinable @inline(__always)
    public static func isOdd(_ phase: Int) -> (row: Bool, column: Bool) {
        (row: phase > 1, column: phase == 0 || phase == 3)
    }

    /// Where in the input the pixel 0 of a phase's tile stands, from the first tap of its first output: with stride 2 the pixel
    /// before the first one that is read.
    public func pixel(ofPhase phase: Int) -> (row: Int, column: Int) {
        guard stride == 2 else { return (0, 0) }
        let isOdd = Self.isOdd(phase)
        return (isOdd.row ? -1 : -2, isOdd.column ? -1 : -2)
    }

    /// The phases that have an element, by their places; none for those that no phase has.
    public func range(of element: Int) -> Range<Int> {
        let (row, column) = element.quotientAndRemainder(dividingBy: 6)
        guard stride == 2 else { return 0..<1 }
        guard row > 0, column > 0 else { return 0..<0 }
        return (column == 5 ? 1 : 0)..<(row == 5 ? 2 : column == 5 ? 3 : 4)
    }

    /// The tap of the filter that stands at a tap of one phase's part; nil for 0.
    public func tap(_ tap: Int, ofPhase phase: Int) -> Int? {
        guard stride == 2 else { return tap }
        func side(_ tap: Int, isOdd: Bool) -> Int? {
            switch tap {
            case 1: isOdd ? 1 : 0
            case 2 where !isOdd: 2
            default: nil
            }
        }
        let isOdd = Self.isOdd(phase)
        guard let row = side(tap / 3, isOdd: isOdd.row), let column = side(tap % 3, isOdd: isOdd.column)
        else { return nil }
        return row * 3 + column
    }
}

/// Where the packed weights of each element start, in floats or pairs.
public struct WinogradWeightOffsets: Sendable {
    /// Whose elements they are.
    public let form: WinogradForm
    /// Maps that the input falls into.
    public let phases: WinogradPhases
    /// Channel blocks of the input.
    public let blocks: Int
    /// Of each element.
    public let starts: [Int]
    /// Of all elements.
    public let count: Int

    public init(_ form: WinogradForm, _ phases: WinogradPhases, blocks: Int, outputBlocks: Int) {
        self.form = form
        self.phases = phases
        self.blocks = blocks
        var starts: [Int] = []
        var end = 0
        for element in 0..<form.elements {
            starts.append(end)
            end += phases.range(of: element).count * blocks * form.words * outputBlocks * channelBlock
        }
        self.starts = starts
        count = end
    }

    /// Terms, or pairs of them, of each sum of an element.
    public func reduction(of element: Int) -> Int { phases.range(of: element).count * blocks * form.words }
}
