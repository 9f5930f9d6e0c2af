import Glibc

/// What of this process lies in memory.
enum ResidentMemory {
    /// Lets the peak that the system notes begin anew at what is resident now.
    ///
    /// - Returns: the bytes resident now; nil where the system has neither.
    static func restartPeak() -> Int? {
        guard let peak = fopen("/proc/self/clear_refs", "w") else { return nil }
        let isWritten = fputs("5", peak) >= 0
        guard fclose(peak) == 0, isWritten, let counts = fopen("/proc/self/statm", "r") else { return nil }
        defer { fclose(counts) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), counts) != nil else { return nil }
        let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            .split(separator: " ")
        guard words.count > 1, let pages = Int(words[1]) else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
