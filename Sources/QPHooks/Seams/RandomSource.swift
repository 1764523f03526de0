// RandomSource.swift
//
// Chance.

/// Gives random bits, good enough for names that must not be guessed.
public protocol RandomSource: Sendable {
    /// 64 random bits.
    func next(origin: EffectOrigin) -> UInt64
}

/// Chance, as a handler sees it.
public struct RandomBits: Sendable {
    let source: any RandomSource
    let calls: CallCounter

    /// 64 random bits.
    public func next() -> UInt64 { self.source.next(origin: self.calls.next()) }

    /// A number in 0..<bound; 0 if the bound is 0.
    public func below(_ bound: UInt64) -> UInt64 {
        bound == 0 ? 0 : self.next().multipliedFullWidth(by: bound).high
    }
}
