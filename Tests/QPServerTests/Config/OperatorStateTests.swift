// OperatorStateTests.swift
//
// What a reload changes for operators, and what waits for the next start.

import Glibc
import QPHooks
import QPTelemetry
import Testing

@testable import QPServer

@Suite struct OperatorStateTests {
    private let folder = AdminConfigTests.folder([
        "me": "mx.example", "plugins": "rcpt_ok\nqueue/maildir /mail", "admin": "127.0.0.1:8025",
        "admin_tokens": "viewer ann \(AdminConfigTests.hash)", "telemetry": "log_lines 1k", "state_dir": "/state",
    ])

    private func store(admin: [AdminListener]? = nil) -> ConfigStore {
        ConfigStore(directory: self.folder.directory, catalogue: sampleCatalogue, admin: admin)
    }

    private func refusal(_ store: ConfigStore) -> [String] {
        guard case .failure(let problems) = store.reload() else { return [] }
        return self.folder.short(problems.list)
    }

    @Test func firstLoad() throws {
        let store = self.store()
        #expect(store.adminAccess.tokens.isEmpty && store.adminAccess.users.isEmpty && store.adminListeners.isEmpty)
        _ = try store.load().get()
        #expect(store.adminAccess.tokens.map(\.name) == ["ann"])
        #expect(store.adminListeners.map(\.description) == ["127.0.0.1:8025"])
        #expect(store.telemetry.logLines == 1024 && store.telemetry.stateDirectory == "/state")
        #expect(store.warnings.isEmpty)
    }

    @Test func accessAndPrivacyChangeAtOnce() throws {
        let store = self.store()
        _ = try store.load().get()
        self.folder.write("admin_tokens", "admin bob \(AdminConfigTests.otherHash)")
        self.folder.write("admin", "127.0.0.1:8025 host mx.example")
        self.folder.write("telemetry", "log_lines 1k\nprivacy dropped")
        _ = try #require(store.reloadIfChanged()).get()
        #expect(store.adminAccess.tokens.map(\.name) == ["bob"])
        #expect(store.adminAccess.hosts == ["mx.example"])
        #expect(store.telemetry.privacy == .dropped)
        #expect(store.warnings.isEmpty)

        _ = try #require(store.goBack())
        #expect(store.adminAccess.tokens.map(\.name) == ["bob"])
    }

    @Test func placesAndSizesWait() throws {
        let store = self.store()
        _ = try store.load().get()
        self.folder.write("admin", "127.0.0.1:8025\nunix:/run/qp.sock")
        self.folder.write("telemetry", "log_lines 2k\ntrails_days 1")
        self.folder.write("state_dir", "/other")
        _ = try store.reload().get()
        let end = "changed: that takes effect at the next start"
        #expect(
            self.folder.short(store.warnings) == [
                "admin: warning: the addresses have \(end)", "telemetry: warning: trails_days has \(end)",
                "telemetry: warning: log_lines has \(end)", "state_dir: warning: state_dir has \(end)",
            ])
        #expect(store.adminListeners.map(\.description) == ["127.0.0.1:8025"])
        #expect(store.telemetryAtStart.logLines == 1024)
    }

    @Test func badFilesAreRefused() throws {
        let store = self.store()
        _ = try store.load().get()
        self.folder.write("admin_tokens", "viewer ann")
        #expect(self.refusal(store).first?.hasPrefix("admin_tokens:1: error: needs ROLE NAME") == true)
        #expect(store.adminAccess.tokens.map(\.name) == ["ann"])
        self.folder.remove("admin_tokens")
        self.folder.write("telemetry", "log_lines")
        #expect(self.refusal(store) == ["telemetry:1: error: log_lines needs one value"])
        #expect(store.telemetry.logLines == 1024)
        let report = CheckReport(self.folder.directory, catalogue: sampleCatalogue)
        #expect(self.folder.short(report.problems) == ["telemetry:1: error: log_lines needs one value"])
    }

    @Test func whatIsBoundKeepsItsLastToken() throws {
        self.folder.write("admin", "192.0.2.1:8025 tls a.crt a.key")
        let store = self.store()
        _ = try store.load().get()
        self.folder.remove("admin_tokens")
        self.folder.write("admin", "127.0.0.1:8025")
        #expect(
            self.refusal(store) == [
                "admin_tokens: error: 192.0.2.1:8025 stays bound until the next start and "
                    + "\(AdminConfigTests.open); keep a token"
            ])
    }

    @Test func theCommandLineWins() throws {
        let store = self.store(admin: [try AdminListener(flag: "[::1]:9")])
        _ = try store.load().get()
        self.folder.write("admin", "127.0.0.1:8026")
        _ = try store.reload().get()
        #expect(store.adminListeners.map(\.description) == ["[::1]:9"])
        #expect(store.warnings.isEmpty)
        let nowhere = self.store(admin: [])
        _ = try nowhere.load().get()
        #expect(nowhere.adminListeners.isEmpty)
    }
}
