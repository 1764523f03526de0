// OpenAPITests.swift
//
// The document and the router say the same.

import FoundationEssentials
import QPTelemetry
import Testing

@testable import QPAdminHTTP

struct OpenAPITests {
    private func document() async throws -> AnyJSON {
        var text = ""
        try await AdminFixture.run { fixture in
            text = try fixture.ask("GET", "/api/v1/openapi.json").body
        }
        return try JSONDecoder().decode(AnyJSON.self, from: Data(text.utf8))
    }

    @Test func everyRouteIsThere() async throws {
        let paths = try #require(try await self.document()["paths"])
        var documented: Set<String> = []
        for path in paths.names {
            for method in paths[path]?.names ?? [] { documented.insert("\(method.uppercased()) \(path)") }
        }
        #expect(documented == Set(AdminRoutes.all.map { "\($0.methodName) \($0.path)" }))
    }

    /// The router itself answers to each documented method and path, and to no other method.
    @Test func routerServesTheDocument() async throws {
        let paths = try #require(try await self.document()["paths"])
        try await AdminFixture.run { fixture in
            for path in paths.names.sorted() {
                let target = path.replacing("{id}", with: "known").replacing("{name}", with: "dnsbl")
                for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                    let isDocumented = paths[path]?.names.contains(method.lowercased()) == true
                    let answer = try fixture.ask(method, target, [AdminFixture.bearer(.admin)])
                    #expect((answer.status == 405) == !isDocumented, "\(method) \(path): \(answer.status)")
                    let responses = paths[path]?[method.lowercased()]?["responses"]
                    #expect(
                        !isDocumented || responses?.names.contains("\(answer.status)") == true,
                        "\(method) \(path): \(answer.status)")
                }
            }
        }
    }

    @Test func everyReferenceLeadsSomewhere() {
        func references(_ value: JSONValue) -> [String] {
            switch value {
            case .object(let members):
                members.flatMap { name, value in
                    if name == "$ref", case .string(let text) = value { [text] } else { references(value) }
                }
            case .array(let elements): elements.flatMap { references($0) }
            default: []
            }
        }
        let known = Set(RowSchema.all.map { "#/components/schemas/\($0.name)" })
        #expect(known.count == RowSchema.all.count)
        #expect(Set(references(OpenAPIDocument.value)).subtracting(known).isEmpty)
    }

    @Test func operationsHaveNamesOfTheirOwn() async throws {
        let paths = try #require(try await self.document()["paths"])
        var names: [String] = []
        for path in paths.names {
            for method in paths[path]?.names ?? [] {
                if case .string(let name)? = paths[path]?[method]?["operationId"] { names.append(name) }
            }
        }
        #expect(Set(names).count == AdminRoutes.all.count)
    }
}
