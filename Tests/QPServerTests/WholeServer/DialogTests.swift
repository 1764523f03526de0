// DialogTests.swift
//
// RFC 5321 and its extensions as transcripts, one file per behaviour, against a real port.

import QPActors
import QPHooks
import QPPlugins
import QPTestKit
import Testing

@testable import QPServer

@Suite(.serialized)
struct DialogTests {
    @Test(arguments: Dialog.all)
    func dialog(_ dialog: Dialog) async throws {
        let files = ScratchFolder()
        var content: [String: [String]] = [
            "me": ["mx.server.example"], "reverse_dns": ["0"], "plugins": ["rcpt_ok", "queue/maildir $DIR/Maildir"],
            "rcpthosts": ["server.example"], "limits": ["max_conn_ip 100"],
        ]
        content.merge(dialog.files) { _, own in own }
        for (name, lines) in content {
            files.write(name, lines.map { $0.replacing("$DIR", with: files.path) + "\n" }.joined())
        }
        try await TestServer.with(files: files, BundledPlugins.all) { server in
            let maildir = files("Maildir")
            let problem = try await server.client { client in dialog.play(client, maildir: maildir) }
            #expect(problem == nil)
            await server.expectNothingLeft()
        }
    }

    @Test func dialogsAreThere() {
        #expect(Dialog.all.count >= 15)
    }
}
