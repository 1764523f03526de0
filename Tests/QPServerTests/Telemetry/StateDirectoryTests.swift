// StateDirectoryTests.swift
//
// Who says where the server's state is.

import Testing

@testable import QPServer

@Suite struct StateDirectoryTests {
    struct Row: CustomTestStringConvertible {
        let testDescription: String
        var configured: String?
        var environment: String?
        var spool = "/var/spool/qpserver/"
        let path: String
    }

    @Test(arguments: [
        Row(testDescription: "nobody", path: "/var/spool/qpserver/state"),
        Row(testDescription: "a spool without slash", spool: "/s", path: "/s/state"),
        Row(testDescription: "the root as spool", spool: "/", path: "/state"),
        Row(testDescription: "config", configured: "/a", environment: "/b", path: "/a"),
        Row(testDescription: "config with slashes", configured: "/a//", path: "/a"),
        Row(testDescription: "empty config", configured: "", environment: "/b", path: "/b"),
        Row(testDescription: "the root", configured: "/", path: "/"),
        Row(testDescription: "systemd", environment: "/var/lib/qpserver", path: "/var/lib/qpserver"),
        Row(testDescription: "several of systemd", environment: "/var/lib/a:/var/lib/b", path: "/var/lib/a"),
        Row(testDescription: "an empty one first", environment: ":/b", path: "/b"),
        Row(testDescription: "a relative one first", environment: "a:/b/", path: "/b"),
        Row(testDescription: "nothing of systemd", environment: "", path: "/var/spool/qpserver/state"),
    ])
    func folder(_ row: Row) {
        #expect(
            StateDirectory.path(configured: row.configured, environment: row.environment, spool: row.spool) == row.path)
    }
}
