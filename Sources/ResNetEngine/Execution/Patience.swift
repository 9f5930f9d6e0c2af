#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Waiting for something that running threads are about to finish: by yielding at first; if these are kept from
/// running, by short sleeps.
struct Patience {
    private var yields = 0

    mutating func wait() {
        if yields < 4000 {
            sched_yield()
            yields += 1
        } else {
            usleep(50)
        }
    }
}
