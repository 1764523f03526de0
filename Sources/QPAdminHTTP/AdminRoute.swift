// AdminRoute.swift
//
// One thing that can be asked for: what the router knows of it, and what the OpenAPI document says.

import Hummingbird
import HummingbirdCore
import NIOCore
import QPTelemetry

/// A method on a path.
struct AdminRoute: Sendable {
    /// What a request that went well gets.
    enum Answer: Sendable {
        case text
        case page
        case metrics
        case document
        case empty
        case json(SchemaType, HTTPResponse.Status = .ok)
        case stream(SchemaType)
    }

    let method: HTTPRequest.Method
    /// `/api/v1/sessions/{id}`; at most one part in braces.
    let path: String
    /// The lowest that may; `nil`: anybody.
    let role: AdminRole?
    let summary: String
    var parameters: [QueryParameter] = []
    /// The schema of its body, and its fields.
    var body: RowSchema?
    let answer: Answer
    /// What else it may answer: 404, 409, 422.
    var refusals: [HTTPResponse.Status] = []
    /// The word for the audit record, of those that change something.
    var action: String?
    let handler: @Sendable (Call) async throws -> Response

    var methodName: String { self.method.rawValue }

    var isWrite: Bool { self.method != .get }

    /// The part in braces.
    var placeholder: String? {
        guard let start = self.path.firstIndex(of: "{"), let end = self.path.firstIndex(of: "}") else { return nil }
        return String(self.path[self.path.index(after: start)..<end])
    }

    /// Whether a path, still encoded, is one of this route's.
    func matches(_ path: String) -> Bool {
        let own = self.path.split(separator: "/")
        let other = path.split(separator: "/")
        return own.count == other.count && zip(own, other).allSatisfy { $0.first == "{" || $0 == $1 }
    }
}

/// A request on its way to a route's handler.
struct Call: Sendable {
    let request: Request
    let caller: Caller
    let arguments: Arguments
    /// What stands for the part in braces, decoded.
    let subject: String
    let setup: AdminSetup
    let streams: StreamPlaces

    var source: any TelemetrySource { self.setup.source }
    var control: any ServerControl { self.setup.control }

    /// Octets that a body may have.
    static let bodyLimit = 65_536

    /// The body as JSON.
    func body<Value: Decodable>(_ type: Value.Type, _ schema: RowSchema) async throws -> Value {
        let kind = self.request.headers[.contentType]?.split(separator: ";").first?.lowercased()
        guard kind == "application/json" else {
            throw Problem(.unsupportedMediaType, "the body must be application/json")
        }
        let octets = try await Self.octets(of: self.request)
        return try JSONText.decode(type, from: octets, fields: Set(schema.fields.map(\.name)))
    }

    /// Refuses a body where none belongs.
    func noBody() async throws {
        guard try await Self.octets(of: self.request).readableBytes == 0 else {
            throw Problem.badRequest("this request has no body")
        }
    }

    private static func octets(of request: Request) async throws -> ByteBuffer {
        let tooLarge = Problem(.contentTooLarge, "the body is larger than \(Self.bodyLimit) octets").closing()
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > Self.bodyLimit {
            throw tooLarge
        }
        do {
            return try await request.body.collect(upTo: Self.bodyLimit)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch {
            throw Problem.badRequest("the body could not be read").closing()
        }
    }

    /// A name of a plugin in either form (`queue/maildir`, `queue::maildir`), as its row has it.
    func pluginName() async throws -> String {
        let wanted = PluginNameForm.canonical(self.subject)
        for row in await self.source.plugins() where PluginNameForm.canonical(row.name) == wanted {
            return row.name
        }
        throw Problem(.notFound, "there is no such plugin")
    }
}

/// The name of a field of a message.
typealias FieldName = HTTPFields.Element.Name

extension Response {
    static func json(_ value: some Encodable, _ status: HTTPResponse.Status = .ok) throws -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: try JSONText.encode(value)))
    }

    static func text(
        _ text: String, type: String = "text/plain; charset=utf-8", _ status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
