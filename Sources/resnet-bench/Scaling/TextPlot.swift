import CommandSupport

/// Speed-up over thread counts, drawn with characters.
struct TextPlot {
    /// A mark and where it stands.
    struct Point {
        let mark: Character
        let threads: Double
        let speedup: Double
    }

    let points: [Point]
    /// Threads of speed-up 1.
    let baseline: Double
    private static let width = 56
    private static let height = 13

    var text: String {
        let last = points.map(\.threads).max() ?? 1
        let top = max(last / baseline, points.map(\.speedup).max() ?? 1)
        var cells = [[Character]](
            repeating: [Character](repeating: " ", count: Self.width), count: Self.height)
        func put(_ mark: Character, _ threads: Double, _ speedup: Double) {
            let column = Int((threads / last * Double(Self.width - 1)).rounded())
            let row = Int(((1 - speedup / top) * Double(Self.height - 1)).rounded())
            guard cells.indices.contains(row), cells[row].indices.contains(column) else { return }
            cells[row][column] = mark
        }
        for column in 0..<Self.width {
            let threads = last * Double(column) / Double(Self.width - 1)
            put(".", threads, threads / baseline)
        }
        for point in points { put(point.mark, point.threads, point.speedup) }
        let labels = (0..<Self.height).map { row in
            let value = top * Double(Self.height - 1 - row) / Double(Self.height - 1)
            return row % 3 == 0 ? NumberText.fixed(value, 1) : ""
        }
        let margin = labels.map(\.count).max() ?? 0
        var text = "speed-up over \(PlotScale.label(baseline)) thread\(baseline == 1 ? "" : "s"), ×\n"
        for (label, line) in zip(labels, cells) {
            let padding = String(repeating: " ", count: margin - label.count)
            var line = padding + label + " |" + String(line)
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        let indent = String(repeating: " ", count: margin)
        return text + indent + " +" + String(repeating: "-", count: Self.width) + "\n" + indent + ticks(last)
    }

    /// The thread counts under their columns, those that have room.
    private func ticks(_ last: Double) -> String {
        var line = [Character](repeating: " ", count: Self.width + 2)
        var end = 0
        for threads in [0] + Set(points.map(\.threads)).sorted() {
            let label = Array(PlotScale.label(threads))
            let start = 2 + Int((threads / last * Double(Self.width - 1)).rounded()) - label.count / 2
            guard start >= end, start + label.count <= line.count + 4 else { continue }
            while line.count < start + label.count { line.append(" ") }
            line.replaceSubrange(start..<start + label.count, with: label)
            end = start + label.count + 1
        }
        while line.last == " " { line.removeLast() }
        return String(line) + "  threads\n"
    }
}
