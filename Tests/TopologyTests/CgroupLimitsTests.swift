import Testing

@testable import Topology

@Suite("Control groups")
struct CgroupLimitsTests {
    private static let mountVersion2 =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
    private static let mountsVersion1 = """
        33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:7 master:1 - cgroup cgroup rw,cpu,cpuacct
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory

        """

    private static func limits(_ files: [String: String]) throws -> CgroupLimits {
        let folder = try TemporaryFolder(files: files)
        return CgroupLimits.current(root: folder.path)
    }

    private static func version2(
        group: String = "/", _ files: [String: String]
    ) throws -> CgroupLimits {
        try limits(
            files.merging(["proc/self/cgroup": "0::\(group)\n", "proc/self/mountinfo": mountVersion2]) { $1 })
    }

    private static func version1(
        _ group: String, mounts: String = mountsVersion1, _ files: [String: String]
    ) throws -> CgroupLimits {
        let groups = "9:name=systemd:/x\n5:cpuset:/\n4:memory:\(group)\n3:cpu,cpuacct:\(group)\n"
        return try limits(
            files.merging(["proc/self/cgroup": groups, "proc/self/mountinfo": mounts]) { $1 })
    }

    @Test(
        arguments: [
            ("max 100000\n", nil), ("250000 100000\n", 2.5), ("150000", 1.5), ("max", nil), ("", nil),
            ("\n", nil),
            ("nonsense", nil), ("100000 0", nil), ("-1 100000", nil), ("0 100000", nil), ("100000 x", nil),
            ("99999999999999999999 100000", nil), ("1.5 1", nil), ("100000 -5", nil),
        ] as [(String, Double?)])
    func version2Quota(text: String, quota: Double?) throws {
        #expect(try Self.version2(["sys/fs/cgroup/cpu.max": text]).quota == quota)
    }

    @Test func version2NestedLimitsGiveTheSmallest() throws {
        let outer = try Self.version2(
            group: "/pod/app",
            [
                "sys/fs/cgroup/pod/cpu.max": "200000 100000",
                "sys/fs/cgroup/pod/app/cpu.max": "800000 100000",
                "sys/fs/cgroup/pod/memory.max": "max\n", "sys/fs/cgroup/pod/app/memory.max": "1048576\n",
            ])
        #expect(outer.quota == 2)
        #expect(outer.memoryLimitBytes == 1 << 20)
        let inner = try Self.version2(
            group: "/pod/app",
            [
                "sys/fs/cgroup/pod/cpu.max": "800000 100000",
                "sys/fs/cgroup/pod/app/cpu.max": "300000 100000",
                "sys/fs/cgroup/pod/memory.max": "4096", "sys/fs/cgroup/pod/app/memory.max": "1048576",
                "sys/fs/cgroup/other/cpu.max": "1000 100000",
            ])
        #expect(inner.quota == 3)
        #expect(inner.memoryLimitBytes == 4096)
    }

    @Test func version1NestedLimitsGiveTheSmallest() throws {
        let cpu = "sys/fs/cgroup/cpu,cpuacct"
        let limits = try Self.version1(
            "/docker/abc",
            [
                "\(cpu)/docker/abc/cpu.cfs_quota_us": "-1\n",
                "\(cpu)/docker/abc/cpu.cfs_period_us": "100000\n",
                "\(cpu)/docker/cpu.cfs_quota_us": "75000\n", "\(cpu)/docker/cpu.cfs_period_us": "50000\n",
                "\(cpu)/cpu.cfs_quota_us": "400000\n", "\(cpu)/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
            ])
        #expect(limits.quota == 1.5)
        #expect(limits.memoryLimitBytes == 512 << 20)
    }

    /// A container sees its own group at the top of the mount, but the host's path in its membership.
    @Test(arguments: ["/docker/abc", "/docker/else", "/..", "/../.."])
    func mountOfAnotherGroup(mounted: String) throws {
        let mounts = "32 31 0:29 \(mounted) /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n"
        let limits = try Self.version1(
            "/docker/abc", mounts: mounts,
            [
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            ])
        #expect(limits.quota == 2)
        #expect(limits.memoryLimitBytes == nil)
    }

    @Test func membershipOutsideTheNamespace() throws {
        #expect(try Self.version2(group: "/../../x", ["sys/fs/cgroup/cpu.max": "100000 100000"]).quota == 1)
    }

    @Test func mountPointWithASpace() throws {
        let mounts = "30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n"
        let limits = try Self.limits([
            "proc/self/cgroup": "0::/a:b\n", "proc/self/mountinfo": mounts,
            "my groups/a:b/cpu.max": "300000 100000",
        ])
        #expect(limits.quota == 3)
    }

    @Test func hybridMountsUseBothVersions() throws {
        let mounts = Self.mountsVersion1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        func limits(version1 quota1: String, version2 quota2: String) throws -> CgroupLimits {
            try Self.limits([
                "proc/self/cgroup": "4:memory:/m\n3:cpu,cpuacct:/s\n0::/u\n", "proc/self/mountinfo": mounts,
                "sys/fs/cgroup/cpu,cpuacct/s/cpu.cfs_quota_us": quota1,
                "sys/fs/cgroup/cpu,cpuacct/s/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/unified/u/cpu.max": quota2,
                "sys/fs/cgroup/memory/m/memory.limit_in_bytes": "8192",
            ])
        }
        #expect(try limits(version1: "300000", version2: "max 100000").quota == 3)
        #expect(try limits(version1: "-1", version2: "200000 100000").quota == 2)
        #expect(try limits(version1: "300000", version2: "200000 100000").quota == 2)
        #expect(try limits(version1: "-1", version2: "max").memoryLimitBytes == 8192)
    }

    @Test func missingAndMalformedTablesSetNoLimit() throws {
        #expect(try Self.limits([:]).quota == nil)
        let malformed = [
            "", "\n\n", ":", "0:", "x", "0::", "1:cpu", "30 23 0:26 / /sys rw -", "- - - - - - - cgroup2",
            "\\", "\u{0}",
        ]
        for groups in malformed {
            for mounts in malformed {
                let limits = try Self.limits([
                    "proc/self/cgroup": groups, "proc/self/mountinfo": mounts, "cpu.max": "100000 100000",
                ])
                #expect(limits.quota == nil && limits.memoryLimitBytes == nil && limits.throttling() == nil)
            }
        }
    }

    @Test(
        arguments: [
            ("max", nil), ("4096", 4096), ("0", 0), ("-1", nil), ("x", nil), ("99999999999999999999", nil),
            ("", nil),
        ] as [(String, Int?)])
    func version2Memory(text: String, bytes: Int?) throws {
        #expect(try Self.version2(["sys/fs/cgroup/memory.max": text]).memoryLimitBytes == bytes)
    }

    @Test func throttlingIsCountedInMicroseconds() throws {
        let folder = try TemporaryFolder(files: [
            "proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": Self.mountVersion2,
            "sys/fs/cgroup/a/cpu.stat": "usage_usec 9\nnr_periods 5\nnr_throttled 3\nthrottled_usec 4500\n",
            "sys/fs/cgroup/cpu.stat": "usage_usec 9\n",
        ])
        let limits = CgroupLimits.current(root: folder.path)
        #expect(limits.throttling() == CgroupLimits.Throttling(periods: 3, microseconds: 4500))

        let old = try TemporaryFolder(files: [
            "proc/self/cgroup": "3:cpu,cpuacct:/a\n", "proc/self/mountinfo": Self.mountsVersion1,
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.stat": "nr_periods 5\nnr_throttled 2\nthrottled_time 7000000\n",
        ])
        let oldLimits = CgroupLimits.current(root: old.path)
        #expect(oldLimits.throttling() == CgroupLimits.Throttling(periods: 2, microseconds: 7000))
        #expect(try Self.version2([:]).throttling() == nil)
    }
}
