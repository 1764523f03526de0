// MailOptions.swift
//
// RFC 1870 §6, RFC 6152 §2, RFC 3030 §3, RFC 6531 §3.1, RFC 3461 §4.3 and §4.4, RFC 4954 §5, RFC 8689 §2

/// What the parameters of MAIL say.
public struct MailOptions: Sendable, Hashable {
    /// The kind of content that BODY announces.
    public enum BodyType: Sendable, Hashable, CaseIterable {
        /// `7BIT` (RFC 6152 §2)
        case sevenBit
        /// `8BITMIME` (RFC 6152 §2)
        case eightBit
        /// `BINARYMIME` (RFC 3030 §3)
        case binary
    }

    /// How much of the message a delivery status notification shall return (RFC 3461 §4.3).
    public enum ReturnContent: Sendable, Hashable, CaseIterable {
        /// `FULL`
        case full
        /// `HDRS`
        case headers
    }

    /// SIZE: octets of the message as the client estimates them; numbers above 64 bits become `UInt64.max`.
    public var size: UInt64?
    /// BODY; nil when it was not given.
    public var body: BodyType?
    /// SMTPUTF8: addresses or header may hold UTF-8.
    public var smtputf8 = false
    /// RET; nil when it was not given.
    public var ret: ReturnContent?
    /// REQUIRETLS (RFC 8689 §2).
    public var requireTLS = false
    /// ENVID as it came, in xtext, at most 100 octets; it is to be passed on unchanged (RFC 3461 §4.4).
    public var envid: String?
    /// AUTH as it came, in xtext, or `<>`; nil when it was not given or AUTH is not offered (RFC 4954 §5).
    public var authIdentity: String?

    /// Nothing said.
    public init() {}

    /// Reads the parameters of MAIL.
    ///
    /// SIZE is taken even where it is not offered, as a hint that does no harm; qpsmtpd takes it too. AUTH is read only
    /// where it is offered and otherwise accepted without effect (RFC 4954 §5). Anything else that is not offered is
    /// `unknown`.
    public static func parse(
        _ parameters: [ESMTPParameter],
        offered: Set<ServiceExtension>
    ) -> Result<MailOptions, ParameterError> {
        var options = MailOptions()
        for parameter in parameters {
            do throws(ParameterError) {
                try options.take(parameter, offered)
            } catch {
                return .failure(error)
            }
        }
        return .success(options)
    }

    private mutating func take(_ parameter: ESMTPParameter, _ offered: Set<ServiceExtension>) throws(ParameterError) {
        let keyword = parameter.keyword
        let malformed = ParameterError.malformed(keyword: keyword)
        switch keyword {
        case "size":
            guard let size = Self.size(parameter.value) else { throw malformed }
            self.size = size
        case "body" where offered.contains(.eightBitMIME) || offered.contains(.binaryMIME):
            guard let body = Self.body(parameter.value, offered) else { throw malformed }
            self.body = body
        case "smtputf8" where offered.contains(.smtputf8):
            guard parameter.value == nil else { throw malformed }
            self.smtputf8 = true
        case "ret" where offered.contains(.dsn):
            guard let ret = Self.ret(parameter.value) else { throw malformed }
            self.ret = ret
        case "envid" where offered.contains(.dsn):
            // RFC 3461 §4.4: at most 100 characters.
            guard let envid = parameter.value, envid.utf8.count <= 100, XText.isValid(envid) else { throw malformed }
            self.envid = envid
        case "auth":
            guard offered.contains(.auth) else { return }
            guard let identity = parameter.value, XText.isValid(identity) else { throw malformed }
            self.authIdentity = identity
        case "requiretls" where offered.contains(.requireTLS):
            guard parameter.value == nil else { throw malformed }
            self.requireTLS = true
        default:
            throw .unknown(keyword: keyword)
        }
    }

    /// RFC 1870 §6: 1*20DIGIT, which is more than 64 bits hold.
    private static func size(_ value: String?) -> UInt64? {
        guard let value, (1...20).contains(value.utf8.count), !value.hasOctet({ !ASCII.isDigit($0) }) else {
            return nil
        }
        return UInt64(value) ?? .max
    }

    private static func body(_ value: String?, _ offered: Set<ServiceExtension>) -> BodyType? {
        switch value.map(ASCII.lowercased) {
        case "7bit": .sevenBit
        case "8bitmime" where offered.contains(.eightBitMIME): .eightBit
        case "binarymime" where offered.contains(.binaryMIME): .binary
        default: nil
        }
    }

    private static func ret(_ value: String?) -> ReturnContent? {
        switch value.map(ASCII.lowercased) {
        case "full": .full
        case "hdrs": .headers
        default: nil
        }
    }
}
