// TelemetryConfigTests.swift
//
// What the server remembers.

import QPHooks
import Testing

@testable import QPServer

@Suite struct TelemetryConfigTests {
    private func read(_ files: [String: String]) -> (TelemetrySettings, [String]) {
        let folder = ConfigFolder(files)
        let config = TelemetryConfig(folder.directory)
        return (config.settings, folder.short(config.problems))
    }

    @Test func defaults() {
        let (settings, problems) = self.read([:])
        #expect(settings == TelemetrySettings() && problems.isEmpty)
        #expect(settings.stateDirectory == nil)
    }

    @Test func everything() {
        let (settings, problems) = self.read([
            "telemetry": """
            privacy hashed
            trails_memory 1G
            trails_disk 0
            trails_days 3650
            log_lines 1M
            """,
            "state_dir": "/var/lib/qpserver//",
        ])
        var expected = TelemetrySettings()
        expected.privacy = .hashed
        expected.trailsMemory = 1 << 30
        expected.trailsDisk = 0
        expected.trailsDays = 3650
        expected.logLines = 1 << 20
        expected.stateDirectory = "/var/lib/qpserver"
        #expect(settings == expected && problems.isEmpty)
    }

    @Test(arguments: [
        ("telemetry", "privacy off", "telemetry:1: error: privacy: 'off' is none of shown, hashed, dropped"),
        (
            "telemetry", "trail_days 7",
            "telemetry:1: error: there is no setting 'trail_days' (did you mean trails_days?)"
        ),
        ("telemetry", "whatever 7", "telemetry:1: error: there is no setting 'whatever'"),
        ("telemetry", "#\nlog_lines", "telemetry:2: error: log_lines needs one value"),
        ("telemetry", "log_lines 1 2", "telemetry:1: error: log_lines needs one value"),
        ("telemetry", "log_lines 255", "telemetry:1: error: log_lines: '255' is not within 256 and 1048576"),
        (
            "telemetry", "trails_memory 4T",
            "telemetry:1: error: trails_memory: '4T' is no number (with k, M or G after it if wanted)"
        ),
        ("telemetry", "trails_days 0", "telemetry:1: error: trails_days: '0' is not within 1 and 3650"),
        (
            "telemetry", "trails_disk 99999999999999999999",
            "telemetry:1: error: trails_disk: '99999999999999999999' is no number (with k, M or G after it if wanted)"
        ),
        (
            "telemetry", "trails_days 1\ntrails_days 2",
            "telemetry:2: warning: trails_days was set in line 1 already; this one counts"
        ),
        ("state_dir", "state", "state_dir:1: error: 'state' is no absolute path"),
        ("state_dir", "/a\n/b", "state_dir:2: warning: only the first line counts"),
    ])
    func mistakes(_ name: String, _ text: String, _ expected: String) {
        #expect(self.read([name: text]).1 == [expected])
    }
}
