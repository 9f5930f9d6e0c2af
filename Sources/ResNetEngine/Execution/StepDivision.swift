/// How a step is cut for several workers: by images where each gets two or more, by rows of each image otherwise, or as the
/// step itself wants it, pass by pass.
struct StepDivision {
    /// Of one pass, and of all images.
    let parts: Int
    let passes: Int
    private let isByImages: Bool

    /// Passes that a step may have.
    static let mostPasses = 31

    /// Parts for so many workers.
    static func mostParts(_ workers: Int) -> Int { min(2 * workers, 1024) }

    /// - Parameter workers: how many take part; parts are twice as many, so that one that is slowed holds the others up less.
    init(_ step: any Step, images: Int, workers: Int) {
        parts = Self.mostParts(workers)
        passes = min(max(step.passes(images: images, parts: parts), 1), Self.mostPasses)
        isByImages = passes == 1 && images >= parts
    }

    var count: Int { parts * passes }

    /// How many parts come before those of the pass of a part: they must be complete.
    func partsBefore(_ index: Int) -> Int { index / parts * parts }

    subscript(index: Int, of images: Range<Int>) -> (images: Range<Int>, part: StepPart) {
        guard isByImages else {
            return (images, StepPart(index: index % parts, count: parts, pass: index / parts, passes: passes))
        }
        let share = StepPart(index: index, count: parts).rows(of: images.count)
        return (images.lowerBound + share.lowerBound..<images.lowerBound + share.upperBound, .whole)
    }
}
