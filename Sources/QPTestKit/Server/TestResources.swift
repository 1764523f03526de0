// TestResources.swift
//
// A gauge and a spool for tests.

public import QPActors
package import QPHooks
import Synchronization

/// A gauge that a test sets.
public final class TestGauge: ResourceGauge {
    private let value = Mutex<ResourceShortage?>(nil)

    /// Nothing is short.
    public init() {}

    /// What is short.
    public var missing: ResourceShortage? {
        get { self.value.withLock { $0 } }
        set { self.value.withLock { $0 = newValue } }
    }

    public func shortage(_ limits: Limits, spoolDirectory: String) -> ResourceShortage? { self.missing }
}

/// A spool in memory.
public final class TestSpool: Spool {
    private let counts = Mutex((files: 0, full: false))

    /// An empty one.
    public init() {}

    /// Files that are open or hold a message.
    public var files: Int { self.counts.withLock { $0.files } }
    /// Makes every further write fail.
    public func fill() { self.counts.withLock { $0.full = true } }

    package func begin() throws(EffectError) -> any SpoolFileWriter {
        self.counts.withLock { $0.files += 1 }
        return File(self)
    }

    private final class File: SpoolFileWriter, SpooledFile {
        let spool: TestSpool
        let content = Mutex<[UInt8]>([])
        let path = "memory"

        init(_ spool: TestSpool) {
            self.spool = spool
        }

        deinit { self.spool.counts.withLock { $0.files -= 1 } }

        func append(_ bytes: UnsafeRawBufferPointer) throws(EffectError) {
            guard !self.spool.counts.withLock({ $0.full }) else { throw .failed("no space left") }
            let copy = [UInt8](bytes)
            self.content.withLock { $0 += copy }
        }

        func finish() throws(EffectError) -> any SpooledFile { self }

        func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(EffectError) -> Int {
            let piece = self.content.withLock { Array($0.dropFirst(offset).prefix(buffer.count)) }
            buffer.copyBytes(from: piece)
            return piece.count
        }
    }
}
