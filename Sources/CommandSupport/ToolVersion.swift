import ResNetEngine

/// The version of the package that its commands print.
public enum ToolVersion {
    public static let current = Engine.version
}
