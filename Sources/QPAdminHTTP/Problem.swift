// Problem.swift
//
// RFC 9457: why a request is not fulfilled, as JSON.

import Hummingbird
import HummingbirdCore
import NIOCore
import QPTelemetry

/// A refusal.
struct Problem: Error, Sendable {
    var status: HTTPResponse.Status
    var detail: String
    /// Where in a query, from 1.
    var column: Int?
    /// What `force` would pass over.
    var reasons: [String]?
    var headers: HTTPFields = [:]

    init(_ status: HTTPResponse.Status, _ detail: String, column: Int? = nil) {
        self.status = status
        self.detail = detail
        self.column = column
    }

    /// A parameter, a field or a body that is wrong.
    static func badRequest(_ detail: String, column: Int? = nil) -> Problem {
        Problem(.badRequest, detail, column: column)
    }

    /// A credential is missing or wrong.
    static func unauthorized(_ detail: String, isWrong: Bool) -> Problem {
        var problem = Problem(.unauthorized, detail)
        problem.headers[.wwwAuthenticate] = isWrong ? "Bearer error=\"invalid_token\"" : "Bearer"
        return problem
    }

    /// After it the connection is closed, as the rest of the request is not worth reading.
    func closing() -> Problem {
        var problem = self
        problem.headers[.connection] = "close"
        return problem
    }

    init(_ error: ControlError) {
        switch error {
        case .notFound(let text): self.init(.notFound, text)
        case .invalid(let text): self.init(.unprocessableContent, text)
        case .conflict(let text): self.init(.conflict, text)
        case .needsForce(let reasons):
            self.init(.conflict, "this needs force: " + reasons.joined(separator: "; "))
            self.reasons = reasons
        }
    }

    /// As JSON.
    var text: ByteBuffer {
        let body = Body(
            title: self.status.reasonPhrase, status: self.status.code, detail: self.detail, column: self.column,
            reasons: self.reasons)
        return (try? JSONText.encode(body)) ?? ByteBuffer()
    }

    var response: Response {
        var response = Response(status: self.status, headers: self.headers)
        response.headers[.contentType] = "application/problem+json"
        response.body = ResponseBody(byteBuffer: self.text)
        return response
    }

    private struct Body: Encodable {
        let title: String
        let status: Int
        let detail: String
        let column: Int?
        let reasons: [String]?
    }
}
