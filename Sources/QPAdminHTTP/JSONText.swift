// JSONText.swift
//
// RFC 8259: rows to JSON and requests from it.

import FoundationEssentials
import NIOCore
import QPTelemetry

/// JSON with names in snake_case; keys of dictionaries stay as they are.
enum JSONText {
    static func makeEncoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // One odd number must not hide all the others.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
    }

    static func encode(_ value: some Encodable) throws -> ByteBuffer {
        ByteBuffer(bytes: Self.plain(try Self.makeEncoder().encode(value)))
    }

    /// Escapes what a terminal or an editor takes for more than text. JSON may carry it as it is, but people look at it
    /// too; it occurs within strings only.
    static func plain(_ json: Data) -> [UInt8] {
        guard json.contains(where: { $0 >= 0x7F }) else { return [UInt8](json) }
        var octets: [UInt8] = []
        octets.reserveCapacity(json.count + 64)
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            octets += Self.plain(scalar)
        }
        return octets
    }

    /// A character, or its escape.
    static func plain(_ scalar: Unicode.Scalar) -> [UInt8] {
        scalar.value >= 0x7F && scalar.isTreacherous ? scalar.jsonEscape : [UInt8](String(scalar).utf8)
    }

    /// Reads an object that may have these fields and no others.
    static func decode<Value: Decodable>(
        _ type: Value.Type, from buffer: ByteBuffer, fields: Set<String>
    ) throws(Problem) -> Value {
        let data = Data(buffer.readableBytesView)
        let decoder = JSONDecoder()
        do {
            let names = try decoder.decode(FieldNames.self, from: data).names
            if let unknown = names.subtracting(fields).min() {
                let known = fields.sorted().joined(separator: ", ")
                throw Problem.badRequest("unknown field '\(unknown.prefix(64))'; there are: \(known)")
            }
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(type, from: data)
        } catch let problem as Problem {
            throw problem
        } catch let error as DecodingError {
            throw Problem.badRequest(Self.describe(error))
        } catch {
            throw Problem.badRequest("the body is not JSON")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "the field '\(Self.snake(key))' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            if let key = context.codingPath.first {
                "the field '\(Self.snake(key))' has the wrong type"
            } else {
                "the body is not a JSON object"
            }
        case .dataCorrupted(let context):
            if let key = context.codingPath.first {
                "the field '\(Self.snake(key))' cannot be read"
            } else {
                "the body is not JSON"
            }
        @unknown default: "the body is not JSON"
        }
    }

    private static func snake(_ key: any CodingKey) -> String {
        var text = ""
        for character in key.stringValue.prefix(64) {
            text += character.isUppercase ? "_" + character.lowercased() : String(character)
        }
        return text
    }

    /// The names of an object's fields, whatever their values.
    private struct FieldNames: Decodable {
        let names: Set<String>

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }

            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            self.names = Set(try decoder.container(keyedBy: Key.self).allKeys.map(\.stringValue))
        }
    }
}
