// StreamPlaces.swift
//
// How many streams a credential has open.

import Synchronization

/// Counts open streams by credential.
final class StreamPlaces: Sendable {
    private let open = Mutex<[String: Int]>([:])

    /// - Returns: a place that is given back when nobody holds it any more; `nil`: there is none left.
    func take(_ name: String, limit: Int) -> StreamPlace? {
        let isFree = self.open.withLock { open in
            guard open[name, default: 0] < limit else { return false }
            open[name, default: 0] += 1
            return true
        }
        return isFree ? StreamPlace { self.giveBack(name) } : nil
    }

    private func giveBack(_ name: String) {
        self.open.withLock { open in
            let left = open[name, default: 1] - 1
            open[name] = left > 0 ? left : nil
        }
    }
}

/// The place of one stream. An answer that is never written gives it back as well.
final class StreamPlace: Sendable {
    private let release: @Sendable () -> Void

    init(release: @escaping @Sendable () -> Void) {
        self.release = release
    }

    deinit {
        self.release()
    }
}
