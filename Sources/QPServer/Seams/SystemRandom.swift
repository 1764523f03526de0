// SystemRandom.swift
//
// Chance from the kernel, in blocks: one system call for 512 numbers.

import CLinuxShims
package import QPHooks
import Synchronization

/// Random bits that cannot be guessed.
package final class SystemRandom: RandomSource {
    private static let count = 512

    private struct Block {
        var numbers = [UInt64](repeating: 0, count: SystemRandom.count)
        var next = SystemRandom.count
    }

    private let block = Mutex(Block())

    package init() {}

    package func next(origin: EffectOrigin) -> UInt64 { self.next() }

    /// 64 random bits.
    package func next() -> UInt64 {
        self.block.withLock { block in
            if block.next >= Self.count {
                Self.fill(&block.numbers)
                block.next = 0
            }
            let number = block.numbers[block.next]
            // What was given out is nowhere to be read again.
            block.numbers[block.next] = 0
            block.next += 1
            return number
        }
    }

    private static func fill(_ numbers: inout [UInt64]) {
        let isFilled = numbers.withUnsafeMutableBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let piece = UnsafeMutableRawBufferPointer(rebasing: rest)
                let count = SystemCall.retry { qp_getrandom(piece.baseAddress, piece.count) }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
        guard !isFilled else { return }
        // A kernel or sandbox without the call: the language's own source has other ways.
        var generator = SystemRandomNumberGenerator()
        for index in numbers.indices { numbers[index] = generator.next() }
    }
}
