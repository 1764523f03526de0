// RunningServer+Plugins.swift
//
// What plugins do beside sessions.

import QPActors
import QPHooks

extension RunningServer {
    /// How long a configuration waits for what its plugins prepare.
    private static let preparation = Duration.seconds(10)

    /// Lets plugins fetch what they will answer with, before sessions ask them.
    func prepare(_ generation: Generation) async {
        await withTaskGroup { group in
            for plugin in generation.plugins {
                group.addTask { await self.prepare(plugin) }
            }
        }
    }

    private func prepare(_ plugin: LoadedPlugin) async {
        let (instance, name, background) = (plugin.instance, plugin.name, self.background(of: plugin))
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await instance.prepare(background)
                } catch {
                    self.log.write(.error, "plugin \(name) could not prepare itself: \(error)")
                }
                return true
            }
            group.addTask {
                try? await Task.sleep(for: Self.preparation)
                return false
            }
            if await group.next() == false {
                self.log.write(.error, "plugin \(name) was not ready after \(Self.preparation.components.seconds) s")
            }
            group.cancelAll()
        }
    }

    /// What a plugin gets for its work beside sessions. The server may end before the work does.
    func background(of plugin: LoadedPlugin) -> BackgroundContext {
        BackgroundContext(seams: self.seams, clock: self.backgroundClock, plugin: plugin.name) { [weak self] names in
            guard let self else { return }
            // In a task of its own: a plugin that is cancelled must not leave half a configuration behind.
            await Task { await self.answersChanged(names) }.value
        }
    }

    private func answersChanged(_ names: Set<String>) async {
        let config = self.config
        guard let event = try? await self.seams.offloader.run({ config.answersChanged(names) }) else { return }
        if let (generation, warnings) = self.report(event) { await self.use(generation, warnings) }
    }
}
