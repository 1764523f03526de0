// OpenAPIDocument.swift
//
// OpenAPI 3.1: the routes for programs, out of the same table that the router is made of.

import Hummingbird
import HummingbirdCore
import QPTelemetry

/// The document at /api/v1/openapi.json.
enum OpenAPIDocument {
    static let value: JSONValue = [
        "openapi": "3.1.0",
        "info": [
            "title": "qpserver", "version": "1",
            "description": "Watches and steers a qpserver. Times are seconds since 1970, durations seconds.",
        ],
        "paths": Self.paths,
        "components": [
            "schemas": .object(
                Dictionary(RowSchema.all.map { ($0.name, $0.json) }, uniquingKeysWith: { first, _ in first })),
            "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer"]],
        ],
    ]

    private static var paths: JSONValue {
        var paths: [String: JSONValue] = [:]
        for route in AdminRoutes.all {
            paths[route.path, default: [:]][route.method.rawValue.lowercased()] = Self.operation(route)
        }
        return .object(paths)
    }

    private static func operation(_ route: AdminRoute) -> JSONValue {
        var operation: JSONValue = [
            "summary": .string(route.summary),
            "operationId": .string(Self.name(route)),
            "responses": .object(Self.responses(route)),
        ]
        var parameters = route.parameters.map { Self.parameter($0) }
        if let placeholder = route.placeholder {
            parameters.append([
                "name": .string(placeholder), "in": "path", "required": true,
                "schema": ["type": "string", "minLength": 1],
            ])
        }
        if case .stream = route.answer {
            parameters.append([
                "name": "Last-Event-ID", "in": "header", "description": "Go on behind this number; before `after`.",
                "schema": ["type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991],
            ])
        }
        if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
        if let body = route.body {
            operation["requestBody"] = [
                "required": true, "content": ["application/json": ["schema": SchemaType.row(body.name).json]],
            ]
        }
        if let role = route.role {
            operation["description"] = .string("Lowest role: \(role.rawValue).")
            // What only looks is open to the server's own host.
            operation["security"] = role <= .viewer ? [["bearer": []], [:]] : [["bearer": []]]
        } else {
            operation["security"] = []
        }
        return operation
    }

    /// `get_sessions_id`.
    private static func name(_ route: AdminRoute) -> String {
        let path = route.path.replacing("/api/v1", with: "")
        let words = path.split { !$0.isLetter && !$0.isNumber }.joined(separator: "_")
        return "\(route.method.rawValue.lowercased())_\(words.isEmpty ? "page" : words)"
    }

    private static func parameter(_ parameter: QueryParameter) -> JSONValue {
        var schema: JSONValue
        switch parameter.kind {
        case .integer(let range, let standard):
            schema = [
                "type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound),
            ]
            schema["default"] = standard.map { .integer($0) }
        case .choice(let choices, let standard):
            schema = ["type": "string", "enum": .array(choices.map { .string($0) })]
            schema["default"] = standard.map { .string($0) }
        case .text(let lengths):
            schema = [
                "type": "string", "minLength": .integer(lengths.lowerBound),
                "maxLength": .integer(lengths.upperBound),
            ]
        case .query:
            schema = ["type": "string", "maxLength": 1_024]
        }
        if parameter.isRepeatable { schema = ["type": "array", "items": schema, "maxItems": 64] }
        return [
            "name": .string(parameter.name), "in": "query", "required": .boolean(parameter.isRequired),
            "description": .string(parameter.about), "schema": schema,
        ]
    }

    private static func responses(_ route: AdminRoute) -> [String: JSONValue] {
        var responses = [Self.success(route)].reduce(into: [String: JSONValue]()) { $0[$1.0] = $1.1 }
        // A parameter, or no Host field; a name that is not the server's; a head of more than 16 kB a field.
        var refusals: [HTTPResponse.Status] = [.badRequest, .misdirectedRequest, .requestHeaderFieldsTooLarge]
        if let role = route.role {
            refusals += [.unauthorized, .tooManyRequests]
            if role > .scrape { refusals.append(.forbidden) }
        }
        if route.isWrite { refusals.append(.contentTooLarge) }
        if route.body != nil { refusals.append(.unsupportedMediaType) }
        for status in refusals + route.refusals {
            responses["\(status.code)"] = [
                "description": .string(status.reasonPhrase),
                "content": ["application/problem+json": ["schema": SchemaType.row("Problem").json]],
            ]
        }
        // One connection too many has no content.
        var unavailable = responses["503"] ?? ["description": "Too many connections"]
        if case .text = route.answer { unavailable["content"] = Self.plain }
        responses["503"] = unavailable
        return responses
    }

    private static let plain: JSONValue = ["text/plain": ["schema": ["type": "string"]]]

    private static func success(_ route: AdminRoute) -> (String, JSONValue) {
        switch route.answer {
        case .text: ("200", ["description": "It does", "content": Self.plain])
        case .page: ("200", ["description": "HTML", "content": ["text/html": ["schema": ["type": "string"]]]])
        case .metrics:
            (
                "200",
                [
                    "description": "Prometheus text or OpenMetrics, by Accept",
                    "content": [
                        "text/plain": ["schema": ["type": "string"]],
                        "application/openmetrics-text": ["schema": ["type": "string"]],
                    ],
                ]
            )
        case .document:
            ("200", ["description": "OpenAPI 3.1", "content": ["application/json": ["schema": ["type": "object"]]]])
        case .empty: ("204", ["description": "Done"])
        case .json(let type, let status):
            (
                "\(status.code)",
                ["description": "Done", "content": ["application/json": ["schema": type.json]]]
            )
        case .stream(let type):
            (
                "200",
                [
                    "description": "Rows as they come; `{\"lost\":N}` where a slow reader missed some",
                    "content": [
                        "application/x-ndjson": ["schema": ["type": "string"], "itemSchema": type.json],
                        "text/event-stream": ["schema": ["type": "string"], "itemSchema": type.json],
                    ],
                ]
            )
        }
    }
}
