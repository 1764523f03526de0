// BundledPlugins.swift
//
// The plugins that come with the server.

public import QPHooks

/// The plugins that come with the server.
public enum BundledPlugins {
    /// All of them, by name.
    public static let all: [any Plugin.Type] = [
        BadMailFrom.self,
        CountUnrecognizedCommands.self,
        HostsAllow.self,
        LogFile.self,
        Warn.self,
        Discard.self,
        Maildir.self,
        SMTPForward.self,
        QuitFortune.self,
        RcptOK.self,
        Relay.self,
    ]
}
