internal import Glibc
internal import HMMProtocol

/// How a client without a certificate says who it is: by a token, as the first request.
extension ConnectionOptions {
    /// Longest token that servers take.
    private static let longestToken = 512

    /// The token in a file that holds nothing else; white space around it does not count.
    ///
    /// - Throws: `options`, naming the file.
    public static func token(inFile path: String) throws(ClientError) -> String {
        guard let file = fopen(path, "re") else { throw .options("\(path): \(String(cString: strerror(errno)))") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: longestToken + 3)
        let count = fread(&bytes, 1, bytes.count, file)
        return try token(String(decoding: bytes[..<count], as: UTF8.self), from: path)
    }

    /// - Parameter source: what to call the place of `text` where it is no token.
    static func token(_ text: String, from source: String) throws(ClientError) -> String {
        let words = text.utf8.split { $0 <= 0x20 }
        guard words.count == 1, words[0].count <= longestToken, words[0].allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw .options("\(source): holds no token; `hmmd token make` makes one") }
        return String(decoding: words[0], as: UTF8.self)
    }

    /// Shows neither a certificate nor a token.
    public var isNobody: Bool { certificate == nil && token == nil }

    /// - Throws: `options` where others could read the token on its way, or be the ones who get it.
    func checkToken() throws(ClientError) {
        guard token != nil else { return }
        guard case .tls = endpoint, verifiesServer else {
            throw .options("a token is shown over TLS only, to a server that has been verified")
        }
    }

    /// The request that shows the token to a server that has greeted like that; nil without a token.
    ///
    /// - Throws: `cannotConnect` when it does not ask for one: it would take us for somebody else.
    func login(after greeting: ServerLine) throws(ClientError) -> (line: String, literal: [UInt8])? {
        guard let token else { return nil }
        let way = greeting.pairs["auth"]?.text ?? "nothing"
        guard way == "token" else { throw .cannotConnect("\(endpoint): the server asks for no token: auth=\(way)") }
        let octets = Array(token.utf8)
        return ("auth {\(octets.count)}", octets)
    }
}
