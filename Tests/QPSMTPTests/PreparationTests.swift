// PreparationTests.swift
//
// RFC 4013 §2.2: what is taken is in form NFKC, as another implementation has it.

import Foundation
import QPSMTP
import Testing

@Suite struct PreparationTests {
    /// Characters that Unicode 3.2 has.
    private static let scalars = (UInt32(0x80)...0x2FFFF).compactMap(Unicode.Scalar.init).filter { scalar in
        scalar.properties.age.map { $0.major < 3 || $0.major == 3 && $0.minor <= 2 } ?? false
    }

    /// Those of some texts that are taken, but that normalization would change.
    private static func wrong(_ texts: some Sequence<String>, _ taken: inout Int) -> [String] {
        texts.filter { text in
            guard let prepared = SASLText.prepared(text) else { return false }
            taken += 1
            return !prepared.precomposedStringWithCompatibilityMapping.utf8.elementsEqual(prepared.utf8)
        }
    }

    @Test func everyCharacter() {
        var taken = 0
        #expect(Self.wrong(Self.scalars.lazy.map { String(Character($0)) }, &taken) == [])
        #expect(taken > 80_000)
    }

    @Test func marks() {
        let marks = Self.scalars.filter { $0.properties.canonicalCombiningClass != .notReordered }
        let bases = ["a", "e", "O", "s", "ü", "ơ", "α", "и", "क"]
        var taken = 0
        for base in bases {
            #expect(Self.wrong(marks.lazy.map { "\(base)\($0)" }, &taken) == [])
            #expect(
                Self.wrong(marks.lazy.flatMap { one in marks.prefix(20).map { "\(base)\(one)\($0)" } }, &taken) == [])
        }
        #expect(taken > 5000)
    }
}
