// OverviewBlock.swift
//
// Parts of the overview, and how they share the room.

/// A part of the overview, as large as it gets.
struct OverviewBlock {
    /// How many rows it can use, ascending; the first is the least that makes sense.
    let heights: [Int]
    /// Paints it in exactly this size.
    let draw: (Size) -> Grid

    /// Every height from the least to the most.
    static func rows(_ least: Int, _ most: Int) -> [Int] { Array(least...max(least, most)) }

    /// Paints blocks below each other, the most important first. Each gets what it needs, in turn, then more; what does
    /// not fit is left out, and what is left over separates them.
    static func place(_ blocks: [Self], in grid: inout Grid, at column: Int, _ row: Int, width: Int) {
        var left = grid.rows - row
        var heights: [Int] = []
        for block in blocks {
            let least = block.heights.first ?? 0
            heights.append(least <= left ? least : 0)
            left -= heights.last ?? 0
        }
        // Lines between blocks are worth more than further rows of the last one.
        let gaps = max(0, heights.count { $0 > 0 } - 1)
        let last = heights.lastIndex { $0 > 0 }
        var gap = 0
        for (index, block) in blocks.enumerated() where heights[index] > 0 {
            if index == last, left >= gaps {
                left -= gaps
                gap = 1
            }
            let height = block.heights.last { $0 <= heights[index] + left } ?? heights[index]
            left -= height - heights[index]
            heights[index] = height
        }
        var line = row
        for (block, height) in zip(blocks, heights) where height > 0 {
            grid.place(block.draw(Size(width, height)), at: column, line)
            line += height + gap
        }
    }

    /// A headline, and what stands beside it.
    static func heading(_ title: String, _ beside: [Span] = [], in grid: inout Grid) {
        grid.restyle(row: 0) { $0 = .heading }
        var spans = [Span(title, .heading)]
        for span in beside {
            spans.append(Span("  ", .heading))
            spans.append(span)
        }
        grid.put(spans, at: 0, 0)
    }
}
