// FileSystemStoreTests.swift
//
// Files: durable and whole, or an error and nothing.

import Glibc
import QPHooks
import Testing

@testable import QPServer

@Suite struct FileSystemStoreTests {
    let folder = ScratchFolder()
    let store: FileSystemStore

    init() {
        self.store = FileSystemStore(spoolDirectory: self.folder.path, offloader: ThreadPool(threads: 2))
    }

    func message(_ text: String) -> Message {
        let bytes = Array(text.utf8)
        return Message(
            MessageStorage(chunks: [bytes], file: nil, size: bytes.count, headerBytes: [], facts: MessageFacts()))
    }

    @Test(arguments: [(LineEndForm.lf, "From x\na\nb\n"), (.wire, "From x\na\r\nb\r\n")])
    func publishes(_ form: LineEndForm, _ expected: String) async throws {
        let content = FileContent(prefix: Array("From x\n".utf8), message: self.message("a\r\nb\r\n"), form: form)
        let size = try await self.store.publish(
            content, temporary: self.folder("tmp"), final: self.folder("final"), mode: 0o640, origin: origin())
        #expect(size == expected.utf8.count)
        #expect(self.folder.text("final") == expected)
        #expect(self.folder.names() == ["final"])
        var status = stat()
        stat(self.folder("final"), &status)
        #expect(status.st_mode & 0o777 == 0o640)
    }

    @Test func publishesLargeMessagesWhole() async throws {
        let text = String(repeating: "0123456789\r\n", count: 50_000)
        let size = try await self.store.publish(
            FileContent(message: self.message(text)), temporary: self.folder("tmp"), final: self.folder("final"),
            mode: 0o600, origin: origin())
        #expect(size == 550_000)
        #expect(self.folder.text("final")?.utf8.count == 550_000)
    }

    struct Failure: CustomTestStringConvertible {
        let testDescription: String
        var temporary = "tmp"
        var final = "final"
        var before: [String] = []
        let error: String
        let after: [String]
    }

    @Test(arguments: [
        Failure(testDescription: "final is there", before: ["final"], error: "exists already", after: ["final"]),
        Failure(testDescription: "temporary is somebody's", before: ["tmp"], error: "exists already", after: ["tmp"]),
        Failure(testDescription: "no folder for final", final: "no/final", error: "No such file", after: []),
        Failure(testDescription: "no folder at all", temporary: "no/tmp", error: "No such file", after: []),
        Failure(testDescription: "the same name twice", final: "tmp", error: "exists already", after: []),
        Failure(testDescription: "a NUL in the path", final: "a\0b", error: "no path", after: []),
    ])
    func leavesNothingOnErrors(_ failure: Failure) async throws {
        for name in failure.before { self.folder.write(name, "old") }
        let error = await #expect(throws: EffectError.self) {
            try await self.store.publish(
                FileContent(message: self.message("x\r\n")), temporary: self.folder(failure.temporary),
                final: self.folder(failure.final), mode: 0o600, origin: origin())
        }
        #expect(error?.description.contains(failure.error) == true, "\(String(describing: error))")
        #expect(self.folder.names() == failure.after)
        for name in failure.before { #expect(self.folder.text(name) == "old") }
    }

    @Test func doesNotWriteThroughLinks() async throws {
        symlink(self.folder("target"), self.folder("tmp"))
        await #expect(throws: EffectError.self) {
            try await self.store.publish(
                FileContent(prefix: [1]), temporary: self.folder("tmp"), final: self.folder("final"), mode: 0o600,
                origin: origin())
        }
        #expect(self.folder.names() == ["tmp"])
    }

    @Test func readsWithinItsLimit() async throws {
        self.folder.write("f", "12345")
        #expect(try await self.store.read(self.folder("f"), limit: 5, origin: origin()) == Array("12345".utf8))
        await #expect(throws: EffectError.tooLong("file \(self.folder("f"))")) {
            try await self.store.read(self.folder("f"), limit: 4, origin: origin())
        }
        mkfifo(self.folder("pipe"), 0o600)
        for path in [self.folder("pipe"), self.folder.path, self.folder("none"), "", "/dev/zero", "/proc/self/maps\0"] {
            await #expect(throws: EffectError.self) { try await self.store.read(path, limit: 10, origin: origin()) }
        }
    }

    @Test func appendsWholeLines() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<50 {
                let line = Array((String(repeating: "\(index % 10)", count: 200) + "\n").utf8)
                let (store, path) = (self.store, self.folder("log"))
                group.addTask { try await store.append(line, to: path, mode: 0o600, origin: origin()) }
            }
            try await group.waitForAll()
        }
        let lines = self.folder.lines("log")
        #expect(lines.count == 50)
        #expect(lines.allSatisfy { Set($0).count == 1 && $0.count == 200 })
    }

    @Test func fullDisksHaveAClearText() async {
        await #expect(throws: EffectError.failed("file /dev/full: the disk is full")) {
            try await self.store.append([1], to: "/dev/full", mode: 0o600, origin: origin())
        }
        #expect(throws: EffectError.failed("file /tmp/x: the disk quota is used up")) {
            throw FileWork.failed("file /tmp/x", EDQUOT)
        }
        mkfifo(self.folder("pipe"), 0o600)
        await #expect(throws: EffectError.self) {
            try await self.store.append([1], to: self.folder("pipe"), mode: 0o600, origin: origin())
        }
    }

    @Test func makesFolders() async throws {
        for path in ["a/b/c", "a/b/c", "a//d/", "."] {
            try await self.store.makeDirectory(self.folder(path), mode: 0o700, origin: origin())
        }
        var status = stat()
        #expect(stat(self.folder("a/b/c"), &status) == 0)
        #expect(stat(self.folder("a/d"), &status) == 0)
        self.folder.write("file", "")
        for path in ["file", "file/x"] {
            await #expect(throws: EffectError.self) {
                try await self.store.makeDirectory(self.folder(path), mode: 0o700, origin: origin())
            }
        }
    }

    @Test func removes() async throws {
        self.folder.write("f", "")
        try await self.store.remove(self.folder("f"), origin: origin())
        try await self.store.remove(self.folder("f"), origin: origin())
        #expect(self.folder.names() == [])
    }

    @Test func temporariesGoWithTheTransaction() async throws {
        let file = try await self.store.temporaryPath(directory: false, origin: origin(1))
        let made = try await self.store.temporaryPath(directory: true, origin: origin(1))
        let other = try await self.store.temporaryPath(directory: true, origin: origin(2))
        #expect(Set([file, made, other]).count == 3)
        try FileWork.append([1], to: file, mode: 0o600)
        try FileWork.append([1], to: made + "/inner", mode: 0o600)
        symlink("/etc", made + "/link")
        self.store.transactionEnded(SessionID(bits: 1))
        #expect(eventually { self.folder.names().count == 1 })
        #expect(other.hasSuffix("/" + (self.folder.names().first ?? "")))
        var status = stat()
        #expect(stat("/etc", &status) == 0)
    }
}

@Suite struct ProgramRunTests {
    let store = FileSystemStore(
        spoolDirectory: "/tmp", offloader: ThreadPool(threads: 4), environment: ["PATH": "/bin", "X": "y"])

    func run(
        _ program: [String], input: [UInt8] = [], limit: Int = 1000, timeout: Duration = .seconds(5)
    ) async throws -> (status: Int32, output: String) {
        let result = try await self.store.run(program, input: input, limit: limit, timeout: timeout, origin: origin())
        return (result.status, String(decoding: result.output, as: UTF8.self))
    }

    @Test(
        arguments: [
            (["/bin/echo", "$HOME;", "*"], 0, "$HOME; *\n"),
            (["/usr/bin/env"], 0, "PATH=/bin\nX=y\n"),
            (["/bin/sh", "-c", "exit 3"], 3, ""),
            (["/bin/sh", "-c", "kill -9 $$"], 137, ""),
            (["/bin/sh", "-c", "echo no >&2; echo yes"], 0, "yes\n"),
            (["/bin/sh", "-c", "sleep 60 & echo started"], 0, "started\n"),
        ] as [([String], Int32, String)])
    func programs(_ program: [String], _ status: Int32, _ output: String) async throws {
        let result = try await self.run(program)
        #expect(result.status == status)
        #expect(Set(result.output.split(separator: "\n")) == Set(output.split(separator: "\n")))
    }

    @Test func inputAndOutputOfAnySize() async throws {
        let input = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        #expect(try await self.run(["/bin/cat"], input: input, limit: 1 << 20).output.utf8.count == 1 << 20)
        #expect(try await self.run(["/bin/cat"], input: input, limit: 10).output == "xxxxxxxxxx")
        #expect(try await self.run(["/bin/true"], input: input).status == 0)
    }

    @Test func nothingIsInherited() async throws {
        let leak = OwnedDescriptor(open("/dev/null", O_RDONLY))
        let number = leak.number
        #expect(number > 2)
        let listing = try await self.run(["/bin/ls", "/proc/self/fd"]).output
        // ls itself has the folder open.
        #expect(listing.split(separator: "\n").count == 4)
        let blocked = try await self.run(["/bin/sh", "-c", "grep SigBlk /proc/self/status"]).output
        #expect(blocked.hasSuffix("0000000000000000\n"))
    }

    @Test func endsWhatTakesTooLong() async throws {
        await #expect(throws: EffectError.timedOut("program /bin/sh")) {
            try await self.run(["/bin/sh", "-c", "sleep 30; sleep 30"], timeout: .milliseconds(200))
        }
        let store = self.store
        let task = Task {
            try await store.run(
                ["/bin/sleep", "30"], input: [], limit: 1, timeout: .seconds(30), origin: origin())
        }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        await #expect(throws: EffectError.failed("program /bin/sleep: cancelled")) { try await task.value }
    }

    @Test(arguments: [[], [""], ["/nonexistent"], ["/bin/echo", "a\0b"], ["/tmp"]] as [[String]])
    func refuses(_ program: [String]) async {
        await #expect(throws: EffectError.self) { try await self.run(program) }
    }
}
