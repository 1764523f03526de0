// StatusText.swift
//
// RFC 3463 §3: conditions under the method names of qpsmtpd's DSN helper

/// A condition that a plugin can name: what to answer by default, a text and a status.
public struct StatusText: Sendable, Hashable {
    /// What qpsmtpd answers when the plugin does not choose.
    public enum Standing: Sendable, Hashable, CaseIterable {
        /// Accept: class 2.
        case ok
        /// Refuse for now: class 4.
        case denySoft
        /// Refuse for good: class 5.
        case deny

        var code: Int {
            switch self {
            case .ok: 250
            case .denySoft: 450
            case .deny: 550
            }
        }
    }

    /// The method name in qpsmtpd, such as `no_such_user`.
    public let name: String
    /// What to answer when the plugin does not choose.
    public let standing: Standing
    /// A short text for the client, without the status.
    public let text: String
    /// The status, in the class of `standing`.
    public let status: EnhancedStatus

    init(_ name: String, _ standing: Standing, _ text: String, _ status: EnhancedStatus) {
        self.name = name
        self.standing = standing
        self.text = text
        self.status = status.withCategory(for: standing.code)
    }
}

/// The conditions that qpsmtpd's plugins know by name.
public enum StatusTexts {
    /// The condition of that name, nil if qpsmtpd has no such method.
    public static func named(_ name: String) -> StatusText? {
        self.byName[name]
    }

    private static let byName = Dictionary(StatusTexts.all.map { ($0.name, $0) }) { first, _ in first }

    /// All 49 conditions, in the order of RFC 3463 §3.
    public static let all: [StatusText] = [
        StatusText("unspecified", .denySoft, "undefined status", .other),
        StatusText("addr_unspecified", .denySoft, "problem with an address", .otherAddress),
        StatusText("no_such_user", .deny, "no such user", .badDestinationMailbox),
        StatusText("addr_bad_dest_mbox", .deny, "no such mailbox", .badDestinationMailbox),
        StatusText("addr_bad_dest_system", .deny, "recipient domain does not take mail", .badDestinationSystem),
        StatusText("addr_bad_dest_syntax", .deny, "recipient address is malformed", .badDestinationSyntax),
        StatusText("addr_dest_ambigous", .denySoft, "recipient address is ambiguous", .destinationAmbiguous),
        StatusText("addr_rcpt_ok", .ok, "recipient address is good", .destinationValid),
        StatusText("addr_mbox_moved", .deny, "mailbox moved without forwarding", .mailboxMoved),
        StatusText("addr_bad_from_syntax", .deny, "sender address is malformed", .badSenderSyntax),
        StatusText("addr_bad_from_system", .deny, "sender domain does not take mail", .badSenderSystem),
        StatusText("mbox_unspecified", .denySoft, "problem with the mailbox", .otherMailbox),
        StatusText("mbox_disabled", .deny, "mailbox takes no messages", .mailboxDisabled),
        StatusText("mbox_full", .denySoft, "mailbox is full", .mailboxFull),
        StatusText("mbox_msg_too_long", .deny, "message too long for this mailbox", .messageTooLong),
        StatusText("mbox_list_expansion_problem", .denySoft, "mailing list cannot be expanded", .listExpansionProblem),
        StatusText("sys_unspecified", .denySoft, "problem with the mail system", .otherSystem),
        StatusText("sys_disk_full", .denySoft, "storage is full", .systemFull),
        StatusText("sys_not_accepting_mail", .denySoft, "not taking mail at the moment", .systemNotAccepting),
        StatusText("sys_not_supported", .denySoft, "feature not supported here", .notCapable),
        StatusText("sys_msg_too_big", .deny, "message too big", .tooBig),
        StatusText("net_unspecified", .denySoft, "network problem", .otherNetwork),
        StatusText("temp_resolver_failed", .denySoft, "cannot resolve the address now", .directoryFailure),
        StatusText("net_directory_server_failed", .denySoft, "directory lookup failed", .directoryFailure),
        StatusText("net_system_congested", .denySoft, "mail system is congested", .congestion),
        StatusText("net_routing_loop", .deny, "mail loop found", .routingLoop),
        StatusText("too_many_hops", .deny, "message made too many hops", .routingLoop),
        StatusText("proto_unspecified", .denySoft, "protocol problem", .otherProtocol),
        StatusText("proto_invalid_command", .deny, "command not valid", .invalidCommand),
        StatusText("proto_syntax_error", .deny, "command not understood", .syntaxError),
        StatusText("proto_rcpt_list_too_long", .denySoft, "too many recipients", .tooManyRecipients),
        StatusText("too_many_rcpts", .denySoft, "too many recipients", .tooManyRecipients),
        StatusText("proto_invalid_cmd_args", .deny, "arguments not valid", .invalidArguments),
        StatusText("proto_wrong_version", .denySoft, "protocol version not supported", .wrongVersion),
        StatusText("media_unspecified", .denySoft, "problem with the content", .otherMedia),
        StatusText("media_unsupported", .deny, "content type not supported", .mediaUnsupported),
        StatusText("media_conv_prohibited", .deny, "needed conversion is prohibited", .conversionProhibited),
        StatusText("media_conv_unsupported", .denySoft, "needed conversion is not supported", .conversionRequired),
        StatusText("media_conv_lossy", .denySoft, "conversion lost content", .conversionLossy),
        StatusText("sec_unspecified", .denySoft, "refused by policy", .securityPolicy),
        StatusText("sec_sender_unauthorized", .deny, "delivery not authorized", .notAuthorized),
        StatusText("bad_sender_ip", .deny, "your address is not welcome here", .notAuthorized),
        StatusText("relaying_denied", .deny, "relaying denied", .notAuthorized),
        StatusText("sec_list_dest_prohibited", .deny, "you may not write to this list", .listProhibited),
        StatusText("sec_conv_failed", .deny, "security conversion not possible", .securityConversionFailed),
        StatusText("sec_feature_unsupported", .deny, "security feature not supported", .securityNotSupported),
        StatusText("sec_crypto_failure", .deny, "cryptographic failure", .cryptographicFailure),
        StatusText("sec_crypto_algorithm_unsupported", .denySoft, "algorithm not supported", .algorithmNotSupported),
        StatusText("sec_msg_integrity_failure", .deny, "message integrity check failed", .integrityFailure),
    ]
}
