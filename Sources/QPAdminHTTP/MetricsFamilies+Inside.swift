// MetricsFamilies+Inside.swift
//
// The families that tell how the server itself does.

import QPTelemetry

extension MetricsFamily {
    static let ofLoops: [Self] = [
        .init(
            .gauge, "qpserver_event_loop_lag_seconds", [.init("loop")],
            "How long a request to an event loop last waited for its turn.", .labelled { $0.loopLag }),
        .init(.gauge, "qpserver_event_loops_stuck", "Event loops that do not answer.", .number { $0.loopsStuck }),
    ]

    static let ofConfiguration: [Self] = [
        .init(
            .gauge, "qpserver_config_generation", "The number of the configuration that new sessions get.",
            .number { $0.generation }),
        .init(
            .gauge, "qpserver_config_last_reload_success_timestamp_seconds",
            "When a configuration was last taken, in seconds since 1970.", .number { $0.lastReloadSuccess }),
        .init(
            .gauge, "qpserver_config_last_reload_successful", "0 if the last reload was refused.",
            .number { $0.lastReloadSucceeded ? 1 : 0 }),
        .init(
            .counter, "qpserver_config_reloads_total", [.init("result")], "Reloads by result.",
            .labelled { $0.reloads }),
        .init(
            .gauge, "qpserver_tls_certificate_expiry_timestamp_seconds", [.init("use")],
            "When the certificate expires, in seconds since 1970.", .labelled { $0.certificateExpiry }),
    ]

    static let ofObservers: [Self] = [
        .init(
            .counter, "qpserver_log_dropped_total", "Log lines that were lost because an output was too slow.",
            .number { Double($0.logDropped) }),
        .init(
            .counter, "qpserver_events_dropped_total", "Session events that were lost before anybody saw them.",
            .number { Double($0.eventsDropped) }),
        .init(
            .counter, "qpserver_trails_dropped_total", "Records of sessions that could not be kept.",
            .number { Double($0.trailsDropped) }),
        .init(.gauge, "qpserver_watchers", [.stream], "Watchers of a stream.", .labelled { $0.watchers }),
        .init(
            .counter, "qpserver_watchers_lost_total", [.stream], "Elements that watchers lost by being too slow.",
            .labelled { $0.watchersLost }),
        .init(
            .gauge, "qpserver_metrics_series_dropped", "Series that are missing here, so that there are not too many.",
            .dropped),
    ]

    /// By the names that every process has by convention.
    static let ofProcess: [Self] = [
        .init(
            .counter, "process_cpu_seconds_total", "Processor time, user and system.",
            .number { $0.process.cpuSeconds }),
        .init(
            .gauge, "process_resident_memory_bytes", "Memory in use.", .number { $0.process.residentOctets }),
        .init(
            .gauge, "process_virtual_memory_bytes", "Address space in use.", .number { $0.process.virtualOctets }),
        .init(.gauge, "process_open_fds", "Descriptors that are open.", .number { $0.process.openDescriptors }),
        .init(.gauge, "process_max_fds", "Descriptors that may be open.", .number { $0.process.maxDescriptors }),
        .init(
            .gauge, "process_start_time_seconds", "When the process started, in seconds since 1970.",
            .number { $0.process.startTime }),
        .init(.gauge, "process_threads", "Threads.", .number { $0.process.threads }),
    ]
}
