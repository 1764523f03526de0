// ProgramFeedTests.swift
//
// Programs that read a message, and one that plays qmail-queue.

import Glibc
import QPHooks
import QPPlugins
import QPTestKit
import Testing

@testable import QPServer

@Suite struct ProgramFeedTests {
    let store = FileSystemStore(spoolDirectory: "/tmp", offloader: ThreadPool(threads: 4))
    let folder = ScratchFolder()

    private func script(_ text: String) -> String {
        self.folder.write("program", "#!/bin/sh\ncd \(self.folder.path)\n" + text)
        chmod(self.folder("program"), 0o755)
        return self.folder("program")
    }

    private func feed(
        _ program: String, _ input: any ProgramInput, _ output: ProgramFeed.Output = .read(limit: 100),
        timeout: Duration = .seconds(20)
    ) async throws(EffectError) -> ProgramResult {
        try await self.store.feed(
            ProgramFeed([program], input: input, output: output, timeout: timeout), origin: origin())
    }

    private struct Pieces: ProgramInput {
        var left: Int
        var failsAtEnd = false

        mutating func next() throws(EffectError) -> [UInt8]? {
            guard self.left > 0 else {
                if self.failsAtEnd { throw .failed("no more") }
                return nil
            }
            self.left -= 1
            return [UInt8](repeating: UInt8(ascii: "x"), count: 65536)
        }
    }

    @Test func aMessageOfAnySize() async throws {
        let result = try await self.feed(self.script("wc -c\necho oops >&2\n"), Pieces(left: 200))
        #expect(result.status == 0 && result.tookInput)
        let words = String(decoding: result.output, as: UTF8.self).split { $0 == " " || $0 == "\n" }
        #expect(words == ["13107200", "oops"])
    }

    @Test func theEnvelopeComesLast() async throws {
        let program = self.script("cat >message\ncat <&1 >envelope\n")
        let result = try await self.feed(program, Pieces(left: 3), .gives(Array("Fa\0Tb\0\0".utf8)))
        #expect(result.status == 0 && result.tookInput)
        #expect(self.folder.text("message")?.utf8.count == 3 * 65536)
        #expect(self.folder.text("envelope") == "Fa\0Tb\0\0")
    }

    /// Programs that hang keep nobody else waiting: files, names and passwords have threads of their own.
    @Test func programsThatHang() async throws {
        try await TestServer.with([]) { server in
            let files = server.running.seams.files
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        let hour = Duration.seconds(3600)
                        _ = try? await files.run(
                            ["/bin/sleep", "3600"], input: [], limit: 0, timeout: hour, origin: origin())
                    }
                }
                for _ in 0..<1_000_000 where server.running.programs.pending < 10 { await Task.yield() }
                #expect(server.running.programs.pending == 10)
                try await server.running.seams.offloader.run {}
                group.cancelAll()
            }
        }
    }

    /// A message that ends in the middle is no message: the program is ended before it sees an end.
    @Test func halfAMessage() async throws {
        let program = self.script("cat >message\ncat <&1 >envelope\ntouch queued\n")
        await #expect(throws: EffectError.failed("no more")) {
            try await self.feed(program, Pieces(left: 3, failsAtEnd: true), .gives([0]))
        }
        #expect(self.folder.text("queued") == nil)
    }

    @Test func oneThatDoesNotRead() async throws {
        let result = try await self.feed(self.script("exit 0\n"), Pieces(left: 100))
        #expect(result.status == 0 && !result.tookInput)
        let half = try await self.feed(self.script("exec 0<&-\nexit 0\n"), Pieces(left: 100), .gives([1]))
        #expect(!half.tookInput)
    }

    @Test func oneThatHangs() async throws {
        let program = self.script("cat >message\nsleep 60\n")
        await #expect(throws: EffectError.timedOut("program \(program)")) {
            try await self.feed(program, Pieces(left: 1), timeout: .milliseconds(300))
        }
    }

    /// The whole way: a client, the server, a program in qmail-queue's place.
    @Test(arguments: [(0, 250), (31, 552), (53, 451), (111, 451)] as [(Int32, Int)])
    func qmailQueue(_ status: Int32, _ code: Int) async throws {
        let program = self.script("cat >message\ncat <&1 >envelope\nexit \(status)\n")
        let files = ScratchFolder()
        for (name, text) in [
            ("plugins", "rcpt_ok\nqueue/qmail-queue \(program)\n"), ("rcpthosts", "b.example\n"),
            ("me", "mx.example\n"),
            ("spool_dir", files("spool") + "\n"), ("reverse_dns", "0\n"),
        ] { files.write(name, text) }
        try await TestServer.with(files: files, BundledPlugins.all) { server in
            let codes = try await server.client { client in
                var codes = [try client.answer().code]
                for line in ["EHLO c.example", "MAIL FROM:<a@a.example>", "RCPT TO:<x@b.example>", "DATA"] {
                    codes.append(try client.say(line).code)
                }
                try client.send("Subject: hello\r\n\r\n..\r\nx\r\n.\r\n")
                return codes + [try client.answer().code]
            }
            #expect(codes == [220, 250, 250, 250, 354, code])
        }
        #expect(self.folder.text("envelope") == "Fa@a.example\0Tx@b.example\0\0")
        let message = self.folder.text("message") ?? ""
        #expect(message.hasSuffix("\nSubject: hello\n\n.\nx\n") && !message.contains("\r"))
    }
}
