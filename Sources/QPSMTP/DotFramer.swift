// DotFramer.swift
//
// RFC 5321 §4.1.1.4, §4.5.2

/// Finds the end of a message sent with DATA and takes out the dots that were stuffed in (RFC 5321 §4.5.2).
///
/// Only CRLF.CRLF ends a message, or .CRLF at its very beginning; no other arrangement of CR, LF and dots does
/// (RFC 5321 §4.1.1.4). Input may be cut anywhere.
public struct DotFramer: Sendable {
    /// How far the given octets reached.
    public enum Outcome: Sendable, Hashable {
        /// All were taken and the message goes on.
        case more
        /// The message is complete; what follows it begins at `next`.
        case end(next: Int)
    }

    private enum State: Sendable {
        /// After CRLF, or before the first octet.
        case lineStart
        /// After a dot at the start of a line; the dot is left out.
        case dot
        /// After dot and CR at the start of a line; neither was passed on.
        case dotCR
        case inLine
        /// After a CR inside a line, which was passed on.
        case carriageReturn
        case ended
    }

    private var state: State = .lineStart
    private let folds: Bool

    /// LF without CR before it; stops at `Int.max`.
    public private(set) var bareLF = 0
    /// CR without LF after it; stops at `Int.max`.
    public private(set) var bareCR = 0

    /// - Parameter policy: `fold` turns bare CR and LF into CRLF on the way; the others change no octet here and
    ///   leave the judgement to whoever reads the counts.
    public init(policy: BareNewlinePolicy) {
        self.folds = policy == .fold
    }

    /// Takes octets from an offset on and passes the message's octets on in runs as long as possible.
    ///
    /// - Parameters:
    ///   - bytes: what was read; only looked at during the call.
    ///   - offset: where to begin.
    ///   - emit: gets each run: CRLF kept, the one before the final dot included, stuffed dots removed.
    /// - Returns: whether the message goes on, or where it ended.
    public mutating func consume(
        _ bytes: UnsafeRawBufferPointer,
        from offset: Int,
        _ emit: (UnsafeRawBufferPointer) -> Void
    ) -> Outcome {
        guard offset >= 0, offset <= bytes.count else { return .more }

        var run = Run(bytes: bytes, start: offset)
        var index = offset
        while index < bytes.count {
            switch self.state {
            case .lineStart:
                guard bytes[index] == UInt8(ascii: ".") else {
                    self.state = .inLine
                    continue
                }
                run.skip(from: index, to: index + 1, emit)
                self.state = .dot
                index += 1
            case .dot:
                guard bytes[index] == 0x0D else {
                    self.state = .inLine
                    continue
                }
                run.skip(from: index, to: index + 1, emit)
                self.state = .dotCR
                index += 1
            case .dotCR:
                guard bytes[index] != 0x0A else {
                    self.state = .ended
                    return .end(next: index + 1)
                }
                self.bareCR = self.bareCR.saturatingSuccessor
                WireConstant.emit(self.folds ? .crlf : .cr, emit)
                self.state = .inLine
            case .carriageReturn:
                if bytes[index] == 0x0A {
                    self.state = .lineStart
                    index += 1
                } else {
                    self.bareCR = self.bareCR.saturatingSuccessor
                    // A folded line that begins with a dot is data: the state is not that after a real CRLF.
                    if self.folds { run.interject(.lf, at: index, emit) }
                    self.state = .inLine
                }
            case .inLine:
                index = self.crossLines(from: index, origin: offset, &run, emit)
            case .ended:
                return .end(next: index)
            }
        }
        if self.state == .ended { return .end(next: offset) }
        run.flush(upTo: bytes.count, emit)
        return .more
    }

    /// From inside a line to the next octet that needs a decision, over as many ordinary lines as there are.
    private mutating func crossLines(
        from start: Int,
        origin: Int,
        _ run: inout Run,
        _ emit: (UnsafeRawBufferPointer) -> Void
    ) -> Int {
        let bytes = run.bytes
        var index = start
        // An octet before the origin is not known to belong to this message.
        if index > origin {
            index = LineEndBlocks.cleanEnd(bytes, from: index, dots: true)
            if index > start {
                switch bytes[index - 1] {
                case 0x0D:
                    self.state = .carriageReturn
                    return index
                case 0x0A:
                    self.state = .lineStart
                    return index
                default: break
                }
            }
        }
        let stop = min(bytes.count, index + 16)
        while index < stop {
            let byte = bytes[index]
            if byte == 0x0D {
                self.state = .carriageReturn
                return index + 1
            }
            if byte == 0x0A {
                self.bareLF = self.bareLF.saturatingSuccessor
                if self.folds { run.interject(.cr, at: index, emit) }
            }
            index += 1
        }
        return index
    }
}

/// Octets that may have to be added to what was read.
enum WireConstant {
    case cr
    case lf
    case crlf

    static func emit(_ constant: WireConstant, _ emit: (UnsafeRawBufferPointer) -> Void) {
        let text: StaticString =
            switch constant {
            case .cr: "\r"
            case .lf: "\n"
            case .crlf: "\r\n"
            }
        text.withUTF8Buffer { emit(UnsafeRawBufferPointer($0)) }
    }
}

/// The stretch of a buffer that was accepted and not passed on yet.
struct Run {
    let bytes: UnsafeRawBufferPointer
    private(set) var start: Int

    init(bytes: UnsafeRawBufferPointer, start: Int) {
        self.bytes = bytes
        self.start = start
    }

    mutating func flush(upTo end: Int, _ emit: (UnsafeRawBufferPointer) -> Void) {
        if end > self.start { emit(UnsafeRawBufferPointer(rebasing: self.bytes[self.start..<end])) }
        self.start = max(self.start, end)
    }

    mutating func skip(from: Int, to end: Int, _ emit: (UnsafeRawBufferPointer) -> Void) {
        self.flush(upTo: from, emit)
        self.start = end
    }

    mutating func interject(_ constant: WireConstant, at index: Int, _ emit: (UnsafeRawBufferPointer) -> Void) {
        self.flush(upTo: index, emit)
        WireConstant.emit(constant, emit)
    }
}

extension Int {
    var saturatingSuccessor: Int {
        self == .max ? self : self &+ 1
    }
}
