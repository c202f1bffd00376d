internal import HMMMemory
internal import HMMProtocol

/// Pseudo devices under which several devices share their memory. Kernel: hmm_device_new() of 2017.
extension Engine {
    /// The group of the devices under the umbrella called `name`.
    func umbrella(_ name: ShortName) throws(Failure) -> UInt32 {
        guard let entry = umbrellas.first(where: { $0.name == name }) else {
            throw Failure(.noDevice, "there is no umbrella `\(name)`; `hmm.device-new` makes one")
        }
        return entry.group
    }
}
