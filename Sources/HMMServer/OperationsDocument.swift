internal import HMMProtocol

/// The parts of `docs/operations.md` that are made from the code.
public enum OperationsDocument {
    enum Part: String, CaseIterable {
        /// Every metric.
        case metrics
        /// What an operator can ask, with the answers.
        case admin
        /// How a connection can end, and a handshake.
        case ends

        var markdown: String {
            switch self {
            case .metrics: Metric.table
            case .admin: AdminVerb.manual
            case .ends:
                "`hmmd_connections_ended_total` by `reason`: "
                    + ConnectionEnd.allCases.map { "`\($0.label)`" }.joined(separator: ", ")
                    + ". `hmmd_handshakes_total` by `result`: "
                    + HandshakeOutcome.allCases.map { "`\($0.label)`" }.joined(separator: ", ") + "."
            }
        }
    }

    /// `document` with every generated part as the code has it now.
    public static func regenerated(document: String) -> String {
        ProtocolDocument.regenerated(document: document) { Part(rawValue: $0)?.markdown }
    }
}
