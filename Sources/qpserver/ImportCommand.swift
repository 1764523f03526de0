// ImportCommand.swift
//
// An old server's memory.

import ArgumentParser
import QPServer

struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings along what qpsmtpd's greylisting or karma remembers.",
        discussion: """
            Reads the database with the perl of this machine, which has to know its format, and writes what it holds into
            the state folder, where the plugins find it. The server must not run meanwhile. Entries that are there already
            are replaced.
            """)

    @Argument(help: "greylist or karma.") var memory: String
    @Argument(help: "The database: denysoft_greylist.dbm, karma.dbm; also without its ending.") var file: String
    @Option(name: .long, help: "The configuration directory, which says where the state folder is.") var config: String?
    @Flag(name: .customLong("dry-run"), help: "Only says what would be done.") var isDry = false

    func run() throws {
        throw ExitCode(Server.importMemory(self.memory, from: self.file, config: self.config, isDry: self.isDry))
    }
}
