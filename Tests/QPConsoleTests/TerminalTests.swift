// TerminalTests.swift
//
// Keys out of what a terminal sends, and what it is sent beside the screen.

import Testing

@testable import QPConsole

@Suite struct KeyReaderTests {
    /// Reads all of an input that is there at once.
    private static func keys(_ inputs: [KeyInput], _ reader: inout KeyReader, mouse: Mouse? = nil) -> [Key] {
        var rest = inputs[...]
        var keys: [Key] = []
        while let key = reader.next({ rest.popFirst() }, mouse: { mouse }) { keys.append(key) }
        return keys
    }

    private static func characters(_ text: String) -> [KeyInput] { text.unicodeScalars.map { .character($0.value) } }

    @Test(
        arguments: [
            ("q", [.character("q")]), ("é漢", [.character("é"), .character("漢")]), ("\t", [.tab]),
            ("\r\n", [.enter, .enter]),
            ("\u{8}\u{7f}", [.backspace, .backspace]),
            ("\u{1}\u{c}\u{12}\u{1a}", ["a", "l", "r", "z"].map { .control($0) }),
            ("\0\u{1c}\u{1f}\u{9b}\u{85}", []), ("\u{1b}", [.escape]), ("\u{1b}\u{1b}", [.escape, .escape]),
            // With Alt.
            ("\u{1b}x", [.escape, .character("x")]),
            // What nobody knows: cursor keys with modifiers, focus, paste, answers to questions.
            ("\u{1b}[1;5Zq", [.character("q")]), ("\u{1b}[Iq", [.character("q")]), ("\u{1b}[200~q", [.character("q")]),
            ("\u{1b}OPq", [.character("q")]), ("\u{1b}]52;c;cXE=\u{7}q", [.character("q")]),
            ("\u{1b}P1$r0m\u{1b}\\q", [.character("q")]), ("\u{1b}]0;a\u{1b}b\u{1b}\\q", [.character("q")]),
        ] as [(String, [Key])])
    func characters(_ text: String, _ keys: [Key]) {
        var reader = KeyReader()
        #expect(Self.keys(Self.characters(text), &reader) == keys)
        // The same in two pieces; an escape that nothing follows at once is the key.
        let inputs = Self.characters(text)
        for cut in 1..<max(inputs.count, 1) where inputs[cut - 1] != .character(0x1B) {
            var reader = KeyReader()
            let first = Self.keys(Array(inputs[..<cut]), &reader)
            #expect(first + Self.keys(Array(inputs[cut...]), &reader) == keys)
        }
    }

    @Test(
        arguments: [
            (0o402, .down), (0o403, .up), (0o404, .left), (0o405, .right), (0o406, .home), (0o407, .backspace),
            (0o411, .function(1)), (0o422, .function(10)), (0o424, .function(12)), (0o512, .delete), (0o522, .pageDown),
            (0o523, .pageUp), (0o527, .enter), (0o541, .backTab), (0o550, .end), (0o632, nil), (0o600, nil),
            (0o425, nil),
        ] as [(Int32, Key?)])
    func codes(_ code: Int32, _ key: Key?) {
        #expect(KeyReader.key(code: code) == key)
    }

    @Test func mouse() {
        var reader = KeyReader()
        let mouse = Mouse(kind: .wheelUp, column: 1, row: 2)
        let inputs: [KeyInput] = [.code(0o631), .code(0o632), .character(0x71)]
        #expect(Self.keys(inputs, &reader, mouse: mouse) == [.mouse(mouse), .character("q")])
        #expect(Self.keys(inputs, &reader) == [.character("q")])
    }

    @Test func clicks() {
        var clicks = ClickCounter()
        #expect(clicks.press(column: 1, row: 1, at: 10) == .press)
        #expect(clicks.press(column: 1, row: 1, at: 10.3) == .double)
        #expect(clicks.press(column: 1, row: 1, at: 10.4) == .press)
        #expect(clicks.press(column: 2, row: 1, at: 10.5) == .press)
        #expect(clicks.press(column: 2, row: 1, at: 11) == .press)
    }
}

@Suite struct ClipboardTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"), ("é漢", "w6nmvKI="),
    ])
    func base64(_ text: String, _ encoded: String) {
        #expect(Clipboard.sequence(text) == "\u{1b}]52;c;\(encoded)\u{7}")
    }

    @Test func isBounded() {
        let long = String(repeating: "é", count: 40_000)
        #expect(Clipboard.sequence(long) == Clipboard.sequence(String(repeating: "é", count: 32_768)))
        #expect(Clipboard.base64([0xFB, 0xFF, 0xFE]) == "+//+")
    }
}

@Suite struct TerminalGuardTests {
    @Test func resets() {
        let xterm = [
            "sgr0": "\u{1b}(B\u{1b}[m", "rmkx": "\u{1b}[?1l", "cnorm": "\u{1b}[?25h", "rmcup": "\u{1b}[?1049l",
        ]
        #expect(
            String(decoding: TerminalGuard.reset(hasMouse: true) { xterm[$0] }, as: UTF8.self)
                == "\u{1b}[?1000l\u{1b}[?1002l\u{1b}[?1003l\u{1b}[?1006l\u{1b}(B\u{1b}[m\u{1b}[?1l\u{1b}[?25h\u{1b}[?1049l"
        )
        // Without a second screen the prompt gets a line of its own; waits are not written.
        let vt100 = ["sgr0": "\u{1b}[m\u{f}$<2>", "rmkx": "$a$<"]
        #expect(
            String(decoding: TerminalGuard.reset(hasMouse: false) { vt100[$0] }, as: UTF8.self)
                == "\u{1b}[m\u{f}$a$<\r\n")
    }
}
