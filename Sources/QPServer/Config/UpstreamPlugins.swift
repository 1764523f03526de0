// UpstreamPlugins.swift
//
// The plugins that come with qpsmtpd, and what becomes of each here.

/// What is known about a plugin of qpsmtpd.
enum UpstreamPlugin: Hashable, Sendable {
    /// It will be part of this server.
    case planned
    /// It stays Perl, run by a host process.
    case perl
    /// It has lost its use; the text says why or what to do.
    case obsolete(String)
}

enum UpstreamPlugins {
    /// By name, as on a plugin line.
    static let all: [String: UpstreamPlugin] = {
        var all: [String: UpstreamPlugin] = [:]
        for name in Self.planned { all[name] = .planned }
        for name in Self.perl { all[name] = .perl }
        for (name, reason) in Self.obsolete { all[name] = .obsolete(reason) }
        return all
    }()

    private static let planned = [
        "auth/auth_checkpassword", "auth/auth_flat_file", "auth/auth_imap", "auth/auth_ldap_bind", "auth/authdeny",
        "badmailfrom", "badmailfromto", "badrcptto", "bogus_bounce", "connection_time", "content_log",
        "count_unrecognized_commands", "discard_mail", "dkim", "dmarc", "dns_whitelist_soft", "dnsbl",
        "dont_require_anglebrackets", "earlytalker", "fcrdns", "greylisting", "headers", "helo", "help", "hosts_allow",
        "http_config", "ident/geoip", "ident/p0f", "karma", "loadcheck", "logging/adaptive", "logging/debug_plugin",
        "logging/devnull", "logging/file", "logging/syslog", "logging/warn", "loop", "milter", "naughty",
        "noop_counter", "parse_addr_withhelo", "queue/exim-bsmtp", "queue/maildir", "queue/postfix-queue",
        "queue/qmail-queue", "queue/qmqp-forward", "queue/smtp-forward", "quit_fortune", "random_error", "rcpt_map",
        "rcpt_ok", "rcpt_ok_maxrelay", "rcpt_regexp", "relay", "resolvable_fromhost", "rhsbl",
        "sender_permitted_from", "spamassassin", "temp_disable_connection", "tls", "uribl", "user_config",
        "virus/clamav", "virus/clamdscan", "whitelist",
    ]

    private static let perl = [
        "auth/auth_cvm_unix_local", "auth/auth_vpopmail", "auth/auth_vpopmail_sql", "auth/auth_vpopmaild", "dspam",
        "qmail_deliverable", "virus/aveclient", "virus/bitdefender", "virus/hbedv", "virus/kavscanner",
        "virus/sophie", "virus/uvscan",
    ]

    private static let obsolete: [String: String] = [
        "domainkeys": "DomainKeys is historic (RFC 4871 followed it); use dkim",
        "logging/apache": "there is no Apache to log to",
        "logging/connection_id": "it never worked; every log line has the session's id",
        "logging/transaction_id": "it never worked; every log line has the session's id",
        "stunnel": "the proxy's header is read before the session begins: option proxy of config/listen",
        "tls_cert": "it is a tool, no plugin",
        "virus/klez_filter": "that worm is gone",
    ]

    /// What an operator who comes from qpsmtpd will see done otherwise, where it is native.
    static let differences: [String: String] = [
        "dnsbl": "zones with a message of their own answer that message",
        "earlytalker": "what came in one packet with DATA is seen too",
        "greylisting": "triplets that passed are kept for white_timeout",
        "hosts_allow": "notes of earlier connections are not seen",
        "stunnel": "the header comes before the greeting",
    ]
}
