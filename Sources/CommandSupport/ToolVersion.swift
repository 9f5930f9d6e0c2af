/// The version of the package that its commands print.
public enum ToolVersion {
    public static let current = "0.1.0"
}
