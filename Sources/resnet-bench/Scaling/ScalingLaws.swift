/// How throughput grows with workers, as two laws describe it.
///
/// Gunther's Universal Scalability Law: `X(n) = r · n / (1 + σ (n - 1) + κ n (n - 1))`, with the throughput `r` of one
/// worker, contention `σ` (the share of the work that is done one after the other) and coherency `κ` (what each pair of
/// workers costs). Amdahl's law is the same without `κ`.
///
/// Both are fitted by least squares of the relative error in the time that the work takes, `n / X(n)`, which is linear in
/// `1/r`, `σ/r` and `κ/r`; `0 ≤ σ ≤ 1` and `κ ≥ 0` hold.
struct ScalingLaws {
    struct Point {
        let threads: Int
        /// Images a second.
        let speed: Double
    }

    struct Law {
        /// Images a second of one worker.
        let rate: Double
        /// σ.
        let contention: Double
        /// κ; 0 in Amdahl's law.
        let coherency: Double
        /// The root of the mean squared relative error.
        let error: Double

        func speed(_ threads: Double) -> Double {
            let others = threads - 1
            return rate * threads / (1 + contention * others + coherency * threads * others)
        }

        /// The number of workers with the highest throughput; nil where it has no end.
        var bestThreads: Double? {
            coherency > 0 ? max(1, ((1 - contention) / coherency).squareRoot()) : nil
        }
    }

    /// A fit takes one thread count more than it has parameters, so that it can be wrong.
    static let amdahlCounts = 3
    static let universalCounts = 4

    /// Thread counts among the points.
    let counts: [Int]
    let amdahl: Law?
    let universal: Law?
    /// The serial fraction that the least and greatest thread count imply by themselves (Karp and Flatt); negative where
    /// more workers gained more than their number. Nil for a single count.
    let serialFraction: Double?

    /// - Parameter points: several of the same thread count all count.
    init(_ points: [Point]) {
        let points = points.filter { $0.threads > 0 && $0.speed > 0 && $0.speed.isFinite }
        counts = Set(points.map(\.threads)).sorted()
        let rate: Direction = [1, 0, 0]
        let contention: Direction = [0, 1, 0]
        let coherency: Direction = [0, 0, 1]
        // Each list is a face of the region that the bounds leave: the best point of all lies on one of them.
        let amdahlFaces = [[rate, contention], [rate], [rate + contention]]
        amdahl = counts.count >= Self.amdahlCounts ? Self.fit(points, amdahlFaces) : nil
        universal =
            counts.count >= Self.universalCounts
            ? Self.fit(points, amdahlFaces + amdahlFaces.map { $0 + [coherency] }) : nil
        serialFraction = Self.serialFraction(points)
    }

    private static func serialFraction(_ points: [Point]) -> Double? {
        guard let first = points.min(by: { $0.threads < $1.threads }),
            let last = points.max(by: { $0.threads < $1.threads }), first.threads < last.threads
        else { return nil }
        let ratio = Double(last.threads) / Double(first.threads)
        return (first.speed / last.speed - 1 / ratio) / (1 - 1 / ratio)
    }
}

extension ScalingLaws {
    /// Factors of 1/r, σ/r and κ/r.
    private typealias Direction = SIMD3<Double>

    /// The best law of all faces that keep to the bounds.
    private static func fit(_ points: [Point], _ faces: [[Direction]]) -> Law? {
        let most = Double(points.map(\.threads).max() ?? 1)
        // Terms of similar size keep the equations well-conditioned.
        let scale = Direction(1, most, most * most)
        let rows = points.map { point in
            let threads = Double(point.threads)
            return Direction(1, threads - 1, threads * (threads - 1)) * (point.speed / threads)
        }
        return faces.compactMap { face -> Law? in
            let columns = face.map { $0 / ($0 * scale).max() }
            let design = rows.map { row in columns.map { (row * $0).sum() } }
            guard let factors = leastSquares(design) else { return nil }
            let solution = zip(columns, factors).reduce(Direction.zero) { $0 + $1.0 * $1.1 }
            guard solution.x > 0 else { return nil }
            let (contention, coherency) = (solution.y / solution.x, solution.z / solution.x)
            guard (0...1 + 1e-12).contains(contention), coherency >= 0 else { return nil }
            let squares = rows.reduce(0) { sum, row in
                let error = (row * solution).sum() - 1
                return sum + error * error
            }
            return Law(
                rate: 1 / solution.x, contention: min(contention, 1), coherency: coherency,
                error: (squares / Double(rows.count)).squareRoot())
        }.min { $0.error < $1.error }
    }

    /// The factors of the columns whose sum is nearest to 1 in every row; nil where they are not determined.
    private static func leastSquares(_ design: [[Double]]) -> [Double]? {
        let size = design.first?.count ?? 0
        // Normal equations, the right side in the last column.
        var matrix = (0..<size).map { row in
            (0..<size).map { column in design.reduce(0) { $0 + $1[row] * $1[column] } }
                + [design.reduce(0) { $0 + $1[row] }]
        }
        for pivot in 0..<size {
            guard let best = (pivot..<size).max(by: { abs(matrix[$0][pivot]) < abs(matrix[$1][pivot]) }),
                abs(matrix[best][pivot]) > 0
            else { return nil }
            matrix.swapAt(pivot, best)
            for row in 0..<size where row != pivot {
                let factor = matrix[row][pivot] / matrix[pivot][pivot]
                for column in pivot...size { matrix[row][column] -= factor * matrix[pivot][column] }
            }
        }
        return (0..<size).map { matrix[$0][size] / matrix[$0][$0] }
    }
}
