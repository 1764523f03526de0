// Verdict+Constant.swift
//
// Answers as lists spell them.

import QPHooks

extension Verdict where Value == Void {
    /// The answer of a constant and a text, as the lines of lists have them.
    init(_ code: ReturnCode, _ text: String) {
        self =
            switch code {
            case .ok: text.isEmpty ? .ok : .ok(text)
            case .deny: .deny(text)
            case .denysoft: .denysoft(text)
            case .denyDisconnect: .denyDisconnect(text)
            case .denysoftDisconnect: .denysoftDisconnect(text)
            case .declined: .declined
            case .done: .done
            }
    }
}
