// EnhancedStatus+Names.swift
//
// RFC 3463 §3, RFC 4954 §6, RFC 6531 §3.5, RFC 7372 §3, RFC 7505 §4, RFC 8689 §4.2.1

/// Conditions by name, all in the permanent class; a `Reply` moves each to the class of its code.
extension EnhancedStatus {
    /// X.0.0: nothing more exact is known (RFC 3463 §3.1).
    public static let other = EnhancedStatus(0, 0)

    /// X.1.0: something about an address (RFC 3463 §3.2).
    public static let otherAddress = EnhancedStatus(1, 0)
    /// X.1.0: the sender's address is unwelcome for a reason without a code of its own (RFC 3463 §3.2).
    public static let badSenderAddress = EnhancedStatus(1, 0)
    /// X.1.1: no such mailbox (RFC 3463 §3.2).
    public static let badDestinationMailbox = EnhancedStatus(1, 1)
    /// X.1.2: the recipient's domain cannot take mail (RFC 3463 §3.2).
    public static let badDestinationSystem = EnhancedStatus(1, 2)
    /// X.1.3: the recipient's address is malformed (RFC 3463 §3.2).
    public static let badDestinationSyntax = EnhancedStatus(1, 3)
    /// X.1.4: the recipient's address fits several mailboxes (RFC 3463 §3.2).
    public static let destinationAmbiguous = EnhancedStatus(1, 4)
    /// X.1.5: the recipient's address is good (RFC 3463 §3.2).
    public static let destinationValid = EnhancedStatus(1, 5)
    /// X.1.6: the mailbox moved and nothing is forwarded (RFC 3463 §3.2).
    public static let mailboxMoved = EnhancedStatus(1, 6)
    /// X.1.7: the sender's address is malformed (RFC 3463 §3.2).
    public static let badSenderSyntax = EnhancedStatus(1, 7)
    /// X.1.8: the sender's domain does not exist or takes no mail (RFC 3463 §3.2).
    public static let badSenderSystem = EnhancedStatus(1, 8)
    /// X.1.10: the recipient's domain has a null MX (RFC 7505 §4.2).
    public static let nullMX = EnhancedStatus(1, 10)

    /// X.2.0: something about the mailbox (RFC 3463 §3.3).
    public static let otherMailbox = EnhancedStatus(2, 0)
    /// X.2.1: the mailbox takes no messages (RFC 3463 §3.3).
    public static let mailboxDisabled = EnhancedStatus(2, 1)
    /// X.2.2: the mailbox is full (RFC 3463 §3.3).
    public static let mailboxFull = EnhancedStatus(2, 2)
    /// X.2.3: longer than this mailbox takes (RFC 3463 §3.3).
    public static let messageTooLong = EnhancedStatus(2, 3)
    /// X.2.4: a mailing list could not be expanded (RFC 3463 §3.3).
    public static let listExpansionProblem = EnhancedStatus(2, 4)

    /// X.3.0: something about the mail system (RFC 3463 §3.4).
    public static let otherSystem = EnhancedStatus(3, 0)
    /// X.3.1: the storage of the mail system is full (RFC 3463 §3.4).
    public static let systemFull = EnhancedStatus(3, 1)
    /// X.3.2: the mail system takes nothing at the moment (RFC 3463 §3.4).
    public static let systemNotAccepting = EnhancedStatus(3, 2)
    /// X.3.3: the mail system lacks a feature (RFC 3463 §3.4).
    public static let notCapable = EnhancedStatus(3, 3)
    /// X.3.4: longer than the mail system takes (RFC 3463 §3.4).
    public static let tooBig = EnhancedStatus(3, 4)
    /// X.3.5: the mail system is misconfigured (RFC 3463 §3.4).
    public static let misconfigured = EnhancedStatus(3, 5)

    /// X.4.0: something about the network or routing (RFC 3463 §3.5).
    public static let otherNetwork = EnhancedStatus(4, 0)
    /// X.4.1: no answer from a host (RFC 3463 §3.5).
    public static let noAnswer = EnhancedStatus(4, 1)
    /// X.4.2: the connection is bad or timed out (RFC 3463 §3.5).
    public static let badConnection = EnhancedStatus(4, 2)
    /// X.4.3: a directory such as DNS failed (RFC 3463 §3.5).
    public static let directoryFailure = EnhancedStatus(4, 3)
    /// X.4.4: no route (RFC 3463 §3.5).
    public static let unableToRoute = EnhancedStatus(4, 4)
    /// X.4.5: too busy (RFC 3463 §3.5).
    public static let congestion = EnhancedStatus(4, 5)
    /// X.4.6: the message goes in circles (RFC 3463 §3.5).
    public static let routingLoop = EnhancedStatus(4, 6)
    /// X.4.7: the message waited too long (RFC 3463 §3.5).
    public static let deliveryExpired = EnhancedStatus(4, 7)

    /// X.5.0: something about the protocol (RFC 3463 §3.6).
    public static let otherProtocol = EnhancedStatus(5, 0)
    /// X.5.1: the command is unknown or out of sequence (RFC 3463 §3.6).
    public static let invalidCommand = EnhancedStatus(5, 1)
    /// X.5.2: the command cannot be read (RFC 3463 §3.6).
    public static let syntaxError = EnhancedStatus(5, 2)
    /// X.5.3: more recipients than one transaction may have (RFC 3463 §3.6).
    public static let tooManyRecipients = EnhancedStatus(5, 3)
    /// X.5.4: the arguments of the command are wrong (RFC 3463 §3.6).
    public static let invalidArguments = EnhancedStatus(5, 4)
    /// X.5.5: the protocol version is wrong (RFC 3463 §3.6).
    public static let wrongVersion = EnhancedStatus(5, 5)
    /// X.5.6: a line of the AUTH exchange is too long (RFC 4954 §6).
    public static let authenticationLineTooLong = EnhancedStatus(5, 6)

    /// X.6.0: something about content or media (RFC 3463 §3.7).
    public static let otherMedia = EnhancedStatus(6, 0)
    /// X.6.1: the media type is not supported (RFC 3463 §3.7).
    public static let mediaUnsupported = EnhancedStatus(6, 1)
    /// X.6.2: a conversion is needed and forbidden (RFC 3463 §3.7).
    public static let conversionProhibited = EnhancedStatus(6, 2)
    /// X.6.3: a conversion is needed and not supported (RFC 3463 §3.7).
    public static let conversionRequired = EnhancedStatus(6, 3)
    /// X.6.4: a conversion lost something (RFC 3463 §3.7).
    public static let conversionLossy = EnhancedStatus(6, 4)
    /// X.6.7: this address may not hold characters outside ASCII (RFC 6531 §3.5).
    public static let nonASCIIAddressNotSupported = EnhancedStatus(6, 7)

    /// X.7.0: something about security, or a policy without a code of its own (RFC 3463 §3.8).
    public static let securityPolicy = EnhancedStatus(7, 0)
    /// X.7.1: the sender may not send this here (RFC 3463 §3.8).
    public static let notAuthorized = EnhancedStatus(7, 1)
    /// X.7.2: the sender may not write to this list (RFC 3463 §3.8).
    public static let listProhibited = EnhancedStatus(7, 2)
    /// X.7.3: a conversion for security is needed and impossible (RFC 3463 §3.8).
    public static let securityConversionFailed = EnhancedStatus(7, 3)
    /// X.7.4: a security feature is not supported (RFC 3463 §3.8).
    public static let securityNotSupported = EnhancedStatus(7, 4)
    /// X.7.5: cryptography failed (RFC 3463 §3.8).
    public static let cryptographicFailure = EnhancedStatus(7, 5)
    /// X.7.6: an algorithm is not supported (RFC 3463 §3.8).
    public static let algorithmNotSupported = EnhancedStatus(7, 6)
    /// X.7.7: the message was altered (RFC 3463 §3.8).
    public static let integrityFailure = EnhancedStatus(7, 7)
    /// X.7.8: user or password is wrong (RFC 4954 §6).
    public static let badCredentials = EnhancedStatus(7, 8)
    /// X.7.9: the authentication mechanism is too weak (RFC 4954 §6).
    public static let mechanismTooWeak = EnhancedStatus(7, 9)
    /// X.7.11: the authentication mechanism needs encryption (RFC 4954 §6).
    public static let encryptionRequired = EnhancedStatus(7, 11)
    /// X.7.20: no DKIM signature passed (RFC 7372 §3.1).
    public static let noPassingDKIM = EnhancedStatus(7, 20)
    /// X.7.23: SPF validation failed (RFC 7372 §3.2).
    public static let spfFailed = EnhancedStatus(7, 23)
    /// X.7.24: SPF validation could not be done (RFC 7372 §3.2).
    public static let spfError = EnhancedStatus(7, 24)
    /// X.7.25: the reverse DNS check failed (RFC 7372 §3.3).
    public static let reverseDNSFailed = EnhancedStatus(7, 25)
    /// X.7.26: several authentication checks failed (RFC 7372 §3.4).
    public static let multipleChecksFailed = EnhancedStatus(7, 26)
    /// X.7.27: the sender's domain has a null MX (RFC 7505 §4.2).
    public static let senderNullMX = EnhancedStatus(7, 27)
    /// X.7.30: the next hop does not offer REQUIRETLS (RFC 8689 §4.2.1).
    public static let requireTLSNeeded = EnhancedStatus(7, 30)
}
