// Micro.swift
//
// One part of the protocol, many times: `qpserver-micro NAME ROUNDS`. Instructions are counted from outside.

import QPHooks

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

private let body: [UInt8] = bytes(
    String(repeating: "A line of a message that is some seventy octets long, as they often are.\r\n", count: 1000)
        + ".\r\n")

private let cases: [String: @Sendable (Int) -> Int] = [
    "line": { rounds in
        let line = bytes("MAIL FROM:<someone@sender.example> SIZE=1000\r\n")
        var framer = LineFramer()
        var sum = 0
        for _ in 0..<rounds {
            line.withUnsafeBytes { line in
                if case .line(let content, _, _) = framer.next(in: line, from: 0) { sum &+= content.count }
            }
        }
        return sum
    },
    "command": { rounds in
        let line = bytes("MAIL FROM:<someone@sender.example> SIZE=1000")
        var sum = 0
        for _ in 0..<rounds { line.withUnsafeBytes { sum &+= ClientLine($0).argument.utf8.count } }
        return sum
    },
    "path": { rounds in
        var sum = 0
        for _ in 0..<rounds {
            if let pieces = try? PathParser.split("FROM:<someone@sender.example> SIZE=1000", prefix: "FROM:"),
                let path = try? PathParser.reversePath(pieces.path, smtputf8: false)
            {
                sum &+= path.mailbox?.domain.utf8.count ?? 0
            }
        }
        return sum
    },
    "dots": { rounds in
        var sum = 0
        for _ in 0..<rounds {
            var framer = DotFramer(policy: .refuse)
            body.withUnsafeBytes { body in _ = framer.consume(body, from: 0) { sum &+= $0.count } }
        }
        return sum
    },
    "sink": { rounds in
        var sum = 0
        for _ in 0..<rounds {
            var sink = MessageSink(limit: nil)
            body.withUnsafeBytes { sink.received($0) }
            sum &+= Int(truncatingIfNeeded: sink.size)
        }
        return sum
    },
    "reply": { rounds in
        var out: [UInt8] = []
        var sum = 0
        for _ in 0..<rounds {
            Reply(550, .notAuthorized, "relaying denied").encode(into: &out, id: "abcdefghjkmn.1")
            sum &+= out.count
            out.removeAll(keepingCapacity: true)
        }
        return sum
    },
    "header": { rounds in
        let header = bytes(
            "Received: from a by b\r\n\twith c\r\nSubject: x\r\nFrom: a@b.example\r\nTo: c@d.example\r\n\r\n")
        var sum = 0
        for _ in 0..<rounds { sum &+= HeaderSection(header).count }
        return sum
    },
]

@main
enum Micro {
    static func main() {
        let words = Swift.CommandLine.arguments
        guard words.count == 3, let body = cases[words[1]], let rounds = Int(words[2]), rounds >= 0 else {
            print(cases.keys.sorted().joined(separator: "\n"))
            return
        }
        print(body(rounds))
    }
}
