// ProgramExchange.swift
//
// What goes to a program and what comes from it, on a thread that may block.

import CLinuxShims
import Glibc
import QPHooks

/// Octets for a program.
struct OctetsInput: ProgramInput {
    private var octets: [UInt8]?

    init(_ octets: [UInt8]) {
        self.octets = octets.isEmpty ? nil : octets
    }

    mutating func next() throws(EffectError) -> [UInt8]? {
        defer { self.octets = nil }
        return self.octets
    }
}

/// A pipe to or from a program.
final class Pipe {
    private(set) var reading: Int32
    private(set) var writing: Int32

    init(_ what: String) throws(EffectError) {
        var ends: [Int32] = [-1, -1]
        guard qp_pipe(&ends) == 0 else { throw .failed("\(what): \(SystemCall.text(errno))") }
        self.reading = ends[0]
        self.writing = ends[1]
    }

    func closeReading() {
        if self.reading >= 0 { close(self.reading) }
        self.reading = -1
    }

    func closeWriting() {
        if self.writing >= 0 { close(self.writing) }
        self.writing = -1
    }

    deinit {
        self.closeReading()
        self.closeWriting()
    }
}

/// A pipe to a program, and what goes into it as fast as the program reads.
private struct Giver {
    private var input: any ProgramInput
    private let pipe: Pipe
    private var piece: [UInt8] = []
    private var sent = 0
    /// Whether the program has been given all.
    private(set) var isDone = false
    /// Why there is no more to give.
    private(set) var failure: EffectError?

    init(_ input: any ProgramInput, _ pipe: Pipe) {
        self.input = input
        self.pipe = pipe
        _ = fcntl(pipe.writing, F_SETFL, fcntl(pipe.writing, F_GETFL) | O_NONBLOCK)
        self.advance()
    }

    var poll: pollfd { pollfd(fd: self.pipe.writing, events: Int16(POLLOUT), revents: 0) }

    mutating func give() {
        let count = self.piece[self.sent...].withUnsafeBytes { bytes in
            SystemCall.retry { write(self.pipe.writing, bytes.baseAddress, bytes.count) }
        }
        if count > 0 { self.sent += count }
        if count < 0, errno != EAGAIN { return self.pipe.closeWriting() }
        if self.sent == self.piece.count { self.advance() }
    }

    private mutating func advance() {
        self.sent = 0
        do throws(EffectError) {
            if let next = try self.input.next() { return self.piece = next }
            self.isDone = true
            self.pipe.closeWriting()
        } catch {
            // The end of the pipe would look like the end of the input: the program has to be ended first.
            self.failure = error
        }
        self.piece = []
    }
}

/// What goes to a program and what comes from it.
struct Exchange {
    private var input: Giver
    private var second: Giver?
    private let from: Pipe?
    private let limit: Int
    private(set) var output: [UInt8] = []

    var hasGivenAll: Bool { self.input.isDone && self.second?.isDone ?? true }
    var failure: EffectError? { self.input.failure }

    init(_ input: any ProgramInput, _ output: ProgramFeed.Output, to: Pipe, other: Pipe) {
        self.input = Giver(input, to)
        switch output {
        case .read(let limit):
            self.limit = limit
            self.from = other
            other.closeWriting()
            _ = fcntl(other.reading, F_SETFL, fcntl(other.reading, F_GETFL) | O_NONBLOCK)
        case .gives(let octets):
            self.limit = 0
            self.from = nil
            other.closeReading()
            self.second = Giver(OctetsInput(octets), other)
        }
    }

    /// Waits for the program and moves what can be moved. A closed end has number -1, which poll leaves out.
    mutating func poll(_ pidfd: Int32, milliseconds: Int32) {
        let none = pollfd(fd: -1, events: 0, revents: 0)
        // Should the server die here, a program must not find an envelope behind half a message.
        let second = self.input.isDone ? self.second?.poll : nil
        var waits = [
            self.input.poll, second ?? none,
            self.from.map { pollfd(fd: $0.reading, events: Int16(POLLIN), revents: 0) } ?? none,
            pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0),
        ]
        _ = Glibc.poll(&waits, nfds_t(waits.count), milliseconds)
        if waits[0].revents != 0 { self.input.give() }
        if waits[1].revents != 0 { self.second?.give() }
        if waits[2].revents != 0 { self.receive() }
    }

    /// Output above the limit is read and forgotten, so that the program can end.
    private mutating func receive() {
        guard let from = self.from else { return }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = SystemCall.retry { read(from.reading, buffer.baseAddress, buffer.count) }
            guard count > 0 else {
                if count == 0 || errno != EAGAIN { from.closeReading() }
                return
            }
            self.output.append(contentsOf: buffer.prefix(min(count, self.limit - self.output.count)))
        }
    }
}
