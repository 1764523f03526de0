// EditDistance.swift
//
// "Did you mean ...?"

/// How far two words are apart: letters put in, left out, changed, or swapped with their neighbour.
package enum EditDistance {
    /// Longer words are never compared: the time grows with the product of the lengths.
    static let maxLength = 64

    /// The candidate nearest to a word; `nil` when none is near enough to be what was meant.
    package static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        let word = word.lowercased()
        guard word.utf8.count <= Self.maxLength else { return nil }
        let bound = min(3, max(1, word.utf8.count / 3))
        var best: (name: String, distance: Int)?
        for name in candidates {
            let distance = Self.between(word, name.lowercased())
            guard distance <= bound else { continue }
            // Equal ones in the alphabet's order, so that the answer does not depend on a dictionary's.
            if let best, (best.distance, best.name) <= (distance, name) { continue }
            best = (name, distance)
        }
        return best?.name
    }

    /// The distance; `Int.max` if a word is too long to be compared.
    package static func between(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        guard left.count <= Self.maxLength, right.count <= Self.maxLength else { return Int.max }
        guard !left.isEmpty else { return right.count }

        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let isSame = left[row] == right[column]
                var cost = min(last[column + 1] + 1, current[column] + 1, last[column] + (isSame ? 0 : 1))
                let isSwap = row > 0 && column > 0 && left[row] == right[column - 1] && left[row - 1] == right[column]
                if isSwap { cost = min(cost, beforeLast[column - 1] + 1) }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
