// ScreenTests.swift
//
// Every view at three sizes from four snapshots, against the files of Tests/Screens.
//
//     RECORD_SCREENS=1 swift test --filter ScreenTests      writes them anew: look at what changed before it is kept

import Foundation
import QPTelemetry
import Testing

@testable import QPConsole

@Suite struct ScreenTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var fixture: Fixture
        var view: ViewName
        var size: Size

        var testDescription: String {
            "\(self.view.rawValue)-\(self.fixture.rawValue)-\(self.size.columns)x\(self.size.rows)"
        }

        var file: URL {
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Screens/\(self.testDescription).screen")
        }

        /// The screen that the view shows.
        var grid: Grid {
            var model = ConsoleModel(servers: ["unix:run/admin.sock"], size: self.size, now: Fixture.now)
            model.snapshot = self.fixture.snapshot
            if let id = model.snapshot.servers[0].detailID { model.state.session = SessionPlace(server: 0, id: id) }
            model.state.view = self.view
            model.state[.log].isAtEnd = true
            model.settle()
            return model.draw()
        }
    }

    static let cases = Fixture.allCases.flatMap { fixture in
        ViewName.allCases.flatMap { view in
            [Size(50, 20), Size(80, 24), Size(120, 40)].map { Case(fixture: fixture, view: view, size: $0) }
        }
    }

    private static let isRecording = ProcessInfo.processInfo.environment["RECORD_SCREENS"] != nil

    @Test(arguments: Self.cases)
    func screens(_ row: Case) throws {
        let grid = row.grid
        let text = grid.lines.joined(separator: "\n") + "\n"
        if Self.isRecording { try Data(text.utf8).write(to: row.file) }
        #expect(text == String(decoding: try Data(contentsOf: row.file), as: UTF8.self))
        #expect(!text.unicodeScalars.contains { $0 != "\n" && ($0.isTreacherous || $0.value == 0x7F) })
    }

    /// What is kept was made by a test that still exists.
    @Test func noScreenIsLeftOver() throws {
        let folder = Self.cases[0].file.deletingLastPathComponent()
        let files = Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
        #expect(files == Set(Self.cases.map(\.file.lastPathComponent)))
    }

    @Test(arguments: Self.cases)
    func asciiIsASCII(_ row: Case) {
        var model = ConsoleModel(servers: ["unix:run/admin.sock"], size: row.size, now: Fixture.now)
        model.snapshot = row.fixture.snapshot
        model.state.view = row.view
        model.state.isASCII = true
        model.settle()
        #expect(model.draw().lines.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } })
    }
}
