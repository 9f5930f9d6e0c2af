/// Where the control groups of this process are mounted.
struct CgroupHierarchy {
    private let root: String
    private let memberships: [Membership]
    private let mounts: [Mount]

    /// A line of `/proc/self/cgroup`: `4:cpu,cpuacct:/path`, with no controllers for version 2.
    private struct Membership {
        let controllers: [Substring]
        let path: String

        init?(_ line: Substring) {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return nil }
            controllers = fields[1].split(separator: ",")
            path = String(fields[2])
        }
    }

    /// A line of `/proc/self/mountinfo`:
    /// `id parent major:minor root mountpoint options [tags] - type source superoptions`.
    private struct Mount {
        /// The group that the mount shows at its top.
        let group: String
        let folder: String
        let isVersion2: Bool
        let options: [Substring]

        init?(_ line: Substring) {
            // A system has many mounts.
            guard Self.mayBeOne(line.utf8) else { return nil }
            let fields = line.split(separator: " ")
            guard let separator = fields.firstIndex(of: "-"), separator >= 6, separator + 3 < fields.count
            else { return nil }
            let type = fields[separator + 1]
            guard type == "cgroup" || type == "cgroup2" else { return nil }
            group = Self.unescaped(fields[3])
            folder = Self.unescaped(fields[4])
            isVersion2 = type == "cgroup2"
            options = fields[separator + 3].split(separator: ",")
        }

        /// Whether a line names the type somewhere.
        private static func mayBeOne(_ line: Substring.UTF8View) -> Bool {
            var rest = line[...]
            while let start = rest.firstIndex(of: UInt8(ascii: "-")) {
                rest = rest[start...].dropFirst()
                if rest.starts(with: " cgroup".utf8) { return true }
            }
            return false
        }

        /// The kernel writes a space as `\040`.
        private static func unescaped(_ field: Substring) -> String {
            var bytes: [UInt8] = []
            var rest = Array(field.utf8)[...]
            while let byte = rest.popFirst() {
                let digits = String(decoding: rest.prefix(3), as: UTF8.self)
                if byte == UInt8(ascii: "\\"), digits.utf8.count == 3, let value = UInt8(digits, radix: 8) {
                    bytes.append(value)
                    rest = rest.dropFirst(3)
                } else {
                    bytes.append(byte)
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// - Parameter root: stands before every path.
    init(root: String) {
        func lines(_ path: String) -> [Substring] {
            TextFile.content(of: root + path)?.utf8.split(separator: UInt8(ascii: "\n")).map(Substring.init)
                ?? []
        }
        self.root = root
        memberships = lines("/proc/self/cgroup").compactMap(Membership.init)
        mounts = lines("/proc/self/mountinfo").compactMap(Mount.init)
    }

    /// The folders that may hold the controller's files: the process's group and its ancestors up to the mount,
    /// in the version 1 hierarchy of the controller and in that of version 2.
    func folders(of controller: Substring) -> [String] {
        memberships.flatMap { membership -> [String] in
            guard let mount = mount(showing: membership, with: controller) else { return [] }
            let names = Self.names(from: mount.group, to: membership.path) ?? []
            return (0...names.count).reversed().map { depth in
                root + ([mount.folder] + names.prefix(depth).map(String.init)).joined(separator: "/")
            }
        }
    }

    /// A mount of another part of the tree, as in a container, has the process's group at its top.
    private func mount(showing membership: Membership, with controller: Substring) -> Mount? {
        let isVersion2 = membership.controllers.isEmpty
        guard isVersion2 || membership.controllers.contains(controller) else { return nil }
        let candidates = mounts.filter {
            $0.isVersion2 == isVersion2 && (isVersion2 || $0.options.contains(controller))
        }
        return candidates.first { Self.names(from: $0.group, to: membership.path) != nil } ?? candidates.first
    }

    /// The path from one group down to another, nil when the other is not below it.
    private static func names(from ancestor: String, to group: String) -> [Substring]? {
        let top = ancestor.split(separator: "/")
        let path = group.split(separator: "/")
        guard path.starts(with: top), !path.contains("..") else { return nil }
        return Array(path.dropFirst(top.count))
    }
}
