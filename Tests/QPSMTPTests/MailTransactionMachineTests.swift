// MailTransactionMachineTests.swift
//
// RFC 5321 §4.1.4, RFC 3030 §3: which command may come when.

import QPSMTP
import Testing

@Suite struct MailTransactionMachineTests {
    /// What happens to a machine, one letter each.
    private enum Input: Character {
        case greeted = "E", refused = "H", mail = "M", binaryMail = "B", recipient = "R", chunk = "C", ended = "L"
        case reset = "X", closed = "Q"
    }

    private static func machine(_ inputs: String, recipients: Int = 10, transactions: Int = 10)
        -> MailTransactionMachine
    {
        var machine = MailTransactionMachine(
            bounds: .init(recipients: recipients, transactions: transactions, errors: 2))
        for input in inputs.compactMap(Input.init) {
            switch input {
            case .greeted: machine.greeted()
            case .refused: machine.greetingRefused()
            case .mail: machine.senderAccepted(isBinary: false)
            case .binaryMail: machine.senderAccepted(isBinary: true)
            case .recipient: machine.recipientAccepted()
            case .chunk: machine.chunkAccepted()
            case .ended: machine.chunksEnded()
            case .reset: machine.reset()
            case .closed: machine.closed()
            }
        }
        return machine
    }

    /// Objections to MAIL, RCPT, DATA and BDAT; 0: none.
    @Test(arguments: [
        Row("just connected", "", [503, 503, 503, 503]),
        Row("greeted", "E", [0, 503, 503, 503]),
        Row("greeting refused after another", "EH", [503, 503, 503, 503]),
        Row("sender", "EM", [503, 0, 503, 503]),
        Row("recipient", "EMR", [503, 0, 0, 0]),
        Row("binary needs BDAT", "EBR", [503, 0, 503, 0]),
        Row("chunks have come", "EMRC", [503, 503, 503, 0]),
        Row("the last chunk has come, and a plugin kept the mail", "EMRCL", [503, 0, 0, 0]),
        Row("binary stays binary", "EBRCL", [503, 0, 503, 0]),
        Row("reset", "EMRX", [0, 503, 503, 503]),
        Row("reset among chunks", "EMRCX", [0, 503, 503, 503]),
        Row("reset before a greeting", "X", [503, 503, 503, 503]),
        Row("EHLO in a mail", "EMRE", [0, 503, 503, 503]),
        Row("closed", "EMRQ", [421, 421, 421, 421]),
        Row("nothing opens it again", "QEMRX", [421, 421, 421, 421]),
    ])
    func objections(_ row: Row<String, [Int]>) {
        let machine = Self.machine(row.input)
        let objections = [
            machine.objectionToMail(), machine.objectionToRecipient(), machine.objectionToData(),
            machine.objectionToChunk(),
        ]
        #expect(objections.map { $0?.code ?? 0 } == row.expected)
    }

    @Test(arguments: [
        Row("", "", [false, false, false]), Row("E", "E", [true, false, false]), Row("EM", "EM", [true, true, false]),
        Row("EMRC", "EMRC", [true, true, true]), Row("EMRCL", "EMRCL", [true, true, false]),
        Row("Q", "EMQ", [false, false, false]),
    ])
    func questions(_ row: Row<String, [Bool]>) {
        let machine = Self.machine(row.input)
        #expect([machine.isGreeted, machine.isInTransaction, machine.isReceivingChunks] == row.expected)
    }

    @Test func recipientsAreBounded() {
        #expect(Self.machine("EMR", recipients: 2).objectionToRecipient() == nil)
        #expect(Self.machine("EMRR", recipients: 2).objectionToRecipient()?.code == 452)
        #expect(Self.machine("EMRRXM", recipients: 2).objectionToRecipient() == nil)
    }

    @Test func mailsAreBounded() {
        #expect(!Self.machine("EMX", transactions: 2).isExhausted)
        #expect(Self.machine("EMXMX", transactions: 2).isExhausted)
        #expect(Self.machine("EMXMX").transactions == 2)
    }

    @Test func errorsAreBounded() {
        var machine = Self.machine("E")
        #expect([machine.erred(), machine.erred(), machine.erred()] == [false, false, true])
        #expect(machine.errors == 3)
    }
}
