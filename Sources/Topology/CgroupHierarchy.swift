/// Where the control groups of this process are mounted.
struct CgroupHierarchy {
    private let root: String
    private let memberships: [Membership]
    private let mounts: [Mount]

    /// A line of `/proc/self/cgroup`: `4:cpu,cpuacct:/path`, with no controllers for version 2.
    private struct Membership {
        let controllers: [String]
        let path: String

        init?(_ bytes: ArraySlice<UInt8>) {
            let colon = UInt8(ascii: ":")
            guard let first = bytes.firstIndex(of: colon),
                let second = bytes[(first + 1)...].firstIndex(of: colon)
            else { return nil }
            controllers = bytes[(first + 1)..<second].parts { $0 == UInt8(ascii: ",") }
            path = String(decoding: bytes[(second + 1)...], as: UTF8.self)
        }
    }

    /// A line of `/proc/self/mountinfo`:
    /// `id parent major:minor root mountpoint options [tags] - type source superoptions`.
    private struct Mount {
        /// The group that the mount shows at its top.
        let group: String
        let folder: String
        let isVersion2: Bool
        let options: [String]

        init?(_ line: ArraySlice<UInt8>) {
            // A system has many mounts.
            guard Self.mayBeOne(line) else { return nil }
            let fields = line.parts { $0 == UInt8(ascii: " ") }
            guard let separator = fields.firstIndex(of: "-"), separator >= 6, separator + 3 < fields.count
            else { return nil }
            let type = fields[separator + 1]
            guard type == "cgroup" || type == "cgroup2" else { return nil }
            group = Self.unescaped(fields[3])
            folder = Self.unescaped(fields[4])
            isVersion2 = type == "cgroup2"
            options = fields[separator + 3].parts(separatedBy: UInt8(ascii: ","))
        }

        /// Whether a line names the type somewhere.
        private static func mayBeOne(_ line: ArraySlice<UInt8>) -> Bool {
            line.indices.contains { start in
                line[start] == UInt8(ascii: "-") && line[start...].starts(with: "- cgroup".utf8)
            }
        }

        /// The kernel writes a space as `\040`.
        private static func unescaped(_ field: String) -> String {
            guard field.utf8.contains(UInt8(ascii: "\\")) else { return field }
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
        func lines(_ path: String) -> [ArraySlice<UInt8>] {
            TextFile.bytes(of: root + path)?.split(separator: UInt8(ascii: "\n")) ?? []
        }
        self.root = root
        memberships = lines("/proc/self/cgroup").compactMap(Membership.init)
        mounts = lines("/proc/self/mountinfo").compactMap(Mount.init)
    }

    /// The folders that may hold the controller's files: the process's group and its ancestors up to the mount,
    /// in the version 1 hierarchy of the controller and in that of version 2.
    func folders(of controller: String) -> [String] {
        memberships.flatMap { membership -> [String] in
            guard let mount = mount(showing: membership, with: controller) else { return [] }
            let names = Self.names(from: mount.group, to: membership.path) ?? []
            var folders = [root + mount.folder]
            for name in names { folders.insert("\(folders[0])/\(name)", at: 0) }
            return folders
        }
    }

    /// A mount of another part of the tree, as in a container, has the process's group at its top.
    private func mount(showing membership: Membership, with controller: String) -> Mount? {
        let isVersion2 = membership.controllers.isEmpty
        guard isVersion2 || membership.controllers.contains(controller) else { return nil }
        let candidates = mounts.filter {
            $0.isVersion2 == isVersion2 && (isVersion2 || $0.options.contains(controller))
        }
        return candidates.first { Self.names(from: $0.group, to: membership.path) != nil } ?? candidates.first
    }

    /// The path from one group down to another, nil when the other is not below it.
    private static func names(from ancestor: String, to group: String) -> [String]? {
        let top = ancestor.parts(separatedBy: UInt8(ascii: "/"))
        let path = group.parts(separatedBy: UInt8(ascii: "/"))
        guard path.starts(with: top), !path.contains("..") else { return nil }
        return Array(path.dropFirst(top.count))
    }
}
