import Foundation
import ResNetEngine
import Synchronization

/// Threads that time the same layer, each with feature maps of its own on its own CPU, by itself and all at the same
/// time.
final class Team: Sendable {
    /// For each thread, its samples in the order in which they were taken.
    struct Round: Sendable {
        /// While all threads worked.
        var together: [[LayerMeasurement.Sample]]
        /// While no other thread worked, each right before the sample of the same index in `together`; empty where
        /// there is one thread.
        var alone: [[LayerMeasurement.Sample]]
    }

    let kernel: String
    private let members: [LayerMeasurement]
    private let cpus: [Int?]
    private let barrier = SpinBarrier()

    init(_ problem: LayerProblem, _ isa: ISALevel, _ cpus: [Int?], exact: Bool, sets: Int, evictedBytes: Int)
        throws
    {
        self.cpus = cpus
        members = try cpus.indices.map { _ in
            try LayerMeasurement(problem, isa: isa, exact: exact, sets: sets, evictedBytes: evictedBytes)
        }
        kernel = members[0].kernel
    }

    /// Takes `samples` samples on every thread.
    func round(samples: Int, milliseconds: Double, cold: Bool) -> Round {
        let empty = [[LayerMeasurement.Sample]](repeating: [], count: members.count)
        let round = Mutex(Round(together: empty, alone: empty))
        let turns = members.map { _ in DispatchSemaphore(value: 0) }
        let done = DispatchSemaphore(value: 0)
        let isTeam = members.count > 1
        for (index, member) in members.enumerated() {
            let thread = Thread { [self] in
                if let cpu = cpus[index] { _ = ThreadAffinity.bind(toCPU: cpu) }
                func take() -> LayerMeasurement.Sample {
                    cold ? member.coldSample() : member.sample(milliseconds: milliseconds)
                }
                for _ in 0..<samples {
                    if isTeam {
                        turns[index].wait()
                        let sample = take()
                        round.withLock { $0.alone[index].append(sample) }
                        done.signal()
                    }
                    turns[index].wait()
                    barrier.wait(for: members.count)
                    let sample = take()
                    round.withLock { $0.together[index].append(sample) }
                    done.signal()
                }
            }
            thread.start()
        }
        for _ in 0..<samples {
            if isTeam {
                for turn in turns {
                    turn.signal()
                    done.wait()
                }
            }
            for turn in turns { turn.signal() }
            for _ in turns { done.wait() }
        }
        return round.withLock { $0 }
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
