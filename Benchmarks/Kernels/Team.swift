import Foundation
import ResNetEngine
import Synchronization

/// Threads that time the same layer at the same time, each with feature maps of its own on its own CPU.
final class Team: Sendable {
    let kernel: String
    private let members: [LayerMeasurement]
    private let cpus: [Int?]
    private let barrier = SpinBarrier()

    init(_ problem: LayerProblem, _ isa: ISALevel, _ cpus: [Int?], sets: Int, evictedBytes: Int) throws {
        self.cpus = cpus
        members = try cpus.indices.map { _ in
            try LayerMeasurement(problem, isa: isa, sets: sets, evictedBytes: evictedBytes)
        }
        kernel = members[0].kernel
    }

    /// Takes `samples` samples on every thread.
    ///
    /// - Returns: for each thread, its samples.
    func round(samples: Int, milliseconds: Double, cold: Bool) -> [[LayerMeasurement.Sample]] {
        let results = Mutex([[LayerMeasurement.Sample]](repeating: [], count: members.count))
        let done = DispatchSemaphore(value: 0)
        for (index, member) in members.enumerated() {
            let thread = Thread { [self] in
                if let cpu = cpus[index] { _ = ThreadAffinity.bind(toCPU: cpu) }
                var taken: [LayerMeasurement.Sample] = []
                for _ in 0..<samples {
                    barrier.wait(for: members.count)
                    taken.append(cold ? member.coldSample() : member.sample(milliseconds: milliseconds))
                }
                let mine = taken
                results.withLock { $0[index] = mine }
                done.signal()
            }
            thread.start()
        }
        for _ in members { done.wait() }
        return results.withLock { $0 }
    }
}

/// Lets threads go on together.
private final class SpinBarrier: Sendable {
    private let arrivals = Atomic<Int>(0)

    func wait(for count: Int) {
        let mine = arrivals.add(1, ordering: .acquiringAndReleasing).newValue
        let target = (mine + count - 1) / count * count
        while arrivals.load(ordering: .acquiring) < target {}
    }
}
