// HookArguments.swift
//
// Events as plain values, for hosts outside of this process.

import QPHooks

enum HookArguments {
    static func of(_ event: some Sendable) -> [NoteValue] {
        switch event {
        case let event as HelloEvent: [.string(event.host)] + event.extras.map(NoteValue.string)
        case let event as ParseEvent: [.string(event.argument)]
        case let event as PathEvent: [.string(event.path), Self.map(event.parameters)]
        case let event as MailEvent: [.string(event.sender.description), Self.map(event.parameters)]
        case let event as RecipientEvent: [.string(event.recipient.description), Self.map(event.parameters)]
        case let event as ReceivedLineEvent:
            [.string(event.protocolWord), .string(event.authComment), .string(event.tlsComment)]
        case let event as CommandEvent: event.argument.map { [.string($0)] } ?? []
        case let event as UnknownCommandEvent: [.string(event.verb)] + (event.argument.map { [.string($0)] } ?? [])
        case let event as AuthEvent:
            [
                .string(event.mechanism), .string(event.user), event.password.map(NoteValue.string) ?? .null,
                event.digest.map(NoteValue.string) ?? .null, event.ticket.map(NoteValue.string) ?? .null,
            ]
        case let event as AnswerEvent: [.string(event.plugin), .int(event.code.number), .string(event.text)]
        default: []
        }
    }

    private static func map(_ parameters: [ESMTPParameter]) -> NoteValue {
        var map: [String: NoteValue] = [:]
        for parameter in parameters { map[parameter.keyword] = parameter.value.map(NoteValue.string) ?? .null }
        return .map(map)
    }

    /// A host's step as a verdict; `ok` carries its first value where the hook wants one.
    static func verdict<Value>(_ step: HostAnswer.Step, _ values: [String]) -> Verdict<Value> {
        switch step.code {
        case .declined: return step.text.isEmpty ? .declined : .declinedSaying(step.text)
        case .done: return .done
        case .deny: return .deny(step.text)
        case .denysoft: return .denysoft(step.text)
        case .denyDisconnect: return .denyDisconnect(step.text)
        case .denysoftDisconnect: return .denysoftDisconnect(step.text)
        case .ok:
            if let value = () as? Value ?? (Delivery.whole as? Value) { return .okSaying(value, step.text) }
            if let value = values.first as? Value { return .okSaying(value, step.text) }
            return .declined
        }
    }
}
