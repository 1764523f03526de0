// RowSchema.swift
//
// JSON Schema: the form of what goes over the wire.

/// The form of a value.
indirect enum SchemaType: Sendable {
    case text
    case number
    case integer
    case boolean
    case choice([String])
    case bounded(ClosedRange<Double>)
    case list(SchemaType)
    /// By names that are not fixed.
    case map(SchemaType)
    case row(String)
    /// May be missing.
    case optional(SchemaType)

    var isOptional: Bool { if case .optional = self { true } else { false } }

    /// As part of a request, where what may be missing may be null as well.
    var nullable: JSONValue {
        self.isOptional ? ["anyOf": [self.json, ["type": "null"]]] : self.json
    }

    var json: JSONValue {
        switch self {
        case .text: ["type": "string"]
        case .number: ["type": "number"]
        case .integer: ["type": "integer", "minimum": 0]
        case .boolean: ["type": "boolean"]
        case .choice(let choices): ["type": "string", "enum": .array(choices.map { .string($0) })]
        case .bounded(let range):
            ["type": "number", "minimum": .number(range.lowerBound), "maximum": .number(range.upperBound)]
        case .list(let element): ["type": "array", "items": element.json]
        case .map(let value): ["type": "object", "additionalProperties": value.json]
        case .row(let name): ["$ref": "#/components/schemas/\(name)"]
        case .optional(let type): type.json
        }
    }
}

/// The form of an object.
struct RowSchema: Sendable {
    struct Field: Sendable {
        let name: String
        let type: SchemaType
    }

    let name: String
    let fields: [Field]
    /// Whether it is sent by clients: other fields are refused.
    let isClosed: Bool

    init(_ name: String, _ fields: KeyValuePairs<String, SchemaType>, isClosed: Bool = false) {
        self.name = name
        self.fields = fields.map { Field(name: $0.key, type: $0.value) }
        self.isClosed = isClosed
    }

    var json: JSONValue {
        let properties = self.fields.map { ($0.name, self.isClosed ? $0.type.nullable : $0.type.json) }
        var json: JSONValue = [
            "type": "object",
            "properties": .object(Dictionary(properties, uniquingKeysWith: { first, _ in first })),
        ]
        let required = self.fields.filter { !$0.type.isOptional }.map { JSONValue.string($0.name) }
        if !required.isEmpty { json["required"] = .array(required) }
        if self.isClosed { json["additionalProperties"] = false }
        return json
    }
}
