import CommandSupport
import ResNetEngine

/// What the system tells about this process and what runs beside it.
enum ProcessState {
    /// The most memory that the process has held, in bytes; nil where unknown.
    static var peakResidentBytes: Int? {
        guard let status = SystemFile.content(of: "/proc/self/status") else { return nil }
        for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
            return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
                .flatMap { Int($0) }.map { $0 * 1024 }
        }
        return nil
    }

    /// Processes that ran or wanted to, over the last minute.
    static var loadAverage: Double? {
        SystemFile.content(of: "/proc/loadavg")?.split(separator: " ").first.flatMap { Double($0) }
    }

    /// Seconds of these CPUs that a hypervisor has given to others; nil where not counted.
    static func stolenSeconds(of cpus: CPUSet) -> Double? {
        let ticks = sysconf(Int32(_SC_CLK_TCK))
        // A line of a CPU is of up to 200 bytes.
        guard ticks > 0, let text = SystemFile.content(of: "/proc/stat", limit: 200 * CPUSet.limit) else {
            return nil
        }
        return stolenTicks(of: cpus, in: text).map { $0 / Double(ticks) }
    }

    /// - Parameters:
    ///   - cpus: those that count.
    ///   - text: of `/proc/stat`, where `cpu3` begins the line of CPU 3 and its eighth number is what was stolen.
    static func stolenTicks(of cpus: CPUSet, in text: String) -> Double? {
        let ticks = text.split(separator: "\n").compactMap { line -> Double? in
            let words = line.split(separator: " ")
            guard words.count > 8, words[0].hasPrefix("cpu"), let cpu = Int(words[0].dropFirst(3)),
                cpus.contains(cpu)
            else { return nil }
            return Double(words[8])
        }
        return ticks.isEmpty ? nil : ticks.reduce(0, +)
    }

    /// The date and time in UTC, as ISO 8601 has it.
    static var date: String {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        func digits(_ value: Int32) -> String { (value < 10 ? "0" : "") + String(value) }
        let day = "\(parts.tm_year + 1900)-\(digits(parts.tm_mon + 1))-\(digits(parts.tm_mday))"
        return day + "T\(digits(parts.tm_hour)):\(digits(parts.tm_min)):\(digits(parts.tm_sec))Z"
    }

    /// CPU time of all threads so far in seconds, and how often the system took a CPU away from one.
    static var usage: (seconds: Double, involuntarySwitches: Int) {
        var usage = rusage()
        // 0 is RUSAGE_SELF, whose type differs between C libraries.
        guard getrusage(0, &usage) == 0 else { return (0, 0) }
        let times = [usage.ru_utime, usage.ru_stime]
        return (
            times.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6 }, Int(usage.ru_nivcsw)
        )
    }
}
