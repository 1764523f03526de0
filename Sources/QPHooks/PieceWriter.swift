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
        var output: [UInt8] = []
        output.reserveCapacity(piece.count + 1)
        var start = piece.startIndex
        if self.heldCR {
            self.heldCR = false
            if piece[start] != UInt8(ascii: "\n") { output.append(UInt8(ascii: "\r")) }
        }
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
        try output.withUnsafeBytes(body)
    }

    mutating func finish(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        if self.heldCR {
            self.heldCR = false
            try [UInt8(ascii: "\r")].withUnsafeBytes(body)
        }
    }
}
