import ArgumentParser
import HMMClient
import HMMTLS

/// Which server, and as whom; what is not given comes from the environment.
struct ServerFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp("Authorities that may sign the server's certificate. [$HMMD_CA]", valueName: "file"),
        completion: .file())
    var ca: String?

    @Option(help: ArgumentHelp("Certificate to show. [$HMMD_CERT]", valueName: "file"), completion: .file())
    var cert: String?

    @Option(
        help: ArgumentHelp("Its private key. [$HMMD_KEY, or the file of --cert]", valueName: "file"),
        completion: .file())
    var key: String?

    @Option(
        help: ArgumentHelp(
            "File with a token to show instead of a certificate. [$HMMD_TOKEN_FILE; $HMMD_TOKEN is a token itself]",
            valueName: "file"), completion: .file())
    var tokenFile: String?

    @Option(help: ArgumentHelp("Name the server's certificate must hold. [host of the URI]", valueName: "name"))
    var serverName: String?

    @Flag(help: "Accept any server; for tests.")
    var insecure = false

    @Option(help: ArgumentHelp("Time to connect.", valueName: "seconds"))
    var connectTimeout: Int64 = 10

    /// The options for `uri`, or for $HMMD_URI.
    func options(uri: String?, tenant: Int = 1) throws(ClientError) -> ConnectionOptions {
        var options = try ConnectionOptions.fromEnvironment(uri: uri, tenant: tenant)
        if let ca { options.authorityFile = ca }
        if tenant == 1 {
            if let cert { options.certificate = TLSContext.Certificate(chainFile: cert, keyFile: key ?? cert) }
            if key != nil, cert == nil { throw .options("--key needs --cert") }
            if let tokenFile {
                if cert != nil { throw .options("--cert and --token-file: a client is known by one or the other") }
                options.certificate = nil
                options.token = try ConnectionOptions.token(inFile: tokenFile)
            } else if cert != nil {
                options.token = nil
            }
        }
        options.serverName = serverName
        options.verifiesServer = !insecure
        options.connectMilliseconds = max(1, connectTimeout) * 1000
        return options
    }
}
