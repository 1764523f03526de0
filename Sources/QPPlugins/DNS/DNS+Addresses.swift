// DNS+Addresses.swift
//
// RFC 1035 §3.4.1, RFC 3596 §2.1 (addresses of a name); RFC 2308 §2 (names and types that do not exist)

import QPHooks

/// What became of asking for a name's addresses.
enum AddressLookup: Sendable, Hashable {
    /// It has these.
    case found([IPAddress])
    /// It exists, without any.
    case none
    /// It does not exist.
    case noSuchName
    /// The DNS did not say.
    case failed(DNSError)
}

extension DNS {
    /// Asks for IPv4 and IPv6 addresses of a name at the same time.
    func lookup(_ name: String, timeout: Duration) async -> AddressLookup {
        async let four = self.ipv4(name, timeout)
        async let six = self.ipv6(name, timeout)
        let answers = await [four, six]
        let addresses = answers.flatMap { (try? $0.get()) ?? [] }
        if !addresses.isEmpty { return .found(addresses) }

        var errors: [DNSError] = []
        for case .failure(let error) in answers { errors.append(error) }
        if let failure = errors.first(where: \.isTemporary) { return .failed(failure) }
        return errors.contains(.noSuchName) ? .noSuchName : .none
    }

    /// The names of an address; none if there are none.
    func names(of address: IPAddress, timeout: Duration) async -> Result<[String], DNSError> {
        do {
            return .success(try await self.ptr(address, timeout: timeout))
        } catch {
            return error.isTemporary ? .failure(error) : .success([])
        }
    }

    private func ipv4(_ name: String, _ timeout: Duration) async -> Result<[IPAddress], DNSError> {
        do { return .success(try await self.a(name, timeout: timeout)) } catch { return .failure(error) }
    }

    private func ipv6(_ name: String, _ timeout: Duration) async -> Result<[IPAddress], DNSError> {
        do { return .success(try await self.aaaa(name, timeout: timeout)) } catch { return .failure(error) }
    }
}

extension DNSError {
    /// Whether asking again later may help: nothing is known about the name.
    var isTemporary: Bool {
        switch self {
        case .noSuchName, .noData: false
        case .temporary, .timedOut: true
        }
    }

    /// For the log.
    var logText: String {
        switch self {
        case .noSuchName: "no such name"
        case .noData: "no such record"
        case .temporary(let text): "DNS failure: \(text)"
        case .timedOut: "DNS timeout"
        }
    }
}

extension IPAddress {
    /// Whether two addresses are neighbours: of one IPv4 /24, or one IPv6 /96.
    func isNear(_ other: IPAddress) -> Bool {
        guard self.isIPv4 == other.isIPv4 else { return false }
        return Network(self, prefixLength: self.isIPv4 ? 24 : 96)?.contains(other) ?? false
    }
}

extension KeyedArguments {
    /// A time in whole seconds, 1 to 600, held below the server's own limit for a handler: so that the plugin decides
    /// what an answer that does not come means.
    func seconds(_ key: String, default seconds: Int, most: Int) throws(PluginError) -> Duration {
        guard let word = self[key] else { return .seconds(min(seconds, most)) }
        guard let number = Int(word), (1...600).contains(number) else {
            throw .argument("\(key) '\(word)' is no number of seconds, 1 to 600")
        }
        return .seconds(min(number, most))
    }
}
