import Synchronization

/// The last images of a phase, which all workers walk through the network together, so that none runs dry while
/// another is in the middle of an image.
///
/// Every step of an image is cut into the same number of parts; a part may start when all parts of the step before it
/// are complete. Parts split outputs, never sums: results do not depend on who computes them or on how many there are.
final class SharedImages: @unchecked Sendable {
    enum Claim {
        case part(image: Int, step: Int, index: Int)
        /// All parts that may start are taken.
        case wait
        /// No part is left.
        case none
    }

    /// One image's progress, alone on its cache lines: parts taken and parts complete, counted through all steps.
    private struct Progress: ~Copyable {
        let taken = Atomic<Int>(0)
        let complete = Atomic<Int>(0)
        private let padding: InlineArray<14, Int> = InlineArray(repeating: 0)
    }

    private let progress: UnsafeMutablePointer<Progress>
    private let capacity: Int
    private let steps: Int
    private var count = 0
    private(set) var parts = 1

    init(capacity: Int, steps: Int) {
        self.capacity = capacity
        self.steps = steps
        progress = .allocate(capacity: max(capacity, 1))
        for image in 0..<capacity { (progress + image).initialize(to: Progress()) }
    }

    deinit {
        progress.deinitialize(count: capacity)
        progress.deallocate()
    }

    /// Opens `count` images, at most the capacity, each step in `parts` parts. No worker may be claiming.
    func deal(count: Int, parts: Int) {
        self.count = count
        self.parts = parts
        for image in 0..<count {
            progress[image].taken.store(0, ordering: .relaxed)
            progress[image].complete.store(0, ordering: .releasing)
        }
    }

    /// A part to run, of the slot's own image first.
    func claim(slot: Int) -> Claim {
        var isPending = false
        for offset in 0..<count {
            let image = (slot + offset) % count
            var part = progress[image].taken.load(ordering: .acquiring)
            while part < steps * parts {
                let step = part / parts
                guard progress[image].complete.load(ordering: .acquiring) >= step * parts else {
                    isPending = true
                    break
                }
                let (done, seen) = progress[image].taken.weakCompareExchange(
                    expected: part, desired: part + 1, ordering: .acquiringAndReleasing)
                if done { return .part(image: image, step: step, index: part % parts) }
                part = seen
            }
        }
        return isPending ? .wait : .none
    }

    /// Notes a finished part.
    ///
    /// - Returns: whether it was the image's last.
    func finish(image: Int) -> Bool {
        progress[image].complete.add(1, ordering: .acquiringAndReleasing).newValue == steps * parts
    }
}
