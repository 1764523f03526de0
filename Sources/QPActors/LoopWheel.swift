// LoopWheel.swift
//
// The deadlines of one loop: coarse, cheap to move, no timer for each command.

/// What a deadline wakes.
public protocol DeadlineTarget: AnyObject {
    /// The deadline has passed.
    func deadlinePassed()
}

/// One deadline. Loop-local.
public final class WheelNode {
    @exclusivity(unchecked) fileprivate var slot = -1
    fileprivate var index = 0
    @exclusivity(unchecked) fileprivate var turn: Int64 = 0
    /// Nanoseconds; moving it later costs nothing, the wheel looks again when the old time comes.
    @exclusivity(unchecked) fileprivate(set) public var deadline = Int64.max
    weak var target: (any DeadlineTarget)?

    /// Makes a deadline that is not set.
    public init() {}
}

/// A hashed wheel: 1,024 slots of 2^26 ns (67 ms). Loop-local.
public struct LoopWheel {
    private static let shift: Int64 = 26
    private static let count = 1024
    private var slots: [[WheelNode]] = Array(repeating: [], count: Self.count)
    private var live = 0
    private var lastTurn: Int64

    init(now: Int64) {
        self.lastTurn = now >> Self.shift
    }

    var isEmpty: Bool { self.live == 0 }

    /// Sets a deadline; gives when the loop must look for it at the latest.
    mutating func set(_ node: WheelNode, to deadline: Int64) -> Int64 {
        node.deadline = deadline
        let turn = self.turn(of: deadline)
        if node.slot >= 0 {
            guard turn < node.turn else { return node.turn << Self.shift }
            self.unlink(node)
        }
        self.link(node, turn)
        return turn << Self.shift
    }

    mutating func remove(_ node: WheelNode) {
        if node.slot >= 0 { self.unlink(node) }
        node.deadline = .max
    }

    /// Takes what is due.
    mutating func due(at now: Int64) -> [WheelNode] {
        let turn = now >> Self.shift
        guard turn > self.lastTurn else { return [] }
        var due: [WheelNode] = []
        let first = max(self.lastTurn + 1, turn - Int64(Self.count) + 1)
        self.lastTurn = turn
        var again: [WheelNode] = []
        for passed in first...turn {
            let slot = Int(passed & Int64(Self.count - 1))
            let nodes = self.slots[slot]
            guard !nodes.isEmpty else { continue }
            self.slots[slot] = []
            self.live -= nodes.count
            for node in nodes {
                node.slot = -1
                if node.deadline <= now { due.append(node) } else { again.append(node) }
            }
        }
        for node in again { self.link(node, self.turn(of: node.deadline)) }
        return due
    }

    /// When the loop must look again; `nil` if nothing is set.
    func nextTick() -> Int64? {
        guard self.live > 0 else { return nil }
        for turn in (self.lastTurn + 1)...(self.lastTurn + Int64(Self.count))
        where !self.slots[Int(turn & Int64(Self.count - 1))].isEmpty {
            return turn << Self.shift
        }
        return nil
    }

    /// The turn after the deadline, at most one round ahead: nothing fires early.
    private func turn(of deadline: Int64) -> Int64 {
        min(max((deadline >> Self.shift) &+ 1, self.lastTurn + 1), self.lastTurn + Int64(Self.count) - 1)
    }

    private mutating func link(_ node: WheelNode, _ turn: Int64) {
        node.turn = turn
        node.slot = Int(turn & Int64(Self.count - 1))
        node.index = self.slots[node.slot].count
        self.slots[node.slot].append(node)
        self.live += 1
    }

    private mutating func unlink(_ node: WheelNode) {
        let slot = node.slot
        let last = self.slots[slot].count - 1
        if node.index != last {
            self.slots[slot].swapAt(node.index, last)
            self.slots[slot][node.index].index = node.index
        }
        self.slots[slot].removeLast()
        node.slot = -1
        self.live -= 1
    }
}
