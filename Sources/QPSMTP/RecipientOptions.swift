// RecipientOptions.swift
//
// RFC 3461 §4.1 and §4.2, RFC 6533 §3

/// When the sender of a message wants to be notified about one recipient (RFC 3461 §4.1).
public struct NotifySet: OptionSet, Sendable, Hashable {
    /// The bits of the set; empty is NEVER.
    public let rawValue: UInt8

    /// A set of those bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// `NEVER`: no notification at all.
    public static let never: NotifySet = []
    /// `SUCCESS`: when it was delivered.
    public static let success = NotifySet(rawValue: 1)
    /// `FAILURE`: when it could not be delivered.
    public static let failure = NotifySet(rawValue: 2)
    /// `DELAY`: when it takes long.
    public static let delay = NotifySet(rawValue: 4)
}

/// What the parameters of RCPT say.
public struct RecipientOptions: Sendable, Hashable {
    /// The recipient as the sender first gave it (RFC 3461 §4.2).
    public struct OriginalRecipient: Sendable, Hashable, CustomStringConvertible {
        /// The kind of address, such as `rfc822` or `utf-8`, as it came.
        public let type: String
        /// The address as it came, in xtext (or one of the forms of RFC 6533 §3); to be passed on unchanged.
        public let address: String

        /// `rfc822;ann@ok.example`.
        public var description: String {
            "\(self.type);\(self.address)"
        }
    }

    /// NOTIFY; nil when it was not given, which is not the same as NEVER.
    public var notify: NotifySet?
    /// ORCPT, at most 500 octets; nil when it was not given.
    public var orcpt: OriginalRecipient?

    /// Nothing said.
    public init() {}

    /// Reads the parameters of RCPT.
    ///
    /// - Parameters:
    ///   - parameters: as `PathParser.split` gives them.
    ///   - offered: what EHLO offered; NOTIFY and ORCPT need `dsn`.
    ///   - smtputf8: whether MAIL said SMTPUTF8, so that ORCPT may hold UTF-8 (RFC 6533 §3).
    /// - Returns: what was said, or the first parameter that is not good.
    public static func parse(
        _ parameters: [ESMTPParameter],
        offered: Set<ServiceExtension>,
        smtputf8: Bool = false
    ) -> Result<RecipientOptions, ParameterError> {
        var options = RecipientOptions()
        for parameter in parameters {
            switch parameter.keyword {
            case "notify" where offered.contains(.dsn):
                guard let notify = Self.notify(parameter.value) else { return .failure(.malformed(keyword: "notify")) }
                options.notify = notify
            case "orcpt" where offered.contains(.dsn):
                guard let orcpt = Self.orcpt(parameter.value, smtputf8) else {
                    return .failure(.malformed(keyword: "orcpt"))
                }
                options.orcpt = orcpt
            default:
                return .failure(.unknown(keyword: parameter.keyword))
            }
        }
        return .success(options)
    }

    /// RFC 3461 §4.1: NEVER alone, or a list of the others, each of which may be named once.
    private static func notify(_ value: String?) -> NotifySet? {
        guard let value = value.map(ASCII.lowercased) else { return nil }
        if value == "never" { return .never }

        var set: NotifySet = []
        for word in value.split(separator: ",", omittingEmptySubsequences: false) {
            let element: NotifySet
            switch word {
            case "success": element = .success
            case "failure": element = .failure
            case "delay": element = .delay
            default: return nil
            }
            guard set.insert(element).inserted else { return nil }
        }
        return set
    }

    private static func orcpt(_ value: String?, _ smtputf8: Bool) -> OriginalRecipient? {
        // RFC 3461 §4.2: at most 500 characters.
        guard let value, value.utf8.count <= 500, let semicolon = value.utf8.firstIndex(of: UInt8(ascii: ";")) else {
            return nil
        }
        let type = String(value[..<semicolon])
        let address = String(value[value.utf8.index(after: semicolon)...])
        guard !type.isEmpty, !type.hasOctet({ !ASCII.isAtext($0) }), !address.isEmpty else { return nil }

        if ASCII.lowercased(type) == "utf-8" {
            // RFC 6533 §3: \x{HEX} for what may not stand there, raw UTF-8 only with SMTPUTF8.
            guard smtputf8 || !address.hasHighBit, !Mailbox.hasControl(address.utf8.span) else {
                return nil
            }
        } else {
            guard XText.isValid(address) else { return nil }
        }
        return OriginalRecipient(type: type, address: address)
    }
}
