// PluginRegistry.swift
//
// Every plugin that qpsmtpd's users know: its number, its name, how narrow columns call it, what it was called before.

/// The registry of plugins.
package enum PluginRegistry {
    /// A plugin.
    package struct Entry: Sendable, Hashable {
        /// Its number; the hundreds say where it belongs: 2 connection, 3 greeting and commands, 4 AUTH, 5 sender,
        /// 6 recipient, 7 content, 8 queue, 9 the rest. Columns stand in this order.
        package let id: Int
        /// Its name, as on a plugin line.
        package let name: String
        /// Three letters or digits.
        package let three: String
        /// Three to five letters or digits.
        package let five: String
        /// Names of former versions.
        package let aliases: [String]
    }

    /// All plugins, by their numbers.
    package static let all: [Entry] = Self.list.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ").map(String.init)
        guard words.count >= 4, let id = Int(words[0]) else { return nil }
        let aliases = words.count > 4 ? words[4].split(separator: ",").map(String.init) : []
        return Entry(id: id, name: words[1], three: words[2], five: words[3], aliases: aliases)
    }

    private static let byName: [String: Entry] = {
        var table: [String: Entry] = [:]
        for entry in Self.all {
            for name in [entry.name] + entry.aliases { table[name] = entry }
        }
        return table
    }()

    private static let byLastPart: [String: Entry] = {
        var table: [String: Entry] = [:]
        for (name, entry) in Self.byName { table[Self.lastPart(name)] = entry }
        return table
    }()

    /// The plugin of a name, today's or a former one.
    package static func find(_ name: String) -> Entry? { Self.byName[name] }

    /// The plugin of a name without its folder (`maildir`); no two have the same.
    package static func find(lastPart name: String) -> Entry? { Self.byLastPart[name] }

    package static func lastPart(_ name: String) -> String {
        name.split(separator: "/").last.map(String.init) ?? name
    }

    /// Number, name, three letters, five letters, former names.
    static let list = """
        201 hosts_allow hal hosts
        202 ident/geoip geo geoip
        203 ident/p0f p0f p0f
        204 loadcheck ldc loadc
        205 karma krm karma
        206 dnsbl dns dnsbl
        207 relay rly relay check_norelay,check_relay,relay_only
        208 fcrdns fcr fcrdn
        209 dns_whitelist_soft dwl dnswl
        210 whitelist whi white whitelist_soft
        211 temp_disable_connection tdc tdisc
        212 stunnel stn stunn
        300 earlytalker etk early check_earlytalker
        301 helo hlo helo check_spamhelo
        302 tls tls tls
        303 tls_cert tlc tlsce
        310 http_config htc httpc
        311 user_config ucf userc
        312 help hlp help
        313 parse_addr_withhelo pah paddr
        320 dont_require_anglebrackets dra angle
        321 count_unrecognized_commands cuc unrec
        322 noop_counter nop noopc
        323 random_error rnd rande
        324 milter mlt milt
        325 content_log clg clog
        400 auth/auth_flat_file aff aflat
        401 auth/authdeny adn adeny
        402 auth/auth_checkpassword acp achpw
        403 auth/auth_imap aim aimap
        404 auth/auth_ldap_bind ald aldap
        405 auth/auth_cvm_unix_local acv acvm
        406 auth/auth_vpopmail avp avpop
        407 auth/auth_vpopmail_sql avs avsql
        408 auth/auth_vpopmaild avd avpod
        409 auth/auth_dovecot adc adove
        500 badmailfrom bmf badmf check_badmailfrom
        501 badmailfromto bft badft check_badmailfromto
        502 resolvable_fromhost rfh resfh require_resolvable_fromhost
        503 rhsbl rhs rhsbl
        504 sender_permitted_from spf spf
        600 rcpt_ok rok rcpok
        601 badrcptto brt badrt check_badrcptto,check_badrcptto_patterns
        602 rcpt_map rmp rcmap
        603 rcpt_regexp rrx rcreg
        604 qmail_deliverable qdl qdeli
        605 greylisting gry greyl
        606 rcpt_ok_maxrelay rmx rokmx
        700 headers hdr headr check_basicheaders
        701 bogus_bounce bbn bogus check_bogus_bounce
        702 loop lop loop check_loop
        703 dkim dkm dkim
        704 dmarc dmc dmarc
        705 domainkeys dky domky
        706 uribl uri uribl
        707 naughty nty naugh
        720 spamassassin spa spama
        721 dspam dsp dspam
        770 virus/clamdscan cld clamd
        771 virus/clamav cla clama
        772 virus/aveclient ave avecl
        773 virus/kavscanner kav kav
        774 virus/bitdefender bit bitdf
        775 virus/hbedv hbe hbedv
        776 virus/sophie sph sophi
        777 virus/uvscan uvs uvsca
        778 virus/klez_filter klz klez
        800 queue/smtp-forward sfw smtpf
        801 queue/maildir mdr maild
        802 queue/qmail-queue qmq qmail
        803 queue/postfix-queue pfq postf
        804 queue/exim-bsmtp exb exim
        805 queue/qmqp-forward qfw qmqpf
        806 queue/discard dis disca
        807 discard_mail dsm dismx
        808 queue/lmtp lmq lmtpq
        900 quit_fortune qft fortu
        910 logging/warn wrn warn
        911 logging/file fil file
        912 logging/syslog sys syslg
        913 logging/adaptive ada adapt
        914 logging/devnull nul devnl
        915 logging/debug_plugin dbg debug
        916 logging/apache apa apach
        917 logging/connection_id cid conid
        918 logging/transaction_id tid traid
        999 connection_time ctm ctime
        """
}
