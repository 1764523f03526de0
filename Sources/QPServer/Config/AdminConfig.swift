// AdminConfig.swift
//
// Where the admin endpoint would listen: config/admin and --admin.

package import QPHooks

/// An address of the admin endpoint.
package enum AdminAddress: Sendable, Hashable, CustomStringConvertible {
    case tcp(SocketAddressText)
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let address): address.description
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Reads a line of config/admin: `ADDR:PORT` or `unix:PATH`.
    package init(line: ConfigLine) throws(ConfigProblem) {
        try self.init(line.text, file: line.file, line: line.number)
    }

    /// Reads the value of --admin.
    package init(flag: String) throws(ConfigProblem) {
        try self.init(flag, file: "--admin", line: 0)
    }

    private init(_ text: String, file: String, line: Int) throws(ConfigProblem) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // sockaddr_un has room for 107 octets and their end.
            guard path.hasPrefix("/"), path.utf8.count <= 107 else {
                throw .error("unix: needs an absolute path of up to 107 octets", file: file, line: line)
            }
            self = .unix(path: path)
            return
        }
        switch SocketAddressText.parse(text) {
        case .success(let address): self = .tcp(address)
        case .failure(let problem): throw .error(problem.text, file: file, line: line)
        }
    }
}

/// What config/admin says. The endpoint itself is not in this version: each address is a warning.
package struct AdminConfig: Sendable {
    package static let absence = "this version has no admin endpoint; nothing will listen here"

    package private(set) var addresses: [AdminAddress] = []
    package private(set) var problems: [ConfigProblem] = []

    package init(_ directory: ConfigDirectory) {
        self.init(directory.read("admin"))
    }

    init(_ content: ConfigContent) {
        self.problems = content.problems
        for line in content.lines {
            do throws(ConfigProblem) {
                self.addresses.append(try AdminAddress(line: line))
                self.problems.append(.warning(Self.absence, at: line))
            } catch {
                self.problems.append(error)
            }
        }
    }
}
