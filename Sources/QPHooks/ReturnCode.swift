// ReturnCode.swift
//
// The return constants of the plugin model; their integers are part of the API that plugins know.

/// What a handler answered, without its texts: the constants every plugin author knows.
public enum ReturnCode: UInt8, Sendable, Hashable, CaseIterable, Codable {
    case ok, deny, denysoft, denyDisconnect, denysoftDisconnect, declined, done

    /// The integer that qpsmtpd's API uses (900...910).
    public var number: Int {
        switch self {
        case .ok: 900
        case .deny: 901
        case .denysoft: 902
        case .denyDisconnect: 903
        case .denysoftDisconnect: 904
        case .declined: 909
        case .done: 910
        }
    }

    /// The name as plugins, configuration files and logs spell it.
    public var name: String {
        switch self {
        case .ok: "OK"
        case .deny: "DENY"
        case .denysoft: "DENYSOFT"
        case .denyDisconnect: "DENY_DISCONNECT"
        case .denysoftDisconnect: "DENYSOFT_DISCONNECT"
        case .declined: "DECLINED"
        case .done: "DONE"
        }
    }

    /// Reads a constant's name, exactly as spelt (case matters). `DENYHARD` is the old name of `DENY_DISCONNECT`.
    public init?(name: some StringProtocol) {
        if name == "DENYHARD" {
            self = .denyDisconnect
            return
        }
        guard let code = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = code
    }

    /// Reads a constant's integer; no other integer is one.
    public init?(number: Int) {
        guard let code = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = code
    }

    /// Whether the code is one of the four refusals.
    public var isRefusal: Bool {
        switch self {
        case .deny, .denysoft, .denyDisconnect, .denysoftDisconnect: true
        case .ok, .declined, .done: false
        }
    }
}
