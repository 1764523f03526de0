// SpoolTests.swift
//
// The spool: written, read, and never left behind.

import Glibc
import QPActors
import QPHooks
import Testing

@testable import QPServer

@Suite struct SpoolTests {
    let folder = ScratchFolder()
    let spool: SpoolDirectory

    init() throws {
        self.spool = try SpoolDirectory(self.folder("spool"))
    }

    var names: [String] {
        get throws { try #require(ScratchFolder.names(of: self.spool.path)) }
    }

    func append(_ bytes: [UInt8], to writer: any SpoolFileWriter) throws {
        try bytes.withUnsafeBytes { try writer.append($0) }
    }

    func content(_ file: any SpooledFile, from offset: Int = 0) throws -> [UInt8] {
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 10_000)
        while true {
            let count = try buffer.withUnsafeMutableBytes { try file.read(at: offset + content.count, into: $0) }
            if count == 0 { return content }
            content += buffer.prefix(count)
        }
    }

    @Test(arguments: [[], [0], [1], [65536], [100, 200, 300], [65535, 1, 65536, 7], [70_000, 70_000, 3]] as [[Int]])
    func keepsWhatWasWritten(_ pieces: [Int]) throws {
        var expected: [UInt8] = []
        do {
            let writer = try self.spool.begin()
            for size in pieces {
                let piece = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ expected.count) }
                try self.append(piece, to: writer)
                expected += piece
            }
            let file = try writer.finish()
            #expect(try self.content(file) == expected)
            #expect(try self.content(file, from: expected.count / 2) == Array(expected[(expected.count / 2)...]))
            #expect(file.path.hasPrefix(self.spool.path))
            var status = stat()
            #expect(stat(file.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
            #expect(throws: EffectError.self) { try writer.finish() }
        }
        #expect(try self.names == [])
    }

    @Test func droppedWritersLeaveNothing() throws {
        do {
            let writer = try self.spool.begin()
            try self.append([1], to: writer)
            #expect(try self.names.count == 1)
        }
        #expect(try self.names == [])
    }

    @Test func aFileLargerThanItMayBeIsAnError() throws {
        let writer = try SpoolWriter(self.spool.path + SpoolName.next())
        try self.append([UInt8](repeating: 1, count: 70_000), to: writer)
        #expect(throws: EffectError.failed("spool file /x: the disk is full")) {
            throw FileWork.failed("spool file /x", ENOSPC)
        }
        #expect(throws: EffectError.self) { try SpoolWriter("/nonexistent/x") }
        #expect(throws: EffectError.self) { try SpoolWriter("/dev/full") }
        #expect(access("/dev/full", F_OK) == 0)
    }

    @Test func namesTellTheProcess() {
        let first = SpoolName.next()
        #expect(first != SpoolName.next())
        #expect(SpoolName.process(first) == getpid())
        for name in ["", "1:2", "1:2:3:4", "a:2:3", "1::3", "1:-2:3", "1:99999999999999:3", "mail"] {
            #expect(SpoolName.process(name) == nil, "\(name)")
        }
    }

    @Test func sweepsOnlyWhatTheDeadLeft() throws {
        // Above the largest process number there can be.
        let dead = "1700000000:\(1 << 30):"
        for name in [dead + "0", "1700000000:1:0", "1700000000:\(getpid()):999999", "notes.txt"] {
            self.folder.write("spool/" + name, "x")
        }
        try FileWork.makeDirectory(self.spool.path + dead + "1/inner", mode: 0o700)
        #expect(self.spool.sweep() == 2)
        // A set: where our number sorts depends on its digits.
        #expect(try Set(self.names) == ["1700000000:1:0", "1700000000:\(getpid()):999999", "notes.txt"])
    }

    @Test func permissionsAreChecked() throws {
        #expect(self.spool.warnings == [])
        #expect(self.spool.path.hasSuffix("/spool/"))
        var status = stat()
        #expect(stat(self.spool.path, &status) == 0 && status.st_mode & 0o777 == 0o700)
        let warnings = try SpoolDirectory(self.folder("spool"), mode: 0o750).warnings
        #expect(warnings == ["Permissions on spool_dir \(self.folder("spool")) are not 0750 but 0700"])
        try self.spool.verify()
        self.folder.write("file", "")
        #expect(throws: StartError.self) { try SpoolDirectory(self.folder("file")) }
        #expect(throws: StartError.self) { try SpoolDirectory(self.folder("file/x")) }
        #expect(throws: StartError.self) { try SpoolDirectory("") }
    }

    @Test func freeSpaceIsKnown() {
        #expect((1..<UInt64.max).contains(self.spool.free))
        var limits = Limits()
        let gauge = SystemGauge(memory: ProcessMemory(), spool: self.spool)
        limits.processMemory = 0
        limits.spoolFree = 1
        #expect(gauge.shortage(limits, spoolDirectory: self.spool.path) == nil)
        limits.spoolFree = .max
        #expect(gauge.shortage(limits, spoolDirectory: self.spool.path) == .spool)
        limits.processMemory = 1
        #expect(gauge.shortage(limits, spoolDirectory: self.spool.path) == .memory)
    }
}
