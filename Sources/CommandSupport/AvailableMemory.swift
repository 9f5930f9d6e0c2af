/// Memory that new work can have.
enum AvailableMemory {
    /// Bytes that the system can give without taking them from other work; all of the machine's memory where it
    /// does not say. At most half of what can be counted.
    static var bytes: Int {
        if let content = SystemFile.content(of: "/proc/meminfo") {
            for line in content.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
                let words = line.split(separator: " ")
                if words.count > 1, let kibibytes = Int(words[1]) { return kibibytes << 10 }
            }
        }
        let (pages, pageSize) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        return pages > 0 && pageSize > 0 ? pages * pageSize : .max / 2
    }
}
