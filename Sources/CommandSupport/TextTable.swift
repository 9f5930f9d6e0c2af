/// Rows of cells under headers, in columns as wide as they must be.
public struct TextTable {
    public enum Alignment: Sendable {
        case left
        case right
    }

    private let headers: [String]
    private let alignments: [Alignment]
    private var rows: [[String]] = []

    public init(_ columns: [(header: String, alignment: Alignment)]) {
        headers = columns.map(\.header)
        alignments = columns.map(\.alignment)
    }

    /// Adds a row; cells beyond the columns are left out.
    public mutating func add(_ cells: [String]) {
        rows.append(cells)
    }

    /// The lines of the table, each ended.
    public var text: String {
        let widths = headers.indices.map { column in
            ([headers] + rows).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return ([headers] + rows).map { row in
            var line = ""
            for (column, cell) in zip(headers.indices, row) {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line +=
                    (column == 0 ? "" : "  ")
                    + (alignments[column] == .left ? cell + padding : padding + cell)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
