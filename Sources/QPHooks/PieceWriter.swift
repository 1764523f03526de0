// PieceWriter.swift
//
// Line ends of a message on its way out.

/// Turns wire form into another form, piece by piece.
struct PieceWriter {
    let form: LineEndForm
    private var heldCR = false

    init(form: LineEndForm) {
        self.form = form
    }

    mutating func write(
        _ piece: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard self.form == .lf else { return try body(piece) }
        guard !piece.isEmpty else { return }
        try self.lines(piece).withUnsafeBytes(body)
    }

    mutating func finish(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        if self.takeHeldCR() { try [UInt8(ascii: "\r")].withUnsafeBytes(body) }
    }

    /// The piece with LF for CRLF; a CR at its end is held until the next one.
    mutating func lines(_ piece: UnsafeRawBufferPointer) -> [UInt8] {
        var output: [UInt8] = []
        guard !piece.isEmpty else { return output }
        output.reserveCapacity(piece.count + 1)
        var start = piece.startIndex
        if self.takeHeldCR(), piece[start] != UInt8(ascii: "\n") { output.append(UInt8(ascii: "\r")) }
        while start < piece.endIndex {
            guard let cr = piece[start...].firstIndex(of: UInt8(ascii: "\r")) else {
                output.append(contentsOf: piece[start...])
                break
            }
            output.append(contentsOf: piece[start..<cr])
            if cr + 1 == piece.endIndex {
                self.heldCR = true
            } else if piece[cr + 1] != UInt8(ascii: "\n") {
                output.append(UInt8(ascii: "\r"))
            }
            start = cr + 1
        }
        return output
    }

    /// Whether a CR was held; it is no longer.
    mutating func takeHeldCR() -> Bool {
        defer { self.heldCR = false }
        return self.heldCR
    }
}
