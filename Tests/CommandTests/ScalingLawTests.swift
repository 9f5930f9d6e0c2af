import Testing
@testable import resnet_bench

/// The fits of Amdahl's law and the Universal Scalability Law.
@Suite struct ScalingLawTests {
    private static let counts = [1, 2, 4, 8, 16, 32, 64]

    private func points(
        _ counts: [Int] = counts, rate: Double = 500, contention: Double, coherency: Double,
        noise: (Int) -> Double = { _ in 0 }
    ) -> [ScalingLaws.Point] {
        counts.map { count in
            let n = Double(count)
            let speed = rate * n / (1 + contention * (n - 1) + coherency * n * (n - 1))
            return ScalingLaws.Point(threads: count, speed: speed * (1 + noise(count)))
        }
    }

    @Test(arguments: [(0.0, 0.0), (0.03, 0.0), (0.02, 0.0005), (0.0, 0.001), (1.0, 0.0), (0.4, 0.02)])
    func universalRecovers(contention: Double, coherency: Double) throws {
        let law = try #require(ScalingLaws(points(contention: contention, coherency: coherency)).universal)
        #expect(abs(law.contention - contention) < 1e-8 && abs(law.coherency - coherency) < 1e-9)
        #expect(abs(law.rate / 500 - 1) < 1e-8 && law.error < 1e-8)
        #expect(abs(law.speed(1) / 500 - 1) < 1e-8)
        if coherency > 0 {
            let best = try #require(law.bestThreads)
            #expect(law.speed(best) >= law.speed(best * 1.05) && law.speed(best) >= law.speed(best * 0.95))
        }
    }

    @Test(arguments: [0.0, 0.01, 0.25, 1.0])
    func amdahlRecovers(contention: Double) throws {
        let law = try #require(
            ScalingLaws(points([1, 3, 7], contention: contention, coherency: 0)).amdahl)
        #expect(abs(law.contention - contention) < 1e-9 && law.coherency == 0 && law.error < 1e-9)
    }

    /// A few percent of noise move the parameters a little, and never out of their bounds.
    @Test func noise() throws {
        for sign in [1.0, -1.0] {
            let noise = { (count: Int) in sign * (count % 3 == 1 ? 0.02 : -0.02) }
            for (contention, coherency) in [(0.02, 0.0005), (0.0, 0.0), (0.0, 0.0005)] {
                let laws = ScalingLaws(points(contention: contention, coherency: coherency, noise: noise))
                let law = try #require(laws.universal)
                #expect(abs(law.contention - contention) < 0.03 && abs(law.coherency - coherency) < 4e-4)
                #expect(law.contention >= 0 && law.coherency >= 0 && law.error < 0.03)
                #expect(try #require(laws.amdahl).error >= law.error)
            }
        }
    }

    /// Faster than ideal is no negative contention; slower than one worker no contention above 1.
    @Test func bounds() throws {
        let steep = [1, 2, 4, 8].map { ScalingLaws.Point(threads: $0, speed: Double($0 * $0)) }
        let law = try #require(ScalingLaws(steep).universal)
        #expect(law.contention == 0 && law.coherency == 0 && law.error > 0.1)
        #expect(try #require(ScalingLaws(steep).serialFraction) < 0)
        let falling = [1, 2, 4, 8].map { ScalingLaws.Point(threads: $0, speed: 1 / Double($0)) }
        #expect(try #require(ScalingLaws(falling).amdahl).contention == 1)
        #expect(try #require(ScalingLaws(falling).universal).coherency > 0)
    }

    /// Too few thread counts: what two of them imply, and no more.
    @Test func tooFew() throws {
        let one = ScalingLaws(points([2], contention: 0.1, coherency: 0))
        #expect(one.amdahl == nil && one.universal == nil && one.serialFraction == nil)
        let two = ScalingLaws(points([1, 4, 4], contention: 0.1, coherency: 0))
        #expect(two.counts == [1, 4] && two.amdahl == nil && two.universal == nil)
        #expect(abs(try #require(two.serialFraction) - 0.1) < 1e-12)
        let three = ScalingLaws(points([1, 2, 4], contention: 0.1, coherency: 0))
        #expect(three.amdahl != nil && three.universal == nil)
        let nonsense = [0.0, -1, .nan, .infinity].map { ScalingLaws.Point(threads: 2, speed: $0) }
        #expect(ScalingLaws(nonsense).counts.isEmpty && ScalingLaws([]).serialFraction == nil)
    }
}
