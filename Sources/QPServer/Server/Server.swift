// Server.swift
//
// The server as a library: one call with one's own plugins.

/// The server, to build into an executable of one's own:
///
/// ```swift
/// exit(Server.run(arguments, plugins: BundledPlugins.all + [Greeter.self]))
/// ```
public enum Server {}
