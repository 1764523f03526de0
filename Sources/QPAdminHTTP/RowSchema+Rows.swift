// RowSchema+Rows.swift
//
// The forms of all rows; a test compares them with what the rows become.

import QPTelemetry

extension RowSchema {
    static let all =
        Self.common + Self.sessions + Self.plugins + Self.server + Self.configuration + Self.happenings
        + [Self.pluginPatch, Self.banRequest, Self.switchRequest]

    static let pluginPatch = RowSchema(
        "PluginPatch",
        [
            "mode": .optional(.choice(["on", "shadow", "off"])), "time_limit": .optional(.bounded(0.001...600)),
            "log_level": .optional(.text),
        ], isClosed: true)

    static let banRequest = RowSchema(
        "BanRequest",
        [
            "network": .text, "time_to_live": .optional(.bounded(1...31_536_000)), "reason": .optional(.text),
            "force": .optional(.boolean), "kick": .optional(.boolean),
        ], isClosed: true)

    static let switchRequest = RowSchema("Switch", ["enabled": .boolean], isClosed: true)

    private static let common = [
        RowSchema(
            "Problem",
            [
                "title": .text, "status": .integer, "detail": .text, "column": .optional(.integer),
                "reasons": .optional(.list(.text)),
            ]),
        RowSchema(
            "Whoami",
            [
                "name": .text, "role": .choice(AdminRole.allCases.map(\.rawValue)), "source": .text,
                "hides_addresses": .boolean,
            ]),
    ]

    private static let sessions = [
        RowSchema(
            "SessionRow",
            [
                "id": .text, "number": .integer, "state": .choice(SessionKind.allCases.map(\.rawValue)),
                "started_at": .number, "age": .number, "peer": .text, "peer_port": .integer,
                "remote_host": .optional(.text), "listener": .text, "helo": .optional(.text),
                "phase": .choice(SessionPhase.allCases.map(\.rawValue)), "tls": .optional(.text),
                "user": .optional(.text), "sender": .optional(.text), "recipients": .list(.text),
                "recipient_count": .integer, "messages": .integer, "octets": .integer, "rate": .number,
                "plugin": .optional(.text), "hook": .optional(.text), "running": .optional(.number),
                "notes": .map(.text), "marks": .map(.choice(PluginMark.allCases.map(\.rawValue))),
                "by": .optional(.text), "code": .optional(.integer), "reason": .optional(.text),
                "decided_by": .optional(.text), "generation": .integer,
            ]),
        RowSchema(
            "SessionPage",
            [
                "sessions": .list(.row("SessionRow")), "total": .optional(.integer), "next": .optional(.integer),
                "missing_loops": .list(.integer),
            ]),
        RowSchema(
            "TrailEntry",
            [
                "offset": .optional(.number), "transaction": .integer, "hook": .text, "plugin": .text,
                "verdict": .text, "text": .text, "status": .optional(.text), "microseconds": .number,
                "flags": .list(.text), "decided": .boolean,
            ]),
        RowSchema("RecipientRow", ["address": .text, "code": .integer]),
        RowSchema(
            "TransactionRow",
            [
                "id": .text, "number": .integer, "ended_at": .number, "sender": .optional(.text),
                "recipients": .list(.row("RecipientRow")), "recipient_count": .integer,
                "message_id": .optional(.text), "size": .integer, "result": .text, "code": .optional(.integer),
                "text": .text,
            ]),
        RowSchema(
            "Decision",
            [
                "plugin": .text, "hook": .text, "verdict": .text, "text": .text, "status": .optional(.text),
                "via": .optional(.text), "transaction": .integer,
            ]),
        RowSchema(
            "SessionDetail",
            [
                "session": .row("SessionRow"), "transactions": .list(.row("TransactionRow")),
                "trail": .list(.row("TrailEntry")), "dropped": .integer, "last_hook": .optional(.text),
                "decision": .optional(.row("Decision")),
            ]),
        RowSchema("TopRow", ["value": .text, "count": .integer, "session": .text]),
    ]

    private static let plugins = [
        RowSchema("LiveChange", ["by": .text, "at": .number, "what": .text]),
        RowSchema(
            "PluginRow",
            [
                "name": .text, "arguments": .list(.text), "place": .text, "hooks": .list(.text), "mode": .text,
                "time_limit": .number, "on_error": .text, "log_level": .optional(.text), "breaker": .text,
                "stragglers": .integer, "in_flight": .integer, "runs": .integer, "ok": .integer, "deny": .integer,
                "soft": .integer, "declined": .integer, "errors": .integer, "timeouts": .integer,
                "shadow_runs": .integer, "shadow_differences": .integer, "p50": .optional(.number),
                "p95": .optional(.number), "p99": .optional(.number), "decision_share": .number,
                "changes": .list(.row("LiveChange")),
            ]),
        RowSchema(
            "HookRow",
            [
                "plugin": .text, "hook": .text, "configured": .boolean, "runs": .integer,
                "verdicts": .map(.integer), "errors": .integer, "timeouts": .integer, "shadow_runs": .integer,
                "shadow_differences": .integer, "broken_off": .integer, "stragglers": .integer,
                "in_flight": .integer, "seconds": .number, "p50": .optional(.number), "p95": .optional(.number),
                "p99": .optional(.number), "histogram": .list(.list(.number)),
            ]),
        RowSchema(
            "PluginDetail", ["plugin": .row("PluginRow"), "manual": .text, "hooks": .list(.row("HookRow"))]),
    ]

    private static let server = [
        RowSchema("Rates", ["second": .number, "ten_seconds": .number, "minute": .number, "quarter_hour": .number]),
        RowSchema(
            "LoopRow",
            [
                "number": .integer, "lag": .number, "stuck": .optional(.number), "plugin": .optional(.text),
                "hook": .optional(.text), "session": .optional(.text),
            ]),
        RowSchema("Alarm", ["kind": .text, "text": .text]),
        RowSchema(
            "Overview",
            [
                "version": .text, "name": .text, "process_id": .integer, "now": .number, "uptime": .number,
                "generation": .integer, "is_draining": .boolean, "is_soft_bouncing": .boolean,
                "sessions": .integer, "sessions_limit": .integer, "sessions_by_phase": .map(.integer),
                "totals": .map(.integer), "rates": .map(.row("Rates")), "memory": .integer,
                "descriptors": .integer, "descriptors_limit": .integer, "loops": .list(.row("LoopRow")),
                "alarms": .list(.row("Alarm")), "log_dropped": .integer, "events_dropped": .integer,
            ]),
        RowSchema("RateSeries", ["start": .number, "series": .map(.list(.number))]),
        RowSchema(
            "BackendRow",
            [
                "kind": .text, "name": .text, "state": .text, "in_flight": .integer, "oldest_wait": .number,
                "requests": .integer, "errors": .integer, "last_error": .optional(.text),
                "last_error_at": .optional(.number), "p95": .optional(.number),
            ]),
    ]

    private static let configuration = [
        RowSchema(
            "BanRow",
            [
                "id": .text, "network": .text, "reason": .text, "by": .text, "created_at": .number,
                "expires_at": .optional(.number), "hits": .integer,
            ]),
        RowSchema(
            "BanPreview",
            [
                "network": .text, "live": .integer, "last_hour": .integer, "messages_last_hour": .integer,
                "needs_force": .list(.text), "examples": .list(.row("SessionRow")),
            ]),
        RowSchema(
            "GenerationRow",
            [
                "number": .integer, "is_current": .boolean, "loaded_at": .number, "plugins": .integer,
                "warnings": .list(.text),
            ]),
        RowSchema(
            "Generations",
            [
                "generations": .list(.row("GenerationRow")), "changed_files": .list(.text),
                "refusal": .list(.text), "refused_at": .optional(.number),
            ]),
        RowSchema("FileDifference", ["file": .text, "removed": .list(.text), "added": .list(.text)]),
        RowSchema(
            "AuditRow",
            [
                "time": .number, "by": .text, "role": .text, "source": .text, "action": .text, "subject": .text,
                "result": .text,
            ]),
    ]

    private static let happenings = [
        RowSchema(
            "LogRow",
            [
                "sequence": .integer, "time": .number, "level": .text, "plugin": .optional(.text),
                "hook": .optional(.text), "session": .optional(.text), "transaction": .integer, "text": .text,
                "fields": .map(.text),
            ]),
        RowSchema(
            "EventRow",
            [
                "sequence": .integer, "time": .number, "kind": .text, "session": .optional(.row("SessionRow")),
                "transaction": .optional(.row("TransactionRow")), "text": .optional(.text),
            ]),
    ]
}
