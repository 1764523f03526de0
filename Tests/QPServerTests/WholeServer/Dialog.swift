// Dialog.swift
//
// A session in the notation of RFC 5321, Appendix D: Tests/Dialogs/*.dialog.

import Glibc

@testable import QPServer

/// A dialog file:
///
///     # what it shows
///     ! FILE: LINE         a line of a configuration file in place of the standard one; $DIR is the test's folder
///     C: LINE              the client sends a line; several in a row leave in one packet
///     C> OCTETS            the client sends octets; \r \n \\ \xHH, and \{N} repeats the octet before N times
///     C: (end)             the client says that nothing more comes
///     S: CODE              a reply; with a text, one of its lines begins with that
///     S: CODE-TEXT         ... before the last: one of the reply's lines begins with TEXT
///     S: (closed)          the server closes
///     Q: NUMBER            as many messages are in the Maildir
///     Q> OCTETS            one of them contains the octets
struct Dialog: Sendable, CustomStringConvertible {
    enum Step: Sendable {
        case send([UInt8])
        case end
        case expect(code: Int, texts: [String])
        case closed
        case queued(Int)
        case contains([UInt8])
    }

    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    let description: String
    private(set) var steps: [(line: Int, step: Step)] = []
    private(set) var files: [String: [String]] = [:]
    private var texts: [String] = []

    init(_ name: String, _ text: String) throws {
        self.description = name
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy(\.isWhitespace) || line.hasPrefix("#") { continue }
            do {
                try self.read(String(line), index + 1)
            } catch {
                throw Problem(description: "\(name):\(index + 1): \(error)")
            }
        }
    }

    private mutating func read(_ line: String, _ number: Int) throws {
        let rest = line.utf8.count > 3 ? String(line.dropFirst(3)) : ""
        switch line.prefix(2) {
        case "! ":
            let parts = line.dropFirst(2).split(separator: ":", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw Problem(description: "no file and line") }
            self.files[parts[0], default: []].append(String(parts[1].drop { $0 == " " }))
        case "C:" where rest == "(end)": self.steps.append((number, .end))
        case "C:": self.send(Array(rest.utf8) + [13, 10], number)
        case "C>": self.send(try Self.octets(rest), number)
        case "S:" where rest == "(closed)": self.steps.append((number, .closed))
        case "S:": try self.expect(rest, number)
        case "Q:":
            guard let count = Int(rest) else { throw Problem(description: "no number") }
            self.steps.append((number, .queued(count)))
        case "Q>": self.steps.append((number, .contains(try Self.octets(rest))))
        default: throw Problem(description: "not a line of a dialog")
        }
    }

    private mutating func send(_ bytes: [UInt8], _ number: Int) {
        if case (let line, .send(let before))? = self.steps.last {
            self.steps[self.steps.count - 1] = (line, .send(before + bytes))
        } else {
            self.steps.append((number, .send(bytes)))
        }
    }

    private mutating func expect(_ text: String, _ number: Int) throws {
        guard let code = Int(text.prefix(3)) else { throw Problem(description: "no reply code") }
        let isLast = text.dropFirst(3).first != "-"
        if text.utf8.count > 4 { self.texts.append(String(text.dropFirst(4))) }
        guard isLast else { return }
        self.steps.append((number, .expect(code: code, texts: self.texts)))
        self.texts = []
    }

    private static func octets(_ text: String) throws -> [UInt8] {
        var result: [UInt8] = []
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "\\" else {
                result += Array(String(character).utf8)
                continue
            }
            switch rest.popFirst() {
            case "r": result.append(13)
            case "n": result.append(10)
            case "\\": result.append(92)
            case "x":
                guard let octet = UInt8(rest.prefix(2), radix: 16) else { throw Problem(description: "bad \\x") }
                result.append(octet)
                rest = rest.dropFirst(2)
            case "{":
                guard let end = rest.firstIndex(of: "}"), let count = Int(rest[..<end]), let octet = result.last else {
                    throw Problem(description: "bad \\{}")
                }
                result += Array(repeating: octet, count: max(0, count - 1))
                rest = rest[rest.index(after: end)...]
            default: throw Problem(description: "bad escape")
            }
        }
        return result
    }
}

extension Dialog {
    /// All files of the folder.
    static let all: [Dialog] = {
        // Tests/QPServerTests/WholeServer/Dialog.swift
        let tests = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        let folder = tests.joined(separator: "/") + "/Dialogs"
        return (ScratchFolder.names(of: folder) ?? []).filter { $0.hasSuffix(".dialog") }.compactMap { name in
            guard let bytes = try? FileWork.read("\(folder)/\(name)", limit: 1 << 20) else { return nil }
            do {
                return try Dialog(name, String(decoding: bytes, as: UTF8.self))
            } catch {
                return Dialog(broken: "\(error)")
            }
        }
    }()

    private init(broken: String) {
        self.description = broken
        self.steps = [(0, .queued(-1))]
    }

    /// Plays the client's part.
    /// - Returns: what went wrong, with the line.
    func play(_ client: SocketClient, maildir: String) -> String? {
        for (line, step) in self.steps {
            do {
                if let problem = try Self.play(step, client, maildir) { return "\(self):\(line): \(problem)" }
            } catch {
                return "\(self):\(line): \(error)"
            }
        }
        return nil
    }

    private static func play(_ step: Step, _ client: SocketClient, _ maildir: String) throws -> String? {
        switch step {
        case .send(let bytes): try client.send(bytes)
        case .end: client.endOutput()
        case .expect(let code, let texts):
            let answer = try client.answer()
            let got = "\(answer.code) \(answer.lines.joined(separator: " | "))"
            guard answer.code == code else { return "expected \(code), got \(got)" }
            for text in texts where !answer.lines.contains(where: { $0.hasPrefix(text) }) {
                return "no line '\(text)' in \(got)"
            }
        case .closed:
            guard try client.isClosed() else { return "not closed: \(try client.rest())" }
        case .queued(let count):
            let names = Self.mails(maildir)
            guard names.count == count else { return "\(names.count) messages in the Maildir, not \(count)" }
        case .contains(let octets):
            let isThere = Self.mails(maildir).contains { name in
                (try? FileWork.read(name, limit: 1 << 24))?.firstRange(of: octets) != nil
            }
            guard isThere else { return "no message in the Maildir contains that" }
        }
        return nil
    }

    private static func mails(_ maildir: String) -> [String] {
        (ScratchFolder.names(of: maildir + "/new") ?? []).map { "\(maildir)/new/\($0)" }
    }
}
