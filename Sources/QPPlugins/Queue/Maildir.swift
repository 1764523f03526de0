// Maildir.swift
//
// RFC 5321 §4.4 (Return-Path at delivery), §6.1 (responsibility for a message); RFC 3030 §3 (binary bodies)

public import QPHooks

/// Delivers into Maildirs.
public struct Maildir: Plugin {
    public static let name = "queue/maildir"

    public static let manual = """
        queue/maildir DIR [SUBDIR] [MODE]

        Delivers into the Maildir DIR, or into DIR/SUBDIR, where %l stands for the recipient's local part, %d for its
        domain, %u for local part @ domain:

            queue/maildir /var/mail/all
            queue/maildir /var/mail %d/%l 0750

        A message for several recipients of one Maildir is one file. Characters that are no letters, digits or one of
        + - _ . , @ = : become _, and no recipient leads out of DIR. MODE is the mode of new folders (0700); files get the
        same without execution.

        A message is acknowledged when it is on disk in every Maildir; if one fails, the others get theirs taken back.
        """

    private let base: String
    private let folder: FolderPattern
    private let mode: UInt32
    private let host: String

    public init(_ setup: PluginSetup) throws(PluginError) {
        var words = setup.arguments[...]
        guard let base = words.popFirst(), base.hasPrefix("/") else {
            throw .argument("the first argument is the absolute path of the Maildir")
        }
        var mode: UInt32 = 0o700
        if let word = words.last, word.allSatisfy({ "01234567".contains($0) }), (3...4).contains(word.count) {
            mode = UInt32(word, radix: 8) ?? mode
            words.removeLast()
        }
        self.base = base
        self.folder = try FolderPattern(words.popFirst() ?? "", me: setup.me)
        self.mode = mode
        self.host = FolderPattern.hostName(setup.me)
        guard words.isEmpty else { throw .argument("'\(words[words.startIndex])' is an argument too many") }
        setup.declareBackend([.eightBitMIME, .smtputf8, .binaryMIME])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.queue, self.deliver)
    }

    @Sendable
    func deliver(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Delivery> {
        guard let message = session.transaction.message, !session.transaction.recipients.isEmpty else {
            return .declined
        }
        var delivered: [String] = []
        for (folder, recipients) in self.folders(for: session.transaction.recipients) {
            let path = folder.isEmpty ? self.base : "\(self.base)/\(folder)"
            let file = self.fileName(number: delivered.count + 1, session)
            do {
                let content = Self.content(message, for: recipients, in: session)
                try await self.publish(content, named: file, in: path, session.files)
                delivered.append("\(path)/new/\(file)")
            } catch {
                session.log.error("error, no delivery to \(path): \(error)")
                // RFC 5321 §6.1: one answer for all recipients, so it must be true for all.
                for file in delivered { try? await session.files.remove(file) }
                return .denysoft("Mail store is not available, try again later", .otherSystem)
            }
        }
        session.log.info("delivered to \(delivered.joined(separator: ", "))")
        let id = message.header.first("Message-ID")?.value.prefix(250) ?? ""
        return .ok(id.isEmpty ? "Queued!" : "Queued! \(id)")
    }

    /// A new Maildir is made only when writing fails: the usual delivery is one effect.
    private func publish(
        _ content: FileContent, named file: String, in path: String, _ files: Files
    ) async throws(EffectError) {
        let (temporary, final, mode) = ("\(path)/tmp/\(file)", "\(path)/new/\(file)", self.mode & 0o666)
        do {
            try await files.publish(content, temporary: temporary, final: final, mode: mode)
        } catch .failed {
            for part in ["tmp", "new", "cur"] { try await files.makeDirectory("\(path)/\(part)", mode: self.mode) }
            try await files.publish(content, temporary: temporary, final: final, mode: mode)
        }
    }

    private func folders(for recipients: [Recipient]) -> [(String, [Mailbox])] {
        var folders: [(String, [Mailbox])] = []
        for recipient in recipients {
            let path = self.folder.path(for: recipient.mailbox)
            if let index = folders.firstIndex(where: { $0.0 == path }) {
                folders[index].1.append(recipient.mailbox)
            } else {
                folders.append((path, [recipient.mailbox]))
            }
        }
        return folders
    }

    private static func content(
        _ message: Message, for recipients: [Mailbox], in session: SessionContext
    ) -> FileContent {
        // RFC 3030 §3: a binary body is not lines and must stay as it is.
        let isBinary = session.transaction.parameters.contains {
            $0.keyword == "body" && $0.value?.lowercased() == "binarymime"
        }
        let newline = isBinary ? "\r\n" : "\n"
        var prefix = "Return-Path: \(session.transaction.sender ?? .null)\(newline)"
        for recipient in recipients { prefix += "Delivered-To: \(recipient.address)\(newline)" }
        return FileContent(prefix: Array(prefix.utf8), message: message, form: isBinary ? .wire : .lf)
    }

    private func fileName(number: Int, _ session: SessionContext) -> String {
        let (seconds, nanoseconds) = session.clock.wall.quotientAndRemainder(dividingBy: 1_000_000_000)
        let random = String(session.random.next(), radix: 16)
        let process = session.random.below(1 << 22)
        return "\(seconds).P\(process)M\(abs(nanoseconds) / 1000)Q\(number)R\(random).\(self.host)"
    }
}
