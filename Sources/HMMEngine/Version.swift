extension Engine {
    /// The release that this engine belongs to. Equal versions say the same to equal inputs.
    public static let version = "0.1.0"
}
