import CEnginePlugin
import Diagnostics

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A shared library in the process, until this ends.
struct PluginLibrary {
    private let path: String
    private let handle: UnsafeMutableRawPointer

    /// - Throws: as ``LibraryFile/check(_:)``; `unavailable` for a library whose own libraries are missing.
    init(_ path: String) throws(EngineError) {
        try LibraryFile.check(path)
        // A name without a folder would be looked for among the system's libraries.
        guard let handle = dlopen(path.contains("/") ? path : "./\(path)", RTLD_NOW | RTLD_LOCAL) else {
            throw Self.refusal(path, Self.lastError ?? "cannot be loaded")
        }
        self.path = path
        self.handle = handle
    }

    /// The address of a symbol.
    ///
    /// - Throws: `unavailable` where there is none.
    func symbol(_ name: String) throws(EngineError) -> UnsafeMutableRawPointer {
        guard let address = dlsym(handle, name) else {
            throw Self.refusal(path, "has no symbol \(name)")
        }
        return address
    }

    static func refusal(
        _ path: String, _ found: String, expected: String = "a plugin of resnet-engine"
    ) -> EngineError {
        EngineError(.unavailable, "plugin \(path)", found, expected: expected)
    }

    private static var lastError: String? { dlerror().map { String(cString: $0) } }
}
