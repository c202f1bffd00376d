import HMMRecording
import Testing

@Suite struct XXHash64Tests {
    /// Values of the reference implementation, one and more for each way through the code.
    @Test(
        arguments: [
            ("", 0xEF46_DB37_51D8_E999, 0x95F0_626F_6F0A_4409), ("a", 0xD24E_C4F1_A98C_6E5B, 0xDC63_49D4_89E0_F965),
            ("abc", 0x44BC_2CF5_AD77_0999, 0x9E75_5206_1566_76D7),
            ("ping\n", 0xD1B0_461A_8B8C_63F0, 0x4AF5_F798_2C39_3443),
            ("0123456789abcdef", 0x5C5B_90C3_4E37_6D0B, 0x8FBF_8ACB_214D_5DA5),
            ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0x60DD_0D01_083B_99F0, 0x3781_CEA7_CB1A_961E),
            ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0xE2DF_261F_C2EC_30EB, 0x3FE3_2C63_2942_FB04),
            (
                "The quick brown fox jumps over the lazy dog, twice a day, thrice.", 0x30F6_A1B0_C67F_9291,
                0x1159_C93C_56C7_756A
            ),
        ] as [(String, UInt64, UInt64)])
    func agreesWithTheReference(text: String, plain: UInt64, seeded: UInt64) {
        Array(text.utf8).withUnsafeBytes {
            #expect(XXHash64.hash($0) == plain)
            #expect(XXHash64.hash($0, seed: 7) == seeded)
        }
    }
}
