// BoundedPattern.swift
//
// Regular expressions by PCRE2, bounded in what one match may cost.

import CPCRE2

/// A compiled regular expression: matches anywhere in a text.
package final class BoundedPattern: Sendable {
    /// Why an expression is none.
    package struct Problem: Error {
        package let text: String
        /// The octet of the expression behind which it shows.
        package let offset: Int
    }

    /// What a match may do.
    package struct Bounds: Sendable {
        /// From each place where a match may begin: steps back, levels of them, kilobytes.
        package var steps: UInt32 = 10_000
        package var depth: UInt32 = 250
        package var kilobytes: UInt32 = 1024
        /// Items of the expression that are tried in one text, from all these places together: so many, and so many
        /// more for each octet. PCRE2 itself counts anew from each place, and there are as many as the text has octets.
        package var items = 10_000
        package var itemsPerOctet = 4

        package init() {}
    }

    /// What came of a match.
    package enum Outcome: Sendable, Hashable {
        case matches
        case differs
        /// It would have cost more than the bounds allow.
        case tooCostly
    }

    /// Addresses of a pcre2_code and a pcre2_match_context. Both are only read once they are made, so that any thread
    /// may match; only this object frees them.
    private let code: UInt
    private let context: UInt
    private let bounds: Bounds

    /// Compiles an expression.
    package init(
        _ expression: String, ignoringCase: Bool = true, bounds: Bounds = Bounds()
    ) throws(Problem) {
        var error: Int32 = 0
        var offset = 0
        // With \C a match could end in the middle of a character.
        let options =
            PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT
            | (ignoringCase ? PCRE2_CASELESS : 0)
        let octets = Array(expression.utf8)
        let code = octets.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            // An empty array has no address.
            guard let start = buffer.baseAddress else { return pcre2_compile_8([0], 0, options, &error, &offset, nil) }
            return pcre2_compile_8(start, buffer.count, options, &error, &offset, nil)
        }
        guard let code else { throw Problem(text: Self.message(error), offset: offset) }
        guard let context = pcre2_match_context_create_8(nil) else {
            pcre2_code_free_8(code)
            throw Problem(text: "no memory", offset: 0)
        }
        pcre2_set_match_limit_8(context, bounds.steps)
        pcre2_set_depth_limit_8(context, bounds.depth)
        pcre2_set_heap_limit_8(context, bounds.kilobytes)
        self.code = UInt(bitPattern: code)
        self.context = UInt(bitPattern: context)
        self.bounds = bounds
    }

    deinit {
        pcre2_match_context_free_8(OpaquePointer(bitPattern: self.context))
        pcre2_code_free_8(OpaquePointer(bitPattern: self.code))
    }

    /// Whether it matches; false also if a match would cost too much.
    package func matches(_ text: String) -> Bool { self.match(text) == .matches }

    /// Looks for a match within the bounds.
    package func match(_ text: String) -> Outcome {
        // One pair of offsets: nobody asks where, or for groups.
        guard let data = pcre2_match_data_create_8(1, nil) else { return .tooCostly }
        defer { pcre2_match_data_free_8(data) }
        guard let context = pcre2_match_context_copy_8(OpaquePointer(bitPattern: self.context)) else {
            return .tooCostly
        }
        defer { pcre2_match_context_free_8(context) }

        let code = OpaquePointer(bitPattern: self.code)
        let count = text.utf8.count
        var left = self.bounds.items + self.bounds.itemsPerOctet * count
        let result = withUnsafeMutablePointer(to: &left) { left in
            pcre2_set_callout_8(context, { _, data in BoundedPattern.count(data) }, left)
            return text.withCString { start in
                start.withMemoryRebound(to: UInt8.self, capacity: count + 1) { octets in
                    pcre2_match_8(code, octets, count, 0, 0, data, context)
                }
            }
        }
        if result >= 0 { return .matches }
        return result == PCRE2_ERROR_NOMATCH ? .differs : .tooCostly
    }

    /// Called before each item that is tried: ends the match when there have been too many.
    private static func count(_ data: UnsafeMutableRawPointer?) -> Int32 {
        guard let left = data?.assumingMemoryBound(to: Int.self), left.pointee > 0 else { return PCRE2_ERROR_CALLOUT }
        left.pointee -= 1
        return 0
    }

    private static func message(_ error: Int32) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress else { return "" }
            let count = pcre2_get_error_message_8(error, start, buffer.count)
            return count >= 0 ? String(cString: start) : "error \(error)"
        }
    }
}
