// AdminPageTests.swift
//
// The page keeps to what its content security policy allows, and makes no markup out of data.

import Testing

@testable import QPAdminHTTP

struct AdminPageTests {
    @Test(arguments: [("<style>", "</style>"), ("<script>", "</script>")])
    func oneInlineElement(_ opening: String, _ closing: String) {
        #expect(AdminPage.html.split(separator: opening, omittingEmptySubsequences: false).count == 2)
        #expect(AdminPage.html.split(separator: closing, omittingEmptySubsequences: false).count == 2)
    }

    @Test func holdsStyleAndScriptAsTheyAre() {
        #expect(AdminPage.html.contains("<style>" + AdminPage.style + "</style>"))
        #expect(AdminPage.html.contains("<script>" + AdminPage.script + "</script>"))
    }

    @Test(arguments: [
        "innerHTML", "outerHTML", "insertAdjacent", "document.write", "srcdoc", "eval(", "Function(", "localStorage",
        "document.cookie", "EventSource", " style=", " onclick=", " onload=", " onerror=", "javascript:", "@import",
        "url(", "method: '",
    ])
    func doesWithout(_ word: String) {
        #expect(!AdminPage.html.contains(word))
    }

    @Test func namesNoOtherHost() {
        let rest = AdminPage.html.replacing("http://www.w3.org/2000/svg", with: "")
        #expect(!rest.contains("http:") && !rest.contains("https:") && !rest.contains("src=") && !rest.contains("'//"))
    }

    @Test func everyElementThatTheScriptAsksForExists() {
        let names = AdminPage.script.matches(of: /\$\('([a-z-]+)'\)/).map { String($0.output.1) }
        #expect(names.count > 50)
        for name in Set(names) {
            #expect(AdminPage.html.contains("id=\"\(name)\""), "\(name)")
        }
    }
}
