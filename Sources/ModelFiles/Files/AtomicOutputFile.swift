import Diagnostics
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file that appears under its name only when it is whole.
///
/// It is written to a temporary name in the same directory and renamed by `commit()`; without `commit()` the
/// temporary file is deleted. What is no regular file (a device, a pipe) and what is open already
/// (`/dev/stdout`, `/proc/self/fd/1`) is written directly. A symbolic link to a file is kept, and the file that
/// it names is replaced.
public final class AtomicOutputFile {
    public let path: String
    private let descriptor: FileDescriptor
    /// What to rename to what; `nil` when the target is written directly.
    private let renaming: (from: FilePath, to: FilePath)?
    private var isOpen = true

    /// - Throws: `cannotCreate` when the target or its temporary name cannot be opened for writing.
    public init(_ path: String) throws(EngineError) {
        self.path = path
        do {
            if Self.isWrittenDirectly(path) {
                renaming = nil
                descriptor = try FileDescriptor.open(
                    FilePath(path), .writeOnly, options: [.truncate, .closeOnExec])
            } else {
                let target = Self.resolved(path)
                guard target.lastComponent != nil else { throw Errno.noSuchFileOrDirectory }
                let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
                let temporary = target.removingLastComponent().appending(".resnet-engine-\(suffix).partial")
                descriptor = try FileDescriptor.open(
                    temporary, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
                    permissions: FilePermissions(rawValue: 0o666))
                renaming = (temporary, target)
            }
        } catch {
            throw EngineError(.cannotCreate, path, "cannot be created: \(error)")
        }
    }

    deinit {
        if isOpen {
            try? descriptor.close()
            deleteTemporary()
        }
    }

    /// Appends the bytes.
    /// - Throws: `inputOutput` when the system refuses them, for one because the disk is full; `usage` after
    ///   `commit()`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(EngineError) {
        guard isOpen else { throw EngineError(.usage, path, "a write after the file was completed") }
        do {
            try descriptor.writeAll(bytes)
        } catch {
            throw EngineError(.inputOutput, path, "writing failed: \(error)")
        }
    }

    /// Appends the bytes.
    /// - Throws: as above.
    public func write(_ bytes: [UInt8]) throws(EngineError) {
        try bytes.withUnsafeBufferPointer { (buffer) throws(EngineError) in
            try write(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Closes the file and gives it its name. Later calls do nothing.
    /// - Throws: `inputOutput` when the system reports that writing failed after all, `cannotCreate` when the
    ///   file cannot be renamed.
    public func commit() throws(EngineError) {
        guard isOpen else { return }
        isOpen = false
        do {
            try descriptor.close()
        } catch {
            deleteTemporary()
            throw EngineError(.inputOutput, path, "writing failed: \(error)")
        }
        guard let renaming else { return }
        let status = renaming.from.withPlatformString { from in
            renaming.to.withPlatformString { to in rename(from, to) }
        }
        if status != 0 {
            let error = Errno(rawValue: errno)
            deleteTemporary()
            throw EngineError(.cannotCreate, path, "cannot be renamed: \(error)")
        }
    }

    private func deleteTemporary() {
        _ = renaming?.from.withPlatformString { unlink($0) }
    }

    private static func isWrittenDirectly(_ path: String) -> Bool {
        // These may lead to a regular file, whose name whoever opened it must not lose.
        let descriptors = ["/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/"]
        if descriptors.contains(where: path.hasPrefix) { return true }
        guard let status = try? FilePath(path).stat() else { return false }
        return status.type != .regular
    }

    /// The path with symbolic links followed, or itself when it names nothing yet.
    private static func resolved(_ path: String) -> FilePath {
        guard let real = realpath(path, nil) else { return FilePath(path) }
        defer { free(real) }
        return FilePath(platformString: real)
    }
}
