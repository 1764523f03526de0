// ConfigStore+History.swift
//
// What observers want to know of the configurations.

import QPActors
import QPHooks
import Synchronization

extension ConfigStore {
    /// The numbers of the running configuration and of those that can be gone back to.
    var numbers: [Int] {
        self.state.withLock { state in
            state.former.map(\.generation.number) + (state.current.map { [$0.generation.number] } ?? [])
        }
    }

    /// The files of the running configuration whose change asks for a reload, also those that are not there.
    var settingsPaths: [String] {
        self.state.withLock { state in state.sources.map(\.path).filter { !state.secrets.contains($0) } }
    }

    /// The lines of files as they are now, with the names of the files.
    func lines(ofAny names: [String]) -> [(file: String, text: String)] {
        names.flatMap { name in self.directory.read(name).lines.map { (name, $0.words.first ?? $0.text) } }
    }
}
