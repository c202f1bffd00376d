/// Text to send, in which `$name` stands for a bound value and `$$` for a dollar.
public struct Template: Equatable, Sendable {
    enum Piece: Equatable, Sendable {
        case octets([UInt8])
        case name(String)
    }

    /// As written.
    public let source: String
    let pieces: [Piece]

    public init(_ source: String) {
        self.source = source
        var pieces: [Piece] = []
        var plain: [UInt8] = []
        var rest = Array(source.utf8)[...]
        while let byte = rest.first {
            if let (piece, length) = Self.dollar(rest) {
                if !plain.isEmpty { pieces.append(.octets(plain)) }
                plain = []
                pieces.append(piece)
                rest = rest.dropFirst(length)
            } else {
                plain.append(byte)
                rest = rest.dropFirst()
            }
        }
        if !plain.isEmpty { pieces.append(.octets(plain)) }
        self.pieces = pieces
    }

    /// `$name` or `$$` at the start of `text`, and its length. A name is a letter and up to 15 letters and digits.
    static func dollar(_ text: ArraySlice<UInt8>) -> (piece: Piece, length: Int)? {
        guard text.first == UInt8(ascii: "$"), let second = text.dropFirst().first else { return nil }
        if second == UInt8(ascii: "$") { return (.octets([second]), 2) }
        guard TranscriptParser.isLetter(second) else { return nil }
        let name = text.dropFirst().prefix(16).prefix(while: TranscriptParser.isLetterOrDigit)
        return (.name(String(decoding: name, as: UTF8.self)), 1 + name.count)
    }

    /// The octets to send, or the name that is not bound.
    func fill(_ bindings: [String: [UInt8]]) -> Result<[UInt8], UnboundName> {
        var octets: [UInt8] = []
        for piece in pieces {
            switch piece {
            case .octets(let plain): octets += plain
            case .name(let name):
                guard let value = bindings[name] else { return .failure(UnboundName(name: name)) }
                octets += value
            }
        }
        return .success(octets)
    }

    struct UnboundName: Error { var name: String }
}
