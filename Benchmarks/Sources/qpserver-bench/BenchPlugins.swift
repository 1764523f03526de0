// BenchPlugins.swift
//
// Plugins that have handlers and no opinions, and one that takes everything.

import QPHooks

/// Declines at every phase of profile "ten".
struct Decline: Plugin {
    static let name = "bench/decline"
    static let manual = "bench/decline\n\nDeclines on connect, ehlo, mail, rcpt, data, data_post, queue and quit."

    init(_ setup: PluginSetup) throws(PluginError) {}

    func register(on hooks: inout HookTable) {
        hooks.on(.connect) { _, _ in .declined }
        hooks.on(.ehlo) { _, _ in .declined }
        hooks.on(.mail) { _, _ in .declined }
        hooks.on(.rcpt) { _, _ in .declined }
        hooks.on(.data) { _, _ in .declined }
        hooks.on(.dataPost) { _, _ in .declined }
        hooks.on(.queue) { _, _ in .declined }
        hooks.on(.quit) { _, _ in .declined }
    }
}

/// The same, but takes recipients and messages.
struct Accept: Plugin {
    static let name = "bench/accept"
    static let manual = "bench/accept\n\nDeclines like bench/decline, but accepts at rcpt and queue."

    init(_ setup: PluginSetup) throws(PluginError) { setup.declareBackend(.all) }

    func register(on hooks: inout HookTable) {
        hooks.on(.connect) { _, _ in .declined }
        hooks.on(.ehlo) { _, _ in .declined }
        hooks.on(.mail) { _, _ in .declined }
        hooks.on(.rcpt) { _, _ in .ok }
        hooks.on(.data) { _, _ in .declined }
        hooks.on(.dataPost) { _, _ in .declined }
        hooks.on(.queue) { _, _ in .ok }
        hooks.on(.quit) { _, _ in .declined }
    }
}

/// Declines on every hook there is, deny and ok included, so that each answer is told to all.
struct Every: Plugin {
    static let name = "bench/every"
    static let manual = "bench/every\n\nDeclines on every hook."

    init(_ setup: PluginSetup) throws(PluginError) {}

    func register(on hooks: inout HookTable) {
        hooks.on(.preConnection) { _, _ in .declined }
        hooks.on(.connect) { _, _ in .declined }
        hooks.on(.ehloParse) { _, _ in .declined }
        hooks.on(.ehlo) { _, _ in .declined }
        hooks.on(.heloParse) { _, _ in .declined }
        hooks.on(.helo) { _, _ in .declined }
        hooks.on(.mailParse) { _, _ in .declined }
        hooks.on(.mailPre) { _, _ in .declined }
        hooks.on(.mail) { _, _ in .declined }
        hooks.on(.rcptParse) { _, _ in .declined }
        hooks.on(.rcptPre) { _, _ in .declined }
        hooks.on(.rcpt) { _, _ in .declined }
        hooks.on(.data) { _, _ in .declined }
        hooks.on(.dataHeadersEnd) { _, _ in .declined }
        hooks.on(.dataPostHeaders) { _, _ in .declined }
        hooks.on(.receivedLine) { _, _ in .declined }
        hooks.on(.dataPost) { _, _ in .declined }
        hooks.on(.queuePre) { _, _ in .declined }
        hooks.on(.queue) { _, _ in .declined }
        hooks.on(.queuePost) { _, _ in .declined }
        hooks.on(.vrfy) { _, _ in .declined }
        hooks.on(.noop) { _, _ in .declined }
        hooks.on(.help) { _, _ in .declined }
        hooks.on(.quit) { _, _ in .declined }
        hooks.on(.unrecognizedCommand) { _, _ in .declined }
        hooks.on(.resetTransaction) { _, _ in .declined }
        hooks.on(.disconnect) { _, _ in .declined }
        hooks.on(.postConnection) { _, _ in .declined }
        hooks.on(.deny) { _, _ in .declined }
        hooks.on(.ok) { _, _ in .declined }
    }
}
