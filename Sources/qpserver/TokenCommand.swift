// TokenCommand.swift
//
// A token for the admin endpoint.

import ArgumentParser
import QPServer

struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a token for the admin endpoint.",
        discussion: """
            Prints the token, which nobody can find out later, and the line for config/admin_tokens, which has only its
            hash. Programs say `Authorization: Bearer TOKEN`.
            """)

    @Argument(help: "scrape (health, metrics), viewer, operator or admin.") var role: String
    @Argument(help: "Whose it is: the name in logs and in the record of changes.") var name: String
    @Option(name: .long, help: "shown, or hashed: peers' addresses are not for its owner.") var addresses = "shown"

    func run() throws {
        let made: NewAdminToken
        do {
            made = try NewAdminToken(role: self.role, name: self.name, addresses: self.addresses)
        } catch {
            throw ValidationError("\(error)")
        }
        print("Token, shown only now:\n\n    \(made.secret)\n\nLine for config/admin_tokens:\n\n    \(made.line)")
    }
}
