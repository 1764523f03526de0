// FileSystemStore.swift
//
// Files and programs of plugins, on the thread pool.

package import QPHooks
import Synchronization

/// The file system behind the seam.
package final class FileSystemStore: FileStore {
    private let spool: String
    private let offloader: ThreadPool
    private let programs: ThreadPool
    private let environment: [String]
    private let temporaries = Mutex<[SessionID: [String]]>([:])

    /// - Parameters:
    ///   - spoolDirectory: where temporary files are.
    ///   - offloader: threads for files.
    ///   - programs: threads that wait for programs; without them the others do.
    ///   - environment: what programs get.
    package init(
        spoolDirectory: String, offloader: ThreadPool, programs: ThreadPool? = nil,
        environment: [String: String] = ["PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C"]
    ) {
        self.spool = spoolDirectory.hasSuffix("/") ? spoolDirectory : spoolDirectory + "/"
        self.offloader = offloader
        self.programs = programs ?? offloader
        self.environment = environment.map { "\($0.key)=\($0.value)" }
    }

    package func makeDirectory(_ path: String, mode: UInt32, origin: EffectOrigin) async throws(EffectError) {
        try await self.offloader.effect("folder \(path)") { try FileWork.makeDirectory(path, mode: mode) }
    }

    package func publish(
        _ content: FileContent, temporary: String, final: String, mode: UInt32, origin: EffectOrigin
    ) async throws(EffectError) -> Int {
        try await self.offloader.effect("file \(final)") {
            try FilePublication(content, temporary: temporary, final: final, mode: mode).run()
        }
    }

    package func read(_ path: String, limit: Int, origin: EffectOrigin) async throws(EffectError) -> [UInt8] {
        try await self.offloader.effect("file \(path)") { try FileWork.read(path, limit: limit) }
    }

    package func append(
        _ bytes: [UInt8], to path: String, mode: UInt32, origin: EffectOrigin
    ) async throws(EffectError) {
        try await self.offloader.effect("file \(path)") { try FileWork.append(bytes, to: path, mode: mode) }
    }

    package func remove(_ path: String, origin: EffectOrigin) async throws(EffectError) {
        try await self.offloader.effect("file \(path)") { try FileWork.remove(path) }
    }

    package func temporaryPath(directory: Bool, origin: EffectOrigin) async throws(EffectError) -> String {
        let path = self.spool + SpoolName.next()
        if let session = origin.session {
            self.temporaries.withLock { $0[session, default: []].append(path) }
        }
        if directory {
            try await self.offloader.effect("folder \(path)") { try FileWork.makeDirectory(path, mode: 0o700) }
        }
        return path
    }

    package func transactionEnded(_ session: SessionID) {
        guard let paths = self.temporaries.withLock({ $0.removeValue(forKey: session) }) else { return }
        // What a crash leaves behind, the next start removes.
        self.offloader.later { for path in paths { FileWork.removeTree(path) } }
    }

    package func run(
        _ program: [String], input: [UInt8], limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> ProgramResult {
        let run = ProgramRun(
            program, environment: self.environment, input: input, limit: max(0, limit), timeout: timeout)
        return try await self.programs.effect("program \(program.first ?? "")", cancelling: run) { try run.run() }
    }

    package func feed(_ program: ProgramFeed, origin: EffectOrigin) async throws(EffectError) -> ProgramResult {
        let run = ProgramRun(program, environment: self.environment)
        return try await self.programs.effect("program \(program.program.first ?? "")", cancelling: run) {
            try run.run()
        }
    }
}

extension Offloader {
    /// Runs a program; the task's cancellation ends it.
    fileprivate func effect<Result: Sendable>(
        _ what: String, cancelling run: ProgramRun, _ work: @escaping @Sendable () throws -> Result
    ) async throws(EffectError) -> Result {
        let outcome = await withTaskCancellationHandler {
            do throws(EffectError) {
                return Swift.Result<Result, EffectError>.success(try await self.effect(what, work))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            run.cancel()
        }
        return try outcome.get()
    }
}
