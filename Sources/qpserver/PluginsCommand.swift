// PluginsCommand.swift
//
// What plugins there are, what they say of themselves, where they run.

import ArgumentParser
import QPHooks
import QPPlugins
import QPServer

struct Plugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists plugins, prints manuals, shows the order on each hook.",
        subcommands: [List.self, Manual.self, Order.self, Docs.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the plugins of this executable.")

        func run() {
            print(Server.pluginList(BundledPlugins.all), terminator: "")
        }
    }

    struct Manual: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints a plugin's manual.")

        @Argument(help: "The plugin's name, as in config/plugins.") var name: String

        func run() throws {
            guard let plugin = BundledPlugins.all.first(where: { $0.name == self.name }) else {
                throw ValidationError("there is no plugin '\(self.name)'; qpserver plugins list shows all")
            }
            print(plugin.manual)
        }
    }

    struct Order: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows what runs on each hook, in order.")

        @Option(name: .long, help: "The configuration directory.") var config: String?

        func run() throws { throw ExitCode(Server.printOrder(self.config, plugins: BundledPlugins.all)) }
    }

    struct Docs: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Writes the manuals as pages, with an index.")

        @Argument(help: "The folder for the pages.") var folder: String

        func run() throws { throw ExitCode(Server.writePluginPages(BundledPlugins.all, to: self.folder)) }
    }
}
