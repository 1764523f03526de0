// BundledPlugins.swift
//
// The plugins that come with the server.

public import QPHooks

/// The plugins that come with the server.
public enum BundledPlugins {
    /// All of them, by name.
    public static let all: [any Plugin.Type] = [
        Adaptive.self,
        BadMailFrom.self,
        BadMailFromTo.self,
        BadRcptTo.self,
        BogusBounce.self,
        ConnectionID.self,
        ConnectionTime.self,
        ContentLog.self,
        CountUnrecognizedCommands.self,
        DebugPlugin.self,
        DevNull.self,
        Discard.self,
        DiscardMail.self,
        DNSBL.self,
        DNSWhitelistSoft.self,
        DontRequireAngleBrackets.self,
        EarlyTalker.self,
        FCrDNS.self,
        Greylisting.self,
        Headers.self,
        Helo.self,
        Help.self,
        HostsAllow.self,
        HTTPConfig.self,
        Karma.self,
        KlezFilter.self,
        LoadCheck.self,
        LogFile.self,
        Loop.self,
        Maildir.self,
        Naughty.self,
        NoopCounter.self,
        ParseAddrWithHelo.self,
        QMQPForward.self,
        QuitFortune.self,
        RandomError.self,
        RcptMap.self,
        RcptOK.self,
        RcptOKMaxRelay.self,
        RcptRegexp.self,
        Relay.self,
        ResolvableFromHost.self,
        RHSBL.self,
        SMTPForward.self,
        Syslog.self,
        TempDisableConnection.self,
        TransactionID.self,
        UserConfig.self,
        Warn.self,
        Whitelist.self,
    ]
}
