// ArticleTests.swift
//
// The articles quote plugins that are compiled and tested, word for word.

import Glibc
import Testing

@testable import QPServer

struct ArticleTests {
    private static let top = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
        .joined(separator: "/")

    private static func text(_ path: String) throws -> String {
        String(decoding: try FileWork.read("\(Self.top)/\(path)", limit: 1 << 20), as: UTF8.self)
    }

    /// The code blocks of an article that say, in a comment before them, which file they are from.
    private static func quotes(_ article: String) throws -> [(path: String, code: String)] {
        var quotes: [(path: String, code: String)] = []
        for part in try Self.text("Sources/QPHooks/QPHooks.docc/\(article).md").split(separator: "<!-- from: ")
            .dropFirst()
        {
            let path = String(part.prefix { $0 != " " })
            guard let begin = part.firstRange(of: "\n```swift\n"),
                let end = part[begin.upperBound...].firstRange(of: "\n```\n")
            else {
                Issue.record("\(article): no code follows \(path)")
                continue
            }
            quotes.append((path, String(part[begin.upperBound..<end.lowerBound])))
        }
        return quotes
    }

    @Test(arguments: ["SimplePlugins", "ChildPlugins", "ForwardingMail"])
    func quotesAreTrue(_ article: String) throws {
        let quotes = try Self.quotes(article)
        #expect(!quotes.isEmpty)
        for (path, code) in quotes {
            let isThere = try Self.text(path).contains("\n" + code + "\n")
            #expect(isThere, "\(article): \(path) has no such lines")
        }
    }
}
