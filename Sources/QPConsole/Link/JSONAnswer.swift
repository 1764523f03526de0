// JSONAnswer.swift
//
// RFC 8259: rows out of what a server writes.

import FoundationEssentials

/// JSON with names in snake_case; keys of dictionaries are data and stay as they are.
enum JSONAnswer {
    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }()

    static func decode<Value: Decodable>(_ type: Value.Type, from octets: some Collection<UInt8>) throws -> Value {
        try Self.decoder.decode(type, from: Data(octets))
    }

    /// What keeps an answer from being understood, in a few words.
    static func describe(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "the answer is no JSON" }
        switch error {
        case .keyNotFound(let key, let context): return "\(Self.place(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context): return Self.odd(context)
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty ? "the answer is no JSON" : Self.odd(context)
        @unknown default: return "the answer is not understood"
        }
    }

    private static func odd(_ context: DecodingError.Context) -> String {
        context.codingPath.isEmpty
            ? "the answer has another form" : "\(Self.place(context.codingPath)) has another form"
    }

    private static func place(_ path: [any CodingKey]) -> String {
        "'" + path.map { String($0.stringValue.prefix(40)) }.suffix(4).joined(separator: ".") + "'"
    }
}
