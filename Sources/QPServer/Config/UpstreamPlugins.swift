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
        "http_config", "ident/geoip", "ident/p0f", "karma", "loadcheck", "logging/adaptive", "logging/connection_id",
        "logging/debug_plugin",
        "logging/devnull", "logging/file", "logging/syslog", "logging/transaction_id", "logging/warn", "loop", "milter",
        "naughty",
        "noop_counter", "parse_addr_withhelo", "queue/exim-bsmtp", "queue/maildir", "queue/postfix-queue",
        "queue/qmail-queue", "queue/qmqp-forward", "queue/smtp-forward", "quit_fortune", "random_error", "rcpt_map",
        "rcpt_ok", "rcpt_ok_maxrelay", "rcpt_regexp", "relay", "resolvable_fromhost", "rhsbl",
        "sender_permitted_from", "spamassassin", "temp_disable_connection", "tls", "uribl", "user_config",
        "virus/clamav", "virus/clamdscan", "virus/klez_filter", "whitelist",
    ]

    private static let perl = [
        "auth/auth_cvm_unix_local", "auth/auth_vpopmail", "auth/auth_vpopmail_sql", "auth/auth_vpopmaild", "dspam",
        "qmail_deliverable", "virus/aveclient", "virus/bitdefender", "virus/hbedv", "virus/kavscanner",
        "virus/sophie", "virus/uvscan",
    ]

    private static let obsolete: [String: String] = [
        "domainkeys": "DomainKeys is historic (RFC 4871 followed it); use dkim",
        "logging/apache": "there is no Apache to log to",
        "stunnel": "the proxy's header is read before the session begins: option proxy of config/listen",
        "tls_cert": "it is a tool, no plugin",
    ]

    /// What an operator who comes from qpsmtpd will see done otherwise, where it is native.
    static let differences: [String: String] = [
        "auth/auth_checkpassword": "exit status 111 is a temporary failure; it does not run sudo",
        "auth/auth_flat_file": "CRAM-MD5 is offered only if every line has a password",
        "bogus_bounce": "a null sender with several recipients is refused too; deny refuses",
        "content_log": "of a message over 1 MiB the first MiB is written",
        "dns_whitelist_soft": "lists are asked before the greeting, 4 s at most",
        "fcrdns": "reject works, and is the default as the manual says; reject 0 only logs",
        "headers": "refusals have their texts; relay clients pass",
        "helo": "reject_type works; a DNS that fails decides nothing",
        "help": "of help_dir only files of SMTP commands count; others are named on the line",
        "http_config": "asks at the start and every interval seconds, not at each lookup",
        "karma": "naughty visits are counted, as its manual says",
        "loadcheck": "/proc/loadavg is read, the argument uptime has no effect",
        "logging/adaptive": "each mail begins anew after a refusal",
        "logging/syslog": "logsock has no effect",
        "rcpt_map": "a line that makes no sense is an error at the start",
        "rcpt_regexp": "a line that makes no sense is an error at the start",
        "resolvable_fromhost": "reject naughty works; a DNS that fails defers always",
        "rhsbl": "texts of zones are used",
        "user_config": "addresses with a slash or a leading dot have no folder",
        "whitelist": "beginnings of addresses end at a dot; per_recipient asks user_config",
        "dnsbl": "zones with a message of their own answer that message",
        "earlytalker": "what came in one packet with DATA is seen too",
        "greylisting": "triplets that passed are kept for white_timeout",
        "hosts_allow": "notes of earlier connections are not seen",
        "stunnel": "the header comes before the greeting",
        "tls": "STARTTLS is the server's own, also after MAIL; a failed handshake closes; DH parameters have no effect",
    ]
}
